//! Callers that are slow, silent or too large: each is let go within its limit, and the rest keeps being served.

use crate::harness::until;
use crate::kit::{chat, drain, plan, read_until, status};
use std::io::{Read, Write};
use std::time::{Duration, Instant};

#[test]
fn slow_silent_and_idle_connections_are_closed() {
    let limits = "first_byte = '300ms'\nheader_timeout = '500ms'\nidle = '400ms'\nbody_stall = '400ms'\nbody_total = '1s'";
    let bench = plan().limits(limits).start();
    let request = bench.request(
        "/v1/chat/completions",
        "",
        &chat("mock", "slow", false).to_string(),
    );

    // Says nothing.
    assert_eq!(drain(&mut bench.socket()), "");

    // One byte of the head at a time, for longer than a head may take.
    let mut socket = bench.socket();
    let begin = Instant::now();
    for byte in request.as_bytes() {
        if socket.write_all(&[*byte]).is_err() {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
        assert!(
            begin.elapsed() < Duration::from_secs(20),
            "a head that trickles is read for ever"
        );
        if begin.elapsed() > Duration::from_secs(1) && peer_closed(&mut socket) {
            break;
        }
    }
    assert!(!drain(&mut socket).contains("200 OK"));

    // A body that stops, one that was never begun, one that trickles for ever.
    for (what, sent) in [
        ("stops", request.len() - 5),
        ("never begins", request.find("\r\n\r\n").unwrap() + 4),
    ] {
        let mut socket = bench.socket();
        socket.write_all(&request.as_bytes()[..sent]).unwrap();
        let answer = drain(&mut socket);
        assert_eq!(status(&answer), 504, "a body that {what}: {answer}");
        assert!(
            answer.to_ascii_lowercase().contains("connection: close"),
            "{answer}"
        );
    }
    let mut socket = bench.socket();
    let begin = Instant::now();
    socket
        .write_all(
            bench
                .request("/v1/chat/completions", "", &" ".repeat(10_000))
                .split_inclusive("\r\n\r\n")
                .next()
                .unwrap()
                .as_bytes(),
        )
        .unwrap();
    while socket.write_all(b" ").is_ok() && !peer_closed(&mut socket) {
        std::thread::sleep(Duration::from_millis(100));
        assert!(
            begin.elapsed() < Duration::from_secs(20),
            "a body that trickles is read for ever"
        );
    }

    // Idle after an answer.
    let mut socket = bench.socket();
    socket.write_all(request.as_bytes()).unwrap();
    read_until(&mut socket, "}}");
    assert_eq!(drain(&mut socket), "");

    assert_eq!(
        bench
            .post("/v1/chat/completions", &chat("mock", "fine", false))
            .status,
        200
    );
    assert_eq!(
        bench.mock.requests().len(),
        2,
        "a request that was not whole went upstream"
    );
    until("every connection is counted out", || {
        (status_of(&bench, "connections") == 0 && status_of(&bench, "in_flight") == 0).then_some(())
    });
}

fn status_of(bench: &crate::kit::Bench, name: &str) -> u64 {
    bench.gateway.cli(&["status", "-o", "json"]).json()[name]
        .as_u64()
        .unwrap_or(u64::MAX)
}

/// Whether the other side has closed, without waiting. An answer that comes first is read away.
fn peer_closed(socket: &mut std::net::TcpStream) -> bool {
    socket.set_nonblocking(true).unwrap();
    let mut chunk = [0; 4096];
    let closed = loop {
        match socket.read(&mut chunk) {
            Ok(1..) => {}
            Ok(0) => break true,
            Err(error) => break error.kind() != std::io::ErrorKind::WouldBlock,
        }
    };
    socket.set_nonblocking(false).unwrap();
    closed
}

#[test]
fn bodies_over_the_limit_are_refused_before_they_are_sent() {
    let bench = plan().limits("max_body = '64KiB'").start();
    let head = |length: &str, extra: &str| {
        format!(
            "POST /v1/chat/completions HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n{extra}{length}\r\n\r\n",
            bench.host(),
            bench.key
        )
    };
    let expecting =
        bench.raw(head("Content-Length: 104857600", "Expect: 100-continue\r\n").as_bytes());
    assert!(expecting.starts_with("HTTP/1.1 413 "), "{expecting}");
    assert!(
        expecting.to_ascii_lowercase().contains("connection: close"),
        "{expecting}"
    );
    let announced = bench.raw(head("Content-Length: 65537", "").as_bytes());
    assert!(announced.starts_with("HTTP/1.1 413 "), "{announced}");

    // Within the limit the invitation comes.
    let body = chat("mock", "invited", false).to_string();
    let mut socket = bench.socket();
    socket
        .write_all(
            head(
                &format!("Content-Length: {}", body.len()),
                "Expect: 100-continue\r\n",
            )
            .as_bytes(),
        )
        .unwrap();
    assert!(read_until(&mut socket, "\r\n\r\n").starts_with("HTTP/1.1 100 "));
    socket.write_all(body.as_bytes()).unwrap();
    assert!(read_until(&mut socket, "}}").starts_with("HTTP/1.1 200 "));

    // Nobody said how much would come.
    let mut chunked = head("Transfer-Encoding: chunked", "").into_bytes();
    for _ in 0..80 {
        chunked.extend_from_slice(format!("400\r\n{}\r\n", " ".repeat(1024)).as_bytes());
    }
    let answer = bench.raw(&chunked);
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    // A body that is not what it says.
    let gzip = bench.raw(
        bench
            .request(
                "/v1/chat/completions",
                "Content-Encoding: gzip\r\nConnection: close\r\n",
                &body,
            )
            .as_bytes(),
    );
    assert_eq!(status(&gzip), 400, "{gzip}");
    assert_eq!(bench.mock.requests().len(), 1);
}

#[test]
fn bodies_that_mean_two_things_are_refused() {
    let bench = plan().start();
    let deep = |depth: usize| {
        format!(
            r#"{{"model":"mock","messages":[{{"role":"user","content":"x"}}],"metadata":{}{}}}"#,
            "[".repeat(depth),
            "]".repeat(depth)
        )
    };
    let cases: Vec<(&str, String)> = vec![
        ("10,000 levels", deep(10_000)),
        ("a million brackets", "[".repeat(1_000_000)),
        ("two models", r#"{"model":"mock","messages":[{"role":"user","content":"x"}],"model":"mock-500"}"#.into()),
        ("two models, one escaped", r#"{"model":"mock","messages":[{"role":"user","content":"x"}],"mod\u0065l":"mock-500"}"#.into()),
        ("two streams", r#"{"model":"mock","stream":true,"messages":[{"role":"user","content":"x"}],"stream":false}"#.into()),
        ("a model with a line break", "{\"model\":\"mock\\r\\nx-evil: 1\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}".into()),
        ("a model with NUL", "{\"model\":\"mock\\u0000\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}".into()),
        ("a model that is a number", r#"{"model":5,"messages":[{"role":"user","content":"x"}]}"#.into()),
        ("a bare control character", "{\"model\":\"mock\",\"messages\":[{\"role\":\"user\",\"content\":\"a\u{1}b\"}]}".into()),
        ("NaN", r#"{"model":"mock","temperature":NaN,"messages":[{"role":"user","content":"x"}]}"#.into()),
        ("a byte order mark", format!("\u{feff}{}", chat("mock", "x", false))),
        ("two documents", format!("{0}{0}", chat("mock", "x", false))),
        ("half a document", r#"{"model":"mock","messages":["#.into()),
        ("nothing", String::new()),
        ("a list", "[]".into()),
        ("text", "hello".into()),
    ];
    let bearer = format!("Bearer {}", bench.key);
    for (what, body) in &cases {
        for path in ["/v1/chat/completions", "/v1/messages"] {
            let answer = crate::harness::http::exchange(
                "POST",
                &bench.url(path),
                &[
                    ("authorization", &bearer),
                    ("content-type", "application/json"),
                ],
                body,
            );
            assert_eq!(answer.status, 400, "{what} at {path}: {answer:?}");
            assert_eq!(
                answer.json()["error"]["type"],
                "invalid_request_error",
                "{what}"
            );
        }
    }
    let invalid = b"{\"model\":\"mock\",\"messages\":[{\"role\":\"user\",\"content\":\"\xff\"}]}";
    let mut request = bench
        .request(
            "/v1/chat/completions",
            "Connection: close\r\n",
            &"x".repeat(invalid.len()),
        )
        .into_bytes();
    let end = request.len() - invalid.len();
    request.splice(end.., invalid.iter().copied());
    assert_eq!(status(&bench.raw(&request)), 400);
    assert!(bench.mock.requests().is_empty());
    // Depth within the limit, and numbers no parser may touch, pass as they are.
    let odd = r#"{"model":"mock","messages":[{"role":"user","content":"odd"}],"seed":123456789012345678901234567890,"temperature":-0,"metadata":{"a":1e400,"b":"\ud800"}}"#;
    let answer = crate::harness::http::exchange(
        "POST",
        &bench.url("/v1/chat/completions"),
        &[("authorization", &bearer)],
        odd,
    );
    assert!(answer.status == 200 || answer.status == 400, "{answer:?}");
    if let Some(seen) = bench.mock.requests().first() {
        assert_eq!(seen.body, odd);
    }
}
