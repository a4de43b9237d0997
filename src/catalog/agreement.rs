//! Holds the table against the calculator of the crate that most of its prices were made from.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{all, cost, find, sources};
use crate::chat::{Bucket, Tier, Usage, UsageSource};
use genai_prices::{Calculator, PriceRequest, UsageKey};

/// Short prompts and long ones of every model cost what genai-prices says, where its prices were taken.
#[test]
fn the_table_agrees_with_the_crate_it_was_made_from() {
    let source = sources()
        .iter()
        .find(|source| source.name == "genai-prices")
        .unwrap();
    // The data's own day, so that prices that change later do not matter, at an hour when no rebate is given.
    let made: jiff::civil::Date = source.date.parse().unwrap();
    let peak: std::time::SystemTime = made
        .at(2, 0, 0, 0)
        .to_zoned(jiff::tz::TimeZone::UTC)
        .unwrap()
        .timestamp()
        .into();
    let calculator = Calculator::bundled();
    let mut same = 0;
    let mut different = Vec::new();
    let vendors = crate::vendors::VENDORS.iter().map(|vendor| vendor.catalog);
    let vendors: std::collections::BTreeSet<&str> =
        vendors.filter(|vendor| !vendor.is_empty()).collect();
    for vendor in vendors {
        for (known, input) in all(vendor)
            .into_iter()
            .flat_map(|known| [(known, 100), (known, 300_000)])
        {
            let [prices, ..] = known.sources();
            let own = prices.len() == 1 && prices[0].name == "genai-prices";
            // Of what others have been asked for too the crate knows input and output alone.
            if prices.iter().any(|source| source.name == "vendor") || !own && input > 100 {
                continue;
            }
            let cached = own && known.prices().get(Bucket::CacheRead).is_some();
            let ours = Usage {
                input,
                cache_read: if cached { 20 } else { 0 },
                output: 30,
                ..Usage::default()
            };
            let mut theirs = genai_prices::Usage::default();
            theirs.insert(UsageKey::INPUT_TOKENS, ours.prompt() as f64);
            theirs.insert(UsageKey::CACHE_READ_TOKENS, ours.cache_read as f64);
            theirs.insert(UsageKey::OUTPUT_TOKENS, ours.output as f64);
            let request = PriceRequest::new(known.id, &theirs)
                .with_provider_id(vendor)
                .with_timestamp(peak);
            let (Some(found), Ok(want)) = (find(vendor, known.id), calculator.calculate(&request))
            else {
                continue;
            };
            let got = cost(&ours, Tier::Standard, UsageSource::Reported, found.prices());
            let Some(got) = got.pico.map(|pico| pico as f64 / 1e12) else {
                continue;
            };
            if (got - want.total_price).abs() < 1e-9 {
                same += 1;
            } else {
                let want = want.total_price;
                different.push(format!("{vendor} {} {input}: {got} is {want}", known.id));
            }
        }
    }
    assert!(
        different.is_empty(),
        "{} differ, {same} agree:\n{}",
        different.len(),
        different.join("\n")
    );
    assert!(same > 2000, "{same}");
}
