//! Keys as Gemini's clients send them: a header of their own, or a parameter of the address, which must show nowhere.

use crate::harness::http;
use crate::kit::{chat, plan};
use gw::mock::{Mock, Settings};
use serde_json::json;

const MINE: &str = "AIza-callers-own-9f8e7d6c5b4a3f2e1d0c";

#[test]
fn googles_header_holds_keys_everywhere_and_the_query_on_its_own_paths() {
    let bench = plan().start();
    let key = bench.key.as_str();
    let body = json!({"contents": [{"role": "user", "parts": [{"text": "googled"}]}]});
    let ask = |query: &str, headers: &[(&str, &str)]| {
        let chat = bench.url(&format!("/v1beta/models/mock:generateContent{query}"));
        let list = bench.url(&format!("/v1/models{query}"));
        let said = http::post(&chat, headers, &body);
        assert!(
            !said.body.contains(key) && !said.body.contains("AIza"),
            "{said:?}"
        );
        (
            said.status,
            http::exchange("GET", &list, headers, "").status,
        )
    };
    let query = format!("?key={key}");
    let encoded = format!("?alt=json&key={}", key.replace('-', "%2D"));
    for (query, headers, want) in [
        ("", vec![("x-goog-api-key", key)], 200),
        (query.as_str(), vec![], 200),
        (&encoded, vec![], 200),
        (&query, vec![("x-goog-api-key", key)], 200),
        // The caller's own key for a provider beside it.
        (&query, vec![("x-goog-api-key", MINE)], 200),
        ("", vec![("x-goog-api-key", MINE), ("x-gw-key", key)], 200),
        (
            "?key=AIza-x",
            vec![("authorization", &format!("Bearer {key}"))],
            200,
        ),
        ("", vec![("x-goog-api-key", MINE)], 401),
        ("?key=AIza-x", vec![], 401),
        ("?key=", vec![], 401),
        ("?keys=x", vec![], 401),
        // Which of several is meant cannot be told.
        ("?key=AIza-x", vec![("x-goog-api-key", MINE)], 400),
        (&format!("{query}&key=AIza-x"), vec![], 400),
        (
            &query,
            vec![("x-goog-api-key", MINE), ("x-api-key", "AIza-y")],
            400,
        ),
        (
            "?key=AIza-x",
            vec![("x-goog-api-key", MINE), ("x-gw-key", key)],
            400,
        ),
    ] {
        assert_eq!(ask(query, &headers), (want, want), "{query} {headers:?}");
    }
    let several = http::post(
        &bench.url("/v1beta/models/mock:generateContent?key=AIza-x"),
        &[("x-goog-api-key", MINE)],
        &body,
    );
    assert_eq!(
        several.json()["error"]["message"],
        "`x-goog-api-key` and the query's `key` hold different keys (fix: send one of them; both only where one is the gateway's and the other the provider's own)"
    );
    // Other APIs have no key in an address: it is none there, and goes nowhere either.
    let url = bench.url(&format!("/v1/chat/completions{query}"));
    let (google, body) = ([("x-goog-api-key", key)], chat("mock", "googled", false));
    assert_eq!(http::post(&url, &[], &body).status, 401);
    assert_eq!(http::post(&url, &google, &body).status, 200);
    // Neither upstream nor in a row nor in the process's own words.
    assert!(!bench.mock.requests().is_empty());
    for seen in bench.mock.requests() {
        let told = format!("{seen:?}");
        assert!(!told.contains("key=") && !told.contains(key), "{told}");
    }
    let rows = format!("{:?}", bench.rows());
    assert!(!rows.contains(key) && !rows.contains("AIza"), "{rows}");
    let log = bench.gateway.log();
    assert!(!log.contains(key) && !log.contains("AIza"), "{log}");
}

#[test]
fn a_providers_key_of_the_callers_own_comes_in_googles_forms() {
    let mock = Mock::start(Settings {
        expect_credential: Some(MINE.into()),
        ..Settings::default()
    })
    .unwrap();
    let bench = plan()
        .provider("own", json!({"vendor": "openai-compatible", "base_url": format!("{}/v1", mock.url()), "credential": "passthrough"}))
        .at("own", &["own/mock"])
        .start();
    let key = bench.key.as_str();
    for (query, headers) in [
        (format!("?key={key}"), vec![("x-goog-api-key", MINE)]),
        (format!("?key={MINE}"), vec![("x-goog-api-key", key)]),
        (format!("?key={MINE}"), vec![("x-gw-key", key)]),
        (
            String::new(),
            vec![("x-goog-api-key", MINE), ("x-gw-key", key)],
        ),
    ] {
        mock.forget();
        let url = bench.url(&format!("/own/v1beta/models/mock:generateContent{query}"));
        let body = json!({"contents": [{"role": "user", "parts": [{"text": "mine"}]}]});
        let answer = http::post(&url, &headers, &body);
        assert_eq!(answer.status, 200, "{query} {headers:?}: {answer:?}");
        let seen = format!("{:?}", mock.requests());
        assert!(!seen.contains("key=") && !seen.contains(key), "{seen}");
    }
}
