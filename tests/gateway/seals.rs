//! What Google seals of a call goes back on the same call, whatever its caller speaks: without it its models refuse the
//! next turn.

use crate::harness::http::Answer;
use crate::kit::{Act, Bench, plan, scripted};
use serde_json::{Value, json};

const JSON: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";
const EVENTS: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
/// The seal of the first call; the second has none, as Google has it of calls side by side.
const SEAL: &str = "c2VhbC1vZi1hLWNhbGw=";

fn answer() -> Value {
    json!({"candidates": [{"content": {"role": "model", "parts": [
        {"text": "Look", "thought": true},
        {"text": "Well"},
        {"functionCall": {"id": "call_a", "name": "f", "args": {"x": 1}}, "thoughtSignature": SEAL},
        {"functionCall": {"id": "call_b", "name": "f", "args": {"x": 2}}}]},
        "finishReason": "STOP", "index": 0}],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5}, "responseId": "r"})
}

/// Google answers once below `/s`, and what follows is seen below `/g`.
fn bench(stream: bool) -> Bench {
    let said = match stream {
        true => format!("data: {}\r\n\r\n", answer()),
        false => answer().to_string(),
    };
    let head = if stream { EVENTS } else { JSON };
    let said = Act::Say(Box::leak(said.into_boxed_str()));
    let (url, _) = scripted(vec![vec![Act::Say(head), said]]);
    let plan = plan();
    let mock = plan.mock.url().to_owned();
    let google = |url: &str| json!({"vendor": "gemini-compatible", "base_url": url});
    plan.provider("s", google(url.trim_end_matches("/v1")))
        .provider("g", google(&mock))
        .at("s", &["s/m"])
        .at("g", &["g/mock"])
        .start()
}

fn events(answer: &Answer) -> Vec<Value> {
    let events = answer.events().into_iter();
    events
        .filter(|data| *data != "[DONE]")
        .map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

/// The message as Chat's clients put it together.
fn chat_message(answer: &Answer) -> Value {
    let mut message = json!({"role": "assistant", "content": "", "tool_calls": []});
    for chunk in events(answer) {
        let delta = &chunk["choices"][0]["delta"];
        if let Some(text) = delta["content"].as_str() {
            let so_far = message["content"].as_str().unwrap().to_owned();
            message["content"] = json!(so_far + text);
        }
        for call in delta["tool_calls"].as_array().into_iter().flatten() {
            let calls = message["tool_calls"].as_array_mut().unwrap();
            if call["id"].is_string() {
                calls.push(call.clone());
                continue;
            }
            let known = &mut calls[usize::try_from(call["index"].as_u64().unwrap()).unwrap()];
            let so_far = known["function"]["arguments"].as_str().unwrap().to_owned();
            let more = call["function"]["arguments"].as_str().unwrap_or_default();
            known["function"]["arguments"] = json!(so_far + more);
        }
    }
    message
}

/// The blocks as Anthropic's clients put them together.
fn claude_blocks(answer: &Answer) -> Value {
    let mut blocks: Vec<Value> = Vec::new();
    let mut input = String::new();
    for event in events(answer) {
        match event["type"].as_str().unwrap() {
            "content_block_start" => blocks.push(event["content_block"].clone()),
            "content_block_delta" => {
                let delta = &event["delta"];
                input += delta["partial_json"].as_str().unwrap_or_default();
                for key in ["text", "thinking", "signature"] {
                    if let Some(more) = delta[key].as_str() {
                        let block = blocks.last_mut().unwrap();
                        let so_far = block[key].as_str().unwrap_or_default().to_owned();
                        block[key] = json!(so_far + more);
                    }
                }
            }
            "content_block_stop" if !input.is_empty() => {
                blocks.last_mut().unwrap()["input"] =
                    serde_json::from_str(&std::mem::take(&mut input)).unwrap();
            }
            _ => {}
        }
    }
    json!(blocks)
}

/// What is sent upstream of the conversation that goes on.
fn goes_on(bench: &Bench, path: &str, body: &Value) -> Value {
    bench.post(&format!("/g{path}"), body);
    let sent = bench.mock.requests().into_iter().next_back();
    serde_json::from_str(&sent.unwrap_or_else(|| panic!("{body}")).body).unwrap()
}

/// Every call, with its seal, as Google is sent them.
fn calls(sent: &Value) -> Vec<(Value, Value)> {
    let contents = sent["contents"].as_array().unwrap().iter();
    let parts = contents.flat_map(|content| content["parts"].as_array().unwrap());
    parts
        .filter(|part| part["functionCall"].is_object())
        .map(|part| {
            (
                part["functionCall"]["args"].clone(),
                part["thoughtSignature"].clone(),
            )
        })
        .collect()
}

#[track_caller]
fn held_to_their_calls(sent: &Value) {
    let want = [
        (json!({"x": 1}), json!(SEAL)),
        (json!({"x": 2}), Value::Null),
    ];
    assert_eq!(calls(sent), want, "{sent:#}");
}

#[test]
fn a_call_sealed_by_google_keeps_its_seal_over_responses_callers() {
    let tools = json!([{"type": "function", "name": "f", "parameters": {"type": "object"}}]);
    for stream in [false, true] {
        let bench = bench(stream);
        let first = json!({"model": "any", "stream": stream, "input": "hi", "tools": tools});
        let shown = bench.post("/s/v1/responses", &first);
        let response = match stream {
            true => events(&shown).pop().unwrap()["response"].clone(),
            false => shown.json(),
        };
        let mut items = vec![json!({"role": "user", "content": "hi"})];
        items.extend(response["output"].as_array().unwrap().iter().cloned());
        for id in ["call_a", "call_b"] {
            items.push(json!({"type": "function_call_output", "call_id": id, "output": "1"}));
        }
        let next = json!({"model": "any", "input": items, "tools": tools});
        held_to_their_calls(&goes_on(&bench, "/v1/responses", &next));
    }
}

#[test]
fn a_call_sealed_by_google_keeps_its_seal_over_anthropics_callers() {
    let tools = json!([{"name": "f", "input_schema": {"type": "object"}}]);
    let user = json!({"role": "user", "content": "hi"});
    for stream in [false, true] {
        let bench = bench(stream);
        let first = json!({"model": "any", "max_tokens": 100, "stream": stream, "messages": [user], "tools": tools});
        let shown = bench.post("/s/v1/messages", &first);
        let blocks = match stream {
            true => claude_blocks(&shown),
            false => shown.json()["content"].clone(),
        };
        let results = ["call_a", "call_b"]
            .map(|id| json!({"type": "tool_result", "tool_use_id": id, "content": "1"}));
        let next = json!({"model": "any", "max_tokens": 100, "tools": tools, "messages": [user,
            {"role": "assistant", "content": blocks}, {"role": "user", "content": results}]});
        held_to_their_calls(&goes_on(&bench, "/v1/messages", &next));
    }
}

#[test]
fn a_call_sealed_by_google_keeps_its_seal_over_chats_callers() {
    let tools =
        json!([{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]);
    let user = json!({"role": "user", "content": "hi"});
    for stream in [false, true] {
        let bench = bench(stream);
        let first = json!({"model": "any", "stream": stream, "messages": [user], "tools": tools});
        let shown = bench.post("/s/v1/chat/completions", &first);
        let message = match stream {
            true => chat_message(&shown),
            false => shown.json()["choices"][0]["message"].clone(),
        };
        let mut messages = vec![user.clone(), message];
        for id in ["call_a", "call_b"] {
            messages.push(json!({"role": "tool", "tool_call_id": id, "content": "1"}));
        }
        let next = json!({"model": "any", "messages": messages, "tools": tools});
        held_to_their_calls(&goes_on(&bench, "/v1/chat/completions", &next));
    }
}
