//! Revoked and disabled keys stop at once: running streams end with an authentication error, waiting requests get
//! 401, the upstream call is aborted, and nothing more is served.

use crate::harness::{http, until};
use crate::kit::{Bench, chat, drain, plan, read_until, status};
use gw::mock::Outcome;
use serde_json::json;

/// What takes the right away, and from which key.
const WAYS: &[(&str, &[&str])] = &[
    ("revoke", &["key", "revoke", "revoke", "--yes"]),
    ("disable", &["key", "disable", "disable"]),
    ("delete", &["key", "delete", "delete", "--yes"]),
    ("user", &["user", "disable", "second"]),
    ("gone", &["user", "delete", "third", "--cascade", "--yes"]),
];

fn open(
    bench: &Bench,
    key: &str,
    path: &str,
    model: &str,
    text: &str,
    stream: bool,
) -> std::net::TcpStream {
    let bearer = format!("Bearer {}", bench.secret(key));
    http::send(
        "POST",
        &bench.url(path),
        &[("authorization", &bearer)],
        &chat(model, text, stream).to_string(),
    )
}

#[test]
fn running_requests_of_a_key_end_with_it() {
    let mut plan = plan()
        .item("user", "second", json!({}))
        .item("user", "third", json!({}))
        .at("m", &["m"])
        .at("a", &["a"]);
    for (name, _) in WAYS {
        plan = plan.key(
            name,
            json!({"user": match *name { "user" => "second", "gone" => "third", _ => "u" }}),
        );
    }
    let bench = plan.start();
    for (name, command) in WAYS {
        let mut streams = Vec::new();
        for (path, anthropic) in [
            ("/m/v1/chat/completions", false),
            ("/a/v1/messages", true),
            ("/m/v1/messages", true),
            ("/a/v1/chat/completions", false),
        ] {
            let text = format!("stream-{name}-{}-{}", &path[1..2], path.len());
            let mut socket = open(&bench, name, path, "mock-events-5000+pace-20", &text, true);
            read_until(
                &mut socket,
                if anthropic {
                    "content_block_delta"
                } else {
                    "\"content\":\""
                },
            );
            streams.push((socket, anthropic, text));
        }
        let mut waiting = Vec::new();
        for (path, anthropic, stream) in [
            ("/m/v1/chat/completions", false, true),
            ("/a/v1/messages", true, false),
        ] {
            let text = format!("waiting-{name}-{stream}");
            waiting.push((
                open(
                    &bench,
                    name,
                    path,
                    "mock-delay-headers-60000",
                    &text,
                    stream,
                ),
                anthropic,
                text,
            ));
        }
        until("all are upstream", || {
            waiting
                .iter()
                .all(|(_, _, text)| {
                    bench
                        .mock
                        .requests()
                        .iter()
                        .any(|seen| seen.body.contains(text.as_str()))
                })
                .then_some(())
        });
        bench.gateway.ok(command);
        for (mut socket, anthropic, text) in streams {
            let rest = drain(&mut socket);
            assert!(rest.contains("authentication_error"), "{name}: {rest}");
            assert_eq!(
                rest.matches("event: error").count(),
                usize::from(anthropic),
                "{name}: {rest}"
            );
            assert!(
                !rest.contains("[DONE]")
                    && !rest.contains("message_stop")
                    && rest.ends_with("0\r\n\r\n"),
                "{name}: {rest}"
            );
            assert_eq!(
                bench.upstream(&text).outcome,
                Outcome::ClientClosed,
                "{text}"
            );
        }
        for (socket, anthropic, text) in waiting {
            let answer = http::read(socket);
            assert_eq!(answer.status, 401, "{text}: {answer:?}");
            assert_eq!(answer.header("x-gw-attempts"), Some("1"), "{text}");
            assert_eq!(
                (
                    answer.json()["error"]["type"].as_str(),
                    answer.json()["type"] == "error"
                ),
                (Some("authentication_error"), anthropic),
                "{text}"
            );
            assert_eq!(
                bench.upstream(&text).outcome,
                Outcome::ClientClosed,
                "{text}"
            );
        }
        let later = http::post(
            &bench.url("/v1/chat/completions"),
            &[("x-api-key", bench.secret(name))],
            &chat("mock", "later", false),
        );
        assert_eq!(later.status, 401, "{name}: {later:?}");
        let rows: Vec<_> = until("all rows are there", || {
            let rows: Vec<_> = bench
                .rows()
                .into_iter()
                .filter(|row| row["key"] == **name && row["outcome"] == "revoked")
                .collect();
            (rows.len() == 6).then_some(rows)
        });
        for row in rows {
            // What the caller had been told by then.
            let begun = row["attempts"][0]["status"] == 200;
            assert_eq!(row["status"], if begun { 200 } else { 401 }, "{row}");
        }
    }
    // Other keys never noticed.
    assert_eq!(
        bench
            .post("/v1/chat/completions", &chat("mock", "fine", false))
            .status,
        200
    );
    assert!(
        !bench
            .mock
            .requests()
            .iter()
            .any(|seen| seen.body.contains("later"))
    );
}

/// Changes that do not concern a running request leave it alone, and it finishes under the rules it began with.
#[test]
fn other_changes_do_not_touch_running_requests() {
    let bench = plan().at("m", &["m"]).start();
    let mut socket = bench.open(
        "/m/v1/chat/completions",
        &chat("mock-events-60+pace-20", "steady", true),
    );
    read_until(&mut socket, "\"content\":\"");
    bench.gateway.ok(&["user", "create", "somebody"]);
    bench.gateway.ok(&["route", "disable", "m"]);
    bench.gateway.ok(&["provider", "disable", "m"]);
    bench.gateway.ok(&["key", "set", "k", "--label", "a=b"]);
    let rest = drain(&mut socket);
    assert!(rest.contains("[DONE]") && !rest.contains("error"), "{rest}");
    let refused = bench.post("/v1/chat/completions", &chat("mock", "now", false));
    assert_eq!(refused.status, 503, "{refused:?}");
}

/// A rotated key's old secret works until its grace is over, and then no more.
#[test]
fn rotation_ends_the_old_secret() {
    let bench = plan().start();
    let file = bench.gateway.path("rotated");
    bench.gateway.ok(&[
        "key",
        "rotate",
        "k",
        "--grace",
        "0s",
        "--output-file",
        file.to_str().unwrap(),
    ]);
    let new = std::fs::read_to_string(file).unwrap();
    assert_eq!(
        bench
            .post("/v1/chat/completions", &chat("mock", "old", false))
            .status,
        401
    );
    let answer = bench.gateway.post(
        "/v1/chat/completions",
        new.trim(),
        &chat("mock", "new", false),
    );
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = bench.raw(
        format!(
            "GET /v1/models HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nX-Api-Key: {}\r\n\r\n",
            bench.host(),
            new.trim()
        )
        .as_bytes(),
    );
    assert_eq!(status(&answer), 200, "{answer}");
}
