//! Stopping: running requests finish within the grace, new ones are refused, no row is lost, and impatience is heeded.

use crate::harness::{Gateway, PATIENCE, until};
use crate::kit::{Bench, Plan, chat, drain, plan, read_until};
use std::net::TcpStream;
use std::time::Instant;

fn on_disk(grace: &str) -> (tempfile::TempDir, Plan) {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let plan = plan().at("a", &["a"]).args(&[
        "--data-dir",
        data.to_str().unwrap(),
        "--shutdown-grace",
        grace,
    ]);
    (place, plan)
}

pub fn signal(bench: &Bench) {
    let pid = rustix::process::Pid::from_raw(bench.gateway.pid.try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
}

/// Waits until the process has ended by itself, and leaves its status to [`Gateway::stop`], which then sends nothing.
pub fn ended(bench: &Bench) {
    use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
    let pid = Pid::from_raw(bench.gateway.pid.try_into().unwrap()).unwrap();
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    until("gw serve has ended", || {
        waitid(WaitId::Pid(pid), options).unwrap().map(drop)
    });
}

/// Whether a new connection is served: refused, or closed without an answer.
fn refuses(bench: &Bench) -> bool {
    TcpStream::connect(bench.host()).is_err()
}

#[test]
fn running_requests_finish_and_no_row_is_lost() {
    let (place, plan) = on_disk("30s");
    let mut bench = plan.launch();
    for at in 0..20 {
        assert_eq!(
            bench
                .post(
                    "/v1/chat/completions",
                    &chat("mock", &format!("before {at}"), false)
                )
                .status,
            200
        );
    }
    let mut streams: Vec<TcpStream> = ["/v1/chat/completions", "/a/v1/messages"]
        .iter()
        .map(|path| {
            bench.open(
                path,
                &chat("mock-events-40+pace-25", "stream through", true),
            )
        })
        .collect();
    streams
        .iter_mut()
        .for_each(|socket| drop(read_until(socket, "This ")));
    let mut whole = bench.open(
        "/v1/chat/completions",
        &chat("mock-delay-headers-800", "whole through", false),
    );
    until("it is upstream", || {
        bench
            .mock
            .requests()
            .iter()
            .any(|seen| seen.body.contains("whole through"))
            .then_some(())
    });
    let mut idle = bench.socket();

    signal(&bench);
    until("new connections are refused", || {
        refuses(&bench).then_some(())
    });
    assert_eq!(drain(&mut idle), "", "an idle connection is closed");
    let [openai, anthropic] = [&mut streams.remove(0), &mut streams.remove(0)].map(drain);
    assert!(
        openai.contains("[DONE]") && openai.ends_with("0\r\n\r\n") && !openai.contains("error"),
        "{openai}"
    );
    assert!(
        anthropic.contains("message_stop")
            && anthropic.ends_with("0\r\n\r\n")
            && !anthropic.contains("error"),
        "{anthropic}"
    );
    let whole = drain(&mut whole);
    assert!(
        whole.starts_with("HTTP/1.1 200 ") && whole.contains("whole through"),
        "{whole}"
    );
    ended(&bench);
    assert_eq!(bench.gateway.stop(), Some(0));

    let data = place.path().join("data");
    let again = Gateway::start_with(&["--data-dir", data.to_str().unwrap()]);
    let rows = again.ok(&["logs", "export"]);
    assert_eq!(rows.lines().count(), 23, "{rows}");
    assert!(
        rows.lines().all(|row| row.contains("\"outcome\":\"ok\"")),
        "{rows}"
    );
    let id = serde_json::from_str::<serde_json::Value>(rows.lines().next().unwrap()).unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(again.ok(&["logs", "get", &id]).contains(&id));
}

#[test]
fn when_the_grace_is_over_streams_end_with_an_error() {
    let (_place, plan) = on_disk("300ms");
    let mut bench = plan.launch();
    let mut streams: Vec<TcpStream> = ["/v1/chat/completions", "/a/v1/messages"]
        .iter()
        .map(|path| bench.open(path, &chat("mock-events-9000+pace-25", "too long", true)))
        .collect();
    streams
        .iter_mut()
        .for_each(|socket| drop(read_until(socket, "This ")));
    let waiting = bench.open(
        "/v1/chat/completions",
        &chat("mock-delay-headers-60000", "never", false),
    );
    until("it is upstream", || {
        bench
            .mock
            .requests()
            .iter()
            .any(|seen| seen.body.contains("never"))
            .then_some(())
    });
    signal(&bench);
    let [openai, anthropic] = [&mut streams.remove(0), &mut streams.remove(0)].map(drain);
    assert!(
        openai.contains("shutting down")
            && openai.ends_with("0\r\n\r\n")
            && !openai.contains("[DONE]"),
        "{openai}"
    );
    assert!(
        anthropic.contains("event: error")
            && anthropic.contains("shutting down")
            && !anthropic.contains("message_stop"),
        "{anthropic}"
    );
    let waiting = crate::harness::http::read(waiting);
    assert_eq!(
        (waiting.status, waiting.json()["error"]["type"].as_str()),
        (503, Some("service_unavailable")),
        "{waiting:?}"
    );
    ended(&bench);
    assert_eq!(bench.gateway.stop(), Some(0));
}

#[test]
fn a_second_signal_ends_at_once() {
    let (place, plan) = on_disk("600s");
    let mut bench = plan.launch();
    assert_eq!(
        bench
            .post("/v1/chat/completions", &chat("mock", "kept", false))
            .status,
        200
    );
    let mut stream = bench.open(
        "/v1/chat/completions",
        &chat("mock-events-9000+pace-25", "endless", true),
    );
    read_until(&mut stream, "This ");
    signal(&bench);
    until("it stops", || refuses(&bench).then_some(()));
    let begin = Instant::now();
    assert_eq!(bench.gateway.stop(), Some(143));
    assert!(begin.elapsed() < PATIENCE);
    let data = place.path().join("data");
    let again = Gateway::start_with(&["--data-dir", data.to_str().unwrap()]);
    assert!(
        again.ok(&["logs", "export"]).contains("\"outcome\":\"ok\""),
        "what was answered is in the log"
    );
}

#[test]
fn a_directory_has_one_gateway() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let first = Gateway::start_with(&["--data-dir", data.to_str().unwrap()]);
    let second = first.cli(&[
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--data-dir",
        data.to_str().unwrap(),
        "--secrets",
        "sealed",
    ]);
    assert_ne!(second.code, Some(0));
    assert!(
        second.stderr.contains(&first.pid.to_string())
            && second
                .stderr
                .contains(first.admin.trim_start_matches("unix:")),
        "{}",
        second.stderr
    );
    assert!(second.stderr.contains("fix:"), "{}", second.stderr);
    first.ok(&["status"]);
    // And a port has one too, whose error does not wait for the directory.
    let address = first.url.strip_prefix("http://").unwrap().to_owned();
    let third = first.cli(&["serve", "--in-memory", "--listen", &address]);
    assert!(
        third.code != Some(0) && third.stderr.contains(&address),
        "{}",
        third.stderr
    );
}
