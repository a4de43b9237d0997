//! Waiting for capacity, where a route has its requests wait: for the first target that is free again, and no longer than
//! anybody wants.

use crate::harness::{http, until};
use crate::kit::{Act, Bench, chat, drain, plan, scripted};
use serde_json::{Value, json};
use std::time::Instant;

const PATH: &str = "/v1/chat/completions";

fn post(bench: &Bench, name: &str, stream: bool) -> http::Answer {
    bench.post(&format!("/{name}{PATH}"), &chat("any", name, stream))
}

fn waited(row: &Value) -> u64 {
    row["waited_ms"].as_u64().unwrap_or(0)
}

/// A minute is never over in these tests: what is waited for is a second or two away.
fn waits() -> Value {
    json!({"wait_for_capacity": "1m"})
}

#[test]
fn a_request_waits_until_its_target_is_free() {
    let bench = plan()
        .at_with("whole", &["m/mock-429+fail-first-1"], waits())
        .at_with("stream", &["m/mock-429+fail-first-1+bytes-40"], waits())
        .at("not", &["m/mock-429+fail-first-1+bytes-41"])
        .start();
    for (name, stream) in [("whole", false), ("stream", true)] {
        let began = Instant::now();
        let answer = post(&bench, name, stream);
        assert_eq!(
            (answer.status, answer.header("x-gw-attempts")),
            (200, Some("2")),
            "{answer:?}"
        );
        let row = bench.row(&answer);
        // A target rests for a second at least.
        assert!(
            waited(&row) >= 500 && waited(&row) <= began.elapsed().as_millis() as u64,
            "{row}"
        );
        let reason = row["attempts"][0]["reason"].as_str().unwrap();
        assert!(
            reason.ends_with("no target left, waiting for capacity"),
            "{row}"
        );
    }
    let refused = post(&bench, "not", false);
    assert_eq!(refused.status, 429);
    assert_eq!(waited(&bench.row(&refused)), 0);
}

/// The one that is free first, whoever has made it rest; nothing is sent in the meantime.
#[test]
fn where_all_rest_the_first_that_is_free_is_waited_for() {
    let bench = plan()
        .at_with(
            "r",
            &[
                "m/mock-429+retry-after-90",
                "m/mock-429+fail-first-1+retry-after-1",
            ],
            waits(),
        )
        .at(
            "spoil",
            &[
                "m/mock-429+retry-after-90",
                "m/mock-429+fail-first-1+retry-after-1",
            ],
        )
        .start();
    assert_eq!(post(&bench, "spoil", false).status, 429);
    let before = bench.mock.requests().len();
    let answer = post(&bench, "r", false);
    assert_eq!(
        (
            answer.status,
            answer.header("x-gw-attempts"),
            answer.header("x-gw-model")
        ),
        (200, Some("1"), Some("mock-429+fail-first-1+retry-after-1")),
        "{answer:?}"
    );
    assert_eq!(bench.mock.requests().len(), before + 1);
}

#[test]
fn nobody_waits_for_what_is_too_far_off() {
    let bench = plan()
        .at_with("long", &["m/mock-429+retry-after-90+bytes-1"], waits())
        .at_with(
            "short",
            &["m/mock-429+retry-after-9+bytes-2"],
            json!({"wait_for_capacity": "5s"}),
        )
        .at_with(
            "deadline",
            &["m/mock-429+retry-after-9+bytes-3"],
            json!({"wait_for_capacity": "1m", "total_timeout": "6s"}),
        )
        .at_with(
            "fail",
            &["m/mock-429+retry-after-90+bytes-4"],
            json!({"wait_for_capacity": "1m", "when_all_rest": "fail"}),
        )
        .start();
    for name in ["long", "short", "deadline"] {
        let answer = post(&bench, name, false);
        assert_eq!(
            (answer.status, answer.header("x-gw-attempts")),
            (429, Some("1")),
            "{name}: {answer:?}"
        );
        assert_eq!(waited(&bench.row(&answer)), 0, "{name}");
        // All rest: the one there is is tried all the same.
        let again = post(&bench, name, false);
        assert_eq!(
            (again.status, again.header("x-gw-attempts")),
            (429, Some("1")),
            "{name}: {again:?}"
        );
    }
    assert_eq!(post(&bench, "fail", false).status, 429);
    let refused = post(&bench, "fail", false);
    assert_eq!(
        (refused.status, refused.header("x-gw-attempts")),
        (503, None),
        "{refused:?}"
    );
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((60..=90).contains(&wait), "{refused:?}");
}

/// A caller that will have given up is told at once.
#[test]
fn nobody_waits_longer_than_the_caller() {
    let bench = plan()
        .at_with("r", &["m/mock-429+retry-after-9"], waits())
        .start();
    let bearer = format!("Bearer {}", bench.key);
    for name in [
        "x-stainless-timeout",
        "x-stainless-read-timeout",
        "x-server-timeout",
    ] {
        let headers = [("authorization", bearer.as_str()), (name, "5")];
        let answer = http::post(
            &bench.url(&format!("/r{PATH}")),
            &headers,
            &chat("any", "soon", false),
        );
        assert_eq!(answer.status, 429, "{answer:?}");
        assert_eq!(waited(&bench.row(&answer)), 0, "{name}");
    }
}

/// Gone is gone: what waited for it is not sent.
#[test]
fn a_caller_that_hangs_up_while_it_waits_is_not_served() {
    let bench = plan()
        .at_with("r", &["m/mock-429+retry-after-9+fail-first-1"], waits())
        .start();
    let socket = bench.open(&format!("/r{PATH}"), &chat("any", "gone", false));
    until("the first attempt has failed", || {
        (bench.mock.requests().len() == 1).then_some(())
    });
    drop(socket);
    let row = bench.row_where("the row is written", |row| row["status"] == 499);
    assert_eq!(row["outcome"], "client_closed", "{row}");
    assert_eq!(row["attempts"].as_array().unwrap().len(), 1, "{row}");
    assert_eq!(bench.mock.requests().len(), 1);
}

/// A revoked key's requests end, also those that wait.
#[test]
fn a_key_that_is_revoked_does_not_wait_on() {
    let bench = plan()
        .at_with("r", &["m/mock-429+retry-after-50"], waits())
        .start();
    let mut socket = bench.open(&format!("/r{PATH}"), &chat("any", "revoked", false));
    until("the first attempt has failed", || {
        (bench.mock.requests().len() == 1).then_some(())
    });
    bench.gateway.ok(&["key", "disable", "k"]);
    let told = drain(&mut socket);
    assert!(told.starts_with("HTTP/1.1 401"), "{told}");
}

/// A suspended target is probed by one of those that wait; the others come when it is well, and none is lost.
#[test]
fn many_that_wait_come_one_by_one_and_all_are_answered() {
    let bench = plan()
        .at_with("r", &["m/mock-429+fail-first-12"], waits())
        .start();
    let answers: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..12)
            .map(|_| scope.spawn(|| post(&bench, "r", false)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    assert!(
        answers.iter().all(|answer| answer.status == 200),
        "{answers:?}"
    );
}

/// What is not about capacity is not waited for.
#[test]
fn other_failures_are_told_at_once() {
    let bench = plan()
        .at_with(
            "r",
            &["m/mock-429+retry-after-9", "m/mock-400"],
            json!({"wait_for_capacity": "1m", "retries": 0}),
        )
        .at_with(
            "s",
            &["m/mock-429+retry-after-9+bytes-1", "m/mock-500"],
            json!({"wait_for_capacity": "1m", "retries": 0}),
        )
        .start();
    assert_eq!(post(&bench, "r", false).status, 400);
    assert_eq!(post(&bench, "s", false).status, 500);
}

/// What a provider keeps only it can be asked for: where that target rests the caller is told when it does not, and never
/// that the request is wrong.
#[test]
fn a_request_that_only_one_target_can_serve_is_told_when_that_is_free() {
    const KEPT: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 98\r\n\r\n{\"id\":\"resp_1\",\"object\":\"response\",\"status\":\"completed\",\"output\":[],\"usage\":null,\"model\":\"x\"     }\n";
    const BUSY: &str = "HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\nretry-after: 40\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
    let busy = || vec![Act::Say(BUSY)];
    let (url, _) = scripted(vec![
        vec![Act::Say(KEPT), Act::Listen, Act::Say(BUSY)],
        busy(),
        busy(),
    ]);
    let plan = plan();
    let mock = format!("{}/v1", plan.mock.url());
    let bench = plan
        .provider("s", json!({"vendor": "openai", "base_url": url}))
        .provider("o", json!({"vendor": "openai", "base_url": mock}))
        .at("r", &["s/x", "o/mock"])
        .args(&["--threads", "1"])
        .start();
    let ask = |body: Value| bench.post("/r/v1/responses", &body);
    let first = ask(json!({"model": "any", "input": "keep this"}));
    assert_eq!(
        (first.status, first.header("x-gw-provider")),
        (200, Some("s")),
        "{first:?}"
    );
    let next = json!({"model": "any", "input": "go on", "previous_response_id": "resp_1"});
    // It rests from the first on, and is the only one there is.
    for _ in 0..2 {
        let told = ask(next.clone());
        assert_eq!(
            (
                told.status,
                told.header("retry-after"),
                told.header("x-gw-attempts")
            ),
            (429, Some("40"), Some("1")),
            "{told:?}"
        );
    }
    bench
        .gateway
        .ok(&["route", "set", "r", "--when-all-rest", "fail"]);
    let told = ask(next);
    assert_eq!(
        (
            told.status,
            told.header("x-gw-origin"),
            told.header("x-gw-attempts")
        ),
        (503, Some("gateway"), None),
        "{told:?}"
    );
    let wait: u64 = told.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=40).contains(&wait), "{told:?}");
}
