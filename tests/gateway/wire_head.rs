//! Request heads that two readers could take for different requests, and everything else a head can get wrong:
//! refused, and what was smuggled behind them never runs.

use crate::kit::{Bench, chat, plan, status};
use std::io::Write;

const SMUGGLED: &str = "smuggled-in";

/// The request that rides behind each bad one: it would be served if the bad one's end were misjudged.
fn rider(bench: &Bench) -> String {
    bench.request(
        "/v1/chat/completions",
        "",
        &chat("mock", SMUGGLED, false).to_string(),
    )
}

#[test]
fn ambiguous_heads_are_refused_and_their_riders_never_run() {
    let bench = plan().start();
    let host = bench.host().to_owned();
    let auth = format!(
        "Authorization: Bearer {}\r\nContent-Type: application/json\r\n",
        bench.key
    );
    let body = chat("mock", "front", false).to_string();
    let (length, hex) = (body.len(), format!("{:x}", body.len()));
    let chunked = format!("{hex}\r\n{body}\r\n0\r\n\r\n");
    let path = "POST /v1/chat/completions HTTP/1.1\r\n";
    let cases: Vec<(&str, String)> = vec![
        (
            "length and chunked",
            format!(
                "{path}Host: {host}\r\n{auth}Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n{chunked}"
            ),
        ),
        (
            "chunked and length",
            format!(
                "{path}Host: {host}\r\n{auth}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n{chunked}"
            ),
        ),
        (
            "two equal lengths",
            format!(
                "{path}Host: {host}\r\n{auth}Content-Length: {length}\r\nContent-Length: {length}\r\n\r\n{body}"
            ),
        ),
        (
            "two lengths",
            format!(
                "{path}Host: {host}\r\n{auth}Content-Length: 0\r\nContent-Length: {length}\r\n\r\n{body}"
            ),
        ),
        (
            "a list of lengths",
            format!("{path}Host: {host}\r\n{auth}Content-Length: {length}, {length}\r\n\r\n{body}"),
        ),
        (
            "a signed length",
            format!("{path}Host: {host}\r\n{auth}Content-Length: +{length}\r\n\r\n{body}"),
        ),
        (
            "a negative length",
            format!("{path}Host: {host}\r\n{auth}Content-Length: -1\r\n\r\n{body}"),
        ),
        (
            "a hex length",
            format!("{path}Host: {host}\r\n{auth}Content-Length: 0x{hex}\r\n\r\n{body}"),
        ),
        (
            "a huge length",
            format!(
                "{path}Host: {host}\r\n{auth}Content-Length: 99999999999999999999\r\n\r\n{body}"
            ),
        ),
        (
            "two encodings",
            format!(
                "{path}Host: {host}\r\n{auth}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n{chunked}"
            ),
        ),
        (
            "chunked, identity",
            format!(
                "{path}Host: {host}\r\n{auth}Transfer-Encoding: chunked, identity\r\n\r\n{chunked}"
            ),
        ),
        (
            "an unknown encoding",
            format!("{path}Host: {host}\r\n{auth}Transfer-Encoding: xchunked\r\n\r\n{chunked}"),
        ),
        (
            "an encoding name with a blank",
            format!("{path}Host: {host}\r\n{auth}Transfer-Encoding : chunked\r\n\r\n{chunked}"),
        ),
        (
            "a folded encoding",
            format!("{path}Host: {host}\r\n{auth}Transfer-Encoding:\r\n chunked\r\n\r\n{chunked}"),
        ),
        (
            "an encoding with a vertical tab",
            format!("{path}Host: {host}\r\n{auth}Transfer-Encoding: \u{b}chunked\r\n\r\n{chunked}"),
        ),
        (
            "an encoding in HTTP/1.0",
            format!(
                "POST /v1/chat/completions HTTP/1.0\r\nHost: {host}\r\n{auth}Transfer-Encoding: chunked\r\n\r\n{chunked}"
            ),
        ),
        (
            "a bad chunk size",
            format!("{path}Host: {host}\r\n{auth}Transfer-Encoding: chunked\r\n\r\n0x{chunked}"),
        ),
        (
            "a chunk size that overflows",
            format!(
                "{path}Host: {host}\r\n{auth}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{body}"
            ),
        ),
        (
            "bare LF after a chunk size",
            format!(
                "{path}Host: {host}\r\n{auth}Transfer-Encoding: chunked\r\n\r\n{hex}\n{body}\r\n0\r\n\r\n"
            ),
        ),
        (
            "bare LF lines",
            format!(
                "POST /v1/chat/completions HTTP/1.1\nHost: {host}\nContent-Length: {length}\n\n{body}"
            ),
        ),
        (
            "one bare LF",
            format!("{path}Host: {host}\r\n{auth}X-A: b\nContent-Length: {length}\r\n\r\n{body}"),
        ),
        (
            "a bare CR in a value",
            format!(
                "{path}Host: {host}\r\n{auth}X-A: b\rX-B: c\r\nContent-Length: {length}\r\n\r\n{body}"
            ),
        ),
        (
            "NUL in a value",
            format!(
                "{path}Host: {host}\r\n{auth}X-A: b\0c\r\nContent-Length: {length}\r\n\r\n{body}"
            ),
        ),
        (
            "a folded header",
            format!(
                "{path}Host: {host}\r\n{auth}X-A: b\r\n c\r\nContent-Length: {length}\r\n\r\n{body}"
            ),
        ),
        (
            "a header without colon",
            format!("{path}Host: {host}\r\n{auth}X-A\r\nContent-Length: {length}\r\n\r\n{body}"),
        ),
        (
            "an empty header name",
            format!("{path}Host: {host}\r\n{auth}: x\r\nContent-Length: {length}\r\n\r\n{body}"),
        ),
        (
            "non-ASCII in a value",
            format!(
                "{path}Host: {host}\r\n{auth}X-A: \u{e9}\r\nContent-Length: {length}\r\n\r\n{body}"
            ),
        ),
        (
            "no host",
            format!("{path}{auth}Content-Length: {length}\r\n\r\n{body}"),
        ),
        (
            "two hosts",
            format!(
                "{path}Host: {host}\r\nHost: {host}\r\n{auth}Content-Length: {length}\r\n\r\n{body}"
            ),
        ),
        (
            "an empty host",
            format!("{path}Host:\r\n{auth}Content-Length: {length}\r\n\r\n{body}"),
        ),
        (
            "a host with a path",
            format!("{path}Host: x/healthz?y=\r\n{auth}Content-Length: {length}\r\n\r\n{body}"),
        ),
        (
            "a host with a user",
            format!(
                "{path}Host: {host}@evil.example\r\n{auth}Content-Length: {length}\r\n\r\n{body}"
            ),
        ),
        (
            "a foreign absolute target",
            format!(
                "POST http://evil.example/v1/chat/completions HTTP/1.1\r\nHost: {host}\r\n{auth}Content-Length: {length}\r\n\r\n{body}"
            ),
        ),
        (
            "an absolute target",
            format!(
                "POST http://{host}/v1/chat/completions HTTP/1.1\r\nHost: {host}\r\n{auth}Content-Length: {length}\r\n\r\n{body}"
            ),
        ),
        (
            "CONNECT",
            format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n{auth}\r\n"),
        ),
        (
            "a star",
            format!("OPTIONS * HTTP/1.1\r\nHost: {host}\r\n{auth}\r\n"),
        ),
        (
            "a blank in the target",
            format!(
                "POST /v1/chat/completions x HTTP/1.1\r\nHost: {host}\r\n{auth}Content-Length: {length}\r\n\r\n{body}"
            ),
        ),
        (
            "HTTP/2 in clear",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        ),
        (
            "another version",
            format!(
                "POST /v1/chat/completions HTTP/1.9\r\nHost: {host}\r\n{auth}Content-Length: {length}\r\n\r\n{body}"
            ),
        ),
        (
            "a key header spelled with _",
            format!(
                "{path}Host: {host}\r\nx_gw_key: {}\r\n{auth}Content-Length: {length}\r\n\r\n{body}",
                bench.key
            ),
        ),
        (
            "65 headers",
            format!(
                "{path}Host: {host}\r\n{auth}{}Content-Length: {length}\r\n\r\n{body}",
                "X-A: b\r\n".repeat(65)
            ),
        ),
        (
            "a header of 9 KiB",
            format!(
                "{path}Host: {host}\r\n{auth}X-A: {}\r\nContent-Length: {length}\r\n\r\n{body}",
                "a".repeat(9 << 10)
            ),
        ),
        (
            "a target of 9 KiB",
            format!(
                "POST /v1/chat/completions?{} HTTP/1.1\r\nHost: {host}\r\n{auth}Content-Length: {length}\r\n\r\n{body}",
                "a".repeat(9 << 10)
            ),
        ),
        (
            "a head of 1 MiB",
            format!(
                "{path}Host: {host}\r\n{auth}{}",
                "X-A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n".repeat(32 << 10)
            ),
        ),
    ];
    for (what, request) in &cases {
        let answer = bench.raw(format!("{request}{}", rider(&bench)).as_bytes());
        let code = status(&answer);
        assert!(
            (400..=414).contains(&code) || code == 431 || code == 0,
            "{what}: {answer}"
        );
        assert_eq!(
            answer.matches("\r\n\r\n").count(),
            usize::from(code != 0),
            "{what}: more than one answer: {answer}"
        );
    }
    let seen: Vec<_> = bench
        .mock
        .requests()
        .into_iter()
        .filter(|seen| seen.body.contains(SMUGGLED))
        .collect();
    assert!(seen.is_empty(), "ran: {seen:?}");
    // What is refused costs nothing, and the gateway serves on.
    assert_eq!(bench.mock.requests().len(), 0);
    assert_eq!(
        bench
            .post("/v1/chat/completions", &chat("mock", "after", false))
            .status,
        200
    );
}

#[test]
fn requests_follow_each_other_on_one_connection_but_are_not_pipelined() {
    let bench = plan().start();
    let one = bench.request(
        "/v1/chat/completions",
        "",
        &chat("mock", "one", false).to_string(),
    );
    let mut socket = bench.socket();
    for _ in 0..3 {
        socket.write_all(one.as_bytes()).unwrap();
        let answer = crate::kit::read_until(&mut socket, "}}");
        assert_eq!(status(&answer), 200, "{answer}");
    }
    let answer = bench.raw(format!("{one}{}", rider(&bench)).as_bytes());
    assert!(
        answer.starts_with("HTTP/1.1 200 OK")
            && answer.contains("HTTP/1.1 400 Bad Request")
            && answer.contains("pipelined"),
        "{answer}"
    );
    assert!(
        !bench
            .mock
            .requests()
            .iter()
            .any(|seen| seen.body.contains(SMUGGLED))
    );
}

#[test]
fn paths_lead_nowhere_unless_spelled_exactly() {
    let bench = plan().start();
    let ask = |line: &str, extra: &str| {
        bench.raw(
            format!(
                "{line} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{extra}\r\n",
                bench.host()
            )
            .as_bytes(),
        )
    };
    for path in [
        "/",
        "/admin",
        "//admin",
        "/%61dmin",
        "/admin%2f",
        "/v1/../admin",
        "/api/v1/keys",
        "/api/v1/status",
        "/v1/admin/keys",
        "/v1//models",
        "/V1/models",
        "/v1/models/",
        "/v1/models;x",
        "/healthz/../api/v1/keys",
        "/healthz%2f..%2fapi",
        "/metrics",
        "/.well-known/x",
        "/v1/file",
        "/v1/files/",
        "/v1/files/x/y",
        "/v1/responses/x/",
        "/v1/responses/x/y",
    ] {
        for extra in [
            String::new(),
            format!("Authorization: Bearer {}\r\n", bench.key),
        ] {
            let answer = ask(&format!("GET {path}"), &extra);
            assert_eq!(status(&answer), 404, "{path}: {answer}");
            assert!(answer.contains("\"error\""), "{path}: {answer}");
        }
    }
    // Every path that serves asks for a key; only these two do not.
    for (line, code) in [
        ("GET /healthz", 200),
        ("GET /readyz", 200),
        ("GET /v1/models", 401),
        ("POST /v1/chat/completions", 401),
        ("POST /v1/messages", 401),
        ("POST /v1/embeddings", 401),
        ("GET /v1/files", 401),
        ("GET /v1/files/x", 401),
        ("DELETE /v1/files/x", 401),
        ("GET /v1/batches/x", 401),
        ("GET /passthrough/p/v1/models", 401),
    ] {
        let answer = ask(line, "");
        assert_eq!(status(&answer), code, "{line}: {answer}");
    }
    assert!(ask("GET /v1/models", "X-Api-Key: sk-gw-nonsense\r\n").contains("HTTP/1.1 401"));
    let wrong = ask("GET /v1/chat/completions", "");
    assert!((400..=405).contains(&status(&wrong)), "{wrong}");
}

#[test]
fn web_pages_are_not_served() {
    let bench = plan().start();
    let body = chat("mock", "page", false).to_string();
    for extra in [
        "Origin: https://evil.example\r\n",
        "Origin: null\r\n",
        "Sec-Fetch-Site: cross-site\r\n",
    ] {
        let answer = bench.raw(
            bench
                .request("/v1/chat/completions", extra, &body)
                .as_bytes(),
        );
        assert_eq!(status(&answer), 403, "{extra}: {answer}");
        assert!(
            !answer.to_ascii_lowercase().contains("access-control"),
            "{answer}"
        );
    }
    let preflight = bench.raw(
        format!(
            "OPTIONS /v1/chat/completions HTTP/1.1\r\nHost: {}\r\nOrigin: https://evil.example\r\nAccess-Control-Request-Method: POST\r\nConnection: close\r\n\r\n",
            bench.host()
        )
        .as_bytes(),
    );
    assert!(
        status(&preflight) >= 400 && !preflight.to_ascii_lowercase().contains("access-control"),
        "{preflight}"
    );
    assert!(bench.mock.requests().is_empty());
}

#[test]
fn the_wrong_method_is_told_the_right_one() {
    let bench = plan()
        .route(
            "bound",
            serde_json::json!({"path": "/team", "targets": [{"provider": "m"}]}),
        )
        .start();
    let host = bench.host().to_owned();
    for (method, path, allowed, anthropic) in [
        ("GET", "/v1/chat/completions", "POST", false),
        ("GET", "/v1/messages", "POST", true),
        ("POST", "/v1/models", "GET", false),
        ("POST", "/team/v1/models", "GET", false),
        ("DELETE", "/team/v1/embeddings", "POST", false),
    ] {
        let answer = bench.raw(
            format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                .as_bytes(),
        );
        assert_eq!(status(&answer), 405, "{method} {path}: {answer}");
        assert!(
            answer
                .to_ascii_lowercase()
                .contains(&format!("allow: {}\r\n", allowed.to_lowercase())),
            "{answer}"
        );
        assert_eq!(answer.contains(r#""type":"error""#), anthropic, "{answer}");
        assert!(answer.contains("invalid_request_error"), "{answer}");
    }
}
