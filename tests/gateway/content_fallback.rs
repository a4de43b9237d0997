//! Another target in place of a content filter's word: only where the route asks for it, and never once something was said.

use crate::harness::http;
use crate::kit::{Bench, FORMATS, chat, plan};
use serde_json::json;

fn post(bench: &Bench, name: &str, path: &str, stream: bool) -> http::Answer {
    bench.post(&format!("/{name}{path}"), &chat("any", name, stream))
}

#[test]
fn a_refusal_moves_on_where_the_route_says_so() {
    let content = json!({"retry_on": ["content"]});
    let bench = plan()
        .at_with(
            "asked",
            &["m/mock-400+code-content_filter", "m/mock"],
            content.clone(),
        )
        .at("not", &["m/mock-400+code-content_filter", "m/mock"])
        .at_with(
            "across",
            &[
                "a/mock-400+message-Output blocked by content filtering policy",
                "m/mock",
            ],
            content.clone(),
        )
        .at_with("last", &["m/mock-400+code-content_filter"], content)
        .start();
    for (path, _) in FORMATS {
        for stream in [false, true] {
            for (name, status) in [("asked", 200), ("not", 400), ("across", 200), ("last", 400)] {
                let answer = post(&bench, name, path, stream);
                assert_eq!(answer.status, status, "{name}{path}: {answer:?}");
                let row = bench.row(&answer);
                assert_eq!(row["attempts"][0]["class"], "content", "{row}");
            }
        }
    }
    // It is the request that is refused: the target is well.
    let status = bench.gateway.ok(&["status", "-o", "json"]);
    assert!(!status.contains("resting"), "{status}");
}

#[test]
fn an_answer_that_a_filter_ended_before_any_of_it_moves_on() {
    let content = json!({"retry_on": ["content"]});
    let bench = plan()
        .at_with(
            "same",
            &["m/mock-filter+bytes-0", "m/mock"],
            content.clone(),
        )
        .at_with(
            "across",
            &["a/mock-filter+bytes-0", "m/mock"],
            content.clone(),
        )
        .at_with(
            "some",
            &["m/mock-filter+bytes-30", "m/mock"],
            content.clone(),
        )
        .at_with("last", &["m/mock-filter+bytes-0"], content)
        .at("not", &["m/mock-filter+bytes-0", "m/mock"])
        .start();
    for (path, _) in FORMATS {
        for stream in [false, true] {
            for (name, attempts, moved) in [
                ("same", "2", true),
                ("across", "2", true),
                // Something was said: it is that answer.
                ("some", "1", false),
                // There is no other: the answer is told as it is.
                ("last", "1", false),
                ("not", "1", false),
            ] {
                let answer = post(&bench, name, path, stream);
                assert_eq!(
                    (answer.status, answer.header("x-gw-attempts")),
                    (200, Some(attempts)),
                    "{name}{path} {stream}: {answer:?}"
                );
                let ended = answer.body.contains("content_filter")
                    || answer.body.contains("\"stop_reason\":\"refusal\"");
                assert_eq!(ended, !moved, "{name}{path} {stream}: {answer:?}");
                let row = bench.row(&answer);
                let class = if moved { "content" } else { "ok" };
                assert_eq!(row["attempts"][0]["class"], class, "{row}");
            }
        }
    }
}
