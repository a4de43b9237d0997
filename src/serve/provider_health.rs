//! How a provider is doing, in a word and in full, for whoever runs the gateway; and what trials of it say of that.

use crate::gateway::Shared;
use crate::resources::Stamp;
use crate::upstream::{
    Trouble, Upstream,
    trial::{State, Trial},
};
use serde_json::{Value, json};

/// How a provider is doing: in a word, and why where it is not well. `resting`: how many of its models do; `checked`:
/// how its health checks are going, where it has any.
pub fn of(upstream: &Upstream, resting: usize, checked: Option<Value>, now: Stamp) -> Value {
    let trouble = upstream.trouble();
    let gone = trouble.as_ref().is_some_and(|it| it.lapses.is_none());
    let refusal = upstream.standing.refusal();
    let refused = refusal
        .as_ref()
        .map(|it| format!("it refused the credential (HTTP {})", it.status));
    let injected = injected(upstream, now);
    let mut health = match (resting, upstream.standing.last()) {
        _ if gone => json!({"health": "failed", "reason": "its credential cannot be had"}),
        _ if refused.is_some() => json!({"health": "refused", "reason": refused}),
        _ if state(&checked) == "failing" => json!({
            "health": "failing",
            "reason": format!("failing its health checks for {}: {}", said(&checked, "failing_for"), said(&checked, "said")),
        }),
        _ if injected.is_some() => json!({"health": "injecting"}),
        (0, None) if state(&checked) == "passing" => json!({"health": "ok"}),
        (0, None) if upstream.models().is_none() => {
            json!({"health": "unverified", "reason": "it lists no models: the first request will tell"})
        }
        (0, None) => json!({"health": "unverified"}),
        (_, Some(Err(why))) => json!({"health": "failed", "reason": why}),
        (0, Some(Ok(()))) => json!({"health": "ok"}),
        (count, _) => json!({"health": format!("{count} resting")}),
    };
    if let Some(trouble) = trouble {
        health["credential_error"] = told(&trouble).into();
    }
    if let Some(refusal) = refusal {
        health["credential_refused"] = json!({
            "since": refusal.since.rfc3339(), "status": refusal.status, "count": refusal.count,
        });
    }
    if let Some(injected) = injected {
        health["injected"] = injected.into();
    }
    if let Some(checked) = checked {
        health["checks"] = checked;
    }
    health
}

fn said<'a>(checked: &'a Option<Value>, what: &str) -> &'a str {
    let found = checked.as_ref().and_then(|checked| checked.get(what));
    found.and_then(Value::as_str).unwrap_or_default()
}

fn state(checked: &Option<Value>) -> &str {
    said(checked, "state")
}

/// What is injected in front of it now, and until when.
pub fn injected(upstream: &Upstream, now: Stamp) -> Option<String> {
    let faults = upstream.faults(now.0)?;
    let until = upstream.injected.as_ref()?.1;
    Some(format!("{faults} until {}", Stamp(until).rfc3339()))
}

/// Why serving is degraded on its account.
pub fn degraded(upstream: &Upstream) -> Vec<String> {
    let name = &upstream.name;
    let trouble = upstream.trouble();
    let trouble = trouble.map(|trouble| format!("provider `{name}`: {}", told(&trouble)));
    let refusal = upstream.standing.refusal().map(|refusal| {
        format!(
            "provider `{name}`: it refuses its credential since {} (HTTP {}, {} {})",
            refusal.since.rfc3339(),
            refusal.status,
            refusal.count,
            if refusal.count == 1 { "time" } else { "times" },
        )
    });
    trouble.into_iter().chain(refusal).collect()
}

fn told(trouble: &Trouble) -> String {
    match trouble.lapses {
        None => trouble.why.clone(),
        Some(left) => format!(
            "it could not be renewed, and is good for another {} s: {}",
            left.as_secs(),
            trouble.why
        ),
    }
}

/// Notes how a trial of a provider went.
pub fn tried(shared: &Shared, name: &str, trial: &Trial) {
    let serving = shared.serving.load();
    let Some(upstream) = serving.upstream(name) else {
        return;
    };
    let standing = &upstream.standing;
    match (trial.state, trial.status) {
        (State::Unverified, _) => {}
        (State::Verified, _) => standing.worked(),
        // Who tried it has seen it: no line of the log is due.
        (State::Refused, Some(status)) if upstream.sign_in.signs() => {
            let _ = standing.refused(status);
        }
        _ => standing.failed(trial.message.clone()),
    }
}
