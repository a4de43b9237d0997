//! Vendors as their rows have them: where the request goes, how it signs in, which words it uses.

use crate::kit::{Bench, chat, plan};
use gw::mock::Seen;
use serde_json::{Value, json};

fn seen(bench: &Bench) -> Seen {
    bench
        .mock
        .requests()
        .pop()
        .expect("the simulator was asked")
}

fn credential_header(seen: &Seen) -> Vec<&str> {
    seen.headers
        .iter()
        .filter(|(_, value)| value.contains("***"))
        .map(|(name, _)| name.as_str())
        .collect()
}

#[test]
fn each_vendor_is_called_its_own_way() {
    let plan = plan();
    let url = plan.mock.url();
    let v1 = format!("{url}/v1");
    let bench = plan
        .provider("az", json!({"vendor": "azure", "base_url": url}))
        .provider("azq", json!({"vendor": "azure", "base_url": url, "query": {"api-version": "2025-01-01-preview"}}))
        .provider("groq", json!({"vendor": "groq", "base_url": v1}))
        .provider("claude", json!({"vendor": "anthropic", "base_url": v1, "headers": {"x-team": "search"}}))
        .provider("local", json!({"vendor": "ollama", "base_url": v1, "credential": "none"}))
        .at("az", &["az/my deployment"])
        .at("azq", &["azq/gpt-4o"])
        .at("groq", &["groq/llama-3.3-70b"])
        .at("claude", &["claude/claude-sonnet-4-5"])
        .at("local", &["local/llama3:8b"])
        .start();
    for (route, path, header, status) in [
        (
            "az",
            "/openai/deployments/my%20deployment/chat/completions?api-version=2024-10-21",
            Some("api-key"),
            200,
        ),
        (
            "azq",
            "/openai/deployments/gpt-4o/chat/completions?api-version=2025-01-01-preview",
            Some("api-key"),
            200,
        ),
        ("groq", "/v1/chat/completions", Some("authorization"), 200),
        ("claude", "/v1/messages", Some("x-api-key"), 200),
        // The simulator wants a credential, and this provider has none.
        ("local", "/v1/chat/completions", None, 502),
    ] {
        let answer = bench.post(
            &format!("/{route}/v1/chat/completions"),
            &chat("any", "hello", false),
        );
        let seen = seen(&bench);
        assert_eq!(
            (answer.status, seen.path.as_str()),
            (status, path),
            "{route}: {answer:?}"
        );
        assert_eq!(
            credential_header(&seen),
            header.into_iter().collect::<Vec<_>>(),
            "{route}: {:?}",
            seen.headers
        );
    }
    let seen = bench
        .mock
        .requests()
        .into_iter()
        .find(|seen| seen.path == "/v1/messages")
        .unwrap();
    let header = |name: &str| {
        seen.headers
            .iter()
            .find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    };
    assert_eq!(
        (header("anthropic-version"), header("x-team")),
        (Some("2023-06-01"), Some("search"))
    );
}

#[test]
fn the_longest_answer_is_asked_for_in_the_vendors_words() {
    let plan = plan();
    let v1 = format!("{}/v1", plan.mock.url());
    let bench = plan
        .provider("o", json!({"vendor": "openai", "base_url": v1}))
        .provider("mi", json!({"vendor": "mistral", "base_url": v1}))
        .at("o", &["o/gpt-4o"])
        .at("mi", &["mi/mistral-small"])
        .start();
    for (route, there, absent, asks_usage) in [
        ("o", "max_completion_tokens", "max_tokens", true),
        ("mi", "max_tokens", "max_completion_tokens", false),
    ] {
        let mut body = chat("any", "hello", true);
        body["max_tokens"] = json!(77);
        assert_eq!(
            bench.post(&format!("/{route}/v1/messages"), &body).status,
            200,
            "{route}"
        );
        let sent: Value = serde_json::from_str(&seen(&bench).body).unwrap();
        assert_eq!(
            (&sent[there], &sent[absent]),
            (&json!(77), &Value::Null),
            "{route}: {sent}"
        );
        assert_eq!(
            sent.get("stream_options").is_some(),
            asks_usage,
            "{route}: {sent}"
        );
    }
}

#[test]
fn embeddings_are_asked_of_who_has_some() {
    let bench = plan()
        .at("e", &["a/claude-sonnet-4-5", "m/text-embedding-3-small"])
        .at("only", &["a/claude-sonnet-4-5"])
        .start();
    let body = json!({"model": "any", "input": ["one", "two"], "unknown": "kept"});
    let answer = bench.post("/e/v1/embeddings", &body);
    assert_eq!(
        (
            answer.status,
            answer.header("x-gw-attempts"),
            answer.header("x-gw-provider")
        ),
        (200, Some("1"), Some("m")),
        "{answer:?}"
    );
    assert_eq!(
        answer.json()["data"].as_array().map(Vec::len),
        Some(2),
        "{answer:?}"
    );
    let row = bench.row(&answer);
    assert_eq!(
        (&row["format"], &row["usage_source"]),
        (&json!("openai-embeddings"), &json!("reported")),
        "{row}"
    );
    let sent: Value = serde_json::from_str(&seen(&bench).body).unwrap();
    assert_eq!(
        (&sent["model"], &sent["input"]),
        (&json!("text-embedding-3-small"), &json!(["one", "two"]))
    );
    let refused = bench.post("/only/v1/embeddings", &body);
    assert_eq!(refused.status, 400, "{refused:?}");
    assert!(
        refused
            .body
            .contains("provider does not serve this kind of request"),
        "{refused:?}"
    );
}
