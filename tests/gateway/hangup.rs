//! A caller that hangs up takes the upstream call with it, at once and in both modes; the row says 499.

use crate::harness::until;
use crate::kit::{Bench, FORMATS, chat, plan, read_until};
use gw::mock::Outcome;
use std::time::{SystemTime, UNIX_EPOCH};

fn now_ms() -> u128 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis()
}

/// Opens a request, waits until `ready`, hangs up; the milliseconds until the upstream noticed.
fn hang_up(
    bench: &Bench,
    path: &str,
    model: &str,
    text: &str,
    stream: bool,
    after: Option<&str>,
) -> u128 {
    let mut socket = bench.open(path, &chat(model, text, stream));
    match after {
        Some(needle) => drop(read_until(&mut socket, needle)),
        None => until("the upstream has it", || {
            bench
                .mock
                .requests()
                .iter()
                .any(|seen| seen.body.contains(text))
                .then_some(())
        }),
    }
    let closed = now_ms();
    drop(socket);
    let seen = bench.upstream(text);
    assert_eq!(seen.outcome, Outcome::ClientClosed, "{seen:?}");
    seen.ended_ms.unwrap().saturating_sub(closed)
}

#[test]
fn the_upstream_call_ends_with_the_callers_connection() {
    let mut plan = plan();
    for provider in ["m", "a"] {
        for (name, model) in [
            ("paced", "mock-events-1000+pace-20"),
            ("silent", "mock-events-10+stall-after-2"),
            ("early", "mock-delay-first-60000"),
            ("head", "mock-delay-headers-60000"),
        ] {
            plan = plan.at_with(
                &format!("{provider}-{name}"),
                &[&format!("{provider}/{model}"), &format!("{provider}/mock")],
                serde_json::json!({"retries": 2}),
            );
        }
    }
    let bench = plan.start();
    let mut worst = 0;
    for provider in ["m", "a"] {
        for (path, anthropic) in FORMATS {
            let content = if anthropic {
                "content_block_delta"
            } else {
                "\"content\":\""
            };
            for (name, stream, after) in [
                ("paced", true, Some(content)),
                ("silent", true, Some(content)),
                ("early", true, None),
                ("head", true, None),
                ("early", false, None),
                ("head", false, None),
            ] {
                let text = format!("bye-{provider}-{name}-{stream}-{}", path.len());
                let took = hang_up(
                    &bench,
                    &format!("/{provider}-{name}{path}"),
                    "any",
                    &text,
                    stream,
                    after,
                );
                println!(
                    "{provider} {name} {path} stream {stream}: upstream closed {took} ms after the caller"
                );
                worst = worst.max(took);
                let row = bench.row_where("the row of the hang-up", |row| row["status"] == 499);
                assert_eq!(row["outcome"], "client_closed", "{row}");
            }
        }
    }
    println!("worst: {worst} ms");
    let rows = bench.rows();
    assert_eq!(rows.len(), 24);
    for row in &rows {
        assert_eq!(
            (
                row["status"].as_u64(),
                row["outcome"].as_str(),
                row["usage_source"].as_str()
            ),
            (Some(499), Some("client_closed"), Some("estimated")),
            "{row}"
        );
        assert!(row["usage"]["input"].as_u64() > Some(0), "{row}");
        let attempts = row["attempts"].as_array().unwrap();
        assert_eq!(attempts.len(), 1, "{row}");
        // Before the first byte the attempt was called off; after it, it had answered.
        assert!(
            ["cancelled", "ok"].contains(&attempts[0]["class"].as_str().unwrap()),
            "{row}"
        );
    }
    // Nothing was tried after a hang-up, and nothing is held.
    assert_eq!(bench.mock.requests().len(), 24);
    until("nothing is in flight", || {
        (bench.gateway.cli(&["status", "-o", "json"]).json()["in_flight"] == 0).then_some(())
    });
}

/// While gw waits to try again, the caller's leaving ends the wait.
#[test]
fn no_retry_after_a_hang_up() {
    let bench = plan()
        .at_with(
            "r",
            &["m/mock-429+retry-after-2"],
            serde_json::json!({"retries": 5}),
        )
        .start();
    let socket = bench.open("/r/v1/chat/completions", &chat("any", "gone", false));
    until("the first attempt has failed", || {
        bench
            .mock
            .requests()
            .iter()
            .any(|seen| seen.outcome == Outcome::Answered)
            .then_some(())
    });
    drop(socket);
    let row = bench.row_where("the row", |row| row["status"] == 499);
    assert_eq!(row["attempts"].as_array().unwrap().len(), 1, "{row}");
    // The row is the request's last word: nothing is left that could try again.
    until("nothing is in flight", || {
        (bench.gateway.cli(&["status", "-o", "json"]).json()["in_flight"] == 0).then_some(())
    });
    assert_eq!(bench.mock.requests().len(), 1);
}

/// Bytes behind the request, or half a connection, do not hide that the caller has gone.
#[test]
fn a_caller_that_leaves_bytes_behind_has_gone_too() {
    use std::io::Write;
    let bench = plan().start();
    for (text, behind) in [
        ("leftover-crlf", "\r\n".to_owned()),
        ("leftover-request", bench.request("/v1/models", "", "")),
    ] {
        let mut socket = bench.socket();
        let body = chat("mock-delay-headers-60000", text, false).to_string();
        socket
            .write_all(
                format!(
                    "{}{behind}",
                    bench.request("/v1/chat/completions", "", &body)
                )
                .as_bytes(),
            )
            .unwrap();
        until("the upstream has it", || {
            bench
                .mock
                .requests()
                .iter()
                .any(|seen| seen.body.contains(text))
                .then_some(())
        });
        drop(socket);
        assert_eq!(bench.upstream(text).outcome, Outcome::ClientClosed);
    }
    // An upload that breaks off never went upstream.
    let mut socket = bench.socket();
    let request = bench.request(
        "/v1/chat/completions",
        "",
        &chat("mock", "upload", false).to_string(),
    );
    socket
        .write_all(&request.as_bytes()[..request.len() - 10])
        .unwrap();
    drop(socket);
    until("nothing is in flight", || {
        (bench.gateway.cli(&["status", "-o", "json"]).json()["in_flight"] == 0).then_some(())
    });
    assert!(
        !bench
            .mock
            .requests()
            .iter()
            .any(|seen| seen.body.contains("upload"))
    );
}

/// A caller that reads nothing holds back the upstream, not the gateway's memory, and is let go after a while.
#[test]
fn a_caller_that_does_not_read_is_let_go() {
    let bench = plan().limits("write_stall = '400ms'").start();
    for (path, text) in [
        ("/v1/chat/completions", "deaf-a"),
        ("/v1/messages", "deaf-b"),
    ] {
        let socket = bench.open(path, &chat("mock-events-200000+bytes-60000000", text, true));
        assert_eq!(bench.upstream(text).outcome, Outcome::ClientClosed);
        let row = bench.row_where("the row of the deaf caller", |row| {
            row["format"]
                == if path == "/v1/messages" {
                    "anthropic-messages"
                } else {
                    "openai-chat"
                }
        });
        assert_eq!(
            (row["status"].as_u64(), row["outcome"].as_str()),
            (Some(499), Some("client_closed")),
            "{row}"
        );
        drop(socket);
    }
    #[cfg(target_os = "linux")]
    {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", bench.gateway.pid)).unwrap();
        let most: u64 = status
            .lines()
            .find(|line| line.starts_with("VmHWM"))
            .and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
            .unwrap();
        assert!(
            most < 120_000,
            "{most} KiB were needed for callers that read nothing"
        );
    }
}
