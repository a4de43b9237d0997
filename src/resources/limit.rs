//! A limit: how much of what in which time, as one text: `tokens=100000/hour`. Must not know how it is counted.

use crate::error::{Error, Result, nearest};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, str::FromStr};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// Input and output tokens together.
    Tokens,
    Input,
    Output,
    Requests,
    /// Requests running at the same time.
    Parallel,
    /// Money, in picodollars.
    Spend,
}

/// Metrics by the words that limits have for them.
pub const METRICS: [(&str, Metric); 6] = [
    ("tokens", Metric::Tokens),
    ("input", Metric::Input),
    ("output", Metric::Output),
    ("requests", Metric::Requests),
    ("parallel", Metric::Parallel),
    ("spend", Metric::Spend),
];

/// The time a window lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Span {
    Minute,
    Hour,
    Day,
    /// A calendar month, or 30 days where it rolls.
    Month,
}

const SPANS: [(&str, Span); 4] = [
    ("minute", Span::Minute),
    ("hour", Span::Hour),
    ("day", Span::Day),
    ("month", Span::Month),
];

impl Span {
    /// How long a window of it lasts that rolls, in seconds.
    pub fn seconds(self) -> u64 {
        match self {
            Span::Minute => 60,
            Span::Hour => 3_600,
            Span::Day => 86_400,
            Span::Month => 30 * 86_400,
        }
    }

    /// Whether it rolls where nothing else is said.
    fn rolls(self) -> bool {
        matches!(self, Span::Minute | Span::Hour)
    }
}

/// The time over which it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Window {
    /// What was in the time before now.
    Rolling(Span),
    /// What was since the minute, hour, day or month began, in UTC.
    Calendar(Span),
    /// Everything there ever was.
    Total,
    /// What is now: of [`Metric::Parallel`].
    Now,
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (span, prefix) = match self {
            Window::Rolling(span) => (span, if span.rolls() { "" } else { "rolling-" }),
            Window::Calendar(span) => (span, if span.rolls() { "calendar-" } else { "" }),
            Window::Total => return f.write_str("total"),
            Window::Now => return Ok(()),
        };
        let word = SPANS.iter().find(|(_, known)| known == span);
        write!(f, "{prefix}{}", word.map_or("", |(word, _)| word))
    }
}

impl FromStr for Window {
    type Err = Error;
    fn from_str(text: &str) -> Result<Window> {
        if text == "total" {
            return Ok(Window::Total);
        }
        let span = |word: &str| SPANS.iter().find(|(known, _)| *known == word);
        let read = match (
            text.strip_prefix("rolling-"),
            text.strip_prefix("calendar-"),
        ) {
            (Some(word), _) => span(word).map(|(_, span)| Window::Rolling(*span)),
            (_, Some(word)) => span(word).map(|(_, span)| Window::Calendar(*span)),
            _ => span(text).map(|(_, span)| match span.rolls() {
                true => Window::Rolling(*span),
                false => Window::Calendar(*span),
            }),
        };
        read.ok_or_else(|| {
            Error::invalid(format!("`{}` is not a window", text.escape_debug())).hint(
                "one of: minute, hour, day, month, total; `rolling-day` and `rolling-month` roll, `calendar-minute` and `calendar-hour` do not",
            )
        })
    }
}

/// One limit of a key, user, session, provider or model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Limit {
    pub metric: Metric,
    pub window: Window,
    /// Tokens, requests or picodollars.
    pub amount: u64,
    /// What goes over it is noted and not refused.
    pub shadow: bool,
}

/// Picodollars in a dollar.
const DOLLAR: u64 = 1_000_000_000_000;
/// The most that may be spent, in dollars: what it comes to in picodollars fits 64 bits with their sign.
const MOST_DOLLARS: u64 = 9_000_000;

impl Limit {
    /// What it is called in errors and in commands that name one of several: `tokens/hour`. No two limits of one owner
    /// share it.
    pub fn name(&self) -> String {
        let metric = METRICS.iter().find(|(_, known)| *known == self.metric);
        let metric = metric.map_or("", |(word, _)| word);
        match self.window {
            Window::Now => metric.to_owned(),
            window => format!("{metric}/{window}"),
        }
    }

    /// Refuses lists in which one name occurs twice.
    pub fn check_all(limits: &[Limit], field: &str) -> Result<()> {
        for (at, limit) in limits.iter().enumerate() {
            if limits[..at]
                .iter()
                .any(|other| other.name() == limit.name())
            {
                return Err(
                    Error::invalid(format!("there are two limits on `{}`", limit.name()))
                        .param(field)
                        .hint("leave one of them out"),
                );
            }
        }
        Ok(())
    }
}

/// Dollars in decimal as picodollars.
fn money(text: &str) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|sign| sign.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 12 {
        return None;
    }
    let whole = whole.parse::<u64>().ok().filter(|it| *it <= MOST_DOLLARS)?;
    Some(whole * DOLLAR + format!("{part:0<12}").parse::<u64>().ok()?)
}

/// What becomes of requests under a limit of [`Metric::Spend`] to models of which no price is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unpriced {
    /// They pass, and count nothing.
    #[default]
    Allow,
    /// Such targets are left out.
    Refuse,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let metric = METRICS.iter().find(|(_, known)| *known == self.metric);
        write!(f, "{}=", metric.map_or("", |(word, _)| word))?;
        match self.metric {
            Metric::Spend => {
                let part = format!("{:012}", self.amount % DOLLAR);
                write!(f, "{}", self.amount / DOLLAR)?;
                match part.trim_end_matches('0') {
                    "" => {}
                    part => write!(f, ".{part}")?,
                }
            }
            _ => write!(f, "{}", self.amount)?,
        }
        if self.window != Window::Now {
            write!(f, "/{}", self.window)?;
        }
        f.write_str(if self.shadow { ":shadow" } else { "" })
    }
}

impl FromStr for Limit {
    type Err = Error;
    /// `METRIC=AMOUNT[/WINDOW][:shadow]`.
    fn from_str(text: &str) -> Result<Limit> {
        let bad = |what: &str| {
            Error::invalid(format!("`{}` is not a limit: {what}", text.escape_debug())).hint(
                "write METRIC=AMOUNT/WINDOW, such as tokens=100000/hour, requests=60/minute, spend=10/month or parallel=4",
            )
        };
        let (rest, shadow) = match text.strip_suffix(":shadow") {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        let (word, rest) = rest.split_once('=').ok_or_else(|| bad("it has no `=`"))?;
        let (_, metric) = METRICS
            .iter()
            .find(|(known, _)| *known == word)
            .ok_or_else(|| {
                let words = METRICS.map(|(word, _)| word);
                let error = Error::invalid(format!(
                    "`{}` is nothing that is counted",
                    word.escape_debug()
                ));
                error.hint(match nearest(word, words) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => format!("one of: {}", words.join(", ")),
                })
            })?;
        let (amount, window) = match rest.split_once('/') {
            Some((amount, window)) => (amount, Some(window.parse::<Window>()?)),
            None => (rest, None),
        };
        let window = match (metric, window) {
            (Metric::Parallel, None) => Window::Now,
            (Metric::Parallel, Some(_)) => {
                return Err(bad("what runs at the same time has no window"));
            }
            (_, Some(window)) => window,
            (_, None) => return Err(bad("it has no window")),
        };
        let amount = match metric {
            Metric::Spend => {
                money(amount).ok_or_else(|| bad("money is dollars in decimal, up to 9000000"))?
            }
            _ => amount
                .parse::<u64>()
                .ok()
                .filter(|it| *it <= i64::MAX as u64)
                .ok_or_else(|| bad("the amount is a whole number"))?,
        };
        Ok(Limit {
            metric: *metric,
            window,
            amount,
            shadow,
        })
    }
}

impl Serialize for Limit {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Limit, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn limits_are_read_and_written_alike() {
        let limit = |text: &str| text.parse::<Limit>().unwrap();
        for text in [
            "tokens=100000/hour",
            "input=5/calendar-minute",
            "output=0/day",
            "requests=60/rolling-month",
            "parallel=4",
            "spend=10/month",
            "spend=0.000000000001/total",
            "spend=9000000.5/rolling-day:shadow",
        ] {
            assert_eq!(limit(text).to_string(), text);
        }
        for (text, canonical) in [
            ("tokens=1/rolling-hour", "tokens=1/hour"),
            ("tokens=1/calendar-day", "tokens=1/day"),
            ("spend=2.50/day", "spend=2.5/day"),
            ("requests=007/minute", "requests=7/minute"),
        ] {
            assert_eq!(limit(text).to_string(), canonical);
        }
        let limit = limit("spend=2.5/month:shadow");
        let expected = Limit {
            metric: Metric::Spend,
            window: Window::Calendar(Span::Month),
            amount: 2_500_000_000_000,
            shadow: true,
        };
        assert_eq!((limit, limit.name()), (expected, "spend/month".into()));
    }

    #[test]
    fn what_is_no_limit_is_said() {
        for (text, message) in [
            ("tokens", "`tokens` is not a limit: it has no `=`"),
            ("token=1/hour", "`token` is nothing that is counted"),
            ("tokens=1", "`tokens=1` is not a limit: it has no window"),
            (
                "tokens=1.5/hour",
                "`tokens=1.5/hour` is not a limit: the amount is a whole number",
            ),
            ("tokens=1/year", "`year` is not a window"),
            (
                "parallel=2/hour",
                "`parallel=2/hour` is not a limit: what runs at the same time has no window",
            ),
            (
                "spend=-1/day",
                "`spend=-1/day` is not a limit: money is dollars in decimal, up to 9000000",
            ),
            (
                "spend=9000001/day",
                "`spend=9000001/day` is not a limit: money is dollars in decimal, up to 9000000",
            ),
        ] {
            let error = text.parse::<Limit>().unwrap_err();
            assert_eq!(error.message, message);
            assert!(error.hint.is_some());
        }
        let limits =
            ["tokens=1/hour", "tokens=2/rolling-hour:shadow"].map(|text| text.parse().unwrap());
        let error = Limit::check_all(&limits, "limits").unwrap_err();
        assert_eq!(error.message, "there are two limits on `tokens/hour`");
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,40}") {
            let _ = text.parse::<Limit>();
        }

        #[test]
        fn money_reads_what_it_wrote(amount in 0..=MOST_DOLLARS * DOLLAR) {
            let limit = Limit {
                metric: Metric::Spend,
                window: Window::Total,
                amount,
                shadow: false,
            };
            prop_assert_eq!(limit.to_string().parse::<Limit>().unwrap(), limit);
        }
    }
}
