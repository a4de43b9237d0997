//! Planning a request: a route of few and of many targets, each strategy, alone and behind rules of which none holds.

use super::state::{self, record};
use divan::{Bencher, black_box};
use gw::plan::{Ask, Context, Dice, Moment, Snapshot, plan, turns::Turn};
use gw::resources::route::Strategy;
use serde_json::{Value, json};
use std::fmt;
use std::time::Duration;

struct Case {
    strategy: Strategy,
    targets: usize,
    rules: usize,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Case { targets, rules, .. } = self;
        write!(
            f,
            "{}, {targets} targets, {rules} rules",
            self.strategy.name()
        )
    }
}

fn cases() -> Vec<Case> {
    let case = |strategy, targets, rules| Case {
        strategy,
        targets,
        rules,
    };
    let mut cases: Vec<Case> = Strategy::ALL
        .iter()
        .map(|(strategy, _)| case(*strategy, 4, 0))
        .collect();
    for strategy in [Strategy::Fallback, Strategy::Split] {
        cases.extend(
            [(4, 20), (100, 0), (100, 20)].map(|(targets, rules)| case(strategy, targets, rules)),
        );
    }
    cases
}

#[divan::bench(name = "plan", args = cases())]
fn planned(bencher: Bencher<'_, '_>, case: &Case) {
    let snapshot = snapshot(case);
    let headers = [
        ("content-type", "application/json"),
        ("user-agent", "OpenAI/Python 2.8.0"),
        ("x-team", "growth"),
        ("x-session-id", "3f6c2a51"),
    ];
    let headers = headers.into_iter().collect();
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
    bencher.bench_local(|| {
        let context = Context {
            caller,
            ask: black_box(ask),
            now,
            dice: &mut dice,
            turn: Turn::Next,
        };
        plan(&snapshot, context).unwrap()
    });
}

/// A route of key `k`; none of its rules holds, so that all are looked at.
fn snapshot(case: &Case) -> Snapshot {
    let target = |at: usize| json!({"provider": format!("p{}", at % 4), "model": format!("gpt-{at}"), "weight": 1 + at % 9});
    let condition = |at: usize| match at % 3 {
        0 => format!("model.startsWith(\"o{at}\") && headers[\"x-team\"] == \"search\""),
        1 => format!("tokens > {}", 100_000 + at),
        _ => format!("labels.team in [\"a{at}\", \"b\"] || tools"),
    };
    let rule = |at: usize| json!({"when": condition(at), "targets": [{"provider": "p0"}]});
    let targets: Vec<Value> = (0..case.targets).map(target).collect();
    let rules: Vec<Value> = (0..case.rules).map(rule).collect();
    let strategy = case.strategy.name();
    let key = json!({"user": "ann", "labels": {"team": "growth"}});
    let route = json!({"keys": ["k"], "strategy": strategy, "tier_strategies": [strategy], "rules": rules, "targets": targets});
    let mut records = state::common();
    records.push(record("key", "k", key, Value::Null));
    records.push(record("route", "r", route, Value::Null));
    state::snapshot(records)
}
