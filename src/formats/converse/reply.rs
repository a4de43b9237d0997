//! Whole replies, both directions.

use super::block::{self, Said, ToolUse};
use super::{citation, media, observe, stop, stream, usage};
use crate::chat::{Event, Part, Reply, Stop, Text, Thought};
use crate::error::{Error, Kind, Result};
use crate::formats::fields::Fields;
use crate::formats::lenient::as_text;
use crate::formats::{Mark, Seen, fault, seal};
use serde::Serialize;
use serde_json::{Value, json, value::RawValue};

/// Reads an upstream's whole reply: a stream whose blocks come in one piece.
pub fn read(body: &[u8], seen: &mut Seen) -> Result<Reply> {
    let body = as_text(body);
    if observe::whole(body.as_bytes(), seen) == Mark::Error {
        return Err(fault::in_place(seen));
    }
    let mut fields = Fields::body(body.as_bytes()).map_err(|cause| {
        Error::new(Kind::Upstream, "the provider's answer is not a JSON object").cause(cause)
    })?;
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

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    output: Output,
    stop_reason: &'static str,
    usage: Value,
    metrics: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    additional_model_response_fields: Option<Sequence<'a>>,
}

#[derive(Serialize)]
struct Output {
    message: Message,
}

#[derive(Serialize)]
struct Message {
    role: &'static str,
    content: Vec<Said>,
}

#[derive(Serialize)]
struct Sequence<'a> {
    stop_sequence: &'a str,
}

/// Writes a whole reply for the caller. Neither its id nor its model has a place here.
pub fn write(reply: &Reply) -> Vec<u8> {
    let called = reply.parts.iter().any(|part| matches!(part, Part::Call(_)));
    let answer = Answer {
        output: Output {
            message: Message {
                role: "assistant",
                content: seal::apart(&reply.parts)
                    .iter()
                    .flat_map(|part| said(part))
                    .collect(),
            },
        },
        stop_reason: stop::write(reply.stop.unwrap_or(Stop::End).told(called)),
        usage: usage::write(&reply.usage.unwrap_or_default()),
        metrics: metrics(),
        additional_model_response_fields: reply
            .sequence
            .as_deref()
            .map(|stop_sequence| Sequence { stop_sequence }),
    };
    // Nothing in it can fail to be written: strings, numbers and JSON that was checked.
    serde_json::to_vec(&answer).unwrap_or_default()
}

/// How long Bedrock took, which clients insist on, and it did not take any.
pub fn metrics() -> Value {
    json!({"latencyMs": 0})
}

/// A part as blocks. Text stands where every client looks for it, and what it rests on behind it: not every client that
/// did not ask for sources reads text beside them.
fn said(part: &Part) -> Vec<Said> {
    let plain = match part {
        // Blank text is refused when it comes back in the conversation.
        Part::Text(text) if text.is_empty() => return Vec::new(),
        Part::Text(Text {
            text, citations, ..
        }) => {
            let sources: Vec<Value> = citations.iter().map(citation::write).collect();
            let cited = json!({"citationsContent": {"content": [], "citations": sources}});
            let mut blocks = vec![Said::Plain(json!({"text": text}))];
            blocks.extend((!sources.is_empty()).then_some(Said::Plain(cited)));
            return blocks;
        }
        Part::Refusal(text) => json!({"text": text}),
        Part::Call(call) => {
            return vec![Said::Call {
                call: ToolUse {
                    tool_use_id: call.id.clone(),
                    name: call.name.clone(),
                    input: input(&call.arguments),
                },
            }];
        }
        Part::Thought(Thought {
            text,
            seal: Some(seal),
            ..
        }) => block::thought(text, seal),
        Part::Thought(Thought { text, .. }) => {
            json!({"reasoningContent": {"reasoningText": {"text": text}}})
        }
        Part::Media(shown) => match media::shown(shown) {
            Some((format, data)) => {
                json!({"image": {"format": format, "source": {"bytes": data}}})
            }
            None => return Vec::new(),
        },
        Part::Native(native) if native.format == super::NAME => native.json.clone(),
        Part::Result(_) | Part::CachePoint(_) | Part::Native(_) => return Vec::new(),
    };
    vec![Said::Plain(plain)]
}

/// Arguments that the model garbled are shown as what they are, under a name that no schema will accept silently.
fn input(arguments: &str) -> Box<RawValue> {
    block::object(arguments)
        .or_else(|| {
            RawValue::from_string(json!({"_malformed_arguments": arguments}).to_string()).ok()
        })
        .unwrap_or_else(|| RawValue::NULL.to_owned())
}
