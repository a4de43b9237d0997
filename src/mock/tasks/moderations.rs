//! Whether a text may be said. <https://platform.openai.com/docs/api-reference/moderations>

use crate::mock::ask::{Refusal, text_of};
use serde_json::{Value, json};

const CATEGORIES: [&str; 13] = [
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
];

/// The answer: a text is flagged for each category that it names.
pub fn answer(body: &Value) -> Result<Value, Refusal> {
    let inputs: Vec<String> = match &body["input"] {
        Value::String(text) => vec![text.clone()],
        parts @ Value::Array(list) if list.iter().any(Value::is_object) => vec![text_of(parts)],
        Value::Array(list) if !list.is_empty() => list
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        _ => {
            return Err(Refusal::new(
                "Missing required parameter: 'input'.",
                "input",
            ));
        }
    };
    let result = |text: &String| {
        let (mut flags, mut scores, mut applied) = (json!({}), json!({}), json!({}));
        let mut flagged = false;
        for category in CATEGORIES {
            let named = text.contains(category);
            flagged |= named;
            flags[category] = json!(named);
            scores[category] = json!(if named { 0.9 } else { 0.001 });
            applied[category] = json!(["text"]);
        }
        json!({"flagged": flagged, "categories": flags, "category_scores": scores, "category_applied_input_types": applied})
    };
    let results: Vec<Value> = inputs.iter().map(result).collect();
    let model = body["model"].as_str().unwrap_or("omni-moderation-latest");
    Ok(json!({"id": "modr-mock", "model": model, "results": results}))
}
