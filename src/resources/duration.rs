//! Durations as people write them: `250ms`, `30s`, `5m`, `1h30m`, `90d`.

use crate::error::{Error, Result};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, str::FromStr, time::Duration};

/// A duration in milliseconds; text in JSON and TOML.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millis(pub u64);

const UNITS: [(&str, u64); 6] = [
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

impl Millis {
    pub const fn secs(seconds: u64) -> Millis {
        Millis(seconds * 1_000)
    }
    pub fn std(self) -> Duration {
        Duration::from_millis(self.0)
    }
}

/// Refuses timers that are over before anything can happen. Left out, a timer is the default.
pub fn more_than_nothing(timers: &[(&str, Option<Millis>)]) -> Result<()> {
    match timers.iter().find(|(_, timer)| *timer == Some(Millis(0))) {
        None => Ok(()),
        Some((name, _)) => Err(Error::invalid(format!(
            "`{name}` is 0, so that nothing could ever be in time"
        ))
        .param(*name)
        .hint("give it some time, or leave it out for the default")),
    }
}

impl FromStr for Millis {
    type Err = Error;
    fn from_str(text: &str) -> Result<Millis> {
        let bad = || {
            Error::invalid(format!("`{text}` is not a duration"))
                .hint("write it as 250ms, 30s, 5m, 1h30m or 90d")
        };
        if text == "0" {
            return Ok(Millis(0));
        }
        let (mut rest, mut total) = (text, 0u64);
        if rest.is_empty() {
            return Err(bad());
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
            let number: u64 = rest[..digits].parse().map_err(|_| bad())?;
            rest = &rest[digits..];
            let letters = rest
                .find(|c: char| !c.is_ascii_alphabetic())
                .unwrap_or(rest.len());
            let (_, scale) = UNITS
                .iter()
                .find(|(unit, _)| *unit == &rest[..letters])
                .ok_or_else(bad)?;
            total = number
                .checked_mul(*scale)
                .and_then(|part| total.checked_add(part))
                .ok_or_else(bad)?;
            rest = &rest[letters..];
        }
        Ok(Millis(total))
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        if rest == 0 {
            return f.write_str("0s");
        }
        for (unit, scale) in UNITS.into_iter().filter(|(unit, _)| *unit != "w") {
            if rest >= scale {
                write!(f, "{}{unit}", rest / scale)?;
                rest %= scale;
            }
        }
        Ok(())
    }
}

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for Millis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Millis, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(|error: Error| serde::de::Error::custom(error.message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes() {
        for (text, millis) in [
            ("250ms", 250),
            ("30s", 30_000),
            ("1h30m", 5_400_000),
            ("90d", 7_776_000_000),
            ("0s", 0),
        ] {
            assert_eq!(text.parse::<Millis>().map(|d| d.0).ok(), Some(millis));
            assert_eq!(Millis(millis).to_string(), text);
        }
        for bad in ["", "s", "10", "10x", "-1s", "99999999999999999999d", "1h30"] {
            assert!(bad.parse::<Millis>().is_err(), "{bad}");
        }
    }
}
