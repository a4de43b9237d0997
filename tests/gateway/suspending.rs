//! When a target is suspended is its provider's to say; what is done where all rest is the route's.

use crate::kit::{Bench, chat, plan};
use serde_json::{Value, json};

const PATH: &str = "/v1/chat/completions";

fn attempts(bench: &Bench, name: &str) -> Option<String> {
    let answer = bench.post(&format!("/{name}{PATH}"), &chat("any", name, false));
    answer.header("x-gw-attempts").map(str::to_owned)
}

#[test]
fn a_provider_says_after_how_many_failures_its_targets_are_suspended() {
    let url = |plan: &crate::kit::Plan| format!("{}/v1", plan.mock.url());
    let mut plan = plan();
    for (name, after) in [("once", 1), ("five", 5), ("never", 0)] {
        let spec =
            json!({"vendor": "openai-compatible", "base_url": url(&plan), "suspend_after": after});
        plan = plan
            .provider(name, spec)
            .at(name, &[&format!("{name}/mock-500"), "m/mock"]);
    }
    let bench = plan.start();
    let seen = |name: &str, times: usize| -> Vec<String> {
        (0..times)
            .map(|_| attempts(&bench, name).unwrap())
            .collect()
    };
    assert_eq!(seen("once", 3), ["2", "1", "1"]);
    assert_eq!(seen("five", 7), ["2", "2", "2", "2", "2", "1", "1"]);
    assert_eq!(seen("never", 9), ["2"; 9]);
    // What is said holds from then on.
    bench
        .gateway
        .ok(&["provider", "set", "never", "--suspend-after", "1"]);
    assert_eq!(seen("never", 3), ["2", "1", "1"]);
    let shown: Value =
        serde_json::from_str(&bench.gateway.ok(&["provider", "get", "once", "-o", "json"]))
            .unwrap();
    assert_eq!(shown["suspend_after"], 1, "{shown}");
    assert_eq!(
        shown["suspend_for"],
        Value::Null,
        "the default is not shown: {shown}"
    );
    for args in [
        ["--suspend-for", "0s"],
        ["--suspend-for", "25h"],
        ["--suspend-after", "201"],
    ] {
        let refused = bench
            .gateway
            .cli(&[&["provider", "set", "once"][..], &args].concat());
        assert_eq!(refused.code, Some(2), "{args:?}");
    }
}

#[test]
fn a_suspension_is_as_long_as_its_provider_says() {
    let plan = plan();
    let url = format!("{}/v1", plan.mock.url());
    let bench = plan
        .provider("short", json!({"vendor": "openai-compatible", "base_url": url, "suspend_after": 1, "suspend_for": "300ms"}))
        .at("r", &["short/mock-500+fail-first-1", "m/mock"])
        .start();
    assert_eq!(attempts(&bench, "r").as_deref(), Some("2"));
    // Then one request probes, and it answers.
    crate::harness::until("the suspension is over", || {
        let answer = bench.post(&format!("/r{PATH}"), &chat("any", "r", false));
        (answer.header("x-gw-provider") == Some("short")).then_some(())
    });
}

#[test]
fn a_route_may_refuse_where_all_rest() {
    let fail = json!({"when_all_rest": "fail"});
    let bench = plan()
        .at_with(
            "fails",
            &["m/mock-429+retry-after-50", "m/mock-429+retry-after-40"],
            fail,
        )
        .at("tries", &["m/mock-429+retry-after-50+bytes-1"])
        .start();
    let post = |name: &str| bench.post(&format!("/{name}{PATH}"), &chat("any", name, false));
    assert_eq!(post("fails").status, 429);
    let refused = post("fails");
    assert_eq!(
        (
            refused.status,
            refused.header("x-gw-attempts"),
            refused.header("x-gw-origin")
        ),
        (503, None, Some("gateway")),
        "{refused:?}"
    );
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    let ms: u64 = refused.header("retry-after-ms").unwrap().parse().unwrap();
    assert!(
        (1..=40).contains(&wait) && ms.div_ceil(1_000) == wait,
        "{refused:?}"
    );
    assert!(
        refused.body.contains("no target left") && refused.body.contains("resting after failures"),
        "{refused:?}"
    );
    // The other way round it is tried.
    assert_eq!(post("tries").status, 429);
    assert_eq!(post("tries").header("x-gw-attempts"), Some("1"));
}

/// To rest is a preference: where what is well fails, what rests is tried, unless the route says otherwise.
#[test]
fn a_target_that_rests_is_tried_before_a_request_is_refused() {
    let targets = ["m/mock-500+fail-first-3", "m/mock-500+bytes-8"];
    let bench = plan()
        .at("tries", &targets)
        .at_with("fails", &targets, json!({"when_all_rest": "fail"}))
        .start();
    let post = |name: &str| bench.post(&format!("/{name}{PATH}"), &chat("any", name, false));
    for _ in 0..2 {
        assert_eq!(post("tries").status, 500);
    }
    // The third suspends both. From here on the first answers, and only it does.
    assert_eq!(post("tries").status, 500);
    assert_eq!(post("fails").status, 503);
    let answer = post("tries");
    assert_eq!(
        (answer.status, answer.header("x-gw-model")),
        (200, Some("mock-500+fail-first-3")),
        "{answer:?}"
    );
}
