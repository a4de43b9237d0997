//! Whole replies, both directions.

use super::block::{Block, thought};
use super::{observe, stream, usage};
use crate::chat::{Event, Part, Reply, Stop, Thought};
use crate::error::{Error, Kind, Result};
use crate::formats::document::Document;
use crate::formats::fields::Fields;
use crate::formats::lenient::as_text;
use crate::formats::written::{Object, write_list};
use crate::formats::{Mark, ReplyContext, Seen, arguments, fault, seal};
use serde_json::json;

/// Reads an upstream's whole reply: a stream whose blocks come in one piece.
pub fn read(body: &[u8], seen: &mut Seen) -> Result<Reply> {
    let body = as_text(body);
    if observe::whole(body.as_bytes(), seen) == Mark::Error {
        return Err(fault::in_place(seen));
    }
    let document = Document::read(&body);
    let mut fields = Fields::document(&document).map_err(fault::no_object)?;
    let content = fields
        .lenient("content", Fields::list)
        .ok_or_else(|| Error::new(Kind::Upstream, "the provider's answer has no content"))?;
    let (mut reader, mut events) = (stream::Reader::default(), Vec::new());
    reader.begin(&mut fields, &mut events);
    events.extend(seen.usage.map(Event::Usage));
    for (index, raw) in content.into_iter().enumerate() {
        if let Ok(mut block) = Fields::of(raw, "content") {
            reader.open(index as u64, &mut block, raw, &mut events);
            reader.close(Some(index as u64), &mut events);
        }
    }
    reader.stopped(&mut fields);
    reader.finish(&mut events);
    Reply::fold(events).map_err(|fault| Error::new(Kind::Upstream, fault.message))
}

/// Writes a whole reply for the caller.
pub fn write(reply: &Reply, context: &ReplyContext) -> Vec<u8> {
    let called = reply.parts.iter().any(|part| matches!(part, Part::Call(_)));
    let parts = seal::apart(&reply.parts);
    let blocks = parts.iter().filter_map(|part| block(part));
    let stop = stop_reason(reply.stop.unwrap_or(Stop::End).told(called));
    let mut out = Vec::with_capacity(512 + 2 * reply.text_bytes());
    let mut message = Object::begin(&mut out);
    message.text("id", or(&reply.id, &context.request_id));
    message.text("type", "message").text("role", "assistant");
    message.text("model", or(&reply.model, &context.model));
    write_list(blocks, message.key("content"), |block, out| block.put(out));
    message.text("stop_reason", stop);
    message.member("stop_sequence", &reply.sequence);
    message.member("usage", &usage::write(&reply.usage.unwrap_or_default()));
    message.end();
    out
}

/// What the upstream gave, else what the gateway has.
pub fn or<'a>(given: &'a str, own: &'a str) -> &'a str {
    if given.is_empty() { own } else { given }
}

fn block(part: &Part) -> Option<Block<'_>> {
    match part {
        // Empty text is refused when it comes back in the conversation.
        Part::Text(text) if text.is_empty() => None,
        Part::Text(text) => Some(Block::cited(text)),
        Part::Refusal(text) => Some(Block::text(text.as_str())),
        Part::Call(call) => Some(Block::call(
            call.id.as_str().into(),
            &call.name,
            arguments::shown(&call.arguments),
        )),
        Part::Thought(Thought {
            text,
            seal: Some(seal),
            ..
        }) => Some(thought(text, seal)),
        Part::Thought(Thought { text, .. }) => Some(Block::Plain(
            json!({"type": "thinking", "thinking": text, "signature": ""}),
        )),
        Part::Native(native) if native.format == super::NAME => {
            Some(Block::Plain(native.json.clone()))
        }
        Part::Media(_) | Part::Result(_) | Part::CachePoint(_) | Part::Native(_) => None,
    }
}

/// `stop_reason` as this format spells it.
pub fn stop_reason(stop: Stop) -> &'static str {
    match stop {
        Stop::End => "end_turn",
        Stop::Length => "max_tokens",
        Stop::Tool => "tool_use",
        Stop::Filter => "refusal",
        Stop::Sequence => "stop_sequence",
        Stop::Pause => "pause_turn",
        // There is no word for it; what has no end is not said to have ended well.
        Stop::Fault => "refusal",
    }
}
