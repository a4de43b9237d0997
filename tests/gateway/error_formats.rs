//! An error is in the words of the API its caller speaks, as far as path and headers tell.

use crate::harness::http::{self, Answer};
use crate::kit::{chat, plan, status};
use serde_json::Value;

/// Whose shape an error body has.
fn shape(body: &str) -> &'static str {
    let body: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"));
    match body
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect::<Vec<_>>()[..]
    {
        ["type", "error"] if body["type"] == "error" && body["error"]["type"].is_string() => {
            "anthropic"
        }
        ["error"] if body["error"]["status"].is_string() && body["error"]["code"].is_u64() => {
            "google"
        }
        ["error"] if body["error"]["type"].is_string() => "openai",
        ["message"] => "message",
        _ => panic!("{body}"),
    }
}

#[test]
fn an_error_is_in_the_format_the_caller_speaks_whatever_the_path_and_before_any_key() {
    let bench = plan().at("team", &["m/mock"]).start();
    let version = ("anthropic-version", "2023-06-01");
    let bearer = ("authorization", "Bearer nonsense");
    for (method, path, headers, want) in [
        // Unknown paths.
        (
            "POST",
            "/v1/nothing",
            &[] as &[(&str, &str)],
            (404, "openai"),
        ),
        ("POST", "/v1/nothing", &[version], (404, "anthropic")),
        (
            "POST",
            "/v1/nothing",
            &[("anthropic-beta", "x"), bearer],
            (404, "anthropic"),
        ),
        (
            "GET",
            "/v1/nothing",
            &[("x-api-key", "k")],
            (404, "anthropic"),
        ),
        (
            "GET",
            "/v1/nothing",
            &[("x-api-key", "k"), bearer],
            (404, "openai"),
        ),
        (
            "GET",
            "/v1/nothing",
            &[("x-goog-api-key", "k")],
            (404, "google"),
        ),
        ("POST", "/anthropic/v1/nothing", &[], (404, "anthropic")),
        ("POST", "/v1/messages/nothing", &[], (404, "anthropic")),
        ("POST", "/v1/messages/count_tokens", &[], (401, "anthropic")),
        ("POST", "/messages", &[], (404, "anthropic")),
        ("POST", "/team/v1/messages/batches", &[], (401, "anthropic")),
        ("GET", "/v1/messages/batches/b", &[], (401, "anthropic")),
        ("GET", "/v1/files", &[], (401, "openai")),
        (
            "POST",
            "/v1beta/models/gemini-3-pro:generateContent",
            &[],
            (401, "google"),
        ),
        (
            "POST",
            "/model/some.model-v1/converse",
            &[],
            (401, "message"),
        ),
        ("POST", "/v2/chat", &[], (401, "message")),
        // No good key.
        ("GET", "/v1/models", &[], (401, "openai")),
        ("GET", "/v1/models", &[version], (401, "anthropic")),
        (
            "GET",
            "/v1/models",
            &[("x-api-key", "k")],
            (401, "anthropic"),
        ),
        ("GET", "/team/v1/models", &[version], (401, "anthropic")),
        ("POST", "/v1/messages", &[], (401, "anthropic")),
        ("POST", "/v1/chat/completions", &[], (401, "openai")),
        ("POST", "/v1/chat/completions", &[version], (401, "openai")),
        // Wrong methods.
        ("POST", "/v1/models", &[version], (405, "anthropic")),
        ("GET", "/v1/messages", &[], (405, "anthropic")),
        ("GET", "/v1/embeddings", &[version], (405, "openai")),
        // Web pages.
        (
            "POST",
            "/v1/messages",
            &[("origin", "http://x")],
            (403, "anthropic"),
        ),
        (
            "POST",
            "/v1/chat/completions",
            &[("origin", "http://x")],
            (403, "openai"),
        ),
    ] {
        let answer = http::exchange(method, &bench.url(path), headers, "");
        let got = (answer.status, shape(&answer.body));
        assert_eq!(got, want, "{method} {path} {headers:?}: {answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
    // Heads that are refused once the path is known.
    for (path, extra, want) in [
        ("/v1/messages", "x_api_key: k\r\n", "anthropic"),
        (
            "/v1/models",
            "anthropic-version: 2023-06-01\r\nx_gw_key: k\r\n",
            "anthropic",
        ),
        ("/v1/chat/completions", "x_api_key: k\r\n", "openai"),
    ] {
        let answer = bench.raw(bench.request(path, extra, "{}").as_bytes());
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        assert_eq!(
            (status(&answer), shape(body)),
            (400, want),
            "{path}: {answer}"
        );
    }
}

#[test]
fn paths_of_known_apis_say_what_is_not_served_yet() {
    let bench = plan().at("team", &["m/mock"]).start();
    let message = |answer: &Answer| {
        let json = answer.json();
        let error = json.get("error").unwrap_or(&json);
        error["message"].as_str().unwrap().to_owned()
    };
    let nothing = message(&bench.post("/v1/nothing", &chat("mock", "hello", false)));
    let hint = nothing
        .strip_prefix("there is nothing at `/v1/nothing` ")
        .unwrap_or_else(|| panic!("{nothing}"));
    assert!(
        hint.starts_with("(fix: POST /v1/chat/completions, ")
            && hint.ends_with("; GET /v1/models)"),
        "{hint}"
    );
    for (path, api) in [
        ("/v1/conversations", "the Conversations API"),
        ("/v1/uploads", "the Uploads API"),
        ("/v1/realtime", "the Realtime API"),
        ("/v1/complete", "Anthropic's Text Completions API"),
        (
            "/v1beta/models/gemini-embedding-001:embedContent",
            "the Gemini API",
        ),
        (
            "/v1/models/gemini-embedding-001:embedContent",
            "the Gemini API",
        ),
        (
            "/v1/projects/p/locations/l/publishers/google/models/m:embedContent",
            "Vertex AI",
        ),
        ("/api/chat", "Ollama's own API"),
    ] {
        let answer = bench.post(path, &chat("mock", "hello", false));
        assert_eq!(
            (answer.status, message(&answer)),
            (
                404,
                format!("`{path}` belongs to {api}, which gw does not serve yet {hint}")
            ),
        );
    }
}
