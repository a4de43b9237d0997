//! What every strategy keeps to, whatever the tier, what targets are like, and what came before.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::http1::fields::Fields;
use crate::plan::testing;
use crate::plan::{Plan, Snapshot, Turn, route::Route, turns::Rehearsal};
use crate::resources::route::Strategy;
use proptest::{prelude::*, strategy::Strategy as Drawn};
use serde_json::json;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

static NONE: LazyLock<Fields> = LazyLock::new(Fields::default);

/// A route of key `k` to `a/m0`, `a/m1`, … with these weights; the models have prices that grow with every second one.
fn snapshot(strategy: Strategy, weights: &[u32]) -> Snapshot {
    let targets: Vec<_> = (0..weights.len())
        .map(|at| json!({"provider": "a", "model": format!("m{at}"), "weight": weights[at]}))
        .collect();
    let models = (0..weights.len()).map(|at| {
        json!({"kind": "model", "name": format!("m{at}"), "provider": "a", "price_input": format!("{}", 1 + at / 2), "price_output": "1"})
    });
    let mut records = vec![
        json!({"kind": "user", "name": "ann"}),
        json!({"kind": "key", "name": "k"}),
        json!({"kind": "provider", "name": "a"}),
        // All in one tier, in order, also for fallback.
        json!({"kind": "route", "name": "r", "keys": ["k"], "strategy": strategy.name(), "tier_strategies": [strategy.name()], "sticky_by": "header:x-id", "targets": targets}),
    ];
    records.extend(models);
    testing::snapshot(json!(records))
}

fn route(snapshot: &Snapshot) -> Arc<Route> {
    snapshot.route("r").unwrap().clone()
}

fn now() -> Moment {
    Moment::after_beginning(Duration::from_secs(100))
}

fn ask(headers: &Fields) -> Ask<'_> {
    Ask {
        tokens: 100,
        ..Ask::of_head("/v1/chat/completions", headers, 0)
    }
}

fn planned(snapshot: &Snapshot, headers: &Fields, dice: &mut Dice, turn: Turn<'_>) -> Plan {
    let caller = snapshot.caller_named("k").unwrap();
    let context = crate::plan::Context {
        caller,
        ask: ask(headers),
        now: now(),
        dice,
        turn,
    };
    crate::plan::plan(snapshot, context).unwrap()
}

/// The places in the order of a plan.
fn order_of(plan: &Plan) -> Vec<usize> {
    plan.attempts.iter().map(|choice| choice.place).collect()
}

/// Gives targets a past: so long until content came, and so many under way. What is under way lasts as long as what is returned.
fn lived(snapshot: &Snapshot, past: &[(u64, usize)]) -> Vec<crate::plan::health::Entry> {
    let plan = planned(
        snapshot,
        &NONE,
        &mut Dice::new(0),
        Turn::Rehearsed(&mut Rehearsal::default()),
    );
    let mut under_way = Vec::new();
    for choice in &plan.attempts {
        let (wait, count) = past[choice.place % past.len()];
        let began = Moment::after_beginning(Duration::from_secs(99));
        choice
            .state
            .enter(began, true)
            .unwrap()
            .answered(began.plus(wait));
        under_way.extend((0..count).map(|_| choice.state.enter(now(), true).unwrap()));
    }
    under_way
}

fn strategies() -> impl Drawn<Value = Strategy> {
    proptest::sample::select(Strategy::ALL.map(|(strategy, _)| strategy).to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A plan is a permutation of the targets, the same for the same arguments, and shares are shares.
    #[test]
    fn every_order_has_every_target_once_and_repeats(
        strategy in strategies(),
        weights in proptest::collection::vec(1u32..50, 1..12),
        past in proptest::collection::vec((0u64..500, 0usize..4), 1..6),
        seed: u64,
        id in "[a-z]{1,8}",
    ) {
        let snapshot = snapshot(strategy, &weights);
        let under_way = lived(&snapshot, &past);
        let headers = [("x-id", id.as_str())].into_iter().collect();
        let draw = || {
            let plan = planned(&snapshot, &headers, &mut Dice::new(seed), Turn::Rehearsed(&mut Rehearsal::default()));
            let caller = snapshot.caller_named("k").unwrap();
            let shares = plan.shares(caller, &ask(&headers), now());
            (order_of(&plan), shares)
        };
        let (order, shares) = draw();
        let (again, _) = draw();
        prop_assert_eq!(&order, &again);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        prop_assert_eq!(sorted, (0..weights.len()).collect::<Vec<_>>());
        prop_assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{:?}", shares);
        prop_assert!(shares.iter().all(|share| (0.0..=1.0 + 1e-9).contains(share)));
        drop(under_way);
    }

    /// What explaining rehearses is what serving then does, request by request.
    #[test]
    fn a_rehearsal_is_what_is_played(
        strategy in strategies(),
        weights in proptest::collection::vec(1u32..9, 1..8),
        past in proptest::collection::vec((0u64..500, 0usize..4), 1..6),
        before in 0usize..20,
        seed: u64,
    ) {
        let snapshot = snapshot(strategy, &weights);
        let under_way = lived(&snapshot, &past);
        for turn in 0..before as u64 {
            planned(&snapshot, &NONE, &mut Dice::seeded(seed, turn), Turn::Next);
        }
        let mut rehearsal = Rehearsal::default();
        let rehearsed: Vec<_> = (0..30)
            .map(|turn| order_of(&planned(&snapshot, &NONE, &mut Dice::seeded(seed, turn), Turn::Rehearsed(&mut rehearsal))))
            .collect();
        let served: Vec<_> = (0..30)
            .map(|turn| order_of(&planned(&snapshot, &NONE, &mut Dice::seeded(seed, turn), Turn::Next)))
            .collect();
        prop_assert_eq!(rehearsed, served);
        drop(under_way);
    }

    /// Over as many requests as the weights come to, each target is first as often as its weight says; from any point on.
    #[test]
    fn smooth_is_exact(weights in proptest::collection::vec(1u32..20, 1..8), before in 0usize..50) {
        let snapshot = snapshot(Strategy::WeightedRoundRobin, &weights);
        let first = || order_of(&planned(&snapshot, &NONE, &mut Dice::new(1), Turn::Next))[0];
        for _ in 0..before {
            first();
        }
        let period: u32 = weights.iter().sum();
        let mut counts = vec![0; weights.len()];
        (0..period).for_each(|_| counts[first()] += 1);
        prop_assert_eq!(counts, weights);
    }

    /// When a target goes, whoever was kept at another stays there.
    #[test]
    fn sticky_moves_only_what_was_where_a_target_went(weights in proptest::collection::vec(1u32..9, 2..8), gone in 0usize..8, ids in proptest::collection::vec("[a-z0-9]{1,12}", 20)) {
        let gone = gone % weights.len();
        let whole = snapshot(Strategy::Sticky, &weights);
        let mut fewer = weights.clone();
        fewer[gone] = 0;
        prop_assume!(fewer.iter().any(|weight| *weight > 0));
        let fewer = snapshot(Strategy::Sticky, &fewer);
        for id in ids {
            let headers = [("x-id", id.as_str())].into_iter().collect();
            let order = |snapshot: &Snapshot| order_of(&planned(snapshot, &headers, &mut Dice::new(1), Turn::Next));
            let (mut before, after) = (order(&whole), order(&fewer));
            before.retain(|place| *place != gone);
            prop_assert_eq!(before, after);
        }
    }
}

/// How often each target is first in this many plans, and what was to be expected.
fn counted(
    snapshot: &Snapshot,
    draws: u64,
    id: impl Fn(u64) -> Option<String>,
) -> (Vec<u64>, Vec<f64>) {
    let mut dice = Dice::new(7);
    let mut counts = vec![0; route(snapshot).own.targets.len()];
    let mut shares = vec![0.0; counts.len()];
    for turn in 0..draws {
        let id = id(turn);
        let headers = id.iter().map(|id| ("x-id", id.as_str())).collect();
        let plan = planned(snapshot, &headers, &mut dice, Turn::Next);
        if turn == 0 {
            let caller = snapshot.caller_named("k").unwrap();
            let found = plan.shares(caller, &ask(&headers), now());
            for (choice, share) in plan.attempts.iter().zip(found) {
                shares[choice.place] = share;
            }
        }
        counts[plan.attempts[0].place] += 1;
    }
    (counts, shares)
}

/// Within six standard deviations: wrong once in half a milliard.
fn assert_near(counts: &[u64], shares: &[f64], draws: u64, what: &str) {
    for (count, share) in counts.iter().zip(shares) {
        let (draws, count) = (draws as f64, *count as f64);
        let bound = 6.0 * (draws * share * (1.0 - share)).sqrt() + 1.0;
        assert!(
            (count - draws * share).abs() <= bound,
            "{what}: {counts:?} are not {shares:?}"
        );
    }
}

#[test]
fn shares_hold_over_a_hundred_thousand_picks() {
    const DRAWS: u64 = 100_000;
    for (strategy, _) in Strategy::ALL {
        for weights in [&[8, 2][..], &[100, 1, 30, 7, 7]] {
            let snapshot = snapshot(strategy, weights);
            let under_way = lived(&snapshot, &[(40, 1), (10, 0), (10, 0), (200, 3)]);
            let (counts, shares) = counted(&snapshot, DRAWS, |_| None);
            assert_near(
                &counts,
                &shares,
                DRAWS,
                &format!("{} {weights:?}", strategy.name()),
            );
            drop(under_way);
        }
    }
}

#[test]
fn what_sticks_is_spread_by_weight() {
    const DRAWS: u64 = 100_000;
    let snapshot = snapshot(Strategy::Sticky, &[5, 3, 2]);
    let (counts, _) = counted(&snapshot, DRAWS, |turn| Some(format!("session-{turn}")));
    assert_near(&counts, &[0.5, 0.3, 0.2], DRAWS, "sticky");
}

#[test]
fn the_pattern_of_smooth_is_the_published_one() {
    // The example of the commit that brought it to nginx: weights 5, 1, 1.
    let snapshot = snapshot(Strategy::WeightedRoundRobin, &[5, 1, 1]);
    let first = || order_of(&planned(&snapshot, &NONE, &mut Dice::new(1), Turn::Next))[0];
    let pattern: Vec<usize> = (0..14).map(|_| first()).collect();
    assert_eq!(pattern, [0, 0, 1, 0, 2, 0, 0, 0, 0, 1, 0, 2, 0, 0]);
}

#[test]
fn threads_share_turns() {
    for (strategy, weights) in [
        (Strategy::WeightedRoundRobin, [5_u64, 1, 1]),
        (Strategy::RoundRobin, [1, 1, 1]),
    ] {
        let snapshot = snapshot(strategy, &weights.map(|weight| weight as u32));
        let rounds: u64 = 4 * 700;
        let firsts: Vec<Vec<u64>> = std::thread::scope(|scope| {
            let mut threads = Vec::new();
            for thread in 0..4 {
                let snapshot = &snapshot;
                threads.push(scope.spawn(move || {
                    let mut counts = vec![0; 3];
                    let mut dice = Dice::new(thread);
                    for _ in 0..rounds * weights.iter().sum::<u64>() / 4 {
                        counts[order_of(&planned(snapshot, &NONE, &mut dice, Turn::Next))[0]] += 1;
                    }
                    counts
                }));
            }
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        let sums: Vec<u64> = (0..3)
            .map(|at| firsts.iter().map(|counts| counts[at]).sum())
            .collect();
        assert_eq!(
            sums,
            weights.map(|weight| weight * rounds),
            "{}",
            strategy.name()
        );
    }
}

#[test]
fn a_count_takes_no_turn() {
    let snapshot = snapshot(Strategy::RoundRobin, &[1, 1]);
    let caller = snapshot.caller_named("k").unwrap();
    let first = |op| {
        let context = crate::plan::Context {
            caller,
            ask: Ask { op, ..ask(&NONE) },
            now: now(),
            dice: &mut Dice::new(1),
            turn: Turn::Next,
        };
        crate::plan::plan(&snapshot, context).map(|plan| order_of(&plan)[0])
    };
    use crate::chat::Op;
    // As agents ask: a count before each request.
    let asked: Vec<usize> = (0..4)
        .map(|_| {
            let _ = first(Op::Count);
            first(Op::Chat).unwrap()
        })
        .collect();
    assert_eq!(asked, [0, 1, 0, 1]);
}
