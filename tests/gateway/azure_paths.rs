//! Requests on the paths that OpenAI's API has at Azure, with Azure's header for the key.

use crate::harness::http;
use crate::kit::{chat, plan};
use serde_json::{Value, json};

#[test]
fn azures_paths_and_header_are_taken_and_its_deployment_is_the_model() {
    let bench = plan().start();
    let ask = |path: &str, body: &Value| {
        let headers = [("api-key", bench.key.as_str())];
        http::post(&bench.url(path), &headers, body)
    };
    let mut unnamed = chat("x", "unnamed", false);
    unnamed.as_object_mut().unwrap().remove("model");
    let deployed = "/openai/deployments/mock/chat/completions?api-version=2024-10-21";
    for (path, body) in [
        (deployed, unnamed),
        (deployed, chat("mock", "the same", false)),
        (deployed, chat("mock-500", "another", false)),
        ("/openai/v1/chat/completions", chat("mock", "v1", false)),
        ("/openai/deployments/mock/embeddings", json!({"input": "x"})),
        (
            "/openai/v1/embeddings",
            json!({"model": "mock", "input": "y"}),
        ),
    ] {
        bench.mock.forget();
        let answer = ask(path, &body);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert_eq!(bench.row(&answer)["requested_model"], "mock", "{path}");
        let seen = bench.mock.requests().pop().unwrap();
        let sent: Value = serde_json::from_str(&seen.body).unwrap();
        assert_eq!(sent["model"], "mock", "{path}");
        assert!(!seen.path.contains("api-version"), "{}", seen.path);
        assert_eq!(seen.header("api-key"), None);
    }
    let refused = ask("/openai/v1/chat/completionsx", &chat("mock", "x", false));
    assert_eq!(refused.status, 404, "{refused:?}");
}

#[test]
fn a_route_that_is_bound_there_comes_first() {
    let bench = plan().at("openai", &["m/pinned"]).start();
    let answer = bench.post("/openai/v1/chat/completions", &chat("mock", "hi", false));
    assert_eq!(answer.header("x-gw-route"), Some("openai"), "{answer:?}");
}
