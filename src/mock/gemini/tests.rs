//! Gemini as a caller sees it, over a bare socket.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::mock::tests::{events, exchange, json_of};
use crate::mock::{GREETING, Mock, Settings};
use serde_json::{Value, json};

fn path(model: &str, method: &str) -> String {
    format!("/v1beta/models/{model}:{method}")
}

fn hello() -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": "hello"}]}]})
}

fn tool(name: &str) -> Value {
    json!({"functionDeclarations": [{"name": name, "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}}}]})
}

/// The pieces of a stream of server-sent events.
fn stream(mock: &Mock, model: &str, body: &Value) -> Vec<Value> {
    let path = path(model, "streamGenerateContent?alt=sse");
    let (answer, _) = exchange(mock, &path, "", body);
    assert!(
        answer.contains("content-type: text/event-stream"),
        "{answer}"
    );
    events(&answer)
        .iter()
        .map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

fn parts(pieces: &[Value]) -> Vec<Value> {
    let parts = |piece: &Value| {
        piece["candidates"][0]["content"]["parts"]
            .as_array()
            .cloned()
    };
    pieces.iter().filter_map(parts).flatten().collect()
}

#[test]
fn streams_in_both_framings_add_up_to_the_whole_answer() {
    let mock = Mock::start(Settings::default()).unwrap();
    let text = format!("{GREETING} You said: hello");
    let whole = json_of(&exchange(&mock, &path("mock", "generateContent"), "", &hello()).0);
    assert_eq!(
        whole,
        json!({"candidates": [{"content": {"parts": [{"text": text}], "role": "model"}, "index": 0, "finishReason": "STOP"}],
            "modelVersion": "mock", "responseId": "mock-1", "usageMetadata": {"promptTokenCount": 2, "candidatesTokenCount": 12, "totalTokenCount": 14,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 2}], "serviceTier": "standard"}})
    );
    let pieces = stream(&mock, "mock", &hello());
    let said: String = parts(&pieces)
        .iter()
        .map(|part| part["text"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(said, text);
    assert_eq!(
        pieces.last().unwrap()["usageMetadata"],
        whole["usageMetadata"]
    );
    let (answer, _) = exchange(
        &mock,
        &path("mock", "streamGenerateContent?alt=sse"),
        "",
        &hello(),
    );
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    assert!(
        body.ends_with("}\r\n\r\n\r\n0\r\n\r\n")
            && !body.contains("event:")
            && !body.contains("[DONE]"),
        "{body}"
    );
    let (answer, _) = exchange(&mock, &path("mock", "streamGenerateContent"), "", &hello());
    assert!(answer.contains("content-type: application/json"));
    assert_eq!(json_of(&unchunked(&answer)), json!(pieces));
}

/// An answer without the framing of its chunks.
fn unchunked(answer: &str) -> String {
    let (head, mut rest) = answer.split_once("\r\n\r\n").unwrap();
    let mut body = String::new();
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        body.push_str(&after[..size]);
        rest = &after[(size + 2).min(after.len())..];
    }
    format!("{head}\r\n\r\n{body}")
}

#[test]
fn calls_come_whole_and_the_end_a_piece_later() {
    let mock = Mock::start(Settings::default()).unwrap();
    let mut body = json!({"contents": [{"role": "user", "parts": [{"text": "call time and weather"}]}], "tools": [tool("time"), tool("weather")],
        "generationConfig": {"thinkingConfig": {"includeThoughts": true}}});
    let pieces = stream(&mock, "mock", &body);
    let seal = super::SEAL;
    let thought = "A mock does not think; it has read 146 bytes.";
    assert_eq!(
        parts(&pieces),
        [
            json!({"text": thought, "thought": true}),
            json!({"functionCall": {"name": "time", "args": {"city": "mock city"}}, "thoughtSignature": seal}),
            json!({"functionCall": {"name": "weather", "args": {"city": "mock city"}}}),
            json!({"text": ""}),
        ]
    );
    let ends: Vec<&Value> = pieces
        .iter()
        .map(|piece| &piece["candidates"][0]["finishReason"])
        .collect();
    assert_eq!(
        ends,
        [&Value::Null, &Value::Null, &Value::Null, &json!("STOP")]
    );
    let usage = &pieces.last().unwrap()["usageMetadata"];
    let sum = |names: &[&str]| {
        names
            .iter()
            .map(|name| usage[*name].as_u64().unwrap())
            .sum::<u64>()
    };
    assert_eq!(
        sum(&[
            "promptTokenCount",
            "candidatesTokenCount",
            "thoughtsTokenCount"
        ]),
        sum(&["totalTokenCount"])
    );
    let (answer, _) = exchange(
        &mock,
        &path("mock", "generateContent"),
        "x-mock: call-ids\r\n",
        &body,
    );
    let whole = json_of(&answer);
    assert_eq!(
        whole["candidates"][0]["content"]["parts"][2]["functionCall"]["id"],
        "mock_1"
    );

    let answered = |name: &str, text: &str| json!({"functionResponse": {"name": name, "response": {"output": text}}});
    let contents = body["contents"].as_array_mut().unwrap();
    contents.push(json!({"role": "model", "parts": parts(&pieces)[1..3]}));
    contents.push(
        json!({"role": "user", "parts": [answered("time", "noon"), answered("weather", "sunny")]}),
    );
    let whole = json_of(&exchange(&mock, &path("mock", "generateContent"), "", &body).0);
    let text = whole["candidates"][0]["content"]["parts"][1]["text"]
        .as_str()
        .unwrap();
    assert!(text.contains("2 tool results: noon | sunny."), "{text}");
}

#[test]
fn what_the_config_asks_for_is_kept() {
    let mock = Mock::start(Settings::default()).unwrap();
    let mut body = hello();
    body["generationConfig"] = json!({"responseMimeType": "application/json", "responseSchema": {"type": "OBJECT", "properties": {"n": {"type": "INTEGER"}}}});
    let text = |body: &Value| {
        json_of(&exchange(&mock, &path("mock", "generateContent"), "", body).0)["candidates"][0]
            .clone()
    };
    assert_eq!(text(&body)["content"]["parts"][0]["text"], "{\"n\":1}");
    body["generationConfig"] = json!({"maxOutputTokens": 2});
    assert_eq!(text(&body)["finishReason"], "MAX_TOKENS");
    let counted = json_of(&exchange(&mock, &path("mock", "countTokens"), "", &hello()).0);
    assert_eq!(counted["totalTokens"], 2);
    body = json!({"generateContentRequest": {"model": "models/mock", "contents": hello()["contents"], "systemInstruction": {"parts": [{"text": "four"}]}}});
    assert_eq!(
        json_of(&exchange(&mock, &path("mock", "countTokens"), "", &body).0)["totalTokens"],
        3
    );
}

#[test]
fn models_and_errors_have_googles_shape() {
    let mock = Mock::start(Settings {
        expect_credential: Some("right-one".into()),
        ..Settings::default()
    })
    .unwrap();
    let key = "x-goog-api-key: right-one\r\n";
    let models = json_of(&exchange(&mock, "/v1beta/models", key, &Value::Null).0);
    assert_eq!(models["models"][0]["name"], "models/mock");
    let models = json_of(&exchange(&mock, "/v1/models?key=right-one", "", &Value::Null).0);
    assert_eq!(models["models"][0]["name"], "models/mock");
    let (answer, _) = exchange(
        &mock,
        &path("mock", "generateContent"),
        "x-goog-api-key: wrong-one\r\n",
        &hello(),
    );
    assert_eq!(json_of(&answer)["error"]["status"], "UNAUTHENTICATED");
    let (answer, _) = exchange(&mock, &path("mock-429", "generateContent"), key, &hello());
    assert_eq!(
        json_of(&answer),
        json!({"error": {"code": 429, "message": "the mock was asked to answer 429", "status": "RESOURCE_EXHAUSTED"}})
    );
    let (answer, _) = exchange(
        &mock,
        &path("mock-429", "streamGenerateContent"),
        key,
        &hello(),
    );
    assert_eq!(json_of(&answer)[0]["error"]["code"], 429);
    let seen = mock.requests();
    assert_eq!(seen[1].path, "/v1/models?key=***");
    assert!(!format!("{seen:?}").contains("right-one"));
}

#[test]
fn faults_have_the_form_of_the_api() {
    let mock = Mock::start(Settings::default()).unwrap();
    let pieces = stream(&mock, "mock-error-after-2", &hello());
    assert_eq!(pieces.len(), 3);
    assert_eq!(pieces[2]["error"]["status"], "UNAVAILABLE");
    let mut body = hello();
    body["contents"][0]["parts"][0]["text"] = json!("call time");
    body["tools"] = json!([tool("time")]);
    let pieces = stream(&mock, "mock-bad-arguments", &body);
    assert_eq!(
        pieces[0]["candidates"][0]["finishReason"],
        "MALFORMED_FUNCTION_CALL"
    );
    let (answer, _) = exchange(
        &mock,
        &path("mock-malformed-after-1", "streamGenerateContent?alt=sse"),
        "",
        &hello(),
    );
    assert!(
        answer.contains("data: {\"this is\": not JSON\r\n\r\n"),
        "{answer}"
    );
    let (answer, _) = exchange(
        &mock,
        &path("mock-close-after-1", "streamGenerateContent"),
        "",
        &hello(),
    );
    assert!(!answer.ends_with("]\r\n0\r\n\r\n"), "{answer}");
}

#[test]
fn what_google_refuses_is_refused() {
    let mock = Mock::start(Settings::default()).unwrap();
    let refused = |model: &str, body: Value| {
        let answer = json_of(&exchange(&mock, &path(model, "generateContent"), "", &body).0);
        assert_eq!(answer["error"]["status"], "INVALID_ARGUMENT", "{body}");
        answer["error"]["message"].as_str().unwrap().to_owned()
    };
    let with = |fields: Value| {
        let mut body = hello();
        body.as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        body
    };
    let declared = |parameters: Value| {
        with(
            json!({"tools": [{"functionDeclarations": [{"name": "a", "parameters": parameters}]}]}),
        )
    };
    let property =
        |keyword: Value| declared(json!({"type": "OBJECT", "properties": {"n": keyword}}));
    let user = |parts: Value| json!({"role": "user", "parts": parts});
    let model = |parts: Value| json!({"role": "model", "parts": parts});
    let call = |name: &str| json!({"functionCall": {"name": name, "args": {}}});
    let response =
        |name: &str| json!({"functionResponse": {"name": name, "response": {"output": "x"}}});
    let turns = |contents: Value| json!({"contents": contents});
    let hello = || user(json!([{"text": "hello"}]));
    for (body, said) in [
        (
            with(json!({"max_tokens": 1})),
            "Unknown name \"max_tokens\": Cannot find field.",
        ),
        (
            with(json!({"generationConfig": {"stop": "x"}})),
            "Unknown name \"stop\" at 'generationConfig'",
        ),
        (
            with(json!({"generationConfig": {"temperature": 3}})),
            "between 0 and 2",
        ),
        (
            with(json!({"generationConfig": {"responseSchema": {"type": "OBJECT"}}})),
            "response_mime_type",
        ),
        (
            with(
                json!({"generationConfig": {"thinkingConfig": {"thinkingBudget": 1, "thinkingLevel": "LOW"}}}),
            ),
            "thinking level",
        ),
        (json!({"contents": []}), "contents is not specified"),
        (
            turns(json!([{"role": "assistant", "parts": [{"text": "x"}]}])),
            "'contents[0].role' (enum)",
        ),
        (
            turns(json!([user(
                json!([{"text": "x", "inlineData": {"mimeType": "image/png", "data": "AAAA"}}])
            )])),
            "already set",
        ),
        (
            turns(json!([user(json!([{"thoughtSignature": "AAAA"}]))])),
            "must have one initialized field",
        ),
        (
            turns(json!([user(
                json!([{"inlineData": {"mimeType": "image/png", "data": "a b"}}])
            )])),
            "base64",
        ),
        (
            property(json!({"type": "INTEGER", "exclusiveMinimum": 0})),
            "Unknown name \"exclusiveMinimum\" at 'tools[0].functionDeclarations[0].parameters.properties.n'",
        ),
        (
            property(json!({"type": "INTEGER", "enum": ["1"]})),
            "only allowed for STRING type",
        ),
        (
            property(json!({"type": "ARRAY"})),
            "properties[n].items: missing field",
        ),
        (
            declared(json!({"type": "OBJECT", "additionalProperties": false})),
            "additionalProperties",
        ),
        (
            declared(json!({"type": "OBJECT", "properties": {}, "required": ["n"]})),
            "property is not defined",
        ),
        (
            with(json!({"tools": [{"functionDeclarations": [{"name": "a b"}]}]})),
            "Invalid function name",
        ),
        (
            with(
                json!({"toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["b"]}}}),
            ),
            "not declared",
        ),
        (
            turns(json!([
                hello(),
                model(json!([call("a"), call("b")])),
                user(json!([response("a")]))
            ])),
            "number of function response parts",
        ),
        (
            turns(json!([
                hello(),
                model(json!([call("a")])),
                user(json!([response("b")]))
            ])),
            "answers no function call",
        ),
        (
            turns(json!([hello(), model(json!([call("a")]))])),
            "followed by a function response turn",
        ),
    ] {
        let told = refused("mock", body.clone());
        assert!(told.contains(said), "{told}\n{body}");
    }
    let unsigned = turns(json!([
        hello(),
        model(json!([call("a")])),
        user(json!([response("a")]))
    ]));
    assert!(refused("gemini-3-pro", unsigned.clone()).contains("missing a thought_signature"));
    let answer = exchange(
        &mock,
        &path("gemini-2.5-pro", "generateContent"),
        "",
        &unsigned,
    )
    .0;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}
