//! Whatever goes wrong before the first content event is not seen by the caller while another target works.

use crate::harness::http;
use crate::kit::{Act, chat, plan, scripted};
use serde_json::{Value, json};

/// What the first target does, and how its failure is classed.
const FAULTS: &[(&str, &str)] = &[
    ("mock-429", "capacity"),
    ("mock-529", "capacity"),
    ("mock-500", "upstream"),
    ("mock-503", "upstream"),
    ("mock-401", "credential"),
    ("mock-403", "credential"),
    ("mock-close-before", "upstream"),
    ("mock-reset-in-header", "upstream"),
    ("mock-stall-in-header", "timeout"),
    ("mock-delay-headers-60000", "timeout"),
    ("mock-delay-first-60000", "timeout"),
    ("mock-html", "upstream"),
    ("mock-empty", "upstream"),
    ("mock-gzip", "upstream"),
    ("mock-redirect", "upstream"),
    ("mock-malformed-after-0", "upstream"),
    ("mock-error-after-0", "upstream"),
    ("mock-reset-after-0", "upstream"),
    ("mock-close-after-0", "upstream"),
    ("mock-stall-after-0", "timeout"),
];

#[test]
fn every_early_failure_is_unseen() {
    let mut plan = plan().provider(
        "closed",
        json!({"vendor": "openai-compatible", "base_url": closed()}),
    );
    // The target that fails is given up soon; the one that answers has all the time it wants.
    let url = format!("{}/v1", plan.mock.url());
    for (name, vendor) in [("fm", "openai-compatible"), ("fa", "anthropic-compatible")] {
        plan = plan.provider(
            name,
            json!({"vendor": vendor, "base_url": url, "first_byte_timeout": "300ms", "answer_timeout": "300ms", "idle_timeout": "300ms"}),
        );
    }
    let faults: Vec<_> = FAULTS
        .iter()
        .copied()
        .chain([("closed", "connect")])
        .collect();
    for (at, (fault, _)) in faults.iter().enumerate() {
        for provider in ["m", "a"] {
            // Each case has targets of its own, so that no case rests because of another.
            for case in 0..4 {
                let first = if *fault == "closed" {
                    format!("closed/mock+events-{case}")
                } else {
                    format!("f{provider}/{fault}+bytes-{}", 100 + case)
                };
                plan = plan.at(
                    &format!("{provider}{at}-{case}"),
                    &[&first, &format!("{provider}/mock")],
                );
            }
        }
    }
    let bench = plan.start();
    for (at, (fault, class)) in faults.iter().enumerate() {
        for provider in ["m", "a"] {
            for (case, (path, stream)) in [
                ("/v1/chat/completions", false),
                ("/v1/chat/completions", true),
                ("/v1/messages", false),
                ("/v1/messages", true),
            ]
            .into_iter()
            .enumerate()
            {
                let what = format!("{fault} at {provider}, {path}, stream {stream}");
                let answer = bench.post(
                    &format!("/{provider}{at}-{case}{path}"),
                    &chat("any", "hello", stream),
                );
                assert_eq!(answer.status, 200, "{what}: {answer:?}");
                assert!(
                    answer.complete && answer.body.contains("model. "),
                    "{what}: {answer:?}"
                );
                assert!(!answer.body.contains("error"), "{what}: {answer:?}");
                assert_eq!(answer.header("x-gw-model"), Some("mock"), "{what}");
                assert_eq!(answer.header("retry-after"), None, "{what}");
                if stream {
                    let end = if path == "/v1/messages" {
                        "message_stop"
                    } else {
                        "[DONE]"
                    };
                    assert_eq!(
                        answer.body.matches(end).count(),
                        if path == "/v1/messages" { 2 } else { 1 },
                        "{what}: {}",
                        answer.body
                    );
                }
                if case == 0 || stream {
                    // Anthropic says in a stream that it is overloaded; OpenAI's format has no word for it.
                    let class = if *fault == "mock-error-after-0" && provider == "a" && stream {
                        "capacity"
                    } else {
                        class
                    };
                    check_row(&bench.row(&answer), class, &what);
                }
            }
        }
    }
}

fn check_row(row: &Value, class: &str, what: &str) {
    // Over a connection that had been kept, a break is tried again at the same target first.
    let again = |attempt: &&Value| {
        let reason = attempt["reason"].as_str().unwrap_or_default();
        !reason.ends_with("tried again over a new connection")
    };
    let attempts = row["attempts"].as_array().unwrap().iter();
    let attempts: Vec<&Value> = attempts.filter(again).collect();
    assert_eq!(attempts.len(), 2, "{what}: {row}");
    assert_eq!(attempts[0]["class"], *class, "{what}: {row}");
    assert!(
        attempts[0]["reason"]
            .as_str()
            .unwrap()
            .ends_with("moved on to the next target"),
        "{what}: {row}"
    );
    assert_eq!(attempts[1]["class"], "ok", "{what}: {row}");
    assert_eq!(
        (row["status"].as_u64(), row["outcome"].as_str()),
        (Some(200), Some("ok")),
        "{what}: {row}"
    );
}

/// An address nobody listens at.
fn closed() -> String {
    format!(
        "http://127.0.0.1:{}/v1",
        crate::harness::clients::free_port()
    )
}

#[test]
fn the_callers_own_mistakes_stop_the_chain() {
    let bench = plan()
        .at("f", &["m/mock-400", "m/mock"])
        .at("g", &["m/mock-422", "m/mock"])
        .at("n", &["m/mock-404", "m/mock"])
        .at_with(
            "o",
            &["m/mock-404+bytes-9", "m/mock"],
            json!({"retry_on": ["404"]}),
        );
    let bench = bench
        .at_with(
            "p",
            &["m/mock-500+bytes-9", "m/mock"],
            json!({"retry_on": ["429"]}),
        )
        .start();
    for (path, status, attempts) in [
        ("/f", 400, 1),
        ("/g", 422, 1),
        ("/n", 404, 1),
        ("/o", 200, 2),
        ("/p", 500, 1),
    ] {
        let answer = bench.post(
            &format!("{path}/v1/chat/completions"),
            &chat("any", "mistake", false),
        );
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        assert_eq!(
            answer.header("x-gw-attempts"),
            Some(attempts.to_string().as_str()),
            "{path}"
        );
        let row = bench.row(&answer);
        assert_eq!(
            (
                row["status"].as_u64(),
                row["attempts"].as_array().map(Vec::len)
            ),
            (Some(status.into()), Some(attempts)),
            "{row}"
        );
    }
}

#[test]
fn the_same_target_is_tried_again_when_no_other_is_left() {
    let bench = plan()
        .at_with("r", &["m/mock-500+fail-first-1"], json!({"retries": 2}))
        .at_with("s", &["m/mock-500"], json!({"retries": 1}))
        .start();
    let answer = bench.post("/r/v1/chat/completions", &chat("any", "again", false));
    assert_eq!(
        (answer.status, answer.header("x-gw-attempts")),
        (200, Some("2")),
        "{answer:?}"
    );
    let row = bench.row(&answer);
    assert!(
        row["attempts"][0]["reason"]
            .as_str()
            .unwrap()
            .contains("waiting to try again"),
        "{row}"
    );
    let answer = bench.post("/s/v1/chat/completions", &chat("any", "never", false));
    assert_eq!(
        (
            answer.status,
            answer.header("x-gw-attempts"),
            answer.header("x-gw-origin")
        ),
        (500, Some("2"), Some("provider")),
        "{answer:?}"
    );
}

/// A kept connection that breaks before anything of an answer came: the request goes out once more over a new one,
/// and everybody can see that it did.
#[test]
fn a_second_copy_over_a_new_connection_is_an_attempt_of_its_own() {
    const WHOLE: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 17\r\n\r\n{\"choices\":[  ]}\n";
    // Answers once, takes the second request on the same connection, and closes without a word.
    let (url, connections) = scripted(vec![
        vec![Act::Say(WHOLE), Act::Listen],
        vec![Act::Say(WHOLE), Act::Hold],
    ]);
    let bench = plan()
        .provider("s", json!({"vendor": "openai-compatible", "base_url": url}))
        .at("s", &["s/x"])
        .args(&["--threads", "1"])
        .start();
    for attempts in ["1", "2"] {
        let answer = bench.post("/s/v1/chat/completions", &chat("any", "stale", false));
        assert_eq!(
            (answer.status, answer.header("x-gw-attempts")),
            (200, Some(attempts)),
            "{answer:?}"
        );
        let row = bench.row(&answer);
        let classes: Vec<_> = row["attempts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|attempt| attempt["class"].as_str().unwrap())
            .collect();
        assert_eq!(
            classes,
            if attempts == "1" {
                vec!["ok"]
            } else {
                vec!["upstream", "ok"]
            },
            "{row}"
        );
    }
    assert_eq!(connections.load(std::sync::atomic::Ordering::SeqCst), 2);
}

#[test]
fn every_target_failed() {
    let closed = closed();
    let bench = plan()
        .provider(
            "closed",
            json!({"vendor": "openai-compatible", "base_url": closed}),
        )
        .at("refused", &["closed/x"])
        .at_with(
            "late",
            &["m/mock-stall-in-header"],
            json!({"first_byte_timeout": "200ms", "answer_timeout": "200ms"}),
        )
        .at("html", &["m/mock-html"])
        .at("denied", &["m/mock-401"])
        .at("forbidden", &["m/mock-403"])
        .at("busy", &["m/mock-503"])
        .start();
    for (path, status, origin) in [
        ("/refused", 502, "gateway"),
        ("/late", 504, "gateway"),
        ("/html", 502, "gateway"),
        // Not the provider's own word: the caller would take the stored credential for its own key.
        ("/denied", 502, "gateway"),
        ("/forbidden", 502, "gateway"),
        ("/busy", 503, "provider"),
    ] {
        for (format, anthropic) in crate::kit::FORMATS {
            for stream in [false, true] {
                let answer = bench.post(
                    &format!("{path}{format}"),
                    &chat("any", "all failed", stream),
                );
                assert_eq!(
                    (answer.status, answer.header("x-gw-origin")),
                    (status, Some(origin)),
                    "{path}{format}: {answer:?}"
                );
                assert!(
                    !answer.body.contains(&closed) && !answer.body.contains("127.0.0.1"),
                    "an address: {answer:?}"
                );
                let error = answer.json();
                assert!(
                    !error["error"]["message"].as_str().unwrap().is_empty()
                        && error["error"]["type"].is_string(),
                    "{answer:?}"
                );
                assert_eq!(error["type"] == "error", anthropic, "{answer:?}");
                // A target that fails three times in a row rests; here it is the only one and tried all the same.
                assert_eq!(
                    http::Answer::header(&answer, "content-type"),
                    Some("application/json")
                );
            }
        }
    }
}
