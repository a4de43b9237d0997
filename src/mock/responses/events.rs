//! An answer as events: every one with its place in one gapless count.

use super::write::{self, envelope, items};
use crate::mock::answer::{Answer, Finish, halves};
use crate::mock::ask::Ask;
use crate::mock::likely;
use crate::mock::script::Script;
use crate::mock::stream::Frame;
use serde_json::{Value, json};

/// Events on their way out.
#[derive(Default)]
struct Events {
    frames: Vec<Frame>,
}

impl Events {
    fn push(&mut self, kind: &str, fields: Value, content: bool) {
        let mut event =
            json!({"type": format!("response.{kind}"), "sequence_number": self.frames.len()});
        if let (Some(event), Value::Object(fields)) = (event.as_object_mut(), fields) {
            event.extend(fields);
        }
        self.frames.push(Frame::named(&event, content));
    }
}

/// The stream's frames; a terminal event is their end mark.
pub fn frames(ask: &Ask, answer: &Answer, script: &Script) -> Vec<Frame> {
    let mut events = Events::default();
    let begun = envelope(ask);
    events.push("created", json!({"response": begun}), false);
    events.push("in_progress", json!({"response": begun}), false);
    for (at, item) in items(ask, answer).into_iter().enumerate() {
        item_events(&mut events, at, &item, ask, answer);
    }
    let end = match answer.finish {
        Finish::Length | Finish::Filter => "incomplete",
        Finish::Stop | Finish::Tool => "completed",
    };
    let whole = write::whole(ask, answer, script);
    events.push(end, json!({"response": whole}), false);
    events.frames
}

/// One item, from the moment it is added until it is done.
fn item_events(events: &mut Events, at: usize, item: &Value, ask: &Ask, answer: &Answer) {
    let added = |changes: Value| {
        let mut added = item.clone();
        if let (Some(added), Value::Object(changes)) = (added.as_object_mut(), changes) {
            added.extend(changes);
        }
        json!({"output_index": at, "item": added})
    };
    let place = |mut fields: Value| {
        fields["item_id"] = item["id"].clone();
        fields["output_index"] = json!(at);
        fields
    };
    let kind = item["type"].as_str().unwrap_or_default();
    match kind {
        "reasoning" => {
            events.push("output_item.added", added(json!({"summary": []})), false);
            for (index, part) in item["summary"].as_array().into_iter().flatten().enumerate() {
                let part_of = |fields: Value| {
                    let mut fields = place(fields);
                    fields["summary_index"] = json!(index);
                    fields
                };
                let text = part["text"].as_str().unwrap_or_default();
                let empty = json!({"type": "summary_text", "text": ""});
                events.push(
                    "reasoning_summary_part.added",
                    part_of(json!({"part": empty})),
                    false,
                );
                let delta = part_of(json!({"delta": text}));
                events.push("reasoning_summary_text.delta", delta, true);
                events.push(
                    "reasoning_summary_text.done",
                    part_of(json!({"text": text})),
                    false,
                );
                events.push(
                    "reasoning_summary_part.done",
                    part_of(json!({"part": part})),
                    false,
                );
            }
        }
        "message" => {
            events.push(
                "output_item.added",
                added(json!({"content": [], "status": "in_progress"})),
                false,
            );
            message_part(events, at, item, ask, answer);
        }
        "compaction" => events.push("output_item.added", added(json!({})), false),
        _ => {
            let (field, name) = match kind {
                "custom_tool_call" => ("input", "custom_tool_call_input"),
                _ => ("arguments", "function_call_arguments"),
            };
            let text = item[field].as_str().unwrap_or_default();
            events.push(
                "output_item.added",
                added(json!({field: "", "status": "in_progress"})),
                false,
            );
            for piece in halves(text) {
                events.push(
                    &format!("{name}.delta"),
                    place(json!({"delta": piece})),
                    true,
                );
            }
            events.push(&format!("{name}.done"), place(json!({field: text})), false);
        }
    }
    events.push(
        "output_item.done",
        json!({"output_index": at, "item": item}),
        false,
    );
}

/// The one part of a message: a text or a refusal.
fn message_part(events: &mut Events, at: usize, item: &Value, ask: &Ask, answer: &Answer) {
    let part = &item["content"][0];
    let place = |mut fields: Value| {
        fields["item_id"] = item["id"].clone();
        fields["output_index"] = json!(at);
        fields["content_index"] = json!(0);
        fields
    };
    let (kind, field) = match answer.refusal {
        true => ("refusal", "refusal"),
        false => ("output_text", "text"),
    };
    let mut empty = part.clone();
    empty[field] = json!("");
    if !answer.refusal {
        empty["logprobs"] = json!([]);
    }
    events.push("content_part.added", place(json!({"part": empty})), false);
    let likely = likely::openai(ask, &answer.pieces).unwrap_or_default();
    for (at, piece) in answer.pieces.iter().enumerate() {
        let mut delta = place(json!({"delta": piece}));
        if !answer.refusal {
            delta["logprobs"] = json!(likely.get(at..=at).unwrap_or_default());
        }
        events.push(&format!("{kind}.delta"), delta, true);
    }
    let mut done = place(json!({field: part[field]}));
    if !answer.refusal {
        done["logprobs"] = json!(likely);
    }
    events.push(&format!("{kind}.done"), done, false);
    events.push("content_part.done", place(json!({"part": part})), false);
}

/// The event of an error that is no answer's end, after `before` events: flat as the specification has it, with the
/// same once more in `error`, as it is really sent.
pub fn error_event(message: &str, code: &str, before: usize) -> Frame {
    let error = json!({"type": "server_error", "code": code, "message": message, "param": null});
    Frame::named(
        &json!({"type": "error", "code": code, "message": message, "param": null, "error": error, "sequence_number": before}),
        false,
    )
}

/// The event that ends an answer as failed, after `before` events.
pub fn failed_event(ask: &Ask, message: &str, code: &str, before: usize) -> Frame {
    let response = write::failed(ask, message, code);
    Frame::named(
        &json!({"type": "response.failed", "response": response, "sequence_number": before}),
        false,
    )
}
