//! The bound on bytes in flight counts what is held, for as long as it is held.

use crate::kit::{chat, plan, read_until};

const PATH: &str = "/v1/chat/completions";

#[test]
fn an_attempt_that_failed_holds_no_room() {
    for (route, path) in [("same", PATH), ("translated", "/v1/messages")] {
        let failing: Vec<String> = (0..6).map(|at| format!("m/mock-500+bytes-{at}")).collect();
        let targets: Vec<&str> = failing
            .iter()
            .map(String::as_str)
            .chain(["m/mock"])
            .collect();
        let bench = plan()
            .limits("max_in_flight_bytes = '4MiB'")
            .at(route, &targets)
            .start();
        let text = "w".repeat(1_000_000);
        let answer = bench.post(&format!("/{route}{path}"), &chat("any", &text, false));
        assert_eq!(
            (answer.status, answer.header("x-gw-attempts")),
            (200, Some("7")),
            "{answer:?}"
        );
    }
}

#[test]
fn a_stream_under_way_holds_no_room_for_the_request_that_was_sent() {
    let bench = plan()
        .limits("max_in_flight_bytes = '4MiB'")
        .at("slow", &["m/mock-events-3+pace-60000"])
        .start();
    let text = "w".repeat(1_000_000);
    let _under_way: Vec<_> = (0..2)
        .map(|_| {
            let mut socket = bench.open(&format!("/slow{PATH}"), &chat("any", &text, true));
            read_until(&mut socket, "data: ");
            socket
        })
        .collect();
    let answer = bench.post(PATH, &chat("mock", &text, false));
    assert_eq!(answer.status, 200, "{answer:?}");
}
