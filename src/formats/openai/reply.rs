//! Whole replies, both directions.

use super::content::HOME;
use super::{extra, logprobs, observe, stream, tool, usage};
use crate::chat::{MediaKind, Part, Reply, SealKind, Stop, Thought};
use crate::error::{Error, Kind, Result};
use crate::formats::fields::Fields;
use crate::formats::lenient::as_text;
use crate::formats::{Mark, ReplyContext, Seen, fault, seal};
use serde_json::{Map, Value, json};

/// Reads an upstream's whole reply: a stream of one piece.
pub fn read(body: &[u8], seen: &mut Seen) -> Result<Reply> {
    let body = as_text(body);
    if observe::whole(body.as_bytes(), seen) == Mark::Error {
        return Err(fault::in_place(seen));
    }
    let mut fields = Fields::body(body.as_bytes()).map_err(|cause| {
        Error::new(Kind::Upstream, "the provider's answer is not a JSON object").cause(cause)
    })?;
    let (mut reader, mut events) = (stream::Reader::default(), Vec::new());
    if !reader.chunk(&mut fields, true, seen.usage, &mut events) {
        return Err(Error::new(
            Kind::Upstream,
            "the provider's answer has no choices",
        ));
    }
    reader.finish(&mut events);
    Reply::fold(&events).map_err(|fault| Error::new(Kind::Upstream, fault.message))
}

/// Writes a whole reply for the caller.
pub fn write(reply: &Reply, context: &ReplyContext) -> Vec<u8> {
    let called = reply.parts.iter().any(|part| matches!(part, Part::Call(_)));
    let stop = reply.stop.unwrap_or(Stop::End).told(called);
    let mut body = json!({
        "id": or(&reply.id, &context.request_id),
        "object": "chat.completion",
        "created": context.created,
        "model": or(&reply.model, &context.model),
        "choices": [{"index": 0, "message": message(reply, or(&reply.id, &context.request_id)), "logprobs": likelihoods(&reply.parts), "finish_reason": finish_reason(stop)}],
    });
    if let Some(used) = &reply.usage {
        body["usage"] = usage::write(used);
    }
    body.to_string().into_bytes()
}

/// What the upstream gave, else what the gateway has.
pub fn or<'a>(given: &'a str, own: &'a str) -> &'a str {
    if given.is_empty() { own } else { given }
}

/// `logprobs` of a choice.
fn likelihoods(parts: &[Part]) -> Value {
    let texts = parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(&text.logprobs),
        _ => None,
    });
    let all: Vec<_> = texts.flatten().cloned().collect();
    match all.is_empty() {
        true => Value::Null,
        false => json!({"content": logprobs::write(&all), "refusal": null}),
    }
}

fn message(reply: &Reply, id: &str) -> Value {
    let (mut notes, mut images, mut sound) = (Vec::new(), Vec::new(), None);
    let (mut text, mut thought, mut blocks, mut calls) =
        (String::new(), String::new(), Vec::new(), Vec::new());
    let (mut sealed, mut refusal) = (false, None::<String>);
    for part in &reply.parts {
        match part {
            Part::Text(more) => {
                notes.extend(more.citations.iter().map(extra::annotation));
                text.push_str(more);
            }
            Part::Thought(part) => {
                thought.push_str(&part.text);
                sealed |= part.seal.is_some();
                blocks.push(block(part));
            }
            Part::Refusal(more) => refusal.get_or_insert_with(String::new).push_str(more),
            Part::Call(call) => calls.push(tool::call(call)),
            Part::Media(media) if media.kind == MediaKind::Audio => {
                sound = extra::sound(media, id).or(sound);
            }
            Part::Media(media) => images.extend(extra::image(media)),
            Part::Result(_) | Part::CachePoint(_) | Part::Native(_) => {}
        }
    }
    let mut message = Map::new();
    message.insert("role".into(), json!("assistant"));
    message.insert(
        "content".into(),
        if text.is_empty() && (!calls.is_empty() || refusal.is_some()) {
            Value::Null
        } else {
            json!(text)
        },
    );
    if !thought.is_empty() {
        message.insert("reasoning_content".into(), json!(thought));
    }
    // So that a follow-up can give the seals back.
    if sealed {
        message.insert("thinking_blocks".into(), Value::Array(blocks));
    }
    message.insert("refusal".into(), json!(refusal));
    if !notes.is_empty() {
        message.insert("annotations".into(), Value::Array(notes));
    }
    if !images.is_empty() {
        message.insert("images".into(), Value::Array(images));
    }
    message.extend(sound.map(|sound| ("audio".to_owned(), sound)));
    if !calls.is_empty() {
        message.insert("tool_calls".into(), Value::Array(calls));
    }
    Value::Object(message)
}

/// One entry of `thinking_blocks`.
pub fn block(thought: &Thought) -> Value {
    let text = &thought.text;
    match &thought.seal {
        None => json!({"type": "thinking", "thinking": text}),
        Some(own) if own.kind == SealKind::Encrypted && text.is_empty() => {
            json!({"type": "redacted_thinking", "data": seal::write(own, HOME)})
        }
        Some(own) => {
            json!({"type": "thinking", "thinking": text, "signature": seal::write(own, HOME)})
        }
    }
}

/// `finish_reason` as this format spells it.
pub fn finish_reason(stop: Stop) -> &'static str {
    match stop {
        Stop::End | Stop::Sequence | Stop::Pause => "stop",
        Stop::Length => "length",
        Stop::Tool => "tool_calls",
        Stop::Filter | Stop::Fault => "content_filter",
    }
}
