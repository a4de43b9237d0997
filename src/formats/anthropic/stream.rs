//! Reads an upstream's stream, and the blocks of its whole replies in the same way.

use super::block::{HOME, native};
use super::citation;
use super::observe::observe;
use crate::chat::{Call, Delta, Event, Native, Opening, Seal, Stop};
use crate::formats::alike::Again;
use crate::formats::document::Raw;
use crate::formats::fields::{Fields, text_across};
use crate::formats::steps::Steps;
use crate::formats::{Mark, Seen};

/// The reader of one reply.
#[derive(Debug, Default)]
pub struct Reader {
    again: Again,
    begun: bool,
    blocks: Vec<Block>,
    /// Number of parts so far.
    parts: usize,
    /// The reason as it was given, and the stop sequence.
    stop: Option<(String, Option<String>)>,
    done: bool,
    /// Half a character.
    carry: Option<u16>,
}

/// A block seen before.
#[derive(Debug)]
struct Block {
    /// Its number as the upstream counts.
    index: u64,
    /// `None`: not a part of the neutral model.
    part: Option<usize>,
    closed: bool,
    /// A call's input as its opening gave it: counts only where no delta follows. Of what only Anthropic knows, its deltas.
    input: Option<String>,
    /// What only Anthropic knows.
    native: Option<Native>,
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
        match kind.as_deref().unwrap_or(name) {
            "message_start" => {
                if let Some(mut message) = fields.lenient("message", Fields::object) {
                    self.begin(&mut message, out);
                }
            }
            "content_block_start" => {
                let index = fields
                    .lenient("index", Fields::count)
                    .unwrap_or(self.blocks.len() as u64);
                if let Some(raw) = fields.take("content_block")
                    && let Ok(mut block) = Fields::of(raw, "content_block")
                {
                    self.open(index, &mut block, raw, out);
                }
            }
            "content_block_delta" => {
                let index = fields.lenient("index", Fields::count);
                if let Some(mut delta) = fields.lenient("delta", Fields::object) {
                    self.delta(index, &mut delta, out);
                }
            }
            "content_block_stop" => self.close(fields.lenient("index", Fields::count), out),
            "message_delta" => {
                if let Some(mut delta) = fields.lenient("delta", Fields::object) {
                    self.stopped(&mut delta);
                }
            }
            // `ping`, and whatever is added later.
            _ => {}
        }
    }

    /// The head of a message.
    pub fn begin(&mut self, message: &mut Fields, out: &mut Vec<Event>) {
        self.begun = true;
        let (id, model) = (
            message.lenient("id", Fields::text),
            message.lenient("model", Fields::text),
        );
        out.push(Event::Begin {
            id: id.unwrap_or_default(),
            model: model.unwrap_or_default(),
        });
    }

    /// A block begins, perhaps with all it has to say.
    pub fn open(&mut self, index: u64, block: &mut Fields, raw: Raw<'_>, out: &mut Vec<Event>) {
        let mut text = |key: &str| block.lenient(key, Fields::text).unwrap_or_default();
        let kind = text("type");
        let (opening, deltas) = match kind.as_str() {
            "text" => {
                let said = Delta::Text(text("text"));
                let cited = block.lenient("citations", Fields::objects);
                let cited = cited.unwrap_or_default().into_iter();
                let cited = cited.map(|mut one| Delta::Citation(citation::read(&mut one)));
                (Opening::Text, [said].into_iter().chain(cited).collect())
            }
            "thinking" => (
                THOUGHT,
                vec![
                    Delta::Text(text("thinking")),
                    Delta::Seal(Seal::signature(HOME, text("signature"))),
                ],
            ),
            "redacted_thinking" => (
                THOUGHT,
                vec![Delta::Seal(Seal::encrypted(HOME, text("data")))],
            ),
            "tool_use" => (
                Opening::Call(Call {
                    id: text("id"),
                    name: text("name"),
                    ..Call::default()
                }),
                Vec::new(),
            ),
            // What a provider's own tools did, and whatever is added later. A part once it is complete: of those of this
            // format alone no other knows a beginning.
            _ => {
                return self.blocks.push(Block {
                    index,
                    part: None,
                    closed: false,
                    input: None,
                    native: Some(native(raw)),
                });
            }
        };
        let input = if kind == "tool_use" {
            block.take("input").map(|raw| raw.get().to_owned())
        } else {
            None
        };
        let part = self.parts;
        self.parts += 1;
        self.blocks.push(Block {
            index,
            part: Some(part),
            closed: false,
            input,
            native: None,
        });
        out.push(Event::Open {
            index: part,
            part: opening,
        });
        for delta in deltas {
            let empty = match &delta {
                Delta::Text(text) | Delta::Seal(Seal { data: text, .. }) => text.is_empty(),
                _ => false,
            };
            if !empty {
                out.push(Event::Delta { index: part, delta });
            }
        }
    }

    fn delta(&mut self, index: Option<u64>, delta: &mut Fields, out: &mut Vec<Event>) {
        let block = self
            .blocks
            .iter_mut()
            .rev()
            .find(|block| index.is_none_or(|index| block.index == index));
        if let Some(Block {
            native: Some(_),
            input,
            ..
        }) = block
        {
            let more = delta.lenient("partial_json", Fields::text);
            input
                .get_or_insert_default()
                .push_str(&more.unwrap_or_default());
            return;
        }
        let Some(Block {
            part: Some(part),
            input,
            ..
        }) = block
        else {
            return;
        };
        let kind = delta.lenient("type", Fields::text).unwrap_or_default();
        let carry = &mut self.carry;
        let mut text = |key: &str| {
            delta
                .take(key)
                .and_then(|raw| text_across(raw, carry))
                .filter(|text| !text.is_empty())
        };
        let delta = match kind.as_str() {
            "text_delta" => text("text").map(Delta::Text),
            "thinking_delta" => text("thinking").map(Delta::Text),
            "signature_delta" => {
                text("signature").map(|data| Delta::Seal(Seal::signature(HOME, data)))
            }
            "input_json_delta" => text("partial_json").map(|more| {
                *input = None;
                Delta::Arguments(more)
            }),
            "citations_delta" => delta
                .lenient("citation", Fields::object)
                .map(|mut one| Delta::Citation(citation::read(&mut one))),
            // Whatever is added later.
            _ => None,
        };
        out.extend(delta.map(|delta| Event::Delta {
            index: *part,
            delta,
        }));
    }

    /// A block is complete; without an index: the last one.
    pub fn close(&mut self, index: Option<u64>, out: &mut Vec<Event>) {
        let block = self
            .blocks
            .iter_mut()
            .rev()
            .find(|block| index.is_none_or(|index| block.index == index));
        if let Some(Block {
            native,
            closed: closed @ false,
            input,
            ..
        }) = block
            && let Some(mut native) = native.take()
        {
            *closed = true;
            if let Some(input) = input
                .take()
                .and_then(|text| serde_json::from_str(&text).ok())
            {
                native.json["input"] = input;
            }
            let index = self.parts;
            self.parts += 1;
            let part = Opening::Native(native);
            return out.extend([Event::Open { index, part }, Event::Close { index }]);
        }
        if let Some(Block {
            part: Some(part),
            closed: closed @ false,
            input,
            ..
        }) = block
        {
            *closed = true;
            if let Some(input) = input.take() {
                out.push(Event::Delta {
                    index: *part,
                    delta: Delta::Arguments(input),
                });
            }
            out.push(Event::Close { index: *part });
        }
    }

    /// Why it ended, as `message_delta` and whole replies say it.
    pub fn stopped(&mut self, fields: &mut Fields) {
        if let Some(reason) = fields.lenient("stop_reason", Fields::text) {
            self.stop = Some((reason, fields.lenient("stop_sequence", Fields::text)));
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
        let open: Vec<u64> = self
            .blocks
            .iter()
            .filter(|block| !block.closed)
            .map(|block| block.index)
            .collect();
        for index in open {
            self.close(Some(index), out);
        }
        let (raw, sequence) = self.stop.take().unzip();
        out.push(Event::End {
            stop: Some(raw.as_deref().map_or(Stop::End, stop)),
            sequence: sequence.flatten(),
            raw,
        });
    }
}

fn stop(reason: &str) -> Stop {
    match reason {
        "max_tokens" | "model_context_window_exceeded" => Stop::Length,
        "stop_sequence" => Stop::Sequence,
        "tool_use" => Stop::Tool,
        "refusal" => Stop::Filter,
        "pause_turn" => Stop::Pause,
        _ => Stop::End,
    }
}
