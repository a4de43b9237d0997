//! Callers and upstreams that speak OpenAI Responses, with each other and with other formats.

use crate::kit::{Act, Bench, chat, plan, scripted};
use serde_json::{Value, json};

const EVENTS: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
const JSON: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";

/// A gateway over an upstream of chat completions that says this once and closes.
fn over_chat(said: &'static str) -> Bench {
    let (url, _) = scripted(vec![vec![Act::Say(EVENTS), Act::Say(said)]]);
    plan()
        .provider("s", json!({"vendor": "openai-compatible", "base_url": url}))
        .at("s", &["s/m"])
        .start()
}

/// What an agent sends that patches files with free text and has tools in groups.
fn agents(stream: bool) -> Value {
    json!({"model": "any", "stream": stream, "store": false, "include": ["reasoning.encrypted_content"], "tools": [
        {"type": "custom", "name": "apply_patch", "format": {"type": "grammar", "syntax": "lark", "definition": "start: X"}},
        {"type": "namespace", "name": "agents", "tools": [{"type": "function", "name": "spawn", "parameters": {"type": "object", "properties": {}}}]},
        {"type": "tool_search", "execution": "client", "description": "d", "parameters": {"type": "object", "properties": {}}}],
        "input": [{"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "dev"}]},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}]})
}

#[test]
fn custom_and_namespace_calls_come_back_as_what_the_caller_declared() {
    let bench = over_chat(concat!(
        "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"apply_patch\",\"arguments\":\"{\\\"input\\\":\\\"*** Be\"}}]}}]}\n\n",
        "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"gin\\\\nx\\\"}\"}}]}}]}\n\n",
        "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":1,\"id\":\"b\",\"type\":\"function\",\"function\":{\"name\":\"agents__spawn\",\"arguments\":\"{}\"}}]}}]}\n\n",
        "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":2,\"id\":\"d\",\"type\":\"function\",\"function\":{\"name\":\"tool_search\",\"arguments\":\"{\\\"q\\\":1}\"}}]}}]}\n\n",
        "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":7,\"total_tokens\":18}}\n\ndata: [DONE]\n\n"
    ));
    let answer = bench.post("/s/v1/responses", &agents(true));
    let events: Vec<Value> = answer
        .events()
        .iter()
        .map(|data| serde_json::from_str(data).unwrap_or_else(|_| panic!("{data}: {answer:?}")))
        .collect();
    let pieces: Vec<&Value> = events
        .iter()
        .filter(|event| event["type"] == "response.custom_tool_call_input.delta")
        .map(|event| &event["delta"])
        .collect();
    assert_eq!(pieces, ["*** Be", "gin\nx"]);
    let last = events.last().unwrap();
    assert_eq!(last["type"], "response.completed", "{answer:?}");
    assert_eq!(last["sequence_number"], events.len() - 1);
    assert_eq!(last["response"]["usage"]["total_tokens"], 18);
    let mut output = last["response"]["output"].clone();
    for item in output.as_array_mut().unwrap() {
        assert!(item.as_object_mut().unwrap().remove("id").is_some());
    }
    assert_eq!(
        output,
        json!([
            {"type": "custom_tool_call", "call_id": "a", "name": "apply_patch", "input": "*** Begin\nx"},
            {"type": "function_call", "status": "completed", "call_id": "b", "name": "spawn", "arguments": "{}", "namespace": "agents"},
            {"type": "tool_search_call", "status": "completed", "execution": "client", "call_id": "d", "arguments": {"q": 1}},
        ])
    );
    let dropped = answer.header("x-gw-dropped").unwrap();
    assert!(
        dropped.split(", ").all(|name| name.ends_with(" (adapted)")),
        "{dropped}"
    );
}

#[test]
fn what_an_upstream_would_have_to_keep_is_refused_with_400() {
    let bench = over_chat("");
    for (extra, param) in [
        ("previous_response_id", "previous_response_id"),
        ("conversation", "conversation"),
    ] {
        let mut body = json!({"model": "any", "input": "hi"});
        body[extra] = json!("resp_unknown");
        let answer = bench.post("/s/v1/responses", &body);
        let error = &answer.json()["error"];
        assert!((400..=404).contains(&answer.status), "{answer:?}");
        assert_eq!(error["param"], param, "{answer:?}");
    }
    for (tool, param) in [
        ("web_search", "tools[0].type"),
        ("tool_search", "tools[0].type"),
    ] {
        let body = json!({"model": "any", "input": "hi", "tools": [{"type": tool}]});
        let answer = bench.post("/s/v1/responses", &body);
        assert_eq!(
            (answer.status, &answer.json()["error"]["param"]),
            (400, &json!(param)),
            "{answer:?}"
        );
    }
}

#[test]
fn a_failure_inside_a_200_before_anything_was_shown_is_a_failed_attempt() {
    const FAILED: &str = concat!(
        "event: response.created\ndata: {\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"r\",\"status\":\"in_progress\"}}\n\n",
        "event: response.failed\ndata: {\"type\":\"response.failed\",\"sequence_number\":1,\"response\":{\"id\":\"r\",\"status\":\"failed\",\"error\":{\"code\":\"server_error\",\"message\":\"broken\"}}}\n\n"
    );
    const WHOLE: &str = "{\"id\":\"r\",\"object\":\"response\",\"status\":\"failed\",\"error\":{\"code\":\"server_error\",\"message\":\"broken\"},\"output\":[]}";
    for (head, said, stream) in [(EVENTS, FAILED, true), (JSON, WHOLE, false)] {
        let (bad, _) = scripted(vec![vec![Act::Say(head), Act::Say(said)]]);
        let bench = plan()
            .provider("s", json!({"vendor": "openai-compatible", "base_url": bad, "formats": ["openai-responses"]}))
            .at_with("s", &["s/m", "m/mock"], json!({"retries": 0}))
            .start();
        let body = json!({"model": "any", "stream": stream, "input": "hi there"});
        let answer = bench.post("/s/v1/responses", &body);
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(
            answer.body.contains("completed") && !answer.body.contains("broken"),
            "{answer:?}"
        );
        let row = bench.row(&answer);
        assert_eq!(
            (&row["outcome"], row["attempts"].as_array().map(Vec::len)),
            (&json!("ok"), Some(2)),
            "{row}"
        );
    }
}

#[test]
fn a_chat_caller_reaches_an_upstream_of_responses() {
    const SAID: &str = "{\"id\":\"resp_1\",\"object\":\"response\",\"status\":\"incomplete\",\"incomplete_details\":{\"reason\":\"max_output_tokens\"},\"model\":\"m\",\"output\":[{\"id\":\"rs_1\",\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":\"E\"},{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"Hi\",\"annotations\":[]}]}],\"usage\":{\"input_tokens\":5,\"input_tokens_details\":{\"cached_tokens\":2},\"output_tokens\":3,\"output_tokens_details\":{\"reasoning_tokens\":1},\"total_tokens\":8}}";
    let (url, _) = scripted(vec![vec![Act::Say(JSON), Act::Say(SAID)]]);
    let bench = plan()
        .provider("s", json!({"vendor": "openai-compatible", "base_url": url, "formats": ["openai-responses"]}))
        .at("s", &["s/m"])
        .start();
    let answer = bench.post("/s/v1/chat/completions", &chat("any", "hi", false));
    let body = answer.json();
    let choice = &body["choices"][0];
    assert_eq!(
        (
            &choice["message"]["content"],
            &choice["finish_reason"],
            &body["usage"]["total_tokens"]
        ),
        (&json!("Hi"), &json!("length"), &json!(8)),
        "{answer:?}"
    );
}
