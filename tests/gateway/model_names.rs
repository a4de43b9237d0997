//! Names of models: literal first, one by one at `GET /v1/models/{id}`, and listed where a route names them.

use crate::harness::http;
use crate::kit::{Bench, chat, plan};
use serde_json::{Value, json};

/// The model the simulator was asked for.
fn sent(bench: &Bench, path: &str, key: &str, model: &str) -> (u16, Value) {
    bench.mock.forget();
    let answer = bench
        .gateway
        .post(path, bench.secret(key), &chat(model, "name", false));
    let seen = bench.mock.requests();
    let body: Value = seen
        .first()
        .map(|seen| serde_json::from_str(&seen.body).unwrap())
        .unwrap_or_default();
    (answer.status, body["model"].clone())
}

fn bench() -> Bench {
    let plan = plan();
    let url = format!("{}/v1", plan.mock.url());
    plan.key("direct", json!({"direct": ["openrouter/*", "groq/compound", "m/*"]}))
        .provider("openrouter", json!({"vendor": "openrouter", "base_url": url}))
        .provider("groq", json!({"vendor": "groq", "base_url": url}))
        .key("bound", json!({}))
        .route(
            "bound",
            json!({"keys": ["bound"], "targets": [{"provider": "openrouter"}]}),
        )
        .key("named", json!({}))
        .route(
            "named",
            json!({"keys": ["named"], "targets": [{"provider": "m", "model": "org/served model"}, {"provider": "m"}]}),
        )
        .at("target", &["openrouter/auto"])
        .start()
}

#[test]
fn a_model_name_is_literal_first_and_loses_its_prefix_only_where_the_whole_is_no_model() {
    let bench = bench();
    let chat = "/v1/chat/completions";
    for (path, key, asked, upstream) in [
        (chat, "direct", "openrouter/auto", "openrouter/auto"),
        (
            chat,
            "direct",
            "openrouter/openrouter/auto",
            "openrouter/auto",
        ),
        (chat, "direct", "openrouter/openai/gpt-4o", "openai/gpt-4o"),
        (chat, "direct", "groq/compound", "groq/compound"),
        (chat, "direct", "m/anything", "anything"),
        (chat, "bound", "openrouter/auto", "openrouter/auto"),
        (chat, "bound", "openai/gpt-4o", "openai/gpt-4o"),
        ("/target/v1/chat/completions", "k", "x", "openrouter/auto"),
    ] {
        assert_eq!(
            sent(&bench, path, key, asked),
            (200, upstream.into()),
            "{key} asks for {asked}"
        );
    }
    // A glob for one model opens no other.
    assert_eq!(
        sent(&bench, chat, "direct", "groq/llama-3.3-70b-versatile").0,
        403
    );
}

#[test]
fn one_model_is_shown_by_its_id_in_both_formats_and_an_unknown_one_is_404_in_them() {
    let bench = bench();
    let get = |path: &str, more: &[(&str, &str)]| {
        let bearer = format!("Bearer {}", bench.secret("named"));
        let headers = [&[("authorization", bearer.as_str())], more].concat();
        let answer = http::exchange("GET", &bench.url(path), &headers, "");
        (answer.status, answer.json())
    };
    let version = [("anthropic-version", "2023-06-01")];
    let (status, shown) = get("/v1/models/org%2Fserved%20model", &[]);
    assert_eq!(
        (status, shown),
        (
            200,
            json!({"id": "org/served model", "object": "model", "created": 0, "owned_by": "m", "context_window": null, "max_output_tokens": null})
        )
    );
    assert_eq!(get("/v1/models/org/served%20model", &[]).0, 200);
    let (status, shown) = get("/v1/models/org/served%20model", &version);
    assert_eq!(
        (status, &shown["type"], &shown["id"]),
        (200, &json!("model"), &json!("org/served model"))
    );
    let (status, error) = get("/v1/models/none", &[]);
    assert_eq!(
        (status, &error["error"]["type"], &error["error"]["param"]),
        (404, &json!("not_found_error"), &json!("model")),
        "{error}"
    );
    let (status, error) = get("/v1/models/none", &version);
    assert_eq!(
        (status, &error["type"], &error["error"]["type"]),
        (404, &json!("error"), &json!("not_found_error")),
        "{error}"
    );
    let nobody = http::exchange("GET", &bench.url("/v1/models/none"), &[], "");
    assert_eq!(nobody.status, 401);
}

#[test]
fn a_route_to_a_provider_without_a_model_list_lists_what_its_targets_name() {
    let bench = bench();
    let list = |key: &str, path: &str| -> Vec<String> {
        let answer = http::get_with(&bench.url(path), bench.secret(key));
        let list = answer.json();
        let ids = list["data"].as_array().unwrap().iter();
        ids.map(|model| model["id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert!(list("named", "/v1/models").contains(&"org/served model".to_owned()));
    assert!(list("k", "/target/v1/models").contains(&"openrouter/auto".to_owned()));
}
