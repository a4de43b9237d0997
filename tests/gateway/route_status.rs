//! `gw route status`: how each target is doing now, and what the last hour came to.

use crate::harness::until;
use crate::kit::{Bench, chat, plan};
use serde_json::{Value, json};

const PATH: &str = "/v1/chat/completions";

fn status(bench: &Bench, route: &str) -> Value {
    let shown = bench.gateway.ok(&["route", "status", route, "-o", "json"]);
    serde_json::from_str(&shown).unwrap()
}

/// State and detail of each target.
fn states(bench: &Bench, route: &str) -> Vec<(String, String)> {
    let status = status(bench, route);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let targets = status["targets"].as_array().unwrap().iter();
    targets
        .map(|it| (text(&it["state"]), text(&it["detail"])))
        .collect()
}

fn ask(bench: &Bench, route: &str, times: usize) {
    for _ in 0..times {
        let answer = bench.post(&format!("/{route}{PATH}"), &chat("any", "hi", false));
        bench.row(&answer);
    }
}

#[test]
fn every_state_of_a_target_is_told() {
    let plan = plan();
    let url = format!("{}/v1", plan.mock.url());
    let provider = |mut spec: Value| {
        spec["vendor"] = "openai-compatible".into();
        spec["base_url"] = url.as_str().into();
        spec
    };
    let bad = json!({"credential": "managed", "credential_value": "sk-refused-by-the-simulator"});
    let closed = crate::harness::clients::free_port();
    let failing = json!({"vendor": "openai-compatible", "base_url": format!("http://127.0.0.1:{closed}/v1"), "check_interval": "100ms", "check_failures": 1});
    let bench = plan
        .provider("off", provider(json!({"enabled": false})))
        .provider("bad", provider(bad))
        .provider("failing", failing)
        .provider("sick", provider(json!({})))
        .at("well", &["m/mock", "m"])
        .at("cool", &["m/mock-429+retry-after-60", "m/mock"])
        .at("down", &["sick/mock-500", "m/mock"])
        .at("refused", &["bad/mock", "m/mock"])
        .at("late", &["failing/x", "m/mock"])
        .route("off", json!({"path": "/off", "targets": [{"provider": "off", "model": "x"}, {"provider": "m", "model": "x", "weight": 0}]}))
        .start();
    let told = |route: &str| states(&bench, route)[0].clone();
    let pair = |state: &str, detail: &str| (state.to_owned(), detail.to_owned());
    assert_eq!(states(&bench, "well"), vec![pair("healthy", "healthy"); 2]);
    assert_eq!(
        states(&bench, "off"),
        [
            pair("out", "provider is disabled"),
            pair("out", "weight is 0")
        ]
    );
    ask(&bench, "cool", 1);
    let (state, detail) = told("cool");
    assert!(
        state == "cooling" && detail.starts_with("cooling for "),
        "{state} {detail}"
    );
    ask(&bench, "down", 3);
    let (state, detail) = told("down");
    assert!(
        state == "suspended" && detail.starts_with("suspended for "),
        "{state} {detail}"
    );
    ask(&bench, "refused", 1);
    assert_eq!(
        told("refused"),
        pair("credential_refused", "credential refused")
    );
    let (_, detail) = until("the checks fail", || {
        Some(told("late")).filter(|it| it.0 == "failing_checks")
    });
    assert!(detail.starts_with("failing checks for "), "{detail}");
    bench.gateway.ok(&[
        "provider", "set", "sick", "--inject", "429:1%", "--for", "10m",
    ]);
    assert!(
        told("down").1.ends_with(", injecting 429:1%"),
        "{:?}",
        told("down")
    );
    bench
        .gateway
        .ok(&["provider", "set", "a", "--inject", "429:1%", "--for", "10m"]);
    bench
        .gateway
        .ok(&["route", "set", "well", "--to", "a/mock"]);
    assert_eq!(told("well"), pair("injecting", "injecting 429:1%"));
    // A route that is switched off has its targets still.
    bench.gateway.ok(&["route", "disable", "well"]);
    let shown = bench.gateway.ok(&["route", "status", "well"]);
    assert!(shown.starts_with("well (fallback, disabled): "), "{shown}");
    // Without a name it is all of them.
    let all: Value =
        serde_json::from_str(&bench.gateway.ok(&["route", "status", "-o", "json"])).unwrap();
    assert_eq!(all["items"].as_array().unwrap().len(), 7, "{all}");
    assert_eq!(
        bench.gateway.cli(&["route", "status", "nowhere"]).code,
        Some(3)
    );
}

#[test]
fn the_shares_of_the_last_hour_stand_beside_those_of_the_weights() {
    let targets = json!([{"provider": "m", "model": "mock", "weight": 8}, {"provider": "a", "model": "mock-500", "weight": 2}]);
    let bench = plan()
        .route(
            "r",
            json!({"path": "/r", "strategy": "split", "seed": 7, "retries": 0, "targets": targets}),
        )
        .start();
    const TIMES: usize = 20;
    let mut firsts = 0;
    for _ in 0..TIMES {
        let answer = bench.post(&format!("/r{PATH}"), &chat("any", "hi", false));
        firsts += usize::from(bench.row(&answer)["attempts"][0]["provider"] == "m");
    }
    let status = status(&bench, "r");
    assert_eq!(
        (&status["hour"]["requests"], &status["hour"]["complete"]),
        (&json!(TIMES), &json!(true)),
        "{status}"
    );
    let (well, ill) = (&status["targets"][0], &status["targets"][1]);
    assert_eq!(
        (&well["due"], &ill["due"]),
        (&json!(0.8), &json!(0.2)),
        "{status}"
    );
    let share = firsts as f64 / TIMES as f64;
    assert_eq!(well["hour"]["share"].as_f64(), Some(share), "{status}");
    assert_eq!(well["hour"]["first"], firsts, "{status}");
    assert_eq!(well["hour"]["failures"], 0, "{status}");
    let failed = ill["hour"]["failures"].as_u64().unwrap();
    assert!(failed > 0 && ill["hour"]["attempts"] == failed, "{status}");
    assert_eq!(well["load"]["in_flight"], 0, "{status}");
    assert!(well["load"]["first_content_ms"].is_u64(), "{status}");
    let table = bench.gateway.ok(&["route", "status", "r"]);
    assert!(
        table.starts_with("r (split): 20 requests in the last hour\n"),
        "{table}"
    );
    assert!(
        table.contains("% of 80%") && table.contains("% of 20%"),
        "{table}"
    );
    assert!(
        table.lines().all(|line| line.chars().count() <= 80),
        "{table}"
    );
}
