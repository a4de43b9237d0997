//! Counting the tokens of a request: forwarded where the provider counts, otherwise estimated and said so.

use crate::harness::http::{self, Answer};
use crate::kit::{Bench, plan};
use serde_json::{Value, json};

const ANTHROPIC: &str = "/v1/messages/count_tokens";
const RESPONSES: &str = "/v1/responses/input_tokens";

fn bench() -> Bench {
    plan()
        .at("native", &["a/mock"])
        .at("none", &["m/mock"])
        .at("both", &["m/claude-first", "a/mock"])
        .start()
}

fn prompt(model: &str, text: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": text}], "not_known": {"b": 1, "a": [1.50]}})
}

/// What the row says of an operation that uses nothing.
#[track_caller]
fn said(bench: &Bench, answer: &Answer) -> Value {
    let row = bench.row(answer);
    assert_eq!(
        (&row["usage"]["input"], row.get("cost_pico")),
        (&json!(0), None),
        "{row}"
    );
    json!([
        row["format"],
        row["provider"],
        row["model"],
        row["usage_source"],
        row["attempts"].as_array().unwrap().len()
    ])
}

#[test]
fn a_provider_that_counts_is_asked_byte_for_byte() {
    let bench = bench();
    let body = r#"{"model": "mock",  "messages":[{"role":"user","content":"count me"}], "not_known": {"b": 1, "a": [1.50]}}"#;
    let answer = http::exchange(
        "POST",
        &bench.url(&format!("/native{ANTHROPIC}?beta=true&key=x")),
        &[
            ("authorization", &format!("Bearer {}", bench.key)),
            ("anthropic-beta", "token-counting-2024-11-01"),
        ],
        body,
    );
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(
        answer.json()["input_tokens"].as_u64().unwrap() > 0,
        "{answer:?}"
    );
    assert_eq!(
        (answer.header("x-gw-estimated"), answer.header("x-gw-cost")),
        (None, None)
    );
    let seen = bench.upstream("count me");
    assert_eq!(seen.body, body);
    let told = format!("{seen:?}");
    assert!(
        told.contains("/v1/messages/count_tokens?beta=true\"")
            && told.contains("token-counting-2024-11-01"),
        "{told}"
    );
    assert_eq!(
        said(&bench, &answer),
        json!(["anthropic-count-tokens", "a", "mock", "reported", 1])
    );
    // Another name of the model is written over in its place.
    let answer = bench.post(&format!("/native{ANTHROPIC}"), &prompt("other", "renamed"));
    assert_eq!(answer.status, 200);
    assert!(bench.upstream("renamed").body.contains(r#""model":"mock""#));
}

#[test]
fn what_nobody_counts_is_estimated_in_each_shape_and_marked() {
    let bench = bench();
    let text = "The quick brown fox jumps over the lazy dog, again and again, until someone counts the words.";
    let gemini = json!({"contents": [{"parts": [{"text": text}]}]});
    for (path, body, shape, format) in [
        (
            format!("/none{ANTHROPIC}"),
            prompt("m", text),
            json!({"input_tokens": 0}),
            "anthropic-count-tokens",
        ),
        (
            format!("/none{RESPONSES}"),
            json!({"model": "m", "input": text}),
            json!({"object": "response.input_tokens", "input_tokens": 0}),
            "openai-responses-input-tokens",
        ),
        (
            "/none/v1beta/models/m:countTokens".into(),
            gemini.clone(),
            json!({"totalTokens": 0}),
            "gemini-count-tokens",
        ),
        (
            "/none/v1/models/org/m:countTokens".into(),
            json!({"generateContentRequest": {"model": "models/m", "contents": gemini["contents"]}}),
            json!({"totalTokens": 0}),
            "gemini-count-tokens",
        ),
    ] {
        bench.mock.forget();
        let answer = bench.post(&path, &body);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert_eq!(
            answer.header("x-gw-estimated"),
            Some("input_tokens"),
            "{path}"
        );
        let mut got = answer.json();
        let name = if got.get("totalTokens").is_some() {
            "totalTokens"
        } else {
            "input_tokens"
        };
        let tokens = got[name].as_u64().unwrap();
        assert!((18..=32).contains(&tokens), "{path}: {tokens}");
        got[name] = 0.into();
        assert_eq!(got, shape, "{path}");
        assert!(bench.mock.requests().is_empty(), "{path}");
        assert_eq!(
            said(&bench, &answer),
            json!([format, "m", "mock", "estimated", 0]),
            "{path}"
        );
    }
    // Tools and images count, and what only its maker reads does not.
    let of = |body: Value| {
        let answer = bench.post(&format!("/none{ANTHROPIC}"), &body);
        answer.json()["input_tokens"].as_u64().unwrap()
    };
    let plain = of(prompt("m", text));
    let mut tools = prompt("m", text);
    tools["tools"] = json!([{"name": "read_file", "description": "Reads a file of the project", "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}}}]);
    assert!(of(tools) > plain + 20);
    let mut image = prompt("m", text);
    image["messages"][0]["content"] = json!([{"type": "text", "text": text}, {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "x".repeat(400_000)}}]);
    assert!((plain + 50..plain + 3_000).contains(&of(image)));
    let mut sealed = prompt("m", text);
    sealed["messages"] = json!([{"role": "user", "content": text}, {"role": "assistant", "content": [{"type": "thinking", "thinking": "", "signature": "x".repeat(40_000)}]}]);
    assert!(of(sealed) < plain + 20);
}

#[test]
fn the_first_target_is_the_one_that_counts_and_no_other() {
    let bench = bench();
    let answer = bench.post(&format!("/both{ANTHROPIC}"), &prompt("m", "first of two"));
    assert_eq!(answer.header("x-gw-estimated"), Some("input_tokens"));
    assert!(bench.mock.requests().is_empty());
    assert_eq!(
        said(&bench, &answer),
        json!([
            "anthropic-count-tokens",
            "m",
            "claude-first",
            "estimated",
            0
        ])
    );
}

#[test]
fn a_target_that_cannot_count_after_all_fails_no_request() {
    for (status, estimated) in [
        (405, true),
        (429, true),
        (500, true),
        (501, true),
        (503, true),
        (400, false),
    ] {
        let bench = plan().at("native", &[&format!("a/mock-{status}")]).start();
        let answer = bench.post(&format!("/native{ANTHROPIC}"), &prompt("m", "faulty"));
        match estimated {
            true => {
                assert_eq!(
                    (answer.status, answer.header("x-gw-estimated")),
                    (200, Some("input_tokens")),
                    "{status}: {answer:?}"
                );
                assert_eq!(said(&bench, &answer)[3], "estimated");
            }
            false => assert_eq!(
                (answer.status, answer.header("x-gw-estimated")),
                (status, None),
                "{answer:?}"
            ),
        }
    }
}

#[test]
fn counts_ask_for_a_key_and_are_refused_as_other_requests_are() {
    let bench = bench();
    for (path, kind) in [
        (ANTHROPIC.to_owned(), "anthropic"),
        (RESPONSES.to_owned(), "openai"),
        ("/v1beta/models/m:countTokens".to_owned(), "google"),
    ] {
        let body = prompt("m", "nobody");
        let answer = http::post(&bench.url(&path), &[], &body);
        let shape = match answer.json() {
            error if error["type"] == "error" => "anthropic",
            error if error["error"]["status"] == "UNAUTHENTICATED" => "google",
            _ => "openai",
        };
        assert_eq!((answer.status, shape), (401, kind), "{path}: {answer:?}");
        assert_eq!(bench.row(&answer)["status"], 401);
        let answer = http::get_with(&bench.url(&path), &bench.key);
        assert_eq!(answer.status, 405, "{path}");
        let answer = bench.post(&path, &json!("no object"));
        assert_eq!(answer.status, 400, "{path}");
    }
    assert!(bench.mock.requests().is_empty());
}

#[test]
fn a_conversation_is_compacted_by_who_can_and_refused_by_name_elsewhere() {
    let bench = plan().at("none", &["a/mock"]).start();
    let body = json!({"model": "mock", "input": [{"role": "user", "content": "make it short"}]});
    let answer = bench.post("/none/v1/responses/compact", &body);
    assert_eq!(answer.status, 400, "{answer:?}");
    let message = answer.json()["error"]["message"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        message.contains("only a provider that speaks `openai-responses` itself compacts"),
        "{message}"
    );
    assert!(bench.mock.requests().is_empty());
}
