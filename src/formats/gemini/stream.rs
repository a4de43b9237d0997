//! Reads an upstream's answer: the pieces of a stream, and a whole reply as a stream of one piece.

use super::observe::observe;
use super::seals::HOME;
use super::{NAME, part, proto, reading, stop};
use crate::chat::{Call, Delta, Event, Native, Opening, Seal, Stop, Usage};
use crate::formats::alike::Alike;
use crate::formats::document::Raw;
use crate::formats::fields::{Fields, text_across};
use crate::formats::lenient::as_text;
use crate::formats::{EventReader, Mark, Seen};
use serde_json::Value;

/// The reader of one reply.
#[derive(Debug, Default)]
pub struct Reader {
    alike: Alike,
    begun: bool,
    /// Its own id, of which ids of calls are made.
    id: String,
    /// The text or thought that is being added to: whether it is a thought, and its part.
    open: Option<(bool, usize)>,
    /// It has its seal: more text is another part.
    sealed: bool,
    /// What the open text says so far: sources are told by where it stands.
    said: String,
    /// Number of parts so far, and how many of them are calls.
    parts: usize,
    calls: usize,
    /// Why it ended, as it was given; that the prompt was refused counts where nothing else does.
    stop: Option<String>,
    blocked: Option<String>,
    done: bool,
    /// Half a character.
    carry: Option<u16>,
}

impl EventReader for Reader {
    fn read(&mut self, event: &str, data: &[u8], seen: &mut Seen, out: &mut Vec<Event>) -> Mark {
        if self.done {
            return Mark::Setup;
        }
        let data = as_text(data);
        let before = seen.usage;
        let mark = self.alike.observe(observe, event, data.as_bytes(), seen);
        match mark {
            Mark::Done => self.finish(out),
            Mark::Error => {
                self.done = true;
                out.extend(seen.fault.clone().map(Event::Error));
            }
            Mark::Malformed => {}
            Mark::Setup | Mark::Content | Mark::Usage => {
                let used = seen.usage.filter(|used| Some(*used) != before);
                self.answers(data.as_bytes(), used, out);
            }
        }
        mark
    }

    fn end(&mut self, out: &mut Vec<Event>) {
        self.finish(out);
    }
}

impl Reader {
    /// What came at once, with the usage it gave.
    pub fn answers(&mut self, data: &[u8], used: Option<Usage>, out: &mut Vec<Event>) {
        for answer in proto::answers(data).unwrap_or_default() {
            if let Ok(mut fields) = proto::body(answer.as_bytes()) {
                self.answer(&mut fields, used.is_some(), out);
            }
        }
        out.extend(used.map(Event::Usage));
    }

    fn answer(&mut self, fields: &mut Fields, used: bool, out: &mut Vec<Event>) {
        let candidates = fields
            .lenient("candidates", proto::objects)
            .unwrap_or_default();
        let blocked = fields
            .lenient("promptFeedback", proto::object)
            .and_then(|mut feedback| {
                feedback.lenient("blockReason", |fields, key| {
                    proto::word(fields, key, reading::BLOCKED)
                })
            });
        if !self.begun && (!candidates.is_empty() || blocked.is_some() || used) {
            self.begun = true;
            let id = fields.lenient("responseId", Fields::text);
            let model = fields.lenient("modelVersion", Fields::text);
            self.id = id.unwrap_or_default();
            out.push(Event::Begin {
                id: self.id.clone(),
                model: model.unwrap_or_default(),
            });
        }
        self.blocked = blocked.or(self.blocked.take());
        for mut candidate in candidates {
            // Of several answers only the first can be translated.
            if candidate.lenient("index", proto::count).unwrap_or(0) == 0 {
                self.candidate(&mut candidate, out);
            }
        }
    }

    fn candidate(&mut self, candidate: &mut Fields, out: &mut Vec<Event>) {
        let mut content = candidate.lenient("content", proto::object);
        let parts = content
            .as_mut()
            .and_then(|content| content.lenient("parts", proto::list));
        for raw in parts.unwrap_or_default() {
            self.part(raw, out);
        }
        let likely = candidate.lenient("logprobsResult", proto::object);
        if let (Some((false, part)), Some(mut likely)) = (self.open, likely) {
            let logprobs = reading::logprobs(&mut likely);
            if !logprobs.is_empty() {
                out.push(delta(part, Delta::Logprobs(logprobs)));
            }
        }
        let grounds = candidate.lenient("groundingMetadata", proto::object);
        if let (Some((false, part)), Some(mut grounds)) = (self.open, grounds) {
            let citations = reading::citations(&mut grounds, &self.said);
            out.extend(
                citations
                    .into_iter()
                    .map(|citation| delta(part, Delta::Citation(citation))),
            );
        }
        let reason = candidate.lenient("finishReason", |fields, key| {
            proto::word(fields, key, stop::NUMBERED)
        });
        self.stop = reason
            .filter(|reason| reason != stop::NUMBERED[0])
            .or(self.stop.take());
    }

    fn part(&mut self, raw: Raw<'_>, out: &mut Vec<Event>) {
        let Ok(mut fields) = proto::of(raw, "parts") else {
            return;
        };
        let thought = fields.lenient("thought", Fields::flag).unwrap_or(false);
        let seal = fields.lenient("thoughtSignature", Fields::text);
        let seal = seal
            .filter(|seal| !seal.is_empty())
            .map(|seal| Seal::signature(HOME, seal));
        if let Some(text) = fields.take("text") {
            let text = text_across(text, &mut self.carry).unwrap_or_default();
            return self.text(text, thought, seal, out);
        }
        if let Some(call) = fields.lenient("functionCall", proto::object) {
            return self.call(call, seal, out);
        }
        let media = fields
            .lenient("inlineData", proto::object)
            .and_then(|mut blob| part::blob(&mut blob).ok())
            .or_else(|| {
                let mut file = fields.lenient("fileData", proto::object)?;
                part::file(&mut file)
            });
        // An image the model thought with is none of its answer.
        let opening = match media.filter(|_| !thought) {
            Some(media) => Opening::Media(media),
            None => match serde_json::from_str::<Value>(raw.get()) {
                Ok(Value::Object(native)) if native.len() > usize::from(seal.is_some()) => {
                    Opening::Native(Native {
                        format: NAME,
                        json: Value::Object(native),
                    })
                }
                // Nothing but a seal.
                _ if seal.is_some() => return self.text(String::new(), thought, seal, out),
                _ => return,
            },
        };
        self.close(out);
        let part = self.begin(opening, out);
        out.push(Event::Close { index: part });
    }

    /// A piece of text. A seal behind it is of all of it.
    fn text(&mut self, text: String, thought: bool, seal: Option<Seal>, out: &mut Vec<Event>) {
        if text.is_empty() && seal.is_none() {
            return;
        }
        let part = match self.open {
            Some((kind, part)) if kind == thought && !self.sealed => part,
            _ => {
                self.close(out);
                let part = self.begin(
                    match thought {
                        true => Opening::Thought {
                            id: None,
                            summary: true,
                        },
                        false => Opening::Text,
                    },
                    out,
                );
                self.open = Some((thought, part));
                part
            }
        };
        if !text.is_empty() {
            if !thought {
                self.said.push_str(&text);
            }
            out.push(delta(part, Delta::Text(text)));
        }
        if let Some(seal) = seal {
            self.sealed = true;
            out.push(delta(part, Delta::Seal(seal)));
        }
    }

    /// A call comes whole. Most come without an id.
    fn call(&mut self, mut call: Fields, seal: Option<Seal>, out: &mut Vec<Event>) {
        self.close(out);
        let arguments = call.take("args").map(|raw| raw.get().to_owned());
        let name = call.lenient("name", Fields::text).unwrap_or_default();
        let id = call.lenient("id", Fields::text).filter(|id| !id.is_empty());
        let id = id
            .unwrap_or_else(|| reading::made_id(&self.id, self.calls, &name, arguments.as_deref()));
        self.calls += 1;
        let index = self.begin(
            Opening::Call(Call {
                id,
                name,
                seal,
                ..Call::default()
            }),
            out,
        );
        out.extend(arguments.map(|arguments| delta(index, Delta::Arguments(arguments))));
        out.push(Event::Close { index });
    }

    fn begin(&mut self, part: Opening, out: &mut Vec<Event>) -> usize {
        let index = self.parts;
        self.parts += 1;
        out.push(Event::Open { index, part });
        index
    }

    fn close(&mut self, out: &mut Vec<Event>) {
        self.said.clear();
        self.sealed = false;
        if let Some((_, index)) = self.open.take() {
            out.push(Event::Close { index });
        }
    }

    /// The end of the reply, once.
    pub fn finish(&mut self, out: &mut Vec<Event>) {
        if self.done {
            return;
        }
        self.done = true;
        if !self.begun {
            out.push(Event::Begin {
                id: String::new(),
                model: String::new(),
            });
        }
        self.close(out);
        let (stop, raw) = match (self.stop.take(), self.blocked.take()) {
            (Some(reason), _) => (stop::read(&reason, self.calls > 0), Some(reason)),
            (None, Some(blocked)) => (Stop::Filter, Some(blocked)),
            (None, None) if self.calls > 0 => (Stop::Tool, None),
            (None, None) => (Stop::End, None),
        };
        out.push(Event::End {
            stop: Some(stop),
            sequence: None,
            raw,
        });
    }
}

fn delta(index: usize, delta: Delta) -> Event {
    Event::Delta { index, delta }
}
