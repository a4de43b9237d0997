//! Bedrock's Converse in and out: every caller reaches it, its callers reach every other format, and what fails is told as
//! Amazon's clients look for it: by a header, and within a stream by an exception.

use crate::harness::http::{self, Answer};
use crate::kit::{Bench, bytes_upstream, chat, hear, plan};
use gw::formats::eventstream;
use gw::formats::frames::{Frames, Framing};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, Sender, channel};

fn speaks(url: &str) -> Value {
    json!({"vendor": "openai-compatible", "base_url": url, "formats": ["bedrock-converse"]})
}

fn asked() -> Value {
    json!({"messages": [{"role": "user", "content": [{"text": "hi"}]}]})
}

fn converse(bench: &Bench, route: &str, how: &str) -> Answer {
    bench.post(&format!("/{route}/model/any/{how}"), &asked())
}

/// The messages of a binary stream, by name.
fn told(answer: &Answer) -> Vec<(String, Value)> {
    let mut frames = Frames::of(Framing::Binary);
    frames.push(answer.raw.clone().into()).unwrap();
    let mut all = Vec::new();
    while let Some(frame) = frames.next() {
        let (name, data) = frames.read(&frame).unwrap();
        all.push((name.to_owned(), serde_json::from_slice(&data).unwrap()));
    }
    assert_eq!(frames.waiting(), 0, "{answer:?}");
    all
}

fn framed(events: &[(&str, Value)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, data) in events {
        let data = data.to_string();
        bytes.extend(match name.ends_with("Exception") {
            true => eventstream::exception(name, data.as_bytes()),
            false => eventstream::event(name, data.as_bytes()),
        });
    }
    bytes
}

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/vnd.amazon.eventstream\r\nconnection: close\r\n\r\n";

/// An upstream that sends these messages, and these when it is told to. Its URL.
fn failing(before: Vec<u8>, after: Vec<u8>, go: Receiver<()>) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let Ok(mut socket) = socket else { return };
            hear(&mut socket);
            drop(socket.write_all(&[HEAD.as_bytes(), &before].concat()));
            if go.recv().is_err() {
                return;
            }
            drop(socket.write_all(&after));
        }
    });
    url
}

/// Asks, and once so much has come lets the upstream go on.
fn interrupted(bench: &Bench, path: &str, body: &Value, seen: &[u8], go: &Sender<()>) -> Answer {
    let mut socket = bench.open(path, body);
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    while !bytes.windows(seen.len()).any(|window| window == seen) {
        let length = socket.read(&mut piece).unwrap();
        assert!(length > 0, "{}", String::from_utf8_lossy(&bytes));
        bytes.extend_from_slice(&piece[..length]);
    }
    go.send(()).unwrap();
    socket.read_to_end(&mut bytes).unwrap();
    http::parse(&bytes)
}

#[test]
fn every_caller_reaches_it_and_its_callers_every_format() {
    let plan = plan();
    let url = plan.mock.url();
    let bench = plan
        .provider("b", speaks(&url))
        .at("b", &["b/us.amazon.nova-2-lite-v1:0"])
        .at("a", &["a/claude-sonnet-4-5"])
        .at("m", &["m/gpt-4o"])
        .start();
    let anthropic =
        json!({"model": "any", "max_tokens": 99, "messages": [{"role": "user", "content": "hi"}]});
    for route in ["b", "a", "m"] {
        let path = format!("/{route}/v1/chat/completions");
        let chats = bench.post(&path, &chat("any", "hi", false));
        let said = chats.json()["choices"][0]["message"]["content"].clone();
        let said = said.as_str().unwrap_or_else(|| panic!("{chats:?}"));
        let messages = bench.post(&format!("/{route}/v1/messages"), &anthropic);
        assert_eq!(messages.json()["content"][0]["text"], *said, "{messages:?}");
        let whole = converse(&bench, route, "converse");
        let body = whole.json();
        assert_eq!(
            (
                &body["output"]["message"]["content"][0]["text"],
                &body["stopReason"]
            ),
            (&json!(said), &json!("end_turn")),
            "{whole:?}"
        );
        assert!(body["usage"]["totalTokens"].as_u64() > Some(0), "{whole:?}");
        assert!(whole.header("x-amzn-requestid").is_some(), "{whole:?}");
        let stream = converse(&bench, route, "converse-stream");
        assert_eq!(
            stream.header("content-type"),
            Some("application/vnd.amazon.eventstream"),
            "{stream:?}"
        );
        let events = told(&stream);
        let text: String = events
            .iter()
            .filter_map(|(_, event)| event["delta"]["text"].as_str())
            .collect();
        assert_eq!(text, said, "{events:?}");
        let last = events.last().map(|(name, _)| name.as_str());
        assert_eq!(last, Some("metadata"), "{events:?}");
        let stream = bench.post(&path, &chat("any", "hi", true));
        assert!(stream.body.ends_with("data: [DONE]\n\n"), "{stream:?}");
    }
}

#[test]
fn an_exception_within_a_stream_is_told_to_every_caller() {
    let begin = || ("messageStart", json!({"role": "assistant"}));
    let text = json!({"contentBlockIndex": 0, "delta": {"text": "a"}});
    let slow = || {
        (
            "throttlingException",
            json!({"message": "Too many requests"}),
        )
    };
    let (go, told_to) = channel();
    let before = framed(&[begin(), ("contentBlockDelta", text)]);
    let late = failing(before, framed(&[slow()]), told_to);
    let soon = [HEAD.as_bytes(), &framed(&[begin(), slow()])].concat();
    let bench = plan()
        .provider("late", speaks(&late))
        .provider("soon", speaks(&bytes_upstream(soon)))
        .at_with("late", &["late/x"], json!({"retries": 0}))
        .at_with("soon", &["soon/x"], json!({"retries": 0}))
        .start();
    let path = "/late/model/any/converse-stream";
    let events = told(&interrupted(
        &bench,
        path,
        &asked(),
        b"contentBlockDelta",
        &go,
    ));
    let last = events.last().expect("there is something");
    assert_eq!(
        (&*last.0, &last.1["message"]),
        ("throttlingException", &json!("Too many requests")),
        "{events:?}"
    );
    let (path, body) = ("/late/v1/chat/completions", chat("any", "hi", true));
    let stream = interrupted(&bench, path, &body, b"\"content\":\"a\"", &go);
    assert!(
        stream.body.contains("Too many requests") && !stream.body.contains("[DONE]"),
        "{stream:?}"
    );
    // Before anything was said it is an error like any other.
    let refused = converse(&bench, "soon", "converse-stream");
    assert_eq!(
        (refused.status, refused.header("x-amzn-errortype")),
        (429, Some("ThrottlingException")),
        "{refused:?}"
    );
}

#[test]
fn an_error_is_called_what_amazons_clients_call_it() {
    let body = r#"{"message":"The provided model identifier is invalid."}"#;
    let head = format!(
        "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nx-amzn-errortype: ValidationException:http://internal.amazon.com/\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let url = bytes_upstream([head.as_bytes(), body.as_bytes()].concat());
    let bench = plan().provider("b", speaks(&url)).at("b", &["b/x"]).start();
    let same = converse(&bench, "b", "converse");
    assert_eq!(
        (same.status, same.header("x-amzn-errortype"), &*same.body),
        (400, Some("ValidationException"), body),
        "{same:?}"
    );
    let other = bench.post("/b/v1/chat/completions", &chat("any", "hi", false));
    assert_eq!(
        (other.status, &other.json()["error"]["message"]),
        (400, &json!("The provided model identifier is invalid.")),
        "{other:?}"
    );
}
