//! Clients that would rather speak over a WebSocket are told at once that they cannot.

use crate::kit::{plan, status};

#[test]
fn a_websocket_is_refused_at_once_with_426_and_what_to_do_instead() {
    let bench = plan().at("team", &["m/mock"]).start();
    for (path, served) in [
        ("/v1/responses", true),
        ("/v1/chat/completions", true),
        ("/v1/messages", true),
        ("/team/v1/chat/completions", true),
        ("/v1/models", false),
        ("/v1/nothing", false),
    ] {
        let answer = bench.raw(
            format!(
                "GET {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\
                 Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOpenAI-Beta: responses_websockets=2026-02-06\r\n\r\n",
                bench.host(),
                bench.key,
            )
            .as_bytes(),
        );
        match served {
            true => {
                assert_eq!(status(&answer), 426, "{path}: {answer}");
                let told = format!(
                    "`{path}` is not served over WebSockets (fix: send each request with POST; `\\\"stream\\\": true` streams its answer)"
                );
                assert!(answer.contains(&told), "{answer}");
                assert!(
                    answer.to_ascii_lowercase().contains("upgrade: http/1.1"),
                    "{answer}"
                );
                let row = bench.row_where("the row is written", |row| row["status"] == 426);
                assert_eq!(
                    (&row["key"], &row["error"]),
                    (&"k".into(), &"no WebSockets are served".into())
                );
            }
            // A plain answer to a plain GET, as the header allows.
            false => assert!(matches!(status(&answer), 200 | 404), "{path}: {answer}"),
        }
    }
}
