//! Which target and which route: weights, seeds, bindings, direct calls, and the words of every refusal.

use crate::harness::http;
use crate::kit::{FORMATS, chat, plan};
use serde_json::{Value, json};

fn targets(weights: [u32; 3]) -> Value {
    json!([
        {"provider": "m", "model": "one", "weight": weights[0]},
        {"provider": "m", "model": "two", "weight": weights[1]},
        {"provider": "m", "model": "three", "weight": weights[2]},
    ])
}

#[test]
fn splits_keep_their_weights_and_seeds() {
    let split = |path: &str, weights, seed: Option<u64>| json!({"path": path, "strategy": "split", "targets": targets(weights), "seed": seed, "keys": ["k"]});
    let bench = plan()
        .route("s", split("/s", [80, 20, 0], Some(7)))
        .route("t", split("/t", [8, 2, 0], Some(7)))
        .route("u", split("/u", [80, 20, 0], Some(8)))
        .route("f", split("/f", [1, 1, 1], None))
        .start();
    let picks = |path: &str, times: usize| -> Vec<String> {
        let one = |_| {
            bench
                .post(
                    &format!("{path}/v1/chat/completions"),
                    &chat("any", "pick", false),
                )
                .header("x-gw-model")
                .unwrap()
                .to_owned()
        };
        (0..times).map(one).collect()
    };
    let count = |picks: &[String], model: &str| picks.iter().filter(|pick| *pick == model).count();
    let s = picks("/s", 500);
    // 400 expected; four standard deviations are 36.
    assert!(
        (364..=436).contains(&count(&s, "one")),
        "{}",
        count(&s, "one")
    );
    assert_eq!(count(&s, "three"), 0, "weight 0 was picked");
    // Same seed, same picks, however the same shares are written; another seed, others.
    assert_eq!(picks("/t", 100), s[..100]);
    assert_ne!(picks("/u", 100), s[..100]);
    let f = picks("/f", 90);
    assert!(
        ["one", "two", "three"]
            .iter()
            .all(|model| count(&f, model) > 5),
        "{f:?}"
    );
}

#[test]
fn the_most_specific_route_decides() {
    let to = |model: &str| json!([{"provider": "m", "model": model}]);
    let bench = plan()
        .item("user", "v", json!({}))
        .key("second", json!({"user": "v"}))
        .key("third", json!({"user": "v"}))
        .route("by-user", json!({"users": ["v"], "targets": to("by-user")}))
        .route(
            "by-key-late",
            json!({"keys": ["second"], "priority": 5, "targets": to("late")}),
        )
        .route(
            "by-key",
            json!({"keys": ["second"], "priority": 1, "targets": to("by-key")}),
        )
        .route(
            "off",
            json!({"keys": ["second"], "priority": 0, "enabled": false, "targets": to("off")}),
        )
        .route("open", json!({"path": "/open", "targets": to("open")}))
        .route(
            "mine",
            json!({"path": "/open/mine", "users": ["v"], "targets": to("mine")}),
        )
        .start();
    let model = |key: &str, path: &str, headers: &[(&str, &str)]| {
        let bearer = format!("Bearer {}", bench.secret(key));
        let body = json!({"messages": [{"role": "user", "content": "x"}], "max_tokens": 5});
        let answer = http::post(
            &bench.url(path),
            &[&[("authorization", bearer.as_str())], headers].concat(),
            &body,
        );
        (
            answer.status,
            answer.header("x-gw-model").map(str::to_owned),
        )
    };
    let ok = |name: &str| (200, Some(name.to_owned()));
    assert_eq!(model("third", "/v1/chat/completions", &[]), ok("by-user"));
    assert_eq!(model("second", "/v1/chat/completions", &[]), ok("by-key"));
    assert_eq!(model("second", "/open/v1/messages", &[]), ok("open"));
    assert_eq!(model("second", "/open", &[]), ok("open"));
    assert_eq!(
        model("second", "/open", &[("anthropic-version", "2023-06-01")]),
        ok("open")
    );
    assert_eq!(model("second", "/open/chat/completions", &[]), ok("open"));
    assert_eq!(
        model("second", "/open/mine/v1/chat/completions", &[]),
        ok("mine")
    );
    // Longer paths go first, where they take the caller at all.
    assert_eq!(model("k", "/open/mine/v1/chat/completions", &[]).0, 200);
    assert_eq!(model("second", "/opener/v1/chat/completions", &[]).0, 404);
    bench.gateway.ok(&["route", "disable", "by-key"]);
    assert_eq!(model("second", "/v1/chat/completions", &[]), ok("late"));
    bench.gateway.ok(&["route", "enable", "off"]);
    assert_eq!(model("second", "/v1/chat/completions", &[]), ok("off"));
}

/// Whole bodies, so that a change of wording is a decision.
#[test]
fn direct_calls_and_the_words_of_refusals() {
    let url = |bench: &gw::mock::Mock| format!("{}/v1", bench.url());
    let mut plan = plan();
    let base = url(&plan.mock);
    plan = plan
        .key("free", json!({"direct": ["x/*", "lone", "both"]}))
        .key("bare", json!({}));
    for (name, models) in [
        ("x", json!(["both", "mock", "seen"])),
        ("y", json!(["both", "lone"])),
    ] {
        plan = plan.provider(
            name,
            json!({"vendor": "openai-compatible", "base_url": base, "models": models}),
        );
    }
    let bench = plan.start();
    let ask = |key: &str, path: &str, model: &str| {
        let bearer = format!("Bearer {}", bench.secret(key));
        http::post(
            &bench.url(path),
            &[("authorization", &bearer)],
            &chat(model, "direct", false),
        )
    };
    let answer = ask("free", "/v1/chat/completions", "x/mock");
    assert_eq!(
        (
            answer.status,
            answer.header("x-gw-provider"),
            answer.header("x-gw-model"),
            answer.header("x-gw-route")
        ),
        (200, Some("x"), Some("mock"), None)
    );
    assert_eq!(
        ask("free", "/v1/messages", "lone").header("x-gw-provider"),
        Some("y")
    );

    let cases = [
        (
            "bare",
            "x/mock",
            403,
            "permission_error",
            "no route takes requests of key `bare`, and it may call no model directly (fix: add one with `gw route create NAME --key bare --to PROVIDER/MODEL`, or allow models with `gw key set bare --direct 'PROVIDER/*'`)",
        ),
        (
            "free",
            "y/lone2",
            403,
            "permission_error",
            "key `free` may not call `y/lone2` (fix: allow it with `gw key set free --direct 'y/lone2'`)",
        ),
        (
            "free",
            "nowhere",
            404,
            "not_found_error",
            "no provider serves the model `nowhere` (fix: list what this key may call with GET /v1/models)",
        ),
        (
            "free",
            "both",
            400,
            "invalid_request_error",
            "several providers serve `both` (fix: name one of `x/both`, `y/both`)",
        ),
    ];
    for (key, model, status, kind, message) in cases {
        for (path, anthropic) in FORMATS {
            let answer = ask(key, path, model);
            assert_eq!(answer.status, status, "{answer:?}");
            let error = answer.json();
            match anthropic {
                true => assert_eq!(
                    error,
                    json!({"type": "error", "error": {"type": kind, "message": message}}),
                    "{answer:?}"
                ),
                false => {
                    let code = error["error"]["code"].clone();
                    let param = error["error"]["param"].clone();
                    assert_eq!(
                        error,
                        json!({"error": {"message": message, "type": kind, "param": param, "code": code}}),
                        "{answer:?}"
                    );
                    assert!(
                        code.is_string() && (param.is_null() || param == "model"),
                        "{answer:?}"
                    );
                }
            }
            assert_eq!(answer.header("x-gw-origin"), Some("gateway"));
        }
    }
    assert!(
        bench
            .mock
            .requests()
            .iter()
            .all(|seen| !seen.body.contains("lone2") && !seen.body.contains("nowhere"))
    );
}

#[test]
fn health_and_models_in_both_shapes() {
    let bench = plan()
        .key("free", json!({"direct": ["m/*"]}))
        .key("none", json!({}))
        .at("open", &["m/mock"])
        .start();
    let get =
        |path: &str, headers: &[(&str, &str)]| http::exchange("GET", &bench.url(path), headers, "");
    assert_eq!(
        (get("/healthz", &[]).status, get("/healthz", &[]).json()),
        (200, json!({"status": "ok"}))
    );
    assert_eq!(
        get("/readyz", &[]).json(),
        json!({"status": "ready", "degraded": []})
    );
    let key = ("x-api-key", bench.key.as_str());
    let openai = get("/v1/models", &[key]).json();
    assert_eq!(openai["object"], "list");
    assert!(
        openai["data"]
            .as_array()
            .unwrap()
            .iter()
            .any(|model| model["id"] == "mock" && model["object"] == "model"),
        "{openai}"
    );
    let anthropic = get("/v1/models", &[key, ("anthropic-version", "2023-06-01")]).json();
    assert!(
        anthropic["data"]
            .as_array()
            .unwrap()
            .iter()
            .any(|model| model["id"] == "mock" && model["type"] == "model"),
        "{anthropic}"
    );
    assert_eq!(
        (
            anthropic["has_more"].as_bool(),
            anthropic["first_id"].is_string()
        ),
        (Some(false), true)
    );
    assert_eq!(get("/open/v1/models", &[key]).status, 200);
    for headers in [
        &[] as &[(&str, &str)],
        &[("anthropic-version", "2023-06-01")],
    ] {
        assert_eq!(get("/v1/models", headers).status, 401);
    }
}
