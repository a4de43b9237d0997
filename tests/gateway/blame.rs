//! Who is blamed for a failed attempt, and what follows for the caller, the target and everybody else.

use crate::harness::{
    http::{self, Answer},
    until,
};
use crate::kit::{Bench, Plan, chat, plan, read_until};
use gw::mock::{Mock, Settings};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Sender, channel};

const PATH: &str = "/v1/chat/completions";

/// A plan with a provider `own` that passes callers' own keys through to a simulator of its own.
fn with_own() -> (Plan, Mock) {
    let own = Mock::start(Settings {
        remember: 100,
        ..Settings::default()
    })
    .unwrap();
    let spec = json!({"vendor": "openai-compatible", "base_url": format!("{}/v1", own.url()), "credential": "passthrough"});
    (plan().provider("own", spec), own)
}

/// Asks with the gateway's key in its own header and a key of the caller's own.
fn ask(bench: &Bench, route: &str, own: &str) -> Answer {
    let headers = [
        ("x-gw-key", bench.key.as_str()),
        ("authorization", &format!("Bearer {own}")),
    ];
    let url = bench.url(&format!("/{route}{PATH}"));
    http::post(&url, &headers, &chat("any", "blame", false))
}

/// Status, attempts as the header has them, and the class of each attempt in the row.
fn came_to(bench: &Bench, answer: &Answer) -> (u16, String, Vec<String>) {
    let row = bench.row(answer);
    let classes = row["attempts"].as_array().unwrap().iter();
    (
        answer.status,
        answer.header("x-gw-attempts").unwrap_or("").to_owned(),
        classes
            .map(|attempt| attempt["class"].as_str().unwrap().to_owned())
            .collect(),
    )
}

fn expected(status: u16, classes: &[&str]) -> (u16, String, Vec<String>) {
    let count = classes.len().to_string();
    let classes = classes.iter().map(|class| (*class).to_owned());
    (status, count, classes.collect())
}

#[test]
fn a_callers_own_bad_key_moves_on_only_where_the_route_says_own_key() {
    let (plan, _own) = with_own();
    let mut plan = plan;
    let statuses = [401, 403, 429];
    for status in statuses {
        let target = format!("own/mock-{status}+retry-after-60");
        plan = plan.at(&format!("stops-{status}"), &[&target, "m/mock"]);
        plan = plan.at(&format!("moves-{status}"), &[&target, "m/mock"]);
    }
    let bench = plan.start();
    for status in statuses {
        let name = format!("moves-{status}");
        let list = "connect,timeout,429,5xx,credential,own-key";
        bench
            .gateway
            .ok(&["route", "set", &name, "--retry-on", list]);
    }
    for status in statuses {
        let answer = ask(&bench, &format!("stops-{status}"), "sk-bad");
        assert_eq!(
            came_to(&bench, &answer),
            expected(status, &["own_key"]),
            "{answer:?}"
        );
        let answer = ask(&bench, &format!("moves-{status}"), "sk-bad");
        assert_eq!(
            came_to(&bench, &answer),
            expected(200, &["own_key", "ok"]),
            "{answer:?}"
        );
    }
    assert_eq!(bench.mock.requests().len(), statuses.len());
}

#[test]
fn a_callers_own_bad_key_rests_nothing_for_others() {
    let (plan, own) = with_own();
    let mut plan = plan;
    for status in [401, 403, 429] {
        let target = format!("own/mock-{status}+retry-after-600+fail-first-4");
        plan = plan.at(&format!("r-{status}"), &[&target, "m/mock"]);
    }
    let bench = plan.start();
    for status in [401, 403, 429] {
        let route = format!("r-{status}");
        for _ in 0..4 {
            let answer = ask(&bench, &route, "sk-bad");
            assert_eq!(
                came_to(&bench, &answer),
                expected(status, &["own_key"]),
                "{answer:?}"
            );
        }
        let answer = ask(&bench, &route, "sk-good");
        assert_eq!(
            came_to(&bench, &answer),
            expected(200, &["ok"]),
            "{answer:?}"
        );
    }
    assert_eq!(own.requests().len(), 15);
    assert_eq!(bench.mock.requests().len(), 0, "nobody paid for it");
    let shown = bench.gateway.ok(&["provider", "get", "own", "-o", "json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["status"]["health"], "ok", "{shown}");
}

/// The same where the provider says so only in the middle of a stream.
#[test]
fn a_callers_own_key_that_is_refused_within_a_stream_rests_nothing_for_others() {
    const BEGUN: &str = concat!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n",
        "data: {\"id\":\"1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hello\"}}]}\n\n",
    );
    const REFUSED: &str =
        "data: {\"error\":{\"message\":\"slow down\",\"type\":\"rate_limit_error\"}}\n\n";
    let (url, goes_on) = paused(BEGUN, REFUSED);
    let spec = json!({"vendor": "openai-compatible", "base_url": url, "credential": "passthrough"});
    let bench = plan()
        .provider("own", spec)
        .at("r", &["own/x", "m/mock"])
        .start();
    let headers = [
        ("x-gw-key", bench.key.as_str()),
        ("authorization", "Bearer sk-spent"),
        ("content-type", "application/json"),
    ];
    let url = bench.url(&format!("/r{PATH}"));
    for _ in 0..4 {
        let body = chat("any", "blame", true).to_string();
        let mut socket = http::send("POST", &url, &headers, &body);
        let begun = read_until(&mut socket, "hello");
        assert!(begun.contains("x-gw-provider: own\r\n"), "{begun}");
        goes_on.send(()).unwrap();
        read_until(&mut socket, "slow down");
    }
    let own_key = |row: &Value| row["attempts"][0]["class"] == "own_key";
    until("all rows are there", || {
        let rows = bench.rows();
        (rows.len() == 4 && rows.iter().all(own_key)).then_some(())
    });
}

/// An upstream that says something, waits for a word, and says the rest. Its URL.
fn paused(begun: &'static str, rest: &'static str) -> (String, Sender<()>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let (goes_on, word) = channel();
    std::thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            let _ = socket.read(&mut [0; 16 << 10]);
            let _ = socket.write_all(begun.as_bytes());
            if word.recv().is_err() {
                return;
            }
            let _ = socket.write_all(rest.as_bytes());
        }
    });
    (url, goes_on)
}

/// A tool call that no Anthropic request can hold.
fn odd_call() -> Value {
    let call =
        json!({"id": "c", "type": "function", "function": {"name": "f", "arguments": "not json"}});
    json!({"model": "any", "messages": [
        {"role": "user", "content": "unfit"},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": "done"}]})
}

#[test]
fn what_a_target_cannot_carry_goes_to_the_next_and_is_400_only_when_none_can() {
    let bench = plan()
        .at("next", &["a/mock", "m/mock"])
        .at("none", &["a/mock", "a/mock+bytes-9"])
        .at("busy", &["a/mock", "m/mock-429+retry-after-20"])
        .at("down", &["m/mock-500", "a/mock"])
        .start();
    let post = |route: &str| bench.post(&format!("/{route}{PATH}"), &odd_call());
    let next = post("next");
    assert_eq!(came_to(&bench, &next), expected(200, &["unfit", "ok"]));
    let none = post("none");
    assert_eq!(came_to(&bench, &none), expected(400, &["unfit", "unfit"]));
    assert_eq!(
        none.json()["error"]["param"],
        "messages.tool_calls.function.arguments"
    );
    assert_eq!(none.header("x-gw-origin"), Some("gateway"));
    // What those said that could carry it comes first.
    let busy = post("busy");
    assert_eq!(
        came_to(&bench, &busy),
        expected(429, &["unfit", "capacity"])
    );
    assert_eq!(busy.header("retry-after"), Some("20"));
    let down = post("down");
    assert_eq!(
        came_to(&bench, &down),
        expected(500, &["upstream", "unfit"])
    );
    // It counts for nobody's health, however often.
    for _ in 0..5 {
        assert_eq!(post("none").status, 400);
    }
    let good = bench.post(&format!("/next{PATH}"), &chat("any", "fit", false));
    assert_eq!(came_to(&bench, &good), expected(200, &["ok"]));
}

#[test]
fn a_missing_own_key_goes_to_the_next_target_and_is_400_only_when_none_needs_none() {
    let (plan, own) = with_own();
    let bench = plan
        .at("next", &["own/mock", "m/mock"])
        .at("none", &["own/mock"])
        .start();
    let post = |route: &str| bench.post(&format!("/{route}{PATH}"), &chat("any", "own", false));
    let next = post("next");
    assert_eq!(came_to(&bench, &next), expected(200, &["unfit", "ok"]));
    let none = post("none");
    assert_eq!(came_to(&bench, &none), expected(400, &["unfit"]));
    assert!(none.body.contains("x-gw-key"), "{none:?}");
    assert_eq!(own.requests().len(), 0);
}

/// An upstream that has the whole request and is slow may be at work on it: it is not asked again.
#[test]
fn a_slow_target_is_not_sent_the_same_request_again() {
    let quick = json!({"first_byte_timeout": "1s", "answer_timeout": "1s", "retries": 2});
    let bench = plan()
        .at_with("alone", &["m/mock-delay-headers-60000"], quick.clone())
        .at_with(
            "two",
            &["m/mock-delay-headers-60000+bytes-9", "m/mock"],
            quick,
        )
        .start();
    for stream in [false, true] {
        let alone = bench.post(&format!("/alone{PATH}"), &chat("any", "slow", stream));
        assert_eq!(came_to(&bench, &alone), expected(504, &["timeout"]));
        let two = bench.post(&format!("/two{PATH}"), &chat("any", "slow", stream));
        assert_eq!(came_to(&bench, &two), expected(200, &["timeout", "ok"]));
    }
    assert_eq!(bench.mock.requests().len(), 6);
}

/// A request that tries one target three times in vain is one failure: three requests suspend, not one.
#[test]
fn one_request_counts_one_failure_for_a_target() {
    let bench = plan()
        .at_with("often", &["m/mock-500"], json!({"retries": 2}))
        .at("then", &["m/mock-500", "m/mock"])
        .start();
    let post = |route: &str| bench.post(&format!("/{route}{PATH}"), &chat("any", "once", false));
    let often = post("often");
    assert_eq!(came_to(&bench, &often), expected(500, &["upstream"; 3]));
    for _ in 0..2 {
        let then = post("then");
        assert_eq!(came_to(&bench, &then), expected(200, &["upstream", "ok"]));
    }
    let then = post("then");
    assert_eq!(came_to(&bench, &then), expected(200, &["ok"]));
}

/// A model that callers choose has the same state as one that a route names.
#[test]
fn models_that_callers_choose_rest_like_those_that_routes_name() {
    let bench = plan()
        .at("named", &["m/mock-500", "m/mock"])
        .at("asked", &["m", "m/mock"])
        .start();
    let post = |route: &str, model: &str| {
        bench.post(&format!("/{route}{PATH}"), &chat(model, "chosen", false))
    };
    for model in ["mock-500", "mock-503"] {
        for _ in 0..3 {
            let answer = post("asked", model);
            assert_eq!(came_to(&bench, &answer), expected(200, &["upstream", "ok"]));
        }
        let answer = post("asked", model);
        assert_eq!(came_to(&bench, &answer), expected(200, &["ok"]), "{model}");
    }
    let named = post("named", "any");
    assert_eq!(came_to(&bench, &named), expected(200, &["ok"]), "{named:?}");
    let well = post("asked", "mock");
    assert_eq!(came_to(&bench, &well), expected(200, &["ok"]));
}
