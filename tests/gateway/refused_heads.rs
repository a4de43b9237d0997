//! Heads that never become a request are refused with a body that clients can read.

use crate::kit::plan;
use serde_json::json;

#[test]
fn heads_refused_before_parsing_are_answered_in_a_known_format() {
    let bench = plan().start();
    let host = format!("Host: {}\r\n", bench.host());
    let long = "a".repeat(70_000);
    let valid = "the request head is not valid HTTP/1.1";
    for (request, code, why) in [
        (
            format!("POST /v1/x HTTP/1.1\r\n{host}X-A: b\0c\r\n\r\n"),
            400,
            valid,
        ),
        (
            format!("POST /v1/x HTTP/1.1\r\n{host}X A: b\r\n\r\n"),
            400,
            valid,
        ),
        (format!("PO\x01ST /v1/x HTTP/1.1\r\n{host}\r\n"), 400, valid),
        (format!("POST /v1/x HTTP/9.9\r\n{host}\r\n"), 400, valid),
        (
            format!("POST /v1/x HTTP/1.1\r\n{host}Content-Length: -1\r\n\r\n"),
            400,
            valid,
        ),
        (
            "\x16\x03\x01\x02\u{fc}\r\n\r\n".to_owned(),
            400,
            "the request head holds non-ASCII bytes",
        ),
        (
            format!("POST http://{}/v1/x HTTP/1.1\r\n{host}\r\n", bench.host()),
            400,
            "the request target must start with `/`",
        ),
        (
            format!("POST /v1/x HTTP/1.1\r\n{host}{host}\r\n"),
            400,
            "there must be exactly one Host header",
        ),
        (
            format!(
                "POST /v1/x HTTP/1.1\r\n{host}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"
            ),
            400,
            "there is a Transfer-Encoding other than `chunked`",
        ),
        (
            format!(
                "POST /v1/x HTTP/1.1\r\n{host}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"
            ),
            400,
            "there is a Transfer-Encoding other than `chunked`",
        ),
        (
            format!("GET /{long} HTTP/1.1\r\n{host}\r\n"),
            414,
            "the request head is too large",
        ),
        (
            format!("GET / HTTP/1.1\r\n{host}{}\r\n", "X-A: b\r\n".repeat(101)),
            431,
            "there are too many headers",
        ),
    ] {
        let shown: String = request.chars().take(90).collect();
        let answer = bench.raw(request.as_bytes());
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let line = head.lines().next().unwrap_or_default();
        assert!(
            line.starts_with(&format!("HTTP/1.1 {code} ")),
            "{shown:?}: {answer}"
        );
        assert!(head.contains("connection: close"), "{shown:?}: {head}");
        assert!(
            head.contains(&format!("content-length: {}", body.len())),
            "{shown:?}: {answer}"
        );
        let body: serde_json::Value = serde_json::from_str(body)
            .unwrap_or_else(|error| panic!("{shown:?}: {error}: {answer}"));
        let wanted = json!({"error": {
            "message": format!("{why} (fix: send plain HTTP/1.1, one request at a time)"),
            "type": "invalid_request_error", "param": null, "code": "invalid"
        }});
        assert_eq!(body, wanted, "{shown:?}");
    }
}
