//! Whether a prompt fits a model is estimated, and an estimate refuses only what is far too long; media is no text.

use crate::kit::{Plan, plan};
use serde_json::{Value, json};

const PATH: &str = "/v1/chat/completions";

/// A route `r` to a model with a context window of 1,000 tokens that leaves usage out.
fn small() -> Plan {
    plan()
        .item(
            "model",
            "small",
            json!({"provider": "m", "upstream_id": "mock-no-usage", "context_window": 1_000}),
        )
        .at("r", &["m/mock-no-usage"])
}

fn text(bytes: usize) -> Value {
    let text = "word ".repeat(bytes / 5);
    json!({"model": "any", "messages": [{"role": "user", "content": text}]})
}

/// Images, recordings and files of 300 kB each, beside a short text.
fn media() -> Vec<(&'static str, Value)> {
    let data = "iVBORw0KGgoAAAAN/+".repeat(17_000);
    let url = format!("data:image/png;base64,{data}");
    let parts = [
        (
            "image",
            json!({"type": "image_url", "image_url": {"url": url}}),
        ),
        (
            "recording",
            json!({"type": "input_audio", "input_audio": {"data": data, "format": "wav"}}),
        ),
        (
            "file",
            json!({"type": "file", "file": {"filename": "a.pdf", "file_data": format!("data:application/pdf;base64,{data}")}}),
        ),
    ];
    let of = |part| json!({"model": "any", "messages": [{"role": "user", "content": [{"type": "text", "text": "what is this?"}, part]}]});
    parts.map(|(name, part)| (name, of(part))).into()
}

#[test]
fn an_estimate_refuses_only_what_is_far_too_long() {
    let bench = small().start();
    for (bytes, status) in [(3_000, 200), (5_000, 200), (7_500, 200), (9_000, 400)] {
        let answer = bench.post(&format!("/r{PATH}"), &text(bytes));
        assert_eq!(answer.status, status, "{bytes}: {answer:?}");
    }
    assert_eq!(bench.mock.requests().len(), 3);
}

#[test]
fn media_is_counted_as_text_neither_in_the_plan_nor_in_usage() {
    let bench = small().start();
    for (name, body) in media() {
        let answer = bench.post(&format!("/r{PATH}"), &body);
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
        let row = bench.row(&answer);
        assert_eq!(row["usage_source"], "estimated", "{name}: {row}");
        let input = row["usage"]["input"].as_u64().unwrap();
        assert!((10..100).contains(&input), "{name}: {row}");
    }
}

#[test]
fn explain_estimates_as_serving_does() {
    let bench = small().start();
    let explain = |body: &Value| {
        let place = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(place.path(), body.to_string()).unwrap();
        let data = format!("@{}", place.path().display());
        let path = ["--key", "k", "--path", "/r", "--data", &data, "-o", "json"];
        let said = bench
            .gateway
            .ok(&[&["route", "explain"], &path[..]].concat());
        let said: Value = serde_json::from_str(&said).unwrap();
        said["refused"]["status"].as_u64().unwrap_or(200)
    };
    for (bytes, status) in [(7_500, 200), (9_000, 400)] {
        assert_eq!(explain(&text(bytes)), status, "{bytes}");
    }
    for (name, body) in media() {
        assert_eq!(explain(&body), 200, "{name}");
    }
}
