//! Reads an upstream's stream, and its whole replies as a stream of one piece. Services differ much in what they send;
//! whatever has a sensible meaning is taken.

use super::{extra, logprobs, message, observe::observe, tool};
use crate::chat::{Call, Delta, Event, Media, Opening, Seal, SealKind, Stop, Thought, Usage};
use crate::formats::alike::Again;
use crate::formats::document::Raw;
use crate::formats::fields::{Fields, text_across};
use crate::formats::lenient::as_text;
use crate::formats::{EventReader, Mark, Seen};
use serde_json::Value;

/// The reader of one reply.
#[derive(Debug, Default)]
pub struct Reader {
    again: Again,
    begun: bool,
    /// The part that is being added to.
    open: Option<Open>,
    /// Number of parts so far.
    parts: usize,
    calls: Vec<Known>,
    /// Why it ended, as it was given.
    stop: Option<String>,
    /// `End` or `Error` was given out.
    done: bool,
    /// Gives a call without an id one.
    id: String,
    /// Half a character.
    carry: Option<u16>,
    sound: extra::Sound,
    /// Whether it comes in one piece.
    whole: bool,
    /// The last part of text, which sources and likelihoods belong to.
    text: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Open {
    kind: Shape,
    part: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Text,
    Refusal,
    Thought,
    Call,
    /// There at once.
    Whole,
}

const THOUGHT: Opening = Opening::Thought {
    id: None,
    summary: false,
};

/// A tool call seen before.
#[derive(Debug)]
struct Known {
    /// Its number as the upstream counts.
    index: Option<u64>,
    id: Option<String>,
    /// `None` as long as it has no name.
    part: Option<usize>,
    /// What has come of them.
    arguments: String,
    /// Whether they are free text, which nothing tells to be complete.
    free: bool,
    closed: bool,
}

/// What a chunk says of a tool call.
#[derive(Default)]
struct Piece<'a> {
    index: Option<u64>,
    id: Option<String>,
    seal: Option<Seal>,
    /// Of a tool that takes free text.
    free: bool,
    /// Its name and arguments.
    called: Fields<'a>,
}

impl EventReader for Reader {
    fn read(&mut self, event: &str, data: &[u8], seen: &mut Seen, out: &mut Vec<Event>) -> Mark {
        if self.done {
            return Mark::Setup;
        }
        let data = as_text(data);
        let before = seen.usage;
        let mark = self.again.observe(observe, event, data.as_bytes(), seen);
        match mark {
            Mark::Done => self.finish(out),
            Mark::Error => {
                self.done = true;
                out.extend(seen.fault.clone().map(Event::Error));
            }
            Mark::Malformed => {}
            Mark::Setup | Mark::Content | Mark::Usage => {
                if let Some(more) = self.again.more(data.as_bytes()) {
                    out.push(more);
                    return mark;
                }
                let told = out.len();
                if let Ok(mut fields) = Fields::body(data.as_bytes()) {
                    let used = seen.usage.filter(|used| Some(*used) != before);
                    self.chunk(&mut fields, false, used, out);
                }
                // Sound is kept to its end, and nothing is told of it before.
                let told = match self.sound.is_empty() {
                    true => out.get(told..).unwrap_or_default(),
                    false => &[],
                };
                self.again.read_as(data.as_bytes(), told);
            }
        }
        mark
    }

    fn end(&mut self, out: &mut Vec<Event>) {
        self.finish(out);
    }
}

impl Reader {
    /// One chunk or one whole reply, with the usage it gave. Whether it held a choice.
    pub fn chunk(
        &mut self,
        fields: &mut Fields,
        whole: bool,
        used: Option<Usage>,
        out: &mut Vec<Event>,
    ) -> bool {
        self.whole = whole;
        let id = fields.lenient("id", Fields::text).unwrap_or_default();
        let model = fields.lenient("model", Fields::text).unwrap_or_default();
        let choices = fields
            .lenient("choices", Fields::objects)
            .unwrap_or_default();
        // Azure begins with a chunk about the prompt that has neither id nor model.
        if !self.begun && (!choices.is_empty() || used.is_some()) {
            self.begun = true;
            self.id.clone_from(&id);
            out.push(Event::Begin { id, model });
        }
        let mut held = false;
        for mut choice in choices {
            // Of several answers only the first can be translated.
            if choice.lenient("index", Fields::count).unwrap_or(0) != 0 {
                continue;
            }
            held = true;
            // Perplexity sends both kinds at once, one of them empty or out of step.
            let (first, second) = if whole {
                ("message", "delta")
            } else {
                ("delta", "message")
            };
            let piece = choice
                .lenient(first, Fields::object)
                .map(|piece| (first, piece));
            if let Some((key, mut piece)) =
                piece.or_else(|| Some((second, choice.lenient(second, Fields::object)?)))
            {
                self.piece(&mut piece, key == "message", out);
            }
            if let Some(mut likely) = choice.lenient("logprobs", Fields::object) {
                let content = likely.take("content").map(|raw| logprobs::read(raw.get()));
                let content = content.filter(|content| !content.is_empty());
                self.about_text(content.map(Delta::Logprobs), out);
            }
            if let Some(reason) = choice.lenient("finish_reason", Fields::text) {
                self.stop = Some(reason);
            }
        }
        out.extend(used.map(Event::Usage));
        held
    }

    /// A delta, or a whole message.
    fn piece(&mut self, piece: &mut Fields, whole: bool, out: &mut Vec<Event>) {
        let filled = |text: &String| !text.is_empty();
        let mut words = |raw: Raw<'_>| text_across(raw, &mut self.carry).filter(filled);
        let plain = piece.take("reasoning_content").and_then(&mut words);
        let plain = plain.or_else(|| piece.take("reasoning").and_then(&mut words));
        let blocks = piece
            .lenient("thinking_blocks", Fields::objects)
            .unwrap_or_default();
        let content = piece.take("content").map(|raw| match raw.is_string() {
            true => words(raw)
                .map(|text| (Shape::Text, text))
                .into_iter()
                .collect(),
            false => content(raw),
        });
        let content = content.unwrap_or_default();
        let from_content = plain.is_none() && blocks.is_empty();
        if let Some(text) = plain.filter(|_| !whole || blocks.is_empty()) {
            self.say(Shape::Thought, text, out);
        }
        for mut block in blocks {
            if let Ok(thought) = message::thought(&mut block) {
                self.block(thought, whole, out);
            }
        }
        let mut spoken = false;
        for (shape, text) in content {
            spoken |= shape == Shape::Text;
            if shape == Shape::Text || from_content {
                self.say(shape, text, out);
            }
        }
        if let Some(text) = piece
            .lenient("refusal", Fields::text)
            .filter(|text| filled(text) && !spoken)
        {
            self.say(Shape::Refusal, text, out);
        }
        if let Some(mut audio) = piece.lenient("audio", Fields::object)
            && let Some(text) = self.sound.piece(&mut audio)
        {
            self.say(Shape::Text, text, out);
        }
        let cited = extra::citations(piece);
        self.about_text(cited.into_iter().map(Delta::Citation), out);
        for image in extra::images(piece) {
            self.show(image, out);
        }
        for mut call in piece
            .lenient("tool_calls", Fields::objects)
            .unwrap_or_default()
        {
            let custom = call.lenient("custom", Fields::object);
            let piece = Piece {
                index: call.lenient("index", Fields::count),
                id: call.lenient("id", Fields::text).filter(filled),
                seal: tool::seal(&mut call).ok().flatten(),
                free: custom.is_some(),
                called: custom
                    .or_else(|| call.lenient("function", Fields::object))
                    .unwrap_or_default(),
            };
            self.call(piece, whole, out);
        }
        if let Some(called) = piece.lenient("function_call", Fields::object) {
            let piece = Piece {
                called,
                ..Piece::default()
            };
            self.call(piece, whole, out);
        }
    }

    /// What is told of the text so far.
    fn about_text(&self, told: impl IntoIterator<Item = Delta>, out: &mut Vec<Event>) {
        if let Some(index) = self.text {
            out.extend(told.into_iter().map(|delta| Event::Delta { index, delta }));
        }
    }

    /// A part that is there at once.
    fn show(&mut self, media: Media, out: &mut Vec<Event>) {
        self.start(Shape::Whole, Opening::Media(media), out);
        self.close(false, out);
    }

    /// More text or thought.
    fn say(&mut self, kind: Shape, text: String, out: &mut Vec<Event>) {
        let part = match self.open {
            Some(open) if open.kind == kind => open.part,
            _ => self.start(
                kind,
                match kind {
                    Shape::Refusal => Opening::Refusal,
                    Shape::Thought => THOUGHT,
                    Shape::Text | Shape::Call | Shape::Whole => Opening::Text,
                },
                out,
            ),
        };
        out.push(Event::Delta {
            index: part,
            delta: Delta::Text(text),
        });
    }

    /// A sealed or redacted thought; in a stream its text may have come before.
    fn block(&mut self, thought: Thought, whole: bool, out: &mut Vec<Event>) {
        match thought.seal {
            None if whole => {
                self.close(false, out);
                self.say(Shape::Thought, thought.text, out);
            }
            // A stream repeats what it has said already.
            None => return,
            Some(seal) => {
                let text = thought.text;
                let alone = seal.kind == SealKind::Encrypted;
                let part = match self.open {
                    Some(open) if open.kind == Shape::Thought && !whole && !alone => open.part,
                    _ => {
                        let part = self.start(Shape::Thought, THOUGHT, out);
                        if !text.is_empty() {
                            out.push(Event::Delta {
                                index: part,
                                delta: Delta::Text(text),
                            });
                        }
                        part
                    }
                };
                out.push(Event::Delta {
                    index: part,
                    delta: Delta::Seal(seal),
                });
            }
        }
        self.close(false, out);
    }

    /// A tool call, new or going on. Services number them, or give each an id, or both, or several under one number.
    fn call(&mut self, piece: Piece, whole: bool, out: &mut Vec<Event>) {
        let Piece {
            index,
            id,
            seal,
            free,
            mut called,
        } = piece;
        let name = called
            .lenient("name", Fields::text)
            .filter(|name| !name.is_empty());
        let arguments = match called.take(if free { "input" } else { "arguments" }) {
            Some(raw) if raw.is_string() => text_across(raw, &mut self.carry).unwrap_or_default(),
            // Not as text, but as the object itself.
            Some(raw) => raw.get().to_owned(),
            None => String::new(),
        };
        let known = self
            .calls
            .iter()
            .rposition(|known| index.is_none() || known.index == index)
            .filter(|at| {
                let other_id = id.is_some()
                    && self
                        .calls
                        .get(*at)
                        .is_some_and(|known| known.id.is_some() && known.id != id);
                let unnumbered = index.is_none()
                    && id.is_some()
                    && self.calls.get(*at).is_some_and(|known| known.id != id);
                !whole && !(name.is_some() && (other_id || unnumbered))
            });
        let at = known.unwrap_or_else(|| {
            self.calls.push(Known {
                index,
                id: id.clone(),
                part: None,
                arguments: String::new(),
                free,
                closed: false,
            });
            self.calls.len() - 1
        });
        let Some(known) = self.calls.get_mut(at).filter(|known| !known.closed) else {
            return;
        };
        known.arguments.push_str(&arguments);
        let (part, arguments) = match (known.part, name) {
            (Some(part), _) => (part, arguments),
            (None, None) => return,
            (None, Some(name)) => {
                let id = id.or(known.id.clone());
                // What came before the name as well.
                let arguments = known.arguments.clone();
                let id = id.unwrap_or_else(|| {
                    format!(
                        "call_{}_{at}",
                        self.id
                            .chars()
                            .filter(char::is_ascii_alphanumeric)
                            .collect::<String>()
                    )
                });
                let opening = Opening::Call(Call {
                    id,
                    name,
                    free,
                    seal,
                    ..Call::default()
                });
                let part = self.start(Shape::Call, opening, out);
                if let Some(known) = self.calls.get_mut(at) {
                    known.part = Some(part);
                }
                (part, arguments)
            }
        };
        if !arguments.is_empty() {
            out.push(Event::Delta {
                index: part,
                delta: Delta::Arguments(arguments),
            });
        }
    }

    fn start(&mut self, kind: Shape, opening: Opening, out: &mut Vec<Event>) -> usize {
        self.close(kind == Shape::Call, out);
        let part = self.parts;
        self.parts += 1;
        self.open = Some(Open { kind, part }).filter(|_| kind != Shape::Call);
        if kind == Shape::Text {
            self.text = Some(part);
        }
        out.push(Event::Open {
            index: part,
            part: opening,
        });
        part
    }

    /// Closes what is open. Between calls only those whose arguments are complete: some services send several at once, by turns.
    fn close(&mut self, among_calls: bool, out: &mut Vec<Event>) {
        if let Some(open) = self.open.take() {
            out.push(Event::Close { index: open.part });
        }
        for call in self.calls.iter_mut().filter(|call| !call.closed) {
            let complete = || {
                !call.free && serde_json::from_str::<serde::de::IgnoredAny>(&call.arguments).is_ok()
            };
            if let Some(index) = call.part.filter(|_| !among_calls || complete()) {
                call.closed = true;
                out.push(Event::Close { index });
            }
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
        self.close(false, out);
        if let Some(sound) = self.sound.whole(!self.whole) {
            self.show(sound, out);
        }
        // Some say `stop` where they called a tool.
        let stop = match self.stop.as_deref().map(stop) {
            Some(Stop::End) if self.calls.iter().any(|call| call.part.is_some()) => {
                Some(Stop::Tool)
            }
            stop => stop,
        };
        out.push(Event::End {
            stop,
            sequence: None,
            raw: self.stop.take(),
        });
    }
}

/// Text and thought out of `content` where it is a list of parts, as Mistral sends it.
fn content(raw: Raw<'_>) -> Vec<(Shape, String)> {
    let parts = match raw.typed() {
        Some(Value::Array(parts)) => parts
            .iter()
            .map(|part| match part.get("thinking") {
                Some(thinking) => (Shape::Thought, plain(thinking)),
                None => (Shape::Text, plain(part)),
            })
            .collect(),
        _ => Vec::new(),
    };
    parts
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .collect()
}

/// The text of a string, a part with `text`, or a list of such.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(plain).collect(),
        other => other
            .get("text")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
    }
}

fn stop(reason: &str) -> Stop {
    match reason.to_ascii_lowercase().as_str() {
        "length" | "max_tokens" | "model_length" | "max_output_tokens" => Stop::Length,
        "tool_calls" | "function_call" | "tool_use" | "tool_call" => Stop::Tool,
        "content_filter" | "refusal" | "safety" | "content_filtered" => Stop::Filter,
        _ => Stop::End,
    }
}
