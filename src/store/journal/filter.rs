//! Which rows are wanted: the words people write, read in one place, and the one matcher that lists, exports and
//! followers of the log ask.

use super::summary::Summary;
use super::{Content, LABEL_KEPT, Row};
use crate::error::{Error, Result};
use crate::resources::{Millis, Stamp};
use memchr::memmem::Finder;
use std::str::FromStr;

/// Which rows are wanted. Fields are ANDed, values within one ORed; empty means any.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    pub key: Vec<String>,
    pub user: Vec<String>,
    pub provider: Vec<String>,
    /// Matches the requested and the resolved model.
    pub model: Vec<String>,
    pub route: Vec<String>,
    pub session: Vec<String>,
    pub agent: Vec<String>,
    pub status: Vec<Status>,
    /// Labels of key and user: of one name any of these, of several names each.
    pub label: Vec<Label>,
    /// Inclusive.
    pub since: Option<Stamp>,
    /// Exclusive.
    pub until: Option<Stamp>,
    /// Literal text, looked for in the row's JSON and in what was sent and answered.
    pub text: String,
}

/// How a request ended, as filters say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Answered in full.
    Ok,
    /// Everything else: refused, failed, or broken off after the answer had begun.
    Error,
    /// An HTTP status in this inclusive range, whatever came after it.
    Http(u16, u16),
}

impl FromStr for Status {
    type Err = Error;
    fn from_str(word: &str) -> Result<Status> {
        let lower = word.to_ascii_lowercase();
        let number = |text: &str| text.parse::<u16>().ok();
        let read = match (lower.as_str(), lower.strip_suffix("xx")) {
            ("ok", _) => Some(Status::Ok),
            ("error", _) => Some(Status::Error),
            (_, Some(hundred)) => number(hundred)
                .filter(|hundred| (1..=9).contains(hundred))
                .map(|hundred| Status::Http(hundred * 100, hundred * 100 + 99)),
            (text, None) => number(text)
                .filter(|status| (100..=999).contains(status))
                .map(|status| Status::Http(status, status)),
        };
        read.ok_or_else(|| {
            Error::invalid(format!("`{}` is not a status", word.escape_debug()))
                .param("status")
                .hint("write ok, error, a class such as 4xx, or a number such as 429")
        })
    }
}

/// A label that is wanted: `name=value`, or `name` whatever its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Label {
    pub name: String,
    pub value: Option<String>,
}

impl FromStr for Label {
    type Err = Error;
    fn from_str(word: &str) -> Result<Label> {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim().to_owned())),
            None => (word, None),
        };
        if name.is_empty() {
            return Err(
                Error::invalid(format!("`{}` is not a label", word.escape_debug()))
                    .param("label")
                    .hint("write it as team=search, or team for any value"),
            );
        }
        Ok(Label {
            name: name.to_owned(),
            value,
        })
    }
}

/// Whether labels are as wanted; `of` gives the value of a label by its name.
pub fn labelled<'a>(wanted: &[Label], of: impl Fn(&str) -> Option<&'a str>) -> bool {
    wanted.iter().all(|one| {
        let has = of(&one.name);
        wanted
            .iter()
            .filter(|other| other.name == one.name)
            .any(|other| match &other.value {
                Some(value) => has == Some(value),
                None => has.is_some(),
            })
    })
}

/// A name as rows keep it.
fn kept(mut name: String) -> String {
    let end = name.char_indices().nth(LABEL_KEPT).map(|(at, _)| at);
    name.truncate(end.unwrap_or(name.len()));
    name
}

impl Filter {
    /// The words [`Filter::take`] knows.
    pub const WORDS: &[&str] = &[
        "key", "user", "provider", "model", "route", "session", "agent", "status", "label",
        "since", "until", "text",
    ];

    /// Takes a word in, such as `status` and `4xx,429`; `false`: it is none of a filter's. Names and statuses may
    /// be several with commas between, and repeated; times are RFC 3339, or how long before `now`.
    pub fn take(&mut self, word: &str, value: &str, now: Stamp) -> Result<bool> {
        let values = || {
            value
                .split(',')
                .map(str::trim)
                .filter(|one| !one.is_empty())
        };
        // Nothing given must not mean everything: it is a variable that is empty.
        if Filter::WORDS.contains(&word) && values().next().is_none() {
            return Err(Error::invalid(format!("`{word}` has no value"))
                .param(word)
                .hint("leave it out to have all of them"));
        }
        let names = || values().map(str::to_owned);
        match word {
            "key" => self.key.extend(names()),
            "user" => self.user.extend(names()),
            "provider" => self.provider.extend(names()),
            "model" => self.model.extend(names()),
            "route" => self.route.extend(names()),
            "session" => self.session.extend(names().map(kept)),
            "agent" => self.agent.extend(names().map(kept)),
            "status" => {
                for one in values() {
                    self.status.push(one.parse()?);
                }
            }
            "label" => {
                for one in values() {
                    self.label.push(one.parse()?);
                }
            }
            "since" => self.since = Some(time(word, value, now)?),
            "until" => self.until = Some(time(word, value, now)?),
            "text" => value.clone_into(&mut self.text),
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn time(word: &str, text: &str, now: Stamp) -> Result<Stamp> {
    if let Ok(ago) = text.parse::<Millis>() {
        let ago = i64::try_from(ago.0).unwrap_or(i64::MAX);
        return Ok(Stamp(now.0.saturating_sub(ago)));
    }
    Stamp::parse(text).map_err(|error| {
        Error::invalid(error.message)
            .param(word)
            .hint("write how long ago, such as 1h or 7d, or a time such as 2030-01-01 or 2030-01-01T09:30:00Z")
    })
}

/// Decides for each row; made once for a whole query or as long as somebody follows.
pub struct Matcher {
    filter: Filter,
    /// The text as it is and, where that is otherwise, as JSON has it.
    texts: Vec<Finder<'static>>,
    /// What the JSON of a row that matches must hold: looking for it is much cheaper than reading the JSON.
    needles: Vec<Finder<'static>>,
}

impl Matcher {
    pub fn new(filter: &Filter) -> Matcher {
        let fields = [
            ("key", &filter.key),
            ("user", &filter.user),
            ("provider", &filter.provider),
            ("route", &filter.route),
            ("session", &filter.session),
            ("agent", &filter.agent),
        ];
        let mut needles = Vec::new();
        for (field, values) in fields {
            if let [value] = values.as_slice()
                && let Ok(value) = serde_json::to_string(value)
            {
                needles.push(Finder::new(&format!("\"{field}\":{value}")).into_owned());
            }
        }
        let mut texts = Vec::new();
        if !filter.text.is_empty() {
            let quoted = serde_json::to_string(&filter.text).unwrap_or_default();
            let escaped = quoted.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
            let other = escaped.filter(|it| *it != filter.text);
            let all = std::iter::once(filter.text.as_str()).chain(other);
            texts.extend(all.map(|text| Finder::new(text).into_owned()));
        }
        Matcher {
            texts,
            filter: filter.clone(),
            needles,
        }
    }

    /// Whether a row is wanted, as far as it alone says: followers are not shown what was sent.
    pub fn matches(&self, row: &Row) -> bool {
        self.matches_with(row, None)
    }

    /// Whether a row with this content is wanted.
    pub fn matches_with(&self, row: &Row, content: Option<&Content>) -> bool {
        let in_content = |content: &Content| {
            self.has_text(content.request()) || self.has_text(&content.response())
        };
        self.fields(row)
            && (!self.wants_text()
                || serde_json::to_vec(row).is_ok_and(|json| self.has_text(&json))
                || content.is_some_and(in_content))
    }

    /// Whether a text is looked for.
    pub fn wants_text(&self) -> bool {
        !self.texts.is_empty()
    }

    /// Whether the text that is looked for is in these bytes.
    pub fn has_text(&self, bytes: &[u8]) -> bool {
        self.texts.iter().any(|text| text.find(bytes).is_some())
    }

    /// Whether a row is wanted, but for the text.
    pub fn fields(&self, row: &Row) -> bool {
        fn any(wanted: &[String], value: Option<&str>) -> bool {
            wanted.is_empty() || value.is_some_and(|value| wanted.iter().any(|it| it == value))
        }
        let filter = &self.filter;
        let status = |wanted: &Status| match *wanted {
            Status::Ok => !row.is_error(),
            Status::Error => row.is_error(),
            Status::Http(low, high) => (low..=high).contains(&row.status),
        };
        any(&filter.key, row.key.as_deref())
            && any(&filter.user, row.user.as_deref())
            && any(&filter.provider, row.provider.as_deref())
            && any(&filter.route, row.route.as_deref())
            && any(&filter.session, row.session.as_deref())
            && any(&filter.agent, row.agent.as_deref())
            && (any(&filter.model, row.model.as_deref())
                || any(&filter.model, row.requested_model.as_deref()))
            && (filter.status.is_empty() || filter.status.iter().any(status))
            && (filter.label.is_empty()
                || labelled(&filter.label, |name| {
                    row.labels.as_ref()?.get(name).map(String::as_str)
                }))
            && filter.since.is_none_or(|since| row.at >= since)
            && filter.until.is_none_or(|until| row.at < until)
    }

    /// False only where none of the rows whose JSON this is can match, but for the text.
    pub fn may_hold(&self, json: &[u8]) -> bool {
        let mut needles = self.needles.iter();
        needles.all(|needle| needle.find(json).is_some())
    }

    /// False only where no row under this summary can match.
    pub fn may_match(&self, summary: &Summary) -> bool {
        let filter = &self.filter;
        let status = |wanted: &Status| match *wanted {
            Status::Ok => summary.may_hold_ok(),
            Status::Error => summary.may_hold_errors(),
            Status::Http(low, high) => summary.may_hold_statuses(low, high),
        };
        summary.rows > 0
            && filter.since.is_none_or(|since| summary.until >= since.0)
            && filter.until.is_none_or(|until| summary.since < until.0)
            && (filter.status.is_empty() || filter.status.iter().any(status))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::store::journal::Outcome;

    #[test]
    fn words_become_a_filter() {
        let now = Stamp::parse("2026-01-01T02:00:00Z").unwrap();
        let mut filter = Filter::default();
        for (word, value) in [
            ("key", "a, b"),
            ("key", "c"),
            ("status", "ok,ERROR,4xx,429"),
            ("since", "1h"),
            ("until", "2026-01-01T01:30:00Z"),
            ("text", "a,b"),
        ] {
            assert!(filter.take(word, value, now).unwrap(), "{word}");
        }
        assert!(!filter.take("colour", "red", now).unwrap());
        assert_eq!(
            filter,
            Filter {
                key: vec!["a".into(), "b".into(), "c".into()],
                status: vec![
                    Status::Ok,
                    Status::Error,
                    Status::Http(400, 499),
                    Status::Http(429, 429)
                ],
                since: Some(Stamp(now.0 - 3_600_000)),
                until: Some(Stamp(now.0 - 1_800_000)),
                text: "a,b".into(),
                ..Filter::default()
            }
        );
    }

    #[test]
    fn words_without_a_meaning_are_refused_by_name() {
        let mut filter = Filter::default();
        for status in ["xx", "0xx", "12xx", "fine", "-1", "70000", "4x", "42"] {
            let error = filter.take("status", status, Stamp(0)).unwrap_err();
            assert_eq!(error.param.as_deref(), Some("status"), "{status}");
        }
        for word in Filter::WORDS {
            let error = filter.take(word, " , ", Stamp(0)).unwrap_err();
            assert_eq!(error.param.as_deref(), Some(*word));
        }
        let error = filter.take("since", "soon", Stamp(0)).unwrap_err();
        assert_eq!(error.param.as_deref(), Some("since"));
    }

    #[test]
    fn labels_of_one_name_are_any_and_of_several_each() {
        let row = |labels: &[(&str, &str)]| Row {
            labels: Some(std::sync::Arc::new(
                labels
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                    .collect(),
            )),
            ..Row::default()
        };
        let both = row(&[("team", "a"), ("env", "ci")]);
        for (words, wanted) in [
            ("team=a", true),
            ("team=b,team=a", true),
            ("team=b", false),
            ("team", true),
            ("team=a,env=ci", true),
            ("team=a,env=live", false),
            ("team=a,owner", false),
        ] {
            let mut filter = Filter::default();
            filter.take("label", words, Stamp(0)).unwrap();
            let matcher = Matcher::new(&filter);
            assert_eq!(matcher.matches(&both), wanted, "{words}");
            assert!(!matcher.matches(&Row::default()));
        }
        let error = Filter::default().take("label", "=a", Stamp(0)).unwrap_err();
        assert_eq!(error.param.as_deref(), Some("label"));
    }

    #[test]
    fn a_broken_stream_is_an_error_whatever_its_status() {
        let broken = Row {
            status: 200,
            outcome: Outcome::FailedAfterCommit,
            ..Row::default()
        };
        let mut summary = Summary::default();
        summary.add(&broken);
        for (word, wanted) in [
            ("error", true),
            ("ok", false),
            ("200", true),
            ("5xx", false),
        ] {
            let filter = Filter {
                status: vec![word.parse().unwrap()],
                ..Filter::default()
            };
            let matcher = Matcher::new(&filter);
            assert_eq!(
                (matcher.matches(&broken), matcher.may_match(&summary)),
                (wanted, wanted),
                "{word}"
            );
        }
    }
}
