//! Writes one caller's stream.

use super::{END_MARK, HOME, citation, logprobs, reply, usage};
use crate::chat::{Call, Delta, Event, Opening, Usage};
use crate::formats::{EventWriter, ReplyContext, seal};
use serde_json::{Value, json};

/// The writer of one reply.
#[derive(Debug)]
pub struct Writer {
    context: ReplyContext,
    /// `message-start` is out.
    started: bool,
    id: String,
    usage: Option<Usage>,
    /// The parts so far, by their index.
    parts: Vec<Part>,
    contents: usize,
    calls: usize,
    citations: usize,
}

/// What must be remembered of a part.
#[derive(Debug)]
enum Part {
    /// Its number among the contents, and what it has said.
    Text(usize, String),
    Thought(usize),
    /// Its number among the calls, and arguments so far that may turn out to be `null`, which are none.
    Call(usize, Option<String>),
    /// The format has no place for it.
    Hidden,
}

impl Writer {
    pub fn new(context: &ReplyContext) -> Writer {
        Writer {
            context: context.clone(),
            started: false,
            id: context.request_id.clone(),
            usage: None,
            parts: Vec::new(),
            contents: 0,
            calls: 0,
            citations: 0,
        }
    }

    fn start(&mut self, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.started, true) {
            let message = json!({"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []});
            let event =
                json!({"id": self.id, "type": "message-start", "delta": {"message": message}});
            out.extend(frame("message-start", &event));
        }
    }

    fn open(&mut self, opening: &Opening, out: &mut Vec<u8>) {
        self.start(out);
        let part = match opening {
            Opening::Text | Opening::Refusal => {
                let index = self.content(json!({"type": "text", "text": ""}), out);
                Part::Text(index, String::new())
            }
            Opening::Thought { .. } => {
                Part::Thought(self.content(json!({"type": "thinking", "thinking": ""}), out))
            }
            Opening::Call(Call { id, name, .. }) => {
                let index = self.calls;
                self.calls += 1;
                let call = json!({"id": id, "type": "function", "function": {"name": name, "arguments": ""}});
                one("tool-call-start", index, json!({"tool_calls": call}), out);
                Part::Call(index, Some(String::new()))
            }
            Opening::Media(_) | Opening::Native(_) => Part::Hidden,
        };
        self.parts.push(part);
    }

    fn content(&mut self, content: Value, out: &mut Vec<u8>) -> usize {
        let index = self.contents;
        self.contents += 1;
        one("content-start", index, json!({"content": content}), out);
        index
    }

    fn more(&mut self, index: usize, delta: &Delta, out: &mut Vec<u8>) {
        match (self.parts.get_mut(index), delta) {
            (_, Delta::Text(text)) if text.is_empty() => {}
            (Some(Part::Text(at, said)), Delta::Text(text)) => {
                said.push_str(text);
                one(
                    "content-delta",
                    *at,
                    json!({"content": {"text": text}}),
                    out,
                );
            }
            (Some(Part::Text(at, said)), Delta::Citation(cited)) => {
                let cited = citation::write(cited, said, *at);
                let at = self.citations;
                self.citations += 1;
                one("citation-start", at, json!({"citations": cited}), out);
                end("citation-end", at, out);
            }
            (Some(Part::Text(at, _)), Delta::Logprobs(all)) => {
                for likely in all {
                    let event = json!({"type": "content-delta", "index": *at,
                        "delta": {"message": {"content": {"text": ""}}}, "logprobs": logprobs::write(likely)});
                    out.extend(frame("content-delta", &event));
                }
            }
            (Some(Part::Thought(at)), Delta::Text(text)) => {
                one(
                    "content-delta",
                    *at,
                    json!({"content": {"thinking": text}}),
                    out,
                );
            }
            (Some(Part::Thought(at)), Delta::Seal(own)) => {
                let sealed = json!({"content": {"signature": seal::write(own, HOME)}});
                one("content-delta", *at, sealed, out);
            }
            (Some(Part::Call(at, held)), Delta::Arguments(text)) => {
                let more = match held {
                    None => text.clone(),
                    Some(so_far) => {
                        so_far.push_str(text);
                        let said = so_far.trim();
                        if "null".starts_with(said) {
                            return;
                        }
                        held.take().unwrap_or_default()
                    }
                };
                arguments(*at, &more, out);
            }
            _ => {}
        }
    }

    fn close(&mut self, index: usize, out: &mut Vec<u8>) {
        match self.parts.get_mut(index) {
            Some(Part::Text(at, _) | Part::Thought(at)) => end("content-end", *at, out),
            Some(Part::Call(at, held)) => {
                // Callers parse the arguments, and nothing is not JSON.
                match held.take().as_deref().map(str::trim) {
                    Some("" | "null") => arguments(*at, "{}", out),
                    Some(other) => arguments(*at, other, out),
                    None => {}
                }
                end("tool-call-end", *at, out);
            }
            Some(Part::Hidden) | None => {}
        }
    }
}

impl EventWriter for Writer {
    fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Begin { id, .. } => {
                self.id = reply::or(id, &self.context.request_id).to_owned();
            }
            Event::Usage(used) => self.usage = Some(*used),
            Event::Open { part, .. } => self.open(part, out),
            Event::Delta { index, delta } => self.more(*index, delta, out),
            Event::Close { index } => self.close(*index, out),
            Event::End { stop, .. } => {
                self.start(out);
                let reason = stop.map(|stop| reply::finish_reason(stop.told(self.calls > 0)));
                let used = self.usage.as_ref().map_or_else(|| json!({}), usage::write);
                let delta = json!({"finish_reason": reason, "usage": used});
                out.extend(frame(
                    "message-end",
                    &json!({"type": "message-end", "delta": delta}),
                ));
                out.extend_from_slice(END_MARK);
            }
            Event::Error(fault) => out.extend(super::write_fault_event(fault)),
        }
    }
}

fn arguments(index: usize, more: &str, out: &mut Vec<u8>) {
    let function = json!({"function": {"arguments": more}});
    one(
        "tool-call-delta",
        index,
        json!({"tool_calls": function}),
        out,
    );
}

/// An event about a part of the message.
fn one(kind: &str, index: usize, message: Value, out: &mut Vec<u8>) {
    let event = json!({"type": kind, "index": index, "delta": {"message": message}});
    out.extend(frame(kind, &event));
}

fn end(kind: &str, index: usize, out: &mut Vec<u8>) {
    out.extend(frame(kind, &json!({"type": kind, "index": index})));
}

/// One event.
pub fn frame(event: &str, data: &Value) -> Vec<u8> {
    format!("event: {event}\ndata: {data}\n\n").into_bytes()
}
