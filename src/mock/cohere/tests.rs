//! Cohere as a caller sees it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::mock::tests::{events, exchange, json_of};
use crate::mock::{Mock, Settings};
use serde_json::{Value, json};

fn hello() -> Value {
    json!({"model": "mock", "messages": [{"role": "user", "content": "hello"}]})
}

fn tools() -> Value {
    json!({"model": "mock", "messages": [{"role": "user", "content": "call look"}], "tools": [
        {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {"at": {"type": "string"}}}}}]})
}

#[test]
fn an_answer_is_whole_in_its_format() {
    let mock = Mock::start(Settings::default()).unwrap();
    let answer = |body: &Value| json_of(&exchange(&mock, "/v2/chat", "", body).0);
    assert_eq!(
        answer(&hello()),
        json!({"id": "00000000-0000-4000-8000-000000000001",
            "message": {"role": "assistant", "content": [{"type": "text", "text": "This is gw's mock, not a model. You said: hello"}]},
            "finish_reason": "COMPLETE",
            "usage": {"billed_units": {"input_tokens": 1, "output_tokens": 12}, "tokens": {"input_tokens": 2, "output_tokens": 12}, "cached_tokens": 0}})
    );
    let called = answer(&tools());
    assert_eq!(called["finish_reason"], "TOOL_CALL");
    assert_eq!(
        called["message"],
        json!({"role": "assistant", "tool_plan": "I will use the tools.", "tool_calls": [
            {"id": "look_mock0", "type": "function", "function": {"name": "look", "arguments": "{\"at\":\"mock at\"}"}}]})
    );
    let mut after = tools();
    after["messages"] = json!([after["messages"][0], called["message"],
        {"role": "tool", "tool_call_id": "look_mock0", "content": [{"type": "document", "document": {"data": {"seen": "a cat"}}}]}]);
    let text = answer(&after)["message"]["content"][0]["text"].clone();
    assert!(
        text.as_str()
            .unwrap()
            .contains("1 tool results: {\"seen\":\"a cat\"}."),
        "{text}"
    );
}

#[test]
fn a_stream_adds_up_to_the_whole_answer() {
    let mock = Mock::start(Settings::default()).unwrap();
    let streamed = |mut body: Value, items: &str| {
        body["stream"] = json!(true);
        let headers = format!("x-mock: {items}\r\n");
        let mut events = events(&exchange(&mock, "/v2/chat", &headers, &body).0);
        assert_eq!(events.pop().as_deref(), Some("[DONE]"));
        events
            .iter()
            .map(|event| serde_json::from_str(event).unwrap())
            .collect::<Vec<Value>>()
    };
    let kinds = |events: &[Value]| {
        let mut kinds: Vec<String> = events
            .iter()
            .map(|event| event["type"].as_str().unwrap().to_owned())
            .collect();
        kinds.dedup();
        kinds
    };
    let thought = streamed(hello(), "think");
    let both = ["content-start", "content-delta", "content-end"];
    assert_eq!(
        kinds(&thought),
        [&["message-start"][..], &both, &both, &["message-end"]].concat()
    );
    let text: String = thought
        .iter()
        .filter_map(|event| event["delta"]["message"]["content"]["text"].as_str())
        .collect();
    assert_eq!(text, "This is gw's mock, not a model. You said: hello");
    let called = streamed(tools(), "");
    assert_eq!(
        kinds(&called),
        [
            "message-start",
            "tool-plan-delta",
            "tool-call-start",
            "tool-call-delta",
            "tool-call-end",
            "message-end"
        ]
    );
}

#[test]
fn a_stream_fails_in_its_last_event() {
    let mock = Mock::start(Settings::default()).unwrap();
    let mut body = hello();
    body["stream"] = json!(true);
    let (answer, _) = exchange(&mock, "/v2/chat", "x-mock: error-after=1\r\n", &body);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let last: Value = serde_json::from_str(events(&answer).last().unwrap()).unwrap();
    assert_eq!(
        (&last["type"], &last["delta"]["finish_reason"]),
        (&json!("message-end"), &json!("ERROR"))
    );
    let (answer, _) = exchange(&mock, "/v2/chat", "x-mock: status=429\r\n", &body);
    assert_eq!(
        json_of(&answer)["message"],
        "the mock was asked to answer 429"
    );
}

#[test]
fn what_cohere_refuses_is_refused() {
    let mock = Mock::start(Settings::default()).unwrap();
    let with = |name: &str, value: Value| {
        let mut body = tools();
        body[name] = value;
        body
    };
    let used = json!({"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "look", "arguments": "{}"}}]});
    let user = json!({"role": "user", "content": "x"});
    let result = |id: &str| json!({"role": "tool", "tool_call_id": id, "content": "x"});
    for (body, said) in [
        (with("messages", json!([user, used, result("a")])), ""),
        (
            with("messages", json!([user, used, result("b")])),
            "no tool call found with id 'b'",
        ),
        (
            with("messages", json!([user, used, user])),
            "tool call id not found in tool messages: 'a'",
        ),
        (with("messages", json!([])), "at least 1 token"),
        (
            with("top_p", json!(0.5)),
            "parameter 'top_p' is not a valid field",
        ),
        (
            with("tool_choice", json!("AUTO")),
            "must be one of REQUIRED, NONE",
        ),
        (with("p", json!(1)), "p must be between 0 and 0.99"),
        (
            with("response_format", json!({"type": "json_schema"})),
            "must be one of text, json_object",
        ),
    ] {
        let answer = json_of(&exchange(&mock, "/v2/chat", "", &body).0);
        let told = match &answer["finish_reason"] {
            Value::Null => answer["message"].as_str().unwrap(),
            _ => "",
        };
        assert!(
            told.contains(said) && told.is_empty() == said.is_empty(),
            "{said}\n{answer}"
        );
    }
}

#[test]
fn texts_are_embedded_and_ranked() {
    let mock = Mock::start(Settings::default()).unwrap();
    let body = json!({"model": "embed-mock", "input_type": "search_query", "texts": ["a", "b"], "output_dimension": 16,
        "embedding_types": ["float", "int8", "uint8", "binary", "ubinary", "base64"]});
    let answer = json_of(&exchange(&mock, "/v2/embed", "", &body).0);
    let long = |kind: &str| answer["embeddings"][kind][1].as_array().map(Vec::len);
    assert_eq!(
        ["float", "int8", "uint8", "binary", "ubinary"].map(long),
        [16, 16, 16, 2, 2].map(Some)
    );
    assert_eq!(answer["meta"]["billed_units"]["input_tokens"], 2);
    let body = json!({"model": "embed-mock", "texts": ["a"]});
    let refused = json_of(&exchange(&mock, "/v2/embed", "", &body).0);
    assert_eq!(
        refused["message"],
        "invalid request: input_type is required"
    );
    let body = json!({"model": "m", "query": "red fish", "documents": ["a cat", "a red fish", "a fish"], "top_n": 2});
    let ranked = json_of(&exchange(&mock, "/v2/rerank", "", &body).0);
    assert_eq!(
        ranked["results"],
        json!([{"index": 1, "relevance_score": 0.75}, {"index": 2, "relevance_score": 0.5}])
    );
    let other = json_of(&exchange(&mock, "/v1/rerank", "", &body).0);
    assert_eq!(
        other["results"][0]["document"],
        json!({"text": "a red fish"})
    );
}
