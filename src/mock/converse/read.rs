//! Reading a request.

use super::check;
use crate::mock::ask::{Ask, Refusal, Tool, Wire};
use crate::mock::messages;
use base64::Engine as _;
use serde_json::Value;

/// Reads a request for an answer.
pub fn read(body: &Value) -> Result<Ask, Refusal> {
    check::request(body)?;
    Ok(taken(body))
}

/// Reads a request to count tokens: a conversation, or the body of one in a model's own format.
pub fn count(body: &Value) -> Result<Ask, Refusal> {
    check::count(body)?;
    let input = &body["input"];
    let Some(text) = input["invokeModel"]["body"].as_str() else {
        return Ok(taken(&input["converse"]));
    };
    let wrong = |_| Refusal::new("input.invokeModel.body is not a request", "input");
    let bytes = base64::engine::general_purpose::STANDARD.decode(text);
    let inner: Value =
        serde_json::from_slice(&bytes.map_err(|_| wrong(()))?).map_err(|_| wrong(()))?;
    let mut ask = messages::read(Wire::Anthropic, &inner, true)?;
    ask.wire = Wire::Converse;
    Ok(ask)
}

fn taken(body: &Value) -> Ask {
    let choice = &body["toolConfig"]["toolChoice"];
    let forced = match (&choice["any"], choice["tool"]["name"].as_str()) {
        (_, Some(name)) => Some(name.to_owned()),
        (Value::Null, None) => None,
        (_, None) => Some(String::new()),
    };
    let schema = &body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"];
    let thinking = &body["additionalModelRequestFields"]["thinking"]["type"];
    let mut ask = Ask {
        wire: Wire::Converse,
        tools: list(&body["toolConfig"]["tools"])
            .iter()
            .filter_map(tool)
            .collect(),
        forced,
        parallel: true,
        schema: schema
            .as_str()
            .and_then(|text| serde_json::from_str(text).ok()),
        thinking: matches!(thinking.as_str(), Some("enabled" | "adaptive")),
        max_tokens: body["inferenceConfig"]["maxTokens"].as_u64(),
        choices: 1,
        ..Ask::default()
    };
    ask.text_bytes += text(list(&body["system"])).len();
    ask.weigh_tools();
    for message in list(&body["messages"]) {
        take(&mut ask, message);
    }
    ask
}

/// Takes in one message.
fn take(ask: &mut Ask, message: &Value) {
    let blocks = list(&message["content"]);
    let said = text(blocks);
    ask.text_bytes += said.len();
    match message["role"].as_str() {
        Some("assistant") => {
            let used = |block: &&Value| {
                block["toolUse"].is_object() && block["toolUse"]["type"] != "server_tool_use"
            };
            ask.said(blocks.iter().filter(used).count());
        }
        Some("user") => {
            let mut results = Vec::new();
            for block in blocks {
                for (kind, media) in [
                    ("image", "image"),
                    ("document", "document"),
                    ("video", "video"),
                    ("audio", "audio"),
                ] {
                    if let Some(format) = block[kind]["format"].as_str() {
                        ask.images.push(format!("{media}/{format}"));
                    }
                }
                let result = &block["toolResult"];
                if let Some(id) = result["toolUseId"].as_str() {
                    let told = text(list(&result["content"]));
                    ask.text_bytes += told.len();
                    results.push((id.to_owned(), told));
                }
            }
            ask.user(said, results);
        }
        _ => {}
    }
}

/// The texts of blocks, a tool's JSON as it stands.
fn text(blocks: &[Value]) -> String {
    let texts = blocks.iter().filter_map(|block| match &block["json"] {
        Value::Null => block["text"]
            .as_str()
            .or(block["guardContent"]["text"]["text"].as_str())
            .map(str::to_owned),
        json => Some(json.to_string()),
    });
    texts.collect::<Vec<_>>().join("\n")
}

fn tool(tool: &Value) -> Option<Tool> {
    let spec = &tool["toolSpec"];
    Some(Tool {
        name: spec["name"].as_str()?.to_owned(),
        schema: spec["inputSchema"]["json"].clone(),
        custom: false,
        namespace: None,
    })
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}
