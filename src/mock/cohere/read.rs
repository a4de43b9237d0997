//! Reading a chat.

use super::{check, shapes};
use crate::mock::ask::{Ask, Refusal, Tool, Wire, media_type};
use serde_json::Value;

/// Reads a request for an answer.
pub fn read(body: &Value) -> Result<Ask, Refusal> {
    check::known(shapes::CHAT, body)?;
    check::together(body)?;
    let format = &body["response_format"];
    let mut ask = Ask {
        wire: Wire::Cohere,
        model: body["model"].as_str().unwrap_or_default().to_owned(),
        stream: body["stream"] == Value::Bool(true),
        forced: (body["tool_choice"] == "REQUIRED").then(String::new),
        parallel: true,
        schema: (format["type"] == "json_object").then(|| match &format["json_schema"] {
            Value::Null => Value::Bool(true),
            schema => schema.clone(),
        }),
        thinking: body["thinking"]["type"] == "enabled",
        max_tokens: body["max_tokens"].as_u64(),
        choices: 1,
        ..Ask::default()
    };
    if body["tool_choice"] != "NONE" {
        ask.tools = list(&body["tools"]).iter().filter_map(tool).collect();
    }
    ask.weigh_tools();
    for document in list(&body["documents"]) {
        ask.text_bytes += told(document).len();
    }
    for message in list(&body["messages"]) {
        take(&mut ask, message);
    }
    Ok(ask)
}

/// Takes in one message.
fn take(ask: &mut Ask, message: &Value) {
    let parts = list(&message["content"]);
    let said = match &message["content"] {
        Value::String(text) => text.clone(),
        _ => {
            let texts = parts.iter().filter_map(|part| match &part["document"] {
                Value::Null => part["text"].as_str().map(str::to_owned),
                document => Some(told(document)),
            });
            texts.collect::<Vec<_>>().join("\n")
        }
    };
    ask.text_bytes += said.len();
    match message["role"].as_str() {
        Some("tool") => {
            let id = message["tool_call_id"].as_str().unwrap_or_default();
            ask.result(id.to_owned(), said);
        }
        Some("assistant") => ask.said(list(&message["tool_calls"]).len()),
        Some("user") => {
            let images = parts.iter().filter(|part| part["type"] == "image_url");
            ask.images
                .extend(images.map(|part| media_type(part["image_url"]["url"].as_str())));
            ask.user(said, Vec::new());
        }
        _ => {}
    }
}

/// What a document says: a text, or fields as JSON.
fn told(document: &Value) -> String {
    let data = match document.as_str() {
        Some(_) => document,
        None => &document["data"],
    };
    data.as_str()
        .map_or_else(|| data.to_string(), str::to_owned)
}

fn tool(tool: &Value) -> Option<Tool> {
    let function = &tool["function"];
    Some(Tool {
        name: function["name"].as_str()?.to_owned(),
        schema: function["parameters"].clone(),
        custom: false,
        namespace: None,
    })
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}
