//! How limits stand, in the headers that clients of each format read on every answer. Must not know what was reserved.

use crate::digits::Digits;
use crate::formats::Api;
use crate::http1::lines::Lines;
use crate::resources::{
    Stamp,
    limit::{Limit, Metric, Window},
};
use crate::store::counters::{Second, Standing};
use http::HeaderValue;

/// The headers of one kind, and the limits that they sum up.
struct Row {
    limit: &'static str,
    remaining: &'static str,
    reset: &'static str,
    metrics: &'static [Metric],
}

macro_rules! openai {
    ($name:literal, $metrics:expr) => {
        Row {
            limit: concat!("x-ratelimit-limit-", $name),
            remaining: concat!("x-ratelimit-remaining-", $name),
            reset: concat!("x-ratelimit-reset-", $name),
            metrics: $metrics,
        }
    };
}

macro_rules! anthropic {
    ($name:literal, $metrics:expr) => {
        Row {
            limit: concat!("anthropic-ratelimit-", $name, "-limit"),
            remaining: concat!("anthropic-ratelimit-", $name, "-remaining"),
            reset: concat!("anthropic-ratelimit-", $name, "-reset"),
            metrics: $metrics,
        }
    };
}

/// <https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers>; it knows tokens of one kind.
static OPENAI: [Row; 2] = [
    openai!("requests", &[Metric::Requests]),
    openai!("tokens", &[Metric::Tokens, Metric::Input, Metric::Output]),
];

/// <https://docs.anthropic.com/en/api/rate-limits#response-headers>
static ANTHROPIC: [Row; 4] = [
    anthropic!("requests", &[Metric::Requests]),
    anthropic!("tokens", &[Metric::Tokens]),
    anthropic!("input-tokens", &[Metric::Input]),
    anthropic!("output-tokens", &[Metric::Output]),
];

/// Puts gw's own limits in the place of what a provider says of the same. Formats whose makers have no such headers get
/// OpenAI's.
pub fn tell(standings: &[Standing], now: Second, api: Api, headers: &mut Lines) {
    let rows: &'static [Row] = match api {
        Api::Anthropic => &ANTHROPIC,
        Api::Openai | Api::Google | Api::Message | Api::Amazon => &OPENAI,
    };
    let when = |at: Second| match api {
        Api::Anthropic => time(at),
        _ => span(at.saturating_sub(now)),
    };
    for row in rows {
        let Some(tightest) = tightest(standings, row.metrics) else {
            continue;
        };
        let told = [
            (row.limit, number(tightest.limit.amount)),
            (row.remaining, number(tightest.left)),
            (row.reset, reset(tightest, now).and_then(when)),
        ];
        for (name, value) in told {
            match value {
                Some(value) => headers.put(name, value),
                None => _ = headers.remove(name),
            }
        }
    }
}

/// The one with the least left, of several with as little the one that is whole again last.
fn tightest<'a>(standings: &'a [Standing], metrics: &[Metric]) -> Option<&'a Standing> {
    let refuses = |limit: &Limit| !limit.shadow && metrics.contains(&limit.metric);
    standings
        .iter()
        .filter(|standing| refuses(&standing.limit))
        .min_by_key(|standing| (standing.left, std::cmp::Reverse(standing.reset)))
}

/// When nothing of what is taken now counts any more. What is only reserved counts from now on, as far as windows roll.
fn reset(standing: &Standing, now: Second) -> Option<Second> {
    standing.reset.or(match standing.limit.window {
        Window::Rolling(_) if standing.reserved == 0 => Some(now),
        Window::Rolling(span) => u32::try_from(span.seconds())
            .ok()
            .map(|seconds| now.saturating_add(seconds)),
        Window::Calendar(_) | Window::Total | Window::Now => None,
    })
}

/// A time as Anthropic writes it: RFC 3339, to the second.
fn time(at: Second) -> Option<HeaderValue> {
    let whole = Stamp(i64::from(at) * 1_000).rfc3339();
    HeaderValue::try_from(whole.replace(".000Z", "Z")).ok()
}

/// Seconds as OpenAI writes them, which is as Go does (<https://pkg.go.dev/time#Duration.String>): `1h0m0s`, `6m0s`, `12s`.
fn span(seconds: u32) -> Option<HeaderValue> {
    let parts = [
        (seconds / 3_600, b'h', 3_600),
        (seconds / 60 % 60, b'm', 60),
        (seconds % 60, b's', 0),
    ];
    // The longest is `1193046h28m15s`.
    let mut text = [0; 16];
    let mut length = 0;
    for (number, unit, least) in parts {
        if seconds >= least {
            let digits = Digits::of(number.into());
            let digits = digits.as_bytes();
            text[length..length + digits.len()].copy_from_slice(digits);
            length += digits.len() + 1;
            text[length - 1] = unit;
        }
    }
    HeaderValue::from_bytes(&text[..length]).ok()
}

/// Not by formatting: there are several in each answer.
fn number(number: u64) -> Option<HeaderValue> {
    HeaderValue::from_bytes(Digits::of(number).as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn standing(limit: &str, left: u64, reset: Option<u32>) -> Standing {
        let limit: Limit = limit.parse().unwrap();
        Standing {
            used: limit.amount - left,
            reserved: 0,
            limit,
            left,
            reset,
            refused: 0,
        }
    }

    fn told(
        standings: &[Standing],
        api: Api,
        theirs: &[(&'static str, &'static str)],
    ) -> Vec<String> {
        let mut headers = Lines::default();
        for (name, value) in theirs {
            headers.put(name, value);
        }
        tell(standings, 1_000, api, &mut headers);
        let text = String::from_utf8(headers.as_bytes().to_vec()).unwrap();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    #[test]
    fn each_format_has_its_own_names() {
        let standings = [
            standing("requests=60/minute", 59, Some(1_012)),
            standing("requests=1000/day", 58, Some(50_000)),
            standing("tokens=1000/hour", 900, Some(4_600)),
            standing("input=800/hour", 10, Some(4_599)),
            standing("output=5/hour:shadow", 0, Some(4_599)),
            standing("spend=1/total", 0, None),
        ];
        assert_eq!(
            told(&standings, Api::Openai, &[]),
            [
                "x-ratelimit-limit-requests: 1000",
                "x-ratelimit-limit-tokens: 800",
                "x-ratelimit-remaining-requests: 58",
                "x-ratelimit-remaining-tokens: 10",
                "x-ratelimit-reset-requests: 13h36m40s",
                "x-ratelimit-reset-tokens: 59m59s",
            ]
        );
        assert_eq!(
            told(&standings, Api::Anthropic, &[]),
            [
                "anthropic-ratelimit-input-tokens-limit: 800",
                "anthropic-ratelimit-input-tokens-remaining: 10",
                "anthropic-ratelimit-input-tokens-reset: 1970-01-01T01:16:39Z",
                "anthropic-ratelimit-requests-limit: 1000",
                "anthropic-ratelimit-requests-remaining: 58",
                "anthropic-ratelimit-requests-reset: 1970-01-01T13:53:20Z",
                "anthropic-ratelimit-tokens-limit: 1000",
                "anthropic-ratelimit-tokens-remaining: 900",
                "anthropic-ratelimit-tokens-reset: 1970-01-01T01:16:40Z",
            ]
        );
    }

    #[test]
    fn spans_are_written_as_go_does() {
        for (seconds, wanted) in [
            (0, "0s"),
            (7, "7s"),
            (60, "1m0s"),
            (359, "5m59s"),
            (3_600, "1h0m0s"),
            (36_610, "10h10m10s"),
            (u32::MAX, "1193046h28m15s"),
        ] {
            assert_eq!(span(seconds).unwrap(), wanted);
        }
        for count in [0, 9, 10, 1_234_567_890, u64::MAX] {
            assert_eq!(number(count).unwrap(), count.to_string().as_str());
        }
    }

    #[test]
    fn what_a_provider_says_of_other_things_stays() {
        let standings = [standing("requests=60/total", 59, None)];
        assert_eq!(
            told(
                &standings,
                Api::Openai,
                &[
                    ("x-ratelimit-limit-requests", "5"),
                    ("x-ratelimit-reset-requests", "1s"),
                    ("x-ratelimit-remaining-tokens", "7"),
                    ("anthropic-ratelimit-unified-status", "allowed"),
                ]
            ),
            [
                "anthropic-ratelimit-unified-status: allowed",
                "x-ratelimit-limit-requests: 60",
                "x-ratelimit-remaining-requests: 59",
                "x-ratelimit-remaining-tokens: 7",
            ]
        );
        assert_eq!(
            told(&[], Api::Openai, &[("x-ratelimit-remaining-tokens", "7")]).len(),
            1
        );
    }
}
