//! What recorded answers cost: LiteLLM reads their usage and reckons with its own calculator and prices, gw with its own readers
//! and prices, and with LiteLLM's. With the same prices both come to the same picodollar; where the prices differ that is
//! written down by name (`costs.txt`). Long prompts and tiers, which nobody recorded, are constructed.

use crate::{clients, harness, recordings};
use gw::catalog::{self, CostStatus, Prices};
use gw::chat::{Tier, Usage, UsageSource};
use gw::formats::{FORMATS, Seen};
use gw::resources::price::Price;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// A case, as litellm_costs.py writes it.
#[derive(Deserialize)]
struct Case {
    id: String,
    api: String,
    vendor: String,
    model: String,
    tier: String,
    cost: f64,
    prices: BTreeMap<String, String>,
    /// Tokens that tools brought into the prompt, which LiteLLM leaves out.
    brought: u64,
    made: bool,
    body: String,
    stream: bool,
}

fn read(case: &Case) -> (Option<Usage>, Tier) {
    let name = match case.api.as_str() {
        "converse" => "bedrock-converse",
        name => name,
    };
    let format = FORMATS.iter().find(|format| format.name == name).unwrap();
    let mut seen = Seen::default();
    if case.stream || !case.body.trim_start().starts_with(['{', '[']) {
        for frame in case.body.replace("\r\n", "\n").split("\n\n") {
            let field = |name: &str| {
                let line = frame.lines().find_map(|line| line.strip_prefix(name));
                line.map(str::trim).unwrap_or_default()
            };
            (format.observe)(field("event:"), field("data:").as_bytes(), &mut seen);
        }
    } else {
        (format.observe_reply)(case.body.as_bytes(), &mut seen);
    }
    (seen.usage, seen.tier)
}

fn pico(dollars: f64) -> i128 {
    (dollars * 1e12).round() as i128
}

/// Prices of the buckets that were used, at the tier or as usual, of which the two say different things.
fn differing(
    case: &Case,
    usage: &Usage,
    tier: Tier,
    ours: &Prices,
    theirs: &Prices,
) -> Vec<String> {
    let used: BTreeSet<_> = usage
        .buckets()
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(bucket, _)| bucket)
        .collect();
    let of = |prices: &Prices| -> BTreeMap<String, String> {
        prices
            .list()
            .iter()
            .filter(|price| used.contains(&price.of.bucket))
            .filter(|price| price.of.tier == tier || price.of.tier.is_standard())
            .map(|price| (price.of.to_string(), price.dollars()))
            .collect()
    };
    let (ours, theirs) = (of(ours), of(theirs));
    let names: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    let say = |price: Option<&String>| price.map_or("none".to_owned(), String::clone);
    names
        .into_iter()
        .filter(|name| ours.get(*name) != theirs.get(*name))
        .map(|name| {
            let (ours, theirs) = (say(ours.get(name)), say(theirs.get(name)));
            let (vendor, model) = (&case.vendor, &case.model);
            format!("{vendor}\t{model}\t{name}\t{ours}\t{theirs}")
        })
        .collect()
}

#[test]
fn recorded_usage_costs_what_litellm_says() {
    let Some(place) = recordings() else { return };
    let python = clients::place().join("frameworks/earlier");
    if !clients::place().join("frameworks/earlier.done").exists() {
        return harness::skip::skip("LiteLLM is not set up; run scripts/setup-tests.sh");
    }
    let mut command = clients::python_of(&python);
    command
        .arg(clients::root().join("tests/conformance/litellm_costs.py"))
        .arg(place.join("exchanges.jsonl"));
    let printed = clients::run(command);
    let (mut wrong, mut prices_differ) = (Vec::new(), BTreeSet::new());
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    let mut guessed = BTreeSet::new();
    for line in printed.lines() {
        let case: Case = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        let (Some(usage), tier) = read(&case) else {
            wrong.push(format!("{} {}: no usage is read", case.id, case.model));
            continue;
        };
        // LiteLLM reckons searches apart from tokens.
        let usage = Usage {
            searches: 0,
            input: usage.input.saturating_sub(case.brought),
            ..usage
        };
        let theirs: Prices = case
            .prices
            .iter()
            .map(|(of, dollars)| Price::read(of, dollars).unwrap())
            .collect();
        let source = UsageSource::Reported;
        let got = catalog::cost(&usage, tier, source, &theirs);
        let want = pico(case.cost);
        if let Some(bucket) = got.unpriced {
            // It takes another bucket's price, or the usual tier's, where it has none; gw does not guess.
            let (vendor, model, bucket) = (&case.vendor, &case.model, bucket.name());
            let tier = case.tier.as_str();
            guessed.insert(format!("{vendor}\t{model}\t{bucket}\t{tier}\tguessed"));
            continue;
        }
        if got.pico != Some(want) {
            wrong.push(format!(
                "{} {} {} {}: {got:?} is {want}; {usage:?} {:?}",
                case.id, case.vendor, case.model, case.tier, case.prices
            ));
            continue;
        }
        let known = catalog::find(&case.vendor, &case.model);
        let ours = known.map(|known| catalog::cost(&usage, tier, source, known.prices()));
        let used = usage.buckets().iter().any(|(_, count)| *count > 0);
        for cost in ours.iter().chain([&got]) {
            let silent = used && cost.pico == Some(0) && cost.status != CostStatus::Free;
            assert!(!silent, "{} {}: a silent nought", case.id, case.model);
        }
        match (known, ours) {
            (None, _) => {
                prices_differ.insert(format!("{}\t{}\tnot known", case.vendor, case.model));
            }
            (Some(known), Some(cost)) if cost.pico != got.pico => {
                let found = differing(&case, &usage, tier, known.prices(), &theirs);
                assert!(!found.is_empty(), "{} {}: {cost:?}", case.id, case.model);
                prices_differ.extend(found);
            }
            _ => *count.entry("the catalogue agrees").or_default() += 1,
        }
        let kinds = [
            ("cached", usage.cache_read + usage.written() > 0),
            ("reasoning", usage.reasoning > 0),
            ("sound", usage.audio + usage.audio_output > 0),
            ("another tier", !tier.is_standard()),
            ("all", true),
        ];
        for (kind, is) in kinds {
            if is {
                let name = match case.made {
                    true => "constructed",
                    false => kind,
                };
                *count.entry(name).or_default() += usize::from(!case.made || kind == "all");
            }
        }
    }
    println!(
        "agree to the picodollar: {count:?}; {} prices differ",
        prices_differ.len()
    );
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
    for (kind, least) in [
        ("all", 60),
        ("cached", 20),
        ("reasoning", 20),
        ("sound", 1),
        ("another tier", 5),
        ("constructed", 30),
    ] {
        let found = count.get(kind).copied().unwrap_or_default();
        assert!(found >= least, "{kind}: {found}");
    }
    println!("{}", guessed.iter().cloned().collect::<Vec<_>>().join("\n"));
    // Other recordings have other models.
    if std::env::var_os("GW_RECORDINGS").is_none() || std::env::var_os("GW_BLESS").is_some() {
        let head = "# Answers whose costs differ from LiteLLM's, by vendor and model: a price, gw's dollars for it and LiteLLM's; or a bucket and tier\n# that LiteLLM has no price for and takes another one's, where gw says that it is unpriced.\n";
        let lines: Vec<String> = prices_differ.into_iter().chain(guessed).collect();
        let text = format!("{head}{}\n", lines.join("\n"));
        let file = clients::root().join("tests/conformance/costs.txt");
        if std::env::var_os("GW_BLESS").is_some() {
            std::fs::write(&file, &text).unwrap();
        }
        let kept = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(
            text == kept,
            "{text}\nGW_BLESS=1 cargo test --test conformance costs writes it"
        );
    }
}
