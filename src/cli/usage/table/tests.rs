//! Whole tables at 80 and at 200 columns, as files beside this one: written anew with `GW_BLESS=1`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use proptest::prelude::*;
use serde_json::{Map, json};

fn line(
    seed: u64,
    requests: u64,
    spend: Value,
    unpriced: u64,
    points: usize,
) -> Map<String, Value> {
    let course = (0..points as u64).map(|at| json!(format!("{}", (seed * 7 + at * at * 13) % 29)));
    let line = json!({
        "requests": requests, "errors": requests / (seed + 3), "tokens": requests * 1234, "input": requests * 1000, "output": requests * 234,
        "usage": {"cache_read": requests * 100}, "spend": spend, "unpriced": unpriced, "estimated": seed,
        "latency_ms": {"mean": 800 + seed, "p50": 700, "p95": 3000 * (seed + 1)}, "ttft_ms": {"mean": 300, "p50": 250, "p95": null},
        "trend": course.collect::<Vec<_>>(),
    });
    line.as_object().unwrap().clone()
}

fn told(by: &[&str], names: &[&[&str]], width: usize) -> Value {
    let points = points(width);
    let spends = ["1234.5678", "321.000001", "17", "0.000075", "0"];
    let items: Vec<Value> = names
        .iter()
        .zip(0_u64..)
        .map(|(names, at)| {
            let unpriced = u64::from(at == 2) * 3;
            let spend = json!(spends[at as usize % 5]);
            let mut item = line(at, 20_000 / (at * at * at + 1), spend, unpriced, points);
            let columns = by.iter().zip(*names);
            item.extend(columns.map(|(by, name)| ((*by).to_owned(), json!(name))));
            item.into()
        })
        .collect();
    json!({"by": by, "sort": "spend", "items": items, "total": line(1, 24_000, json!("1572.567876"), 3, points)})
}

fn compare(name: &str, shown: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/cli/usage/table")
        .join(name);
    if std::env::var_os("GW_BLESS").is_some() {
        std::fs::write(&path, shown).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(&path).unwrap_or_default(),
        shown,
        "{name}"
    );
}

#[test]
fn models_and_days_at_80_and_200_columns() {
    let models: [&[&str]; 5] = [
        &["gpt-4o"],
        &["claude-sonnet-4-5-20250929"],
        &["local/Qwen3-Coder-480B-A35B-Instruct-FP8"],
        &["gpt-4o-mini"],
        &["\u{1b}[2Jodd"],
    ];
    let users: [&[&str]; 3] = [
        &["ann", "gpt-4o"],
        &["continuous-integration", "claude-sonnet-4-5-20250929"],
        &["bob", ""],
    ];
    let days: [&[&str]; 4] = [
        &["2026-11-18"],
        &["2026-11-19"],
        &["2026-11-20"],
        &["2026-11-21"],
    ];
    for width in [80, 200] {
        let show = |told: &Value, wide| render(told, width, wide, true);
        compare(
            &format!("model-{width}.txt"),
            &show(&told(&["model"], &models, width), false),
        );
        compare(
            &format!("user-model-{width}.txt"),
            &show(&told(&["user", "model"], &users, width), false),
        );
        compare(
            &format!("day-{width}.txt"),
            &show(&told(&["day"], &days, width), false),
        );
        compare(
            &format!("team-wide-{width}.txt"),
            &show(&told(&["label:team"], &users, width), true),
        );
    }
    let mut some = told(&["model"], &models[..2], 80);
    some["others"] = line(2, 100, Value::Null, 7, 10).into();
    some["others"]["lines"] = 5.into();
    compare("others-80.txt", &render(&some, 80, false, true));
}

proptest! {
    #[test]
    fn any_names_fit_the_terminal(names in proptest::collection::vec("[a-zé日 ]{0,60}", 1..8), width in 80_usize..240, day in any::<bool>()) {
        let by = if day { ["day"] } else { ["model"] };
        let names: Vec<Vec<&str>> = names.iter().map(|name| vec![name.as_str()]).collect();
        let names: Vec<&[&str]> = names.iter().map(Vec::as_slice).collect();
        let shown = render(&told(&by, &names, width), width, false, true);
        for line in shown.lines() {
            prop_assert!(line.width() <= width, "{}: {line}", line.width());
        }
    }
}
