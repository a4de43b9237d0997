//! Lists of models in the shape each client reads, and that what they list can be asked for.

use crate::harness::http;
use crate::kit::{Bench, plan};
use serde_json::{Value, json};

const NAMES: [&str; 4] = ["a/org/one", "a/two", "m/four", "m/three"];

/// A key that may call four models at two providers.
fn bench() -> Bench {
    let model = |id: &str, provider: &str| json!({"provider": provider, "upstream_id": id, "context_window": 200_000, "max_output": 8_000});
    plan()
        .key("many", json!({"direct": ["*"]}))
        .item("model", "a/org/one", model("org/one", "a"))
        .item("model", "a/two", json!({"provider": "a", "upstream_id": "two", "display_name": "Two", "released": "2026-03-04"}))
        .item("model", "m/three", model("three", "m"))
        .item("model", "m/four", model("four", "m"))
        .start()
}

impl Bench {
    fn listed(&self, path: &str, headers: &[(&str, &str)]) -> (u16, Value) {
        let auth = format!("Bearer {}", self.secret("many"));
        let headers = [&[("authorization", auth.as_str())], headers].concat();
        let answer = http::exchange("GET", &self.url(path), &headers, "");
        (answer.status, answer.json())
    }
}

fn ids(list: &Value, rows: &str, id: &str) -> Vec<String> {
    let rows = list[rows].as_array().unwrap_or_else(|| panic!("{list}"));
    rows.iter()
        .map(|row| row[id].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn google_clients_get_their_own_shape_and_pages() {
    let bench = bench();
    let named = NAMES.map(|name| format!("models/{name}"));
    let google = [("x-goog-api-client", "google-genai-sdk/2.0 gl-python/3.12")];
    for (path, headers) in [
        ("/v1beta/models", &[] as &[_]),
        ("/v1alpha/models", &[]),
        ("/v1/models", &google),
        ("/v1/models?pageSize=1000", &google),
    ] {
        let (status, list) = bench.listed(path, headers);
        assert_eq!(
            (status, ids(&list, "models", "name")),
            (200, named.to_vec()),
            "{path}"
        );
        assert_eq!(list.get("nextPageToken"), None, "{path}");
    }
    let (_, list) = bench.listed("/v1beta/models", &[]);
    assert_eq!(
        list["models"][0],
        json!({"name": "models/a/org/one", "baseModelId": "a/org/one", "version": "", "displayName": "a/org/one",
            "description": "org/one at provider a", "inputTokenLimit": 200_000, "outputTokenLimit": 8_000,
            "supportedGenerationMethods": ["generateContent", "countTokens"]})
    );
    assert_eq!(list["models"][1].get("inputTokenLimit"), None);
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let (_, page) = bench.listed(&format!("/v1beta/models?pageSize=3&pageToken={token}"), &[]);
        seen.extend(ids(&page, "models", "name"));
        match page["nextPageToken"].as_str() {
            Some(next) => token = next.replace('/', "%2F"),
            None => break,
        }
    }
    assert_eq!(seen, named);
    for path in ["/v1beta/models/a/org/one", "/v1beta/models/a%2Forg%2Fone"] {
        let (status, model) = bench.listed(path, &[]);
        assert_eq!((status, &model), (200, &list["models"][0]), "{path}");
    }
    let (status, error) = bench.listed("/v1beta/models/none", &[]);
    assert_eq!(
        (status, &error["error"]["status"]),
        (404, &"NOT_FOUND".into())
    );
    let (status, error) = bench.listed("/v1beta/models?pageSize=x", &[]);
    assert_eq!(
        (status, &error["error"]["status"]),
        (400, &"INVALID_ARGUMENT".into())
    );
    // Of a key in the address alone, and of one that is not good.
    let answer = http::get(&bench.url(&format!("/v1beta/models?key={}", bench.secret("many"))));
    assert_eq!(ids(&answer.json(), "models", "name"), named);
    let answer = http::get(&bench.url(&format!("/v1/models?key={}", bench.secret("many"))));
    assert_eq!(ids(&answer.json(), "models", "name"), named);
    let answer = http::get(&bench.url("/v1beta/models?key=nonsense"));
    assert_eq!(
        (answer.status, &answer.json()["error"]["status"]),
        (401, &"UNAUTHENTICATED".into())
    );
}

#[test]
fn anthropic_clients_get_names_to_show_and_pages() {
    let bench = bench();
    let version = [("anthropic-version", "2023-06-01")];
    let (status, list) = bench.listed("/v1/models?limit=1000", &version);
    assert_eq!(status, 200);
    assert_eq!(
        list["data"][0],
        json!({"type": "model", "id": "a/org/one", "display_name": "a/org/one", "description": "org/one at provider a",
            "created_at": "1970-01-01T00:00:00Z", "max_input_tokens": 200_000, "max_tokens": 8_000})
    );
    let of = |query: &str| {
        let (status, list) = bench.listed(&format!("/v1/models{query}"), &version);
        assert_eq!(status, 200, "{query}: {list}");
        let more = list["has_more"].as_bool().unwrap();
        let ids = ids(&list, "data", "id");
        assert_eq!(list["first_id"].as_str(), ids.first().map(String::as_str));
        assert_eq!(list["last_id"].as_str(), ids.last().map(String::as_str));
        (ids, more)
    };
    let some = |range: std::ops::Range<usize>| NAMES[range].to_vec();
    for (query, want, more) in [
        ("", some(0..4), false),
        ("?limit=1", some(0..1), true),
        ("?limit=2&after_id=a/two", some(2..4), false),
        ("?limit=1&after_id=a%2Ftwo", some(2..3), true),
        ("?after_id=m/three", some(4..4), false),
        ("?limit=2&before_id=m/three", some(1..3), true),
        ("?limit=9&before_id=m/three", some(0..3), false),
    ] {
        let (ids, has_more) = of(query);
        assert_eq!(
            (ids, has_more),
            (want.iter().map(|id| (*id).to_owned()).collect(), more),
            "{query}"
        );
    }
    for wrong in ["0", "-1", "x"] {
        let (status, error) = bench.listed(&format!("/v1/models?limit={wrong}"), &version);
        assert_eq!(
            (status, &error["error"]["type"]),
            (400, &"invalid_request_error".into()),
            "{wrong}"
        );
    }
}

#[test]
fn codex_gets_a_list_that_takes_nothing_from_what_it_knows() {
    let bench = bench();
    let (status, list) = bench.listed("/v1/models?client_version=0.169.0", &[]);
    assert_eq!((status, list), (200, json!({"models": []})));
}

#[test]
fn openai_clients_get_all_of_it() {
    let bench = bench();
    let (status, list) = bench.listed("/v1/models", &[]);
    assert_eq!(
        (status, ids(&list, "data", "id")),
        (200, NAMES.map(str::to_owned).to_vec())
    );
    assert_eq!(list["object"], "list");
}

#[test]
fn what_a_models_record_says_of_its_name_and_age_is_listed() {
    let bench = bench();
    let version = [("anthropic-version", "2023-06-01")];
    let (_, model) = bench.listed("/v1/models/a/two", &version);
    assert_eq!(
        (&model["display_name"], &model["created_at"]),
        (&"Two".into(), &"2026-03-04T00:00:00Z".into())
    );
    let (_, model) = bench.listed("/v1beta/models/a/two", &[]);
    assert_eq!(model["displayName"], "Two");
    let (_, model) = bench.listed("/v1/models/a/two", &[]);
    assert_eq!(model["created"], 1_772_582_400);
}
