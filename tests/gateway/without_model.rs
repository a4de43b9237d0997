//! Requests that name no model, where the target or the address does.

use crate::harness::http;
use crate::kit::plan;
use serde_json::json;

#[test]
fn a_body_without_a_model_passes_with_every_byte_kept_where_the_address_names_it() {
    let plan = plan();
    let url = plan.mock.url();
    let bench = plan
        .provider("az", json!({"vendor": "azure", "base_url": url}))
        .at("az", &["az/deployed"])
        .at("plain", &["m/mock"])
        .at("other", &["a/mock"])
        .start();
    let key = format!("Bearer {}", bench.key);
    let ask = |path: &str, body: &str| {
        bench.mock.forget();
        let answer = http::exchange(
            "POST",
            &bench.url(path),
            &[
                ("authorization", &key),
                ("content-type", "application/json"),
            ],
            body,
        );
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        let row = bench.row(&answer);
        assert_eq!(row["requested_model"], json!(null));
        bench.mock.requests().pop().unwrap()
    };
    let chat = "{ \"temperature\" : 0.50,\n\t\"messages\":[{\"role\":\"user\",\"content\":\"\\u0068i\"}] , \"stream\":false }\n";
    let embed = "{\"input\" : [\"one\", \"t\\u0077o\"],  \"dimensions\":8.0}";
    for (route, path, body, target) in [
        (
            "az",
            "chat/completions",
            chat,
            "/openai/deployments/deployed/chat/completions?api-version=2024-10-21",
        ),
        (
            "az",
            "embeddings",
            embed,
            "/openai/deployments/deployed/embeddings?api-version=2024-10-21",
        ),
    ] {
        let seen = ask(&format!("/{route}/v1/{path}"), body);
        assert_eq!((seen.path.as_str(), seen.body.as_str()), (target, body));
    }
    // Elsewhere the API wants it in the body: it is put in front, and every other byte stays.
    for (path, body) in [("chat/completions", chat), ("embeddings", embed)] {
        let seen = ask(&format!("/plain/v1/{path}"), body);
        assert_eq!(seen.body, body.replacen('{', "{\"model\":\"mock\",", 1));
    }
    // Translated, the target's is as good as the body's.
    let seen = ask("/other/v1/chat/completions", chat);
    let sent: serde_json::Value = serde_json::from_str(&seen.body).unwrap();
    assert_eq!(sent["model"], "mock");
}
