//! What a route moves on from, as it says: classes by their words, statuses by number, only what failed soon, so many times.

use crate::harness::http;
use crate::kit::{Act, Bench, chat, plan, scripted};
use serde_json::{Value, json};

const PATH: &str = "/v1/chat/completions";

fn post(bench: &Bench, name: &str) -> http::Answer {
    bench.post(&format!("/{name}{PATH}"), &chat("any", name, false))
}

/// The reason of each attempt of the answer's row.
fn reasons(bench: &Bench, answer: &http::Answer) -> Vec<String> {
    let row = bench.row(answer);
    let attempts = row["attempts"].as_array().unwrap().iter();
    attempts
        .map(|it| it["reason"].as_str().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn a_number_is_that_status_and_a_word_its_class() {
    let on = |items: &[&str]| json!({"retry_on": items});
    let bench = plan()
        .at_with("word", &["m/mock-503", "m/mock"], on(&["5xx"]))
        .at_with("same", &["m/mock-503", "m/mock"], on(&["503"]))
        .at_with("other", &["m/mock-502", "m/mock"], on(&["503"]))
        .at_with("caller", &["m/mock-409", "m/mock"], on(&["409"]))
        .at_with("hundred", &["m/mock-418", "m/mock"], on(&["4xx"]))
        .at_with("late", &["m/mock-408", "m/mock"], on(&["408", "429"]))
        // Capacity has its own word, whatever its status.
        .at_with(
            "busy",
            &["m/mock-503+retry-after-9+bytes-9", "m/mock"],
            on(&["5xx"]),
        )
        .at_with(
            "numbers",
            &["m/mock-429", "m/mock"],
            on(&["connect", "408"]),
        )
        .start();
    for (name, status) in [
        ("word", 200),
        ("same", 200),
        ("other", 502),
        ("caller", 200),
        ("hundred", 200),
        ("late", 200),
        ("busy", 503),
        ("numbers", 429),
    ] {
        assert_eq!(post(&bench, name).status, status, "{name}");
    }
}

/// What was written is what is shown: by commands, in files and out of them.
#[test]
fn the_list_stays_as_it_was_written() {
    let bench = plan().start();
    let gw = |args: &[&str]| bench.gateway.ok(args);
    gw(&[
        "route",
        "create",
        "r",
        "--key",
        "k",
        "--path",
        "/r",
        "--to",
        "m",
        "--retry-on",
        "connect,408,429,4xx,5xx,content",
    ]);
    let list = json!(["connect", "408", "429", "4xx", "5xx", "content"]);
    let shown: Value = serde_json::from_str(&gw(&["route", "get", "r", "-o", "json"])).unwrap();
    assert_eq!(shown["retry_on"], list, "{shown}");
    let described = gw(&["route", "describe", "r"]);
    assert!(
        described.contains("connect,408,429,4xx,5xx,content"),
        "{described}"
    );
    let exported: toml::Value = toml::from_str(&gw(&["export"])).unwrap();
    let routes = exported["route"].as_array().unwrap().iter();
    let mut lists = routes.map(|route| serde_json::to_value(&route["retry_on"]).unwrap());
    assert!(lists.any(|exported| exported == list), "{exported}");
    // Numbers may be numbers in files.
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("r.toml");
    std::fs::write(&file, "[[route]]\nname = \"r\"\npath = \"/r\"\nretry_on = [429, \"timeout\", 503]\ntargets = [{ provider = \"m\" }]\n").unwrap();
    gw(&["apply", "-f", file.to_str().unwrap()]);
    let shown: Value = serde_json::from_str(&gw(&["route", "get", "r", "-o", "json"])).unwrap();
    assert_eq!(
        shown["retry_on"],
        json!(["429", "timeout", "503"]),
        "{shown}"
    );
    let refused = bench
        .gateway
        .cli(&["route", "set", "r", "--retry-on", "time-out"]);
    assert_eq!(refused.code, Some(2));
    let said = refused.stderr;
    assert!(
        said.contains("`time-out`") && said.contains("`timeout`"),
        "{said}"
    );
    let refused = bench
        .gateway
        .cli(&["route", "set", "r", "--retry-on", "nonsense"]);
    let said = refused.stderr;
    assert!(
        said.contains("`own-key`, or a status: `408`, `503`, `4xx`"),
        "{said}"
    );
}

#[test]
fn what_was_slow_to_fail_is_returned() {
    let under = json!({"retry_on": ["5xx", "timeout"], "retry_if_under": "1s"});
    let bench = plan()
        .at_with("soon", &["m/mock-500", "m/mock"], under.clone())
        .at_with(
            "slow",
            &["m/mock-500+delay-headers-1300", "m/mock"],
            under.clone(),
        )
        .start();
    assert_eq!(post(&bench, "soon").status, 200);
    let slow = post(&bench, "slow");
    assert_eq!(
        (slow.status, slow.header("x-gw-attempts")),
        (500, Some("1"))
    );
    let reasons = reasons(&bench, &slow);
    assert!(
        reasons[0].contains("stopped: it took 1s")
            && reasons[0].ends_with("only from what fails within 1s"),
        "{reasons:?}"
    );
}

#[test]
fn a_route_bounds_what_goes_out_for_one_request() {
    let most = |attempts: u32, retries: u32| json!({"max_attempts": attempts, "retries": retries});
    let bench = plan()
        .at_with("one", &["m/mock-500", "m/mock"], most(1, 2))
        .at_with("two", &["m/mock-500+bytes-2", "m/mock-500+bytes-3", "m/mock"], most(2, 2))
        .at_with("again", &["m/mock-500+bytes-4"], most(3, 9))
        .at_with("enough", &["m/mock-500+bytes-5", "m/mock"], most(2, 0))
        // What this target cannot carry goes nowhere.
        .at_with("unfit", &["s/x", "m/mock"], most(1, 0))
        .provider("s", json!({"vendor": "openai-compatible", "base_url": "http://127.0.0.1:9/v1", "credential": "passthrough"}))
        .start();
    for (name, status, attempts) in [
        ("one", 500, "1"),
        ("two", 500, "2"),
        ("again", 500, "3"),
        ("enough", 200, "2"),
        ("unfit", 200, "2"),
    ] {
        let answer = post(&bench, name);
        assert_eq!(
            (answer.status, answer.header("x-gw-attempts")),
            (status, Some(attempts)),
            "{name}: {answer:?}"
        );
        if name == "two" {
            let reasons = reasons(&bench, &answer);
            assert!(
                reasons[1].ends_with("stopped: the route allows no more attempts"),
                "{reasons:?}"
            );
        }
    }
    let refused = bench
        .gateway
        .cli(&["route", "set", "one", "--max-attempts", "0"]);
    assert_eq!(refused.code, Some(2));
}

/// The upstream's own advice goes to the caller, and nobody asks the same upstream against it.
#[test]
fn an_upstream_that_says_not_to_ask_again_is_not_asked_again() {
    const NO: &str = "HTTP/1.1 500 Internal Server Error\r\ncontent-type: application/json\r\nx-should-retry: false\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
    let (url, connections) = scripted((0..4).map(|_| vec![Act::Say(NO)]).collect());
    let bench = plan()
        .provider("s", json!({"vendor": "openai-compatible", "base_url": url}))
        .at_with("alone", &["s/x"], json!({"retries": 3}))
        .at_with("other", &["s/y", "m/mock"], json!({"retries": 3}))
        .start();
    let alone = post(&bench, "alone");
    assert_eq!(
        (
            alone.status,
            alone.header("x-should-retry"),
            alone.header("x-gw-attempts")
        ),
        (500, Some("false"), Some("1")),
        "{alone:?}"
    );
    assert_eq!(post(&bench, "other").status, 200);
    assert_eq!(connections.load(std::sync::atomic::Ordering::SeqCst), 2);
}

/// Of several failures one is told, and with it whose it is.
#[test]
fn a_failed_answer_names_the_target_whose_error_it_is() {
    let bench = plan()
        .at("r", &["m/mock-503+bytes-6", "a/mock-529"])
        .start();
    let answer = post(&bench, "r");
    assert_eq!(
        (
            answer.status,
            answer.header("x-gw-provider"),
            answer.header("x-gw-model")
        ),
        (503, Some("m"), Some("mock-503+bytes-6")),
        "{answer:?}"
    );
    let row = bench.row(&answer);
    assert_eq!(
        (&row["provider"], &row["model"]),
        (&json!("m"), &json!("mock-503+bytes-6"))
    );
}
