//! How targets of one tier are ordered, and what a sticky one keeps together.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// How targets of one tier are ordered: which comes first, and which are its fallback.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// In the order given; each target its own tier.
    #[default]
    Fallback,
    /// Random by weight on every request.
    Split,
    /// By turns, whatever the weights.
    RoundRobin,
    /// By turns in proportion to the weights, evenly spread: a pattern, no dice.
    WeightedRoundRobin,
    /// The one of two drawn by weight whose content came sooner lately.
    LeastLatency,
    /// The one with the fewest requests under way for its weight.
    LeastBusy,
    /// The cheapest by the catalogue's prices and the request's estimate; without a price last.
    LeastCost,
    /// The same for the same session, key, user, prompt or header, as long as it is there.
    Sticky,
}

impl Strategy {
    /// Every strategy, with the name it is written by and what it does.
    pub const ALL: [(Strategy, &'static str); 8] = [
        (Strategy::Fallback, "fallback"),
        (Strategy::Split, "split"),
        (Strategy::RoundRobin, "round-robin"),
        (Strategy::WeightedRoundRobin, "weighted-round-robin"),
        (Strategy::LeastLatency, "least-latency"),
        (Strategy::LeastBusy, "least-busy"),
        (Strategy::LeastCost, "least-cost"),
        (Strategy::Sticky, "sticky"),
    ];

    /// As it is written.
    pub fn name(self) -> &'static str {
        let row = Strategy::ALL.iter().find(|(strategy, _)| *strategy == self);
        row.map_or("", |(_, name)| name)
    }
}

/// What a sticky route keeps at one target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum StickyBy {
    /// The conversation that the caller names in a header; the key where it names none.
    #[default]
    Session,
    Key,
    User,
    /// How the conversation begins: its first two messages.
    Prompt,
    /// The value of this header, its name in lower case; the key where it is not there.
    Header(String),
}

impl FromStr for StickyBy {
    type Err = Error;
    fn from_str(text: &str) -> Result<StickyBy> {
        let token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        match text {
            "session" => Ok(StickyBy::Session),
            "key" => Ok(StickyBy::Key),
            "user" => Ok(StickyBy::User),
            "prompt" => Ok(StickyBy::Prompt),
            _ => match text.strip_prefix("header:") {
                Some(name) if !name.is_empty() && name.len() <= 64 && name.chars().all(token) => {
                    Ok(StickyBy::Header(name.to_ascii_lowercase()))
                }
                _ => Err(Error::invalid(format!(
                    "`{}` is nothing to stick by",
                    text.escape_debug()
                ))
                .hint("write session, key, user, prompt or header:NAME")),
            },
        }
    }
}

impl TryFrom<String> for StickyBy {
    type Error = String;
    fn try_from(text: String) -> std::result::Result<StickyBy, String> {
        let wrong = |error: Error| match error.hint {
            Some(hint) => format!("{}: {hint}", error.message),
            None => error.message,
        };
        text.parse().map_err(wrong)
    }
}

impl From<StickyBy> for String {
    fn from(by: StickyBy) -> String {
        by.to_string()
    }
}

impl fmt::Display for StickyBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StickyBy::Session => f.write_str("session"),
            StickyBy::Key => f.write_str("key"),
            StickyBy::User => f.write_str("user"),
            StickyBy::Prompt => f.write_str("prompt"),
            StickyBy::Header(name) => write!(f, "header:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_are_those_of_files() {
        for (strategy, name) in Strategy::ALL {
            assert_eq!(serde_json::json!(strategy), name);
            assert_eq!(strategy.name(), name);
        }
    }

    #[test]
    fn what_to_stick_by_is_written_as_it_is_read() {
        for text in ["session", "key", "user", "prompt", "header:x-team"] {
            assert_eq!(text.parse::<StickyBy>().unwrap().to_string(), text);
        }
        let upper: StickyBy = "header:X-Team".parse().unwrap();
        assert_eq!(upper.to_string(), "header:x-team");
        for text in ["", "header:", "header:a b", "cookie", "Session"] {
            let error = text.parse::<StickyBy>().unwrap_err();
            assert_eq!(
                error.hint.as_deref(),
                Some("write session, key, user, prompt or header:NAME")
            );
        }
    }
}
