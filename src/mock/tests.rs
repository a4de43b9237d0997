//! The mock as a caller sees it, over a bare socket.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{GREETING, Mock, Outcome, Script, Seen, Settings};
use serde_json::{Value, json};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Sends one request and reads to the connection's end; the error, if any, that ended it.
pub(super) fn exchange(
    mock: &Mock,
    path: &str,
    headers: &str,
    body: &Value,
) -> (String, Option<ErrorKind>) {
    let (method, body) = if body.is_null() {
        ("GET", String::new())
    } else {
        ("POST", body.to_string())
    };
    finish(open(mock, method, path, headers, &body))
}

/// The same, the answer in bytes.
pub(super) fn bytes(mock: &Mock, path: &str, headers: &str, body: &Value) -> Vec<u8> {
    read(open(mock, "POST", path, headers, &body.to_string())).0
}

/// Sends a form of fields and files: name, file name, content; the answer.
pub(super) fn filled(mock: &Mock, path: &str, fields: &[(&str, Option<&str>, &str)]) -> String {
    let mut body = String::new();
    for (name, file, data) in fields {
        let file = file
            .map(|file| format!("; filename=\"{file}\""))
            .unwrap_or_default();
        body.push_str(&format!(
            "--gw\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{data}\r\n"
        ));
    }
    body.push_str("--gw--\r\n");
    let kind = "content-type: multipart/form-data; boundary=gw\r\n";
    finish(open(mock, "POST", path, kind, &body)).0
}

/// Sends one request without a body; the answer.
pub(super) fn sent(mock: &Mock, method: &str, path: &str, headers: &str) -> String {
    finish(open(mock, method, path, headers, "")).0
}

fn finish(socket: TcpStream) -> (String, Option<ErrorKind>) {
    let (all, error) = read(socket);
    (String::from_utf8(all).unwrap(), error)
}

pub(super) fn read(mut socket: TcpStream) -> (Vec<u8>, Option<ErrorKind>) {
    let (mut all, mut chunk) = (Vec::new(), [0; 4096]);
    let error = loop {
        match socket.read(&mut chunk) {
            Ok(0) => break None,
            Ok(read) => all.extend_from_slice(&chunk[..read]),
            Err(error) => break Some(error.kind()),
        }
    };
    (all, error)
}

pub(super) fn open(mock: &Mock, method: &str, path: &str, headers: &str, body: &str) -> TcpStream {
    let mut socket = TcpStream::connect(mock.address()).unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: mock\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all(head.as_bytes()).unwrap();
    socket.write_all(body.as_bytes()).unwrap();
    socket
}

pub(super) fn json_of(answer: &str) -> Value {
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// The data of a stream's events.
pub(super) fn events(answer: &str) -> Vec<String> {
    answer
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(str::to_owned)
        .collect()
}

pub(super) fn hello(model: &str, stream: bool) -> Value {
    json!({"model": model, "max_tokens": 100, "stream": stream, "messages": [{"role": "user", "content": "hello"}]})
}

pub(super) fn wait(mock: &Mock, holds: impl Fn(&[Seen]) -> bool) -> Vec<Seen> {
    let begin = Instant::now();
    loop {
        let seen = mock.requests();
        if holds(&seen) {
            return seen;
        }
        assert!(begin.elapsed() < Duration::from_secs(10), "{seen:#?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

pub(super) const OPENAI: &str = "/v1/chat/completions";
pub(super) const ANTHROPIC: &str = "/v1/messages";

#[test]
fn both_formats_say_the_same_and_say_that_it_is_a_mock() {
    let mock = Mock::start(Settings::default()).unwrap();
    let text = format!("{GREETING} You said: hello");
    let (answer, _) = exchange(&mock, OPENAI, "", &hello("mock", false));
    assert!(answer.contains("x-mock: gw\r\n"));
    let openai = json_of(&answer);
    assert_eq!(openai["choices"][0]["message"]["content"], json!(text));
    assert_eq!(openai["system_fingerprint"], "gw-mock");
    let anthropic = json_of(&exchange(&mock, ANTHROPIC, "", &hello("mock", false)).0);
    assert_eq!(anthropic["content"][0]["text"], json!(text));
    assert_eq!(
        openai["usage"]["prompt_tokens"],
        anthropic["usage"]["input_tokens"]
    );
    assert_eq!(
        openai["usage"]["completion_tokens"],
        anthropic["usage"]["output_tokens"]
    );
    assert_eq!(exchange(&mock, OPENAI, "", &hello("mock", false)).0, answer);
}

#[test]
fn streams_add_up_to_the_whole_answer() {
    let mock = Mock::start(Settings::default()).unwrap();
    let mut body = hello("mock", true);
    body["stream_options"] = json!({"include_usage": true});
    let chunks = events(&exchange(&mock, OPENAI, "", &body).0);
    assert_eq!(chunks.last().unwrap(), "[DONE]");
    let chunks: Vec<Value> = chunks[..chunks.len() - 1]
        .iter()
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    let text: String = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(text, format!("{GREETING} You said: hello"));
    assert_eq!(chunks.last().unwrap()["choices"], json!([]));
    assert_eq!(chunks.last().unwrap()["usage"]["prompt_tokens"], 2);

    let chunks: Vec<Value> = events(&exchange(&mock, ANTHROPIC, "", &hello("mock", true)).0)
        .iter()
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    let text: String = chunks
        .iter()
        .filter_map(|chunk| chunk["delta"]["text"].as_str())
        .collect();
    assert_eq!(text, format!("{GREETING} You said: hello"));
    assert_eq!(
        (&chunks[0]["type"], &chunks.last().unwrap()["type"]),
        (&json!("message_start"), &json!("message_stop"))
    );
}

#[test]
fn two_tools_are_called_at_once_and_their_results_are_told() {
    let mock = Mock::start(Settings::default()).unwrap();
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    let tool =
        |name: &str| json!({"type": "function", "function": {"name": name, "parameters": schema}});
    let mut body = json!({"model": "mock", "tools": [tool("time"), tool("weather")], "messages": [{"role": "user", "content": "Please call weather and time"}]});
    let answer = json_of(&exchange(&mock, OPENAI, "", &body).0);
    let calls = answer["choices"][0]["message"]["tool_calls"]
        .as_array()
        .unwrap()
        .clone();
    let names: Vec<_> = calls
        .iter()
        .map(|call| call["function"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["weather", "time"]);
    assert_eq!(
        calls[0]["function"]["arguments"],
        "{\"city\":\"mock city\"}"
    );
    assert_eq!(answer["choices"][0]["finish_reason"], "tool_calls");

    let result = |at: usize, text: &str| json!({"role": "tool", "tool_call_id": calls[at]["id"], "content": text});
    let more = [
        answer["choices"][0]["message"].clone(),
        result(0, "sunny"),
        result(1, "noon"),
    ];
    body["messages"].as_array_mut().unwrap().extend(more);
    let answer = json_of(&exchange(&mock, OPENAI, "", &body).0);
    assert!(
        answer["choices"][0]["message"]["content"]
            .as_str()
            .unwrap()
            .contains("2 tool results: sunny | noon.")
    );

    let tool = |name: &str| json!({"name": name, "input_schema": schema});
    let body = json!({"model": "mock", "max_tokens": 100, "stream": true, "tools": [tool("time"), tool("weather")], "messages": [{"role": "user", "content": "call time, weather"}]});
    let chunks: Vec<Value> = events(&exchange(&mock, ANTHROPIC, "", &body).0)
        .iter()
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    let arguments: String = chunks
        .iter()
        .filter(|chunk| chunk["index"] == 1)
        .filter_map(|chunk| chunk["delta"]["partial_json"].as_str())
        .collect();
    assert_eq!(arguments, "{\"city\":\"mock city\"}");
}

#[test]
fn schemas_images_and_limits_are_kept() {
    let mock = Mock::start(Settings::default()).unwrap();
    let mut body = hello("mock", false);
    body["response_format"] = json!({"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object", "properties": {"n": {"type": "integer"}}}}});
    assert_eq!(
        json_of(&exchange(&mock, OPENAI, "", &body).0)["choices"][0]["message"]["content"],
        "{\"n\":1}"
    );
    let image = json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}});
    let body = json!({"model": "mock", "max_tokens": 100, "messages": [{"role": "user", "content": [image, {"type": "text", "text": "see"}]}]});
    let answer = json_of(&exchange(&mock, ANTHROPIC, "", &body).0);
    assert!(
        answer["content"][0]["text"]
            .as_str()
            .unwrap()
            .contains("1 images: image/png.")
    );
    let mut body = hello("mock", false);
    body["max_tokens"] = json!(2);
    assert_eq!(
        json_of(&exchange(&mock, ANTHROPIC, "", &body).0)["stop_reason"],
        "max_tokens"
    );
    let body = json!({"model": "mock-embedding", "input": ["a", "b"], "dimensions": 3});
    assert_eq!(
        json_of(&exchange(&mock, "/v1/embeddings", "", &body).0)["data"][1]["embedding"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    assert_eq!(
        json_of(&exchange(&mock, "/models", "", &Value::Null).0)["data"][0]["id"],
        "mock"
    );
}

#[test]
fn errors_have_the_format_of_their_endpoint() {
    let mock = Mock::start(Settings::default()).unwrap();
    let (answer, _) = exchange(
        &mock,
        OPENAI,
        "x-mock: status=429,retry-after=2\r\n",
        &hello("mock", false),
    );
    assert!(
        answer.starts_with("HTTP/1.1 429 Too Many Requests\r\n")
            && answer.contains("retry-after: 2\r\n"),
        "{answer}"
    );
    assert_eq!(json_of(&answer)["error"]["code"], "rate_limit_exceeded");
    let (answer, _) = exchange(&mock, ANTHROPIC, "", &hello("mock-529", false));
    assert!(answer.starts_with("HTTP/1.1 529 "), "{answer}");
    assert_eq!(json_of(&answer)["error"]["type"], "overloaded_error");
    let (answer, _) = exchange(
        &mock,
        ANTHROPIC,
        "",
        &json!({"model": "mock", "messages": [{"role": "user", "content": "x"}]}),
    );
    assert!(
        answer.starts_with("HTTP/1.1 400 ") && answer.contains("max_tokens"),
        "{answer}"
    );
    let (answer, _) = exchange(&mock, OPENAI, "x-mock: nonsense\r\n", &hello("mock", false));
    assert!(
        answer.starts_with("HTTP/1.1 400 ") && answer.contains("`nonsense`"),
        "{answer}"
    );
}

#[test]
fn only_the_first_requests_fail() {
    let mock = Mock::start(Settings::default()).unwrap();
    let status =
        |model: &str| exchange(&mock, OPENAI, "", &hello(model, false)).0[9..12].to_owned();
    assert_eq!(
        ["mock-503+fail-first-2"; 3].map(status),
        ["503", "503", "200"]
    );
    assert_eq!(status("mock-fail-first-1"), "500");
    mock.forget();
    assert_eq!(status("mock-503+fail-first-2"), "503");
}

#[test]
fn connections_break_where_asked() {
    let mock = Mock::start(Settings::default()).unwrap();
    let (answer, error) = exchange(&mock, OPENAI, "", &hello("mock-reset-in-header", false));
    assert_eq!(
        (answer.len(), error),
        (20, Some(ErrorKind::ConnectionReset))
    );
    assert_eq!(
        exchange(&mock, OPENAI, "", &hello("mock-close-before", false)),
        (String::new(), None)
    );
    let (answer, error) = exchange(&mock, OPENAI, "", &hello("mock-reset-after-2", true));
    assert_eq!(
        (events(&answer).len(), error),
        (3, Some(ErrorKind::ConnectionReset)),
        "a role chunk and two texts"
    );
    let (answer, error) = exchange(&mock, ANTHROPIC, "", &hello("mock-close-after-2", true));
    assert_eq!(
        (
            answer.matches("text_delta").count(),
            answer.contains("message_stop"),
            error
        ),
        (2, false, None)
    );
    let (answer, error) = exchange(&mock, OPENAI, "", &hello("mock-reset-after-1", false));
    assert!(answer.starts_with("HTTP/1.1 200") && error == Some(ErrorKind::ConnectionReset));
    assert!(
        wait(&mock, |seen| seen.len() == 5)
            .iter()
            .all(|seen| seen.outcome == Outcome::BrokenOff)
    );
}

#[test]
fn events_go_wrong_where_asked() {
    let mock = Mock::start(Settings::default()).unwrap();
    let at = |model: &str, path: &str| events(&exchange(&mock, path, "", &hello(model, true)).0);
    assert!(at("mock-malformed-after-0", OPENAI)[0].starts_with("{\"this is\""));
    assert!(at("mock-error-after-0", OPENAI)[0].contains("server_error"));
    let events = at("mock-error-after-2", ANTHROPIC);
    assert!(events.last().unwrap().contains("overloaded_error"));
    assert_eq!(
        events
            .iter()
            .filter(|data| data.contains("text_delta"))
            .count(),
        2
    );
    assert!(
        exchange(&mock, OPENAI, "", &hello("mock-long-line-5000", true))
            .0
            .contains(&"x".repeat(5000))
    );
    assert!(
        exchange(&mock, OPENAI, "", &hello("mock-html", false))
            .0
            .contains("text/html")
    );
    assert!(
        exchange(&mock, OPENAI, "", &hello("mock-empty", false))
            .0
            .contains("content-length: 0\r\n")
    );
    assert!(
        exchange(&mock, OPENAI, "", &hello("mock-gzip", false))
            .0
            .contains("content-encoding: gzip\r\n")
    );
    assert!(
        exchange(&mock, OPENAI, "", &hello("mock-redirect", false))
            .0
            .starts_with("HTTP/1.1 307 ")
    );
    assert!(
        exchange(&mock, OPENAI, "", &hello("mock-comments", true))
            .0
            .contains(": keep-alive\n\ndata: [DONE]\n\n")
    );
    assert!(
        exchange(&mock, OPENAI, "", &hello("mock-crlf", true))
            .0
            .contains("data: [DONE]\r\n\r\n")
    );
    assert_eq!(
        at("mock-events-7+pace-1", ANTHROPIC)
            .iter()
            .filter(|data| data.contains("text_delta"))
            .count(),
        7
    );
}

#[test]
fn delays_hold_the_answer_back() {
    let mock = Mock::start(Settings::default()).unwrap();
    for model in [
        "mock-delay-headers-40",
        "mock-delay-first-40",
        "mock-slow-40",
    ] {
        let begin = Instant::now();
        exchange(&mock, OPENAI, "", &hello(model, true));
        assert!(begin.elapsed() >= Duration::from_millis(40), "{model}");
    }
}

#[test]
fn a_hang_up_is_seen_while_it_waits_and_while_it_streams() {
    let mock = Mock::start(Settings::default()).unwrap();
    for (model, stream) in [
        ("mock-delay-headers-60000", false),
        ("mock-delay-first-60000", true),
        ("mock-stall-after-1", true),
        ("mock-events-50+pace-60000", true),
    ] {
        mock.forget();
        let socket = open(&mock, "POST", OPENAI, "", &hello(model, stream).to_string());
        wait(&mock, |seen| seen.len() == 1);
        drop(socket);
        let seen = wait(&mock, |seen| seen[0].outcome == Outcome::ClientClosed);
        assert!(
            seen[0].after_ms.is_some_and(|after| after < 50_000),
            "{model}"
        );
    }
}

#[test]
fn a_conversation_is_not_held_for_anthropics_clients() {
    let mock = Mock::start(Settings::default()).unwrap();
    let mut body = hello("mock", false);
    body["thread"] = json!({"type": "create"});
    let refused = json_of(&exchange(&mock, ANTHROPIC, "", &body).0);
    assert_eq!(
        refused["error"]["details"],
        json!({"error_code": "thread_unsupported_request", "unsupported": ["thread"]})
    );
}

#[test]
fn a_head_is_answered_without_a_body() {
    let mock = Mock::start(Settings::default()).unwrap();
    let answer = sent(&mock, "HEAD", "/", "");
    assert!(
        answer.starts_with("HTTP/1.1 404 ")
            && answer.ends_with("content-length: 0\r\nconnection: close\r\n\r\n"),
        "{answer}"
    );
}

#[test]
fn anthropic_counts_without_a_limit() {
    let mock = Mock::start(Settings::default()).unwrap();
    let body = json!({"model": "mock", "messages": [{"role": "user", "content": "hello"}]});
    let counted = json_of(&exchange(&mock, "/v1/messages/count_tokens", "", &body).0);
    assert_eq!(counted, json!({"input_tokens": 2}));
}

#[test]
fn credentials_are_compared_and_never_kept() {
    let mock = Mock::start(Settings {
        expect_credential: Some("right-one".into()),
        ..Settings::default()
    })
    .unwrap();
    let status =
        |headers: &str| exchange(&mock, OPENAI, headers, &hello("mock", false)).0[9..12].to_owned();
    assert_eq!(status("Authorization: Bearer right-one\r\n"), "200");
    assert_eq!(status("x-api-key: wrong-one\r\n"), "401");
    let seen = wait(&mock, |seen| seen.len() == 2);
    assert_eq!(
        seen.iter()
            .map(|seen| seen.authorization_matches)
            .collect::<Vec<_>>(),
        [Some(true), Some(false)]
    );
    assert_eq!(seen[0].header("authorization"), Some("***"));
    let (page, _) = exchange(&mock, "/_mock/requests", "", &Value::Null);
    assert!(page.contains("hello") && !page.contains("right-one") && !page.contains("wrong-one"));
}

#[test]
fn plain_answers_have_the_size_asked_for() {
    let mock = Mock::start(Settings {
        plain_bytes: Some(1024),
        ..Settings::default()
    })
    .unwrap();
    let mut socket = TcpStream::connect(mock.address()).unwrap();
    let body = hello("mock", false).to_string();
    for path in [OPENAI, ANTHROPIC] {
        write!(
            socket,
            "POST {path} HTTP/1.1\r\nhost: mock\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let (mut all, mut chunk) = (Vec::new(), [0; 4096]);
        while memchr::memmem::find(&all, b"\r\n\r\n").is_none_or(|head| all.len() < head + 4 + 1024)
        {
            let read = socket.read(&mut chunk).unwrap();
            assert!(read > 0);
            all.extend_from_slice(&chunk[..read]);
        }
        assert!(
            json_of(std::str::from_utf8(&all).unwrap())
                .to_string()
                .contains(GREETING)
        );
    }
    assert!(mock.requests().is_empty());
    assert!(
        exchange(&mock, OPENAI, "", &hello("mock", true))
            .0
            .contains("[DONE]")
    );
}

#[test]
fn an_azure_deployment_names_the_model() {
    let mock = Mock::start(Settings {
        script: Script::default(),
        ..Settings::default()
    })
    .unwrap();
    let body = json!({"messages": [{"role": "user", "content": "hi"}]});
    let (answer, _) = exchange(
        &mock,
        "/openai/deployments/mock-429/chat/completions?api-version=1",
        "api-key: k\r\n",
        &body,
    );
    assert!(answer.starts_with("HTTP/1.1 429"));
    let (answer, _) = exchange(
        &mock,
        "/openai/deployments/four/chat/completions?api-version=1",
        "api-key: k\r\n",
        &body,
    );
    assert_eq!(json_of(&answer)["model"], "four");
}

#[test]
fn filters_refusals_and_likelihoods_are_told_in_each_format() {
    let mock = Mock::start(Settings::default()).unwrap();
    let gemini = json!({"contents": [{"parts": [{"text": "hello"}]}], "generationConfig": {"responseLogprobs": true, "logprobs": 2}});
    let responses = json!({"model": "mock", "input": "hello", "top_logprobs": 2, "include": ["message.output_text.logprobs"]});
    let mut chat = hello("mock", false);
    chat["logprobs"] = json!(true);
    chat["top_logprobs"] = json!(2);
    let answer = |path: &str, items: &str, body: &Value| {
        let headers = format!("x-mock: {items}\r\n");
        json_of(&exchange(&mock, path, &headers, body).0)
    };
    let (google, kept) = ("/v1beta/models/mock:generateContent", "/v1/responses");
    assert_eq!(
        answer(OPENAI, "filter", &chat)["choices"][0]["finish_reason"],
        "content_filter"
    );
    assert_eq!(
        answer(ANTHROPIC, "filter", &hello("mock", false))["stop_reason"],
        "refusal"
    );
    assert_eq!(
        answer(kept, "filter", &responses)["incomplete_details"]["reason"],
        "content_filter"
    );
    assert_eq!(
        answer(google, "filter", &gemini)["candidates"][0]["finishReason"],
        "SAFETY"
    );
    let refusal = "A mock was asked to refuse this.";
    let message = &answer(OPENAI, "refusal", &chat)["choices"][0]["message"];
    assert_eq!(
        (&message["refusal"], &message["content"]),
        (&json!(refusal), &Value::Null)
    );
    let part = answer(kept, "refusal", &responses)["output"][0]["content"][0].clone();
    assert_eq!(part, json!({"type": "refusal", "refusal": refusal}));
    let one = json!({"token": "This ", "logprob": -0.125, "bytes": b"This ".to_vec(),
        "top_logprobs": [{"token": "This ", "logprob": -0.125, "bytes": b"This ".to_vec()}, {"token": "mock1", "logprob": -3.5, "bytes": b"mock1".to_vec()}]});
    assert_eq!(
        answer(OPENAI, "", &chat)["choices"][0]["logprobs"]["content"][0],
        one
    );
    assert_eq!(
        answer(kept, "", &responses)["output"][0]["content"][0]["logprobs"][0],
        one
    );
    let told = &answer(google, "", &gemini)["candidates"][0]["logprobsResult"];
    assert_eq!(told["chosenCandidates"][0]["logProbability"], -0.125);
    assert_eq!(told["topCandidates"][0]["candidates"][1]["token"], "mock1");
    let mut streamed = responses.clone();
    streamed["stream"] = json!(true);
    let (answer, _) = exchange(&mock, kept, "x-mock: refusal\r\n", &streamed);
    assert!(
        answer.contains("event: response.refusal.delta")
            && answer.contains("event: response.refusal.done")
    );
    let (answer, _) = exchange(&mock, kept, "", &streamed);
    assert!(
        answer.contains("\"delta\":\"This \",\"item_id\"")
            && answer.contains("\"logprobs\":[{\"token\":\"This \""),
        "{answer}"
    );
}

#[test]
fn seals_are_looked_at_where_asked() {
    let mock = Mock::start(Settings::default()).unwrap();
    let status = |path: &str, body: &Value| {
        exchange(&mock, path, "x-mock: check-seals\r\n", body).0[9..12].to_owned()
    };
    let thought = |seal: &str| {
        json!({"model": "mock", "max_tokens": 99, "messages": [{"role": "user", "content": "x"},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "x", "signature": seal}, {"type": "text", "text": "y"}]}, {"role": "user", "content": "z"}]})
    };
    let item = |seal: &str| {
        json!({"model": "mock", "input": [{"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": seal},
        {"role": "assistant", "content": "y"}, {"role": "user", "content": "z"}]})
    };
    let part = |seal: &str| json!({"contents": [{"parts": [{"text": "x"}]}, {"role": "model", "parts": [{"text": "y", "thoughtSignature": seal}]}, {"parts": [{"text": "z"}]}]});
    let google = "/v1beta/models/mock:generateContent";
    for (seal, expected) in [(super::anthropic::SEAL, "200"), ("Zm9yZWlnbg==", "400")] {
        assert_eq!(status(ANTHROPIC, &thought(seal)), expected);
    }
    for (seal, expected) in [(super::responses::SEAL, "200"), ("Zm9yZWlnbg==", "400")] {
        assert_eq!(status("/v1/responses", &item(seal)), expected);
    }
    for (seal, expected) in [
        (super::gemini::SEAL, "200"),
        ("skip_thought_signature_validator", "200"),
        ("Zm9yZWlnbg==", "400"),
    ] {
        assert_eq!(status(google, &part(seal)), expected);
    }
}
