//! Reading a request of OpenAI Chat Completions or Anthropic Messages.

use super::ask::{Ask, Refusal, Tool, Wire, media_type, text_of};
use serde_json::Value;

/// Reads a chat request; one that only counts tokens says less.
pub fn read(wire: Wire, body: &Value, counts: bool) -> Result<Ask, Refusal> {
    let Some(messages) = body["messages"]
        .as_array()
        .filter(|messages| !messages.is_empty())
    else {
        return Err(Refusal::new(
            "messages: a non-empty list is required",
            "messages",
        ));
    };
    let max_tokens = body["max_completion_tokens"]
        .as_u64()
        .or(body["max_tokens"].as_u64());
    if wire == Wire::Anthropic && max_tokens.is_none() && !counts {
        return Err(Refusal::new("max_tokens: field required", "max_tokens"));
    }
    // The clients' tool runners ask for a conversation that the server holds, and go on without one on this refusal.
    if wire == Wire::Anthropic && body["thread"].is_object() {
        let why = Refusal::new("thread: the mock holds no conversations", "thread");
        return Err(why.code("thread_unsupported_request"));
    }
    let mut ask = Ask {
        wire,
        model: body["model"].as_str().unwrap_or_default().to_owned(),
        stream: body["stream"].as_bool().unwrap_or(false),
        include_usage: body["stream_options"]["include_usage"]
            .as_bool()
            .unwrap_or(false),
        tools: tools(wire, &body["tools"]),
        forced: forced(&body["tool_choice"]),
        parallel: body["parallel_tool_calls"] != Value::Bool(false)
            && body["tool_choice"]["disable_parallel_tool_use"] != Value::Bool(true),
        schema: schema(wire, body),
        thinking: matches!(
            body["thinking"]["type"].as_str(),
            Some("enabled" | "adaptive")
        ),
        max_tokens,
        likely: (body["logprobs"] == Value::Bool(true))
            .then(|| body["top_logprobs"].as_u64().unwrap_or(0) as usize),
        choices: body["n"].as_u64().unwrap_or(1).clamp(1, 8) as usize,
        ..Ask::default()
    };
    if wire == Wire::Anthropic {
        ask.text_bytes += text_of(&body["system"]).len();
    }
    ask.weigh_tools();
    for message in messages {
        take(&mut ask, message)?;
    }
    Ok(ask)
}

/// Takes in one message.
fn take(ask: &mut Ask, message: &Value) -> Result<(), Refusal> {
    let content = &message["content"];
    let text = text_of(content);
    ask.text_bytes += text.len();
    let named = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let parts = content.as_array().map(Vec::as_slice).unwrap_or_default();
    match message["role"].as_str() {
        Some("tool") => ask.result(named(&message["tool_call_id"]), text),
        Some("user") => {
            let mut results = Vec::new();
            for part in parts {
                match part["type"].as_str() {
                    Some("image_url") => ask
                        .images
                        .push(media_type(part["image_url"]["url"].as_str())),
                    Some("image") => ask.images.push(
                        part["source"]["media_type"]
                            .as_str()
                            .unwrap_or("url")
                            .to_owned(),
                    ),
                    Some("tool_result") => {
                        let result = text_of(&part["content"]);
                        ask.text_bytes += result.len();
                        results.push((named(&part["tool_use_id"]), result));
                    }
                    _ => {}
                }
            }
            ask.user(text, results);
        }
        Some("assistant") => {
            let used = parts.iter().filter(|part| part["type"] == "tool_use");
            let called = message["tool_calls"].as_array().map_or(0, Vec::len);
            ask.said(used.count() + called);
        }
        Some("system" | "developer") => {}
        _ => {
            return Err(Refusal::new(
                "messages: a message has no known role",
                "messages",
            ));
        }
    }
    Ok(())
}

fn tools(wire: Wire, tools: &Value) -> Vec<Tool> {
    let read = |tool: &Value| {
        let custom = wire == Wire::Openai && tool["type"] == "custom";
        let (tool, schema) = match wire {
            Wire::Anthropic => (tool, "input_schema"),
            _ if custom => (&tool["custom"], ""),
            _ => (&tool["function"], "parameters"),
        };
        Some(Tool {
            name: tool["name"].as_str()?.to_owned(),
            schema: tool[schema].clone(),
            custom,
            namespace: None,
        })
    };
    tools
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(read)
        .collect()
}

fn forced(choice: &Value) -> Option<String> {
    match choice.as_str().or(choice["type"].as_str())? {
        "required" | "any" => Some(String::new()),
        "function" => choice["function"]["name"].as_str().map(str::to_owned),
        "custom" => choice["custom"]["name"].as_str().map(str::to_owned),
        "tool" => choice["name"].as_str().map(str::to_owned),
        _ => None,
    }
}

fn schema(wire: Wire, body: &Value) -> Option<Value> {
    let format = match wire {
        Wire::Anthropic if body["output_config"]["format"].is_object() => {
            &body["output_config"]["format"]
        }
        Wire::Anthropic => &body["output_format"],
        _ => &body["response_format"],
    };
    match format["type"].as_str()? {
        "json_schema" if wire == Wire::Anthropic => Some(format["schema"].clone()),
        "json_schema" => Some(format["json_schema"]["schema"].clone()),
        "json_object" => Some(Value::Bool(true)),
        _ => None,
    }
}
