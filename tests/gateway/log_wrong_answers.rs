//! What a provider sends in place of an answer: the log says how it begins, the caller is not told.

use crate::kit::{chat, plan};
use serde_json::json;

#[test]
fn the_log_has_the_beginning_of_what_is_no_answer() {
    let bench = plan()
        .key("bare", json!({"log_content": "metadata"}))
        .at("web", &["m/mock-html"])
        .at("translated", &["a/mock-html"])
        .start();
    for path in [
        "/web/v1/chat/completions",
        "/translated/v1/chat/completions",
    ] {
        let answer = bench.post(path, &chat("any", "x", false));
        assert_eq!(answer.status, 502, "{path}");
        assert!(
            !answer.body.to_lowercase().contains("doctype"),
            "{}",
            answer.body
        );
        let row = bench.row(&answer);
        let reason = row["attempts"][0]["reason"].as_str().unwrap();
        assert!(reason.contains("; it begins: <!doctype html>"), "{row}");
        let bare = bench
            .gateway
            .post(path, bench.secret("bare"), &chat("any", "x", false));
        let row = bench.row(&bare);
        let reason = row["attempts"][0]["reason"].as_str().unwrap();
        assert!(!reason.contains("it begins"), "{row}");
    }
}
