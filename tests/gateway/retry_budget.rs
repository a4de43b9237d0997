//! A target that fails often is not asked even more because of it; another target is never kept from anybody.

use crate::kit::{Bench, chat, plan};
use gw::mock::{Mock, Settings};
use serde_json::json;
use std::time::Instant;

/// Sends so many at once, each over a connection of its own; how many were answered, and the attempts of all.
fn storm(bench: &Bench, path: &str, requests: usize) -> (usize, usize) {
    let path = format!("/{path}/v1/chat/completions");
    let answers = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let one = |_| bench.post(&path, &chat("any", "storm", false));
                    (0..requests / 8).map(one).collect::<Vec<_>>()
                })
            })
            .collect();
        let joined = threads.into_iter().map(|thread| thread.join().unwrap());
        joined.flatten().collect::<Vec<_>>()
    });
    let attempts = answers.iter().map(|answer| {
        let count = answer.header("x-gw-attempts").unwrap();
        count.parse::<usize>().unwrap()
    });
    let well = answers.iter().filter(|answer| answer.status == 200).count();
    (well, attempts.sum())
}

/// Every target of these is down, and would be tried four times for each request.
#[test]
fn repeats_are_a_fifth_of_what_is_asked_and_three_a_second() {
    let bench = plan()
        // Never suspended: it is the repeats that are bounded here.
        .provider("down", json!({"vendor": "openai-compatible", "base_url": "http://127.0.0.1:9/v1", "suspend_after": 0}))
        .at_with("r", &["down/x"], json!({"retries": 3}))
        .start();
    let began = Instant::now();
    let (well, attempts) = storm(&bench, "r", 400);
    let repeats = attempts - 400;
    // A window that has begun counts whole.
    let seconds = began.elapsed().as_secs() as usize + 2;
    assert_eq!(well, 0);
    assert!(
        repeats <= 400 / 5 + 4 * seconds,
        "{repeats} repeats of 400 requests in {seconds} s"
    );
    let row = bench.row_where("a request that was not repeated", |row| {
        let last = row["attempts"].as_array().unwrap().last().unwrap();
        last["reason"]
            .as_str()
            .unwrap()
            .contains("tried again often enough")
    });
    assert_eq!(row["outcome"], "failed");
}

/// Where none is well each request tries one, and few try more: those that rest are left alone.
#[test]
fn an_outage_of_all_targets_is_not_multiplied_by_their_number() {
    let bench = plan()
        .provider("down", json!({"vendor": "openai-compatible", "base_url": "http://127.0.0.1:9/v1", "suspend_after": 1}))
        .at("r", &["down/x", "down/y", "down/z"])
        .start();
    let began = Instant::now();
    let (well, attempts) = storm(&bench, "r", 400);
    let seconds = began.elapsed().as_secs() as usize + 2;
    assert_eq!(well, 0);
    let more = attempts - 400;
    // The first requests find all of them free. Each target has repeats of its own.
    assert!(
        more <= 3 * 8 + 400 / 5 + 3 * 4 * seconds,
        "{more} attempts more than the 400 requests in {seconds} s"
    );
}

#[test]
fn another_target_is_never_kept_from_anybody() {
    let other = Mock::start(Settings::default()).unwrap();
    let bench = plan()
        .provider("down", json!({"vendor": "openai-compatible", "base_url": "http://127.0.0.1:9/v1", "suspend_after": 0}))
        .provider("well", json!({"vendor": "openai-compatible", "base_url": format!("{}/v1", other.url())}))
        .at_with("r", &["down/x", "well/mock"], json!({"retries": 2}))
        .start();
    assert_eq!(storm(&bench, "r", 400), (400, 800));
}
