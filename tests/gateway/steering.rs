//! Nothing a caller sends decides where a stored credential goes, or what else goes there with it.

use crate::harness::http;
use crate::kit::{CREDENTIAL, chat, plan, scripted};
use serde_json::json;
use std::sync::atomic::Ordering::SeqCst;

#[test]
fn bodies_and_headers_name_no_other_destination() {
    let (canary, heard) = scripted(vec![Vec::new(), Vec::new(), Vec::new()]);
    let bench = plan().at("claude", &["a/mock"]).start();
    let mut body = chat("mock", "steer", false);
    for field in [
        "api_base",
        "base_url",
        "custom_host",
        "custom_llm_provider",
        "litellm_params",
        "endpoint",
        "proxy",
    ] {
        body[field] = canary.as_str().into();
    }
    body["extra_headers"] = json!({"authorization": "Bearer sk-stolen", "host": "evil.example"});
    body["api_key"] = "sk-attacker-000000000000000000".into();
    let bearer = format!("Bearer {}", bench.key);
    let headers = [
        ("authorization", bearer.as_str()),
        ("x-gw-base-url", &canary),
        ("x-portkey-custom-host", &canary),
        ("helicone-target-url", &canary),
        ("x-forwarded-host", "evil.example"),
        ("x-original-url", &canary),
        ("x-rewrite-url", "/api/v1/keys"),
        ("x-mock", "status=500"),
        ("cookie", "session=1"),
        ("proxy-authorization", "Basic eDp5"),
        ("x-forwarded-for", "127.0.0.1"),
        ("user-agent", "attacker/1"),
        ("accept", "text/html"),
    ];
    for path in [
        "/v1/chat/completions",
        "/v1/messages",
        "/claude/v1/chat/completions",
    ] {
        let answer = http::post(&bench.url(path), &headers, &body);
        assert!(
            answer.status == 200 || answer.status == 400,
            "{path}: {answer:?}"
        );
    }
    assert_eq!(heard.load(SeqCst), 0, "the canary was called");
    let seen = bench.mock.requests();
    assert!(!seen.is_empty());
    for request in &seen {
        assert_eq!(request.authorization_matches, Some(true));
        assert_eq!(
            request.header("host"),
            Some(bench.mock.address().to_string().as_str())
        );
        for (name, _) in headers
            .iter()
            .filter(|(name, _)| !["authorization", "user-agent", "accept"].contains(name))
        {
            assert_eq!(request.header(name), None, "{name} went upstream");
        }
    }
}

/// The exact head that an upstream sees: an allow-list, so that whatever is new must be added here.
#[test]
fn the_upstream_sees_these_headers_and_no_others() {
    let bench = plan()
        .at("claude", &["a/mock"])
        .at("cross", &["a/mock"])
        .start();
    let bearer = format!("Bearer {}", bench.key);
    let extra = [
        ("authorization", bearer.as_str()),
        ("anthropic-version", "2023-06-01"),
        ("anthropic-beta", "tools-2024"),
        ("openai-beta", "assistants=v2"),
        ("x-stainless-os", "Linux"),
        ("x-request-id", "abc"),
        ("openai-organization", "org-1"),
    ];
    let names = |path: &str, headers: &[(&str, &str)]| {
        bench.mock.forget();
        let answer = http::post(&bench.url(path), headers, &chat("mock", "head", false));
        assert_eq!(answer.status, 200, "{answer:?}");
        let mut names: Vec<String> = bench.mock.requests()[0]
            .headers
            .iter()
            .map(|(name, _)| name.clone())
            .collect();
        names.sort();
        names
    };
    let own = [
        "accept",
        "accept-encoding",
        "authorization",
        "content-length",
        "content-type",
        "host",
        "user-agent",
        "via",
    ];
    let with = |more: &[&str]| {
        let bearer = !more.contains(&"x-api-key");
        let mut all: Vec<String> = own
            .iter()
            .filter(|name| bearer || **name != "authorization")
            .chain(more)
            .map(|name| (*name).to_owned())
            .collect();
        all.sort();
        all
    };
    assert_eq!(names("/v1/chat/completions", &extra[..1]), with(&[]));
    assert_eq!(
        names("/v1/chat/completions", &extra),
        with(&["openai-beta"])
    );
    assert_eq!(
        names("/claude/v1/messages", &extra),
        with(&["anthropic-beta", "anthropic-version", "x-api-key"])
    );
    // Headers listed in Connection are for gw alone, and cannot take gw's own away.
    let hop = [
        &extra[..3],
        &[(
            "connection",
            "authorization, anthropic-beta, content-type, host, x-api-key",
        )],
    ]
    .concat();
    assert_eq!(
        names("/claude/v1/messages", &hop),
        with(&["anthropic-version", "x-api-key"])
    );
    // Shown as stars where it is the right one.
    assert_eq!(bench.mock.requests()[0].header("x-api-key"), Some("***"));
    // Another format: the caller's format headers say nothing there.
    let cross = names("/cross/v1/chat/completions", &extra);
    assert!(
        cross.contains(&"x-api-key".to_owned())
            && !cross.contains(&"authorization".to_owned())
            && !cross.contains(&"openai-beta".to_owned()),
        "{cross:?}"
    );
}

#[test]
fn one_key_a_request() {
    let bench = plan().key("other", json!({})).start();
    let body = chat("mock", "keys", false);
    let (mine, other) = (bench.key.clone(), bench.secret("other").to_owned());
    let ask = |headers: &[(&str, &str)]| {
        http::post(&bench.url("/v1/chat/completions"), headers, &body).status
    };
    let bearer = |key: &str| format!("Bearer {key}");
    assert_eq!(ask(&[("authorization", &bearer(&mine))]), 200);
    assert_eq!(ask(&[("authorization", &format!("bearer {mine}"))]), 200);
    assert_eq!(ask(&[("x-api-key", &mine)]), 200);
    assert_eq!(
        ask(&[("authorization", &bearer(&mine)), ("x-api-key", &mine)]),
        200
    );
    assert_eq!(
        ask(&[("authorization", &bearer(&mine)), ("x-api-key", &other)]),
        400
    );
    assert_eq!(
        ask(&[
            ("authorization", &bearer(&mine)),
            ("authorization", &bearer(&mine))
        ]),
        400
    );
    assert_eq!(ask(&[("x-api-key", &mine), ("x-api-key", &other)]), 400);
    assert_eq!(ask(&[("x-gw-key", &mine), ("x-gw-key", &other)]), 400);
    for nonsense in [
        "' OR 1=1;--",
        "",
        "null",
        "sk-gw-",
        &"k".repeat(7_000),
        &mine[..mine.len() - 1],
        &format!("{mine}x"),
        &mine.to_lowercase(),
        CREDENTIAL,
    ] {
        let answer = http::post(
            &bench.url("/v1/chat/completions"),
            &[("authorization", &bearer(nonsense))],
            &body,
        );
        assert_eq!(answer.status, 401, "{nonsense}: {answer:?}");
        assert_eq!(answer.json()["error"]["type"], "authentication_error");
        assert!(nonsense.len() < 20 || !answer.body.contains(nonsense));
    }
    assert_eq!(ask(&[]), 401);
    assert_eq!(ask(&[("authorization", &mine)]), 401);
    assert_eq!(
        http::post(
            &format!("{}?key={mine}", bench.url("/v1/chat/completions")),
            &[],
            &body
        )
        .status,
        401
    );
}

#[test]
fn redirects_are_not_followed() {
    let (canary, heard) = scripted(vec![Vec::new(), Vec::new()]);
    let (redirecting, _) = scripted(vec![vec![crate::kit::Act::Say(Box::leak(
        format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: {canary}/chat/completions\r\ncontent-length: 0\r\n\r\n").into_boxed_str(),
    ))]]);
    let bench = plan()
        .provider(
            "r",
            json!({"vendor": "openai-compatible", "base_url": redirecting}),
        )
        .at("r", &["r/x"])
        .start();
    let answer = bench.post("/r/v1/chat/completions", &chat("mock", "redirect", false));
    assert_eq!(answer.status, 502, "{answer:?}");
    assert!(!answer.body.contains(&canary), "{answer:?}");
    assert_eq!(heard.load(SeqCst), 0);
}

#[test]
fn passthrough_forwards_the_callers_own_key_alone() {
    let mine = "sk-callers-own-9f8e7d6c5b4a3f2e1d0c";
    let mock = gw::mock::Mock::start(gw::mock::Settings {
        expect_credential: Some(mine.into()),
        ..Default::default()
    })
    .unwrap();
    let bench = plan()
        .key("other", json!({}))
        .provider("own", json!({"vendor": "openai-compatible", "base_url": format!("{}/v1", mock.url()), "credential": "passthrough"}))
        .at("own", &["own/mock"])
        .at("mixed", &["own/mock-500", "m/mock"])
        .start();
    let body = chat("mock", "own", false);
    let ask = |path: &str, headers: &[(&str, &str)]| http::post(&bench.url(path), headers, &body);
    let (key, bearer) = (bench.key.as_str(), format!("Bearer {mine}"));
    assert_eq!(
        ask(
            "/own/v1/chat/completions",
            &[("x-gw-key", key), ("authorization", &bearer)]
        )
        .status,
        200
    );
    assert_eq!(
        ask(
            "/own/v1/chat/completions",
            &[("x-gw-key", key), ("x-api-key", mine)]
        )
        .status,
        200
    );
    assert!(
        mock.requests()
            .iter()
            .all(|seen| seen.authorization_matches == Some(true)
                && seen.header("x-gw-key").is_none())
    );
    mock.forget();
    // A fallback to another provider signs in as gw does there.
    assert_eq!(
        ask(
            "/mixed/v1/chat/completions",
            &[("x-gw-key", key), ("authorization", &bearer)]
        )
        .status,
        200
    );
    assert!(
        bench
            .mock
            .requests()
            .iter()
            .all(|seen| seen.authorization_matches == Some(true))
    );
    mock.forget();
    // A gateway key never leaves, however it is sent.
    let other = format!("Bearer {}", bench.secret("other"));
    for headers in [
        &[("authorization", format!("Bearer {key}").as_str())] as &[_],
        &[("x-gw-key", key)],
        &[
            ("x-gw-key", key),
            ("authorization", &format!("Bearer {key}")),
        ],
        &[("x-gw-key", key), ("authorization", &other)],
    ] {
        let answer = ask("/own/v1/chat/completions", headers);
        assert!((400..=401).contains(&answer.status), "{answer:?}");
    }
    assert!(
        mock.requests().is_empty(),
        "went upstream: {:?}",
        mock.requests()
    );
}
