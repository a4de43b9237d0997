//! The list of models, in the shape that the request's format has.

use super::Shared;
use super::ask::Wire;
use super::http::Request;
use super::reply::{Reply, refuse, whole};
use serde_json::{Value, json};

/// The list, or one model of it.
pub fn answer(shared: &Shared, request: &Request) -> Reply {
    let wire = wire(request);
    let known = &shared.settings.models;
    if let Some((_, id)) = request.path().split_once("/models/") {
        return match known.iter().find(|model| *model == id) {
            Some(model) => whole(200, &row(wire, model), Vec::new()),
            None => refuse(
                wire,
                404,
                "the mock has no such model",
                Some("model"),
                Vec::new(),
            ),
        };
    }
    let rows: Vec<Value> = known.iter().map(|model| row(wire, model)).collect();
    let list = match wire {
        Wire::Anthropic => {
            json!({"data": rows, "has_more": false, "first_id": known.first(), "last_id": known.last()})
        }
        Wire::Gemini => json!({"models": rows}),
        Wire::Openai | Wire::Responses | Wire::Converse | Wire::Cohere => {
            json!({"object": "list", "data": rows})
        }
    };
    whole(200, &list, Vec::new())
}

/// `/v1/models` is the path of three APIs: their headers tell them apart.
fn wire(request: &Request) -> Wire {
    if request.header("anthropic-version").is_some() {
        return Wire::Anthropic;
    }
    let google = request.path().contains("/v1beta/")
        || request.query("key").is_some()
        || request
            .headers
            .iter()
            .any(|(name, _)| name.starts_with("x-goog-"));
    if google { Wire::Gemini } else { Wire::Openai }
}

fn row(wire: Wire, id: &str) -> Value {
    match wire {
        Wire::Anthropic => {
            json!({"type": "model", "id": id, "display_name": format!("gw mock: {id}"), "created_at": "2026-01-01T00:00:00Z"})
        }
        Wire::Gemini => {
            json!({"name": format!("models/{id}"), "version": "001", "displayName": format!("gw mock: {id}"), "description": "a simulator",
            "inputTokenLimit": 1_048_576, "outputTokenLimit": 65_536, "supportedGenerationMethods": ["generateContent", "countTokens"],
            "temperature": 1, "topP": 0.95, "topK": 64, "maxTemperature": 2, "thinking": true})
        }
        Wire::Openai | Wire::Responses | Wire::Converse | Wire::Cohere => {
            json!({"id": id, "object": "model", "created": 1_760_000_000, "owned_by": "gw-mock"})
        }
    }
}
