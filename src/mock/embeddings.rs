//! Embeddings: unit vectors that depend on the text alone. <https://platform.openai.com/docs/api-reference/embeddings>

use super::ask::Refusal;
use base64::Engine as _;
use serde_json::{Value, json};

/// Dimensions where none are asked for.
pub const DIMENSIONS: u64 = 64;

/// The answer to an embeddings request.
pub fn answer(body: &Value) -> Result<Value, Refusal> {
    let inputs: Vec<String> = match &body["input"] {
        Value::String(text) => vec![text.clone()],
        // A list of texts or of token lists; a list of numbers is one input.
        Value::Array(list) if list.iter().all(Value::is_number) && !list.is_empty() => {
            vec![body["input"].to_string()]
        }
        Value::Array(list) if !list.is_empty() => list
            .iter()
            .map(|item| {
                item.as_str()
                    .map_or_else(|| item.to_string(), str::to_owned)
            })
            .collect(),
        _ => {
            return Err(Refusal::new(
                "input: a text or a list of texts is required",
                "input",
            ));
        }
    };
    let dimensions = body["dimensions"]
        .as_u64()
        .unwrap_or(DIMENSIONS)
        .clamp(1, 4096) as usize;
    let base64 = body["encoding_format"] == "base64";
    let data: Vec<Value> = inputs
        .iter()
        .enumerate()
        .map(|(index, text)| json!({"object": "embedding", "index": index, "embedding": encode(&vector(text, dimensions), base64)}))
        .collect();
    let tokens: usize = inputs.iter().map(|text| text.len().div_ceil(4)).sum();
    Ok(
        json!({"object": "list", "data": data, "model": body["model"], "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}),
    )
}

pub fn encode(vector: &[f32], base64: bool) -> Value {
    if base64 {
        let bytes: Vec<u8> = vector
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        return json!(base64::engine::general_purpose::STANDARD.encode(bytes));
    }
    json!(vector)
}

/// A unit vector from a small generator seeded with the text's FNV hash.
pub fn vector(text: &str, dimensions: usize) -> Vec<f32> {
    let mut state = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    let vector: Vec<f32> = (0..dimensions).map(|_| next()).collect();
    let length = vector
        .iter()
        .map(|value| value * value)
        .sum::<f32>()
        .sqrt()
        .max(f32::MIN_POSITIVE);
    vector.into_iter().map(|value| value / length).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_depend_on_the_text_and_have_length_one() {
        assert_eq!(vector("a", 8), vector("a", 8));
        assert_ne!(vector("a", 8), vector("b", 8));
        let length: f32 = vector("hello", 64).iter().map(|value| value * value).sum();
        assert!((length - 1.0).abs() < 1e-5);
    }
}
