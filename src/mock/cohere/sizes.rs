//! Embeddings and rankings. <https://docs.cohere.com/reference/embed>, <https://docs.cohere.com/reference/rerank>

use super::{check, shapes};
use crate::mock::ask::Refusal;
use crate::mock::embeddings::{DIMENSIONS, encode, vector};
use crate::mock::ranks;
use serde_json::{Value, json};

const ID: &str = "00000000-0000-4000-8000-000000000000";

/// The embeddings of texts, pictures or both.
pub fn embed(body: &Value) -> Result<Value, Refusal> {
    check::known(shapes::EMBED, body)?;
    let list = |name: &str| body[name].as_array().map(Vec::as_slice).unwrap_or_default();
    let given: Vec<&Value> = ["texts", "images", "inputs"]
        .into_iter()
        .flat_map(list)
        .collect();
    let kinds = ["texts", "images", "inputs"]
        .into_iter()
        .filter(|name| !list(name).is_empty());
    if kinds.count() != 1 {
        return Err(Refusal::new(
            "invalid request: exactly one of texts, images and inputs must be given",
            "texts",
        ));
    }
    let dimensions = body["output_dimension"].as_u64().unwrap_or(DIMENSIONS) as usize;
    let said = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    let vectors: Vec<Vec<f32>> = given
        .iter()
        .map(|value| vector(&said(value), dimensions))
        .collect();
    let mut embeddings = json!({});
    let asked = list("embedding_types");
    let float = [json!("float")];
    for kind in if asked.is_empty() { &float } else { asked } {
        let kind = kind.as_str().unwrap_or_default();
        embeddings[kind] = vectors.iter().map(|vector| typed(vector, kind)).collect();
    }
    let tokens: usize = given
        .iter()
        .map(|value| said(value).len().div_ceil(4))
        .sum();
    let billed = match list("images").is_empty() {
        true => json!({"input_tokens": tokens}),
        false => json!({"images": given.len()}),
    };
    Ok(
        json!({"id": ID, "embeddings": embeddings, "texts": list("texts"),
        "meta": {"api_version": {"version": "2"}, "billed_units": billed}, "response_type": "embeddings_by_type"}),
    )
}

/// A vector in one of the types that may be asked for.
fn typed(vector: &[f32], kind: &str) -> Value {
    let bits = |offset: i16| -> Value {
        let byte = |eight: &[f32]| {
            let byte = eight
                .iter()
                .fold(0_i16, |byte, value| byte << 1 | i16::from(*value > 0.0));
            byte - offset
        };
        vector.chunks(8).map(byte).collect()
    };
    let scaled = |offset: f32| -> Value {
        vector
            .iter()
            .map(|value| (value * 127.0 + offset).round() as i64)
            .collect()
    };
    match kind {
        "int8" => scaled(0.0),
        "uint8" => scaled(128.0),
        "ubinary" => bits(0),
        "binary" => bits(128),
        "base64" => encode(vector, true),
        _ => encode(vector, false),
    }
}

/// The documents by how well they fit.
pub fn rerank(body: &Value) -> Result<Value, Refusal> {
    check::known(shapes::RERANK, body)?;
    let results: Vec<Value> = ranks::of(body)
        .into_iter()
        .map(|(index, score)| json!({"index": index, "relevance_score": score}))
        .collect();
    Ok(
        json!({"id": ID, "results": results, "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}}),
    )
}
