//! Filters at work: which rows match, which blocks cannot, and where a page begins.

use super::{Filter, Row};
use crate::error::{Error, Result};
use memchr::memmem::Finder;
use serde::{Deserialize, Serialize};

/// No page is longer than this.
pub const MAX_LIMIT: usize = 1000;
/// Beyond so many different values a summary stops listing them and matches everything.
const MAX_TERMS: usize = 65_536;

/// What is known of a set of rows without reading them; of a block and of a whole segment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    #[serde(rename = "n")]
    pub rows: u64,
    /// Smallest and largest id.
    #[serde(rename = "i")]
    pub first: String,
    #[serde(rename = "j")]
    pub last: String,
    /// Earliest and latest time, both inclusive.
    #[serde(rename = "a")]
    pub since: i64,
    #[serde(rename = "b")]
    pub until: i64,
    /// A bit for each hundred of statuses.
    #[serde(rename = "c")]
    classes: u16,
    /// Sorted checksums of the values that occur.
    #[serde(rename = "t")]
    terms: Vec<u32>,
    /// Too many values to list.
    #[serde(rename = "o", default, skip_serializing_if = "std::ops::Not::not")]
    overflow: bool,
}

fn term(field: u8, value: &str) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[field]);
    hasher.update(value.as_bytes());
    hasher.finalize()
}

fn class(status: u16) -> u16 {
    1 << (status / 100).min(15)
}

impl Summary {
    /// Takes a row in.
    pub fn add(&mut self, row: &Row) {
        self.widen(&row.id, &row.id, row.at.0, row.at.0, 1);
        self.classes |= class(row.status);
        let named = [
            (b'k', &row.key),
            (b'u', &row.user),
            (b'p', &row.provider),
            (b'r', &row.route),
            (b'm', &row.model),
            (b'm', &row.requested_model),
        ];
        for (field, value) in named {
            if let Some(value) = value {
                self.insert(term(field, value));
            }
        }
    }

    /// Takes another summary in.
    pub fn merge(&mut self, other: &Summary) {
        if other.rows == 0 {
            return;
        }
        self.widen(
            &other.first,
            &other.last,
            other.since,
            other.until,
            other.rows,
        );
        self.classes |= other.classes;
        self.overflow |= other.overflow;
        other.terms.iter().for_each(|term| self.insert(*term));
    }

    fn widen(&mut self, first: &str, last: &str, since: i64, until: i64, rows: u64) {
        let empty = self.rows == 0;
        if empty || first < self.first.as_str() {
            self.first = first.to_owned();
        }
        if empty || last > self.last.as_str() {
            self.last = last.to_owned();
        }
        self.since = if empty { since } else { self.since.min(since) };
        self.until = if empty { until } else { self.until.max(until) };
        self.rows += rows;
    }

    fn insert(&mut self, term: u32) {
        if self.overflow {
            return;
        }
        if let Err(at) = self.terms.binary_search(&term) {
            self.terms.insert(at, term);
        }
        if self.terms.len() > MAX_TERMS {
            self.overflow = true;
            self.terms = Vec::new();
        }
    }

    fn may_hold(&self, field: u8, values: &[String]) -> bool {
        values.is_empty()
            || self.overflow
            || values
                .iter()
                .any(|value| self.terms.binary_search(&term(field, value)).is_ok())
    }
}

/// A checked [`Filter`].
pub struct Matcher<'a> {
    filter: &'a Filter,
    /// Inclusive ranges.
    statuses: Vec<(u16, u16)>,
    text: Finder<'a>,
    /// What the JSON of a row that matches must hold: looking for it is much cheaper than reading the JSON.
    needles: Vec<Finder<'static>>,
}

impl<'a> Matcher<'a> {
    /// Refuses status words that mean nothing.
    pub fn new(filter: &'a Filter) -> Result<Matcher<'a>> {
        let statuses = filter
            .status
            .iter()
            .map(|word| status(word))
            .collect::<Result<_>>()?;
        let fields = [
            ("key", &filter.key),
            ("user", &filter.user),
            ("provider", &filter.provider),
            ("route", &filter.route),
        ];
        let mut needles = Vec::new();
        for (field, values) in fields {
            if let [value] = values.as_slice()
                && let Ok(value) = serde_json::to_string(value)
            {
                needles.push(Finder::new(&format!("\"{field}\":{value}")).into_owned());
            }
        }
        Ok(Matcher {
            filter,
            statuses,
            text: Finder::new(filter.text.as_bytes()),
            needles,
        })
    }

    /// Everything but the text.
    pub fn row(&self, row: &Row) -> bool {
        fn any(wanted: &[String], value: &Option<String>) -> bool {
            wanted.is_empty() || value.as_ref().is_some_and(|value| wanted.contains(value))
        }
        let filter = self.filter;
        any(&filter.key, &row.key)
            && any(&filter.user, &row.user)
            && any(&filter.provider, &row.provider)
            && any(&filter.route, &row.route)
            && (any(&filter.model, &row.model) || any(&filter.model, &row.requested_model))
            && (self.statuses.is_empty()
                || self
                    .statuses
                    .iter()
                    .any(|(low, high)| (*low..=*high).contains(&row.status)))
            && filter.since.is_none_or(|since| row.at >= since)
            && filter.until.is_none_or(|until| row.at < until)
    }

    /// Whether the text occurs in the JSON of this row or these rows, and what else can be told without parsing it.
    pub fn json(&self, json: &[u8]) -> bool {
        self.needles
            .iter()
            .all(|needle| needle.find(json).is_some())
            && (self.filter.text.is_empty() || self.text.find(json).is_some())
    }

    /// Whether a text is looked for at all.
    pub fn wants_text(&self) -> bool {
        !self.filter.text.is_empty()
    }

    /// False only where no row under this summary can match.
    pub fn may_match(&self, summary: &Summary) -> bool {
        let filter = self.filter;
        summary.rows > 0
            && filter.since.is_none_or(|since| summary.until >= since.0)
            && filter.until.is_none_or(|until| summary.since < until.0)
            && (self.statuses.is_empty()
                || self
                    .statuses
                    .iter()
                    .any(|range| summary.classes & classes(*range) != 0))
            && summary.may_hold(b'k', &filter.key)
            && summary.may_hold(b'u', &filter.user)
            && summary.may_hold(b'p', &filter.provider)
            && summary.may_hold(b'r', &filter.route)
            && summary.may_hold(b'm', &filter.model)
    }
}

fn classes((low, high): (u16, u16)) -> u16 {
    (low / 100..=high / 100).fold(0, |bits, hundred| bits | class(hundred.saturating_mul(100)))
}

/// `404`, `4xx`, `ok` and `error` as ranges.
fn status(word: &str) -> Result<(u16, u16)> {
    let lower = word.to_ascii_lowercase();
    match (lower.as_str(), lower.strip_suffix("xx")) {
        ("ok", _) => return Ok((0, 399)),
        ("error", _) => return Ok((400, u16::MAX)),
        (_, Some(hundred)) => {
            if let Ok(hundred @ 1..=9) = hundred.parse::<u16>() {
                return Ok((hundred * 100, hundred * 100 + 99));
            }
        }
        (number, None) => {
            if let Ok(number) = number.parse::<u16>() {
                return Ok((number, number));
            }
        }
    }
    Err(Error::invalid(format!("`{word}` is not a status"))
        .param("status")
        .hint("use a number such as 429, a class such as 4xx, `ok` or `error`"))
}

/// Where a page begins: below an id, or at it where the last page stopped before reading it.
#[derive(Clone, Debug, PartialEq)]
pub struct Cursor {
    id: String,
    inclusive: bool,
}

impl Cursor {
    /// Any text is a place in the order of ids, so a cursor outlives the rows it was made from.
    pub fn parse(text: &str) -> Cursor {
        match text.strip_prefix('=') {
            Some(id) => Cursor {
                id: id.to_owned(),
                inclusive: true,
            },
            None => Cursor {
                id: text.to_owned(),
                inclusive: false,
            },
        }
    }
    pub fn below(id: &str) -> String {
        id.to_owned()
    }
    pub fn from(id: &str) -> String {
        format!("={id}")
    }
    pub fn allows(&self, id: &str) -> bool {
        if self.inclusive {
            id <= self.id.as_str()
        } else {
            id < self.id.as_str()
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn status_words() {
        for (word, range) in [
            ("200", (200, 200)),
            ("4xx", (400, 499)),
            ("5XX", (500, 599)),
            ("ok", (0, 399)),
            ("error", (400, u16::MAX)),
        ] {
            assert_eq!(status(word).unwrap(), range, "{word}");
        }
        for word in ["", "xx", "0xx", "12xx", "fine", "-1", "70000", "4x"] {
            assert_eq!(
                status(word).unwrap_err().param.as_deref(),
                Some("status"),
                "{word}"
            );
        }
    }

    #[test]
    fn cursors_place_themselves() {
        assert!(Cursor::parse("b").allows("a") && !Cursor::parse("b").allows("b"));
        assert!(
            Cursor::parse(&Cursor::from("b")).allows("b")
                && !Cursor::parse(&Cursor::from("b")).allows("c")
        );
    }

    #[test]
    fn a_summary_of_too_many_values_matches_any() {
        let mut summary = Summary::default();
        for number in 0..40_000 {
            let key = Some(format!("k{number}"));
            summary.add(&Row {
                user: key.clone(),
                key,
                ..Row::default()
            });
        }
        assert!(summary.terms.is_empty());
        let filter = Filter {
            key: vec!["never seen".into()],
            ..Filter::default()
        };
        assert!(Matcher::new(&filter).unwrap().may_match(&summary));
    }
}
