//! How the targets of a route are doing now, for whoever runs the gateway. Looks, and changes nothing.

use super::{
    Moment, Snapshot, Why,
    health::{Load, Rest},
    pool::{Pool, Target},
    route::Route,
};
use crate::resources::{
    glob,
    route::{Route as Spec, Strategy},
};
use std::sync::Arc;

/// One target of a route.
#[derive(Debug)]
pub struct Status {
    /// Of which rule; `None`: the route's own.
    pub rule: Option<usize>,
    pub provider: Arc<str>,
    /// The upstream id; `None`: as asked.
    pub model: Option<Arc<str>>,
    pub weight: u32,
    pub tier: u32,
    pub state: State,
    /// Of one that takes the model as asked: of all models that callers chose of its provider.
    pub load: Load,
    /// The share of requests it is first for by its weight; `None`: its strategy goes by something else.
    pub due: Option<f64>,
}

/// How a target is doing.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    Well,
    /// It is tried for nobody: why.
    Out(Why),
    /// Its provider has failed its active health checks for so long (ms).
    Checks(u64),
    Rests(Rest),
    /// Of the models that callers choose so many rest.
    SomeRest(usize),
}

/// The targets of a route, those of its rules first; of one that is switched off they are as they would be.
pub fn of(snapshot: &Snapshot, name: &str, spec: &Spec, now: Moment) -> Vec<Status> {
    let build = || Route::build(snapshot, name.into(), spec.clone(), None).map(Arc::new);
    let Some(route) = snapshot.active(name).cloned().or_else(build) else {
        return Vec::new();
    };
    let rules = route.rules.iter().enumerate();
    let pools = rules
        .map(|(at, pool)| (Some(at), pool))
        .chain([(None, &route.own)]);
    let told = |(rule, pool): (Option<usize>, &Pool)| -> Vec<Status> {
        let targets = pool.targets.iter().zip(due(pool));
        targets
            .map(|(target, due)| Status {
                rule,
                provider: target.provider_name.clone(),
                model: target.model.clone(),
                weight: target.weight,
                tier: target.tier,
                state: state(snapshot, target, now),
                load: load(snapshot, target),
                due,
            })
            .collect()
    };
    pools.flat_map(told).collect()
}

/// What share of a list's requests each target is first for, by the weights of the first tier.
fn due(pool: &Pool) -> Vec<Option<f64>> {
    let picked = |target: &&Target| target.weight > 0;
    let tier = pool.targets.iter().filter(picked).map(|it| it.tier).min();
    let first: Vec<&Target> = pool
        .targets
        .iter()
        .filter(picked)
        .filter(|target| Some(target.tier) == tier)
        .collect();
    let sum: f64 = first.iter().map(|target| f64::from(target.weight)).sum();
    let strategy = tier.map_or(pool.strategy, |tier| pool.strategy_of(tier));
    let share = |target: &Target| {
        let place = first.iter().position(|one| std::ptr::eq(*one, target));
        let Some(place) = place else {
            return Some(0.0);
        };
        match strategy {
            _ if first.len() == 1 => Some(1.0),
            Strategy::Fallback => Some(if place == 0 { 1.0 } else { 0.0 }),
            Strategy::RoundRobin => Some(1.0 / first.len() as f64),
            Strategy::Split | Strategy::WeightedRoundRobin | Strategy::Sticky => {
                Some(f64::from(target.weight) / sum)
            }
            Strategy::LeastLatency | Strategy::LeastBusy | Strategy::LeastCost => None,
        }
    };
    pool.targets.iter().map(share).collect()
}

fn load(snapshot: &Snapshot, target: &Target) -> Load {
    let provider = target.provider().and_then(|at| snapshot.providers.get(at));
    match (target.slot(), provider) {
        (Some(slot), _) => slot.load(),
        (None, Some(provider)) => provider.health.load(),
        (None, None) => Load::default(),
    }
}

fn state(snapshot: &Snapshot, target: &Target, now: Moment) -> State {
    let Some(provider) = target.provider().and_then(|at| snapshot.providers.get(at)) else {
        return State::Out(Why::NoProvider);
    };
    let exposed = |model: &Arc<str>| {
        let globs = &provider.spec.models;
        globs.is_empty() || glob::any(globs, model)
    };
    let why = match &target.model {
        _ if !provider.spec.enabled => Some(Why::ProviderDisabled),
        _ if target.weight == 0 => Some(Why::WeightZero),
        Some(model) if !exposed(model) => Some(Why::NotExposed),
        Some(_) if !target.is_enabled() => Some(Why::ModelDisabled),
        _ => None,
    };
    if let Some(why) = why {
        return State::Out(why);
    }
    if let Some(ms) = provider.health.failing_for(now) {
        return State::Checks(ms);
    }
    match target.slot() {
        Some(slot) => slot.rest(now).map_or(State::Well, State::Rests),
        None => match provider.health.resting(now) {
            0 => State::Well,
            count => State::SomeRest(count),
        },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::plan::testing;
    use serde_json::{Value, json};
    use std::time::Duration;

    /// Targets as `TARGET STATE DUE` of a route with these fields.
    fn told(mut route: Value, providers: Value) -> Vec<String> {
        let mut records = providers.as_array().unwrap().clone();
        route["kind"] = "route".into();
        route["name"] = "r".into();
        let mut spec = route.clone();
        for field in ["kind", "name"] {
            spec.as_object_mut().unwrap().remove(field);
        }
        records.push(route);
        let snapshot = testing::snapshot(Value::Array(records));
        let spec: Spec = serde_json::from_value(spec).unwrap();
        let now = Moment::after_beginning(Duration::from_secs(100));
        of(&snapshot, "r", &spec, now)
            .iter()
            .map(|it| {
                let due = it.due.map(|due| (due * 100.0).round());
                format!("{}/{:?} {:?} {due:?}", it.provider, it.model, it.state)
            })
            .collect()
    }

    #[test]
    fn what_is_due_follows_the_strategy_of_the_first_tier() {
        let providers =
            json!([{"kind": "provider", "name": "a"}, {"kind": "provider", "name": "b"}]);
        let targets = json!([{"provider": "a", "model": "m", "weight": 8}, {"provider": "b", "model": "m", "weight": 2}, {"provider": "a", "weight": 0}]);
        for (strategy, due) in [
            ("fallback", ["Some(100.0)", "Some(0.0)"]),
            ("split", ["Some(80.0)", "Some(20.0)"]),
            ("weighted-round-robin", ["Some(80.0)", "Some(20.0)"]),
            ("round-robin", ["Some(50.0)", "Some(50.0)"]),
            ("least-busy", ["None", "None"]),
        ] {
            let told = told(
                json!({"path": "/r", "strategy": strategy, "targets": targets}),
                providers.clone(),
            );
            assert_eq!(
                told,
                [
                    format!("a/Some(\"m\") Well {}", due[0]),
                    format!("b/Some(\"m\") Well {}", due[1]),
                    "a/None Out(WeightZero) Some(0.0)".to_owned()
                ],
                "{strategy}"
            );
        }
    }

    #[test]
    fn what_is_out_is_said_and_a_route_that_is_switched_off_has_its_targets_too() {
        let providers = json!([{"kind": "provider", "name": "a", "models": ["x*"]}, {"kind": "provider", "name": "off", "enabled": false},
            {"kind": "model", "name": "a/x2", "provider": "a", "upstream_id": "x2", "enabled": false}]);
        let route = json!({"path": "/r", "enabled": false, "targets": [{"provider": "a", "model": "m"}, {"provider": "off"},
            {"provider": "a", "model": "x2"}, {"provider": "gone"}, {"provider": "a"}]});
        assert_eq!(
            told(route, providers),
            [
                "a/Some(\"m\") Out(NotExposed) Some(100.0)",
                "off/None Out(ProviderDisabled) Some(0.0)",
                "a/Some(\"x2\") Out(ModelDisabled) Some(0.0)",
                "gone/None Out(NoProvider) Some(0.0)",
                "a/None Well Some(0.0)"
            ]
        );
    }
}
