//! A JSON text that was gone through once, and its values as they are spelt. Whoever takes one apart goes over what is known
//! to be long in it, so that nothing is gone through once a level. Must not know any format.

use super::scan::{Long, Scan};
use crate::chat::{Words, unescaped};
use crate::error::{Error, Result};
use bytes::Bytes;
use serde::Deserialize;
use std::borrow::Cow;

/// A body that is one JSON value, and where the long values are in it.
#[derive(Debug)]
pub struct Document<'a> {
    text: &'a str,
    long: Cow<'a, [Long]>,
    /// The same body for those who keep some of it.
    body: Option<&'a Bytes>,
}

impl<'a> Document<'a> {
    /// A text that somebody has gone through already, and the body that it is.
    pub fn known(text: &'a str, long: &'a [Long], body: &'a Bytes) -> Document<'a> {
        Document {
            text,
            long: Cow::Borrowed(long),
            body: Some(body),
        }
    }

    /// A body that nobody has gone through. Errors: it is no text; whether it is JSON shows when it is taken apart.
    pub fn of(body: &'a [u8]) -> Result<Document<'a>> {
        let text = std::str::from_utf8(body).map_err(|cause| not_json().cause(cause))?;
        Ok(Document::read(text))
    }

    /// The same of one that is text.
    pub fn read(text: &'a str) -> Document<'a> {
        let long = (text.len() >= LONG).then(|| noted(text)).flatten();
        Document {
            text,
            long: Cow::Owned(long.unwrap_or_default()),
            body: None,
        }
    }

    /// The body.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// All of it, taken apart.
    pub fn root(&'a self) -> Raw<'a> {
        let text = trimmed(self.text);
        Raw {
            text,
            at: self.text.len() - self.text.trim_start_matches(BLANKS).len(),
            long: &self.long,
            body: self.body,
        }
    }
}

/// A value as it is spelt.
#[derive(Clone, Copy, Debug)]
pub struct Raw<'a> {
    text: &'a str,
    /// Where it is in its document.
    at: usize,
    /// Itself, where it is known to be long, and what is known to be long in it.
    long: &'a [Long],
    body: Option<&'a Bytes>,
}

/// A member of an object: its name, borrowed where it has no escapes, and its value.
pub type Member<'a> = (Cow<'a, str>, Raw<'a>);

impl<'a> Raw<'a> {
    /// A text that is said to be one JSON value, of which nothing more is known.
    pub fn of(text: &'a str) -> Raw<'a> {
        Raw {
            text: trimmed(text),
            at: 0,
            long: &[],
            body: None,
        }
    }

    pub fn get(self) -> &'a str {
        self.text
    }

    pub fn is_string(self) -> bool {
        self.text.starts_with('"')
    }

    pub fn is_null(self) -> bool {
        self.text == "null"
    }

    /// The members of an object, in order. Errors: it is none, or no JSON; a name is no text.
    pub fn members(self) -> Result<Vec<Member<'a>>> {
        let mut scan = self.scan(b'{')?;
        let mut members = Vec::new();
        scan.members(|scan, name| {
            let name = name.ok_or_else(|| scan.wrong("a name that is text"))?;
            members.push((name, self.next(scan)?));
            Ok(())
        })?;
        ended(scan)?;
        Ok(members)
    }

    /// The items of a list, in order. Errors: it is none, or no JSON.
    pub fn items(self) -> Result<Vec<Raw<'a>>> {
        let mut scan = self.scan(b'[')?;
        let mut items = Vec::new();
        scan.items(|scan| {
            items.push(self.next(scan)?);
            Ok(())
        })?;
        ended(scan)?;
        Ok(items)
    }

    /// The text of a string; `None`: it is none, or spells half a character.
    pub fn text(self) -> Option<String> {
        let inner = self.text.strip_prefix('"')?.strip_suffix('"')?;
        match memchr::memchr(b'\\', inner.as_bytes()) {
            None => Some(inner.to_owned()),
            Some(_) => unescaped(self.text.as_bytes()),
        }
    }

    /// The same, as it is spelt where that is worth it.
    pub fn words(self) -> Option<Words> {
        match self.long.first() {
            // It was gone through, so that it stands for a text if its characters are whole.
            Some(known) if known.start == self.at && !known.halves && self.is_string() => {
                Some(Words::spelt(self.kept()))
            }
            _ => self.text().map(Words::from),
        }
    }

    /// Its spelling for longer than the body is lent: a part of it, and else a copy.
    fn kept(self) -> Bytes {
        let place = self.at..self.at + self.text.len();
        let same = |part: &[u8]| std::ptr::eq(part, self.text.as_bytes());
        match self.body {
            Some(body) if body.get(place.clone()).is_some_and(same) => body.slice(place),
            _ => Bytes::copy_from_slice(self.text.as_bytes()),
        }
    }

    /// What it says, in another type; `None`: it cannot be one.
    pub fn typed<T: Deserialize<'a>>(self) -> Option<T> {
        serde_json::from_str(self.text).ok()
    }

    /// A look at what is behind its first character, which must be this one.
    fn scan(self, open: u8) -> Result<Scan<'a>> {
        let mut scan = Scan::again(self.text, usize::MAX, self.at, self.long);
        scan.expect(open)?;
        Ok(scan)
    }

    /// The value that a look at this one has come to.
    fn next(self, scan: &mut Scan<'a>) -> Result<Raw<'a>> {
        let known = scan.known();
        let span = scan.value()?;
        let gone_over = known.len() - scan.known().len();
        Ok(Raw {
            text: self.text.get(span.clone()).unwrap_or_default(),
            at: self.at + span.start,
            long: known.get(..gone_over).unwrap_or_default(),
            body: self.body,
        })
    }
}

/// A text that is shorter is taken apart sooner than gone through.
pub(super) const LONG: usize = 2 << 10;

/// Where the long values are in a text; `None`: it is no JSON.
fn noted(text: &str) -> Option<Vec<Long>> {
    let mut scan = Scan::new(text, usize::MAX);
    scan.long = Some(Vec::new());
    scan.space();
    scan.value().ok()?;
    scan.long
}

/// A body that is none.
pub fn not_json() -> Error {
    Error::invalid("the body is not valid JSON").hint("send one JSON object")
}

/// What may stand around a value.
const BLANKS: [char; 4] = [' ', '\t', '\n', '\r'];

fn trimmed(text: &str) -> &str {
    text.trim_matches(BLANKS)
}

fn ended(mut scan: Scan<'_>) -> Result<()> {
    scan.space();
    match scan.at_end() {
        true => Ok(()),
        false => Err(scan.wrong("end of the body")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    /// A value put together again from what taking it apart gave, and each text in either way.
    fn together(raw: Raw<'_>) -> Value {
        if let Ok(members) = raw.members() {
            let each = members.into_iter();
            return Value::Object(
                each.map(|(name, raw)| (name.into_owned(), together(raw)))
                    .collect::<Map<String, Value>>(),
            );
        }
        if let Ok(items) = raw.items() {
            return items.into_iter().map(together).collect();
        }
        match raw.words() {
            Some(words) => {
                assert_eq!(raw.text().as_deref(), Some(words.as_str()));
                json!(words)
            }
            None => raw.typed().unwrap(),
        }
    }

    fn drawn() -> impl Strategy<Value = Value> {
        let text = prop_oneof![
            ".{0,8}".boxed(),
            "[ab\n\"\\\\é😀]{0,100}".boxed(),
            "[x\"]{62,66}".boxed()
        ];
        let leaf = prop_oneof![
            text.prop_map(Value::from),
            any::<Option<i32>>().prop_map(|number| json!(number))
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            let name = prop_oneof!["[a-c\"]{0,3}".boxed(), "[a-c]{60,70}".boxed()];
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::vec((name, inner), 0..6)
                    .prop_map(|members| members.into_iter().collect::<Map<_, _>>().into()),
            ]
        })
    }

    proptest! {
        /// Whatever is known of it, and however blanks stand between: what is in a value is what a parser finds in it.
        #[test]
        fn taken_apart_it_is_what_a_parser_makes_of_it(value in drawn(), pretty: bool, ascii: bool) {
            let mut text = match pretty {
                true => format!("\n {} ", serde_json::to_string_pretty(&value).unwrap()),
                false => value.to_string(),
            };
            if ascii {
                let mut units = [0; 2];
                let spelt = |c: char| match c.is_ascii() {
                    true => c.to_string(),
                    false => c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04X}")).collect(),
                };
                text = text.chars().map(spelt).collect();
            }
            let long = noted(&text).unwrap();
            let body = Bytes::from(text.clone());
            prop_assert_eq!(together(Document::known(&text, &long, &body).root()), value.clone());
            prop_assert_eq!(together(Document::read(&text).root()), value.clone());
            prop_assert_eq!(together(Raw::of(&text)), value);
        }

        #[test]
        fn only_json_is_taken_apart(text in "[\\[\\]{}\",:a1 \\\\u0d8n]{0,20}") {
            let parsed = serde_json::from_str::<&serde_json::value::RawValue>(&text);
            prop_assert!(parsed.is_err() || noted(&text).is_some());
            if parsed.is_err() {
                let root = Document::read(&text);
                prop_assert!(root.root().members().is_err() && root.root().items().is_err());
            }
        }
    }

    #[test]
    fn what_is_noted_takes_less_room_than_the_text() {
        let (open, close) = ("[".repeat(100), "]".repeat(100));
        let nested = format!("{open}{close},");
        let text = format!("[{}0]", nested.repeat(50));
        let document = Document::read(&text);
        assert!(size_of_val(&*document.long) < text.len());
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(together(document.root()), value);
    }

    #[test]
    fn what_is_kept_of_a_body_is_no_copy_of_it() {
        let body = Bytes::from(format!(" [\"{}\"]", "x".repeat(400)));
        let text = std::str::from_utf8(&body).unwrap();
        let long = noted(text).unwrap();
        let spelt = |body: &Bytes| {
            let document = Document::known(text, &long, body);
            let words = document.root().items().unwrap()[0].words().unwrap();
            (words.spelling().unwrap().as_ptr(), words.into_string())
        };
        assert_eq!(spelt(&body), (body[2..].as_ptr(), text[3..403].to_owned()));
        // Of another body nothing is taken.
        for other in [Bytes::from(vec![b'y'; 500]), Bytes::new()] {
            assert_eq!(spelt(&other).1, text[3..403]);
        }
    }

    #[test]
    fn half_a_character_is_no_text_however_long_the_rest() {
        let rest = "x".repeat(LONG);
        for half in ["\\ud83d", "\\uDE00", "\\uDE00\\ud83d"] {
            let text = format!("\"{rest}{half}{rest}\"");
            assert!(
                Document::of(text.as_bytes())
                    .unwrap()
                    .root()
                    .words()
                    .is_none()
            );
        }
        let whole = format!("\"{rest}\\ud83d\\ude00\\u00e9\"");
        let document = Document::of(whole.as_bytes()).unwrap();
        let words = document.root().words().unwrap();
        assert_eq!((&*words, words.spelling()), (&*format!("{rest}😀é"), None));
        let kept = format!("\"{rest}\\u00e9\"");
        let document = Document::of(kept.as_bytes()).unwrap();
        let words = document.root().words().unwrap();
        assert_eq!(
            (&*words, words.spelling()),
            (&*format!("{rest}é"), Some(kept.as_bytes()))
        );
    }
}
