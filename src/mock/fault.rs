//! A script: what a request asks the mock to do beside answering. Written as `status=429,retry-after=2` in flags and
//! in the `x-mock` header, and as a model name (`mock-429`, `mock-slow-800`, `slow?ms=800`) where a gateway in
//! between lets no header through.

use std::time::Duration;

/// What to do to one request. Everything off is an honest, prompt answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Script {
    /// Answer with this status and an error body.
    pub status: Option<u16>,
    /// The message of that error.
    pub message: Option<String>,
    /// Value of `Retry-After`, sent as it stands.
    pub retry_after: Option<String>,
    /// Only the first N requests (for each model) get `status`; default status then is 500.
    pub fail_first: Option<u64>,
    /// Wait before the head of the answer.
    pub delay_headers: Option<Duration>,
    /// Wait after the head, before the first event or the body.
    pub delay_first: Option<Duration>,
    /// Wait between events, and between the pieces that `chunk` makes of a body.
    pub pace: Option<Duration>,
    /// Wait between pieces of the request's body, of at most 16 KiB.
    pub read_pace: Option<Duration>,
    /// Text events in a stream.
    pub events: Option<usize>,
    /// Text of this many bytes.
    pub bytes: Option<usize>,
    /// Reset (RST) after N events; without streaming, after half the body.
    pub reset_after: Option<usize>,
    /// Close cleanly (FIN) after N events, without the end mark.
    pub close_after: Option<usize>,
    /// Send nothing more after N events, keeping the connection open.
    pub stall_after: Option<usize>,
    /// An event that is not JSON after N events; without streaming, a body that is not.
    pub malformed_after: Option<usize>,
    /// A message whose checksum is wrong after N events (Amazon's binary streams; elsewhere an empty object).
    pub bad_crc_after: Option<usize>,
    /// An error event after N events; 0: as the first.
    pub error_after: Option<usize>,
    /// Fail as the format ends a failed answer (Responses: `response.failed`) after N events; else as `error_after`.
    pub failed_after: Option<usize>,
    /// The code of an error, where the format has one.
    pub code: Option<String>,
    /// One SSE line of this many bytes after the first event.
    pub long_line: Option<usize>,
    /// Reset inside the status line.
    pub reset_in_header: bool,
    /// Close before any byte of the answer.
    pub close_before: bool,
    /// Stop inside the head, keeping the connection open.
    pub stall_in_header: bool,
    /// Answer 200 with an HTML page.
    pub html: bool,
    /// Answer 200 with no body.
    pub empty: bool,
    /// Claim `content-encoding: gzip`, which nobody asked for.
    pub gzip: bool,
    /// Answer 307 with this location.
    pub redirect: Option<String>,
    /// Leave usage out.
    pub no_usage: bool,
    /// Report impossible usage (-1, 1e18, a string).
    pub bad_usage: bool,
    /// Prompt tokens read from cache.
    pub cached: Option<u64>,
    /// Prompt tokens written to cache (Anthropic).
    pub cache_write: Option<u64>,
    /// Call these tools, whatever the prompt says.
    pub call: Vec<String>,
    /// Give calls an id where the format leaves it open (Gemini).
    pub call_ids: bool,
    /// Tool arguments that are not JSON.
    pub bad_arguments: bool,
    /// Think before answering.
    pub think: bool,
    /// End the answer as a content filter does.
    pub filter: bool,
    /// Refuse in words, where the format has a place for them; else end as a filter does.
    pub refusal: bool,
    /// Refuse thoughts whose seals are not this mock's own.
    pub check_seals: bool,
    /// Answer with the last user text and nothing else.
    pub echo: bool,
    /// Write at most this many bytes at once, so that frames arrive in pieces.
    pub chunk: Option<usize>,
    /// Send a comment before each event, as some do to keep the connection alive.
    pub comments: bool,
    /// End SSE lines with CRLF.
    pub crlf: bool,
}

/// No answer grows beyond this, whatever a script asks for.
const MOST: usize = 256 << 20;

/// Names of what a script can say, for error messages and for reading model names.
pub const NAMES: &[&str] = &[
    "status",
    "message",
    "retry-after",
    "fail-first",
    "delay-headers",
    "delay-first",
    "pace",
    "read-pace",
    "events",
    "bytes",
    "reset-after",
    "close-after",
    "stall-after",
    "malformed-after",
    "bad-crc-after",
    "error-after",
    "failed-after",
    "code",
    "long-line",
    "reset-in-header",
    "close-before",
    "stall-in-header",
    "html",
    "empty",
    "gzip",
    "redirect",
    "no-usage",
    "bad-usage",
    "cached",
    "cache-write",
    "call",
    "call-ids",
    "bad-arguments",
    "think",
    "filter",
    "refusal",
    "check-seals",
    "echo",
    "chunk",
    "comments",
    "crlf",
];

impl Script {
    /// Sets one item; an empty value is the item's default.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "status" => self.status = Some(number(name, value, Some(500))?),
            "message" => self.message = Some(value.to_owned()),
            "retry-after" => self.retry_after = Some(value.to_owned()),
            "fail-first" => self.fail_first = Some(number(name, value, Some(1))?),
            "delay-headers" => self.delay_headers = Some(duration(name, value)?),
            "delay-first" | "slow" => self.delay_first = Some(duration(name, value)?),
            "read-pace" => self.read_pace = Some(duration(name, value)?),
            "pace" => self.pace = Some(duration(name, value)?),
            "events" | "stream" => {
                self.events = Some(number::<usize>(name, value, None)?.min(MOST))
            }
            "bytes" => self.bytes = Some(number::<usize>(name, value, None)?.min(MOST)),
            "reset-after" | "drop-after" => self.reset_after = Some(number(name, value, Some(1))?),
            "close-after" => self.close_after = Some(number(name, value, Some(1))?),
            "stall-after" => self.stall_after = Some(number(name, value, Some(1))?),
            "malformed-after" => self.malformed_after = Some(number(name, value, Some(0))?),
            "bad-crc-after" => self.bad_crc_after = Some(number(name, value, Some(0))?),
            "error-after" => self.error_after = Some(number(name, value, Some(0))?),
            "failed-after" => self.failed_after = Some(number(name, value, Some(0))?),
            "code" => self.code = Some(value.to_owned()),
            "long-line" => {
                self.long_line = Some(number::<usize>(name, value, Some(2 << 20))?.min(MOST))
            }
            "reset-in-header" => self.reset_in_header = true,
            "close-before" => self.close_before = true,
            "stall-in-header" => self.stall_in_header = true,
            "html" => self.html = true,
            "empty" => self.empty = true,
            "gzip" => self.gzip = true,
            "redirect" => {
                self.redirect = Some(if value.is_empty() {
                    "http://127.0.0.1:9/".to_owned()
                } else {
                    value.to_owned()
                })
            }
            "no-usage" => self.no_usage = true,
            "bad-usage" => self.bad_usage = true,
            "cached" => self.cached = Some(number(name, value, None)?),
            "cache-write" => self.cache_write = Some(number(name, value, None)?),
            "call" => {
                self.call = value
                    .split('+')
                    .filter(|name| !name.is_empty())
                    .map(str::to_owned)
                    .collect()
            }
            "call-ids" => self.call_ids = true,
            "bad-arguments" => self.bad_arguments = true,
            "think" => self.think = true,
            "filter" => self.filter = true,
            "refusal" => self.refusal = true,
            "check-seals" => self.check_seals = true,
            "echo" => self.echo = true,
            "chunk" => self.chunk = Some(number::<usize>(name, value, Some(1))?.max(1)),
            "comments" => self.comments = true,
            "crlf" => self.crlf = true,
            _ => {
                return Err(format!(
                    "unknown item `{name}` in a mock script; known: {}",
                    NAMES.join(", ")
                ));
            }
        }
        Ok(())
    }

    /// Adds what a header or flag such as `status=429,retry-after=2` says.
    pub fn add(&mut self, text: &str) -> Result<(), String> {
        for item in text
            .split([',', ';'])
            .map(str::trim)
            .filter(|item| !item.is_empty())
        {
            let (name, value) = item.split_once('=').unwrap_or((item, ""));
            self.set(name.trim(), value.trim())?;
        }
        Ok(())
    }

    /// Adds what a model's name says. Names that say nothing are ordinary models.
    pub fn add_model(&mut self, model: &str) {
        let named = model
            .strip_prefix("mock-")
            .or_else(|| model.strip_prefix("mock/"));
        let rest = named.unwrap_or(model);
        if let Some((name, query)) = rest.split_once('?') {
            return self.add_query(name, query);
        }
        for item in rest.split('+') {
            if item
                .parse::<u16>()
                .is_ok_and(|status| (300..600).contains(&status))
            {
                let _ = self.set("status", item);
            } else if named.is_some() || item == "echo" {
                let known = NAMES.iter().chain(&["slow", "drop-after"]).find(|name| {
                    item.strip_prefix(**name)
                        .is_some_and(|value| value.is_empty() || value.starts_with('-'))
                });
                if let Some(name) = known {
                    let value = item.get(name.len() + 1..).unwrap_or_default();
                    let _ = self.set(name, value);
                }
            }
        }
    }

    /// `slow?ms=800`, `stream?n=50&d=20`, `drop-after?n=3`: the spelling of `gw serve --mock`.
    fn add_query(&mut self, name: &str, query: &str) {
        let _ = self.set(name, "");
        for (key, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            let _ = match key {
                "n" | "ms" => self.set(name, value),
                "d" => self.set("pace", value),
                _ => self.set(key, value),
            };
        }
    }

    /// Whether the answer is the honest, prompt one.
    pub fn is_plain(&self) -> bool {
        *self == Script::default()
    }
}

fn number<N: std::str::FromStr>(name: &str, value: &str, default: Option<N>) -> Result<N, String> {
    match default {
        Some(default) if value.is_empty() => Ok(default),
        _ => value
            .parse()
            .map_err(|_| format!("`{name}` in a mock script needs a number, got `{value}`")),
    }
}

/// `200ms`, `2s`, or bare milliseconds.
fn duration(name: &str, value: &str) -> Result<Duration, String> {
    let (digits, unit) = value.split_at(
        value
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(value.len()),
    );
    let scale = match unit {
        "" if value.is_empty() => return Ok(Duration::from_millis(1000)),
        "" | "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        _ => {
            return Err(format!(
                "`{name}` in a mock script needs a duration such as `200ms`, got `{value}`"
            ));
        }
    };
    let millis: u64 = number(name, digits, None)?;
    Ok(Duration::from_millis(millis.saturating_mul(scale)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn headers_and_models_say_the_same() {
        let mut header = Script::default();
        header.add("status=429, retry-after=2").unwrap();
        assert_eq!(
            (header.status, header.retry_after.as_deref()),
            (Some(429), Some("2"))
        );
        for (model, same) in [
            ("mock-429", "status=429"),
            ("mock/429", "status=429"),
            ("429", "status=429"),
            ("mock-slow-800", "delay-first=800ms"),
            ("slow?ms=800", "delay-first=800"),
            ("mock-drop-after-3", "reset-after=3"),
            ("drop-after?n=3", "reset-after=3"),
            ("stream?n=50&d=20", "events=50,pace=20ms"),
            ("mock-events-5+pace-10", "events=5,pace=10"),
            ("mock-reset-in-header", "reset-in-header"),
            ("mock-error-after-0", "error-after=0"),
            ("echo", "echo"),
        ] {
            let (mut left, mut right) = (Script::default(), Script::default());
            left.add_model(model);
            right.add(same).unwrap();
            assert_eq!(left, right, "{model}");
        }
    }

    #[test]
    fn ordinary_models_say_nothing() {
        for model in [
            "mock",
            "gpt-4o",
            "claude-sonnet-4",
            "mock-embedding",
            "llama3:8b",
            "slow",
            "status",
            "1000",
            "",
        ] {
            let mut script = Script::default();
            script.add_model(model);
            assert!(script.is_plain(), "{model}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        let mut script = Script::default();
        assert!(script.add("statsu=1").unwrap_err().contains("`statsu`"));
        assert!(script.add("pace=soon").unwrap_err().contains("`pace`"));
        assert!(script.add("events=many").unwrap_err().contains("`many`"));
    }

    #[test]
    fn every_name_is_read() {
        for name in NAMES {
            let mut script = Script::default();
            assert!(script.set(name, "1").is_ok(), "{name}");
            assert!(!script.is_plain(), "{name}");
        }
    }
}
