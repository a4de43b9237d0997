//! What of a caller's request passes to a provider beside the body, and in which form.

use crate::harness::http;
use crate::kit::{Act, Bench, chat, plan, scripted};
use gw::mock::{Mock, Settings};
use serde_json::json;

const OWN: &str = "sk-ant-oat01-callers-own-9f8e7d6c5b4a3f2e";

/// Path and some headers of what the simulator was sent last.
fn seen(mock: &Mock, names: &[&str]) -> (String, Vec<Option<String>>) {
    let requests = mock.requests();
    let last = requests.last().unwrap();
    let values = names
        .iter()
        .map(|name| last.header(name).map(str::to_owned));
    (last.path.clone(), values.collect())
}

fn post(bench: &Bench, path: &str, headers: &[(&str, &str)]) -> http::Answer {
    let bearer = format!("Bearer {}", bench.key);
    let headers = [&[("authorization", bearer.as_str())], headers].concat();
    http::post(&bench.url(path), &headers, &chat("mock", "x", false))
}

#[test]
fn harmless_query_parameters_pass_where_the_format_is_the_same() {
    let bench = plan().at("a", &["a/mock"]).start();
    for (path, upstream) in [
        ("/a/v1/messages?beta=true", "/v1/messages?beta=true"),
        (
            "/a/v1/messages?key=x&beta=true&api_base=http://evil.example",
            "/v1/messages?beta=true",
        ),
        ("/a/v1/messages?", "/v1/messages"),
        ("/a/v1/chat/completions?beta=true", "/v1/messages"),
        ("/v1/messages?beta=true", "/v1/chat/completions"),
    ] {
        assert_eq!(post(&bench, path, &[]).status, 200, "{path}");
        assert_eq!(seen(&bench.mock, &[]).0, upstream, "{path}");
    }
}

#[test]
fn anthropic_headers_pass_to_anthropic_upstreams_as_they_come() {
    let bench = plan().at("a", &["a/mock"]).start();
    let headers = [
        ("anthropic-beta", "oauth-2025-04-20,  context-1m-2025-08-07"),
        ("anthropic-beta", "another-one"),
        ("anthropic-dangerous-direct-browser-access", "true"),
        ("anthropic-version", "2099-01-01"),
    ];
    let names = [
        "anthropic-beta",
        "anthropic-dangerous-direct-browser-access",
        "anthropic-version",
    ];
    assert_eq!(post(&bench, "/a/v1/messages", &headers).status, 200);
    let requests = bench.mock.requests();
    let all: Vec<(&str, &str)> = requests[0]
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .filter(|(name, _)| names.contains(name))
        .collect();
    let mut sent = headers.to_vec();
    let mut all = all;
    sent.sort_unstable();
    all.sort_unstable();
    assert_eq!(all, sent);
    // Through a translation they would mean nothing.
    assert_eq!(post(&bench, "/v1/messages", &headers).status, 200);
    assert_eq!(seen(&bench.mock, &names).1, [None, None, None]);
}

#[test]
fn a_beta_that_enlarges_the_context_window_is_known_to_the_context_check() {
    let bench = plan()
        .at("a", &["a/claude-x"])
        .item(
            "model",
            "a/claude-x",
            json!({"provider": "a", "context_window": 100}),
        )
        .start();
    let bearer = format!("Bearer {}", bench.key);
    let body = chat("claude-x", &"many words ".repeat(2_000), false);
    let ask = |more: &[(&str, &str)]| {
        let headers = [&[("authorization", bearer.as_str())], more].concat();
        http::post(&bench.url("/a/v1/messages"), &headers, &body).status
    };
    assert_eq!(ask(&[]), 400);
    assert_eq!(ask(&[("anthropic-beta", "tools-2024-04-04")]), 400);
    let beta = ("anthropic-beta", "tools-2024-04-04,context-1m-2025-08-07");
    assert_eq!(ask(&[beta]), 200);
}

#[test]
fn a_callers_own_key_keeps_its_form_where_the_format_is_the_same() {
    let mock = Mock::start(Settings {
        expect_credential: Some(OWN.into()),
        ..Settings::default()
    })
    .unwrap();
    let url = format!("{}/v1", mock.url());
    let spec =
        |vendor: &str| json!({"vendor": vendor, "base_url": url, "credential": "passthrough"});
    let bench = plan()
        .provider("anthropic", spec("anthropic-compatible"))
        .provider("openai", spec("openai-compatible"))
        .at("anthropic", &["anthropic/mock"])
        .at("openai", &["openai/mock"])
        .start();
    let bearer = format!("Bearer {OWN}");
    let (as_bearer, as_key) = (("authorization", bearer.as_str()), ("x-api-key", OWN));
    for (path, own, form) in [
        ("/anthropic/v1/messages", as_bearer, "authorization"),
        ("/anthropic/v1/messages", as_key, "x-api-key"),
        // Another format: as the provider takes it.
        ("/anthropic/v1/chat/completions", as_bearer, "x-api-key"),
        ("/openai/v1/chat/completions", as_bearer, "authorization"),
        ("/openai/v1/messages", as_key, "authorization"),
    ] {
        mock.forget();
        let headers = [("x-gw-key", bench.key.as_str()), own];
        let answer = http::post(&bench.url(path), &headers, &chat("mock", "x", false));
        assert_eq!(answer.status, 200, "{path} {own:?}: {answer:?}");
        let sent = seen(&mock, &["authorization", "x-api-key"]).1;
        let forms: Vec<&str> = ["authorization", "x-api-key"]
            .into_iter()
            .zip(sent)
            .filter_map(|(name, value)| value.map(|_| name))
            .collect();
        assert_eq!(forms, [form], "{path} {own:?}");
    }
}

#[test]
fn the_wait_a_provider_asks_for_is_rounded_up_kept_in_milliseconds_and_bounded() {
    const SOON: &str =
        "HTTP/1.1 429 Too Many Requests\r\nretry-after-ms: 20500\r\ncontent-length: 0\r\n\r\n";
    const FRACTION: &str =
        "HTTP/1.1 429 Too Many Requests\r\nretry-after: 20.2\r\ncontent-length: 0\r\n\r\n";
    const FAR: &str = "HTTP/1.1 429 Too Many Requests\r\nretry-after: Wed, 21 Oct 2065 07:28:00 GMT\r\ncontent-length: 0\r\n\r\n";
    for (answer, seconds, ms) in [
        (SOON, "21", "20500"),
        (FRACTION, "21", "20200"),
        (FAR, "600", "600000"),
    ] {
        let (url, _) = scripted(vec![vec![Act::Say(answer), Act::Hold]]);
        let bench = plan()
            .provider("p", json!({"vendor": "openai-compatible", "base_url": url}))
            .at("p", &["p/m"])
            .start();
        let answer = bench.post("/p", &chat("m", "x", false));
        assert_eq!(
            (
                answer.status,
                answer.header("retry-after"),
                answer.header("retry-after-ms")
            ),
            (429, Some(seconds), Some(ms)),
            "{answer:?}"
        );
    }
}
