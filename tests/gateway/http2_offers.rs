//! Java's HTTP client offers HTTP/2 with every request over http, and does not tell how long its body is. The offer is not
//! taken, and nothing of the request is lost for it: https://www.rfc-editor.org/rfc/rfc9110#section-7.8

use crate::kit::{drain, plan, read_until};
use std::io::Write;

#[test]
fn an_offer_of_http2_is_not_taken_and_the_request_is_served() {
    let bench = plan().start();
    let (begin, end) = (
        r#"{"model": "mock", "messages": [{"role": "user", "content": "#,
        r#""offered"}]}"#,
    );
    let request = |connection: &str| {
        format!(
            "POST /v1/chat/completions HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings{connection}\r\nHost: {}\r\n\
             HTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAABgAGAAY\r\nTransfer-encoding: chunked\r\nUpgrade: h2c\r\n\
             User-Agent: Java-http-client/21.0.8\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\r\n\
             {:x}\r\n{begin}\r\n{:x}\r\n{end}\r\n0\r\n\r\n",
            bench.host(),
            bench.key,
            begin.len(),
            end.len()
        )
    };
    let mut socket = bench.socket();
    let mut answers = String::new();
    // The connection is good for another one.
    for (connection, last) in [("", false), (", close", true)] {
        socket.write_all(request(connection).as_bytes()).unwrap();
        answers += &match last {
            false => read_until(&mut socket, "}}}"),
            true => drain(&mut socket),
        };
    }
    assert_eq!(
        answers.matches("HTTP/1.1 200 OK\r\n").count(),
        2,
        "{answers}"
    );
    assert_eq!(answers.matches("You said: offered").count(), 2, "{answers}");
    let seen = bench.upstream("offered");
    assert_eq!(seen.body, format!("{begin}{end}"));
    for name in ["upgrade", "http2-settings", "transfer-encoding"] {
        assert_eq!(seen.header(name), None, "{name}");
    }
}
