//! Prices as others publish them: the JSON of genai-prices (<https://github.com/pydantic/genai-prices>, `prices/data.json`) and
//! of LiteLLM (<https://github.com/BerriAI/litellm>, `model_prices_and_context_window.json`), told apart by their shape. What is
//! read here becomes prices of the vendors in the table; everything else in them is left. The script that makes the built-in
//! table (`scripts/catalogue`) reads the same with more care, from packages that it knows.

use super::overlay::Published;
use crate::chat::{Bucket, Tier};
use crate::error::{Error, Result};
use crate::resources::price::{Price, PriceOf};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Reads what somebody published. `today`: such as `2026-11-22`.
///
/// Errors: neither of the two, or nothing in it that is a price of a vendor in the table.
pub fn read(data: &Value, today: &str) -> Result<Published> {
    let (source, models) = match data {
        Value::Array(vendors)
            if vendors
                .iter()
                .any(|it| it.get("models").is_some_and(Value::is_array)) =>
        {
            ("genai-prices", genai_prices(vendors, today))
        }
        Value::Object(models)
            if models
                .values()
                .any(|it| it.get("litellm_provider").is_some()) =>
        {
            ("LiteLLM", litellm(models))
        }
        _ => {
            return Err(Error::invalid("these are neither the prices of genai-prices nor those of LiteLLM").hint(
                "genai-prices has a list of providers with `models`, LiteLLM an object whose models name their `litellm_provider`",
            ));
        }
    };
    if models.values().all(BTreeMap::is_empty) {
        return Err(Error::invalid(format!(
            "there is no price in these data of {source} for any vendor gw knows"
        )));
    }
    Ok(Published {
        source: source.into(),
        dated: today.into(),
        models,
    })
}

type Models = BTreeMap<String, BTreeMap<String, BTreeMap<String, String>>>;

fn add(models: &mut Models, vendor: &str, model: &str, prices: Vec<Price>) {
    // Nothing is longer than a name of a model may be; and a model that has no price says nothing.
    if prices.is_empty()
        || model.len() > 200
        || !model.chars().all(|letter| letter.is_ascii_graphic())
    {
        return;
    }
    let listed = prices
        .iter()
        .map(|price| (price.of.to_string(), price.dollars()));
    let of_vendor = models.entry(vendor.to_owned()).or_default();
    of_vendor.insert(model.to_lowercase(), listed.collect());
}

/// A price in picodollars for what is counted by one (hours of sound by the hour). `None`: no amount of money.
fn pico(amount: f64, scale: f64) -> Option<u64> {
    let pico = (amount * scale).round();
    // Above all prices there are, and below where doubles are no longer exact.
    (amount >= 0.0 && pico < 1e15).then_some(pico as u64)
}

fn price(bucket: Bucket, tier: Tier, above: u64, pico: u64) -> Price {
    Price {
        of: PriceOf {
            bucket,
            tier,
            above,
        },
        pico,
    }
}

/// Fields of genai-prices, what they are prices of, and picodollars a dollar of them is.
const GENAI: [(&str, Bucket, f64); 13] = [
    ("input_mtok", Bucket::Input, 1e6),
    ("output_mtok", Bucket::Output, 1e6),
    ("cache_read_mtok", Bucket::CacheRead, 1e6),
    ("cache_write_mtok", Bucket::CacheWrite5m, 1e6),
    ("cache_write_1h_mtok", Bucket::CacheWrite1h, 1e6),
    ("output_reasoning_mtok", Bucket::Reasoning, 1e6),
    ("input_audio_mtok", Bucket::Audio, 1e6),
    ("cache_audio_read_mtok", Bucket::AudioCached, 1e6),
    ("output_audio_mtok", Bucket::AudioOutput, 1e6),
    ("input_image_mtok", Bucket::Image, 1e6),
    ("output_image_mtok", Bucket::ImageOutput, 1e6),
    ("web_searches_kcount", Bucket::Searches, 1e9),
    ("input_audio_hours", Bucket::Seconds, 1e12),
];

/// What is paid for beside that, and no answer counts: without it a price would be too low.
const APART: [&str; 8] = [
    "requests_kcount",
    "output_video_mtok",
    "input_video_mtok",
    "output_citation_mtok",
    "input_mchars",
    "input_text_messages_kcount",
    "input_document_kpages",
    "input_annotated_document_kpages",
];

fn genai_prices(vendors: &[Value], today: &str) -> Models {
    let mut models = Models::new();
    let text =
        |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    for vendor in vendors {
        let (Some(id), Some(listed)) = (
            text(vendor, "id"),
            vendor.get("models").and_then(Value::as_array),
        ) else {
            continue;
        };
        if !LITELLM.iter().any(|(known, ..)| *known == id) {
            continue;
        }
        for model in listed {
            let (Some(name), Some(prices)) = (text(model, "id"), model.get("prices")) else {
                continue;
            };
            let Some(prices) = in_force(prices, today) else {
                continue;
            };
            let mut found = spread(prices, Tier::Standard);
            let variants = model.get("price_variants").and_then(Value::as_array);
            for variant in variants.into_iter().flatten() {
                let when = variant.get("when");
                let tier = ["service_tier", "processing"]
                    .iter()
                    .find_map(|name| when?.get(*name)?.as_str());
                let begun = variant
                    .pointer("/constraint/start_date")
                    .and_then(Value::as_str);
                if let (Some(tier), Some(prices)) = (
                    tier.and_then(Tier::named),
                    variant.get("prices").and_then(Value::as_object),
                ) && begun.is_none_or(|day| day <= today)
                    && when
                        .and_then(Value::as_object)
                        .is_some_and(|when| when.len() == 1)
                {
                    found.extend(spread(prices, tier));
                }
            }
            add(&mut models, &id, &name, found);
        }
    }
    models
}

/// The last entry that has begun; of prices by the time of day the dearest, so that a budget is never overrun.
fn in_force<'a>(prices: &'a Value, today: &str) -> Option<&'a Map<String, Value>> {
    let found = match prices {
        Value::Array(entries) => {
            let begun = |entry: &&Value| match entry.get("constraint") {
                None => true,
                Some(constraint) => constraint
                    .get("start_date")
                    .and_then(Value::as_str)
                    .is_some_and(|day| day <= today),
            };
            let hourly = entries
                .iter()
                .filter(|it| it.pointer("/constraint/start_time").is_some());
            let input = |entry: &&Value| {
                let amount = entry.pointer("/prices/input_mtok");
                let amount =
                    amount.and_then(|amount| amount.get("base").or(Some(amount))?.as_f64());
                amount.unwrap_or_default()
            };
            let last = entries.iter().rev().find(begun);
            let found = last.into_iter().chain(hourly);
            found
                .max_by(|a, b| input(a).total_cmp(&input(b)))?
                .get("prices")?
        }
        prices => prices,
    };
    let found = found.as_object()?;
    let apart = APART.iter().any(|name| found.contains_key(*name));
    // What is spoken and heard at once is paid by the hour of both.
    let live = found.contains_key("audio_hours") && !found.contains_key("input_audio_hours");
    (!apart && !live).then_some(found)
}

fn spread(prices: &Map<String, Value>, tier: Tier) -> Vec<Price> {
    let mut found = Vec::new();
    for (field, bucket, scale) in GENAI {
        let Some(value) = prices.get(field) else {
            continue;
        };
        let mut add = |amount: Option<f64>, above: u64| {
            if let Some(pico) = amount.and_then(|amount| pico(amount, scale)) {
                found.push(price(bucket, tier, above, pico));
            }
        };
        add(value.get("base").unwrap_or(value).as_f64(), 0);
        let steps = value.get("tiers").and_then(Value::as_array);
        for step in steps.into_iter().flatten() {
            if let Some(above) = step
                .get("start")
                .and_then(Value::as_u64)
                .filter(|above| *above > 0)
            {
                add(step.get("price").and_then(Value::as_f64), above);
            }
        }
    }
    found
}

/// Vendors by their id in the catalogue: their providers at LiteLLM, and what the names of their models begin with there.
const LITELLM: [(&str, &[&str], &str); 22] = [
    ("anthropic", &["anthropic"], ""),
    ("aws", &["bedrock", "bedrock_converse"], "bedrock/"),
    ("azure", &["azure", "azure_ai"], "azure/"),
    ("baseten", &["baseten"], "baseten/"),
    ("cerebras", &["cerebras"], "cerebras/"),
    ("cohere", &["cohere", "cohere_chat"], "cohere/"),
    ("databricks", &["databricks"], "databricks/"),
    ("deepseek", &["deepseek"], "deepseek/"),
    (
        "fireworks",
        &["fireworks_ai", "fireworks_ai-embedding-models"],
        "fireworks_ai/",
    ),
    ("google", &["gemini"], "gemini/"),
    ("groq", &["groq"], "groq/"),
    ("minimax", &["minimax"], "minimax/"),
    ("mistral", &["mistral"], "mistral/"),
    ("moonshotai", &["moonshot"], "moonshot/"),
    ("novita", &["novita"], "novita/"),
    ("openai", &["openai"], ""),
    ("openrouter", &["openrouter"], "openrouter/"),
    ("perplexity", &["perplexity"], "perplexity/"),
    ("together", &["together_ai"], "together_ai/"),
    ("voyageai", &["voyage"], "voyage/"),
    ("x-ai", &["xai"], "xai/"),
    ("zai", &["zai"], "zai/"),
];

/// Fields of LiteLLM, what they are prices of, and picodollars a dollar of them is.
const FIELDS: [(&str, Bucket, f64); 13] = [
    ("input_cost_per_token", Bucket::Input, 1e12),
    ("output_cost_per_token", Bucket::Output, 1e12),
    ("output_cost_per_reasoning_token", Bucket::Reasoning, 1e12),
    ("cache_read_input_token_cost", Bucket::CacheRead, 1e12),
    (
        "cache_creation_input_token_cost",
        Bucket::CacheWrite5m,
        1e12,
    ),
    (
        "cache_creation_input_token_cost_above_1hr",
        Bucket::CacheWrite1h,
        1e12,
    ),
    ("input_cost_per_audio_token", Bucket::Audio, 1e12),
    (
        "cache_read_input_audio_token_cost",
        Bucket::AudioCached,
        1e12,
    ),
    ("output_cost_per_audio_token", Bucket::AudioOutput, 1e12),
    ("input_cost_per_image_token", Bucket::Image, 1e12),
    ("output_cost_per_image_token", Bucket::ImageOutput, 1e12),
    ("input_cost_per_query", Bucket::SearchUnits, 1e12),
    ("input_cost_per_second", Bucket::Seconds, 3600e12),
];

/// Ends of LiteLLM's fields.
const ENDS: [(&str, Tier); 3] = [
    ("_batches", Tier::Batch),
    ("_flex", Tier::Flex),
    ("_priority", Tier::Priority),
];

fn litellm(listed: &Map<String, Value>) -> Models {
    let mut models = Models::new();
    for (key, entry) in listed {
        let Some(provider) = entry.get("litellm_provider").and_then(Value::as_str) else {
            continue;
        };
        let vendor = LITELLM
            .iter()
            .find(|(_, names, _)| names.contains(&provider));
        let Some((vendor, _, prefix)) = vendor else {
            continue;
        };
        let name = key.strip_prefix(prefix).unwrap_or(key);
        // `256-x-256/dall-e-2` and `us-east-1/…`: a price of a kind of request, or in one region.
        if name
            .split_once('/')
            .is_some_and(|(first, _)| first.contains("-x-") || regional(first))
        {
            continue;
        }
        if let Some(entry) = entry.as_object() {
            add(&mut models, vendor, name, priced(entry));
        }
    }
    models
}

/// Whether a first part of a name is a region: `us`, `eu-west-1`, `global`.
fn regional(word: &str) -> bool {
    let begins = ["us", "eu", "ap", "ca", "sa", "me", "af", "global"];
    let first = word.split('-').next().unwrap_or_default();
    begins.contains(&first)
}

fn priced(entry: &Map<String, Value>) -> Vec<Price> {
    let mut found = Vec::new();
    for (key, value) in entry {
        let Some(amount) = value.as_f64() else {
            continue;
        };
        let (rest, tier) = ENDS
            .iter()
            .find_map(|(end, tier)| Some((key.strip_suffix(end)?, *tier)))
            .unwrap_or((key, Tier::Standard));
        let (rest, above) = above(rest);
        let field = FIELDS.iter().find(|(name, ..)| *name == rest);
        if let Some((_, bucket, scale)) = field
            && let Some(pico) = pico(amount, *scale)
        {
            found.push(price(*bucket, tier, above, pico));
        }
    }
    // Nought stands for "not paid by this" there.
    let paid = found.iter().any(|price| price.pico > 0);
    let output = |price: &Price| price.of == PriceOf::usual(Bucket::Output);
    let mode = entry.get("mode").and_then(Value::as_str);
    let silent = matches!(mode, Some("embedding" | "rerank" | "audio_transcription"));
    let input = |price: &Price| price.of == PriceOf::usual(Bucket::Input);
    found.retain(|price| price.pico > 0 || !((paid && input(price)) || (silent && output(price))));
    found
}

/// `NAME_above_200k_tokens` is a price from that length of prompt on.
fn above(name: &str) -> (&str, u64) {
    let long = name
        .strip_suffix("k_tokens")
        .and_then(|rest| rest.rsplit_once("_above_"));
    match long.and_then(|(name, thousands)| {
        Some((name, thousands.parse::<u64>().ok()?.checked_mul(1000)?))
    }) {
        Some((name, above)) if above > 0 => (name, above),
        _ => (name, 0),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn both_shapes_are_read_and_others_refused() {
        let genai = json!([{"id": "openai", "models": [
            {"id": "GPT-9", "prices": {"input_mtok": {"base": 1.25, "tiers": [{"start": 272000, "price": 2.5}]}, "output_mtok": 10, "web_searches_kcount": 14},
             "price_variants": [{"when": {"service_tier": "flex"}, "prices": {"input_mtok": 0.625}}, {"when": {"region": "eu"}, "prices": {"input_mtok": 9}}]},
            {"id": "dated", "prices": [{"prices": {"input_mtok": 1}}, {"constraint": {"start_date": "2026-01-01"}, "prices": {"input_mtok": 2}},
                {"constraint": {"start_date": "2031-01-01"}, "prices": {"input_mtok": 3}}]},
            {"id": "per-request", "prices": {"input_mtok": 1, "requests_kcount": 5}},
        ]}, {"id": "nobody-gw-knows", "models": [{"id": "m", "prices": {"input_mtok": 1}}]}]);
        assert_eq!(
            json!(read(&genai, "2026-11-22").unwrap()),
            json!({"source": "genai-prices", "dated": "2026-11-22", "models": {"openai": {
                "gpt-9": {"input": "1.25", "input@above-272000": "2.5", "input@flex": "0.625", "output": "10", "searches": "14"},
                "dated": {"input": "2"},
            }}})
        );
        let litellm = json!({
            "sample_spec": {"input_cost_per_token": 0},
            "gpt-9": {"litellm_provider": "openai", "input_cost_per_token": 1.25e-06, "input_cost_per_token_above_272k_tokens": 2.5e-06,
                "output_cost_per_token_batches": 5e-06, "cache_read_input_token_cost": 1.25e-07, "max_tokens": 5, "mode": "chat"},
            "gemini/g": {"litellm_provider": "gemini", "input_cost_per_token": 0, "input_cost_per_audio_token": 7e-07},
            "us/gpt-9": {"litellm_provider": "azure", "input_cost_per_token": 1},
            "e": {"litellm_provider": "openai", "mode": "embedding", "input_cost_per_token": 2e-08, "output_cost_per_token": 0},
            "elsewhere": {"litellm_provider": "nobody", "input_cost_per_token": 1},
        });
        assert_eq!(
            json!(read(&litellm, "2026-11-22").unwrap())["models"],
            json!({
                "openai": {"gpt-9": {"input": "1.25", "input@above-272000": "2.5", "output@batch": "5", "cache_read": "0.125"}, "e": {"input": "0.02"}},
                "google": {"g": {"audio": "0.7"}},
            })
        );
        for other in [
            json!({}),
            json!([]),
            json!("x"),
            json!([{"id": "openai"}]),
            json!({"gpt-9": {"input_cost_per_token": 1}}),
        ] {
            let error = read(&other, "2026-11-22").unwrap_err();
            assert_eq!(
                error.message,
                "these are neither the prices of genai-prices nor those of LiteLLM"
            );
        }
        let none = json!({"m": {"litellm_provider": "nobody", "input_cost_per_token": 1}});
        assert_eq!(
            read(&none, "2026-11-22").unwrap_err().message,
            "there is no price in these data of LiteLLM for any vendor gw knows"
        );
    }

    proptest! {
        #[test]
        fn whatever_amounts_say_nothing_panics_and_all_can_be_read_back(amount in proptest::num::f64::ANY, above in any::<u64>()) {
            let data = json!({"m": {"litellm_provider": "openai", "input_cost_per_token": amount, (format!("output_cost_per_token_above_{above}k_tokens")): amount}});
            if let Ok(published) = read(&data, "2026-11-22") {
                crate::catalog::Overlay::new(published).unwrap();
            }
        }
    }
}
