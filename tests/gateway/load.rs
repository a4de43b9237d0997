//! What is known of targets that are well, for whoever asks where requests would go.

use crate::harness::until;
use crate::kit::{Bench, chat, plan};
use serde_json::{Value, json};

/// The load of each attempt of the route at `/r`, as `explain` shows it.
fn loads(bench: &Bench) -> Vec<Value> {
    let args = [
        "route", "explain", "--key", "k", "--path", "/r", "-m", "own", "-o", "json",
    ];
    let said: Value = serde_json::from_str(&bench.gateway.ok(&args)).unwrap();
    let attempts = said["attempts"].as_array().unwrap().iter();
    attempts.map(|attempt| attempt["load"].clone()).collect()
}

#[test]
fn explain_shows_what_is_under_way_and_how_soon_content_comes() {
    let bench = plan()
        .at("r", &["m/mock-delay-headers-60000", "m/mock", "a"])
        .at("quick", &["m/mock"])
        .start();
    let idle = json!({"in_flight": 0});
    assert_eq!(loads(&bench), [idle.clone(), idle.clone(), idle.clone()]);
    let held = bench.open("/r/v1/chat/completions", &chat("any", "held", true));
    until("one is under way", || {
        let busy = [json!({"in_flight": 1}), idle.clone(), idle.clone()];
        (loads(&bench) == busy).then_some(())
    });
    drop(held);
    until("none is under way", || {
        (loads(&bench)[0] == idle).then_some(())
    });
    bench.post("/quick/v1/chat/completions", &chat("any", "quick", true));
    until("the time to its content is known", || {
        let second = loads(&bench).swap_remove(1);
        (second["in_flight"] == 0 && second["first_content_ms"].is_u64()).then_some(())
    });
}
