//! "Too many requests": passed on when nothing is left, remembered for the next request, and never a dead end.

use crate::kit::{FORMATS, chat, plan};
use serde_json::json;

#[test]
fn the_shortest_wait_is_passed_on() {
    let bench = plan()
        .at(
            "two",
            &["m/mock-429+retry-after-70", "m/mock-429+retry-after-20"],
        )
        .at(
            "across",
            &["a/mock-429+retry-after-50", "m/mock-429+retry-after-40"],
        )
        .at("mixed", &["m/mock-429+retry-after-30", "m/mock-500"])
        .at("odd", &["m/mock-429+retry-after-soon"])
        .at("none", &["m/mock-429"])
        .start();
    for (name, status, wait) in [
        ("two", 429, Some("20")),
        ("across", 429, Some("40")),
        ("mixed", 500, None),
        ("odd", 429, None),
        ("none", 429, None),
    ] {
        let answer = bench.post(
            &format!("/{name}/v1/chat/completions"),
            &chat("any", "busy", false),
        );
        assert_eq!(
            (answer.status, answer.header("retry-after")),
            (status, wait),
            "{name}: {answer:?}"
        );
        if name == "two" {
            let row = bench.row(&answer);
            assert_eq!(
                (
                    row["attempts"][0]["retry_after"].as_u64(),
                    row["attempts"][0]["class"].as_str()
                ),
                (Some(70), Some("capacity")),
                "{row}"
            );
        }
    }
    // The other format's own words.
    for (path, anthropic) in FORMATS {
        let bench = plan()
            .at(
                "x",
                &[if anthropic {
                    "m/mock-429+retry-after-20"
                } else {
                    "a/mock-429+retry-after-20"
                }],
            )
            .start();
        let answer = bench.post(&format!("/x{path}"), &chat("any", "busy", true));
        assert_eq!(
            (
                answer.status,
                answer.header("retry-after"),
                answer.header("x-gw-origin")
            ),
            (429, Some("20"), Some("provider")),
            "{answer:?}"
        );
        assert_eq!(
            answer.json()["error"]["type"],
            "rate_limit_error",
            "{answer:?}"
        );
    }
}

#[test]
fn a_target_that_cools_down_is_skipped_and_tried_when_all_do() {
    let bench = plan()
        .at("c", &["m/mock-429+retry-after-60", "m/mock"])
        .at(
            "all",
            &["m/mock-429+retry-after-90", "m/mock-429+retry-after-30"],
        )
        .start();
    let ask = |name: &str| {
        bench.post(
            &format!("/{name}/v1/chat/completions"),
            &chat("any", "cool", false),
        )
    };
    assert_eq!(ask("c").header("x-gw-attempts"), Some("2"));
    assert_eq!(ask("c").header("x-gw-attempts"), Some("1"));
    let explained = bench.gateway.ok(&[
        "route", "explain", "--key", "k", "--path", "/c", "-o", "json",
    ]);
    assert!(explained.contains("cooling down for "), "{explained}");

    assert_eq!(
        (ask("all").status, ask("all").header("x-gw-attempts")),
        (429, Some("1"))
    );
    // Both rest: the one that is free sooner is the one tried.
    let soonest = ask("all");
    assert_eq!(
        soonest.header("x-gw-model"),
        Some("mock-429+retry-after-30"),
        "{soonest:?}"
    );
    assert_eq!(soonest.header("retry-after"), Some("30"));
    let shown = bench.gateway.ok(&["provider", "get", "m", "-o", "json"]);
    assert!(shown.contains("resting"), "{shown}");
}

#[test]
fn three_failures_suspend_a_target() {
    let bench = plan()
        .at("s", &["m/mock-500", "m/mock"])
        .at("once", &["m/mock-500+fail-first-2", "m/mock"])
        .start();
    let attempts = |name: &str| {
        bench
            .post(
                &format!("/{name}/v1/chat/completions"),
                &chat("any", "fail", false),
            )
            .header("x-gw-attempts")
            .map(str::to_owned)
    };
    for expected in ["2", "2", "2", "1", "1"] {
        assert_eq!(attempts("s").as_deref(), Some(expected));
    }
    // An answer in between starts the count again.
    for expected in ["2", "2", "1", "1"] {
        assert_eq!(attempts("once").as_deref(), Some(expected));
    }
}

/// A suspended target that is the only one is tried rather than refusing.
#[test]
fn the_last_target_is_always_tried() {
    let bench = plan().at_with("l", &["m/mock-500"], json!({})).start();
    for _ in 0..5 {
        let answer = bench.post("/l/v1/chat/completions", &chat("any", "last", false));
        assert_eq!(
            (answer.status, answer.header("x-gw-attempts")),
            (500, Some("1")),
            "{answer:?}"
        );
    }
    assert_eq!(bench.mock.requests().len(), 5);
}
