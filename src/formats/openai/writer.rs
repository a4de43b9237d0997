//! Writes one caller's stream.

use super::{END_MARK, extra, logprobs, reply, tool, usage};
use crate::chat::{Delta, Event, Logprob, MediaKind, Opening, Thought, Usage};
use crate::formats::written::{Member, write_json};
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

/// More of a call.
#[derive(Serialize)]
struct Call<F> {
    index: usize,
    #[serde(flatten)]
    called: F,
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
    fn delta(&mut self, mut delta: Value, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.begun, true) {
            let (role, nothing) = (json!("assistant"), delta.get("content").is_none());
            if nothing {
                let mut first = json!({"role": role, "content": null});
                if let (Some(first), Some(more)) = (first.as_object_mut(), delta.as_object_mut()) {
                    first.append(more);
                }
                delta = first;
            } else {
                self.one(&json!({"role": role, "content": ""}), out);
            }
        }
        self.one(&delta, out);
    }

    /// The same of a delta that is nothing to be put together with the first.
    fn goes_on(&mut self, delta: &impl Serialize, out: &mut Vec<u8>) {
        match self.begun {
            true => self.one(delta, out),
            false => self.delta(json!(delta), out),
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

    fn one(&self, delta: &impl Serialize, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head);
        out.extend_from_slice(b"[{\"index\":0,\"delta\":");
        write_json(delta, out);
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
                    MediaKind::Audio => {
                        extra::sound(media, &self.id).map(|sound| json!({"audio": sound}))
                    }
                    _ => extra::image(media).map(|image| json!({"images": [image]})),
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
                let mut numbered = json!({"index": index});
                if let (Some(all), Value::Object(mut call)) =
                    (numbered.as_object_mut(), tool::call(call))
                {
                    all.append(&mut call);
                }
                self.delta(json!({"tool_calls": [numbered]}), out);
            }
        }
    }

    fn more(&mut self, index: usize, delta: &Delta, out: &mut Vec<u8>) {
        match (self.parts.get_mut(index), delta) {
            (_, Delta::Text(text)) if text.is_empty() => {}
            (Some(Part::Text), Delta::Text(text)) => self.goes_on(&Member("content", text), out),
            (Some(Part::Text), Delta::Citation(citation)) => {
                self.delta(json!({"annotations": [extra::annotation(citation)]}), out);
            }
            (Some(Part::Text), Delta::Logprobs(all)) => self.likely(all, out),
            (Some(Part::Refusal), Delta::Text(text)) => self.goes_on(&Member("refusal", text), out),
            (Some(Part::Thought(all)), Delta::Text(text)) => {
                all.push_str(text);
                self.goes_on(&Member("reasoning_content", text), out);
            }
            // With the whole text, so that a follow-up can give it back as one piece.
            (Some(Part::Thought(all)), Delta::Seal(seal)) => {
                let block = reply::block(&Thought::sealed(all.as_str(), seal.clone()));
                self.delta(json!({"thinking_blocks": [block]}), out);
            }
            (Some(Part::Call(number, filled)), Delta::Arguments(text)) if !text.is_empty() => {
                *filled = true;
                let index = *number;
                let called = Member("function", Member("arguments", text));
                self.goes_on(&Member("tool_calls", [Call { index, called }]), out);
            }
            (Some(Part::FreeCall(number)), Delta::Arguments(text)) => {
                let index = *number;
                let called = Member("custom", Member("input", text));
                self.goes_on(&Member("tool_calls", [Call { index, called }]), out);
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
                    self.one(&json!({"role": "assistant", "content": ""}), out);
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
