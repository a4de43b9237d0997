//! Requests that real providers took are not refused here.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::ask::Wire;
use super::{converse, gemini, pairing, responses};
use serde_json::Value;

#[test]
fn what_real_providers_took_is_taken() {
    let Some(exchanges) = crate::formats::laws::recorded::exchanges() else {
        return;
    };
    let (mut taken, mut refused) = (0, Vec::new());
    for exchange in &exchanges {
        let body: Value = match &exchange["request_body"] {
            Value::String(text) => serde_json::from_str(text).unwrap_or_default(),
            other => other.clone(),
        };
        let model = exchange["model"].as_str().unwrap_or_default();
        if body.is_null() || exchange["status"] != 200 {
            continue;
        }
        // What is kept elsewhere cannot be continued here.
        let continued = ["previous_response_id", "conversation"];
        if continued.iter().any(|name| !body[*name].is_null()) {
            continue;
        }
        let path = exchange["path"].as_str().unwrap_or_default();
        let told = match exchange["api"].as_str().unwrap() {
            "openai-responses" => responses::taken(&body),
            "gemini" if path.ends_with("enerateContent") => {
                gemini::read(model, false, &body).map(drop)
            }
            "bedrock-converse" => converse::read(&body).map(drop),
            "openai-chat" if exchange["provider"] == "openai" => {
                pairing::check(Wire::Openai, &body)
            }
            "anthropic-messages" if exchange["provider"] == "anthropic" => {
                pairing::check(Wire::Anthropic, &body)
            }
            _ => continue,
        };
        match told {
            Ok(()) => taken += 1,
            Err(why) => refused.push(format!("{} {}: {}", exchange["id"], why.param, why.message)),
        }
    }
    assert!(
        refused.is_empty(),
        "{} of {}\n{}",
        refused.len(),
        taken + refused.len(),
        refused.join("\n")
    );
    assert!(taken > 300, "{taken}");
}
