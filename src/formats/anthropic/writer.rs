//! Writes one caller's stream.

use super::{reply, usage};
use crate::chat::{Delta, Event, Fault, Opening, Usage};
use crate::error::{Kind, TABLE};
use crate::formats::{EventWriter, ReplyContext};
use serde_json::{Value, json};

/// The writer of one reply.
#[derive(Debug)]
pub struct Writer {
    context: ReplyContext,
    /// `message_start` is out.
    started: bool,
    id: String,
    model: String,
    usage: Usage,
    /// The block that has begun and not stopped.
    open: Option<usize>,
    /// Which blocks are thoughts, by index.
    thoughts: Vec<bool>,
    /// What belongs to blocks that must wait for the open one: here one follows the other.
    waiting: Vec<Event>,
}

impl Writer {
    pub fn new(context: &ReplyContext) -> Writer {
        Writer {
            context: context.clone(),
            started: false,
            id: context.request_id.clone(),
            model: context.model.clone(),
            usage: Usage::default(),
            open: None,
            thoughts: Vec::new(),
            waiting: Vec::new(),
        }
    }

    /// Held back until something follows, so that it can carry the usage some upstreams give at the start.
    fn start(&mut self, out: &mut Vec<u8>) {
        if !self.started {
            self.started = true;
            let message = json!({
                "id": self.id, "type": "message", "role": "assistant", "model": self.model, "content": [],
                "stop_reason": null, "stop_sequence": null, "usage": usage::write(&self.usage),
            });
            frame(
                "message_start",
                &json!({"type": "message_start", "message": message}),
                out,
            );
        }
    }

    fn open(&mut self, index: usize, part: &Opening, out: &mut Vec<u8>) {
        self.start(out);
        self.open = Some(index);
        self.thoughts.resize(index, false);
        self.thoughts.push(*part == Opening::Thought);
        let block = match part {
            Opening::Text => json!({"type": "text", "text": ""}),
            Opening::Thought => json!({"type": "thinking", "thinking": "", "signature": ""}),
            Opening::Redacted(data) => json!({"type": "redacted_thinking", "data": data}),
            Opening::Call { id, name } => {
                json!({"type": "tool_use", "id": id, "name": name, "input": {}})
            }
        };
        frame(
            "content_block_start",
            &json!({"type": "content_block_start", "index": index, "content_block": block}),
            out,
        );
    }

    fn delta(&mut self, index: usize, delta: &Delta, out: &mut Vec<u8>) {
        let delta = match delta {
            Delta::Text(text) if self.thoughts.get(index) == Some(&true) => {
                json!({"type": "thinking_delta", "thinking": text})
            }
            Delta::Text(text) => json!({"type": "text_delta", "text": text}),
            Delta::Arguments(text) => json!({"type": "input_json_delta", "partial_json": text}),
            Delta::Seal(seal) => json!({"type": "signature_delta", "signature": seal}),
        };
        frame(
            "content_block_delta",
            &json!({"type": "content_block_delta", "index": index, "delta": delta}),
            out,
        );
    }

    /// Stops the open block; what waited for it comes next.
    fn close(&mut self, out: &mut Vec<u8>) {
        let Some(index) = self.open.take() else {
            return;
        };
        frame(
            "content_block_stop",
            &json!({"type": "content_block_stop", "index": index}),
            out,
        );
        for event in std::mem::take(&mut self.waiting) {
            self.write(&event, out);
        }
    }
}

impl EventWriter for Writer {
    fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Begin { id, model } => {
                self.id = reply::or(id, &self.context.request_id).to_owned();
                self.model = reply::or(model, &self.context.model).to_owned();
            }
            Event::Usage(used) => self.usage = *used,
            Event::Open { index, part } if self.open.is_none() => self.open(*index, part, out),
            Event::Delta { index, delta } if self.open == Some(*index) => {
                self.delta(*index, delta, out)
            }
            Event::Close { index } if self.open == Some(*index) => self.close(out),
            Event::Open { .. } | Event::Delta { .. } | Event::Close { .. } => {
                self.waiting.push(event.clone())
            }
            Event::End { stop, sequence } => {
                self.start(out);
                while self.open.is_some() {
                    self.close(out);
                }
                let delta =
                    json!({"stop_reason": stop.map(reply::stop_reason), "stop_sequence": sequence});
                frame(
                    "message_delta",
                    &json!({"type": "message_delta", "delta": delta, "usage": usage::write(&self.usage)}),
                    out,
                );
                frame("message_stop", &json!({"type": "message_stop"}), out);
            }
            Event::Error(fault) => frame("error", &error(fault), out),
        }
    }
}

fn frame(event: &str, data: &Value, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("event: {event}\ndata: {data}\n\n").as_bytes());
}

/// The error object; a foreign type is replaced by this format's for the same status.
fn error(fault: &Fault) -> Value {
    let own = TABLE.iter().any(|row| row.anthropic == fault.kind);
    let kind = match fault.status {
        _ if own => fault.kind.as_str(),
        529 => "overloaded_error",
        status => Kind::from_status(status).row().anthropic,
    };
    json!({"type": "error", "error": {"type": kind, "message": fault.message}})
}
