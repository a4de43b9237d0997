//! Events of a stream that are alike: most differ from the one before in a piece of text alone. What such an event means is
//! read once, and of the next nothing but that text is looked at. Must not know any format: what may differ is tried out on
//! the format's own observer.

use super::scan::plain;
use super::{Mark, Seen};
use crate::chat::{Delta, Event, unescaped};
use std::ops::Range;

/// What one event says of the reply, as a format's row has it.
type Observe = fn(&str, &[u8], &mut Seen) -> Mark;

/// Members with free text in every format that has them, none of which means anything by itself: what the model says, and
/// padding (<https://platform.openai.com/docs/api-reference/chat-streaming/streaming> `obfuscation`,
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html> `p`).
const TEXTS: [&[u8]; 11] = [
    b"content",
    b"text",
    b"thinking",
    b"reasoning_content",
    b"reasoning",
    b"refusal",
    b"arguments",
    b"partial_json",
    b"delta",
    b"obfuscation",
    b"p",
];

/// Members whose numbers go on from event to event.
const NUMBERS: [&[u8]; 2] = [b"sequence_number", b"created"];

/// How many events in a row are learnt from for nothing, before that is given up.
const MOST: u8 = 8;

/// What the events of one stream have been found to have in common.
#[derive(Debug, Default)]
pub struct Alike {
    shape: Option<Shape>,
    in_vain: u8,
    /// Where the text of the last event stands, with its quotes, if that was known by its likeness or all it said.
    said: Option<Range<usize>>,
    /// It was known by its likeness.
    known: bool,
}

impl Alike {
    /// What `observe` makes of an event, which is asked only where the event is not known already.
    pub fn observe(&mut self, observe: Observe, event: &str, data: &[u8], seen: &mut Seen) -> Mark {
        let found = self.shape.as_ref().and_then(|it| it.text(event, data));
        self.known = found.is_some();
        if let Some((bytes, said)) = found {
            seen.text_bytes = seen.text_bytes.saturating_add(bytes);
            self.in_vain = 0;
            self.said = said;
            return Mark::Content;
        }
        self.said = None;
        if self.in_vain >= MOST {
            self.shape = None;
            return observe(event, data, seen);
        }
        let before = seen.clone();
        let mark = observe(event, data, seen);
        // An event means what it means to what is known by then.
        if !only_text_between(&before, seen) {
            self.shape = None;
        } else if mark == Mark::Content {
            self.in_vain += 1;
            self.shape = Shape::of(observe, event, data, &before, seen.text_bytes);
            let said = self.shape.as_ref().and_then(|it| it.text(event, data));
            self.said = said.and_then(|(_, said)| said);
        }
        mark
    }

    /// The text of the event that was observed last, if there is nothing else in it.
    fn text(&self, data: &[u8]) -> Option<String> {
        unescaped(data.get(self.said.clone()?)?)
    }
}

/// The same for readers, which know beside what an event means what it says.
#[derive(Debug, Default)]
pub struct Again {
    alike: Alike,
    /// The part that the last events added to, if nothing else came of them: what is like them adds to it, too.
    part: Option<usize>,
}

impl Again {
    /// What `observe` makes of an event. [`Again::more`] may know what it says.
    pub fn observe(&mut self, observe: Observe, event: &str, data: &[u8], seen: &mut Seen) -> Mark {
        self.alike.observe(observe, event, data, seen)
    }

    /// What the event that was observed says; `None`: it has to be read.
    pub fn more(&self, data: &[u8]) -> Option<Event> {
        let index = self.part.filter(|_| self.alike.known)?;
        let delta = Delta::Text(self.alike.text(data)?);
        Some(Event::Delta { index, delta })
    }

    /// The event that was observed was read, and this came of it. For readers that remember nothing of texts.
    pub fn read_as(&mut self, data: &[u8], told: &[Event]) {
        self.part = match told {
            [
                Event::Delta {
                    index,
                    delta: Delta::Text(text),
                },
            ] if self.alike.text(data).as_ref() == Some(text) => Some(*index),
            _ => None,
        };
    }
}

/// Whether nothing has become known but more text.
fn only_text_between(before: &Seen, after: &Seen) -> bool {
    let text_bytes = after.text_bytes;
    Seen {
        text_bytes,
        ..before.clone()
    } == *after
}

/// An event with holes in it.
#[derive(Debug)]
struct Shape {
    event: String,
    head: Vec<u8>,
    holes: Vec<Hole>,
    /// Bytes of text beside what is in the holes.
    fixed: u64,
}

#[derive(Debug)]
struct Hole {
    kind: Kind,
    /// What follows it.
    behind: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Text that counts.
    Text,
    /// Text that does not.
    Padding,
    Number,
}

impl Shape {
    /// The shape of an event that said something and nothing else: `before` is what was known without it, `text_bytes` how
    /// much text there is with it. `None`: nothing is known to be free in it.
    fn of(
        observe: Observe,
        event: &str,
        data: &[u8],
        before: &Seen,
        text_bytes: u64,
    ) -> Option<Shape> {
        let mut fixed = text_bytes.checked_sub(before.text_bytes)?;
        let spans = spans(data);
        let mut shape = Shape {
            event: event.to_owned(),
            head: data.get(..spans.first()?.0.start)?.to_vec(),
            holes: Vec::with_capacity(spans.len()),
            fixed: 0,
        };
        let mut next = spans.iter().skip(1).map(|(span, _)| span.start);
        for (span, number) in &spans {
            let (length, bytes) = match number {
                true => (span.len(), 0),
                false => string(data.get(span.start..)?)?,
            };
            if length == 0 || length != span.len() {
                return None;
            }
            // Another in its place shows whether it counts, and that it does nothing else.
            let others = match number {
                true => [("31", 0), ("7", 0)],
                false => [("x\\n\u{e9}", 4), ("\\\"x", 2)],
            };
            let own = data.get(span.clone())?;
            let differs = |(other, more): &&(&str, u64)| match number {
                true => other.as_bytes() != own,
                false => *more != bytes,
            };
            let (other, more) = others.iter().find(differs)?;
            let [front, back] = [data.get(..span.start)?, data.get(span.end..)?];
            let mut seen = before.clone();
            if observe(event, &[front, other.as_bytes(), back].concat(), &mut seen) != Mark::Content
                || !only_text_between(before, &seen)
            {
                return None;
            }
            let kind = match (number, seen.text_bytes) {
                (true, same) if same == text_bytes => Kind::Number,
                (false, same) if same == text_bytes => Kind::Padding,
                (false, counted) if counted + bytes == text_bytes + more => Kind::Text,
                _ => return None,
            };
            if kind == Kind::Text {
                fixed = fixed.checked_sub(bytes)?;
            }
            let behind = data.get(span.end..next.next().unwrap_or(data.len()))?;
            shape.holes.push(Hole {
                kind,
                behind: behind.to_vec(),
            });
        }
        shape.fixed = fixed;
        let counts = |hole: &Hole| hole.kind == Kind::Text;
        shape.holes.iter().any(counts).then_some(shape)
    }

    /// Bytes of text in an event of this shape, and where they are if they are all in one place; `None`: it has another.
    fn text(&self, event: &str, data: &[u8]) -> Option<(u64, Option<Range<usize>>)> {
        let mut left = data.strip_prefix(&*self.head)?;
        let (mut text, mut said, mut texts) = (self.fixed, None, 0);
        if event != self.event {
            return None;
        }
        for hole in &self.holes {
            let (length, bytes) = match hole.kind {
                Kind::Number => (number(left)?, 0),
                Kind::Text | Kind::Padding => string(left)?,
            };
            // None at all may mean something of its own.
            if length == 0 {
                return None;
            }
            if hole.kind == Kind::Text {
                let start = data.len() - left.len();
                said = Some(start.saturating_sub(1)..start + length + 1);
                texts += 1;
                text += bytes;
            }
            left = left.get(length..)?.strip_prefix(&*hole.behind)?;
        }
        let alone = self.fixed == 0 && texts == 1;
        left.is_empty().then_some((text, said.filter(|_| alone)))
    }
}

/// Where what may differ stands in a JSON document, without quotes, and whether it is a number. Empty texts are none.
fn spans(data: &[u8]) -> Vec<(Range<usize>, bool)> {
    let mut spans = Vec::new();
    let (mut at, mut key) = (0, &b""[..]);
    while let Some(byte) = data.get(at) {
        match byte {
            b'"' => {
                let rest = data.get(at + 1..).unwrap_or_default();
                let Some((length, _)) = string(rest) else {
                    return Vec::new();
                };
                let span = at + 1..at + 1 + length;
                at = span.end + 1;
                let behind = data.get(at..).unwrap_or_default().trim_ascii_start();
                if behind.first() == Some(&b':') {
                    key = data.get(span).unwrap_or_default();
                } else if length > 0 && TEXTS.contains(&key) {
                    spans.push((span, false));
                }
            }
            b'0'..=b'9' if NUMBERS.contains(&key) => {
                let Some(length) = number(data.get(at..).unwrap_or_default()) else {
                    return Vec::new();
                };
                spans.push((at..at + length, true));
                at += length;
            }
            _ => at += 1,
        }
    }
    spans
}

/// The inside of a string up to its quote, and how many bytes it means. `None`: it is none, or has escapes that are not one
/// byte each.
fn string(rest: &[u8]) -> Option<(usize, u64)> {
    let (mut at, mut escapes) = (0, 0);
    loop {
        at += plain(rest.get(at..)?);
        match rest.get(at)? {
            b'"' => break,
            b'\\'
                if matches!(
                    rest.get(at + 1)?,
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't'
                ) =>
            {
                at += 2;
                escapes += 1;
            }
            _ => return None,
        }
    }
    std::str::from_utf8(rest.get(..at)?).ok()?;
    Some((at, at as u64 - escapes))
}

/// The length of a whole number that is not negative; `None`: it is none.
fn number(rest: &[u8]) -> Option<usize> {
    let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let plain = length > 0 && (length == 1 || rest.first() != Some(&b'0'));
    let ends = !matches!(rest.get(length), Some(b'.' | b'e' | b'E'));
    (plain && ends && length < 18).then_some(length)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::formats::{self, FORMATS, FormatId};
    use proptest::prelude::*;
    use std::cell::Cell;

    thread_local!(static ASKED: Cell<usize> = const { Cell::new(0) });

    fn counted(event: &str, data: &[u8], seen: &mut Seen) -> Mark {
        ASKED.set(ASKED.get() + 1);
        (formats::format(FormatId::OpenaiChat).observe)(event, data, seen)
    }

    fn chunk(text: &str, padding: &str) -> String {
        format!(
            r#"{{"id":"c","created":17,"model":"m","choices":[{{"index":0,"delta":{{"content":"{text}"}},"finish_reason":null}}],"obfuscation":"{padding}"}}"#
        )
    }

    #[test]
    fn an_event_like_the_one_before_is_not_read_again() {
        let (mut alike, mut seen) = (Alike::default(), Seen::default());
        let mut tell = |data: &str| {
            let before = ASKED.get();
            let mark = alike.observe(counted, "", data.as_bytes(), &mut seen);
            (mark, ASKED.get() - before > 0, seen.text_bytes)
        };
        assert_eq!(tell(&chunk("Hel", "abc")), (Mark::Content, true, 3));
        // With the first it became known that there is a choice.
        assert_eq!(tell(&chunk("lo", "x")), (Mark::Content, true, 5));
        assert_eq!(tell(&chunk("\\n\u{e9}", "defg")), (Mark::Content, false, 8));
        // No text, or one that has to be read.
        assert_eq!(tell(&chunk("", "defg")), (Mark::Setup, true, 8));
        assert_eq!(tell(&chunk("\\u00e9", "defg")), (Mark::Content, true, 10));
        assert_eq!(tell(&chunk("a", "b")), (Mark::Content, true, 11));
        assert_eq!(tell(&chunk("a", "b")), (Mark::Content, false, 12));
        assert_eq!(
            tell(&chunk("a", "b").replace("17", "18")),
            (Mark::Content, false, 13)
        );
        assert_eq!(
            tell(&chunk("a", "b").replace("17", "018")),
            (Mark::Malformed, true, 13)
        );
        assert_eq!(
            tell(&chunk("a", "b").replace("null", "\"stop\"")),
            (Mark::Content, true, 14)
        );
        assert_eq!(tell("[DONE]"), (Mark::Done, true, 14));
        assert!(seen.finished);
    }

    /// Events as streams of the formats have them, whole or with something else about them.
    fn event() -> impl Strategy<Value = (String, String)> {
        let text = prop_oneof![
            3 => "[a-z ]{0,6}",
            1 => prop_oneof![Just("\\n"), Just("\\u00e9"), Just("\u{e9}"), Just("\\ud83d"), Just("\\x"), Just("\""), Just("\n")].prop_map(str::to_owned),
        ];
        let outer = prop_oneof![
            Just(
                r#"{"object":"chat.completion.chunk","created":7,"choices":[{"index":0,"delta":{"content":"<"},"finish_reason":null}],"usage":null}"#
            ),
            Just(
                r#"{"choices":[{"index":0,"delta":{"reasoning_content":"<","reasoning":"<"}}],"obfuscation":">"}"#
            ),
            Just(r#"{"choices":[{"index":0,"delta":{"content":"<"},"finish_reason":">"}]}"#),
            Just(
                r#"{"choices":[{"index":0,"delta":{"content":"<","refusal":">"}}],"usage":{"prompt_tokens":5,"completion_tokens":1}}"#
            ),
            Just(
                r#"{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"<"}}]}}]}"#
            ),
            Just(
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"<"}}"#
            ),
            Just(
                r#"{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"<"}}"#
            ),
            Just(
                r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":5}}"#
            ),
            Just(
                r#"{"type":"response.output_text.delta","sequence_number":4,"item_id":"i","delta":"<","logprobs":[],"obfuscation":">"}"#
            ),
            Just(
                r#"{"candidates":[{"content":{"parts":[{"text":"<"}],"role":"model"}}],"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":2}}"#
            ),
            Just(
                r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"<"}}}}"#
            ),
            Just(r#"{"contentBlockIndex":0,"delta":{"text":"<"},"p":">"}"#),
            Just(r#"{"error":{"message":"<"}}"#),
        ];
        let name = prop_oneof![Just(""), Just("content_block_delta"), Just("error")];
        let number = prop_oneof![3 => "[0-9]{1,2}", 1 => Just("7.5".to_owned())];
        (name, outer, text.clone(), text, number).prop_map(|(name, outer, one, other, number)| {
            let data = outer.replace('<', &one).replace('>', &other);
            (name.to_owned(), data.replace(":7,", &format!(":{number},")))
        })
    }

    proptest! {
        #[test]
        fn what_is_known_by_likeness_is_what_is_read(events in proptest::collection::vec((event(), 1_usize..4), 1..12)) {
            for format in FORMATS {
                let mut alike = Alike::default();
                let (mut known, mut read) = (Seen::default(), Seen::default());
                for ((name, data), times) in &events {
                    for _ in 0..*times {
                        let by_likeness = alike.observe(format.observe, name, data.as_bytes(), &mut known);
                        let by_reading = (format.observe)(name, data.as_bytes(), &mut read);
                        prop_assert_eq!(by_likeness, by_reading, "{} {}", format.name, data);
                        prop_assert_eq!(&known, &read, "{} {}", format.name, data);
                    }
                }
            }
        }
    }
}
