//! A stored credential that a provider refuses is marked, and said where an operator looks; not once a request.

use crate::harness::{http, until};
use crate::kit::{Bench, CREDENTIAL, chat, plan};
use serde_json::{Value, json};

const PATH: &str = "/v1/chat/completions";

fn status_of(bench: &Bench, name: &str) -> Value {
    let shown = bench.gateway.ok(&["provider", "get", name, "-o", "json"]);
    serde_json::from_str::<Value>(&shown).unwrap()["status"].clone()
}

fn degraded(bench: &Bench) -> (Value, Value) {
    let status: Value = serde_json::from_str(&bench.gateway.ok(&["status", "-o", "json"])).unwrap();
    let ready = http::get(&bench.url("/readyz")).json();
    (status["degraded"].clone(), ready["degraded"].clone())
}

#[test]
fn a_refused_credential_is_marked_until_one_works() {
    let plan = plan();
    let url = format!("{}/v1", plan.mock.url());
    let bench = plan
        .provider(
            "bad",
            json!({"vendor": "openai-compatible", "base_url": url, "credential": "managed", "credential_value": "sk-old-one-that-is-refused"}),
        )
        .at("r", &["bad/mock", "m/mock"])
        .start();
    assert_eq!(degraded(&bench), (json!([]), json!([])));
    for _ in 0..2 {
        let answer = bench.post(&format!("/r{PATH}"), &chat("any", "hi", false));
        assert_eq!(
            (answer.status, answer.header("x-gw-provider")),
            (200, Some("m")),
            "{answer:?}"
        );
    }
    let status = status_of(&bench, "bad");
    assert_eq!(
        (&status["health"], &status["health_reason"]),
        (
            &json!("refused"),
            &json!("it refused the credential (HTTP 401)")
        ),
        "{status}"
    );
    let refused = &status["credential_refused"];
    assert_eq!(
        (&refused["status"], &refused["count"]),
        (&json!(401), &json!(2)),
        "{status}"
    );
    let since = refused["since"].as_str().unwrap().to_owned();
    let (full, public) = degraded(&bench);
    assert_eq!(
        full,
        json!([format!(
            "provider `bad`: it refuses its credential since {since} (HTTP 401, 2 times)"
        )])
    );
    assert_eq!(
        public,
        json!(["provider `bad`: not available, see `gw status`"])
    );
    let table = bench.gateway.ok(&["provider", "get", "bad"]);
    assert!(table.contains("refused"), "{table}");
    until("the log says so", || {
        bench
            .gateway
            .log()
            .contains("provider refuses gw's credential")
            .then_some(())
    });
    assert_eq!(
        bench
            .gateway
            .log()
            .matches("refuses gw's credential")
            .count(),
        1
    );
    // The credential is changed, and with it goes the mark.
    let rekey = ["provider", "rekey", "bad", "--credential-stdin"];
    bench.gateway.cli_with_input(&rekey, CREDENTIAL).success();
    let status = status_of(&bench, "bad");
    assert_eq!(
        (&status["health"], &status["credential_refused"]),
        (&json!("unverified"), &Value::Null),
        "{status}"
    );
    assert_eq!(degraded(&bench), (json!([]), json!([])));
}

#[test]
fn the_mark_goes_with_the_first_request_that_is_taken_and_failures_of_another_kind_leave_it() {
    let bench = plan()
        .at("r", &["m/mock-403+fail-first-1", "a/mock"])
        .at("down", &["m/mock-500", "a/mock"])
        .at("well", &["m/mock"])
        .start();
    let ask = |route: &str| {
        bench
            .post(&format!("/{route}{PATH}"), &chat("any", "hi", false))
            .status
    };
    assert_eq!(ask("r"), 200);
    assert_eq!(status_of(&bench, "m")["credential_refused"]["status"], 403);
    assert_eq!(ask("down"), 200);
    assert_eq!(status_of(&bench, "m")["credential_refused"]["status"], 403);
    assert_eq!(ask("well"), 200);
    let status = status_of(&bench, "m");
    assert_eq!(
        (&status["health"], &status["credential_refused"]),
        (&json!("ok"), &Value::Null),
        "{status}"
    );
}

/// What cannot be read was not refused by anybody.
#[test]
fn a_credential_that_is_not_to_be_had_is_no_refusal() {
    let plan = plan();
    let url = format!("{}/v1", plan.mock.url());
    let bench = plan
        .provider("gone", json!({"vendor": "openai-compatible", "base_url": url, "credential": "env:GW_TEST_NO_SUCH"}))
        .at("r", &["gone/mock", "m/mock"])
        .start();
    for _ in 0..2 {
        let answer = bench.post(&format!("/r{PATH}"), &chat("any", "hi", false));
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let status = status_of(&bench, "gone");
    assert_eq!(status["credential_refused"], Value::Null, "{status}");
    until("the log says that it is missing", || {
        bench
            .gateway
            .log()
            .contains("the credential of a provider is not available")
            .then_some(())
    });
    let log = bench.gateway.log();
    assert_eq!(
        log.matches("the credential of a provider is not available")
            .count(),
        1,
        "{log}"
    );
    assert!(!log.contains("refuses gw's credential"), "{log}");
}
