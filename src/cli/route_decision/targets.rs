//! The targets of a plan as a table, with the figures that its strategies go by.

use super::fields::{duration, field, list, target};
use crate::cli::print::{self, money};
use serde_json::Value;

/// A column's head, and what it has of a target.
type Column<'a> = (&'static str, Box<dyn Fn(&Value) -> String + 'a>);

/// Targets in order, each with how often it is the first one tried.
pub(super) fn table(answer: &Value) -> String {
    let attempts = list(answer, "attempts");
    let draws = answer.get("draws").and_then(Value::as_object);
    let drawn: u64 = draws
        .into_iter()
        .flatten()
        .filter_map(|(_, count)| count.as_u64())
        .sum();
    let first_tier = attempts.first().map(|one| field(one, "tier"));
    let mut columns: Vec<Column<'_>> = vec![
        ("TARGET", Box::new(target)),
        ("TIER", Box::new(|one| field(one, "tier"))),
        ("WEIGHT", Box::new(|one| field(one, "weight"))),
        (
            "FIRST",
            Box::new(move |one| {
                let share = one.get("share").and_then(Value::as_f64).unwrap_or(0.0);
                match Some(field(one, "tier")) == first_tier {
                    true => percent(share),
                    // Of those requests that come so far.
                    false => format!("then {}", percent(share)),
                }
            }),
        ),
    ];
    if uses(answer, "least-busy") {
        columns.push((
            "UNDER WAY",
            Box::new(|one| {
                one.pointer("/load/in_flight")
                    .map_or("-".into(), print::text)
            }),
        ));
    }
    if uses(answer, "least-latency") {
        let content = |one: &Value| {
            let load = one.get("load").unwrap_or(&Value::Null);
            duration(load, "first_content_ms").unwrap_or_else(|| "-".into())
        };
        columns.push(("CONTENT AFTER", Box::new(content)));
    }
    if uses(answer, "least-cost") {
        let cost = |one: &Value| {
            let pico = one.get("cost_pico").and_then(Value::as_i64);
            pico.map_or("-".into(), money)
        };
        columns.push(("COST", Box::new(cost)));
    }
    if drawn > 0 {
        let count = move |one: &Value| {
            let name = format!("{}/{}", name(one, "provider"), name(one, "model"));
            let count = draws.and_then(|draws| draws.get(&name)?.as_u64());
            let count = count.unwrap_or(0);
            format!("{count} ({})", percent(count as f64 / drawn as f64))
        };
        columns.push(("DRAWN", Box::new(count)));
    }
    let heads: Vec<&str> = ["TRY"]
        .into_iter()
        .chain(columns.iter().map(|(head, _)| *head))
        .collect();
    let row = |(at, one): (usize, &Value)| {
        let cells = columns.iter().map(|(_, cell)| cell(one));
        [(at + 1).to_string()].into_iter().chain(cells).collect()
    };
    let rows = attempts.iter().enumerate().map(row).collect();
    print::table(&heads, rows, true)
}

/// Whether some tier goes by this strategy.
fn uses(answer: &Value, strategy: &str) -> bool {
    let is_it = |value: &Value| value.get("strategy").is_some_and(|it| it == strategy);
    is_it(answer) || list(answer, "tiers").iter().any(is_it)
}

/// As it is, for looking it up.
fn name<'a>(one: &'a Value, field: &str) -> &'a str {
    one.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// A share with at most one decimal.
fn percent(share: f64) -> String {
    let tenths = (share * 1000.0).round() / 10.0;
    match tenths {
        0.0 if share > 0.0 => "<0.1 %".into(),
        tenths => format!("{tenths} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn figures_are_those_the_strategies_go_by() {
        let answer = json!({"strategy": "least-latency", "tiers": [{"strategy": "least-latency"}, {"strategy": "least-cost"}],
            "attempts": [
                {"provider": "a", "model": "m", "tier": 0, "weight": 1, "share": 1.0, "load": {"in_flight": 3, "first_content_ms": 1200}},
                {"provider": "b", "model": "n", "tier": 1, "weight": 1, "share": 0.3333, "cost_pico": 5_000_000_000_i64},
                {"provider": "c", "model": "n", "tier": 1, "weight": 1, "share": 0.0001}]});
        assert_eq!(
            table(&answer),
            "TRY   TARGET   TIER   WEIGHT   FIRST         CONTENT AFTER   COST\n\
             1     a/m      0      1        100 %         1s200ms         -\n\
             2     b/n      1      1        then 33.3 %   -               $0.005\n\
             3     c/n      1      1        then <0.1 %   -               -\n"
        );
    }
}
