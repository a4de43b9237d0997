//! Answers given before the request's body was read: the connection ends with them, or goes on in step. What comes
//! after them is never taken for a request, however it is cut.

use crate::kit::{Bench, chat, drain, plan, read_until, status};
use std::io::Write;

const RIDER: &str = "rode-in";

/// A request that is answered without a look at its body: what it is, its request line, further lines, its status.
fn early(bench: &Bench) -> Vec<(&'static str, &'static str, String, u16)> {
    let auth = format!("Authorization: Bearer {}\r\n", bench.key);
    vec![
        ("unknown path", "POST /v1/nothing", auth.clone(), 404),
        ("no key", "POST /v1/chat/completions", String::new(), 401),
        (
            "unknown key",
            "POST /v1/chat/completions",
            "X-Api-Key: sk-gw-nonsense\r\n".into(),
            401,
        ),
        (
            "wrong method",
            "PUT /v1/chat/completions",
            auth.clone(),
            405,
        ),
        (
            "web page",
            "POST /v1/chat/completions",
            format!("{auth}Origin: null\r\n"),
            403,
        ),
        ("models", "GET /v1/models", auth.clone(), 200),
        ("models without key", "GET /v1/models", String::new(), 401),
        ("health", "POST /healthz", String::new(), 200),
        ("readiness", "GET /readyz", String::new(), 200),
    ]
}

/// A whole request that would be served.
fn rider(bench: &Bench) -> String {
    let body = chat("mock", RIDER, false).to_string();
    bench.request("/v1/chat/completions", "", &body)
}

/// A head of exactly as many bytes as the server reads first, so that its body comes with the next read.
fn filled(line: &str, bench: &Bench, lines: &str) -> String {
    let head = format!("{line} HTTP/1.1\r\nHost: {}\r\n{lines}", bench.host());
    let pad = 8192 - head.len() - "X-Pad: \r\nX-Pad: \r\n\r\n".len();
    format!(
        "{head}X-Pad: {}\r\nX-Pad: {}\r\n\r\n",
        "a".repeat(pad / 2),
        "a".repeat(pad - pad / 2)
    )
}

#[track_caller]
fn ends_after_one_answer(bench: &Bench, what: &str, code: u16, answer: &str) {
    assert_eq!(status(answer), code, "{what}: {answer}");
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{what}: {answer}");
    assert!(
        answer.contains("connection: close\r\n"),
        "{what}: not said to close: {answer}"
    );
    let seen = bench.mock.requests();
    assert!(seen.is_empty(), "{what}: a rider ran: {seen:?}");
}

#[test]
fn what_follows_an_answer_that_came_before_the_body_is_no_request() {
    let bench = plan().start();
    let rider = rider(&bench);
    // A body that looks like the head of a request.
    let fake = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", bench.host());
    for (what, line, lines, code) in early(&bench) {
        let length = format!("{lines}Content-Length: {}\r\n", fake.len());
        let chunked = format!("{lines}Transfer-Encoding: chunked\r\n");
        let expect = format!("{length}Expect: 100-continue\r\n");
        let chunks = format!("{:x}\r\n{fake}\r\n0\r\n\r\n", fake.len());
        let host = format!("{line} HTTP/1.1\r\nHost: {}\r\n", bench.host());
        for (how, head, body) in [
            ("at once", format!("{host}{length}\r\n"), &fake),
            ("in two reads", filled(line, &bench, &length), &fake),
            ("in chunks", format!("{host}{chunked}\r\n"), &chunks),
            (
                "in chunks and two reads",
                filled(line, &bench, &chunked),
                &chunks,
            ),
            (
                "expected to be asked for",
                format!("{host}{expect}\r\n"),
                &fake,
            ),
            ("expected, two reads", filled(line, &bench, &expect), &fake),
        ] {
            let what = format!("{what}, {how}");
            let answer = bench.raw(format!("{head}{body}{rider}").as_bytes());
            ends_after_one_answer(&bench, &what, code, &answer);
            // The same with the rest only once the answer has come.
            let mut socket = bench.socket();
            socket.write_all(head.as_bytes()).unwrap();
            let mut answer = read_until(&mut socket, "\r\n\r\n");
            let _ = socket.write_all(format!("{body}{rider}").as_bytes());
            answer.push_str(&drain(&mut socket));
            ends_after_one_answer(&bench, &what, code, &answer);
        }
    }
}

#[test]
fn a_body_over_the_limit_leaves_no_rider_and_its_answer_arrives() {
    let bench = plan().limits("max_body = '64KiB'").start();
    let rider = rider(&bench);
    let large = format!("{}{rider}", " ".repeat(64 << 20));
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n",
        bench.host(),
        bench.key
    );
    for (how, head) in [
        (
            "announced",
            format!("{head}Content-Length: {}\r\n\r\n", 64 << 20),
        ),
        (
            "in one chunk",
            format!("{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n", 64 << 20),
        ),
        (
            "expected",
            format!(
                "{head}Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
                64 << 20
            ),
        ),
    ] {
        // A caller that sends everything before it reads: the answer must still be there.
        let mut socket = bench.socket();
        let sent = socket.write_all(format!("{head}{large}").as_bytes());
        assert!(sent.is_ok(), "{how}: cut off while sending: {sent:?}");
        let answer = drain(&mut socket);
        let answer = answer
            .strip_prefix("HTTP/1.1 100 Continue\r\n\r\n")
            .unwrap_or(&answer);
        ends_after_one_answer(&bench, how, 413, answer);
    }
}

#[test]
fn requests_without_a_body_keep_their_connection_whatever_the_answer() {
    let bench = plan().start();
    let mut socket = bench.socket();
    for (what, line, lines, code) in early(&bench) {
        let request = format!("{line} HTTP/1.1\r\nHost: {}\r\n{lines}\r\n", bench.host());
        socket.write_all(request.as_bytes()).unwrap();
        let head = read_until(&mut socket, "\r\n\r\n");
        assert_eq!(status(&head), code, "{what}: {head}");
        assert!(!head.contains("connection: close"), "{what}: {head}");
        let length: usize = head
            .split("content-length: ")
            .nth(1)
            .and_then(|rest| rest.split("\r\n").next()?.parse().ok())
            .unwrap();
        let mut have = head.split_once("\r\n\r\n").unwrap().1.len();
        while have < length {
            let mut rest = vec![0; length - have];
            have += std::io::Read::read(&mut socket, &mut rest).unwrap();
        }
    }
    socket.write_all(rider(&bench).as_bytes()).unwrap();
    assert_eq!(status(&read_until(&mut socket, "}}")), 200);
}
