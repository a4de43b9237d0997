//! Whole replies, both directions.

use super::{HOME, citation, logprobs, observe, stream, tool, usage};
use crate::chat::{Event, Part, Reply, Stop, Thought};
use crate::error::{Error, Kind, Result};
use crate::formats::document::Document;
use crate::formats::fields::Fields;
use crate::formats::lenient::as_text;
use crate::formats::written::{Object, Tree};
use crate::formats::{Mark, ReplyContext, Seen, fault, seal};

/// Reads an upstream's whole reply: a stream whose parts come in one piece.
pub fn read(body: &[u8], seen: &mut Seen) -> Result<Reply> {
    let body = as_text(body);
    if observe::whole(body.as_bytes(), seen) == Mark::Error {
        return Err(fault::in_place(seen));
    }
    let document = Document::read(&body);
    let mut fields = Fields::document(&document).map_err(fault::no_object)?;
    let mut message = fields
        .lenient("message", Fields::object)
        .ok_or_else(|| Error::new(Kind::Upstream, "the provider's answer has no message"))?;
    let (mut reader, mut events) = (stream::Reader::default(), Vec::new());
    reader.begin(&mut fields, &mut events);
    events.extend(seen.usage.map(Event::Usage));
    reader.planned(
        message
            .lenient("tool_plan", Fields::text)
            .unwrap_or_default(),
    );
    for (index, mut content) in list(&mut message, "content").into_iter().enumerate() {
        reader.content(index as u64, &mut content, &mut events);
    }
    if let Some(likely) = fields.take("logprobs") {
        reader.likely(likely, &mut events);
    }
    for mut cited in list(&mut message, "citations") {
        reader.cited(&mut cited, &mut events);
    }
    for (index, mut call) in list(&mut message, "tool_calls").into_iter().enumerate() {
        reader.call(index as u64, &mut call, &mut events);
    }
    reader.stopped(&mut fields);
    reader.finish(&mut events);
    Reply::fold(events).map_err(|fault| Error::new(Kind::Upstream, fault.message))
}

fn list<'a>(message: &mut Fields<'a>, key: &str) -> Vec<Fields<'a>> {
    message.lenient(key, Fields::objects).unwrap_or_default()
}

/// Writes a whole reply for the caller.
pub fn write(reply: &Reply, context: &ReplyContext) -> Vec<u8> {
    let parts = seal::apart(&reply.parts);
    let (mut content, mut calls) = (Vec::new(), Vec::new());
    let (mut cited, mut likely) = (Vec::new(), Vec::new());
    for part in &parts {
        match &**part {
            Part::Text(text) if text.is_empty() => {}
            Part::Text(text) => {
                let at = content.len();
                let rests = text.citations.iter();
                cited.extend(rests.map(|one| Tree::from(citation::write(one, text, at))));
                likely.extend(text.logprobs.iter().map(logprobs::write));
                content.push(Tree::said(Some("text"), "text", &text.text));
            }
            Part::Refusal(text) => content.push(Tree::said(Some("text"), "text", text)),
            Part::Thought(thought) => content.push(thinking(thought)),
            Part::Call(call) => calls.push(tool::call(call)),
            Part::Media(_) | Part::Result(_) | Part::CachePoint(_) | Part::Native(_) => {}
        }
    }
    let stop = reply.stop.unwrap_or(Stop::End).told(!calls.is_empty());
    let mut message = Tree::object([("role", "assistant".into())]);
    for (name, all) in [
        ("content", content),
        ("tool_calls", calls),
        ("citations", cited),
    ] {
        if !all.is_empty() {
            message.push(name, all);
        }
    }
    let mut out = Vec::with_capacity(512 + 2 * reply.text_bytes());
    let mut body = Object::begin(&mut out);
    body.text("id", or(&reply.id, &context.request_id));
    message.put(body.key("message"));
    body.text("finish_reason", finish_reason(stop));
    body.may("usage", reply.usage.as_ref().map(usage::write).as_ref());
    if !likely.is_empty() {
        body.member("logprobs", &likely);
    }
    body.end();
    out
}

/// What the upstream gave, else what the gateway has.
pub fn or<'a>(given: &'a str, own: &'a str) -> &'a str {
    if given.is_empty() { own } else { given }
}

/// A thought, and beside it the seal of who made it: clients keep members they do not know.
fn thinking(thought: &Thought) -> Tree<'_> {
    let mut written = Tree::said(Some("thinking"), "thinking", &thought.text);
    if let Some(own) = &thought.seal {
        written.push("signature", seal::write(own, HOME));
    }
    written
}

/// `finish_reason` as this format spells it. For an answer that was held back see the reader of these words.
pub fn finish_reason(stop: Stop) -> &'static str {
    match stop {
        Stop::End | Stop::Pause => "COMPLETE",
        Stop::Sequence => "STOP_SEQUENCE",
        Stop::Length => "MAX_TOKENS",
        Stop::Tool => "TOOL_CALL",
        Stop::Filter => "ERROR_TOXIC",
        Stop::Fault => "ERROR",
    }
}
