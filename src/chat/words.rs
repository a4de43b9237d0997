//! What is said, and the JSON spelling that it came in: of words that are only handed on nobody takes the escapes out to put
//! them in again. Must not know who reads or writes them.

use bytes::Bytes;
use serde::{Serialize, Serializer};
use std::{fmt, ops::Deref, sync::OnceLock};

/// A text. Two are equal that read alike, however they are spelt.
#[derive(Clone)]
pub struct Words(Kept);

#[derive(Clone)]
enum Kept {
    Text(String),
    Spelt {
        /// A JSON string, quotes included, that stands for a text. It is a part of what somebody sent, and no copy.
        spelling: Bytes,
        /// That text, once somebody has asked for it.
        text: OnceLock<String>,
    },
}

impl Words {
    /// Words that came as a JSON string that is known to stand for a text: it is kept as it is.
    pub fn spelt(spelling: Bytes) -> Words {
        Words(Kept::Spelt {
            spelling,
            text: OnceLock::new(),
        })
    }

    /// The JSON string that they came as and that stands for them still.
    pub fn spelling(&self) -> Option<&[u8]> {
        match &self.0 {
            Kept::Text(_) => None,
            Kept::Spelt { spelling, .. } => Some(spelling),
        }
    }

    pub fn as_str(&self) -> &str {
        match &self.0 {
            Kept::Text(text) => text,
            Kept::Spelt { spelling, text } => {
                text.get_or_init(|| unescaped(spelling).unwrap_or_default())
            }
        }
    }

    pub fn into_string(self) -> String {
        match self.0 {
            Kept::Text(text) => text,
            Kept::Spelt { spelling, text } => text
                .into_inner()
                .unwrap_or_else(|| unescaped(&spelling).unwrap_or_default()),
        }
    }

    /// About as many bytes as they take when they are written.
    pub fn room(&self) -> usize {
        match &self.0 {
            Kept::Text(text) => text.len(),
            Kept::Spelt { spelling, .. } => spelling.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        match &self.0 {
            Kept::Text(text) => text.is_empty(),
            Kept::Spelt { spelling, .. } => spelling.len() <= "\"\"".len(),
        }
    }

    /// Whether there is nothing but white space.
    pub fn is_blank(&self) -> bool {
        match self.spelling().and_then(|it| it.get(1)) {
            // What begins with an escape may be a line end, and only the text tells.
            Some(begin) if begin.is_ascii_graphic() && !matches!(begin, b'\\' | b'"') => false,
            _ => self.as_str().trim().is_empty(),
        }
    }

    /// Says more.
    pub fn push(&mut self, more: String) {
        let mut text = std::mem::take(self).into_string();
        match text.is_empty() {
            // Whole replies have one piece: it is taken as it is.
            true => text = more,
            false => text.push_str(&more),
        }
        self.0 = Kept::Text(text);
    }
}

impl Default for Words {
    fn default() -> Words {
        Words::from(String::new())
    }
}

impl From<String> for Words {
    fn from(text: String) -> Words {
        Words(Kept::Text(text))
    }
}

impl From<&str> for Words {
    fn from(text: &str) -> Words {
        Words::from(text.to_owned())
    }
}

impl Deref for Words {
    type Target = str;
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq for Words {
    fn eq(&self, other: &Words) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Words {}

impl PartialEq<str> for Words {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl Serialize for Words {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self)
    }
}

/// The text that a JSON string stands for, quotes included in it; `None`: it is none, or half a character is in it.
pub fn unescaped(spelling: &[u8]) -> Option<String> {
    plainly(spelling).or_else(|| serde_json::from_slice(spelling).ok())
}

/// The text of a JSON string whose escapes are single letters, as line ends and quotes are: in texts full of those it takes
/// half as long as with a parser for all of them. `None`: it is another one, or no string.
fn plainly(raw: &[u8]) -> Option<String> {
    const ONES: u64 = u64::MAX / 255;
    let given = raw.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    let meant = |at: usize| {
        Some(match given.get(at)? {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'b' => 0x8,
            b'f' => 0xc,
            same @ (b'"' | b'\\' | b'/') => *same,
            _ => return None,
        })
    };
    let (mut text, mut at) = (Vec::with_capacity(given.len() + size_of::<u64>()), 0);
    // Eight bytes at a time are written before it is known whether all of them belong there.
    while let Some(block) = given.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*block) ^ (ONES * u64::from(b'\\'));
        // A byte is zero where subtracting one borrows into its high bit, and only bytes behind one can be mistaken for it.
        let escapes = word.wrapping_sub(ONES) & !word & (ONES * 0x80);
        text.extend_from_slice(block);
        at += block.len();
        if escapes != 0 {
            let behind = block.len() - (escapes.trailing_zeros() / 8) as usize;
            text.truncate(text.len() - behind);
            at -= behind;
            text.push(meant(at + 1)?);
            at += 2;
        }
    }
    while let Some(byte) = given.get(at) {
        let escape = *byte == b'\\';
        text.push(if escape { meant(at + 1)? } else { *byte });
        at += if escape { 2 } else { 1 };
    }
    String::from_utf8(text).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn texts_are_what_a_parser_makes_of_them(text in ".{0,80}", pieces in proptest::collection::vec(prop_oneof![Just("\\n"), Just("\\\""), Just("\\\\"), Just("\\u0041"), Just("\\ud800"), Just("\\/é"), Just("abcdefgh")], 0..12)) {
            for spelling in [serde_json::to_string(&text).unwrap(), format!("\"{}\"", pieces.concat())] {
                prop_assert_eq!(unescaped(spelling.as_bytes()), serde_json::from_str::<String>(&spelling).ok(), "{}", spelling);
            }
        }

        /// Whether they are kept as they were spelt or as text, nobody can tell but by asking for the spelling.
        #[test]
        fn a_spelling_reads_as_its_text(text in prop_oneof!["[ \\n\\t\u{a0}]{0,3}", ".{0,40}"], escaped: bool, more in ".{0,5}") {
            let units = text.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
            let spelling = match escaped {
                true => format!("\"{}\"", units.collect::<String>()),
                false => serde_json::to_string(&text).unwrap(),
            };
            let (spelt, plain) = (Words::spelt(Bytes::from(spelling.clone())), Words::from(text.as_str()));
            prop_assert_eq!(spelt.spelling(), Some(spelling.as_bytes()));
            prop_assert_eq!((spelt.is_empty(), spelt.is_blank()), (text.is_empty(), text.trim().is_empty()));
            prop_assert_eq!((plain.is_empty(), plain.is_blank()), (text.is_empty(), text.trim().is_empty()));
            prop_assert_eq!(&spelt, &plain);
            prop_assert_eq!(serde_json::to_string(&spelt).unwrap(), serde_json::to_string(&text).unwrap());
            prop_assert_eq!(spelt.clone().into_string(), text.clone());
            let mut longer = spelt.clone();
            longer.push(more.clone());
            prop_assert_eq!((&*longer, longer.spelling()), (&*format!("{text}{more}"), None));
        }
    }
}
