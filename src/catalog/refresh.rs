//! Makes `prices.tsv` out of the `genai-prices` data (MIT, Pydantic), and holds the table against that
//! crate's own calculator. To refresh, update the crate, then run
//! `GW_PRICES=<genai-prices sources>/data/prices.json cargo test --lib catalog::refresh -- --ignored`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{all, cost, find};
use crate::chat::{Usage, UsageSource};
use genai_prices::{Calculator, PriceRequest, UsageKey};
use serde_json::Value;
use std::fmt::Write as _;

/// The vendors of `vendors::VENDORS` and those whose models Azure serves.
const TAKEN: [&str; 22] = [
    "anthropic",
    "aws",
    "azure",
    "baseten",
    "cerebras",
    "cohere",
    "databricks",
    "deepseek",
    "fireworks",
    "google",
    "groq",
    "minimax",
    "mistral",
    "moonshotai",
    "novita",
    "openai",
    "openrouter",
    "perplexity",
    "together",
    "voyageai",
    "x-ai",
    "zai",
];
const KEYS: [&str; 5] = [
    "input_mtok",
    "output_mtok",
    "cache_read_mtok",
    "cache_write_mtok",
    "cache_write_1h_mtok",
];

/// What is paid for beside tokens, or for tokens that are not counted apart.
const APART: [&str; 3] = ["requests_kcount", "output_image_mtok", "output_video_mtok"];

/// The prices in force on `today`: the last dated entry that has begun. Where prices depend on the time of
/// day the dearest holds, so that a budget is never overrun. Models with a fee a request, and
/// those whose pictures cost more than their words, for which there is no bucket, have no prices: unpriced is better than
/// far too little.
fn in_force<'a>(prices: &'a Value, today: &str) -> &'a Value {
    let found = match prices.as_array() {
        None => prices,
        Some(entries) => {
            let constraint =
                |entry: &Value, key: &str| entry["constraint"][key].as_str().map(str::to_owned);
            let begun = |entry: &&Value| {
                entry.get("constraint").is_none()
                    || constraint(entry, "start_date").is_some_and(|start| start.as_str() <= today)
            };
            let dated = entries.iter().rev().find(begun);
            let hourly = entries
                .iter()
                .filter(|entry| constraint(entry, "start_time").is_some());
            let input = |entry: &&Value| entry["prices"]["input_mtok"].as_f64().unwrap_or_default();
            dated
                .into_iter()
                .chain(hourly)
                .max_by(|a, b| input(a).total_cmp(&input(b)))
                .map_or(&Value::Null, |entry| &entry["prices"])
        }
    };
    if APART.iter().any(|key| found.get(key).is_some()) {
        &Value::Null
    } else {
        found
    }
}

/// Picodollars per token; of prices in tiers by length, the base.
fn pico(price: &Value) -> String {
    let price = price.get("base").unwrap_or(price);
    price
        .as_f64()
        .map(|dollars| format!("{:.0}", dollars * 1e6))
        .unwrap_or_default()
}

/// Names as rules; regular expressions are all "and a date", which the table strips by itself, "and a version" of Google's,
/// whose numbers begin with a nought, or "but no voices", which have rows of their own.
fn rules(matching: &Value, out: &mut Vec<String>) {
    for (kind, rule) in matching.as_object().unwrap() {
        match (kind.as_str(), rule) {
            ("or" | "and", Value::Array(inner)) => inner.iter().for_each(|rule| rules(rule, out)),
            ("equals" | "ends_with", Value::String(name)) => {
                out.push(format!("={}", name.to_lowercase()))
            }
            ("starts_with", Value::String(name)) => out.push(format!("^{}", name.to_lowercase())),
            ("contains", Value::String(name)) => out.push(format!("*{}", name.to_lowercase())),
            ("regex", Value::String(pattern)) if pattern == NO_VOICES => {}
            ("regex", Value::String(pattern)) if pattern.ends_with("-\\d") => {
                let name = pattern.trim_start_matches('^').trim_end_matches("\\d");
                out.push(format!("^{}0", name.replace('\\', "")));
            }
            ("regex", Value::String(pattern)) => assert!(
                pattern.ends_with("\\d{8}$") || pattern.ends_with("\\d{2}$"),
                "a new kind of pattern: {pattern}"
            ),
            other => panic!("a new kind of rule: {other:?}"),
        }
    }
}

const NO_VOICES: &str = "^(?!.*-[tT][tT][sS](?:$|-))";

fn make(data: &Value, today: &str) -> String {
    let mut out = format!(
        "# Prices of {today} from genai-prices (https://github.com/pydantic/genai-prices, MIT), made by catalog::refresh.\n"
    );
    for vendor in data
        .as_array()
        .unwrap()
        .iter()
        .filter(|vendor| TAKEN.contains(&vendor["id"].as_str().unwrap()))
    {
        write!(out, "@{}", vendor["id"].as_str().unwrap()).unwrap();
        for other in vendor["fallback_model_providers"]
            .as_array()
            .into_iter()
            .flatten()
        {
            write!(out, " {}", other.as_str().unwrap()).unwrap();
        }
        out.push('\n');
        for model in vendor["models"].as_array().unwrap() {
            let prices = in_force(&model["prices"], today);
            let window = model["context_window"]
                .as_u64()
                .map(|window| window.to_string())
                .unwrap_or_default();
            write!(out, "{}\t{window}", model["id"].as_str().unwrap()).unwrap();
            for key in KEYS {
                write!(out, "\t{}", pico(&prices[key])).unwrap();
            }
            let mut names = Vec::new();
            rules(&model["match"], &mut names);
            names.retain(|name| !name.contains([' ', '\t']));
            writeln!(out, "\t{}", names.join(" ")).unwrap();
        }
    }
    out
}

#[test]
#[ignore = "rewrites prices.tsv; see the top of this file"]
fn refresh() {
    let path = std::env::var("GW_PRICES")
        .expect("GW_PRICES names the data file of the genai-prices sources");
    let data: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let today = jiff::Timestamp::now().strftime("%F").to_string();
    std::fs::write(
        concat!(env!("CARGO_MANIFEST_DIR"), "/src/catalog/prices.tsv"),
        make(&data, &today),
    )
    .unwrap();
}

/// Every model with plain token prices costs what genai-prices says.
#[test]
fn the_table_agrees_with_the_crate_it_was_made_from() {
    // The table's own day, so that prices that change later do not matter, at an hour when no rebate is given.
    let today: jiff::civil::Date = include_str!("prices.tsv")
        .split(' ')
        .nth(3)
        .unwrap()
        .parse()
        .unwrap();
    let peak: std::time::SystemTime = today
        .at(2, 0, 0, 0)
        .to_zoned(jiff::tz::TimeZone::UTC)
        .unwrap()
        .timestamp()
        .into();
    let calculator = Calculator::bundled();
    let mut same = 0;
    let mut different = Vec::new();
    for vendor in TAKEN {
        for known in all(vendor) {
            // Few tokens, so that no tier by length is reached.
            let ours = Usage {
                input: 100,
                cache_read: if known.prices.cache_read.is_some() {
                    20
                } else {
                    0
                },
                output: 30,
                ..Usage::default()
            };
            let mut theirs = genai_prices::Usage::default();
            theirs.insert(
                UsageKey::INPUT_TOKENS,
                (ours.input + ours.cache_read) as f64,
            );
            theirs.insert(UsageKey::CACHE_READ_TOKENS, ours.cache_read as f64);
            theirs.insert(UsageKey::OUTPUT_TOKENS, ours.output as f64);
            let request = PriceRequest::new(&known.id, &theirs)
                .with_provider_id(vendor)
                .with_timestamp(peak);
            let (Some(found), Ok(want)) = (find(vendor, &known.id), calculator.calculate(&request))
            else {
                continue;
            };
            let Some(got) = cost(&ours, UsageSource::Reported, &found.prices).pico else {
                continue;
            };
            if (got as f64 / 1e12 - want.total_price).abs() < 1e-9 {
                same += 1;
            } else {
                different.push(format!(
                    "{vendor} {}: {} is {}",
                    known.id,
                    got as f64 / 1e12,
                    want.total_price
                ));
            }
        }
    }
    assert!(
        different.is_empty(),
        "{} differ, {same} agree:\n{}",
        different.len(),
        different.join("\n")
    );
    assert!(same > 1000, "{same}");
}
