//! Refusing what Cohere refuses: fields that its client does not know, and conversations that do not fit together.

use crate::mock::ask::Refusal;
use crate::mock::shape::{Manner, Shape, What, Wrong};
use serde_json::Value;

/// Whether a body is of a shape.
pub fn known(shape: Shape, body: &Value) -> Result<(), Refusal> {
    let told = |Wrong { path, what }: Wrong| {
        let message = match what {
            What::Unknown(name) => {
                format!("unknown field: parameter '{name}' is not a valid field")
            }
            What::Missing(name) => {
                let dot = if path.is_empty() { "" } else { "." };
                format!("invalid request: {path}{dot}{name} is required")
            }
            What::Type(name) => format!("invalid type: parameter {path} is not of type {name}"),
            What::Value(value, known) => {
                format!(
                    "invalid request: {path} '{value}' must be one of {}",
                    known.join(", ")
                )
            }
            What::Long(_, most) => format!("invalid request: {path} is longer than {most}"),
            What::Range(low, high) => {
                format!("invalid request: {path} must be between {low} and {high}")
            }
            What::Several(_) => format!("invalid request: {path} must have exactly one field"),
        };
        Refusal::new(message, path)
    };
    Manner::Json.check(shape, body, "").map_err(told)
}

fn refuse(message: impl Into<String>) -> Result<(), Refusal> {
    Err(Refusal::new(
        format!("invalid request: {}", message.into()),
        "messages",
    ))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Whether the turns of a chat belong together.
pub fn together(body: &Value) -> Result<(), Refusal> {
    let messages = list(&body["messages"]);
    let tools = list(&body["tools"]);
    if messages.is_empty() {
        return refuse("message must be at least 1 token long or tool results must be specified.");
    }
    if body["tool_choice"] == "REQUIRED" && tools.is_empty() {
        return refuse("tool_choice is only allowed with tools");
    }
    if !body["response_format"]["json_schema"].is_null()
        && body["response_format"]["type"] != "json_object"
    {
        return refuse("response_format.json_schema is only allowed with type json_object");
    }
    let mut open: Vec<&str> = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        if message["role"] == "tool" {
            let id = message["tool_call_id"].as_str().unwrap_or_default();
            let Some(place) = open.iter().position(|open| *open == id) else {
                return refuse(format!(
                    "no tool call found with id '{id}' at messages[{at}]"
                ));
            };
            open.remove(place);
            continue;
        }
        if let Some(id) = open.first() {
            return refuse(format!("tool call id not found in tool messages: '{id}'"));
        }
        let calls = list(&message["tool_calls"]);
        if message["content"].is_null() && calls.is_empty() {
            return refuse(format!(
                "message at index {at} must have content or tool_calls"
            ));
        }
        open.extend(calls.iter().filter_map(|call| call["id"].as_str()));
    }
    match open.first() {
        Some(id) => refuse(format!("tool call id not found in tool messages: '{id}'")),
        None => Ok(()),
    }
}
