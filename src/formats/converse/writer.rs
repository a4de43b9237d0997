//! Writes one caller's stream, as named events; how they are framed is not known here.

use super::{citation, media, reply, seals, stop, usage};
use crate::chat::{Call, Delta, Event, Opening, SealKind, Usage};
use crate::formats::{EventWriter, fault::write_exception_event};
use serde_json::{Value, json};

/// The writer of one reply.
#[derive(Debug, Default)]
pub struct Writer {
    /// `messageStart` is out.
    started: bool,
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
    kind: Kind,
    /// Something of its block is out.
    begun: bool,
    /// Arguments so far that may turn out to be `null`, which are none.
    held: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Thought,
    /// Whether any of its arguments is out.
    Call(bool),
    /// The format has none for the part.
    Hidden,
}

impl Writer {
    fn start(&mut self, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.started, true) {
            frame("messageStart", &json!({"role": "assistant"}), out);
        }
    }

    /// Texts and thoughts begin without a word.
    fn open(&mut self, part: usize, opening: &Opening, out: &mut Vec<u8>) {
        self.start(out);
        let kind = match opening {
            Opening::Text | Opening::Refusal => Kind::Text,
            Opening::Thought { .. } => Kind::Thought,
            Opening::Call(_) => Kind::Call(false),
            Opening::Media(_) | Opening::Native(_) => Kind::Hidden,
        };
        self.open = Some(Open {
            part,
            kind,
            begun: false,
            held: String::new(),
        });
        match opening {
            Opening::Call(Call { id, name, .. }) => {
                self.called = true;
                self.begin(json!({"toolUse": {"toolUseId": id, "name": name}}), out);
            }
            Opening::Media(shown) => {
                if let Some((format, data)) = media::shown(shown) {
                    self.begin(json!({"image": {"format": format}}), out);
                    self.say(json!({"image": {"source": {"bytes": data}}}), out);
                }
            }
            Opening::Text | Opening::Refusal | Opening::Thought { .. } | Opening::Native(_) => {}
        }
    }

    fn begin(&mut self, start: Value, out: &mut Vec<u8>) {
        let index = self.shown;
        if let Some(open) = &mut self.open {
            open.begun = true;
        }
        let event = json!({"start": start, "contentBlockIndex": index});
        frame("contentBlockStart", &event, out);
    }

    fn say(&mut self, delta: Value, out: &mut Vec<u8>) {
        let index = self.shown;
        if let Some(open) = &mut self.open {
            open.begun = true;
        }
        let event = json!({"delta": delta, "contentBlockIndex": index});
        frame("contentBlockDelta", &event, out);
    }

    fn delta(&mut self, delta: &Delta, out: &mut Vec<u8>) {
        let Some(open) = &mut self.open else {
            return;
        };
        let delta = match (open.kind, delta) {
            (_, Delta::Text(text)) if text.is_empty() => return,
            (Kind::Text, Delta::Text(text)) => json!({"text": text}),
            (Kind::Thought, Delta::Text(text)) => json!({"reasoningContent": {"text": text}}),
            (Kind::Thought, Delta::Seal(seal)) => match seal.kind {
                SealKind::Encrypted if !open.begun => {
                    json!({"reasoningContent": {"redactedContent": seals::write_redacted(seal)}})
                }
                _ => json!({"reasoningContent": {"signature": seals::write(seal)}}),
            },
            (Kind::Text, Delta::Citation(cited)) => json!({"citation": citation::write(cited)}),
            (Kind::Call(_), Delta::Arguments(more)) => {
                open.held.push_str(more);
                if "null".starts_with(open.held.trim_start()) || open.held.trim() == "null" {
                    return;
                }
                open.kind = Kind::Call(true);
                arguments(std::mem::take(&mut open.held))
            }
            _ => return,
        };
        self.say(delta, out);
    }

    /// Stops the open block; what waited for it comes next.
    fn close(&mut self, out: &mut Vec<u8>) {
        let Some(open) = &mut self.open else {
            return;
        };
        let held = std::mem::take(&mut open.held);
        let last = match (open.kind, held.trim()) {
            // Clients parse what has come when the block ends, and nothing is no JSON.
            (Kind::Call(false), "" | "null") => Some("{}".to_owned()),
            (Kind::Call(_), "" | "null") => None,
            (Kind::Call(_), _) => Some(held),
            _ => None,
        };
        if let Some(text) = last {
            self.say(arguments(text), out);
        }
        if self.open.take().is_some_and(|open| open.begun) {
            let event = json!({"contentBlockIndex": self.shown});
            frame("contentBlockStop", &event, out);
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
            Event::Begin { .. } => self.start(out),
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
                // A reason is required; one that nobody gave is none that says it ended badly.
                let reason = stop.unwrap_or(crate::chat::Stop::End).told(self.called);
                let mut end = json!({"stopReason": stop::write(reason)});
                if let Some(sequence) = sequence {
                    end["additionalModelResponseFields"] = json!({"stop_sequence": sequence});
                }
                frame("messageStop", &end, out);
                let usage = usage::write(&self.usage);
                frame(
                    "metadata",
                    &json!({"usage": usage, "metrics": reply::metrics()}),
                    out,
                );
            }
            Event::Error(fault) => out.extend(write_exception_event(fault)),
        }
    }
}

fn arguments(text: String) -> Value {
    json!({"toolUse": {"input": text}})
}

fn frame(event: &str, data: &Value, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("event: {event}\ndata: {data}\n\n").as_bytes());
}
