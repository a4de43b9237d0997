//! Headers that go with an error: when to come back, and what of a limit is left, as each provider says it.

use super::ask::Wire;
use super::script::Script;
use jiff::{Timestamp, fmt::rfc2822::DateTimePrinter};
use std::time::Duration;

/// The header lines that a script has an error carry.
pub fn headers(wire: Wire, script: &Script) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = |name: &str, value: &str| lines.push(format!("{name}: {value}"));
    if let Some(value) = &script.retry_after {
        line("retry-after", value);
    }
    if let Some(date) = script.retry_after_date.and_then(from_now) {
        // RFC 9110 section 10.2.3
        let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&date);
        line("retry-after", &date.unwrap_or_default());
    }
    if let Some(value) = &script.retry_after_ms {
        line("retry-after-ms", value);
    }
    match (script.reset_in, wire) {
        (None, _) => {}
        // <https://docs.anthropic.com/en/api/rate-limits#response-headers>
        (Some(left), Wire::Anthropic) => {
            let reset = from_now(left).map(|time| format!("{time:.0}"));
            line("anthropic-ratelimit-requests-remaining", "0");
            line(
                "anthropic-ratelimit-requests-reset",
                &reset.unwrap_or_default(),
            );
        }
        // <https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers>
        (Some(left), _) => {
            line("x-ratelimit-remaining-requests", "0");
            line("x-ratelimit-reset-requests", &spelt(left));
        }
    }
    lines
}

fn from_now(left: Duration) -> Option<Timestamp> {
    Timestamp::now().checked_add(left).ok()
}

/// `6m0s`, `1s`, `12ms`, as Go spells times.
fn spelt(time: Duration) -> String {
    match (
        time.as_secs() / 60,
        time.as_secs() % 60,
        time.subsec_millis(),
    ) {
        (0, 0, millis) => format!("{millis}ms"),
        (0, seconds, 0) => format!("{seconds}s"),
        (0, seconds, millis) => format!("{seconds}.{millis:03}s"),
        (minutes, seconds, _) => format!("{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_provider_says_it_in_its_own_headers() {
        let of = |wire, items: &str| {
            let mut script = Script::default();
            script.add(items).unwrap();
            headers(wire, &script)
        };
        assert_eq!(of(Wire::Openai, "retry-after=soon"), ["retry-after: soon"]);
        assert_eq!(
            of(Wire::Openai, "reset-in=90s"),
            [
                "x-ratelimit-remaining-requests: 0",
                "x-ratelimit-reset-requests: 1m30s"
            ]
        );
        assert_eq!(
            of(Wire::Openai, "reset-in=12")[1],
            "x-ratelimit-reset-requests: 12ms"
        );
        assert_eq!(
            of(Wire::Openai, "reset-in=1500")[1],
            "x-ratelimit-reset-requests: 1.500s"
        );
        let reset = of(Wire::Anthropic, "reset-in=1m").remove(1);
        let (_, time) = reset.split_once(": ").unwrap();
        assert!(time.parse::<Timestamp>().unwrap() > Timestamp::now());
        let date = of(Wire::Openai, "retry-after-date=1m").remove(0);
        assert!(date.ends_with(" GMT"), "{date}");
    }
}
