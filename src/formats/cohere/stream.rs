//! Reads an upstream's stream, and the parts of its whole replies in the same way.

use super::message::{kind_of, planned};
use super::observe::observe;
use super::{HOME, citation, logprobs};
use crate::chat::{Call, Citation, Delta, Event, Opening, Stop};
use crate::formats::alike::Again;
use crate::formats::document::Raw;
use crate::formats::fields::{Fields, text_across};
use crate::formats::steps::Steps;
use crate::formats::{Mark, Seen, seal};

/// The reader of one reply.
#[derive(Debug, Default)]
pub struct Reader {
    again: Again,
    begun: bool,
    /// What is planned, as far as it has come.
    plan: String,
    contents: Vec<Known>,
    calls: Vec<Known>,
    /// Number of parts so far.
    parts: usize,
    /// The last part of text, which sources and likelihoods belong to.
    text: Option<usize>,
    /// Why it ended, as it was given.
    stop: Option<String>,
    /// `End` or `Error` was given out.
    done: bool,
    /// Half a character.
    carry: Option<u16>,
}

/// A piece of content or a call, seen before.
#[derive(Debug)]
struct Known {
    /// Its number as the upstream counts.
    index: u64,
    part: usize,
    /// Whether it has said anything yet; a thought without words is all seal.
    said: bool,
    closed: bool,
}

const THOUGHT: Opening = Opening::Thought {
    id: None,
    summary: false,
};

impl Steps for Reader {
    const OBSERVE: fn(&str, &[u8], &mut Seen) -> Mark = observe;

    fn again(&mut self) -> &mut Again {
        &mut self.again
    }
    fn over(&mut self) -> &mut bool {
        &mut self.done
    }
    fn step(&mut self, name: &str, fields: &mut Fields, out: &mut Vec<Event>) {
        self.event(name, fields, out);
    }
    fn last(&mut self, out: &mut Vec<Event>) {
        self.finish(out);
    }
}

impl Reader {
    /// What an event says word for word.
    fn event(&mut self, name: &str, fields: &mut Fields, out: &mut Vec<Event>) {
        let kind = fields.lenient("type", Fields::text);
        let index = fields.lenient("index", Fields::count);
        let mut delta = fields.lenient("delta", Fields::object).unwrap_or_default();
        let kind = kind.as_deref().unwrap_or(name);
        if kind == "message-start" {
            return self.begin(fields, out);
        }
        if kind == "message-end" {
            return self.stopped(&mut delta);
        }
        let mut message = delta.lenient("message", Fields::object).unwrap_or_default();
        match kind {
            "tool-plan-delta" => {
                let more = message.take("tool_plan");
                let more = more.and_then(|raw| text_across(raw, &mut self.carry));
                self.plan.push_str(&more.unwrap_or_default());
            }
            "content-start" => {
                if let Some(mut content) = message.lenient("content", Fields::object) {
                    let index = index.unwrap_or(self.contents.len() as u64);
                    self.content(index, &mut content, out);
                }
            }
            "content-delta" => {
                if let Some(mut content) = message.lenient("content", Fields::object) {
                    self.more_content(index, &mut content, out);
                }
                if let Some(likely) = fields.take("logprobs") {
                    self.likely(likely, out);
                }
            }
            // What its text rests on may be told behind its end.
            "content-end" => {}
            "tool-call-start" => {
                if let Some(mut call) = message.lenient("tool_calls", Fields::object) {
                    let index = index.unwrap_or(self.calls.len() as u64);
                    self.call(index, &mut call, out);
                }
            }
            "tool-call-delta" => {
                if let Some(mut call) = message.lenient("tool_calls", Fields::object) {
                    self.more_arguments(index, &mut call, out);
                }
            }
            "tool-call-end" => close(&mut self.calls, index, out),
            "citation-start" => {
                if let Some(mut cited) = message.lenient("citations", Fields::object) {
                    self.cited(&mut cited, out);
                }
            }
            // Whatever is added later.
            _ => {}
        }
    }

    /// The head of a reply.
    pub fn begin(&mut self, fields: &mut Fields, out: &mut Vec<Event>) {
        self.begun = true;
        out.push(Event::Begin {
            id: fields.lenient("id", Fields::text).unwrap_or_default(),
            model: fields.lenient("model", Fields::text).unwrap_or_default(),
        });
    }

    /// What is said of the plan of a whole reply.
    pub fn planned(&mut self, plan: String) {
        self.plan = plan;
    }

    /// The plan, once nothing can be added to it.
    fn tell_plan(&mut self, out: &mut Vec<Event>) {
        if self.plan.is_empty() {
            return;
        }
        let index = self.next();
        let plan = planned(std::mem::take(&mut self.plan));
        out.push(Event::Open {
            index,
            part: THOUGHT,
        });
        out.extend(plan.seal.map(|seal| Event::Delta {
            index,
            delta: Delta::Seal(seal),
        }));
        out.push(Event::Close { index });
    }

    fn next(&mut self) -> usize {
        self.parts += 1;
        self.parts - 1
    }

    /// A piece of content begins, perhaps with all it has to say.
    pub fn content(&mut self, index: u64, content: &mut Fields, out: &mut Vec<Event>) {
        self.tell_plan(out);
        close(&mut self.contents, None, out);
        let kind = content.lenient("type", Fields::text);
        let thinks = match kind.as_deref() {
            None => content.peek("thinking").is_some(),
            Some(kind) => kind == "thinking",
        };
        let part = self.next();
        self.contents.push(Known {
            index,
            part,
            said: false,
            closed: false,
        });
        if !thinks {
            self.text = Some(part);
        }
        out.push(Event::Open {
            index: part,
            part: if thinks { THOUGHT } else { Opening::Text },
        });
        self.more_content(Some(index), content, out);
    }

    fn more_content(&mut self, index: Option<u64>, content: &mut Fields, out: &mut Vec<Event>) {
        let Some(known) = last(&mut self.contents, index) else {
            return;
        };
        for key in ["thinking", "text"] {
            let raw = content.take(key);
            let text = raw.and_then(|raw| text_across(raw, &mut self.carry));
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                known.said = true;
                out.push(Event::Delta {
                    index: known.part,
                    delta: Delta::Text(text),
                });
            }
        }
        let sealed = content.lenient("signature", Fields::text);
        if let Some(data) = sealed.filter(|data| !data.is_empty()) {
            let kind = kind_of(if known.said { "said" } else { "" });
            out.push(Event::Delta {
                index: known.part,
                delta: Delta::Seal(seal::read(data, HOME, kind)),
            });
        }
    }

    /// How likely the text so far is.
    pub fn likely(&self, raw: Raw<'_>, out: &mut Vec<Event>) {
        let likely = logprobs::read(raw.get());
        if let (Some(index), false) = (self.text, likely.is_empty()) {
            let delta = Delta::Logprobs(likely);
            out.push(Event::Delta { index, delta });
        }
    }

    /// What the text so far rests on.
    pub fn cited(&self, cited: &mut Fields, out: &mut Vec<Event>) {
        let at = cited.lenient("content_index", Fields::count);
        let told = |citation: Citation| {
            let of = |known: &&Known| Some(known.index) == at;
            let known = self.contents.iter().find(of).map(|known| known.part);
            let index = known.or(self.text)?;
            let delta = Delta::Citation(citation);
            Some(Event::Delta { index, delta })
        };
        out.extend(citation::read(cited).into_iter().filter_map(told));
    }

    /// A call, perhaps with all its arguments.
    pub fn call(&mut self, index: u64, call: &mut Fields, out: &mut Vec<Event>) {
        self.tell_plan(out);
        close(&mut self.contents, None, out);
        let mut function = call.lenient("function", Fields::object).unwrap_or_default();
        let part = self.next();
        self.calls.push(Known {
            index,
            part,
            said: false,
            closed: false,
        });
        out.push(Event::Open {
            index: part,
            part: Opening::Call(Call {
                id: call.lenient("id", Fields::text).unwrap_or_default(),
                name: function.lenient("name", Fields::text).unwrap_or_default(),
                ..Call::default()
            }),
        });
        self.arguments(Some(index), &mut function, out);
    }

    fn more_arguments(&mut self, index: Option<u64>, call: &mut Fields, out: &mut Vec<Event>) {
        if let Some(mut function) = call.lenient("function", Fields::object) {
            self.arguments(index, &mut function, out);
        }
    }

    fn arguments(&mut self, index: Option<u64>, function: &mut Fields, out: &mut Vec<Event>) {
        let raw = function.take("arguments");
        let more = raw.and_then(|raw| text_across(raw, &mut self.carry));
        if let (Some(known), Some(more)) = (last(&mut self.calls, index), more)
            && !more.is_empty()
        {
            out.push(Event::Delta {
                index: known.part,
                delta: Delta::Arguments(more),
            });
        }
    }

    /// Why it ended, as the last event and whole replies say it.
    pub fn stopped(&mut self, fields: &mut Fields) {
        if let Some(reason) = fields.lenient("finish_reason", Fields::text) {
            self.stop = Some(reason);
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
        self.tell_plan(out);
        while self.contents.iter().any(|known| !known.closed) {
            close(&mut self.contents, None, out);
        }
        while self.calls.iter().any(|known| !known.closed) {
            close(&mut self.calls, None, out);
        }
        let raw = self.stop.take();
        out.push(Event::End {
            stop: Some(raw.as_deref().map_or(Stop::End, stop)),
            sequence: None,
            raw,
        });
    }
}

/// The last of this number; without one: the last that is open.
fn last(all: &mut [Known], index: Option<u64>) -> Option<&mut Known> {
    all.iter_mut()
        .rev()
        .find(|known| index.map_or(!known.closed, |index| known.index == index))
}

/// It is complete.
fn close(all: &mut [Known], index: Option<u64>, out: &mut Vec<Event>) {
    if let Some(known) = last(all, index)
        && !known.closed
    {
        known.closed = true;
        out.push(Event::Close { index: known.part });
    }
}

/// The two that begin with `ERROR_` the API's first version knew; gw has no other word for callers whose provider held
/// an answer back. <https://docs.cohere.com/v1/reference/chat>
fn stop(reason: &str) -> Stop {
    match reason {
        "MAX_TOKENS" | "ERROR_LIMIT" => Stop::Length,
        "STOP_SEQUENCE" => Stop::Sequence,
        "TOOL_CALL" => Stop::Tool,
        "ERROR_TOXIC" => Stop::Filter,
        _ => Stop::End,
    }
}
