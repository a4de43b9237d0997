//! How far estimates of a prompt's length are from what providers counted.

use super::{exchanges, lines};
use crate::catalog;
use crate::formats::count::estimate::estimate;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

/// What the docs say of these errors: family, median and ninth tenth, in hundredths.
const DOCUMENTED: [(&str, u64, u64); 4] = [
    ("claude", 11, 37),
    ("gemini", 15, 77),
    ("gpt", 9, 31),
    ("others", 27, 88),
];

#[test]
fn estimates_of_recorded_prompts_are_as_far_off_as_the_documentation_says() {
    let (Some(exchanges), Some(expected)) = (exchanges(), lines("expected.jsonl")) else {
        return;
    };
    let counted: HashMap<&str, u64> = expected
        .iter()
        .filter_map(|row| Some((row["id"].as_str()?, row["outcome"]["usage"]["in"].as_u64()?)))
        .collect();
    let mut errors: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for exchange in &exchanges {
        let (Some(id), Some(model)) = (exchange["id"].as_str(), exchange["model"].as_str()) else {
            continue;
        };
        let reply = &exchange["response_body"];
        let told = || {
            let reply: Value = serde_json::from_str(reply.as_str()?).ok()?;
            reply
                .get("input_tokens")
                .or(reply.get("totalTokens"))?
                .as_u64()
        };
        let Some(want) = counted
            .get(id)
            .copied()
            .or_else(told)
            .filter(|want| *want > 0)
        else {
            continue;
        };
        let body = &exchange["request_body"];
        // What the provider adds of its own, or holds, is in no request.
        let text = body.to_string();
        let hidden = [
            "previous_response_id",
            "cachedContent",
            "\"conversation\"",
            "web_search",
            "googleSearch",
            "image",
            "inlineData",
            "fileData",
            "\"file",
            "audio",
            "code_",
            "mcp_",
            "computer",
            "memory_2",
            "_2025",
            "_2026",
            "\"local_shell",
            "tool_search",
            "urlContext",
        ];
        let apis = [
            "openai-chat",
            "openai-responses",
            "anthropic-messages",
            "gemini",
            "messages.count_tokens",
            "countTokens",
            "responses.input_tokens",
        ];
        if !apis.iter().any(|api| exchange["api"] == *api)
            || exchange["status"] != 200
            || !body.is_object()
            || hidden.iter().any(|mark| text.contains(mark))
        {
            continue;
        }
        let weights = catalog::weights(model);
        let name = ["claude-3", "gemini-3", "gpt-5"]
            .into_iter()
            .find(|other| std::ptr::eq(catalog::weights(other), weights))
            .map_or("others", |name| name.split('-').next().unwrap_or(name));
        let got = estimate(text.as_bytes(), weights);
        let off = (got as f64 - want as f64).abs() / want as f64;
        errors.entry(name).or_default().push(off);
    }
    let figures: Vec<(&str, u64, u64)> = errors
        .iter_mut()
        .map(|(name, errors)| {
            errors.sort_by(f64::total_cmp);
            let at = |tenths: usize| (errors[errors.len() * tenths / 10] * 100.0).round() as u64;
            println!(
                "{name}: {} prompts, half within {} %, nine tenths within {} %",
                errors.len(),
                at(5),
                at(9)
            );
            (*name, at(5), at(9))
        })
        .collect();
    assert_eq!(figures, DOCUMENTED);
}
