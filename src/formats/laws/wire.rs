//! Reads wire bytes the way the official clients do, on purpose without the codecs' own readers.

#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

/// What a client gets out of a reply.
#[derive(Debug, Default, PartialEq)]
pub struct Outcome {
    pub text: String,
    pub reasoning: String,
    /// `[name, arguments]` each.
    pub tools: Vec<Value>,
    pub finish: Option<String>,
    /// All input, output, cached input.
    pub usage: [Option<u64>; 3],
}

/// Cuts a stream into (event, data).
pub fn events(stream: &str) -> Vec<(String, String)> {
    if let Ok(elements) = serde_json::from_str::<Vec<Value>>(stream) {
        let each = elements.iter().map(|one| (String::new(), one.to_string()));
        return each.collect();
    }
    let field = |frame: &str, name: &str| -> Vec<String> {
        frame
            .lines()
            .filter_map(|line| {
                Some(
                    line.strip_prefix(name)?
                        .strip_prefix(':')?
                        .trim_start_matches(' ')
                        .to_owned(),
                )
            })
            .collect()
    };
    let text = stream.replace("\r\n", "\n");
    let frames = text.split("\n\n").map(|frame| {
        (
            field(frame, "event").join(""),
            field(frame, "data").join("\n"),
        )
    });
    frames.filter(|(_, data)| !data.is_empty()).collect()
}

pub fn outcome(api: &str, stream: bool, text: &str) -> Outcome {
    match (api, stream) {
        ("openai-chat", false) => openai(&serde_json::from_str(text).unwrap()),
        ("openai-chat", true) => openai_stream(text),
        (_, false) => anthropic(&serde_json::from_str(text).unwrap()),
        (_, true) => anthropic_stream(text),
    }
}

fn finish(reason: &Value) -> Option<String> {
    let name = match reason.as_str()? {
        "stop" | "end_turn" | "stop_sequence" => "stop",
        "length" | "max_tokens" => "length",
        "tool_calls" | "tool_use" => "tool",
        "content_filter" | "refusal" => "filter",
        other => other,
    };
    Some(name.to_owned())
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| json!(text))
}

fn str_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn openai_usage(usage: &Value) -> [Option<u64>; 3] {
    [
        usage["prompt_tokens"].as_u64(),
        usage["completion_tokens"].as_u64(),
        usage["prompt_tokens_details"]["cached_tokens"]
            .as_u64()
            .or(Some(0)),
    ]
}

/// What a caller shows: the answer, or why there is none.
fn said(message: &Value) -> &str {
    match str_of(&message["content"]) {
        "" => str_of(&message["refusal"]),
        text => text,
    }
}

fn openai(body: &Value) -> Outcome {
    let message = &body["choices"][0]["message"];
    let calls = message["tool_calls"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    Outcome {
        text: said(message).to_owned(),
        reasoning: str_of(&message["reasoning_content"]).to_owned(),
        tools: calls
            .iter()
            .map(|call| {
                json!([
                    call["function"]["name"],
                    parsed(str_of(&call["function"]["arguments"]))
                ])
            })
            .collect(),
        finish: finish(&body["choices"][0]["finish_reason"]),
        usage: openai_usage(&body["usage"]),
    }
}

fn openai_stream(text: &str) -> Outcome {
    let (mut out, mut calls) = (Outcome::default(), Vec::<(String, String)>::new());
    let events = events(text);
    assert_eq!(events.last().unwrap().1, "[DONE]");
    for (_, data) in &events[..events.len() - 1] {
        let chunk: Value = serde_json::from_str(data).unwrap();
        if chunk["usage"].is_object() {
            assert_eq!(chunk["choices"], json!([]));
            out.usage = openai_usage(&chunk["usage"]);
        }
        let choice = &chunk["choices"][0];
        out.text += said(&choice["delta"]);
        out.reasoning += str_of(&choice["delta"]["reasoning_content"]);
        for call in choice["delta"]["tool_calls"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let index = usize::try_from(call["index"].as_u64().unwrap()).unwrap();
            if call["id"].is_string() {
                assert_eq!(index, calls.len(), "calls are numbered in order");
                calls.push((str_of(&call["function"]["name"]).to_owned(), String::new()));
            }
            calls[index].1 += str_of(&call["function"]["arguments"]);
        }
        out.finish = finish(&choice["finish_reason"]).or(out.finish);
    }
    out.tools = calls
        .iter()
        .map(|(name, arguments)| json!([name, parsed(arguments)]))
        .collect();
    out
}

fn anthropic_usage(usage: &Value) -> [Option<u64>; 3] {
    let count = |key: &str| usage[key].as_u64().unwrap_or(0);
    let cached = count("cache_read_input_tokens");
    [
        Some(count("input_tokens") + cached + count("cache_creation_input_tokens")),
        usage["output_tokens"].as_u64(),
        Some(cached),
    ]
}

fn anthropic(body: &Value) -> Outcome {
    let mut out = Outcome {
        finish: finish(&body["stop_reason"]),
        usage: anthropic_usage(&body["usage"]),
        ..Outcome::default()
    };
    for block in body["content"].as_array().unwrap() {
        match str_of(&block["type"]) {
            "text" => out.text += str_of(&block["text"]),
            "thinking" => out.reasoning += str_of(&block["thinking"]),
            "tool_use" => out.tools.push(json!([block["name"], block["input"]])),
            _ => {}
        }
    }
    out
}

/// Insists on the order of events that the API promises.
fn anthropic_stream(text: &str) -> Outcome {
    let mut message = Value::Null;
    let mut open: Option<(usize, String)> = None;
    for (event, data) in events(text) {
        let data: Value = serde_json::from_str(&data).unwrap();
        assert_eq!(event, data["type"].as_str().unwrap());
        let index = data["index"]
            .as_u64()
            .map(|index| usize::try_from(index).unwrap());
        match event.as_str() {
            "message_start" => message = data["message"].clone(),
            "content_block_start" => {
                assert!(open.is_none(), "a block began inside another");
                let content = message["content"].as_array_mut().unwrap();
                assert_eq!(index, Some(content.len()));
                content.push(data["content_block"].clone());
                open = Some((content.len() - 1, String::new()));
            }
            "content_block_delta" => {
                let (at, input) = open.as_mut().unwrap();
                assert_eq!(index, Some(*at));
                let block = &mut message["content"][*at];
                for (kind, key) in [
                    ("text_delta", "text"),
                    ("thinking_delta", "thinking"),
                    ("signature_delta", "signature"),
                ] {
                    if data["delta"]["type"] == kind {
                        block[key] =
                            json!(str_of(&block[key]).to_owned() + str_of(&data["delta"][key]));
                    }
                }
                *input += str_of(&data["delta"]["partial_json"]);
            }
            "content_block_stop" => {
                let (at, input) = open.take().unwrap();
                assert_eq!(index, Some(at));
                if !input.is_empty() {
                    message["content"][at]["input"] = parsed(&input);
                }
            }
            "message_delta" => {
                message["stop_reason"] = data["delta"]["stop_reason"].clone();
                message["usage"] = data["usage"].clone();
            }
            "message_stop" => assert!(open.is_none()),
            other => panic!("unexpected event {other}"),
        }
    }
    anthropic(&message)
}

/// What a client sends when it has run the call of an answer: the conversation with the answer as it came, and the result.
pub fn follow_up(api: &str, shown: &Value) -> Value {
    let text = |text: &str| json!({"role": "user", "content": text});
    match api {
        "openai-chat" => {
            let result = json!({"role": "tool", "tool_call_id": "call_a", "content": "1"});
            json!({"model": "m", "messages": [text("hi"), shown["choices"][0]["message"], result]})
        }
        "openai-responses" => {
            let result =
                json!({"type": "function_call_output", "call_id": "call_a", "output": "1"});
            let mut input = vec![text("hi")];
            input.extend(shown["output"].as_array().unwrap().iter().cloned());
            input.push(result);
            json!({"model": "m", "store": false, "input": input})
        }
        "anthropic-messages" => {
            let result = json!({"type": "tool_result", "tool_use_id": "call_a", "content": "1"});
            json!({"model": "m", "max_tokens": 100, "messages": [text("hi"),
                {"role": "assistant", "content": shown["content"]}, {"role": "user", "content": [result]}]})
        }
        "gemini" => {
            let mut result = json!({"name": "f", "response": {"output": "1"}});
            let content = &shown["candidates"][0]["content"];
            let parts = content["parts"].as_array().unwrap().iter();
            for id in parts.filter_map(|part| part["functionCall"].get("id")) {
                result["id"] = id.clone();
            }
            json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}, content,
                {"role": "user", "parts": [{"functionResponse": result}]}]})
        }
        "cohere-chat" => {
            let result = json!({"role": "tool", "tool_call_id": "call_a", "content": "1"});
            json!({"model": "m", "messages": [text("hi"), shown["message"], result]})
        }
        "bedrock-converse" => {
            let result = json!({"toolUseId": "call_a", "content": [{"text": "1"}]});
            json!({"messages": [{"role": "user", "content": [{"text": "hi"}]}, shown["output"]["message"],
                {"role": "user", "content": [{"toolResult": result}]}]})
        }
        other => panic!("how do clients of `{other}` go on?"),
    }
}
