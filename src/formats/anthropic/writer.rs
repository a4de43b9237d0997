//! Writes one caller's stream.

use super::block::HOME;
use super::citation;
use super::{END_MARK, reply, usage};
use crate::chat::{Call, Delta, Event, Opening, SealKind, Usage};
use crate::formats::written::{Typed, write_json};
use crate::formats::{EventWriter, ReplyContext, fault::write_anthropic_event, seal};
use serde::Serialize;
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
    /// The part that has begun and is not complete.
    open: Option<Open>,
    /// Blocks shown so far: they are numbered without gaps.
    shown: usize,
    /// Some of them were calls.
    called: bool,
    /// What belongs to parts that must wait for the open one: here one follows the other.
    waiting: Vec<Event>,
}

/// The open part.
#[derive(Debug)]
struct Open {
    /// Its index among the parts.
    part: usize,
    thought: bool,
    block: Block,
    /// Arguments so far that may turn out to be `null`, which are none.
    held: String,
}

/// How far the open part's block is.
#[derive(Debug)]
enum Block {
    /// Its beginning, until there is something in it: empty text is refused when it comes back.
    Waiting(Value),
    Begun,
    /// The format has none for the part.
    Hidden,
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
            shown: 0,
            called: false,
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

    fn open(&mut self, part: usize, opening: &Opening, out: &mut Vec<u8>) {
        self.start(out);
        let block = match opening {
            Opening::Text | Opening::Refusal => Block::Waiting(json!({"type": "text", "text": ""})),
            Opening::Thought { .. } => {
                Block::Waiting(json!({"type": "thinking", "thinking": "", "signature": ""}))
            }
            Opening::Call(Call { id, name, .. }) => {
                Block::Waiting(json!({"type": "tool_use", "id": id, "name": name, "input": {}}))
            }
            Opening::Native(native) if native.format == super::NAME => {
                Block::Waiting(native.json.clone())
            }
            Opening::Media(_) | Opening::Native(_) => Block::Hidden,
        };
        let at_once = matches!(opening, Opening::Call(_) | Opening::Native(_));
        self.called |= matches!(opening, Opening::Call(_));
        self.open = Some(Open {
            part,
            thought: matches!(opening, Opening::Thought { .. }),
            block,
            held: String::new(),
        });
        if at_once {
            self.show(out);
        }
    }

    /// Begins the open part's block, if it has not begun.
    fn show(&mut self, out: &mut Vec<u8>) {
        if let Some(open) = &mut self.open
            && let Block::Waiting(block) = &open.block
        {
            frame(
                "content_block_start",
                &json!({"type": "content_block_start", "index": self.shown, "content_block": block}),
                out,
            );
            open.block = Block::Begun;
        }
    }

    fn delta(&mut self, delta: &Delta, out: &mut Vec<u8>) {
        let Some(open) = &mut self.open else {
            return;
        };
        match delta {
            Delta::Text(text) if text.is_empty() => {}
            Delta::Text(text) if open.thought => {
                self.more(&Typed("thinking_delta", "thinking", text), out);
            }
            Delta::Text(text) => self.more(&Typed("text_delta", "text", text), out),
            Delta::Arguments(more) => {
                open.held.push_str(more);
                if "null".starts_with(open.held.trim_start()) || open.held.trim() == "null" {
                    return;
                }
                let held = std::mem::take(&mut open.held);
                self.more(&arguments(&held), out);
            }
            Delta::Seal(seal) if open.thought => {
                let data = seal::write(seal, HOME);
                if seal.kind == SealKind::Encrypted && matches!(open.block, Block::Waiting(_)) {
                    open.block = Block::Waiting(json!({"type": "redacted_thinking", "data": data}));
                    return self.show(out);
                }
                self.more(&Typed("signature_delta", "signature", data), out);
            }
            Delta::Citation(cited) if !open.thought => {
                let cited = citation::write(cited);
                self.more(&Typed("citations_delta", "citation", cited), out);
            }
            Delta::Seal(_) | Delta::Citation(_) | Delta::Logprobs(_) => {}
        }
    }

    /// More of the open block, which begins with it if it has not begun.
    fn more(&mut self, delta: &impl Serialize, out: &mut Vec<u8>) {
        self.show(out);
        self.block_delta(delta, out);
    }

    fn block_delta(&self, delta: &impl Serialize, out: &mut Vec<u8>) {
        let more = BlockDelta {
            kind: "content_block_delta",
            index: self.shown,
            delta,
        };
        frame("content_block_delta", &more, out);
    }

    /// Stops the open block; what waited for it comes next.
    fn close(&mut self, out: &mut Vec<u8>) {
        let Some(open) = self.open.take() else {
            return;
        };
        if !matches!(open.held.trim(), "" | "null") {
            self.block_delta(&arguments(&open.held), out);
        }
        if matches!(open.block, Block::Begun) {
            frame(
                "content_block_stop",
                &json!({"type": "content_block_stop", "index": self.shown}),
                out,
            );
            self.shown += 1;
        }
        for event in std::mem::take(&mut self.waiting) {
            self.write(&event, out);
        }
    }

    fn is_open(&self, part: usize) -> bool {
        self.open.as_ref().is_some_and(|open| open.part == part)
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
            Event::Delta { index, delta } if self.is_open(*index) => self.delta(delta, out),
            Event::Close { index } if self.is_open(*index) => self.close(out),
            Event::Open { .. } | Event::Delta { .. } | Event::Close { .. } => {
                self.waiting.push(event.clone())
            }
            Event::End { stop, sequence, .. } => {
                self.start(out);
                while self.open.is_some() {
                    self.close(out);
                }
                let reason = stop.map(|stop| reply::stop_reason(stop.told(self.called)));
                let delta = json!({"stop_reason": reason, "stop_sequence": sequence});
                frame(
                    "message_delta",
                    &json!({"type": "message_delta", "delta": delta, "usage": usage::write(&self.usage)}),
                    out,
                );
                out.extend_from_slice(END_MARK);
            }
            Event::Error(fault) => out.extend(write_anthropic_event(fault)),
        }
    }
}

#[derive(Serialize)]
struct BlockDelta<'a, D> {
    #[serde(rename = "type")]
    kind: &'static str,
    index: usize,
    delta: &'a D,
}

fn arguments(text: &str) -> Typed<&str> {
    Typed("input_json_delta", "partial_json", text)
}

fn frame(event: &str, data: &impl Serialize, out: &mut Vec<u8>) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(event.as_bytes());
    out.extend_from_slice(b"\ndata: ");
    write_json(data, out);
    out.extend_from_slice(b"\n\n");
}
