//! A target that fails half of the time: most callers are answered, and it is not asked much more because it fails.

use crate::kit::{Bench, chat, plan};
use serde_json::Value;

/// So many requests from so many callers at once; the rows of all, and how many were answered.
fn storm(bench: &Bench, path: &str, callers: usize, each: usize) -> (Vec<Value>, usize) {
    let path = format!("/{path}/v1/chat/completions");
    let answered: usize = std::thread::scope(|scope| {
        let ask = || {
            let answers = (0..each).map(|_| bench.post(&path, &chat("any", "flapping", false)));
            answers.filter(|answer| answer.status == 200).count()
        };
        let threads: Vec<_> = (0..callers).map(|_| scope.spawn(ask)).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    let rows = crate::harness::until("every request has its row", || {
        let rows = bench.rows();
        (rows.len() == callers * each).then_some(rows)
    });
    (rows, answered)
}

fn attempts(rows: &[Value]) -> usize {
    let of = |row: &Value| row["attempts"].as_array().unwrap().len();
    rows.iter().map(of).sum()
}

/// From the first request to the last, in whole seconds.
fn seconds(rows: &[Value]) -> usize {
    let at = |row: &Value| {
        row["at"]
            .as_str()
            .unwrap()
            .parse::<jiff::Timestamp>()
            .unwrap()
    };
    let (first, last) = (
        rows.iter().map(at).min().unwrap(),
        rows.iter().map(at).max().unwrap(),
    );
    (last.as_second() - first.as_second()) as usize
}

#[test]
fn a_target_that_fails_half_of_the_time_is_not_stormed_with_repeats() {
    let bench = plan()
        .at_with(
            "flaps",
            &["m/mock-fail-percent-50"],
            serde_json::json!({"retries": 3}),
        )
        .start();
    let (rows, answered) = storm(&bench, "flaps", 16, 40);
    let (requests, attempts) = (rows.len(), attempts(&rows));
    // A fifth of the requests, and three for every second; windows that have begun count whole.
    let allowed = requests / 5 + 3 * (seconds(&rows) + 2);
    assert!(
        attempts <= requests + allowed,
        "{attempts} attempts for {requests} requests; {allowed} repeats are allowed"
    );
    assert!(attempts > requests, "nothing was tried again");
    // Half of them at once, and about half of those that were repeated.
    assert!(
        answered > requests / 2,
        "{answered} of {requests} were answered"
    );
    let seen = bench.mock.requests().len();
    assert_eq!(seen, attempts, "the upstream counted {seen}");
}

/// Every failure costs a repeat somewhere else, and no caller sees one.
#[test]
fn beside_one_that_is_well_nobody_sees_it_fail() {
    let bench = plan()
        .at("beside", &["m/mock-fail-percent-50", "m/mock"])
        .start();
    let (rows, answered) = storm(&bench, "beside", 8, 50);
    assert_eq!(answered, rows.len());
    assert!(attempts(&rows) <= rows.len() * 2);
}
