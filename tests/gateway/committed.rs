//! After the first content event gw never switches: whatever breaks, the stream ends with one well-formed error
//! event in the caller's format, and without an end mark.

use crate::harness::http::Answer;
use crate::kit::{Act, FORMATS, chat, plan, scripted};
use serde_json::{Value, json};

/// What breaks after two events, and words of the message.
const BREAKS: &[&str] = &[
    "mock-reset-after-2",
    "mock-close-after-2",
    "mock-stall-after-2",
    "mock-malformed-after-2",
    "mock-error-after-2",
    "mock-long-line",
];

/// One error event, the last one, well formed; nothing that says the stream is complete.
#[track_caller]
fn ends_with_an_error(answer: &Answer, anthropic: bool, what: &str) -> Value {
    assert_eq!(answer.status, 200, "{what}: {answer:?}");
    assert!(
        answer.complete,
        "{what}: the answer itself breaks off: {answer:?}"
    );
    let events: Vec<Value> = answer
        .events()
        .into_iter()
        .filter(|data| *data != "[DONE]")
        .map(|data| {
            serde_json::from_str(data).unwrap_or_else(|error| panic!("{what}: {error}: {data}"))
        })
        .collect();
    let errors = events
        .iter()
        .filter(|event| event.get("error").is_some_and(|error| !error.is_null()))
        .count();
    assert_eq!(errors, 1, "{what}: {}", answer.body);
    let last = events.last().unwrap();
    assert!(
        last["error"]["message"].is_string() && last["error"]["type"].is_string(),
        "{what}: {}",
        answer.body
    );
    assert!(
        !answer.body.contains("[DONE]") && !answer.body.contains("message_stop"),
        "{what}: {}",
        answer.body
    );
    assert!(answer.body.ends_with("\n\n"), "{what}: {:?}", answer.body);
    if anthropic {
        assert_eq!(last["type"], "error", "{what}");
        assert_eq!(
            answer.body.matches("event: error").count(),
            1,
            "{what}: {}",
            answer.body
        );
        assert_eq!(
            answer.body.matches("event: message_start").count(),
            1,
            "{what}"
        );
    } else {
        assert!(!answer.body.contains("event:"), "{what}: {}", answer.body);
        assert!(events[0]["choices"].is_array(), "{what}");
    }
    last.clone()
}

#[test]
fn a_broken_stream_ends_well_formed_and_never_switches() {
    let mut plan = plan();
    for (at, fault) in BREAKS.iter().enumerate() {
        for provider in ["m", "a"] {
            // The second target must never be asked.
            plan = plan.at_with(
                &format!("{provider}{at}"),
                &[
                    &format!("{provider}/{fault}+events-6+pace-5"),
                    &format!("{provider}/mock-500"),
                ],
                json!({"idle_timeout": "300ms"}),
            );
        }
    }
    let bench = plan.start();
    for (at, fault) in BREAKS.iter().enumerate() {
        for provider in ["m", "a"] {
            for (path, anthropic) in FORMATS {
                let what = format!("{fault} at {provider}, {path}");
                let answer = bench.post(
                    &format!("/{provider}{at}{path}"),
                    &chat("any", "broken", true),
                );
                ends_with_an_error(&answer, anthropic, &what);
                let row = bench.row(&answer);
                assert_eq!(row["outcome"], "failed_after_commit", "{what}: {row}");
                assert_eq!(
                    row["attempts"].as_array().unwrap().len(),
                    1,
                    "{what}: {row}"
                );
                assert!(
                    row["error"].is_string()
                        && row["usage_source"] == "estimated"
                        && row["usage"]["output"].as_u64() > Some(0),
                    "{what}: {row}"
                );
            }
        }
    }
    assert!(
        !bench
            .mock
            .requests()
            .iter()
            .any(|seen| seen.body.contains("mock-500")),
        "gw switched"
    );
}

/// Without streaming nothing has been sent when half a body is lost, so the next target answers.
#[test]
fn half_a_body_moves_on() {
    let bench = plan()
        .at("r", &["m/mock-reset-after-1", "m/mock"])
        .at("c", &["m/mock-close-after-1", "m/mock"])
        .start();
    for path in ["/r", "/c"] {
        let answer = bench.post(
            &format!("{path}/v1/chat/completions"),
            &chat("any", "half", false),
        );
        assert_eq!(
            (answer.status, answer.header("x-gw-attempts")),
            (200, Some("2")),
            "{answer:?}"
        );
    }
}

const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
const HELLO: &str = "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hello\"},\"finish_reason\":null}]}\n\n";
const STOP: &str = "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";

/// An end that only the connection tells is no end; an end mark is one, even where the connection lingers.
#[test]
fn the_end_mark_decides_whether_a_stream_is_complete() {
    let (cut, _) = scripted(
        (0..2)
            .map(|_| vec![Act::Say(HEAD), Act::Say(HELLO)])
            .collect(),
    );
    let (lingering, _) = scripted(
        (0..2)
            .map(|_| {
                vec![
                    Act::Say(HEAD),
                    Act::Say(HELLO),
                    Act::Say(STOP),
                    Act::Say("data: [DONE]\n\n"),
                    Act::Hold,
                ]
            })
            .collect(),
    );
    let (odd, _) = scripted(
        (0..2)
            .map(|_| {
                vec![
                    Act::Say(HEAD),
                    Act::Say("\u{feff}: hi\r\n\r\n"),
                    Act::Say("data:{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hel\"}}]}\r\n\r\n"),
                    Act::Say(HELLO),
                    Act::Say(STOP),
                    Act::Say("data: [DONE]"),
                ]
            })
            .collect(),
    );
    let provider = |url: &str| json!({"vendor": "openai-compatible", "base_url": url});
    let quick = || json!({"idle_timeout": "400ms"});
    let bench = plan()
        .provider("cut", provider(&cut))
        .provider("lingering", provider(&lingering))
        .provider("odd", provider(&odd))
        .at_with("cut", &["cut/x"], quick())
        .at_with("lingering", &["lingering/x"], quick())
        .at_with("odd", &["odd/x"], quick())
        .start();
    for (path, anthropic) in FORMATS {
        let answer = bench.post(&format!("/cut{path}"), &chat("any", "cut", true));
        ends_with_an_error(&answer, anthropic, "cut");
        for name in ["lingering", "odd"] {
            let answer = bench.post(&format!("/{name}{path}"), &chat("any", "whole", true));
            let end = if anthropic {
                "event: message_stop"
            } else {
                "data: [DONE]"
            };
            assert!(
                answer.complete
                    && answer.body.matches(end).count() == 1
                    && !answer.body.contains("error"),
                "{name}: {answer:?}"
            );
            assert_eq!(bench.row(&answer)["outcome"], "ok", "{name}");
        }
    }
}

/// Silent streams are kept alive by comments, or by Anthropic's own ping event.
#[test]
fn silence_after_the_first_event_is_filled_with_pings() {
    let bench = plan()
        .limits("ping = '100ms'")
        .at("a", &["a/mock-events-3+pace-450"])
        .at("m", &["m/mock-events-3+pace-450"])
        .start();
    for provider in ["/m", "/a"] {
        for (path, anthropic) in FORMATS {
            let answer = bench.post(&format!("{provider}{path}"), &chat("any", "slow", true));
            let ping = if anthropic { "event: ping\n" } else { ":" };
            let pings = answer
                .body
                .lines()
                .filter(|line| {
                    if anthropic {
                        *line == "event: ping"
                    } else {
                        line.starts_with(ping)
                    }
                })
                .count();
            assert!(pings >= 2, "{provider}{path}: {}", answer.body);
            assert!(
                answer.complete
                    && answer
                        .body
                        .contains(if anthropic { "message_stop" } else { "[DONE]" }),
                "{}",
                answer.body
            );
            assert_eq!(bench.row(&answer)["outcome"], "ok");
        }
    }
}

#[test]
fn an_answer_that_says_nothing_is_one() {
    const REFUSAL: &str = concat!(
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[],\"model\":\"c\",\"usage\":{\"input_tokens\":20,\"output_tokens\":1}}}\n\n",
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"refusal\"},\"usage\":{\"output_tokens\":0}}\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
    );
    let (url, _) = scripted(vec![vec![Act::Say(HEAD), Act::Say(REFUSAL)]]);
    let bench = plan()
        .provider(
            "refuses",
            json!({"vendor": "anthropic-compatible", "base_url": url}),
        )
        .at("refuses", &["refuses/c"])
        .start();
    let answer = bench.post("/refuses/v1/chat/completions", &chat("any", "hello", true));
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(
        answer.body.contains("\"finish_reason\":\"content_filter\"")
            && answer.body.ends_with("data: [DONE]\n\n"),
        "{answer:?}"
    );
    let row = bench.row(&answer);
    assert_eq!(
        (
            &row["outcome"],
            &row["usage"]["input"],
            &row["usage_source"]
        ),
        (&json!("ok"), &json!(20), &json!("reported")),
        "{row}"
    );
}
