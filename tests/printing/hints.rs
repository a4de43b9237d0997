//! What gw itself advises is never taken for a credential and redacted.

use crate::harness::{Gateway, http};

#[test]
fn hints_that_look_like_credentials_are_not_redacted() {
    let gateway = Gateway::start_with(&["--in-memory", "--mock"]);
    let url = format!("{}/v1/chat/completions", gateway.url);
    let body = serde_json::json!({"model": "m", "messages": [{"role": "user", "content": "x"}]});
    let answer = http::post(&url, &[], &body);
    let said = answer.json();
    assert!(
        said["error"]["message"].as_str().unwrap().ends_with(
            "(fix: send one as `Authorization: Bearer sk-gw-…`, `x-api-key` or `x-goog-api-key`)"
        ),
        "{said}"
    );
    // A name beside the word key, long and with digits.
    let key = gateway.key("ci-nightly-2026-11-21");
    let answer = gateway.post("/v1/chat/completions", &key, &body);
    assert_eq!(answer.status, 403);
    let said = answer.body;
    assert!(
        said.contains("--key ci-nightly-2026-11-21") && !said.contains("[redacted]"),
        "{said}"
    );
}
