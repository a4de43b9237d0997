//! How long an upstream asks to be left alone, in every form that providers say it, and how a caller is told when to come
//! back. Must not know what is done with it.

use crate::http1::{fields::Fields, lines::Lines};
use serde_json::Value;
use std::time::Duration;

const RETRY_AFTER: &str = "retry-after";
const RETRY_AFTER_MS: &str = "retry-after-ms";

/// What a caller is told at least and at most of a wait: as long as a target rests for it.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(600);

/// Beyond this (ms) nobody means what they say; keeps sums within what numbers hold.
const ENDLESS_MS: f64 = 1e10;

/// Tells the caller when to come back, in both forms that clients read: seconds rounded up, so that nobody comes
/// too early, and milliseconds. Within what a target rests at least and at most, whatever a provider said.
pub fn tell(wait: Duration, to: &mut Lines) {
    tell_exactly(wait.clamp(SHORTEST, LONGEST), to);
}

/// The same of a wait that gw itself knows.
pub fn tell_exactly(wait: Duration, to: &mut Lines) {
    let seconds = wait.as_millis().div_ceil(1_000);
    for (name, value) in [(RETRY_AFTER, seconds), (RETRY_AFTER_MS, wait.as_millis())] {
        let value = u64::try_from(value).unwrap_or(u64::MAX);
        to.put(name, value.to_string());
    }
}

/// How long an upstream that answered `status` asks to be left alone. Nonsense counts as not said.
///
/// `retry-after-ms` and `retry-after` (seconds, a fraction of one, or a date) say it of any failure. Of one of capacity so
/// do, where neither is there: the latest of the resets whose remainder is used up, and what the body says.
pub fn read(status: u16, headers: &Fields, body: &[u8]) -> Option<Duration> {
    let asked = || {
        let asked = text(headers, RETRY_AFTER)?;
        seconds(asked).or_else(|| date(asked))
    };
    let said = text(headers, RETRY_AFTER_MS).and_then(|ms| millis(number(ms)?));
    said.or_else(asked).or_else(|| match status {
        429 | 503 | 529 => used_up(headers).or_else(|| in_body(body)),
        _ => None,
    })
}

fn text<'a>(headers: &'a Fields, name: &str) -> Option<&'a str> {
    headers.text(name).map(str::trim)
}

fn number(text: &str) -> Option<f64> {
    let plain = |sign: char| sign.is_ascii_digit() || sign == '.';
    let number: f64 = text.parse().ok()?;
    (number.is_finite() && text.starts_with(plain)).then_some(number)
}

fn millis(ms: f64) -> Option<Duration> {
    Some(Duration::from_millis(ms.min(ENDLESS_MS).ceil() as u64))
}

fn seconds(text: &str) -> Option<Duration> {
    millis(number(text)? * 1_000.0)
}

/// The three forms of a date: <https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7>.
fn date(text: &str) -> Option<Duration> {
    if let Ok(date) = jiff::fmt::rfc2822::parse(text) {
        return Some(until(date.timestamp()));
    }
    // The day of the month is padded with a space.
    let words: Vec<&str> = text.split_whitespace().collect();
    let words = words.join(" ");
    let read = |form: &str| jiff::civil::DateTime::strptime(form, &words).ok();
    let date = read("%A, %d-%b-%y %H:%M:%S GMT").or_else(|| read("%a %b %d %H:%M:%S %Y"))?;
    let date = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(until(date.timestamp()))
}

fn until(time: jiff::Timestamp) -> Duration {
    let left = time
        .as_millisecond()
        .saturating_sub(jiff::Timestamp::now().as_millisecond());
    Duration::from_millis(u64::try_from(left).unwrap_or(0))
}

/// How providers name what is left of a limit, and when it is whole again: before and behind what is limited. What
/// counts as used up is the value beside it.
///
/// OpenAI, and those that follow it (Azure, Groq, Cerebras, Together):
/// <https://platform.openai.com/docs/guides/rate-limits>. Anthropic: <https://docs.anthropic.com/en/api/rate-limits>; the
/// unified limits are those of its subscriptions, as its own agent reads them:
/// <https://github.com/router-for-me/CLIProxyAPI/pull/3148>.
const LIMITS: [(&str, &str, &str, &str, &str); 3] = [
    ("x-ratelimit-remaining", "", "0", "x-ratelimit-reset", ""),
    (
        "anthropic-ratelimit-",
        "-remaining",
        "0",
        "anthropic-ratelimit-",
        "-reset",
    ),
    (
        "anthropic-ratelimit-unified",
        "-status",
        "rejected",
        "anthropic-ratelimit-unified",
        "-reset",
    ),
];

/// The latest of the resets of what is used up.
fn used_up(headers: &Fields) -> Option<Duration> {
    let reset = |(name, value): (&[u8], &[u8])| {
        let name = std::str::from_utf8(name).ok()?.to_ascii_lowercase();
        LIMITS.iter().find_map(|(before, behind, out, to, end)| {
            let what = name.strip_prefix(before)?.strip_suffix(behind)?;
            let used_up = value.trim_ascii() == out.as_bytes();
            let reset = used_up.then(|| format!("{to}{what}{end}"))?;
            reset_in(text(headers, &reset)?)
        })
    };
    headers.iter().filter_map(reset).max()
}

/// When a limit is whole again: in how long (`6m0s`, `1h7m0.928s`, `20ms`, or seconds), or a time (RFC 3339, or Unix
/// seconds or milliseconds).
fn reset_in(text: &str) -> Option<Duration> {
    const SECONDS: f64 = 1e9;
    const MILLISECONDS: f64 = 1e12;
    if let Some(number) = number(text) {
        let at = match number {
            few if few < SECONDS => return millis(few * 1_000.0),
            seconds if seconds < MILLISECONDS => seconds * 1_000.0,
            milliseconds => milliseconds,
        };
        let at = jiff::Timestamp::from_millisecond(at.min(1e14) as i64);
        return at.ok().map(until);
    }
    span(text).or_else(|| text.parse().ok().map(until))
}

/// A time as Go writes it: <https://pkg.go.dev/time#Duration.String>.
fn span(text: &str) -> Option<Duration> {
    let (mut rest, mut ms) = (text, 0.0);
    while !rest.is_empty() {
        let digits = rest.find(|sign: char| !sign.is_ascii_digit() && sign != '.')?;
        let (amount, behind) = rest.split_at(digits);
        let unit = behind.find(|sign: char| !sign.is_alphabetic());
        let (unit, next) = behind.split_at(unit.unwrap_or(behind.len()));
        ms += number(amount)?
            * match unit {
                "h" => 3_600_000.0,
                "m" => 60_000.0,
                "s" => 1_000.0,
                "ms" => 1.0,
                "us" | "µs" => 1e-3,
                "ns" => 1e-6,
                _ => return None,
            };
        rest = next;
    }
    (!text.is_empty()).then(|| millis(ms)).flatten()
}

/// What an error says of the wait: Google's `RetryInfo` (<https://cloud.google.com/apis/design/errors#error_info>,
/// <https://github.com/googleapis/python-genai/pull/2114>), and the headers that OpenRouter puts into the body
/// (<https://github.com/everruns/everruns/pull/2280>).
fn in_body(body: &[u8]) -> Option<Duration> {
    let value: Value = serde_json::from_slice(body).ok()?;
    // Where Gemini streams an array, the error is its first element.
    let error = value.get(0).unwrap_or(&value).get("error")?;
    let details = error.get("details").and_then(Value::as_array);
    let delay = details
        .into_iter()
        .flatten()
        .find_map(|detail| detail.get("retryDelay")?.as_str());
    if let Some(delay) = delay.and_then(span) {
        return Some(delay);
    }
    let headers = error.pointer("/metadata/headers")?.as_object()?;
    let named = |name: &str| {
        let (_, value) = headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        value
            .as_str()
            .map(str::to_owned)
            .or_else(|| value.is_number().then(|| value.to_string()))
    };
    let asked = named("retry-after").and_then(|asked| seconds(&asked));
    asked.or_else(|| reset_in(&named("x-ratelimit-reset")?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn headers(lines: &[(&str, &str)]) -> Fields {
        lines.iter().copied().collect()
    }

    /// Of a 429 without a body.
    fn of(lines: &[(&str, &str)]) -> Option<Duration> {
        read(429, &headers(lines), b"")
    }

    const fn ms(ms: u64) -> Option<Duration> {
        Some(Duration::from_millis(ms))
    }

    #[test]
    fn what_clients_read_is_read() {
        for (name, value, expected) in [
            ("retry-after", "2", ms(2_000)),
            ("retry-after", " 2 ", ms(2_000)),
            ("retry-after", "0.5", ms(500)),
            ("retry-after-ms", "1500", ms(1_500)),
            ("retry-after-ms", "1500.2", ms(1_501)),
            ("retry-after", "soon", None),
            ("retry-after", "-1", None),
            ("retry-after", "+5", None),
            ("retry-after", "inf", None),
            ("retry-after", "NaN", None),
            ("retry-after", "", None),
            // The forms of a date, all long past.
            ("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT", ms(0)),
            ("retry-after", "Sunday, 06-Nov-94 08:49:37 GMT", ms(0)),
            ("retry-after", "Sun Nov  6 08:49:37 1994", ms(0)),
            ("retry-after", "Sun Nov 16 08:49:37", None),
        ] {
            assert_eq!(of(&[(name, value)]), expected, "{name}: {value}");
        }
        let both = [("retry-after", "7"), ("retry-after-ms", "6500")];
        assert_eq!(of(&both), ms(6_500), "the finer of the two");
    }

    #[test]
    fn dates_to_come_are_counted_from_now() {
        let to_come = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(100);
        let date = to_come.to_zoned(jiff::tz::TimeZone::UTC);
        for form in [
            "%a, %d %b %Y %H:%M:%S GMT",
            "%A, %d-%b-%y %H:%M:%S GMT",
            "%a %b %e %H:%M:%S %Y",
        ] {
            let written = date.strftime(form).to_string();
            let wait = of(&[("retry-after", &written)]).unwrap();
            // However long the machine took to get here.
            assert!(
                wait <= Duration::from_secs(100) && !wait.is_zero(),
                "{written}: {wait:?}"
            );
        }
    }

    #[test]
    fn of_limits_those_that_are_used_up_say_when() {
        for (lines, expected) in [
            // OpenAI's, as it documents them; what is not used up says nothing.
            (
                &[
                    ("x-ratelimit-remaining-requests", "0"),
                    ("x-ratelimit-reset-requests", "1s"),
                    ("x-ratelimit-remaining-tokens", "149984"),
                    ("x-ratelimit-reset-tokens", "6m0s"),
                ][..],
                ms(1_000),
            ),
            (
                &[
                    ("x-ratelimit-remaining-requests", "0"),
                    ("x-ratelimit-reset-requests", "20ms"),
                    ("x-ratelimit-remaining-tokens", "0"),
                    ("x-ratelimit-reset-tokens", "1h7m0.928s"),
                ],
                ms(4_020_928),
            ),
            (
                &[
                    ("x-ratelimit-remaining-tokens", "12"),
                    ("x-ratelimit-reset-tokens", "6m0s"),
                ],
                None,
            ),
            // Cerebras' and Together's names; seconds.
            (
                &[
                    ("x-ratelimit-remaining-requests-day", "0"),
                    ("x-ratelimit-reset-requests-day", "33011.382867"),
                ],
                ms(33_011_383),
            ),
            (
                &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "4")],
                ms(4_000),
            ),
            // Times: all past.
            (
                &[
                    ("x-ratelimit-remaining", "0"),
                    ("x-ratelimit-reset", "1741305600000"),
                ],
                ms(0),
            ),
            (
                &[
                    ("anthropic-ratelimit-tokens-remaining", "0"),
                    ("anthropic-ratelimit-tokens-reset", "2024-03-14T06:46:52Z"),
                    ("anthropic-ratelimit-requests-remaining", "49"),
                    ("anthropic-ratelimit-requests-reset", "2124-03-14T06:46:52Z"),
                ],
                ms(0),
            ),
            (
                &[
                    ("anthropic-ratelimit-unified-status", "rejected"),
                    ("anthropic-ratelimit-unified-reset", "1741305600"),
                    ("anthropic-ratelimit-unified-7d-status", "allowed"),
                    ("anthropic-ratelimit-unified-7d-reset", "4741305600"),
                ],
                ms(0),
            ),
            // What says it itself comes first, and nonsense is passed over.
            (
                &[
                    ("retry-after", "3"),
                    ("x-ratelimit-remaining-requests", "0"),
                    ("x-ratelimit-reset-requests", "1m"),
                ],
                ms(3_000),
            ),
            (
                &[
                    ("retry-after", "soon"),
                    ("x-ratelimit-remaining-requests", "0"),
                    ("x-ratelimit-reset-requests", "1m"),
                ],
                ms(60_000),
            ),
            (
                &[
                    ("x-ratelimit-remaining-requests", "0"),
                    ("x-ratelimit-reset-requests", "1 fortnight"),
                ],
                None,
            ),
        ] {
            assert_eq!(of(lines), expected, "{lines:?}");
        }
        let weekly = of(&[
            ("anthropic-ratelimit-unified-7d-status", "rejected"),
            ("anthropic-ratelimit-unified-7d-reset", "4741305600"),
        ]);
        assert!(weekly > ms(1_000_000_000), "{weekly:?}");
    }

    #[test]
    fn other_failures_have_only_what_says_it_itself() {
        let used_up = headers(&[
            ("x-ratelimit-remaining-requests", "0"),
            ("x-ratelimit-reset-requests", "1m"),
        ]);
        for (status, expected) in [
            (429, ms(60_000)),
            (503, ms(60_000)),
            (400, None),
            (500, None),
        ] {
            assert_eq!(read(status, &used_up, b""), expected, "{status}");
        }
        let asked = headers(&[("retry-after", "5")]);
        assert_eq!(read(500, &asked, b""), ms(5_000));
    }

    #[test]
    fn bodies_say_it_too() {
        let gemini = r#"{"error":{"code":429,"message":"You exceeded your current quota","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[]},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"45.837906927s"}]}}"#;
        let router = r#"{"error":{"message":"Rate limit exceeded","code":429,"metadata":{"headers":{"X-RateLimit-Limit":"50","X-RateLimit-Remaining":"0","X-RateLimit-Reset":"1741305600000"}}}}"#;
        for (body, expected) in [
            (gemini.to_owned(), ms(45_838)),
            (format!("[{gemini}]"), ms(45_838)),
            (router.to_owned(), ms(0)),
            (
                r#"{"error":{"metadata":{"headers":{"retry-after":12}}}}"#.to_owned(),
                ms(12_000),
            ),
            (
                r#"{"error":{"details":[{"retryDelay":7}]}}"#.to_owned(),
                None,
            ),
            (r#"{"error":"busy"}"#.to_owned(), None),
            ("[]".to_owned(), None),
            ("busy".to_owned(), None),
        ] {
            let none = Fields::default();
            assert_eq!(read(429, &none, body.as_bytes()), expected, "{body}");
            assert_eq!(read(400, &none, body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn what_is_sent_on_is_rounded_up_kept_in_milliseconds_and_bounded() {
        let told = |name: &str, value: &str| {
            let mut to = Lines::default();
            tell(of(&[(name, value)]).unwrap_or_default(), &mut to);
            ["retry-after", "retry-after-ms"]
                .map(|name| String::from_utf8_lossy(to.get(name).unwrap_or_default()).into_owned())
        };
        for (name, value, seconds, ms) in [
            ("retry-after", "2", "2", "2000"),
            ("retry-after", "1.2", "2", "1200"),
            ("retry-after-ms", "1500", "2", "1500"),
            ("retry-after-ms", "2000", "2", "2000"),
            ("retry-after-ms", "2000.5", "3", "2001"),
            ("retry-after", "0", "1", "1000"),
            ("retry-after-ms", "250", "1", "1000"),
            ("retry-after", "3600", "600", "600000"),
            (
                "retry-after",
                "Wed, 21 Oct 2065 07:28:00 GMT",
                "600",
                "600000",
            ),
            ("retry-after", "1e300", "600", "600000"),
        ] {
            assert_eq!(told(name, value), [seconds, ms], "{name}: {value}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_is_said_does_harm(value in "[ -~]{0,24}", body in "[ -~]{0,60}") {
            for name in ["retry-after", "retry-after-ms", "x-ratelimit-reset", "anthropic-ratelimit-tokens-reset"] {
                let lines = [(name, value.as_str()), ("x-ratelimit-remaining", "0"), ("anthropic-ratelimit-tokens-remaining", "0")];
                let mut told = Lines::default();
                if let Some(wait) = read(429, &headers(&lines), body.as_bytes()) {
                    tell(wait, &mut told);
                    prop_assert!(told.get(RETRY_AFTER).is_some() && told.get(RETRY_AFTER_MS).is_some());
                }
            }
        }

        #[test]
        fn spans_are_read_as_they_are_written(hours in 0u64..30, minutes in 0u64..60, ms in 0u64..60_000) {
            let written = format!("{hours}h{minutes}m{}.{:03}s", ms / 1_000, ms % 1_000);
            let expected = Duration::from_millis(hours * 3_600_000 + minutes * 60_000 + ms);
            let read = span(&written).unwrap_or_default();
            // Rounded up where the sum of fractions is not exact.
            prop_assert!(read >= expected && read <= expected + Duration::from_millis(1), "{} {:?}", written, read);
        }
    }
}
