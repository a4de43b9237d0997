//! Every request that goes to an upstream is an attempt that can be seen, and none goes where repeating would be wrong.

use crate::harness::{http, until};
use crate::kit::{Act, Bench, CREDENTIAL, chat, drain, plan, read_until, scripted};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

const PATH: &str = "/v1/chat/completions";

/// Class and status of each attempt of a row.
fn attempts(row: &Value) -> Vec<(String, Option<u64>)> {
    let attempts = row["attempts"].as_array().unwrap().iter();
    attempts
        .map(|it| {
            (
                it["class"].as_str().unwrap().to_owned(),
                it["status"].as_u64(),
            )
        })
        .collect()
}

fn asked(bench: &Bench, needle: &str) -> usize {
    let requests = bench.mock.requests();
    requests
        .iter()
        .filter(|seen| seen.body.contains(needle))
        .count()
}

/// It was surely received and may still be worked on: the same target would be paid twice.
#[test]
fn a_request_that_was_received_and_not_answered_in_time_goes_to_no_target_twice() {
    let bench = plan()
        .at_with(
            "one",
            &["m/mock-delay-headers-60000"],
            json!({"retries": 2, "answer_timeout": "200ms"}),
        )
        .at_with(
            "two",
            &[
                "m/mock-delay-headers-60000+bytes-7",
                "m/mock-delay-headers-60000+bytes-8",
            ],
            json!({"retries": 2, "answer_timeout": "200ms"}),
        )
        .start();
    for (path, sent) in [("/one", 1), ("/two", 2)] {
        let answer = bench.post(&format!("{path}{PATH}"), &chat("any", path, false));
        assert_eq!(answer.status, 504, "{answer:?}");
        assert_eq!(
            answer.header("x-gw-attempts"),
            Some(sent.to_string().as_str())
        );
        assert_eq!(attempts(&bench.row(&answer)).len(), sent);
        assert_eq!(asked(&bench, path), sent);
    }
}

/// A stream has its first content to show for itself soon; a whole answer has ten minutes.
#[test]
fn a_whole_answer_has_a_timer_of_its_own() {
    let bench = plan()
        .at_with(
            "r",
            &["m/mock-delay-headers-700"],
            json!({"retries": 0, "first_byte_timeout": "200ms"}),
        )
        .start();
    let status = |stream| {
        bench
            .post(&format!("/r{PATH}"), &chat("any", "slow", stream))
            .status
    };
    assert_eq!((status(false), status(true)), (200, 504));
}

#[test]
fn what_was_dropped_is_said_of_the_attempt_that_answered() {
    let bench = plan()
        .at("same", &["a/mock-500", "m/mock"])
        .at("other", &["m/mock-500", "a/mock"])
        .start();
    let mut body = chat("any", "biased", false);
    body["logit_bias"] = json!({"50256": -100});
    for (path, dropped) in [("/same", None), ("/other", Some("logit_bias"))] {
        let answer = bench.post(&format!("{path}{PATH}"), &body);
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("x-gw-dropped"), dropped, "{path}");
        let listed = bench.row(&answer)["dropped"].as_array().map_or(0, Vec::len);
        assert_eq!(listed, usize::from(dropped.is_some()), "{path}");
    }
}

/// The first provider written to take a caller's own key rests after failures; the key still goes to no other.
#[test]
fn a_callers_own_key_never_goes_to_another_provider_whatever_rests() {
    let other = gw::mock::Mock::start(gw::mock::Settings::default()).unwrap();
    let first = gw::mock::Mock::start(gw::mock::Settings::default()).unwrap();
    let provider = |mock: &gw::mock::Mock, enabled: bool| json!({"vendor": "openai-compatible", "base_url": format!("{}/v1", mock.url()), "credential": "passthrough", "enabled": enabled});
    let bench = plan()
        .provider("first", provider(&first, true))
        .provider("disabled", provider(&first, false))
        .provider("other", provider(&other, true))
        .at("rests", &["first/mock-500", "other/mock"])
        .at("cools", &["first/mock-429", "other/mock"])
        .at("off", &["disabled/mock", "other/mock"])
        .at("last", &["first/mock-500+bytes-5", "other/mock", "m/mock"])
        .start();
    let headers = [
        ("x-gw-key", bench.key.as_str()),
        ("authorization", "Bearer sk-caller-own"),
    ];
    let post = |path: &str| {
        http::post(
            &bench.url(&format!("{path}{PATH}")),
            &headers,
            &chat("any", "own", false),
        )
    };
    for path in ["/rests", "/cools", "/off"] {
        for _ in 0..5 {
            let answer = post(path);
            assert_ne!(answer.status, 200, "{path}: {answer:?}");
        }
    }
    // A target paid by the gateway's owner comes after it as the route says.
    assert_eq!(post("/last").status, 200);
    assert!(other.requests().is_empty(), "{:?}", other.requests());
    let _ = CREDENTIAL;
}

#[test]
fn a_provider_whose_streams_always_break_is_left_alone_for_a_while() {
    let bench = plan()
        .at("r", &["m/mock-close-after-2+events-6", "m/mock"])
        .start();
    for _ in 0..3 {
        let answer = bench.post(&format!("/r{PATH}"), &chat("any", "breaks", true));
        assert_eq!(
            answer.header("x-gw-model"),
            Some("mock-close-after-2+events-6"),
            "{answer:?}"
        );
        assert_eq!(bench.row(&answer)["outcome"], "failed_after_commit");
    }
    let answer = bench.post(&format!("/r{PATH}"), &chat("any", "breaks", true));
    assert_eq!(answer.header("x-gw-model"), Some("mock"), "{answer:?}");
    let status: Value = serde_json::from_str(&bench.gateway.ok(&["status", "-o", "json"])).unwrap();
    assert_eq!(status["providers"]["m"]["health"], "1 resting", "{status}");
}

const EVENTS: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
const SAID: &str = concat!(
    "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hello\"},\"finish_reason\":null}]}\n\n",
    "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: [DONE]\n\n"
);

/// Everything has been said; the upstream is only slow to close.
#[test]
fn after_the_end_mark_neither_a_hang_up_nor_a_revocation_makes_a_failure() {
    for revoked in [false, true] {
        let (url, _) = scripted(
            (0..2)
                .map(|_| vec![Act::Say(EVENTS), Act::Say(SAID), Act::Hold])
                .collect(),
        );
        let bench = plan()
            .provider(
                "lingers",
                json!({"vendor": "openai-compatible", "base_url": url}),
            )
            .at("r", &["lingers/x"])
            .start();
        for (path, mark) in [(PATH, "[DONE]"), ("/v1/messages", "message_stop\"}")] {
            let text = format!("all said {path}");
            let mut socket = bench.open(&format!("/r{path}"), &chat("any", &text, true));
            read_until(&mut socket, mark);
            if revoked && path == PATH {
                bench.gateway.ok(&["key", "disable", "k"]);
                let rest = drain(&mut socket);
                assert!(!rest.contains("error"), "{rest}");
                bench.gateway.ok(&["key", "enable", "k"]);
            }
            drop(socket);
        }
        let rows = until("both rows are there", || {
            Some(bench.rows()).filter(|rows| rows.len() == 2)
        });
        for row in rows {
            assert_eq!(
                (&row["status"], &row["outcome"]),
                (&json!(200), &json!("ok")),
                "{row}"
            );
        }
    }
}

/// Kept connections that the upstream closed are noticed; one that breaks under a request is tried again once, and
/// what the upstream counted is what the row says.
#[test]
fn the_upstream_counts_as_many_requests_as_the_row_has_attempts() {
    const WHOLE: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 17\r\n\r\n{\"choices\":[  ]}\n";
    // The second request on the first connection is read and not answered, as is the first on the second.
    let (url, connections) = scripted(vec![
        vec![Act::Say(WHOLE), Act::Listen],
        vec![],
        vec![Act::Say(WHOLE)],
    ]);
    let bench = plan()
        .provider("s", json!({"vendor": "openai-compatible", "base_url": url}))
        .at("s", &["s/x"])
        .args(&["--threads", "1"])
        .start();
    let post = || bench.post(&format!("/s{PATH}"), &chat("any", "count", false));
    assert_eq!(post().status, 200);
    let broken = post();
    assert_eq!(
        (broken.status, broken.header("x-gw-attempts")),
        (502, Some("2")),
        "{broken:?}"
    );
    assert_eq!(
        attempts(&bench.row(&broken)),
        [("upstream".to_owned(), None), ("upstream".to_owned(), None)]
    );
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

#[test]
fn an_idempotency_key_of_the_callers_passes_and_gw_makes_none() {
    let bench = plan().start();
    let bearer = format!("Bearer {}", bench.key);
    let sent = |more: &[(&str, &str)], text: &str| {
        let headers = [&[("authorization", bearer.as_str())], more].concat();
        let answer = http::post(&bench.url(PATH), &headers, &chat("mock", text, false));
        assert_eq!(answer.status, 200, "{answer:?}");
        bench
            .upstream(text)
            .header("idempotency-key")
            .map(str::to_owned)
    };
    assert_eq!(
        sent(&[("idempotency-key", "once-7")], "with one").as_deref(),
        Some("once-7")
    );
    assert_eq!(sent(&[], "without"), None);
}
