//! Whole replies, both directions.

use super::content::HOME;
use super::{extra, logprobs, observe, stream, tool, usage};
use crate::chat::{MediaKind, Part, Reply, SealKind, Stop, Thought};
use crate::error::{Error, Kind, Result};
use crate::formats::document::Document;
use crate::formats::fields::Fields;
use crate::formats::lenient::as_text;
use crate::formats::written::{Object, Tree, write_list};
use crate::formats::{Mark, ReplyContext, Seen, fault, seal};
use serde_json::{Value, json};
use std::borrow::Cow;

/// Reads an upstream's whole reply: a stream of one piece.
pub fn read(body: &[u8], seen: &mut Seen) -> Result<Reply> {
    let body = as_text(body);
    if observe::whole(body.as_bytes(), seen) == Mark::Error {
        return Err(fault::in_place(seen));
    }
    let document = Document::read(&body);
    let mut fields = Fields::document(&document).map_err(fault::no_object)?;
    let (mut reader, mut events) = (stream::Reader::default(), Vec::new());
    if !reader.chunk(&mut fields, true, seen.usage, &mut events) {
        return Err(Error::new(
            Kind::Upstream,
            "the provider's answer has no choices",
        ));
    }
    reader.finish(&mut events);
    Reply::fold(events).map_err(|fault| Error::new(Kind::Upstream, fault.message))
}

/// Writes a whole reply for the caller.
pub fn write(reply: &Reply, context: &ReplyContext) -> Vec<u8> {
    let called = reply.parts.iter().any(|part| matches!(part, Part::Call(_)));
    let stop = reply.stop.unwrap_or(Stop::End).told(called);
    let id = or(&reply.id, &context.request_id);
    let mut out = Vec::with_capacity(512 + 2 * reply.text_bytes());
    let mut body = Object::begin(&mut out);
    body.text("id", id).text("object", "chat.completion");
    body.member("created", &context.created);
    body.text("model", or(&reply.model, &context.model));
    write_list([message(reply, id)], body.key("choices"), |message, out| {
        let mut choice = Object::begin(out);
        choice.member("index", &0);
        message.put(choice.key("message"));
        choice.member("logprobs", &likelihoods(&reply.parts));
        choice.text("finish_reason", finish_reason(stop)).end();
    });
    let used = reply.usage.as_ref().map(usage::write);
    body.may("usage", used.as_ref()).end();
    out
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

fn message<'a>(reply: &'a Reply, id: &str) -> Tree<'a> {
    let (mut text, mut thought): (Cow<str>, Cow<str>) = Default::default();
    let (mut refusal, mut audio): (Option<Cow<str>>, _) = (None, None);
    let (mut annotations, mut images, mut calls) = (Vec::new(), Vec::new(), Vec::new());
    let mut sealed = false;
    for part in &reply.parts {
        match part {
            Part::Text(more) => {
                annotations.extend(more.citations.iter().map(extra::annotation).map(Tree::from));
                text += more.as_str();
            }
            Part::Thought(part) => {
                thought += &*part.text;
                sealed |= part.seal.is_some();
            }
            Part::Refusal(more) => *refusal.get_or_insert_default() += &**more,
            Part::Call(call) => calls.push(tool::call(call)),
            Part::Media(media) if media.kind == MediaKind::Audio => {
                audio = extra::sound(media, id).or(audio.take());
            }
            Part::Media(media) => images.extend(extra::image(media).map(Tree::from)),
            Part::Result(_) | Part::CachePoint(_) | Part::Native(_) => {}
        }
    }
    let null = || Tree::from(Value::Null);
    let silent = text.is_empty() && (!calls.is_empty() || refusal.is_some());
    let content = if silent { null() } else { text.into() };
    let mut message = Tree::object([("role", "assistant".into()), ("content", content)]);
    if !thought.is_empty() {
        message.push("reasoning_content", thought);
    }
    if sealed {
        let thoughts = reply.parts.iter().filter_map(|part| match part {
            Part::Thought(thought) => Some(block(thought).into()),
            _ => None,
        });
        // So that a follow-up can give the seals back.
        message.push("thinking_blocks", thoughts.collect::<Vec<Tree>>());
    }
    message.push("refusal", refusal.map_or_else(null, Tree::from));
    for (name, all) in [("annotations", annotations), ("images", images)] {
        if !all.is_empty() {
            message.push(name, all);
        }
    }
    if let Some(audio) = audio {
        message.push("audio", audio);
    }
    if !calls.is_empty() {
        message.push("tool_calls", calls);
    }
    message
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
