//! What is asked of sums: which rows, by what, in whose days. The words people write, read in one place.

use super::Field;
use crate::error::{Error, Result};
use crate::store::journal::Filter;
use jiff::tz::{Offset, TimeZone};
use std::str::FromStr;

/// Columns that sums can be laid out by, at once.
pub const MOST: usize = 6;
/// Points of a trend, at most.
const POINTS: usize = 120;

/// What lines of sums are told apart by.
#[derive(Clone, Debug, PartialEq)]
pub enum By {
    Field(Field),
    /// One label, by its name.
    Label(String),
    Status,
    Hour,
    Day,
    Month,
}

/// Words of [`By`]; `label:` is followed by a name.
pub const WORDS: [(&str, By); 13] = [
    ("model", By::Field(Field::Model)),
    ("provider", By::Field(Field::Provider)),
    ("key", By::Field(Field::Key)),
    ("user", By::Field(Field::User)),
    ("route", By::Field(Field::Route)),
    ("session", By::Field(Field::Session)),
    ("agent", By::Field(Field::Agent)),
    ("environment", By::Field(Field::Environment)),
    ("requested_model", By::Field(Field::Asked)),
    ("status", By::Status),
    ("hour", By::Hour),
    ("day", By::Day),
    ("month", By::Month),
];

const LABEL: &str = "label:";

impl By {
    /// As it is written.
    pub fn word(&self) -> String {
        let known = WORDS.iter().find(|(_, by)| by == self);
        match (known, self) {
            (Some((word, _)), _) => (*word).to_owned(),
            (None, By::Label(name)) => format!("{LABEL}{name}"),
            (None, _) => String::new(),
        }
    }

    /// Whether it is a time.
    pub fn is_time(&self) -> bool {
        matches!(self, By::Hour | By::Day | By::Month)
    }
}

impl FromStr for By {
    type Err = Error;
    fn from_str(word: &str) -> Result<By> {
        if let Some(name) = word.strip_prefix(LABEL).filter(|name| !name.is_empty()) {
            return Ok(By::Label(name.to_owned()));
        }
        let known = WORDS.iter().find(|(known, _)| *known == word);
        known.map(|(_, by)| by.clone()).ok_or_else(|| {
            let words = WORDS.map(|(word, _)| word).join(", ");
            Error::invalid(format!(
                "usage cannot be summed by `{}`",
                word.escape_debug()
            ))
            .param("by")
            .hint(format!("one of: {words}, label:NAME"))
        })
    }
}

/// What lines are ordered by, and what trends are of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Metric {
    #[default]
    Spend,
    Requests,
    Tokens,
    Errors,
    /// The 95th percentile.
    Latency,
}

/// Words of [`Metric`].
pub const METRICS: [(&str, Metric); 5] = [
    ("spend", Metric::Spend),
    ("requests", Metric::Requests),
    ("tokens", Metric::Tokens),
    ("errors", Metric::Errors),
    ("latency", Metric::Latency),
];

impl Metric {
    /// As it is written.
    pub fn word(self) -> &'static str {
        let known = METRICS.iter().find(|(_, metric)| *metric == self);
        known.map_or("", |(word, _)| word)
    }
}

impl FromStr for Metric {
    type Err = Error;
    fn from_str(word: &str) -> Result<Metric> {
        let known = METRICS.iter().find(|(known, _)| *known == word);
        known.map(|(_, metric)| *metric).ok_or_else(|| {
            Error::invalid(format!(
                "usage cannot be ordered by `{}`",
                word.escape_debug()
            ))
            .param("sort")
            .hint(format!(
                "one of: {}",
                METRICS.map(|(word, _)| word).join(", ")
            ))
        })
    }
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Of which rows; its text is not looked at.
    pub filter: Filter,
    pub by: Vec<By>,
    /// Whose hours, days and months.
    pub zone: TimeZone,
    /// In how many points a line's course is told; none: it is not.
    pub points: usize,
    /// What comes first, and what the course is of.
    pub sort: Metric,
    /// Lines wanted; the others are put together.
    pub lines: usize,
}

impl Default for Ask {
    fn default() -> Ask {
        Ask {
            filter: Filter::default(),
            by: Vec::new(),
            zone: TimeZone::UTC,
            points: 0,
            sort: Metric::default(),
            lines: usize::MAX,
        }
    }
}

impl Ask {
    /// The words [`Ask::take`] knows beside a filter's.
    pub const WORDS: [&str; 5] = ["by", "tz", "points", "sort", "limit"];

    /// Takes a word in, such as `by` and `model,day`; `false`: it is none of these.
    pub fn take(&mut self, word: &str, value: &str) -> Result<bool> {
        match word {
            "by" => {
                let words = value.split(',').map(str::trim);
                for word in words.filter(|word| !word.is_empty()) {
                    let by: By = word.parse()?;
                    if !self.by.contains(&by) {
                        self.by.push(by);
                    }
                }
                if self.by.len() > MOST {
                    let text = format!("usage is summed by at most {MOST} things at once");
                    return Err(Error::invalid(text).param("by"));
                }
            }
            "tz" => self.zone = zone(value)?,
            "points" => self.points = number(word, value)?.min(POINTS),
            "sort" => self.sort = value.parse()?,
            "limit" => self.lines = number(word, value)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Whether sessions and agents matter, which only the sums of blocks have.
    pub fn fine(&self) -> bool {
        let by = [Field::Session, Field::Agent].map(By::Field);
        !self.filter.session.is_empty()
            || !self.filter.agent.is_empty()
            || self.by.iter().any(|one| by.contains(one))
    }

    /// Whether a time is within what is asked for.
    pub fn holds(&self, at: i64) -> bool {
        self.overlaps(at, at)
    }

    /// Whether some of a time from its first to its last millisecond is.
    pub fn overlaps(&self, first: i64, last: i64) -> bool {
        self.filter.since.is_none_or(|since| last >= since.0)
            && self.filter.until.is_none_or(|until| first < until.0)
    }

    /// Whether all of it is.
    pub fn contains(&self, first: i64, last: i64) -> bool {
        self.filter.since.is_none_or(|since| first >= since.0)
            && self.filter.until.is_none_or(|until| last < until.0)
    }
}

fn number(word: &str, value: &str) -> Result<usize> {
    value.parse().map_err(|_| {
        let text = format!("`{word}={}` is not a number", value.escape_debug());
        Error::invalid(text).param(word)
    })
}

/// A time zone by its name, or as what it is ahead of UTC: `Europe/Berlin`, `+05:30`, `UTC`.
fn zone(text: &str) -> Result<TimeZone> {
    let ahead = || -> Option<TimeZone> {
        let negative = text.starts_with('-');
        let digits = text.strip_prefix(['+', '-'])?;
        let (hours, minutes) = digits.split_once(':').unwrap_or((digits, "0"));
        let seconds = hours.parse::<i32>().ok()?.checked_mul(3600)?
            + minutes
                .parse::<i32>()
                .ok()
                .filter(|it| (0..60).contains(it))?
                * 60;
        let offset = Offset::from_seconds(if negative { -seconds } else { seconds }).ok()?;
        Some(offset.to_time_zone())
    };
    if matches!(text, "UTC" | "Z") {
        return Ok(TimeZone::UTC);
    }
    if let Some(zone) = ahead() {
        return Ok(zone);
    }
    TimeZone::get(text).map_err(|_| {
        let text = format!("no time zone `{}` is known here", text.escape_debug());
        Error::invalid(text)
            .param("tz")
            .hint("write it as Europe/Berlin, +05:30 or UTC; names need the machine's zone files")
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn words_become_what_is_asked() {
        let mut ask = Ask::default();
        for (word, value) in [
            ("by", "model, day"),
            ("by", "label:team,model"),
            ("tz", "+05:30"),
            ("points", "1000"),
            ("sort", "tokens"),
            ("limit", "3"),
        ] {
            assert!(ask.take(word, value).unwrap(), "{word}");
        }
        let words: Vec<String> = ask.by.iter().map(By::word).collect();
        assert_eq!(words, ["model", "day", "label:team"]);
        assert_eq!(
            (ask.points, ask.lines, ask.sort),
            (POINTS, 3, Metric::Tokens)
        );
        assert!(!ask.fine() && !ask.take("key", "a").unwrap());
        ask.take("by", "session").unwrap();
        assert!(ask.fine());
        for (word, value) in [
            ("by", "colour"),
            ("by", "label:"),
            ("by", "key,user,route"),
            ("tz", "Mars/Olympus"),
            ("tz", "+5:99"),
            ("points", "x"),
            ("sort", "name"),
        ] {
            let error = ask.take(word, value).unwrap_err();
            assert_eq!(error.param.as_deref(), Some(word), "{value}");
        }
    }
}
