//! A caller that closes right behind its request leaves a row like any other, however early it is noticed.

use crate::harness::until;
use crate::kit::{Bench, chat, plan, read_until};
use std::io::Write;
use std::net::TcpStream;

const CALLS: usize = 60;

/// A connection on which an answer has been read already.
fn kept(bench: &Bench) -> TcpStream {
    let mut socket = bench.socket();
    let body = chat("mock", "stay", false).to_string();
    let request = bench.request("/v1/chat/completions", "", &body);
    socket.write_all(request.as_bytes()).unwrap();
    read_until(&mut socket, "\"usage\"");
    // The last bytes: what is left unread would make the close a reset.
    socket.set_nonblocking(true).unwrap();
    while std::io::Read::read(&mut socket, &mut [0; 4096]).is_ok_and(|read| read > 0) {}
    socket.set_nonblocking(false).unwrap();
    socket
}

#[test]
fn every_request_of_callers_that_close_at_once_has_one_row() {
    let bench = plan().start();
    let body = chat("mock", "bye", false).to_string();
    let request = bench.request("/v1/chat/completions", "", &body);
    let other = bench.request("/v1/messages", "", &body);
    for _ in 0..CALLS {
        kept(&bench).write_all(request.as_bytes()).unwrap();
        kept(&bench).write_all(other.as_bytes()).unwrap();
        bench.socket().write_all(request.as_bytes()).unwrap();
        // Not all of the body.
        kept(&bench)
            .write_all(&request.as_bytes()[..request.len() - 5])
            .unwrap();
        // Nobody asked for anything that is recorded.
        let models = format!("GET /v1/models HTTP/1.1\r\nHost: {}\r\n\r\n", bench.host());
        bench.socket().write_all(models.as_bytes()).unwrap();
    }
    // Three kept connections with an answer each, and what was sent on them and on one more.
    let rows = until("every request has its row", || {
        Some(bench.rows()).filter(|rows| rows.len() >= CALLS * 7)
    });
    assert_eq!(rows.len(), CALLS * 7);
    let of = |status: u64| rows.iter().filter(|row| row["status"] == status).count();
    // One that was gone only when its answer was on its way was answered.
    assert!(of(499) <= CALLS * 4 && of(200) >= CALLS * 3, "{rows:#?}");
    assert_eq!(of(499) + of(200), CALLS * 7, "{rows:#?}");
    for row in rows.iter().filter(|row| row["status"] == 499) {
        assert_eq!(row["outcome"], "client_closed", "{row}");
    }
    let status = bench.gateway.cli(&["status", "-o", "json"]).json();
    assert_eq!(status["in_flight"], 0, "{status}");
    assert_eq!(status["requests"], CALLS * 7, "{status}");
}
