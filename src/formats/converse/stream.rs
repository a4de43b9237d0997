//! Reads an upstream's stream, and the blocks of its whole replies in the same way.

use super::observe::observe;
use super::seals::{self, HOME};
use super::{NAME, block, citation, media, stop};
use crate::chat::{Call, Delta, Event, Media, MediaKind, Native, Opening, Seal, Source};
use crate::formats::alike::Again;
use crate::formats::document::Raw;
use crate::formats::fields::{Fields, text_across};
use crate::formats::steps::Steps;
use crate::formats::{Mark, Seen};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

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
    held: Held,
    closed: bool,
}

/// What a block is.
#[derive(Debug)]
enum Held {
    Text(usize),
    Thought(usize),
    Call(usize),
    /// A call, or what came of one, of a tool that the provider runs. A part once it is complete: of those of this format
    /// alone no other knows a beginning. With its input, or what it holds, so far.
    Native(Value, String, Vec<Value>),
    /// An image, which is a part once it is complete.
    Image(&'static str, Vec<u8>),
    /// Nothing that gw knows.
    Nothing,
}

impl Held {
    fn part(&self) -> Option<usize> {
        match self {
            Held::Text(part) | Held::Thought(part) | Held::Call(part) => Some(*part),
            Held::Native(..) | Held::Image(..) | Held::Nothing => None,
        }
    }
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
    fn step(&mut self, _: &str, fields: &mut Fields, out: &mut Vec<Event>) {
        self.event(fields, out);
    }
    fn last(&mut self, out: &mut Vec<Event>) {
        self.finish(out);
    }
}

impl Reader {
    /// What an event says word for word; by what is in it, as it is observed.
    fn event(&mut self, fields: &mut Fields, out: &mut Vec<Event>) {
        let index = fields.lenient("contentBlockIndex", Fields::count);
        if let Some(mut delta) = fields.lenient("delta", Fields::object) {
            self.begin(out);
            self.delta(index, &mut delta, out);
        } else if let Some(mut start) = fields.lenient("start", Fields::object) {
            self.begin(out);
            self.start(index, &mut start, out);
        } else if let Some(mut output) = fields.lenient("output", Fields::object) {
            self.whole(&mut output, out);
            self.stopped(fields);
        } else if fields.peek("stopReason").is_some() {
            self.begin(out);
            self.stopped(fields);
        } else if index.is_some() {
            self.close(index, out);
        } else if fields.peek("role").is_some() {
            self.begin(out);
        }
    }

    /// The beginning; neither the reply's id nor its model is told here.
    pub fn begin(&mut self, out: &mut Vec<Event>) {
        if !std::mem::replace(&mut self.begun, true) {
            out.push(Event::Begin {
                id: String::new(),
                model: String::new(),
            });
        }
    }

    /// The blocks of a whole answer.
    pub fn whole(&mut self, output: &mut Fields, out: &mut Vec<Event>) {
        self.begin(out);
        let message = output.lenient("message", Fields::object);
        let content = message.and_then(|mut message| message.lenient("content", Fields::list));
        for (index, raw) in content.unwrap_or_default().into_iter().enumerate() {
            if let Ok(mut fields) = Fields::of(raw, "content") {
                let index = Some(index as u64);
                self.block(index, &mut fields, raw, out);
                self.close(index, out);
            }
        }
    }

    /// A block that is all there.
    fn block(
        &mut self,
        index: Option<u64>,
        fields: &mut Fields,
        raw: Raw<'_>,
        out: &mut Vec<Event>,
    ) {
        if let Some(mut call) = fields.lenient("toolUse", Fields::object) {
            let input = call.take("input").map(|raw| raw.get().to_owned());
            self.call(index, &mut call, out);
            return match self.blocks.last_mut().map(|block| &mut block.held) {
                Some(Held::Native(_, text, _)) => *text = input.unwrap_or_default(),
                Some(Held::Call(part)) => {
                    let delta = Delta::Arguments(input.unwrap_or_default());
                    out.push(Event::Delta {
                        index: *part,
                        delta,
                    });
                }
                _ => {}
            };
        }
        if let Some(mut cited) = fields.lenient("citationsContent", Fields::object) {
            let text = block::cited(&mut cited);
            let before = self.blocks.last().map(|block| &block.held);
            let part = match (text.is_empty(), before) {
                // Sources of the text in front of them.
                (true, Some(Held::Text(part))) => *part,
                _ => self.part(index, Held::Text, Opening::Text, out),
            };
            let said = (!text.is_empty()).then(|| Delta::Text(text.text.clone().into_string()));
            let sources = text.citations.into_iter().map(Delta::Citation);
            let deltas = said.into_iter().chain(sources);
            return out.extend(deltas.map(|delta| Event::Delta { index: part, delta }));
        }
        if let Some(mut image) = fields.lenient("image", Fields::object) {
            self.image(index, &mut image);
            let source = image.lenient("source", Fields::object);
            return self.more_image(source);
        }
        if let Some(mut reasoning) = fields.lenient("reasoningContent", Fields::object) {
            return match reasoning.lenient("reasoningText", Fields::object) {
                Some(mut told) => self.reasoning(index, &mut told, out),
                None => self.reasoning(index, &mut reasoning, out),
            };
        }
        if fields.peek("text").is_some() {
            return self.delta(index, fields, out);
        }
        // What a provider's own tools did, and whatever is added later.
        if let Some(json) = raw.typed() {
            self.hold(index, Held::Native(json, String::new(), Vec::new()));
        }
    }

    /// A block begins; texts and thoughts do so without a word.
    fn start(&mut self, index: Option<u64>, start: &mut Fields, out: &mut Vec<Event>) {
        if let Some(mut call) = start.lenient("toolUse", Fields::object) {
            self.call(index, &mut call, out);
        } else if let Some(raw) = start.take("toolResult") {
            let json = raw.typed::<Value>().unwrap_or_default();
            let json = json!({"toolResult": json});
            self.hold(index, Held::Native(json, String::new(), Vec::new()));
        } else if let Some(mut image) = start.lenient("image", Fields::object) {
            self.image(index, &mut image);
        }
    }

    /// A call: the caller's, or one that the provider runs itself.
    fn call(&mut self, index: Option<u64>, call: &mut Fields, out: &mut Vec<Event>) {
        if call.lenient("type", Fields::text).as_deref() == Some("server_tool_use") {
            let mut json = call.json();
            json["type"] = json!("server_tool_use");
            let json = json!({"toolUse": json});
            return self.hold(index, Held::Native(json, String::new(), Vec::new()));
        }
        let mut text = |key: &str| call.lenient(key, Fields::text).unwrap_or_default();
        let opening = Opening::Call(Call {
            id: text("toolUseId"),
            name: text("name"),
            ..Call::default()
        });
        self.part(index, Held::Call, opening, out);
    }

    fn image(&mut self, index: Option<u64>, image: &mut Fields) {
        let format = image.lenient("format", Fields::text);
        let mime = format.and_then(|format| media::image_type(&format));
        let held = mime.map_or(Held::Nothing, |mime| Held::Image(mime, Vec::new()));
        self.hold(index, held);
    }

    /// More of the image that is the last block.
    fn more_image(&mut self, source: Option<Fields>) {
        let data = source.and_then(|mut source| source.lenient("bytes", Fields::text));
        if let Some(Held::Image(_, bytes)) = self.blocks.last_mut().map(|block| &mut block.held) {
            bytes.extend(
                STANDARD
                    .decode(data.unwrap_or_default())
                    .unwrap_or_default(),
            );
        }
    }

    fn hold(&mut self, index: Option<u64>, held: Held) {
        self.blocks.push(Block {
            index: index.unwrap_or(self.blocks.len() as u64),
            held,
            closed: false,
        });
    }

    /// A block that is a part from its beginning.
    fn part(
        &mut self,
        index: Option<u64>,
        held: fn(usize) -> Held,
        part: Opening,
        out: &mut Vec<Event>,
    ) -> usize {
        let number = self.parts;
        self.parts += 1;
        self.hold(index, held(number));
        out.push(Event::Open {
            index: number,
            part,
        });
        number
    }

    /// The open block of this number; without one: the last.
    fn open(&self, index: Option<u64>) -> Option<usize> {
        self.blocks
            .iter()
            .rposition(|block| !block.closed && index.is_none_or(|index| block.index == index))
    }

    /// The part of such a block, begun where none is open: of texts and thoughts nobody says that they begin.
    fn going_on(&mut self, index: Option<u64>, thought: bool, out: &mut Vec<Event>) -> usize {
        let found = self.open(index).and_then(|at| self.blocks.get(at));
        match found.map(|block| &block.held) {
            Some(Held::Text(part)) if !thought => return *part,
            Some(Held::Thought(part)) if thought => return *part,
            // Of another kind under the same number.
            Some(_) => self.close(index, out),
            None => {}
        }
        match thought {
            true => self.part(index, Held::Thought, THOUGHT, out),
            false => self.part(index, Held::Text, Opening::Text, out),
        }
    }

    fn delta(&mut self, index: Option<u64>, delta: &mut Fields, out: &mut Vec<Event>) {
        if let Some(raw) = delta.take("text") {
            let part = self.going_on(index, false, out);
            let text = text_across(raw, &mut self.carry).filter(|text| !text.is_empty());
            let delta = text.map(Delta::Text);
            return out.extend(delta.map(|delta| Event::Delta { index: part, delta }));
        }
        if let Some(mut reasoning) = delta.lenient("reasoningContent", Fields::object) {
            return self.reasoning(index, &mut reasoning, out);
        }
        if let Some(mut source) = delta.lenient("citation", Fields::object) {
            let part = self.going_on(index, false, out);
            let delta = Delta::Citation(citation::read(&mut source));
            return out.push(Event::Delta { index: part, delta });
        }
        let Some(block) = self.open(index).and_then(|at| self.blocks.get_mut(at)) else {
            return;
        };
        match &mut block.held {
            Held::Call(part) => {
                let call = delta.lenient("toolUse", Fields::object);
                let raw = call.and_then(|mut call| call.take("input"));
                let more = raw.and_then(|raw| text_across(raw, &mut self.carry));
                let delta = more.filter(|more| !more.is_empty()).map(Delta::Arguments);
                let index = *part;
                out.extend(delta.map(|delta| Event::Delta { index, delta }));
            }
            Held::Native(_, input, content) => {
                let call = delta.lenient("toolUse", Fields::object);
                let more = call.and_then(|mut call| call.lenient("input", Fields::text));
                input.push_str(&more.unwrap_or_default());
                if let Some(Value::Array(more)) = delta.lenient("toolResult", Fields::value) {
                    content.extend(more);
                }
            }
            Held::Image(..) => {
                let image = delta.lenient("image", Fields::object);
                let source = image.and_then(|mut image| image.lenient("source", Fields::object));
                self.more_image(source);
            }
            Held::Text(_) | Held::Thought(_) | Held::Nothing => {}
        }
    }

    /// What a thought says and how it is sealed, in either spelling.
    fn reasoning(&mut self, index: Option<u64>, told: &mut Fields, out: &mut Vec<Event>) {
        let part = self.going_on(index, true, out);
        let text = told.take("text");
        let text = text.and_then(|raw| text_across(raw, &mut self.carry));
        let signature = told.lenient("signature", Fields::text);
        let hidden = told.lenient("redactedContent", Fields::text);
        let deltas = [
            text.map(Delta::Text),
            signature.map(|data| Delta::Seal(Seal::signature(HOME, data))),
            hidden
                .and_then(|blob| seals::redacted(&blob))
                .map(Delta::Seal),
        ];
        for delta in deltas.into_iter().flatten() {
            let empty = match &delta {
                Delta::Text(text) | Delta::Seal(Seal { data: text, .. }) => text.is_empty(),
                _ => false,
            };
            if !empty {
                out.push(Event::Delta { index: part, delta });
            }
        }
    }

    /// A block is complete.
    pub fn close(&mut self, index: Option<u64>, out: &mut Vec<Event>) {
        let Some(block) = self.open(index).and_then(|at| self.blocks.get_mut(at)) else {
            return;
        };
        block.closed = true;
        if let Some(index) = block.held.part() {
            return out.push(Event::Close { index });
        }
        let part = match std::mem::replace(&mut block.held, Held::Nothing) {
            Held::Native(mut json, input, content) => {
                if let Ok(input) = serde_json::from_str::<Value>(&input)
                    && let Some(call) = json.get_mut("toolUse")
                {
                    call["input"] = input;
                }
                if !content.is_empty()
                    && let Some(result) = json.get_mut("toolResult").filter(|it| it.is_object())
                {
                    result["content"] = Value::Array(content);
                }
                Opening::Native(Native { format: NAME, json })
            }
            Held::Image(mime, bytes) if !bytes.is_empty() => Opening::Media(Media {
                kind: MediaKind::Image,
                source: Source::Base64 {
                    mime: mime.to_owned(),
                    data: STANDARD.encode(bytes),
                },
                name: None,
                detail: None,
            }),
            _ => return,
        };
        let index = self.parts;
        self.parts += 1;
        out.extend([Event::Open { index, part }, Event::Close { index }]);
    }

    /// Why it ended, as `messageStop` and whole replies say it.
    pub fn stopped(&mut self, fields: &mut Fields) {
        if let Some(reason) = fields.lenient("stopReason", Fields::text) {
            let theirs = fields.lenient("additionalModelResponseFields", Fields::object);
            let sequence =
                theirs.and_then(|mut theirs| theirs.lenient("stop_sequence", Fields::text));
            self.stop = Some((reason, sequence));
        }
    }

    /// The end of the reply, once.
    pub fn finish(&mut self, out: &mut Vec<Event>) {
        if self.done {
            return;
        }
        self.done = true;
        self.begin(out);
        while self.open(None).is_some() {
            // The first that was opened is closed first.
            let first = self.blocks.iter().find(|block| !block.closed);
            let index = first.map(|block| block.index);
            self.close(index, out);
        }
        let (raw, sequence) = self.stop.take().unzip();
        out.push(Event::End {
            stop: raw.as_deref().map(stop::read),
            sequence: sequence.flatten(),
            raw,
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::chat::{Part, Reply, Stop};
    use crate::formats::EventReader;

    fn read(events: &[(&str, Value)]) -> (Vec<Event>, Seen) {
        let (mut reader, mut seen, mut out) = (Reader::default(), Seen::default(), Vec::new());
        for (name, data) in events {
            reader.read(name, data.to_string().as_bytes(), &mut seen, &mut out);
        }
        reader.end(&mut out);
        (out, seen)
    }

    fn delta(index: u64, delta: Value) -> (&'static str, Value) {
        (
            "contentBlockDelta",
            json!({"contentBlockIndex": index, "delta": delta, "p": "abc"}),
        )
    }

    fn stop(index: u64) -> (&'static str, Value) {
        ("contentBlockStop", json!({"contentBlockIndex": index}))
    }

    #[test]
    fn texts_begin_without_a_word_and_what_the_provider_runs_is_no_call() {
        let start = |index: u64, start: Value| {
            let data = json!({"contentBlockIndex": index, "start": start});
            ("contentBlockStart", data)
        };
        let code =
            json!({"toolUseId": "t1", "name": "nova_code_interpreter", "type": "server_tool_use"});
        let result =
            json!({"toolUseId": "t1", "type": "nova_code_interpreter_result", "status": "success"});
        let call = json!({"toolUseId": "t2", "name": "f", "type": "tool_use"});
        let (events, seen) = read(&[
            ("messageStart", json!({"role": "assistant"})),
            delta(0, json!({"reasoningContent": {"text": "h"}})),
            delta(0, json!({"reasoningContent": {"text": "m"}})),
            delta(0, json!({"reasoningContent": {"signature": "s"}})),
            stop(0),
            start(1, json!({"toolUse": code})),
            delta(1, json!({"toolUse": {"input": "{\"snippet\":"}})),
            delta(1, json!({"toolUse": {"input": "\"1\"}"}})),
            stop(1),
            start(2, json!({"toolResult": result})),
            delta(2, json!({"toolResult": [{"json": {"stdOut": "1"}}]})),
            stop(2),
            delta(
                3,
                json!({"citation": {"title": "t", "sourceContent": [{"text": "q"}]}}),
            ),
            delta(3, json!({"text": "o"})),
            delta(3, json!({"text": "ne"})),
            stop(3),
            start(4, json!({"toolUse": call})),
            delta(4, json!({"toolUse": {"input": ""}})),
            delta(4, json!({"toolUse": {"input": "{}"}})),
            stop(4),
            ("messageStop", json!({"stopReason": "tool_use"})),
            (
                "metadata",
                json!({"usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3}, "metrics": {"latencyMs": 1}}),
            ),
        ]);
        let reply = Reply::fold(events.iter().cloned()).unwrap();
        assert_eq!((reply.stop, seen.finished), (Some(Stop::Tool), true));
        assert_eq!(reply.usage.unwrap().total(), 3);
        let [
            Part::Thought(thought),
            Part::Native(code),
            Part::Native(result),
            Part::Text(text),
            Part::Call(call),
        ] = &reply.parts[..]
        else {
            panic!("{:?}", reply.parts);
        };
        assert_eq!(
            (&*thought.text, &thought.seal),
            ("hm", &Some(Seal::signature(HOME, "s")))
        );
        assert_eq!(code.json["toolUse"]["input"], json!({"snippet": "1"}));
        assert_eq!(
            result.json["toolResult"]["content"],
            json!([{"json": {"stdOut": "1"}}])
        );
        assert_eq!((&*text.text, text.citations.len()), ("one", 1));
        assert_eq!((&*call.id, &*call.arguments), ("t2", "{}"));
    }

    #[test]
    fn an_exception_ends_it_and_is_told() {
        let (events, seen) = read(&[
            ("messageStart", json!({"role": "assistant"})),
            delta(0, json!({"text": "a"})),
            (
                "throttlingException",
                json!({"message": "Too many requests"}),
            ),
            delta(0, json!({"text": "b"})),
        ]);
        let fault = Reply::fold(events.iter().cloned()).unwrap_err();
        assert_eq!((fault.status, &*fault.message), (429, "Too many requests"));
        assert!(!seen.finished);
    }

    #[test]
    fn images_come_in_pieces() {
        let (events, _) = read(&[
            (
                "contentBlockStart",
                json!({"contentBlockIndex": 0, "start": {"image": {"format": "png"}}}),
            ),
            delta(0, json!({"image": {"source": {"bytes": "aA=="}}})),
            delta(0, json!({"image": {"source": {"bytes": "aQ=="}}})),
            stop(0),
            ("messageStop", json!({"stopReason": "end_turn"})),
        ]);
        let reply = Reply::fold(events.iter().cloned()).unwrap();
        let Some(Part::Media(media)) = reply.parts.first() else {
            panic!("{:?}", reply.parts);
        };
        let source = Source::Base64 {
            mime: "image/png".to_owned(),
            data: "aGk=".to_owned(),
        };
        assert_eq!(media.source, source);
    }
}
