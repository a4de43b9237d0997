//! What `logs.redact` names is never in the log: not in bodies, not in errors, not where a stream was cut, and nobody who
//! follows sees it. The caller's own answer is as it was.

use crate::harness::{
    until,
    wait::{Lines, Raise},
};
use crate::kit::{Bench, Plan, bytes_upstream, chat, plan};
use serde_json::{Value, json};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};

/// A whole answer of an upstream.
fn answer(status: &str, kind: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn redacting() -> Plan {
    plan().logs("redact = [\"email\", \"card\", \"keys\", \"(?i)project [a-z]+\"]")
}

fn content(bench: &Bench, id: &str) -> Value {
    until("its content is kept", || {
        let row = bench
            .gateway
            .cli(&["logs", "get", id, "--bodies", "-o", "json"]);
        let row: Value = serde_json::from_str(&row.stdout).ok()?;
        Some(row["content"].clone()).filter(|content| !content.is_null())
    })
}

const SECRETS: &str = "mail ann@example.org about Project Falcon, card 4111 1111 1111 1111, key sk-abcdefghij0123456789";

#[test]
fn bodies_are_kept_without() {
    let bench = redacting().start();
    let answer = bench.post("/v1/chat/completions", &chat("gpt-4o-mini", SECRETS, false));
    assert!(
        bench.upstream("Falcon").body.contains("ann@example.org"),
        "the provider gets what was sent"
    );
    let kept = content(&bench, answer.header("x-gw-request-id").unwrap());
    let request = kept["request"]["text"].as_str().unwrap();
    assert!(
        request.contains("mail [email] about [redacted], card [card], key [key]"),
        "{request}"
    );
    assert!(
        serde_json::from_str::<Value>(request).is_ok(),
        "it stays JSON: {request}"
    );
    for text in ["ann@", "Falcon", "4111", "sk-abc"] {
        assert_eq!(
            bench.gateway.ok(&["logs", "--text", text, "-o", "name"]),
            ""
        );
    }
    let status = bench.gateway.cli(&["status", "-o", "json"]).json();
    assert!(status["log"]["redacted"].as_u64().unwrap() >= 4, "{status}");
}

#[test]
fn a_stream_is_kept_without_what_lies_across_its_events() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let pieces = ["reach ann", "@exam", "ple.org to", "day"];
    let events: String = pieces
        .iter()
        .map(|text| {
            let event = json!({"id": "c", "object": "chat.completion.chunk", "model": "x", "choices": [{"index": 0, "delta": {"content": text}}]});
            format!("data: {event}\n\n")
        })
        .collect();
    let upstream = bytes_upstream(answer(
        "200 OK",
        "text/event-stream",
        &format!("{events}data: [DONE]\n\n"),
    ));
    let bench = redacting()
        .provider(
            "s",
            json!({"vendor": "openai-compatible", "base_url": upstream}),
        )
        .at("s", &["s/gpt-4o-mini"])
        .args(&["--data-dir", data.to_str().unwrap(), "--secrets", "memory"])
        .launch();
    let got = bench.post("/s/v1/chat/completions", &chat("any", "hello", true));
    assert!(
        got.body.contains("@exam"),
        "the caller has it as it came: {}",
        got.body
    );
    let kept = content(&bench, got.header("x-gw-request-id").unwrap());
    let response = kept["response"]["text"].as_str().unwrap();
    assert!(
        response.contains("reach [email]") && !response.contains("exam"),
        "{response}"
    );
    let log = std::fs::read_dir(data.join("logs")).unwrap();
    for file in log.map(|file| file.unwrap().path()) {
        let bytes = std::fs::read(&file).unwrap();
        assert!(
            !bytes.windows(4).any(|four| four == b"ann@"),
            "{}",
            file.display()
        );
    }
}

#[test]
fn errors_and_followers_have_it_not() {
    let body =
        r#"{"error":{"message":"no such user ann@example.org","type":"invalid_request_error"}}"#;
    let upstream = bytes_upstream(answer("400 Bad Request", "application/json", body));
    let bench = redacting()
        .provider(
            "e",
            json!({"vendor": "openai-compatible", "base_url": upstream}),
        )
        .at("e", &["e/gpt-4o-mini"])
        .start();
    let mut follower = bench
        .gateway
        .command(&["logs", "-f", "-o", "jsonl"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = Lines::of(follower.stdout.take().unwrap());
    let seen = AtomicBool::new(false);
    let line = std::thread::scope(|scope| {
        // What comes before the follower is there, it does not see.
        scope.spawn(|| {
            while !seen.load(Ordering::Relaxed) {
                let answer = bench.post("/e/v1/chat/completions", &chat("any", "x", false));
                assert!(answer.body.contains("ann@example.org"), "{}", answer.body);
            }
        });
        let _raise = Raise(&seen);
        lines.next()
    });
    follower.kill().unwrap();
    follower.wait().unwrap();
    let row: Value = serde_json::from_str(&line.unwrap()).unwrap();
    let error = row["error"].as_str().unwrap();
    assert!(error.contains("no such user [email]"), "{row}");
    assert!(!row.to_string().contains("ann@"), "{row}");
}

#[test]
fn what_is_no_pattern_stops_the_start() {
    let place = tempfile::tempdir().unwrap();
    let config = place.path().join("gw.toml");
    std::fs::write(&config, "[logs]\nredact = [\"(\"]\n").unwrap();
    let gateway = crate::harness::Gateway::start();
    let started = gateway.cli(&["serve", "--in-memory", "--config", config.to_str().unwrap()]);
    assert_eq!(started.code, Some(2), "{}", started.stderr);
    assert!(
        started
            .stderr
            .contains("`(` in `logs.redact` is no pattern"),
        "{}",
        started.stderr
    );
}
