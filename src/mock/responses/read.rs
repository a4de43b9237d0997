//! Reading a request: its items, one after the other, with those that it continues before them.

use super::check;
use crate::mock::ask::{Ask, Refusal, Tool, Wire, media_type, text_of};
use serde_json::Value;

/// Reads a request whose items are `items`: those of earlier responses and then its own.
pub fn read(body: &Value, items: &[Value]) -> Result<Ask, Refusal> {
    check::request(body, items)?;
    let mut ask = Ask {
        wire: Wire::Responses,
        model: body["model"].as_str().unwrap_or_default().to_owned(),
        stream: body["stream"].as_bool().unwrap_or(false),
        forced: forced(&body["tool_choice"]),
        parallel: body["parallel_tool_calls"] != Value::Bool(false),
        schema: schema(&body["text"]["format"]),
        thinking: body["reasoning"]["summary"].is_string(),
        max_tokens: body["max_output_tokens"].as_u64(),
        choices: 1,
        likely: body["include"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|name| name == "message.output_text.logprobs")
            .then(|| body["top_logprobs"].as_u64().unwrap_or(0) as usize),
        echo: body.clone(),
        ..Ask::default()
    };
    tools(&mut ask, &body["tools"], None);
    ask.text_bytes += text_of(&body["instructions"]).len();
    for item in items {
        take(&mut ask, item);
    }
    if body["tool_choice"] == "none" {
        ask.tools.clear();
    }
    ask.weigh_tools();
    Ok(ask)
}

/// Takes in one item.
fn take(ask: &mut Ask, item: &Value) {
    let kind = item["type"].as_str().unwrap_or("message");
    match kind {
        "message" => message(ask, item),
        "reasoning" => ask.said(0),
        "additional_tools" => tools(ask, &item["tools"], None),
        _ if kind.ends_with("_output") => {
            // What a search for tools found is on offer from then on.
            tools(ask, &item["tools"], None);
            let output = &item["output"];
            let parts = output.as_array().map(Vec::as_slice).unwrap_or_default();
            images(ask, parts);
            let text = match output {
                Value::String(_) | Value::Array(_) => text_of(output),
                Value::Null => String::new(),
                other => other.to_string(),
            };
            ask.text_bytes += text.len();
            let id = item["call_id"].as_str().or(item["id"].as_str());
            ask.result(id.unwrap_or_default().to_owned(), text);
        }
        // Calls of hosted tools have no answer of the caller's.
        _ if item["call_id"].is_string() => ask.said(1),
        _ if kind.ends_with("_call") => ask.said(0),
        _ => {}
    }
}

fn message(ask: &mut Ask, item: &Value) {
    let text = text_of(&item["content"]);
    ask.text_bytes += text.len();
    match item["role"].as_str() {
        Some("user") => {
            let parts = item["content"].as_array();
            images(ask, parts.map(Vec::as_slice).unwrap_or_default());
            ask.user(text, Vec::new());
        }
        Some("assistant") => ask.said(0),
        _ => {}
    }
}

fn images(ask: &mut Ask, parts: &[Value]) {
    for part in parts.iter().filter(|part| part["type"] == "input_image") {
        ask.images.push(media_type(part["image_url"].as_str()));
    }
}

fn tools(ask: &mut Ask, tools: &Value, namespace: Option<&str>) {
    for tool in tools.as_array().into_iter().flatten() {
        let name = tool["name"].as_str();
        match (tool["type"].as_str(), name) {
            (Some("namespace"), Some(name)) => self::tools(ask, &tool["tools"], Some(name)),
            (Some(kind @ ("function" | "custom")), Some(name)) => ask.tools.push(Tool {
                name: name.to_owned(),
                schema: tool["parameters"].clone(),
                custom: kind == "custom",
                namespace: namespace.map(str::to_owned),
            }),
            // Tools that run at the provider are not called here.
            _ => {}
        }
    }
}

fn forced(choice: &Value) -> Option<String> {
    match choice.as_str().or(choice["type"].as_str())? {
        "required" => Some(String::new()),
        "function" | "custom" => choice["name"].as_str().map(str::to_owned),
        "allowed_tools" if choice["mode"] == "required" => Some(
            choice["tools"][0]["name"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        ),
        _ => None,
    }
}

fn schema(format: &Value) -> Option<Value> {
    match format["type"].as_str()? {
        "json_schema" => Some(format["schema"].clone()),
        "json_object" => Some(Value::Bool(true)),
        _ => None,
    }
}
