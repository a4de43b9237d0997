//! Faults that an operator puts in front of a provider: they go the way of real ones, are marked wherever they show,
//! and end by themselves.

use crate::harness::{Gateway, until};
use crate::kit::{Bench, Plan, chat, plan};
use serde_json::{Value, json};

const PATH: &str = "/v1/chat/completions";

/// A route each, from a provider of its own that meets these faults to one that meets none.
fn with(cases: &[(&str, &str)]) -> Plan {
    let mut plan = plan();
    let url = format!("{}/v1", plan.mock.url());
    for (name, faults) in cases {
        plan = plan
            .provider(
                name,
                json!({"vendor": "openai-compatible", "base_url": url, "inject": faults, "inject_until": soon(),
                    "first_byte_timeout": "300ms", "answer_timeout": "300ms"}),
            )
            .at(name, &[&format!("{name}/mock-events-6"), "m/mock-events-5"]);
    }
    plan
}

/// An hour from now.
fn soon() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    gw::resources::Stamp(now.unwrap().as_millis() as i64 + 3_600_000).rfc3339()
}

fn get(bench: &Bench, name: &str) -> Value {
    let shown = bench.gateway.ok(&["provider", "get", name, "-o", "json"]);
    serde_json::from_str(&shown).unwrap()
}

#[test]
fn injected_failures_are_handled_as_real_ones_and_marked() {
    let cases = [
        (
            "busy",
            "429:100%/retry-after=2s",
            "capacity",
            Some(429),
            "429",
        ),
        ("broken", "503:100%", "upstream", Some(503), "503"),
        ("denied", "401:100%", "credential", Some(401), "401"),
        ("closed", "connect:100%", "connect", None, "connect"),
        ("reset", "reset:100%", "upstream", None, "reset"),
        ("silent", "timeout:100%", "timeout", None, "timeout"),
        ("slow", "ttft=10s", "timeout", None, "ttft=10s"),
        ("late", "latency=10s", "timeout", None, "latency=10s"),
    ];
    let faults: Vec<_> = cases.iter().map(|case| (case.0, case.1)).collect();
    let bench = with(&faults).start();
    for (name, _, class, status, injected) in cases {
        for stream in [false, true] {
            let answer = bench.post(&format!("/{name}{PATH}"), &chat("any", name, stream));
            assert_eq!(
                (answer.status, answer.header("x-gw-provider")),
                (200, Some("m")),
                "{name}: {answer:?}"
            );
            let row = bench.row(&answer);
            if stream {
                // It may rest by now.
                continue;
            }
            let (first, last) = (&row["attempts"][0], &row["attempts"][1]);
            assert_eq!(
                (&first["class"], &first["status"], &first["injected"]),
                (&json!(class), &json!(status), &json!(injected)),
                "{name}: {row}"
            );
            let reason = first["reason"].as_str().unwrap();
            let marked = reason.contains("(injected)") || name == "denied";
            assert!(
                marked && reason.ends_with("moved on to the next target"),
                "{row}"
            );
            assert_eq!(
                (&last["class"], &last["injected"]),
                (&json!("ok"), &Value::Null),
                "{row}"
            );
            if name == "busy" {
                assert_eq!(first["retry_after"], 2, "{row}");
            }
        }
        // What was injected in place of an answer was never sent.
        let sent = bench.mock.requests();
        let sent = sent
            .iter()
            .filter(|seen| seen.body.contains(name) && seen.body.contains("events-6"));
        assert_eq!(sent.count() > 0, name == "slow", "{name}");
    }
    let shown = get(&bench, "busy");
    assert_eq!(shown["status"]["health"], "injecting", "{shown}");
    let why = shown["status"]["injected"].as_str().unwrap();
    assert!(
        why.starts_with("429:100%/retry-after=2s until 20"),
        "{shown}"
    );
    // It refuses its credential, if only for the day.
    assert_eq!(get(&bench, "denied")["status"]["health"], "refused");
}

#[test]
fn delays_are_waited_and_the_answer_comes() {
    let bench = with(&[("slow", "ttft=150ms"), ("late", "latency=100ms,ttft=60ms")]).start();
    for (name, least) in [("slow", 150), ("late", 160)] {
        for stream in [false, true] {
            let answer = bench.post(&format!("/{name}{PATH}"), &chat("any", name, stream));
            assert_eq!(answer.header("x-gw-provider"), Some(name), "{answer:?}");
            let row = bench.row(&answer);
            assert!(row["ttft_ms"].as_u64().unwrap() >= least, "{row}");
            assert!(
                row["attempts"][0]["injected"]
                    .as_str()
                    .unwrap()
                    .contains("ttft"),
                "{row}"
            );
        }
    }
}

#[test]
fn a_stream_is_cut_off_behind_its_first_content_and_a_whole_answer_is_none() {
    let bench = with(&[("cut", "cut:100%")]).start();
    for format in [PATH, "/v1/messages"] {
        let answer = bench.post(&format!("/cut{format}"), &chat("any", "cut", true));
        assert_eq!(
            (answer.status, answer.header("x-gw-provider")),
            (200, Some("cut"))
        );
        assert!(
            answer.complete && answer.body.contains("error"),
            "{answer:?}"
        );
        let row = bench.row(&answer);
        assert_eq!(
            (&row["outcome"], &row["attempts"][0]["injected"]),
            (&json!("failed_after_commit"), &json!("cut")),
            "{row}"
        );
    }
    let answer = bench.post(&format!("/cut{PATH}"), &chat("any", "whole", false));
    let row = bench.row(&answer);
    assert_eq!(
        (answer.status, answer.header("x-gw-provider")),
        (200, Some("m")),
        "{row}"
    );
    assert_eq!(row["attempts"][0]["injected"], "cut", "{row}");
}

#[test]
fn faults_are_ordered_for_a_while_and_shown_while_they_last() {
    let bench = plan().at("r", &["m/mock"]).start();
    let gateway = &bench.gateway;
    let set = |args: &[&str]| gateway.cli(&[&["provider", "set", "m"], args].concat());
    for (args, says) in [
        (&["--inject", "429:30%"][..], "`inject_until` says none"),
        (&["--inject", "429:30%", "--for", "25h"], "at most 1d"),
        (&["--inject", "429:30%", "--for", "2020-01-01"], "is over"),
        (
            &["--inject", "oops:30%", "--for", "10m"],
            "`oops` is no fault gw can inject",
        ),
    ] {
        let refused = set(args);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.stderr.contains(says), "{refused:?}");
    }
    let ask = || {
        let answer = bench.post(&format!("/r{PATH}"), &chat("any", "hi", false));
        bench.row(&answer)["attempts"][0]["injected"].clone()
    };
    assert_eq!(ask(), Value::Null);
    set(&["--inject", "latency=1ms", "--for", "10m"]).success();
    assert_eq!(ask(), "latency=1ms");
    let tested = gateway.cli(&["route", "test", "r"]);
    let said = "m/mock was asked without what is injected in front of it: latency=1ms";
    assert!(
        tested.code == Some(0) && tested.stderr.contains(said),
        "{tested:?}"
    );
    let status: Value = serde_json::from_str(&gateway.ok(&["status", "-o", "json"])).unwrap();
    let until_when = status["injected"]["m"].as_str().unwrap();
    assert!(until_when.starts_with("latency=1ms until 20"), "{status}");
    until("serve says that faults are injected", || {
        gateway
            .log()
            .contains("faults are injected in front of `m`: latency=1ms until")
            .then_some(())
    });
    set(&["--inject", ""]).success();
    assert_eq!(ask(), Value::Null);
    let record = get(&bench, "m");
    assert_eq!(
        (&record["inject"], &record["inject_until"]),
        (&Value::Null, &Value::Null),
        "{record}"
    );
    until("serve says that nothing is injected any more", || {
        gateway
            .log()
            .contains("nothing is injected in front of `m` any more")
            .then_some(())
    });
    // And by itself.
    set(&["--inject", "latency=2ms", "--for", "1s"]).success();
    until("the faults end by themselves", || {
        (ask() == Value::Null).then_some(())
    });
    until("their end is said", || {
        let log = gateway.log();
        (log.matches("nothing is injected in front of `m` any more")
            .count()
            == 2)
            .then_some(())
    });
    // What is over is no hindrance to other changes, nor taken for what is set anew.
    set(&["--label", "a=b"]).success();
    let stale = set(&["--inject", "500:100%"]);
    assert!(stale.stderr.contains("`inject_until` is over"), "{stale:?}");
    assert_eq!(get(&bench, "m")["status"]["health"], "ok");
}

#[test]
fn faults_survive_a_restart() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let args = ["--data-dir".as_ref(), data.as_os_str()];
    let mut gateway = Gateway::start_with(&args);
    gateway.provider("p", "openai-compatible", "http://127.0.0.1:9/v1", "sk-x");
    gateway.ok(&["provider", "set", "p", "--inject", "503:5%", "--for", "1h"]);
    gateway.stop();
    let again = Gateway::start_with(&args);
    until("the start says what is injected", || {
        again
            .log()
            .contains("faults are injected in front of `p`: 503:5% until")
            .then_some(())
    });
}
