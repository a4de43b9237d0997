//! How a route's targets are doing, in words: what planning knows of each, and what is known of its provider beside.

use super::provider_health;
use crate::gateway::{Serving, Shared};
use crate::plan::{
    health::Rest,
    status::{self, State, Status},
    uses,
};
use crate::resources::{Millis, Record, Spec, Stamp, route::Route};
use serde_json::{Value, json};
use std::time::Instant;

/// Each target of the route of this record.
pub fn of(shared: &Shared, record: &Record) -> Vec<Value> {
    let Ok(spec) = serde_json::from_value::<Route>(Value::Object(record.spec.clone())) else {
        return Vec::new();
    };
    let serving = shared.serving.load();
    let (now, at) = (shared.moment(Instant::now()), Stamp::now());
    let targets = status::of(&serving.snapshot, &record.name, &spec, now);
    targets
        .iter()
        .map(|target| told(&serving, target, at))
        .collect()
}

/// What the active routes make of a model: `{routes, routes_as_asked, routes_without_target}`, each where there are any.
pub fn uses(shared: &Shared, provider: &str, model: &str) -> Spec {
    let serving = shared.serving.load();
    let found = uses::of(&serving.snapshot, provider, model);
    [
        ("routes", found.named),
        ("routes_as_asked", found.as_asked),
        ("routes_without_target", found.without_target),
    ]
    .into_iter()
    .filter(|(_, names)| !names.is_empty())
    .map(|(field, names)| (field.to_owned(), names.into()))
    .collect()
}

/// How a target is doing as scripts and as people read it, with what is known of its provider beside.
pub fn words(serving: &Serving, target: &Status, at: Stamp) -> (&'static str, String) {
    let (word, detail) = state(&target.state);
    let upstream = serving.upstream(&target.provider);
    let refused = upstream.is_some_and(|upstream| upstream.standing.refusal().is_some());
    let injected = upstream.and_then(|upstream| provider_health::injected(upstream, at));
    // What is beside the state is said with it, and in place of "healthy".
    let mut said: Vec<String> = vec![detail];
    if refused {
        said.push("credential refused".into());
    }
    if let Some(what) = &injected {
        let what = what.split(' ').next().unwrap_or_default();
        said.push(format!("injecting {what}"));
    }
    if said.len() > 1 && target.state == State::Well {
        said.remove(0);
    }
    let word = match target.state {
        State::Well if refused => "credential_refused",
        State::Well if injected.is_some() => "injecting",
        _ => word,
    };
    (word, said.join(", "))
}

fn told(serving: &Serving, target: &Status, at: Stamp) -> Value {
    let (word, detail) = words(serving, target, at);
    let mut shown = json!({
        "provider": target.provider, "model": target.model, "weight": target.weight, "tier": target.tier,
        "state": word, "detail": detail, "load": target.load,
    });
    if let Some(rule) = target.rule {
        shown["rule"] = rule.into();
    }
    if let Some(due) = target.due {
        shown["due"] = rounded(due).into();
    }
    let upstream = serving.upstream(&target.provider);
    if let Some(injected) = upstream.and_then(|it| provider_health::injected(it, at)) {
        shown["injected"] = injected.into();
    }
    shown
}

/// Shares to a thousandth.
fn rounded(share: f64) -> f64 {
    (share * 1_000.0).round() / 1_000.0
}

/// A state as scripts and as people read it.
fn state(state: &State) -> (&'static str, String) {
    // Up to the second that has begun: a rest of 300 ms is none of 0 s.
    let up = |ms: &u64| Millis(ms.div_ceil(1_000) * 1_000);
    match state {
        State::Well => ("healthy", "healthy".into()),
        State::Out(why) => ("out", why.to_string()),
        State::Checks(ms) => (
            "failing_checks",
            format!("failing checks for {}", Millis(ms / 1_000 * 1_000)),
        ),
        State::Rests(Rest::Cooling(ms)) => ("cooling", format!("cooling for {}", up(ms))),
        State::Rests(Rest::Suspended(ms)) => ("suspended", format!("suspended for {}", up(ms))),
        State::Rests(Rest::AwaitsProbe) => ("suspended", "waits for its probe".into()),
        State::Rests(Rest::Probing) => ("suspended", "being probed".into()),
        State::SomeRest(1) => ("some_rest", "1 model rests".into()),
        State::SomeRest(count) => ("some_rest", format!("{count} models rest")),
    }
}
