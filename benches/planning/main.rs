//! What planning a request costs: `cargo bench --bench planning`. Each line is the shortest of many rounds, so that what
//! else the machine does is left out.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use gw::chat::Op;
use gw::plan::{Ask, Context, Dice, Moment, Snapshot, plan, snapshot::VendorFacts, turns::Turn};
use gw::resources::{self, Record, Stamp, route::Strategy};
use gw::store::records::State;
use http::HeaderMap;
use serde_json::{Value, json};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Plans a round.
const PLANS: u32 = 2_000;
const ROUNDS: u32 = 200;

fn main() {
    println!(
        "{:<24} {:>8} {:>8} {:>12}",
        "STRATEGY", "TARGETS", "RULES", "NS A PLAN"
    );
    for (strategy, name) in Strategy::ALL {
        let targets = 4;
        line(name, targets, 0, &snapshot(strategy, targets, 0));
    }
    for strategy in [
        Strategy::Fallback,
        Strategy::Split,
        Strategy::WeightedRoundRobin,
        Strategy::Sticky,
    ] {
        for (targets, rules) in [(4, 20), (100, 0), (100, 20)] {
            line(
                strategy.name(),
                targets,
                rules,
                &snapshot(strategy, targets, rules),
            );
        }
    }
}

fn line(strategy: &str, targets: usize, rules: usize, snapshot: &Snapshot) {
    let ns = shortest(snapshot);
    println!("{strategy:<24} {targets:>8} {rules:>8} {ns:>12}");
}

/// Nanoseconds a plan, in the shortest round.
fn shortest(snapshot: &Snapshot) -> u128 {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("content-type", "application/json"),
        ("user-agent", "OpenAI/Python 2.8.0"),
        ("x-team", "growth"),
        ("x-session-id", "3f6c2a51"),
    ] {
        headers.insert(name, value.parse().unwrap());
    }
    let caller = snapshot.caller_named("k").unwrap();
    let ask = Ask {
        format: "openai-chat",
        model: Some("gpt-4o-mini"),
        tokens: 1_200,
        stream: true,
        turns: r#"[{"role":"user","content":"hello"}]"#,
        ..Ask::of_head("/v1/chat/completions", &headers, 1_795_000_000_000)
    };
    let mut dice = Dice::new(1);
    let now = Moment::after_beginning(Duration::from_secs(60));
    let mut round = || {
        let began = Instant::now();
        for _ in 0..PLANS {
            let context = Context {
                caller,
                ask: black_box(ask),
                now,
                dice: &mut dice,
                turn: Turn::Next,
            };
            black_box(plan(snapshot, context).unwrap());
        }
        began.elapsed().as_nanos() / u128::from(PLANS)
    };
    (0..ROUNDS).map(|_| round()).min().unwrap()
}

/// A route of key `k`; none of its rules holds, so that all are looked at.
fn snapshot(strategy: Strategy, targets: usize, rules: usize) -> Snapshot {
    let mut records = vec![
        record("user", "ann", json!({})),
        record(
            "key",
            "k",
            json!({"user": "ann", "labels": {"team": "growth"}}),
        ),
    ];
    records.extend(
        (0..4).map(|at| record("provider", &format!("p{at}"), json!({"vendor": "openai"}))),
    );
    let target = |at: usize| json!({"provider": format!("p{}", at % 4), "model": format!("gpt-{at}"), "weight": 1 + at % 9});
    let condition = |at: usize| match at % 3 {
        0 => format!("model.startsWith(\"o{at}\") && headers[\"x-team\"] == \"search\""),
        1 => format!("tokens > {}", 100_000 + at),
        _ => format!("labels.team in [\"a{at}\", \"b\"] || tools"),
    };
    let rule = |at: usize| json!({"when": condition(at), "targets": [{"provider": "p0"}]});
    let all: Vec<Value> = (0..targets).map(target).collect();
    let rules: Vec<Value> = (0..rules).map(rule).collect();
    records.push(record(
        "route",
        "r",
        json!({"keys": ["k"], "strategy": strategy.name(), "tier_strategies": [strategy.name()], "rules": rules, "targets": all}),
    ));
    let state = State::from_records(1, records).unwrap();
    let touched = State::default().difference(&state).into_keys().collect();
    let vendor = |_: &resources::provider::Provider| {
        Some(VendorFacts {
            ops: vec![Op::Chat],
            catalog: "openai",
            ..VendorFacts::default()
        })
    };
    Snapshot::default().after(&state, &touched, &std::sync::Arc::default(), vendor)
}

fn record(kind: &str, name: &str, spec: Value) -> Record {
    let spec = spec.as_object().unwrap().clone();
    Record {
        kind: kind.into(),
        name: name.into(),
        version: 1,
        created: Stamp(0),
        updated: Stamp(0),
        spec: (resources::kind(kind).unwrap().check)(spec).unwrap(),
        system: Default::default(),
    }
}
