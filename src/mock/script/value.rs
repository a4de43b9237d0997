//! Values of a script's items as types. Errors are fragments that follow the item's name.

use serde_json::{Value, json};
use std::str::FromStr;
use std::time::Duration;

/// No answer grows beyond this, whatever a script asks for.
const MOST: usize = 256 << 20;

pub fn number<N: FromStr>(value: &str) -> Result<N, String> {
    value
        .parse()
        .map_err(|_| format!("needs a number, got `{value}`"))
}

/// The same where nothing means `default`.
pub fn number_or<N: FromStr>(value: &str, default: N) -> Result<N, String> {
    match value {
        "" => Ok(default),
        _ => number(value),
    }
}

/// A number of bytes or pieces.
pub fn size(value: &str) -> Result<usize, String> {
    number::<usize>(value).map(|size| size.min(MOST))
}

pub fn size_or(value: &str, default: usize) -> Result<usize, String> {
    number_or(value, default).map(|size| size.min(MOST))
}

/// The status of an answer.
pub fn status(value: &str) -> Result<u16, String> {
    let status = number_or(value, 500)?;
    match (200..600).contains(&status) {
        true => Ok(status),
        false => Err(format!("needs a status from 200 to 599, got `{value}`")),
    }
}

pub fn percent(value: &str) -> Result<u64, String> {
    let percent = number_or(value, 50)?;
    match percent <= 100 {
        true => Ok(percent),
        false => Err(format!("needs a number up to 100, got `{value}`")),
    }
}

/// `200ms`, `2s`, `1m`, or bare milliseconds; nothing: a second.
pub fn duration(value: &str) -> Result<Duration, String> {
    let end = value.find(|c: char| !c.is_ascii_digit());
    let (digits, unit) = value.split_at(end.unwrap_or(value.len()));
    let scale = match unit {
        "" if value.is_empty() => return Ok(Duration::from_secs(1)),
        "" | "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        _ => return Err(format!("needs a duration such as `200ms`, got `{value}`")),
    };
    let millis: u64 = number(digits)?;
    Ok(Duration::from_millis(millis.saturating_mul(scale)))
}

/// Two times, `2s/1s`; with a `-` in names of models.
pub fn phases(value: &str) -> Result<(Duration, Duration), String> {
    let (up, down) = value.split_once(['/', '-']).unwrap_or((value, value));
    let phases = (duration(up)?, duration(down)?);
    match phases.0.is_zero() || phases.1.is_zero() {
        true => Err(format!("needs two times such as `2s/1s`, got `{value}`")),
        false => Ok(phases),
    }
}

/// A header line. Scripts come from requests: none may write lines of its own.
pub fn header(value: &str) -> Result<String, String> {
    let line = value
        .split_once(':')
        .map(|(name, value)| (name.trim(), value.trim()));
    match line {
        Some((name, value))
            if http::HeaderName::try_from(name).is_ok()
                && http::HeaderValue::try_from(value).is_ok() =>
        {
            Ok(format!("{name}: {value}"))
        }
        _ => Err(format!("needs a header such as `x-a: b`, got `{value}`")),
    }
}

/// One value in place of all three counts, or three that are each wrong in another way.
pub fn bad_usage(value: &str) -> Result<[Value; 3], String> {
    match value {
        "" => Ok([json!(-1), json!(1e18), json!("many")]),
        _ => Ok([(); 3].map(|()| serde_json::from_str(value).unwrap_or_else(|_| json!(value)))),
    }
}

/// How an answer says where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// By the connection's end alone.
    Close,
    /// Two lengths that differ.
    TwoLengths,
    /// A length beside chunks.
    LengthAndChunks,
    /// A chunk whose size is no number, behind half of what comes first.
    BadChunk,
}

pub fn framing(value: &str) -> Result<Framing, String> {
    match value {
        "close" => Ok(Framing::Close),
        "two-lengths" => Ok(Framing::TwoLengths),
        "length-and-chunks" => Ok(Framing::LengthAndChunks),
        "bad-chunk" => Ok(Framing::BadChunk),
        _ => Err(format!(
            "needs close, two-lengths, length-and-chunks or bad-chunk, got `{value}`"
        )),
    }
}

/// How lines of an event stream end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lines {
    #[default]
    Lf,
    CrLf,
    Cr,
    /// Each event otherwise.
    Mixed,
}

/// How events are spelt, within the standard and beside it.
/// <https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spelling {
    pub lines: Lines,
    /// The stream begins with a byte order mark.
    pub bom: bool,
    /// No space behind the colon.
    pub no_space: bool,
    /// A line `data` without a colon behind JSON: an empty line more.
    pub bare_data: bool,
    /// JSON over two lines.
    pub split_data: bool,
    /// Lines `id`, `retry` and one that nobody knows.
    pub fields: bool,
    /// The event's name behind its data.
    pub name_last: bool,
    /// Blank lines too many.
    pub spaced: bool,
    /// No blank lines: all is one event.
    pub no_blank: bool,
    /// No blank line behind the last event.
    pub unended: bool,
}

impl Spelling {
    /// Adds one by its name.
    pub fn add(&mut self, name: &str) -> Result<(), String> {
        match name {
            "crlf" => self.lines = Lines::CrLf,
            "cr" => self.lines = Lines::Cr,
            "mixed" => self.lines = Lines::Mixed,
            "bom" => self.bom = true,
            "no-space" => self.no_space = true,
            "bare-data" => self.bare_data = true,
            "split-data" => self.split_data = true,
            "fields" => self.fields = true,
            "name-last" => self.name_last = true,
            "spaced" => self.spaced = true,
            "no-blank" => self.no_blank = true,
            "unended" => self.unended = true,
            _ => return Err(format!("has no spelling `{name}`")),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_out_of_bounds_are_none() {
        assert!(status("199").is_err() && status("600").is_err() && status("").is_ok());
        assert!(percent("101").is_err() && percent("0").is_ok());
        assert!(phases("0s/1s").is_err() && phases("1s").is_ok() && phases("1s/2m").is_ok());
        assert!(header("a\nb: c").is_err() && header("no colon").is_err());
        assert_eq!(header("X-A:b").as_deref(), Ok("X-A: b"));
        assert_eq!(size("999999999999"), Ok(MOST));
        assert_eq!(bad_usage("1.5"), Ok([json!(1.5), json!(1.5), json!(1.5)]));
    }
}
