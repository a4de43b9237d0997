//! Very many at once: streams that all come whole, and connections that wait for little.

use crate::harness::{http, until};
use crate::kit::{Bench, chat, plan, read_until};
use std::io::Write;
use std::net::TcpStream;

/// What waits is so many times as large where nothing is optimised.
const UNOPTIMISED: u64 = if cfg!(debug_assertions) { 3 } else { 1 };

/// A size from what the system says of the gateway, in bytes.
fn memory(bench: &Bench, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", bench.gateway.pid)).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    let size = line.split_whitespace().nth(1).unwrap();
    size.parse::<u64>().unwrap() << 10
}

#[test]
fn a_thousand_paced_streams_at_once_all_come_whole() {
    let bench = plan().at("s", &["m/mock-events-8+pace-300"]).start();
    let asked = chat("any", "x", true);
    let streams: Vec<TcpStream> = (0..1_000)
        .map(|_| bench.open("/s/v1/chat/completions", &asked))
        .collect();
    for stream in streams {
        let answer = http::read(stream);
        let (status, events) = (answer.status, answer.events());
        assert!(
            status == 200 && answer.complete && events.last() == Some(&"[DONE]"),
            "{answer:?}"
        );
        assert!(events.len() > 8, "{answer:?}");
    }
    let peak = memory(&bench, "VmHWM:");
    assert!(peak < 110_000_000 * UNOPTIMISED, "{peak} bytes");
    until("each has its row", || {
        (bench.rows().len() == 1_000).then_some(())
    });
}

#[test]
fn a_connection_that_waits_costs_little() {
    // 10,000 of these are to cost less than 200 MB.
    const COUNT: u64 = 1_000;
    let bench = plan().start();
    let asked = chat("m", "x", false).to_string();
    let request = bench.request("/v1/chat/completions", "", &asked);
    let serve = |socket: &mut TcpStream| {
        socket.write_all(request.as_bytes()).unwrap();
        read_until(socket, "\"usage\"");
    };
    let mut first = bench.socket();
    (0..COUNT).for_each(|_| serve(&mut first));
    let before = memory(&bench, "VmRSS:");
    let mut waiting: Vec<TcpStream> = (0..COUNT).map(|_| bench.socket()).collect();
    waiting.iter_mut().for_each(serve);
    let grown = memory(&bench, "VmRSS:").saturating_sub(before);
    assert!(grown < COUNT * 20_000 * UNOPTIMISED, "{grown} bytes");
    // All of them are still there.
    waiting.iter_mut().for_each(serve);
}
