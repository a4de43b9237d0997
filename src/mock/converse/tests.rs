//! Bedrock as a caller sees it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::SEAL;
use crate::mock::tests::{bytes, exchange, json_of};
use crate::mock::{Mock, Settings};
use serde_json::{Value, json};

const BEARER: &str = "authorization: Bearer x\r\n";

/// The messages of a binary stream: what each is called, and its data.
fn messages(body: &[u8]) -> Vec<(String, Value)> {
    let word = |at: usize| u32::from_be_bytes(body[at..at + 4].try_into().unwrap()) as usize;
    let (mut at, mut messages) = (0, Vec::new());
    while at < body.len() {
        let (total, head) = (word(at), word(at + 4));
        let mut headers = &body[at + 12..at + 12 + head];
        let mut name = String::new();
        while let Some((long, rest)) = headers.split_first() {
            let (key, rest) = rest.split_at(*long as usize);
            let value = u16::from_be_bytes([rest[1], rest[2]]) as usize;
            if key.ends_with(b"-type")
                && !key.ends_with(b"content-type")
                && !key.ends_with(b"message-type")
            {
                name = String::from_utf8(rest[3..3 + value].to_vec()).unwrap();
            }
            headers = &rest[3 + value..];
        }
        let payload = &body[at + 12 + head..at + total - 4];
        let mut data: Value = serde_json::from_slice(payload).unwrap();
        if let Some(data) = data.as_object_mut() {
            assert!(
                data.remove("p").is_some() || name.ends_with("Exception"),
                "{name}"
            );
        }
        messages.push((name, data));
        at += total;
    }
    messages
}

fn conversed(mock: &Mock, path: &str, headers: &str, body: &Value) -> Vec<(String, Value)> {
    let answer = bytes(mock, path, &format!("{BEARER}{headers}"), body);
    let head = memchr::memmem::find(&answer, b"\r\n\r\n").unwrap() + 4;
    let said = String::from_utf8_lossy(&answer[..head]).into_owned();
    assert!(
        said.contains("content-type: application/vnd.amazon.eventstream\r\n"),
        "{said}"
    );
    let (mut rest, mut body) = (&answer[head..], Vec::new());
    while let Some(line) = memchr::memmem::find(rest, b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
        body.extend_from_slice(&rest[line + 2..line + 2 + size]);
        rest = &rest[line + 4 + size..];
        if size == 0 {
            break;
        }
    }
    messages(&body)
}

fn hello() -> Value {
    json!({"messages": [{"role": "user", "content": [{"text": "hello"}]}]})
}

fn tools() -> Value {
    json!({"messages": [{"role": "user", "content": [{"text": "call look"}]}],
        "toolConfig": {"tools": [{"toolSpec": {"name": "look", "inputSchema": {"json": {"type": "object", "properties": {"at": {"type": "string"}}}}}}]}})
}

#[test]
fn an_answer_is_whole_in_its_format() {
    let mock = Mock::start(Settings::default()).unwrap();
    let headers = format!("{BEARER}x-mock: think,cached=1\r\n");
    let answer = json_of(&exchange(&mock, "/model/a.b-v1%3A0/converse", &headers, &hello()).0);
    assert_eq!(
        answer,
        json!({"metrics": {"latencyMs": 1},
            "output": {"message": {"content": [
                {"reasoningContent": {"reasoningText": {"text": "A mock does not think; it has read 5 bytes.", "signature": SEAL}}},
                {"text": "This is gw's mock, not a model. You said: hello"}], "role": "assistant"}},
            "stopReason": "end_turn",
            "usage": {"inputTokens": 1, "outputTokens": 23, "totalTokens": 25, "cacheReadInputTokens": 1, "cacheReadInputTokenCount": 1,
                "cacheWriteInputTokens": 0, "cacheWriteInputTokenCount": 0, "serverToolUsage": {}}})
    );
}

#[test]
fn only_a_call_says_that_it_begins() {
    let mock = Mock::start(Settings::default()).unwrap();
    let names = |messages: &[(String, Value)]| {
        let mut names: Vec<String> = messages.iter().map(|(name, _)| name.clone()).collect();
        names.dedup();
        names
    };
    let text = conversed(&mock, "/model/m/converse-stream", "", &hello());
    assert_eq!(
        names(&text),
        [
            "messageStart",
            "contentBlockDelta",
            "contentBlockStop",
            "messageStop",
            "metadata"
        ]
    );
    assert_eq!(text.last().unwrap().1["usage"]["totalTokens"], 14);
    let called = conversed(&mock, "/model/m/converse-stream", "", &tools());
    assert_eq!(
        names(&called),
        [
            "messageStart",
            "contentBlockStart",
            "contentBlockDelta",
            "contentBlockStop",
            "messageStop",
            "metadata"
        ]
    );
    assert_eq!(
        called[1].1,
        json!({"contentBlockIndex": 0, "start": {"toolUse": {"toolUseId": "tooluse_mock_0", "name": "look"}}})
    );
    let pieces: String = called
        .iter()
        .filter_map(|(_, data)| data["delta"]["toolUse"]["input"].as_str())
        .collect();
    assert_eq!(pieces, "{\"at\":\"mock at\"}");
}

#[test]
fn a_stream_can_end_as_an_exception() {
    let mock = Mock::start(Settings::default()).unwrap();
    let told = |items: &str| {
        let headers = format!("x-mock: {items}\r\n");
        conversed(&mock, "/model/m/converse-stream", &headers, &hello())
            .pop()
            .unwrap()
    };
    let message = json!({"message": "the mock was asked to fail in its stream"});
    assert_eq!(
        told("error-after=2"),
        ("internalServerException".into(), message.clone())
    );
    assert_eq!(
        told("error-after=0,code=ThrottlingException"),
        ("throttlingException".into(), message)
    );
}

#[test]
fn anthropics_events_come_inside_chunks() {
    use base64::Engine as _;
    let mock = Mock::start(Settings::default()).unwrap();
    let body = json!({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 99, "messages": [{"role": "user", "content": "hello"}]});
    let chunks = conversed(&mock, "/model/m/invoke-with-response-stream", "", &body);
    let events: Vec<Value> = chunks
        .iter()
        .map(|(name, data)| {
            assert_eq!(name, "chunk");
            let bytes =
                base64::engine::general_purpose::STANDARD.decode(data["bytes"].as_str().unwrap());
            serde_json::from_slice(&bytes.unwrap()).unwrap()
        })
        .collect();
    let mut kinds: Vec<&str> = events
        .iter()
        .filter_map(|event| event["type"].as_str())
        .collect();
    kinds.dedup();
    assert_eq!(
        kinds,
        [
            "message_start",
            "content_block_start",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop"
        ]
    );
    assert_eq!(
        events.last().unwrap()["amazon-bedrock-invocationMetrics"]["outputTokenCount"],
        12
    );
    let (whole, _) = exchange(&mock, "/model/m/invoke", BEARER, &body);
    assert!(
        whole.contains("x-amzn-bedrock-output-token-count: 12\r\n"),
        "{whole}"
    );
    assert_eq!(json_of(&whole)["model"], "m");
}

#[test]
fn amazon_tells_its_errors_in_a_header() {
    let mock = Mock::start(Settings {
        expect_credential: Some("AKIDEXAMPLE".into()),
        ..Settings::default()
    })
    .unwrap();
    let told = |path: &str, headers: &str, body: &Value| {
        let (answer, _) = exchange(&mock, path, headers, body);
        let kind = answer
            .lines()
            .find_map(|line| line.strip_prefix("x-amzn-errortype: "));
        let kind = kind
            .and_then(|kind| kind.split(':').next())
            .unwrap_or_default();
        let message = json_of(&answer)["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        (answer[9..12].to_owned(), kind.to_owned(), message)
    };
    let signed = "x-amz-date: 20261121T120000Z\r\nauthorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261121/us-east-1/bedrock/aws4_request, SignedHeaders=host;x-amz-date, Signature=6ddcd0705ce756dbd2ec9c6427db8a2a1e822e33b371a8420c906014f278f0d6\r\n";
    let (converse, invoke) = ("/model/m/converse", "/model/m/invoke");
    let (answer, _) = exchange(&mock, converse, signed, &hello());
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    for (path, headers, body, status, kind, said) in [
        (
            converse,
            "",
            hello(),
            "403",
            "MissingAuthenticationTokenException",
            "Missing",
        ),
        (
            converse,
            BEARER,
            hello(),
            "403",
            "UnrecognizedClientException",
            "Incorrect",
        ),
        (
            converse,
            signed,
            json!({"messages": []}),
            "400",
            "ValidationException",
            "must not be empty",
        ),
        (
            "/model/mock-429/converse",
            signed,
            hello(),
            "429",
            "ThrottlingException",
            "asked to answer 429",
        ),
        (
            "/model/a/b/converse",
            signed,
            hello(),
            "404",
            "ResourceNotFoundException",
            "path",
        ),
        (
            invoke,
            signed,
            json!({"max_tokens": 1, "messages": [{"role": "user", "content": "x"}]}),
            "400",
            "ValidationException",
            "anthropic_version: Field required",
        ),
        (
            invoke,
            signed,
            json!({"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": "x"}]}),
            "400",
            "ValidationException",
            "extraneous key [model]",
        ),
    ] {
        let (is, name, message) = told(path, headers, &body);
        assert_eq!(
            (is.as_str(), name.as_str()),
            (status, kind),
            "{path} {message}"
        );
        assert!(message.contains(said), "{message}");
    }
}

#[test]
fn what_amazon_refuses_is_refused() {
    let mock = Mock::start(Settings::default()).unwrap();
    let user = |content: Value| json!({"role": "user", "content": content});
    let used = json!({"role": "assistant", "content": [{"toolUse": {"toolUseId": "a", "name": "look", "input": {}}}]});
    let result =
        |id: &str| user(json!([{"toolResult": {"toolUseId": id, "content": [{"text": "x"}]}}]));
    let asked = user(json!([{"text": "x"}]));
    let with = |name: &str, value: Value| {
        let mut body = tools();
        body[name] = value;
        body
    };
    let document = json!({"document": {"name": "a", "format": "txt", "source": {"text": "x"}}});
    let dotted =
        json!({"document": {"name": "a.pdf", "format": "pdf", "source": {"bytes": "AA=="}}});
    for (body, said) in [
        (with("messages", json!([asked, used, result("a")])), ""),
        (
            with("messages", json!([used])),
            "must start with a user message",
        ),
        (
            with("messages", json!([user(json!([{"text": " "}]))])),
            "is blank",
        ),
        (
            with("messages", json!([asked, used, asked])),
            "Expected toolResult blocks at messages.2.content for the following Ids: a",
        ),
        (
            with("messages", json!([asked, used])),
            "Expected toolResult blocks",
        ),
        (
            with("messages", json!([asked, result("b")])),
            "exceeds the number of toolUse blocks",
        ),
        (
            json!({"messages": [asked, used, result("a")]}),
            "toolConfig field must be defined",
        ),
        (
            with(
                "messages",
                json!([user(
                    json!([{"text": "x", "cachePoint": {"type": "default"}}])
                )]),
            ),
            "exactly one member",
        ),
        (
            with("messages", json!([user(json!([document, document]))])),
            "several documents",
        ),
        (
            with("messages", json!([user(json!([dotted]))])),
            "messages[0].content[0].document.name",
        ),
        (
            with("inferenceConfig", json!({"temperature": 1.5})),
            "between 0 and 1",
        ),
        (
            with("inferenceConfig", json!({"topK": 5})),
            "Member topK is not known",
        ),
        (
            with("toolConfig", json!({"tools": []})),
            "at least one tool",
        ),
        (with("system", json!([{"text": ""}])), "is blank"),
        (
            with(
                "outputConfig",
                json!({"textFormat": {"type": "json_schema", "structure": {"jsonSchema": {"schema": "{"}}}}),
            ),
            "not valid JSON",
        ),
    ] {
        let answer = json_of(&exchange(&mock, "/model/m/converse", BEARER, &body).0);
        let told = answer["message"].as_str().unwrap_or_default();
        assert!(
            told.contains(said) && told.is_empty() == said.is_empty(),
            "{said}\n{answer}"
        );
    }
}

#[test]
fn tokens_are_counted_in_both_forms() {
    use base64::Engine as _;
    let mock = Mock::start(Settings::default()).unwrap();
    let inner = json!({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}]});
    let inner = base64::engine::general_purpose::STANDARD.encode(inner.to_string());
    for input in [
        json!({"converse": hello()}),
        json!({"invokeModel": {"body": inner}}),
    ] {
        let body = json!({"input": input});
        let answer = json_of(&exchange(&mock, "/model/m/count-tokens", BEARER, &body).0);
        assert_eq!(answer, json!({"inputTokens": 2}));
    }
}
