//! Faults to order, for a game day: what is put in front of a provider, how often, and until when. Written as
//! `429:30%,ttft=8s`. Must not know how they are produced.

use super::Provider;
use crate::error::{Error, Result, nearest};
use crate::resources::{Millis, Stamp};
use std::{fmt, str::FromStr};

/// The longest time faults may be ordered for: one that forgets them must not find them next week.
pub const LONGEST: Millis = Millis::secs(24 * 3_600);
/// How far the clocks of who orders and of the gateway may be apart.
const APART: Millis = Millis::secs(60);
/// The longest delay.
const DELAY: Millis = Millis::secs(600);
/// All, in hundredths of a percent.
pub const WHOLE: u32 = 10_000;

/// What an attempt comes to in place of its request being sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An error answer with this status, and how long it asks to be left alone.
    Status(u16, Option<Millis>),
    /// The connection is refused.
    Connect,
    /// The connection breaks before anything of an answer.
    Reset,
    /// Nothing of an answer comes.
    Timeout,
}

/// What is injected in front of a provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// In place of sending, each in so many of [`WHOLE`] attempts; together at most all.
    pub fails: Vec<(Fault, u32)>,
    /// Answers cut off after they began, in so many of [`WHOLE`].
    pub cut: u32,
    /// Waited before the request is sent.
    pub latency: Option<Millis>,
    /// The first content comes no sooner than this long after the request was sent.
    pub ttft: Option<Millis>,
}

/// The words there are beside a status, for errors.
const WORDS: [&str; 6] = ["connect", "reset", "timeout", "cut", "latency", "ttft"];
const GRAMMAR: &str = "items separated by commas: STATUS:PERCENT% (400 to 599, with /retry-after=TIME behind it if need be), connect:PERCENT%, reset:PERCENT%, timeout:PERCENT%, cut:PERCENT%, latency=TIME, ttft=TIME";

impl FromStr for Faults {
    type Err = Error;
    fn from_str(text: &str) -> Result<Faults> {
        let mut faults = Faults::default();
        for item in text.split(',').map(str::trim) {
            faults.add(item)?;
        }
        let all: u32 = faults.fails.iter().map(|(_, often)| often).sum();
        match all > WHOLE {
            true => Err(bad(
                "the faults in place of an answer come to more than 100%",
            )),
            false => Ok(faults),
        }
    }
}

fn bad(message: impl Into<String>) -> Error {
    Error::invalid(message).param("inject").hint(GRAMMAR)
}

impl Faults {
    fn add(&mut self, item: &str) -> Result<()> {
        let shown = item.escape_debug();
        if let Some((word, time)) = item.split_once('=').filter(|(word, _)| !word.contains(':')) {
            let slot = match word.trim() {
                "latency" => &mut self.latency,
                "ttft" => &mut self.ttft,
                other => return Err(unknown(other)),
            };
            if slot.replace(delay(time)?).is_some() {
                return Err(bad(format!("`{}` is there twice", word.escape_debug())));
            }
            return Ok(());
        }
        let (word, often) =
            item.split_once(':')
                .ok_or_else(|| match WORDS.contains(&item) || is_number(item) {
                    true => bad(format!("`{shown}` does not say how often or how long")),
                    false => unknown(item),
                })?;
        let (often, wait) = match often.split_once('/') {
            None => (often, None),
            Some((often, option)) => match option.trim().strip_prefix("retry-after=") {
                Some(time) => (often, Some(delay(time)?)),
                None => {
                    return Err(bad(format!(
                        "`{}` is no option of a status",
                        option.escape_debug()
                    )));
                }
            },
        };
        let often = percent(often.trim())?;
        let fault = match word.trim() {
            "connect" => Fault::Connect,
            "reset" => Fault::Reset,
            "timeout" => Fault::Timeout,
            "cut" if wait.is_none() => {
                return match std::mem::replace(&mut self.cut, often) {
                    0 => Ok(()),
                    _ => Err(bad("`cut` is there twice")),
                };
            }
            number if is_number(number) => match number.parse() {
                Ok(status @ 400..=599) => Fault::Status(status, wait),
                _ => return Err(bad(format!("`{number}` is no status of an error"))),
            },
            other => return Err(unknown(other)),
        };
        if wait.is_some() && !matches!(fault, Fault::Status(..)) {
            return Err(bad(format!(
                "`{shown}` answers nothing, so that it cannot say when to come back"
            )));
        }
        self.fails.push((fault, often));
        Ok(())
    }

    /// Which of them an attempt meets, by a number below [`WHOLE`].
    pub fn drawn(&self, ball: u32) -> Option<Fault> {
        let mut below = 0;
        let found = self.fails.iter().find(|(_, often)| {
            below += often;
            ball < below
        });
        found.map(|(fault, _)| *fault)
    }
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

fn unknown(word: &str) -> Error {
    let error = bad(format!(
        "`{}` is no fault gw can inject",
        word.escape_debug()
    ));
    match nearest(word, WORDS) {
        Some(meant) => error.hint(format!("did you mean `{meant}`? {GRAMMAR}")),
        None => error,
    }
}

fn delay(text: &str) -> Result<Millis> {
    let time: Millis = text
        .trim()
        .parse()
        .map_err(|error: Error| error.param("inject"))?;
    match time {
        Millis(0) => Err(bad("a time of 0 is none")),
        time if time > DELAY => Err(bad(format!("`{time}` is longer than {DELAY}"))),
        time => Ok(time),
    }
}

/// `30%` or `0.5%`, in hundredths of a percent.
fn percent(text: &str) -> Result<u32> {
    let wrong = || {
        bad(format!(
            "`{}` is no percentage above 0 and up to 100%, such as 30%",
            text.escape_debug()
        ))
    };
    let number = text.strip_suffix('%').ok_or_else(wrong)?;
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    if !is_number(whole) || part.len() > 2 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let whole: u32 = whole.parse().map_err(|_| wrong())?;
    let part: u32 = format!("{part:0<2}").parse().map_err(|_| wrong())?;
    let often = whole.saturating_mul(100).saturating_add(part);
    match often {
        1..=WHOLE => Ok(often),
        _ => Err(wrong()),
    }
}

/// As it is written, such as `30%`.
struct Percent(u32);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / 100, self.0 % 100);
        match part {
            0 => write!(f, "{whole}%"),
            part if part % 10 == 0 => write!(f, "{whole}.{}%", part / 10),
            part => write!(f, "{whole}.{part:02}%"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Status(status, _) => write!(f, "{status}"),
            Fault::Connect => f.write_str("connect"),
            Fault::Reset => f.write_str("reset"),
            Fault::Timeout => f.write_str("timeout"),
        }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fails = self.fails.iter().map(|(fault, often)| {
            let wait = match fault {
                Fault::Status(_, Some(wait)) => format!("/retry-after={wait}"),
                _ => String::new(),
            };
            format!("{fault}:{}{wait}", Percent(*often))
        });
        let cut = (self.cut > 0).then(|| format!("cut:{}", Percent(self.cut)));
        let latency = self.latency.map(|time| format!("latency={time}"));
        let ttft = self.ttft.map(|time| format!("ttft={time}"));
        let items: Vec<String> = fails.chain(cut).chain(latency).chain(ttft).collect();
        f.write_str(&items.join(","))
    }
}

impl Provider {
    /// What is injected in front of it, and until when (Unix time in milliseconds); `None`: nothing, or nobody knows how
    /// long.
    pub fn injected(&self) -> Option<(Faults, i64)> {
        let until = Stamp::parse(self.inject_until.as_deref()?).ok()?;
        Some((self.inject.parse().ok()?, until.0))
    }

    /// Faults and their end go together, and the end is not far off. `now`: where the gateway's clock stands.
    pub(super) fn bounded(&mut self, now: Stamp) -> Result<()> {
        if self.inject.is_empty() {
            self.inject_until = None;
            return Ok(());
        }
        self.inject = self.inject.parse::<Faults>()?.to_string();
        let Some(until) = &mut self.inject_until else {
            return Err(Error::invalid(
                "faults are injected for some time, and `inject_until` says none",
            )
            .param("inject_until")
            .hint(format!("give it with --for 10m; at most {LONGEST}")));
        };
        let at = Stamp::parse(until).map_err(|error| error.param("inject_until"))?;
        let most = i64::try_from(LONGEST.0 + APART.0).unwrap_or(i64::MAX);
        if at.0 > now.0.saturating_add(most) {
            return Err(
                Error::invalid(format!("faults are injected for at most {LONGEST}"))
                    .param("inject_until")
                    .hint("give a shorter time, such as --for 10m"),
            );
        }
        *until = at.rfc3339();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn faults_are_written_as_they_are_read() {
        for text in [
            "429:30%,ttft=8s",
            "429:30%/retry-after=2s,503:0.5%,connect:1%,reset:2.25%,timeout:10%,cut:5%,latency=250ms,ttft=8s",
            "500:100%",
        ] {
            let faults: Faults = text.parse().unwrap();
            assert_eq!(faults.to_string(), text);
        }
        let spaced: Faults = " ttft=8s , 429:30.50% ".parse().unwrap();
        assert_eq!(spaced.to_string(), "429:30.5%,ttft=8s");
    }

    #[test]
    fn mistakes_are_named() {
        for (text, message) in [
            ("", "`` is no fault gw can inject"),
            ("429", "`429` does not say how often or how long"),
            ("ttft", "`ttft` does not say how often or how long"),
            ("ttf=8s", "`ttf` is no fault gw can inject"),
            ("ttft=soon", "`soon` is not a duration"),
            ("ttft=0s", "a time of 0 is none"),
            ("ttft=1h", "`1h` is longer than 10m"),
            ("ttft=1s,ttft=2s", "`ttft` is there twice"),
            ("cut:1%,cut:2%", "`cut` is there twice"),
            ("200:10%", "`200` is no status of an error"),
            ("99999999999:10%", "`99999999999` is no status of an error"),
            (
                "429:30",
                "`30` is no percentage above 0 and up to 100%, such as 30%",
            ),
            (
                "429:0%",
                "`0%` is no percentage above 0 and up to 100%, such as 30%",
            ),
            (
                "429:100.01%",
                "`100.01%` is no percentage above 0 and up to 100%, such as 30%",
            ),
            (
                "429:-1%",
                "`-1%` is no percentage above 0 and up to 100%, such as 30%",
            ),
            (
                "429:60%,500:41%",
                "the faults in place of an answer come to more than 100%",
            ),
            ("429:5%/wait=2s", "`wait=2s` is no option of a status"),
            (
                "reset:5%/retry-after=2s",
                "`reset:5%/retry-after=2s` answers nothing, so that it cannot say when to come back",
            ),
            ("explode:1%", "`explode` is no fault gw can inject"),
        ] {
            let error = text.parse::<Faults>().unwrap_err();
            assert_eq!(error.message, message, "{text}");
            assert_eq!(error.param.as_deref(), Some("inject"), "{text}");
        }
        let near = "conect:1%".parse::<Faults>().unwrap_err().hint.unwrap();
        assert!(near.starts_with("did you mean `connect`?"), "{near}");
    }

    #[test]
    fn each_is_met_as_often_as_it_says() {
        let faults: Faults = "429:30%,reset:20%".parse().unwrap();
        let met = |wanted: Option<Fault>| {
            (0..WHOLE)
                .filter(|ball| faults.drawn(*ball) == wanted)
                .count()
        };
        assert_eq!(met(Some(Fault::Status(429, None))), 3_000);
        assert_eq!(met(Some(Fault::Reset)), 2_000);
        assert_eq!(met(None), 5_000);
    }

    #[test]
    fn they_end() {
        let now = Stamp::parse("2030-01-01T00:00:00Z").unwrap();
        let provider = |inject: &str, until: Option<&str>| -> Provider {
            let spec =
                serde_json::json!({"vendor": "openai", "inject": inject, "inject_until": until});
            serde_json::from_value(spec).unwrap()
        };
        let bounded = |inject: &str, until: Option<&str>| {
            let mut provider = provider(inject, until);
            provider
                .bounded(now)
                .map(|()| (provider.inject, provider.inject_until))
        };
        let without = bounded("429:30%", None).unwrap_err();
        assert!(without.hint.unwrap().contains("--for"));
        assert!(bounded("429:30%", Some("2030-01-02T00:02:00Z")).is_err());
        let kept = bounded(" 429:30.0%", Some("2030-01-01T01:00:00+01:00")).unwrap();
        let end = Some("2030-01-01T00:00:00.000Z".to_owned());
        assert_eq!(kept, ("429:30%".into(), end));
        assert_eq!(
            bounded("", Some("2030-01-01")).unwrap(),
            (String::new(), None)
        );
        let at = provider("500:1%", Some("2030-01-01")).injected().unwrap().1;
        assert_eq!(at, now.0);
        assert!(provider("", None).injected().is_none());
    }
}
