//! Whole replies, both directions.

use super::block;
use super::{citation, media, observe, stop, stream, usage};
use crate::chat::{Event, Part, Reply, Stop, Text, Thought};
use crate::error::{Error, Kind, Result};
use crate::formats::document::Document;
use crate::formats::fields::Fields;
use crate::formats::lenient::as_text;
use crate::formats::written::{Object, Tree};
use crate::formats::{Mark, Seen, arguments, fault, seal};
use serde_json::{Value, json};

/// Reads an upstream's whole reply: a stream whose blocks come in one piece.
pub fn read(body: &[u8], seen: &mut Seen) -> Result<Reply> {
    let body = as_text(body);
    if observe::whole(body.as_bytes(), seen) == Mark::Error {
        return Err(fault::in_place(seen));
    }
    let document = Document::read(&body);
    let mut fields = Fields::document(&document).map_err(fault::no_object)?;
    let mut output = fields
        .lenient("output", Fields::object)
        .ok_or_else(|| Error::new(Kind::Upstream, "the provider's answer has no content"))?;
    let (mut reader, mut events) = (stream::Reader::default(), Vec::new());
    reader.whole(&mut output, &mut events);
    events.extend(seen.usage.map(Event::Usage));
    reader.stopped(&mut fields);
    reader.finish(&mut events);
    Reply::fold(events).map_err(|fault| Error::new(Kind::Upstream, fault.message))
}

/// Writes a whole reply for the caller. Neither its id nor its model has a place here.
pub fn write(reply: &Reply) -> Vec<u8> {
    let called = reply.parts.iter().any(|part| matches!(part, Part::Call(_)));
    let parts = seal::apart(&reply.parts);
    let content: Vec<Tree> = parts.iter().flat_map(|part| said(part)).collect();
    let message = Tree::object([("role", "assistant".into()), ("content", content.into())]);
    let stop = stop::write(reply.stop.unwrap_or(Stop::End).told(called));
    let mut out = Vec::with_capacity(512 + 2 * reply.text_bytes());
    let mut answer = Object::begin(&mut out);
    Tree::object([("message", message)]).put(answer.key("output"));
    answer.text("stopReason", stop);
    answer.member("usage", &usage::write(&reply.usage.unwrap_or_default()));
    answer.member("metrics", &metrics());
    if let Some(sequence) = &reply.sequence {
        let fields = Tree::said(None, "stop_sequence", sequence);
        fields.put(answer.key("additionalModelResponseFields"));
    }
    answer.end();
    out
}

/// How long Bedrock took, which clients insist on, and it did not take any.
pub fn metrics() -> Value {
    json!({"latencyMs": 0})
}

/// A part as blocks. Text stands where every client looks for it, and what it rests on behind it: not every client that
/// did not ask for sources reads text beside them.
fn said(part: &Part) -> Vec<Tree<'_>> {
    let plain = match part {
        // Blank text is refused when it comes back in the conversation.
        Part::Text(text) if text.is_empty() => return Vec::new(),
        Part::Text(Text {
            text, citations, ..
        }) => {
            let sources: Vec<Value> = citations.iter().map(citation::write).collect();
            let cited = json!({"citationsContent": {"content": [], "citations": sources}});
            let mut blocks = vec![Tree::said(None, "text", text)];
            blocks.extend((!sources.is_empty()).then(|| cited.into()));
            return blocks;
        }
        Part::Refusal(text) => Tree::said(None, "text", text),
        Part::Call(call) => block::call(
            call.id.as_str().into(),
            &call.name,
            arguments::shown(&call.arguments),
        ),
        Part::Thought(Thought {
            text,
            seal: Some(seal),
            ..
        }) => block::thought(text, seal),
        Part::Thought(Thought { text, .. }) => {
            let told = Tree::object([("reasoningText", Tree::said(None, "text", text))]);
            Tree::object([("reasoningContent", told)])
        }
        Part::Media(shown) => match media::shown(shown) {
            Some((format, data)) => {
                Tree::object([("image", media::sourced(format, "bytes", data))])
            }
            None => return Vec::new(),
        },
        Part::Native(native) if native.format == super::NAME => Tree::from(&native.json),
        Part::Result(_) | Part::CachePoint(_) | Part::Native(_) => return Vec::new(),
    };
    vec![plain]
}
