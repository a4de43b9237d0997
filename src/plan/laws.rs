//! What every plan keeps to, whatever routes, rules and targets are like.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::http1::fields::Fields;
use crate::resources::route::Strategy;
use proptest::prelude::*;
use proptest::strategy::Strategy as _;
use serde_json::{Value, json};
use std::sync::LazyLock;
use std::time::Duration;

static NONE: LazyLock<Fields> = LazyLock::new(Fields::default);

fn strategy() -> impl proptest::strategy::Strategy<Value = &'static str> {
    proptest::sample::select(Strategy::ALL.map(|(_, name)| name).to_vec())
}

fn target() -> impl proptest::strategy::Strategy<Value = Value> {
    let model = proptest::option::of(proptest::sample::select(vec!["m", "n"]));
    (0usize..4, model, 0u32..4, 0u32..3).prop_map(|(provider, model, weight, tier)| {
        let mut target =
            json!({"provider": format!("p{provider}"), "weight": weight, "tier": tier});
        if let Some(model) = model {
            target["model"] = model.into();
        }
        target
    })
}

/// Targets of which one at least has a weight.
fn targets() -> impl proptest::strategy::Strategy<Value = Vec<Value>> {
    proptest::collection::vec(target(), 1..7).prop_map(|mut targets| {
        targets[0]["weight"] = 1.into();
        targets
    })
}

/// A route of key `k`, whose rules look at the model.
pub(super) fn route() -> impl proptest::strategy::Strategy<Value = Value> {
    let rule = (
        proptest::sample::select(vec!["m", "n", "o"]),
        proptest::option::of(strategy()),
        targets(),
    );
    let rules = proptest::collection::vec(rule, 0..3);
    (strategy(), proptest::collection::vec(strategy(), 0..3), rules, targets(), proptest::option::of(0u64..5)).prop_map(
        |(strategy, tiers, rules, targets, seed)| {
            let rules: Vec<Value> = rules
                .into_iter()
                .map(|(model, strategy, targets)| {
                    let mut rule = json!({"when": format!("model == \"{model}\""), "targets": targets});
                    if let Some(strategy) = strategy {
                        rule["strategy"] = strategy.into();
                    }
                    rule
                })
                .collect();
            let mut route = json!({"kind": "route", "name": "r", "keys": ["k"], "strategy": strategy, "tier_strategies": tiers, "rules": rules, "targets": targets});
            if let Some(seed) = seed {
                route["seed"] = seed.into();
            }
            route
        },
    )
}

pub(super) fn snapshot(route: Value, off: usize) -> Snapshot {
    let mut records = vec![
        json!({"kind": "user", "name": "ann"}),
        json!({"kind": "key", "name": "k"}),
        route,
    ];
    records.extend(
        (0..4)
            .map(|at| json!({"kind": "provider", "name": format!("p{at}"), "enabled": at != off})),
    );
    testing::snapshot(json!(records))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn plans_are_pure_and_whole(route in route(), off in 0usize..6, model in proptest::sample::select(vec!["m", "n", "x"]), seed: u64, resting in proptest::collection::vec(0usize..7, 0..4)) {
        let snapshot = snapshot(route, off);
        let caller = snapshot.caller_named("k").unwrap();
        let now = Moment::after_beginning(Duration::from_secs(5));
        let ask = Ask { model: Some(model), tokens: 10, ..Ask::of_head("/v1/chat/completions", &NONE, 0) };
        let draw = |turn| plan(&snapshot, Context { caller, ask, now, dice: &mut Dice::new(seed), turn });
        let mut rehearsal = Rehearsal::default();
        // Some targets rest.
        if let Ok(plan) = draw(Turn::Rehearsed(&mut rehearsal)) {
            for at in resting {
                if let Some(choice) = plan.attempts.get(at) {
                    choice.state.enter(now, true).unwrap().cool(Some(60_000), now);
                }
            }
        }
        let mut second = Rehearsal::default();
        let rehearsed = draw(Turn::Rehearsed(&mut second));
        let served = draw(Turn::Next);
        let told = |plan: &Result<Plan>| match plan {
            Ok(plan) => Ok((plan.rule, plan.attempts.iter().map(|choice| (choice.provider, choice.model.clone(), choice.tier)).collect::<Vec<_>>(), plan.excluded.clone())),
            Err(error) => Err(error.message.clone()),
        };
        prop_assert_eq!(told(&rehearsed), told(&served));
        let Ok(plan) = served else { return Ok(()) };
        let route = plan.route.as_ref().unwrap();
        // The first rule that holds gives the targets.
        let holds = |pool: &pool::Pool| pool.when.as_ref().is_some_and(|when| when.text() == format!("model == \"{model}\""));
        prop_assert_eq!(plan.rule, route.rules.iter().position(holds));
        // Each target is tried or left out with a reason, and none is tried twice.
        let pool = route.pool(plan.rule);
        prop_assert_eq!(plan.attempts.len() + plan.excluded.len(), pool.targets.len());
        for (at, choice) in plan.attempts.iter().enumerate() {
            let same = |other: &Choice| (other.provider, &other.model) == (choice.provider, &choice.model);
            prop_assert!(!plan.attempts[..at].iter().any(same));
            prop_assert!(choice.weight > 0 && choice.provider != off);
        }
        // No tier is crossed before it is exhausted.
        prop_assert!(plan.attempts.windows(2).all(|pair| pair[0].tier <= pair[1].tier));
        let shares = plan.shares(caller, &ask, now);
        prop_assert_eq!(shares.len(), plan.attempts.len());
        for tier in plan.attempts.chunk_by(|a, b| a.tier == b.tier) {
            let of_tier: f64 = plan.attempts.iter().zip(&shares).filter(|(choice, _)| choice.tier == tier[0].tier).map(|(_, share)| share).sum();
            prop_assert!((of_tier - 1.0).abs() < 1e-9);
        }
    }
}
