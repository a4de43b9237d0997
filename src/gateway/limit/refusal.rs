//! What a caller is told whom a limit does not let through, in words. Must not know formats.

use crate::catalog;
use crate::chat::Fault;
use crate::gateway::retry_after;
use crate::http1::lines::Lines;
use crate::resources::{
    Stamp,
    limit::{Metric, Window},
};
use crate::store::counters::{Kind, Refusal, Second};
use std::time::Duration;

/// A refusal in words.
#[derive(Clone, Debug)]
pub struct Limited {
    /// Which limit: `key ci tokens=1000/hour`.
    pub name: String,
    pub fault: Box<Fault>,
    /// When it is worth coming back; `None`: waiting does not help.
    pub wait: Option<Duration>,
}

impl Limited {
    /// `now`: the time of the counters.
    pub fn of(refusal: &Refusal, now: Second) -> Limited {
        Limited {
            name: name(refusal),
            fault: Box::new(fault(refusal, now)),
            wait: refusal
                .retry_after
                .map(|seconds| Duration::from_secs(seconds.into())),
        }
    }

    /// When to come back, or that it is no use, in headers.
    pub fn tell(&self, headers: &mut Lines) {
        Limited::tell_wait(self.wait, headers);
    }

    /// The same of a wait. The official clients of OpenAI and Anthropic go by these headers:
    /// <https://github.com/openai/openai-python/blob/main/src/openai/_base_client.py>
    pub fn tell_wait(wait: Option<Duration>, headers: &mut Lines) {
        match wait {
            Some(wait) => retry_after::tell_exactly(wait, headers),
            None => headers.put(SHOULD_RETRY, "false"),
        }
    }
}

/// Which limit refuses, as rows have it: `key ci tokens=1000/hour`.
pub fn name(refusal: &Refusal) -> String {
    let subject = &refusal.subject;
    let own = format!("{} {}", subject.kind.name(), subject.name);
    match &subject.of {
        Some((kind, of)) => format!("{own} of {} {of} {}", kind.name(), refusal.limit),
        None => format!("{own} {}", refusal.limit),
    }
}

/// The types and codes are OpenAI's (<https://platform.openai.com/docs/guides/error-codes>): its clients tell by them what has
/// been used up. Other formats go by the status.
fn fault(refusal: &Refusal, now: Second) -> Fault {
    let limit = &refusal.limit;
    let (kind, code) = match limit.metric {
        Metric::Tokens | Metric::Input | Metric::Output => ("tokens", "rate_limit_exceeded"),
        Metric::Requests | Metric::Parallel => ("requests", "rate_limit_exceeded"),
        Metric::Spend => ("insufficient_quota", "insufficient_quota"),
    };
    Fault {
        status: 429,
        kind: kind.into(),
        message: format!("{} (fix: {})", message(refusal, now), hint(refusal)),
        code: Some(code.into()),
        param: None,
    }
}

fn message(refusal: &Refusal, now: Second) -> String {
    let limit = &refusal.limit;
    let amount = |count| amount(limit.metric, count);
    let mut said = format!("{} has reached its limit `{limit}`: ", refusal.subject);
    if limit.metric == Metric::Parallel {
        said.push_str(&format!("{} running", refusal.used.max(refusal.reserved)));
    } else {
        said.push_str(&format!("{} used", amount(refusal.used)));
        if refusal.reserved > 0 {
            said.push_str(&format!(
                ", {} reserved by running requests",
                amount(refusal.reserved)
            ));
        }
        if limit.metric != Metric::Requests {
            said.push_str(&format!(", up to {} for this one", amount(refusal.asked)));
        }
    }
    match (refusal.reset, refusal.retry_after) {
        _ if refusal.asked > limit.amount => said.push_str("; it never allows as much"),
        // Nothing but what runs is in the way.
        (_, Some(_)) if refusal.used.saturating_add(refusal.asked) <= limit.amount => {
            said.push_str("; there is room again when running requests end");
        }
        (Some(reset), _) if reset > now => said.push_str(&format!(
            "; there is room again at {}",
            Stamp(i64::from(reset) * 1_000).rfc3339()
        )),
        (_, Some(_)) => said.push_str("; there is room again when running requests end"),
        (_, None) => said.push_str("; it does not come back by waiting"),
    }
    said
}

/// What to do about it, for who called and for who runs the gateway.
fn hint(refusal: &Refusal) -> String {
    let limit = &refusal.limit;
    let (kind, name) = refusal.subject.record();
    let raise = format!(
        "`gw {} limits {name}` shows it, `gw {0} limits set {name} --{} …` changes it",
        kind.name(),
        match refusal.subject.kind {
            Kind::Session => "session-limit",
            _ => "limit",
        }
    );
    let smaller = match limit.metric {
        Metric::Input => Some("send a shorter prompt"),
        Metric::Tokens | Metric::Output | Metric::Spend if refusal.asked > 0 => {
            Some("allow a shorter answer with `max_tokens`")
        }
        _ => None,
    };
    let wait = match refusal.subject.kind {
        _ if refusal.retry_after.is_some() => Some("wait"),
        Kind::Session if limit.window == Window::Total => {
            Some("stop: this session has had what it may have")
        }
        _ => None,
    };
    let all: Vec<&str> = wait
        .into_iter()
        .chain(smaller)
        .chain([raise.as_str()])
        .collect();
    all.join("; ")
}

/// So much of it, with its unit where it has one.
fn amount(metric: Metric, count: u64) -> String {
    match metric {
        Metric::Spend => format!("${}", catalog::dollars(count.into())),
        _ => count.to_string(),
    }
}

const SHOULD_RETRY: &str = "x-should-retry";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::store::counters::Subject;

    fn refusal(limit: &str, counts: [u64; 3], times: [Option<u32>; 2]) -> Refusal {
        let [used, reserved, asked] = counts;
        Refusal {
            subject: Subject::new(Kind::Key, "ci", Stamp(0)),
            limit: limit.parse().unwrap(),
            used,
            reserved,
            asked,
            reset: times[0],
            retry_after: times[1],
        }
    }

    #[test]
    fn a_refusal_says_what_is_used_up_and_what_to_do() {
        const SHOWN: &str =
            "`gw key limits ci` shows it, `gw key limits set ci --limit …` changes it";
        let said = |refusal: &Refusal| Limited::of(refusal, 1_000).fault;
        for (refusal, message, code) in [
            (
                refusal("tokens=1000/hour", [980, 15, 40], [Some(1_600), Some(600)]),
                format!(
                    "key `ci` has reached its limit `tokens=1000/hour`: 980 used, 15 reserved by running requests, up to 40 for this one; there is room again at 1970-01-01T00:26:40.000Z (fix: wait; allow a shorter answer with `max_tokens`; {SHOWN})"
                ),
                "rate_limit_exceeded",
            ),
            (
                refusal("requests=60/minute", [60, 0, 1], [Some(1_012), Some(12)]),
                format!(
                    "key `ci` has reached its limit `requests=60/minute`: 60 used; there is room again at 1970-01-01T00:16:52.000Z (fix: wait; {SHOWN})"
                ),
                "rate_limit_exceeded",
            ),
            (
                refusal("parallel=4", [4, 0, 1], [None, Some(1)]),
                format!(
                    "key `ci` has reached its limit `parallel=4`: 4 running; there is room again when running requests end (fix: wait; {SHOWN})"
                ),
                "rate_limit_exceeded",
            ),
            (
                refusal(
                    "spend=0.5/total",
                    [500_000_000_000, 0, 10_000_000_000],
                    [None, None],
                ),
                format!(
                    "key `ci` has reached its limit `spend=0.5/total`: $0.5 used, up to $0.01 for this one; it does not come back by waiting (fix: allow a shorter answer with `max_tokens`; {SHOWN})"
                ),
                "insufficient_quota",
            ),
            (
                refusal("input=10/hour", [0, 0, 11], [None, None]),
                format!(
                    "key `ci` has reached its limit `input=10/hour`: 0 used, up to 11 for this one; it never allows as much (fix: send a shorter prompt; {SHOWN})"
                ),
                "rate_limit_exceeded",
            ),
        ] {
            let fault = said(&refusal);
            assert_eq!(fault.message, message);
            assert_eq!((fault.status, fault.code.as_deref()), (429, Some(code)));
        }
    }

    #[test]
    fn sessions_are_named_with_whose_they_are() {
        let mut stopped = refusal("requests=3/total", [3, 0, 1], [None, None]);
        stopped.subject = stopped.subject.session("s-1");
        assert_eq!(name(&stopped), "session s-1 of key ci requests=3/total");
        let limited = Limited::of(&stopped, 0);
        assert_eq!(
            limited.fault.message,
            "session `s-1` of key `ci` has reached its limit `requests=3/total`: 3 used; it does not come back by waiting (fix: stop: this session has had what it may have; `gw key limits ci` shows it, `gw key limits set ci --session-limit …` changes it)"
        );
        let mut headers = Lines::default();
        limited.tell(&mut headers);
        assert_eq!(headers.get("x-should-retry"), Some(&b"false"[..]));
        assert_eq!(headers.get("retry-after"), None);
    }

    #[test]
    fn who_may_come_back_is_told_when() {
        let mut headers = Lines::default();
        Limited::tell_wait(Some(Duration::from_secs(1_814_400)), &mut headers);
        assert_eq!(headers.get("retry-after"), Some(&b"1814400"[..]));
        assert_eq!(headers.get("retry-after-ms"), Some(&b"1814400000"[..]));
        assert_eq!(headers.get("x-should-retry"), None);
    }
}
