//! Writes one caller's stream.

use super::{END_MARK, extra, logprobs, reply, tool, usage};
use crate::chat::{Delta, Event, Logprob, MediaKind, Opening, Thought, Usage};
use crate::formats::written::{Tree, write_json};
use crate::formats::{EventWriter, ReplyContext, fault::write_openai_event};
use serde::Serialize;
use serde_json::{Value, json};

/// The writer of one reply.
#[derive(Debug)]
pub struct Writer {
    context: ReplyContext,
    begun: bool,
    id: String,
    model: String,
    /// What every chunk begins with.
    head: Vec<u8>,
    usage: Option<Usage>,
    /// The parts so far, by their index.
    parts: Vec<Part>,
    calls: usize,
}

/// What must be remembered of a part.
#[derive(Debug)]
enum Part {
    Text,
    Refusal,
    /// The format has no place for it.
    Hidden,
    Thought(String),
    /// The call's number among the calls, and whether it has arguments.
    Call(usize, bool),
    /// A call with free text, by its number.
    FreeCall(usize),
}

/// What every chunk begins with.
#[derive(Serialize)]
struct Head<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    model: &'a str,
}

/// What the first chunk says.
fn first(content: Tree<'_>) -> Tree<'_> {
    Tree::object([("role", "assistant".into()), ("content", content)])
}

/// More of a call.
fn call<'a>(index: usize, kind: &'static str, said: &'static str, more: &'a str) -> Tree<'a> {
    let call = Tree::object([
        ("index", Value::from(index).into()),
        (kind, Tree::said(None, said, more)),
    ]);
    Tree::object([("tool_calls", vec![call].into())])
}

impl Writer {
    pub fn new(context: &ReplyContext) -> Writer {
        let mut writer = Writer {
            context: context.clone(),
            begun: false,
            id: context.request_id.clone(),
            model: context.model.clone(),
            head: Vec::new(),
            usage: None,
            parts: Vec::new(),
            calls: 0,
        };
        writer.heads();
        writer
    }

    /// From here on chunks begin with this id and model.
    fn heads(&mut self) {
        self.head.clear();
        self.head.extend_from_slice(b"data: ");
        let head = Head {
            id: &self.id,
            object: "chat.completion.chunk",
            created: self.context.created,
            model: &self.model,
        };
        write_json(&head, &mut self.head);
        // What follows are more members.
        self.head.pop();
        self.head.extend_from_slice(b",\"choices\":");
    }

    fn frame(&self, choices: &Value, usage: Option<&usage::Written>, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head);
        write_json(choices, out);
        if let Some(usage) = usage {
            out.extend_from_slice(b",\"usage\":");
            write_json(usage, out);
        }
        out.extend_from_slice(b"}\n\n");
    }

    /// The first chunk carries the role: on its own before text, together with anything else, whose content is null.
    fn delta(&mut self, delta: Tree<'_>, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.begun, true) {
            return self.one(&delta, out);
        }
        match delta {
            Tree::Object(more) if more.iter().all(|(name, _)| *name != "content") => {
                let mut first = first(Value::Null.into());
                for (name, value) in more {
                    first.push(name, value);
                }
                self.one(&first, out);
            }
            text => {
                self.one(&first("".into()), out);
                self.one(&text, out);
            }
        }
    }

    /// Likelihoods stand beside the delta.
    fn likely(&self, all: &[Logprob], out: &mut Vec<u8>) {
        let likely = json!({"content": logprobs::write(all), "refusal": null});
        self.frame(
            &json!([{"index": 0, "delta": {}, "logprobs": likely, "finish_reason": null}]),
            None,
            out,
        );
    }

    fn one(&self, delta: &Tree<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head);
        out.extend_from_slice(b"[{\"index\":0,\"delta\":");
        delta.put(out);
        out.extend_from_slice(b",\"finish_reason\":null}]}\n\n");
    }

    fn open(&mut self, part: &Opening, out: &mut Vec<u8>) {
        match part {
            Opening::Text => self.parts.push(Part::Text),
            Opening::Refusal => self.parts.push(Part::Refusal),
            Opening::Thought { .. } => self.parts.push(Part::Thought(String::new())),
            Opening::Native(_) => self.parts.push(Part::Hidden),
            Opening::Media(media) => {
                self.parts.push(Part::Hidden);
                let delta = match media.kind {
                    MediaKind::Audio => extra::sound(media, &self.id)
                        .map(|sound| Tree::object([("audio", sound.into())])),
                    _ => extra::image(media)
                        .map(|image| Tree::object([("images", vec![image.into()].into())])),
                };
                if let Some(delta) = delta {
                    self.delta(delta, out);
                }
            }
            Opening::Call(call) => {
                let index = self.calls;
                self.calls += 1;
                self.parts.push(match call.free {
                    true => Part::FreeCall(index),
                    false => Part::Call(index, false),
                });
                let mut numbered = vec![("index", Value::from(index).into())];
                if let Tree::Object(members) = tool::call(call) {
                    numbered.extend(members);
                }
                let call = Tree::Object(numbered);
                self.delta(Tree::object([("tool_calls", vec![call].into())]), out);
            }
        }
    }

    fn more(&mut self, index: usize, delta: &Delta, out: &mut Vec<u8>) {
        match (self.parts.get_mut(index), delta) {
            (_, Delta::Text(text)) if text.is_empty() => {}
            (Some(Part::Text), Delta::Text(text)) => {
                self.delta(Tree::said(None, "content", text), out)
            }
            (Some(Part::Text), Delta::Citation(citation)) => {
                let note = Tree::from(extra::annotation(citation));
                self.delta(Tree::object([("annotations", vec![note].into())]), out);
            }
            (Some(Part::Text), Delta::Logprobs(all)) => self.likely(all, out),
            (Some(Part::Refusal), Delta::Text(text)) => {
                self.delta(Tree::said(None, "refusal", text), out)
            }
            (Some(Part::Thought(all)), Delta::Text(text)) => {
                all.push_str(text);
                self.delta(Tree::said(None, "reasoning_content", text), out);
            }
            // With the whole text, so that a follow-up can give it back as one piece.
            (Some(Part::Thought(all)), Delta::Seal(seal)) => {
                let block = reply::block(&Thought::sealed(all.as_str(), seal.clone()));
                let blocks = vec![block.into()];
                self.delta(Tree::object([("thinking_blocks", blocks.into())]), out);
            }
            (Some(Part::Call(number, filled)), Delta::Arguments(text)) if !text.is_empty() => {
                *filled = true;
                let index = *number;
                self.delta(call(index, "function", "arguments", text), out);
            }
            (Some(Part::FreeCall(number)), Delta::Arguments(text)) => {
                let index = *number;
                self.delta(call(index, "custom", "input", text), out);
            }
            _ => {}
        }
    }
}

impl EventWriter for Writer {
    fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Begin { id, model } => {
                self.id = reply::or(id, &self.context.request_id).to_owned();
                self.model = reply::or(model, &self.context.model).to_owned();
                self.heads();
            }
            Event::Open { part, .. } => self.open(part, out),
            Event::Delta { index, delta } => self.more(*index, delta, out),
            // Callers parse the arguments, and nothing is not JSON.
            Event::Close { index } => {
                if let Some(Part::Call(_, false)) = self.parts.get(*index) {
                    self.more(*index, &Delta::Arguments("{}".into()), out);
                }
            }
            Event::Usage(used) => self.usage = Some(*used),
            Event::End { stop, .. } => {
                if !self.begun {
                    self.one(&first("".into()), out);
                }
                let reason = stop.map(|stop| reply::finish_reason(stop.told(self.calls > 0)));
                self.frame(
                    &json!([{"index": 0, "delta": {}, "finish_reason": reason}]),
                    None,
                    out,
                );
                if let Some(used) = self.usage.filter(|_| self.context.include_usage) {
                    self.frame(&json!([]), Some(&usage::write(&used)), out);
                }
                out.extend_from_slice(END_MARK);
            }
            Event::Error(fault) => out.extend(write_openai_event(fault)),
        }
    }
}
