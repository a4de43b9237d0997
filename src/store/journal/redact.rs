//! What is never to be kept, by patterns: taken out of bodies and of what errors say before anybody sees the row. In time
//! that is linear in what is looked through. Must not know where rows are kept.

use super::{Content, Row};
use crate::error::{Error, Result};
use regex::bytes::{Regex, RegexBuilder};
use std::ops::Range;
use std::sync::Arc;

/// Patterns at most, and bytes of each when it is compiled.
const MOST: usize = 64;
const SIZE: usize = 4 << 20;

/// A pattern with a name.
struct Known {
    name: &'static str,
    pattern: &'static str,
    /// What stands in its place.
    mark: &'static str,
    /// What a pattern cannot say.
    check: fn(&[u8]) -> bool,
}

const KNOWN: [Known; 2] = [
    Known {
        name: "email",
        pattern: r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}",
        mark: "[email]",
        check: |_| true,
    },
    // 12 to 19 digits (ISO/IEC 7812-1), with spaces or hyphens between.
    Known {
        name: "card",
        pattern: r"\b[0-9](?:[ -]?[0-9]){11,18}\b",
        mark: "[card]",
        check: luhn,
    },
];

/// The name of the pattern of credentials; whoever knows their shapes brings it.
const KEYS: &str = "keys";

/// Whether digits have the check digit that numbers of cards have.
fn luhn(text: &[u8]) -> bool {
    let digits = text.iter().rev().filter(|byte| byte.is_ascii_digit());
    let sum: u32 = digits
        .enumerate()
        .map(|(at, byte)| match (u32::from(byte - b'0'), at % 2) {
            (digit, 0) => digit,
            (digit, _) => digit * 2 % 10 + digit / 5,
        })
        .sum();
    sum.is_multiple_of(10)
}

struct Rule {
    find: Regex,
    mark: &'static str,
    check: fn(&[u8]) -> bool,
}

/// What is taken out; nothing unless it is asked for.
#[derive(Clone, Default)]
pub struct Redaction(Arc<[Rule]>);

impl std::fmt::Debug for Redaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redaction({} patterns)", self.0.len())
    }
}

impl Redaction {
    /// By names of patterns (`email`, `card`, `keys`) and regular expressions; `keys`: what credentials look like.
    pub fn new(words: &[String], keys: &str) -> Result<Redaction> {
        let failed =
            |message: String, hint: &str| Error::invalid(message).param("logs.redact").hint(hint);
        if words.len() > MOST {
            let message = format!("`logs.redact` has more than {MOST} patterns");
            return Err(failed(message, "put some of them together: one|other"));
        }
        let rules = words.iter().map(|word| {
            let known = KNOWN.iter().find(|known| known.name == word);
            let (pattern, mark, check) = match known {
                Some(known) => (known.pattern, known.mark, known.check),
                None if word == KEYS => (keys, "[key]", (|_| true) as fn(&[u8]) -> bool),
                None => (word.as_str(), "[redacted]", (|_| true) as fn(&[u8]) -> bool),
            };
            let find = RegexBuilder::new(pattern)
                .size_limit(SIZE)
                .build()
                .map_err(|error| {
                    let message =
                        format!("`{}` in `logs.redact` is no pattern", word.escape_debug());
                    failed(message, "give email, card, keys or a regular expression").cause(error)
                })?;
            // It would stand between all characters.
            if find.is_match(b"") {
                let message = format!(
                    "`{}` in `logs.redact` fits nothing at all",
                    word.escape_debug()
                );
                return Err(failed(message, "write it so that it needs a character"));
            }
            Ok(Rule { find, mark, check })
        });
        Ok(Redaction(rules.collect::<Result<Vec<Rule>>>()?.into()))
    }

    /// Whether nothing is taken out.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes it out of what a row says of errors; how often.
    pub fn row(&self, row: &mut Row) -> u64 {
        let reasons = row.attempts.iter_mut().map(|it| &mut it.reason);
        let texts = std::iter::once(&mut row.error).chain(reasons);
        texts
            .flatten()
            .map(|text| match self.bytes(text.as_bytes()) {
                Some((clean, count)) => {
                    *text = String::from_utf8_lossy(&clean).into_owned();
                    count
                }
                None => 0,
            })
            .sum()
    }

    /// Takes it out of what was sent and answered; how often. A stream has its text in pieces, and what is looked for
    /// may begin in one and end in another.
    pub fn content(&self, content: &mut Content, stream: bool) -> u64 {
        let mut count = 0;
        let mut take = |clean: Option<(Vec<u8>, u64)>| {
            let (clean, found) = clean?;
            count += found;
            Some(clean)
        };
        let request = take(self.bytes(content.request()));
        let mut answer = content.response();
        if stream && let Some(clean) = take(self.pieces(&answer)) {
            answer = clean.into();
        }
        if let Some(clean) = take(self.bytes(&answer)) {
            answer = clean.into();
        }
        if count > 0 {
            let answer = answer.into_owned();
            let request = request.unwrap_or_else(|| content.request().to_vec());
            *content = Content::new(request, vec![answer.into()]).cut(content.truncated());
        }
        count
    }

    /// Places of what is to be taken out, with what stands there instead.
    fn places(&self, bytes: &[u8]) -> Vec<(Range<usize>, &'static str)> {
        let mut places: Vec<(Range<usize>, &'static str)> = Vec::new();
        for rule in self.0.iter() {
            let found = rule
                .find
                .find_iter(bytes)
                .filter(|it| (rule.check)(it.as_bytes()));
            places.extend(found.map(|it| (behind_escape(bytes, it.range()), rule.mark)));
        }
        places.sort_by_key(|(place, _)| (place.start, std::cmp::Reverse(place.end)));
        let mut end = 0;
        places.retain(|(place, _)| {
            let apart = place.start >= end && !place.is_empty();
            if apart {
                end = place.end;
            }
            apart
        });
        places
    }

    /// The bytes without; nothing where nothing is to go.
    fn bytes(&self, bytes: &[u8]) -> Option<(Vec<u8>, u64)> {
        let places = self.places(bytes);
        (!places.is_empty()).then(|| (replaced(bytes, &places), places.len() as u64))
    }

    /// A stream without what lies across its pieces.
    fn pieces(&self, bytes: &[u8]) -> Option<(Vec<u8>, u64)> {
        let mut edits: Vec<(Range<usize>, &'static str)> = Vec::new();
        let mut count = 0;
        for pieces in texts(bytes) {
            let joined: Vec<u8> = pieces
                .iter()
                .flat_map(|it| &bytes[it.clone()])
                .copied()
                .collect();
            for (place, mark) in self.places(&joined) {
                let mut from = 0;
                let mut parts = Vec::new();
                for piece in &pieces {
                    let begin = place.start.max(from);
                    let end = place.end.min(from + piece.len());
                    if begin < end {
                        parts.push(piece.start + begin - from..piece.start + end - from);
                    }
                    from += piece.len();
                }
                // What is whole in one is found there.
                if parts.len() > 1 {
                    count += 1;
                    let marks = std::iter::once(mark).chain(std::iter::repeat(""));
                    edits.extend(parts.into_iter().zip(marks));
                }
            }
        }
        edits.sort_by_key(|(place, _)| place.start);
        (count > 0).then(|| (replaced(bytes, &edits), count))
    }
}

/// A place without the letter of an escape (`\n`, `\u00e9`) that it begins with: JSON is to stay JSON.
fn behind_escape(bytes: &[u8], mut place: Range<usize>) -> Range<usize> {
    let before = bytes[..place.start].iter().rev();
    if before.take_while(|byte| **byte == b'\\').count() % 2 == 1 {
        let letters = if bytes.get(place.start) == Some(&b'u') {
            5
        } else {
            1
        };
        place.start = (place.start + letters).min(place.end);
    }
    place
}

fn replaced(bytes: &[u8], places: &[(Range<usize>, &'static str)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut from = 0;
    for (place, mark) in places {
        out.extend_from_slice(&bytes[from..place.start]);
        out.extend_from_slice(mark.as_bytes());
        from = place.end;
    }
    out.extend_from_slice(&bytes[from..]);
    out
}

/// Members of events that carry a piece of a text, in the formats there are.
const PIECES: [&str; 9] = [
    "content",
    "text",
    "delta",
    "arguments",
    "partial_json",
    "thinking",
    "reasoning",
    "reasoning_content",
    "refusal",
];

/// Where the pieces of texts are in a stream of JSON: those of one name together, in their order.
fn texts(bytes: &[u8]) -> Vec<Vec<Range<usize>>> {
    let mut texts: Vec<Vec<Range<usize>>> = vec![Vec::new(); PIECES.len()];
    let mut at = 0;
    // A string, and where a colon and another follow it: a member.
    while let Some(name) = string(bytes, at) {
        at = name.end + 1;
        let member = PIECES
            .iter()
            .position(|it| it.as_bytes() == &bytes[name.clone()]);
        let Some(member) = member else { continue };
        let rest = bytes[at..]
            .iter()
            .position(|byte| !byte.is_ascii_whitespace());
        let colon = rest.map(|rest| at + rest).filter(|at| bytes[*at] == b':');
        let value = colon.and_then(|colon| {
            let rest = bytes[colon + 1..].iter();
            Some(colon + 1 + rest.clone().position(|byte| !byte.is_ascii_whitespace())?)
        });
        let Some(value) = value.filter(|value| bytes[*value] == b'"') else {
            continue;
        };
        if let Some(value) = string(bytes, value) {
            at = value.end + 1;
            texts[member].push(value);
        }
    }
    texts.retain(|pieces| pieces.len() > 1);
    texts
}

/// What is between the next quotes from here on.
fn string(bytes: &[u8], from: usize) -> Option<Range<usize>> {
    let start = from + memchr::memchr(b'"', bytes.get(from..)?)? + 1;
    let mut at = start;
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        match bytes[at] {
            b'"' => return Some(start..at),
            _ => at += 2,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::Attempt;
    use super::*;
    use bytes::Bytes;
    use proptest::prelude::*;

    fn redaction(words: &[&str]) -> Redaction {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Redaction::new(&words, r"sk-[a-z0-9]{10,}").unwrap()
    }

    fn clean(redaction: &Redaction, text: &str) -> String {
        let found = redaction.bytes(text.as_bytes());
        String::from_utf8(found.map_or(text.into(), |(clean, _)| clean)).unwrap()
    }

    #[test]
    fn names_stand_for_patterns() {
        let all = redaction(&["email", "card", "keys", "(?i)project (?:alpha|beta)"]);
        for (text, wanted) in [
            ("to ann.b+c@mail.example.org, please", "to [email], please"),
            (
                "4111 1111 1111 1111 and 5500-0055-5555-5559",
                "[card] and [card]",
            ),
            ("378282246310005", "[card]"),
            ("4111 1111 1111 1112", "4111 1111 1111 1112"),
            ("1790000000000", "1790000000000"),
            (
                "key sk-abcdefghij0 of Project Alpha",
                "key [key] of [redacted]",
            ),
            (
                r#"{"a":"x\nann@b.org\u00e9bob@c.org"}"#,
                r#"{"a":"x\n[email]\u00e9[email]"}"#,
            ),
            ("nothing at all", "nothing at all"),
        ] {
            assert_eq!(clean(&all, text), wanted, "{text}");
        }
        assert_eq!(clean(&Redaction::default(), "ann@b.org"), "ann@b.org");
    }

    #[test]
    fn what_is_no_pattern_is_refused_by_name() {
        for word in ["(", "a*", "x{1000}{1000}"] {
            let error = Redaction::new(&[word.to_owned()], "x").unwrap_err();
            assert_eq!(error.param.as_deref(), Some("logs.redact"), "{word}");
        }
        assert!(Redaction::new(&vec!["a".to_owned(); 65], "x").is_err());
    }

    #[test]
    fn rows_lose_it_in_what_errors_say() {
        let mut row = Row {
            error: Some("no user ann@b.org".into()),
            attempts: vec![Attempt {
                reason: Some("ann@b.org, bob@b.org".into()),
                ..Attempt::default()
            }],
            ..Row::default()
        };
        assert_eq!(redaction(&["email"]).row(&mut row), 3);
        assert_eq!(row.error.as_deref(), Some("no user [email]"));
        assert_eq!(row.attempts[0].reason.as_deref(), Some("[email], [email]"));
    }

    #[test]
    fn a_stream_hides_nothing_across_its_events() {
        let event = |text: &str| {
            format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n")
        };
        let sent =
            event("mail ann") + &event("@exam") + &event("ple.org or") + &event(" bob@b.org");
        let pieces = vec![
            Bytes::from(sent[..50].to_owned()),
            Bytes::from(sent[50..].to_owned()),
        ];
        let mut content = Content::new("ann@b.org", pieces);
        assert_eq!(redaction(&["email"]).content(&mut content, true), 3);
        let wanted = event("mail [email]") + &event("") + &event(" or") + &event(" [email]");
        assert_eq!(content.response(), wanted.as_bytes());
        assert_eq!(content.request(), b"[email]");
    }

    proptest! {
        /// However a stream is cut into events, no address is left in its text, and the rest of the text is.
        #[test]
        fn however_it_is_cut(cuts in proptest::collection::vec(0_usize..40, 0..6)) {
            let text = "write to ann@mail.example.org today or not";
            let mut cuts: Vec<usize> = cuts.into_iter().chain([0, text.len()]).collect();
            cuts.sort_unstable();
            let pieces: Vec<&str> = cuts.windows(2).map(|cut| &text[cut[0]..cut[1]]).collect();
            let event = |piece: &&str| format!("data: {{\"type\":\"content_block_delta\",\"delta\":{{\"text\": \"{piece}\"}}}}\n\n");
            let sent = pieces.iter().map(|piece| Bytes::from(event(piece))).collect();
            let mut content = Content::new("", sent);
            redaction(&["email"]).content(&mut content, true);
            let bytes = content.response().into_owned();
            let left: Vec<u8> = texts(&bytes).concat().into_iter().flat_map(|place| bytes[place].to_vec()).collect();
            let left = match pieces.len() {
                1 => String::from_utf8(bytes).unwrap(),
                _ => String::from_utf8(left).unwrap(),
            };
            prop_assert!(left.contains("write to [email] today or not"), "{left}");
        }

        #[test]
        fn any_bytes_are_looked_through(bytes in proptest::collection::vec(prop_oneof![Just(b'"'), Just(b'\\'), Just(b':'), any::<u8>()], 0..80), name in 0..PIECES.len()) {
            let mut bytes = bytes;
            bytes.extend_from_slice(format!("\"{}\":\"", PIECES[name]).as_bytes());
            let mut content = Content::new(bytes.clone(), vec![bytes.into()]);
            redaction(&["email", "card", "keys", "[\\\\\"]+"]).content(&mut content, true);
        }
    }
}
