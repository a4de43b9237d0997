//! Whole replies, both directions.

use super::content::HOME;
use super::{extra, logprobs, observe, stream, tool, usage};
use crate::chat::{MediaKind, Part, Reply, SealKind, Stop, Thought};
use crate::error::{Error, Kind, Result};
use crate::formats::fields::Fields;
use crate::formats::lenient::as_text;
use crate::formats::written::write_json;
use crate::formats::{Mark, ReplyContext, Seen, fault, seal};
use serde::Serialize;
use serde_json::{Value, json};
use std::borrow::Cow;

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
    Reply::fold(events).map_err(|fault| Error::new(Kind::Upstream, fault.message))
}

#[derive(Serialize)]
struct Body<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    model: &'a str,
    choices: [Choice<'a>; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<usage::Written>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: usize,
    message: Message<'a>,
    logprobs: Value,
    finish_reason: &'static str,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "str::is_empty")]
    reasoning_content: Cow<'a, str>,
    /// So that a follow-up can give the seals back.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    thinking_blocks: Vec<Value>,
    refusal: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    annotations: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    images: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audio: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Value>,
}

/// Writes a whole reply for the caller.
pub fn write(reply: &Reply, context: &ReplyContext) -> Vec<u8> {
    let called = reply.parts.iter().any(|part| matches!(part, Part::Call(_)));
    let stop = reply.stop.unwrap_or(Stop::End).told(called);
    let body = Body {
        id: or(&reply.id, &context.request_id),
        object: "chat.completion",
        created: context.created,
        model: or(&reply.model, &context.model),
        choices: [Choice {
            index: 0,
            message: message(reply, or(&reply.id, &context.request_id)),
            logprobs: likelihoods(&reply.parts),
            finish_reason: finish_reason(stop),
        }],
        usage: reply.usage.as_ref().map(usage::write),
    };
    let mut out = Vec::with_capacity(512 + 2 * reply.text_bytes());
    write_json(&body, &mut out);
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

fn message<'a>(reply: &'a Reply, id: &str) -> Message<'a> {
    let (mut text, mut thought): (Cow<str>, Cow<str>) = Default::default();
    let mut sealed = false;
    let mut message = Message {
        role: "assistant",
        content: None,
        reasoning_content: Cow::default(),
        thinking_blocks: Vec::new(),
        refusal: None,
        annotations: Vec::new(),
        images: Vec::new(),
        audio: None,
        tool_calls: Vec::new(),
    };
    for part in &reply.parts {
        match part {
            Part::Text(more) => {
                let notes = more.citations.iter().map(extra::annotation);
                message.annotations.extend(notes);
                text += &*more.text;
            }
            Part::Thought(part) => {
                thought += &*part.text;
                sealed |= part.seal.is_some();
            }
            Part::Refusal(more) => *message.refusal.get_or_insert_default() += &**more,
            Part::Call(call) => message.tool_calls.push(tool::call(call)),
            Part::Media(media) if media.kind == MediaKind::Audio => {
                message.audio = extra::sound(media, id).or(message.audio.take());
            }
            Part::Media(media) => message.images.extend(extra::image(media)),
            Part::Result(_) | Part::CachePoint(_) | Part::Native(_) => {}
        }
    }
    if sealed {
        let thoughts = reply.parts.iter().filter_map(|part| match part {
            Part::Thought(thought) => Some(block(thought)),
            _ => None,
        });
        message.thinking_blocks = thoughts.collect();
    }
    let silent = !message.tool_calls.is_empty() || message.refusal.is_some();
    message.content = Some(text).filter(|text: &Cow<str>| !(text.is_empty() && silent));
    message.reasoning_content = thought;
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
