//! `gw route test`: one small real request through each target of a route.

use crate::kit::plan;
use serde_json::{Value, json};

#[test]
fn each_target_is_asked_once_and_each_says_how_it_went() {
    let plan = plan();
    let url = format!("{}/v1", plan.mock.url());
    let bench = plan
        .provider("off", json!({"vendor": "openai-compatible", "base_url": url, "enabled": false}))
        .item("model", "m/mock", json!({"provider": "m", "price_input": "1", "price_output": "2"}))
        .route("good", json!({"keys": ["k"], "targets": [{"provider": "m", "model": "mock"}, {"provider": "a", "model": "mock"}]}))
        .route("some", json!({"keys": ["k"], "targets": [
            {"provider": "m", "model": "mock"}, {"provider": "a", "model": "mock-529"}, {"provider": "m", "model": "kept", "weight": 0},
            {"provider": "off", "model": "x"}, {"provider": "a"}]}))
        .route("bad", json!({"keys": ["k"], "targets": [{"provider": "m", "model": "mock-401"}, {"provider": "a", "model": "mock-close-after-0"}]}))
        .start();
    let test = |args: &[&str]| bench.gateway.cli(&[&["route", "test"], args].concat());
    let items = |args: &[&str]| -> Value {
        let ran = test(&[args, &["-o", "json"]].concat());
        serde_json::from_str::<Value>(&ran.stdout).unwrap()["items"].clone()
    };

    let good = test(&["good"]);
    assert_eq!(good.code, Some(0), "{good:?}");
    assert!(good.stderr.contains("costs a few tokens"), "{good:?}");
    let lines: Vec<&str> = good.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{good:?}");
    assert!(
        lines[1].starts_with("m/mock ") && lines[1].contains(" ok ") && lines[1].contains('$'),
        "{good:?}"
    );
    assert!(
        lines[2].starts_with("a/mock ") && lines[2].contains(" ok "),
        "{good:?}"
    );
    let seen = bench.mock.requests();
    assert_eq!(seen.len(), 2, "one request a target");
    assert!(
        seen.iter().all(|one| one.body.contains("\"stream\":true")),
        "{seen:?}"
    );
    let answered = items(&["good"]);
    for (item, cost) in [(&answered[0], "calculated"), (&answered[1], "unpriced")] {
        assert_eq!(
            (&item["ok"], &item["status"], &item["cost_status"]),
            (&json!(true), &json!(200), &json!(cost)),
            "{item}"
        );
        assert!(
            item["first_content_ms"].is_u64() && item["usage"]["input"].as_u64() > Some(0),
            "{item}"
        );
    }

    let some = test(&["some"]);
    assert_eq!(some.code, Some(8), "{some:?}");
    assert!(some.stderr.contains("1 of 2 targets failed"), "{some:?}");
    let said = items(&["some"]);
    let told: Vec<(&Value, &Value)> = said
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (&item["tried"], &item["message"]))
        .collect();
    assert_eq!(
        told[2..],
        [
            (&json!(false), &json!("weight is 0")),
            (&json!(false), &json!("provider is disabled")),
            (
                &json!(false),
                &json!("takes the model as asked: name one with -m MODEL")
            )
        ]
    );
    assert_eq!(
        (&said[1]["ok"], &said[1]["status"]),
        (&json!(false), &json!(529)),
        "{said}"
    );
    let named = items(&["some", "-m", "mock"]);
    assert_eq!(
        (&named[4]["ok"], &named[4]["model"]),
        (&json!(true), &json!("mock")),
        "{named}"
    );

    let bad = test(&["bad"]);
    assert_eq!(bad.code, Some(9), "{bad:?}");
    assert!(bad.stderr.contains("all 2 targets failed"), "{bad:?}");
    assert!(
        bad.stdout.contains("it refused the credential (HTTP 401)"),
        "{bad:?}"
    );
    // The provider is marked as it would be by a request.
    let shown = bench
        .gateway
        .ok(&["provider", "get", "m", "-o", "value=.status.health"]);
    assert_eq!(shown.trim(), "refused");
    assert_eq!(test(&["nowhere"]).code, Some(3));
    // As asked, and nobody asks.
    assert_eq!(test(&["k"]).code, Some(2));
}
