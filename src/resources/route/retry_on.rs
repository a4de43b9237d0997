//! What makes a route move on to its next target: classes of failure by their words, and statuses by their numbers.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Visitor};
use std::fmt;

/// One item of a route's `retry_on`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryOn {
    Connect,
    Timeout,
    /// `429`: too many requests, in whatever status it is said.
    Capacity,
    /// `5xx`: the upstream failed, in whatever way.
    Upstream,
    Credential,
    /// `404`: the model does not exist there.
    NotFound,
    /// The prompt does not fit the model's context window.
    Context,
    /// A content filter stands between the request and its answer.
    Content,
    /// The provider refuses the key that the caller brought.
    OwnKey,
    /// This status and no other: `408`.
    Status(u16),
    /// Any status of the hundred: `4xx`.
    Hundred(u16),
}

/// What has a word, in the order it is named to people.
const WORDS: [(&str, RetryOn); 9] = [
    ("connect", RetryOn::Connect),
    ("timeout", RetryOn::Timeout),
    ("429", RetryOn::Capacity),
    ("5xx", RetryOn::Upstream),
    ("credential", RetryOn::Credential),
    ("404", RetryOn::NotFound),
    ("context", RetryOn::Context),
    ("content", RetryOn::Content),
    ("own-key", RetryOn::OwnKey),
];

impl RetryOn {
    /// What a route that says nothing moves on from.
    pub const DEFAULT: [RetryOn; 5] = [
        RetryOn::Connect,
        RetryOn::Timeout,
        RetryOn::Capacity,
        RetryOn::Upstream,
        RetryOn::Credential,
    ];

    /// Whether it names this status.
    pub fn names(self, status: u16) -> bool {
        match self {
            RetryOn::Status(named) => named == status,
            RetryOn::Hundred(hundred) => status / 100 == hundred,
            _ => false,
        }
    }
}

impl RetryOn {
    /// As it is written: a word, a status from 400 to 599, or `4xx`.
    pub fn parse(text: &str) -> Option<RetryOn> {
        if let Some((_, known)) = WORDS.iter().find(|(word, _)| *word == text) {
            return Some(*known);
        }
        let digits = text.len() == 3 && text.bytes().all(|sign| sign.is_ascii_digit());
        match text.parse() {
            Ok(status @ 400..=599) if digits => Some(RetryOn::Status(status)),
            // The other hundred has a word.
            _ => (text == "4xx").then_some(RetryOn::Hundred(4)),
        }
    }
}

impl fmt::Display for RetryOn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RetryOn::Status(status) => write!(f, "{status}"),
            RetryOn::Hundred(hundred) => write!(f, "{hundred}xx"),
            word => match WORDS.iter().find(|(_, known)| known == word) {
                Some((word, _)) => f.write_str(word),
                None => Ok(()),
            },
        }
    }
}

impl Serialize for RetryOn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RetryOn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RetryOn, D::Error> {
        deserializer.deserialize_any(Item)
    }
}

/// Files may have numbers as numbers.
struct Item;

impl Visitor<'_> for Item {
    type Value = RetryOn;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what to move on from, such as 5xx or 408")
    }
    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<RetryOn, E> {
        RetryOn::parse(text).ok_or_else(|| {
            let words = WORDS.map(|(word, _)| format!("`{word}`")).join(", ");
            // In serde's words, from which the nearest that there is is found.
            E::custom(format!(
                "unknown variant `{}`, expected one of {words}, or a status: `408`, `503`, `4xx`",
                text.escape_debug()
            ))
        })
    }
    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<RetryOn, E> {
        self.visit_str(&number.to_string())
    }
    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<RetryOn, E> {
        self.visit_str(&number.to_string())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn words_and_numbers_are_written_as_they_are_read() {
        let words = WORDS.map(|(word, _)| word);
        for text in words
            .into_iter()
            .chain(["408", "425", "500", "503", "529", "4xx"])
        {
            let read = RetryOn::parse(text).unwrap();
            assert_eq!(read.to_string(), text);
            let json = serde_json::to_value(read).unwrap();
            assert_eq!(json, text);
            assert_eq!(serde_json::from_value::<RetryOn>(json).unwrap(), read);
        }
        let number: RetryOn = serde_json::from_value(503.into()).unwrap();
        assert_eq!(number, RetryOn::Status(503));
        let word: RetryOn = serde_json::from_value(429.into()).unwrap();
        assert_eq!(word, RetryOn::Capacity);
    }

    #[test]
    fn what_there_is_not_is_told_what_there_is() {
        for text in ["time-out", "200", "600", "+500", "3xx", "", "0429"] {
            assert_eq!(RetryOn::parse(text), None, "{text}");
        }
        let error = serde_json::from_value::<RetryOn>(700.into()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown variant `700`, expected one of `connect`, `timeout`, `429`, `5xx`, `credential`, `404`, `context`, `content`, `own-key`, or a status: `408`, `503`, `4xx`"
        );
    }

    #[test]
    fn numbers_name_statuses_and_words_do_not() {
        let names = |text: &str, status| RetryOn::parse(text).unwrap().names(status);
        assert!(names("503", 503) && !names("503", 502));
        assert!(names("4xx", 400) && names("4xx", 499) && !names("4xx", 500));
        assert!(!names("5xx", 500) && !names("429", 429) && !names("404", 404));
    }
}
