//! Reading a request. Its JSON is that of protocol buffers: names in camel or in snake case, `null` for nothing.

use super::check;
use super::fields::{field, list};
use crate::mock::ask::{Ask, Refusal, Tool, Wire};
use serde_json::Value;

/// Reads a request for an answer of `model`.
pub fn read(model: &str, stream: bool, body: &Value) -> Result<Ask, Refusal> {
    check::request(model, body)?;
    taken(model, stream, body)
}

/// Reads a request to count tokens: bare contents, or a whole request.
pub fn count(model: &str, body: &Value) -> Result<Ask, Refusal> {
    check::count(model, body)?;
    let inner = field(body, "generateContentRequest");
    taken(model, false, if inner.is_null() { body } else { inner })
}

fn taken(model: &str, stream: bool, body: &Value) -> Result<Ask, Refusal> {
    let config = field(body, "generationConfig");
    let calling = field(field(body, "toolConfig"), "functionCallingConfig");
    let mode = calling["mode"].as_str().unwrap_or("AUTO");
    let mut ask = Ask {
        wire: Wire::Gemini,
        model: model.to_owned(),
        stream,
        forced: (mode == "ANY").then(|| {
            let allowed = &field(calling, "allowedFunctionNames")[0];
            allowed.as_str().unwrap_or_default().to_owned()
        }),
        parallel: true,
        schema: schema(config),
        thinking: field(field(config, "thinkingConfig"), "includeThoughts") == &Value::Bool(true),
        max_tokens: field(config, "maxOutputTokens").as_u64(),
        choices: field(config, "candidateCount")
            .as_u64()
            .unwrap_or(1)
            .clamp(1, 8) as usize,
        likely: (field(config, "responseLogprobs") == &Value::Bool(true))
            .then(|| field(config, "logprobs").as_u64().unwrap_or(0) as usize),
        ..Ask::default()
    };
    if mode != "NONE" {
        tools(&mut ask, body);
    }
    ask.weigh_tools();
    contents(&mut ask, body)?;
    Ok(ask)
}

fn contents(ask: &mut Ask, body: &Value) -> Result<(), Refusal> {
    let contents = list(&body["contents"]);
    if contents.is_empty() {
        return Err(Refusal::new(
            "* GenerateContentRequest.contents: contents is not specified\n",
            "contents",
        ));
    }
    ask.text_bytes += text(list(&field(body, "systemInstruction")["parts"])).len();
    for content in contents {
        let parts = list(&content["parts"]);
        let text = text(parts);
        ask.text_bytes += text.len();
        if content["role"] == "model" {
            let calls = parts
                .iter()
                .filter(|part| field(part, "functionCall").is_object());
            ask.said(calls.count());
            continue;
        }
        let mut results = Vec::new();
        for part in parts {
            let (data, file) = (field(part, "inlineData"), field(part, "fileData"));
            let response = field(part, "functionResponse");
            if let Some(kind) = field(data, "mimeType").as_str() {
                ask.images.push(kind.to_owned());
            } else if file.is_object() {
                ask.images.push("url".into());
            } else if response.is_object() {
                let result = told(&response["response"]);
                ask.text_bytes += result.len();
                let id = response["id"].as_str().or(response["name"].as_str());
                results.push((id.unwrap_or_default().to_owned(), result));
            }
        }
        ask.user(text, results);
    }
    Ok(())
}

/// The text that is seen of some parts.
fn text(parts: &[Value]) -> String {
    let texts: Vec<&str> = parts
        .iter()
        .filter(|part| part["thought"] != Value::Bool(true))
        .filter_map(|part| part["text"].as_str())
        .collect();
    texts.join("\n")
}

/// What a tool's response says: the text alone where there is nothing else.
fn told(response: &Value) -> String {
    let fields = response.as_object().filter(|fields| fields.len() == 1);
    let only = fields.and_then(|fields| fields.values().next());
    match only.and_then(Value::as_str) {
        Some(text) => text.to_owned(),
        None => response.to_string(),
    }
}

fn tools(ask: &mut Ask, body: &Value) {
    let declared = list(&body["tools"])
        .iter()
        .flat_map(|tool| list(field(tool, "functionDeclarations")));
    for tool in declared {
        let Some(name) = tool["name"].as_str() else {
            continue;
        };
        let schema = match field(tool, "parametersJsonSchema") {
            Value::Null => &tool["parameters"],
            schema => schema,
        };
        ask.tools.push(Tool {
            name: name.to_owned(),
            schema: schema.clone(),
            custom: false,
            namespace: None,
        });
    }
}

fn schema(config: &Value) -> Option<Value> {
    let schemas = [
        "responseSchema",
        "responseJsonSchema",
        "_responseJsonSchema",
    ];
    let schema = schemas
        .iter()
        .map(|name| field(config, name))
        .find(|schema| !schema.is_null());
    match schema {
        Some(schema) => Some(schema.clone()),
        None => {
            (field(config, "responseMimeType") == "application/json").then_some(Value::Bool(true))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn both_spellings_are_read() {
        let body = json!({"contents": {"parts": {"text": "call time"}}, "tools": [{"function_declarations": [{"name": "time"}]}],
            "generation_config": {"max_output_tokens": 7, "thinking_config": {"include_thoughts": true}}});
        let ask = read("m", true, &body).ok();
        let told = ask.map(|ask| (ask.prompt, ask.max_tokens, ask.thinking, ask.tools.len()));
        assert_eq!(told, Some(("call time".into(), Some(7), true, 1)));
    }
}
