//! Answers too long to be held: handed on as they come where the format is the same, bounded where they must be read.

use crate::harness::{http, until};
use crate::kit::{Bench, chat, plan};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

const PATH: &str = "/v1/chat/completions";

/// What the upstream does after so many bytes of its body.
#[derive(Clone, Copy)]
enum End {
    Whole,
    CutAt(usize),
}

/// An OpenAI-format reply of this size, its usage last.
fn reply(size: usize) -> String {
    let (head, tail) = (
        r#"{"id":"c1","object":"chat.completion","created":1,"model":"x","choices":[{"index":0,"message":{"role":"assistant","content":""#,
        r#""},"finish_reason":"stop"}],"usage":{"prompt_tokens":7,"completion_tokens":11,"total_tokens":18}}"#,
    );
    format!("{head}{}{tail}", "w".repeat(size - head.len() - tail.len()))
}

/// An upstream that answers every request with one body, each on a connection of its own.
fn upstream(body: String, chunked: bool, end: End) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let body = Arc::new(body);
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let body = body.clone();
            std::thread::spawn(move || drop(serve(socket, &body, chunked, end)));
        }
    });
    url
}

fn serve(mut socket: TcpStream, body: &str, chunked: bool, end: End) -> std::io::Result<()> {
    let (mut request, mut piece) = (Vec::new(), [0; 4096]);
    while !request.windows(2).any(|two| two == b"}]") {
        let read = socket.read(&mut piece)?;
        request.extend_from_slice(&piece[..read]);
    }
    let length = match chunked {
        true => "transfer-encoding: chunked".to_owned(),
        false => format!("content-length: {}", body.len()),
    };
    write!(
        socket,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n{length}\r\n\r\n"
    )?;
    let most = match end {
        End::Whole => body.len(),
        End::CutAt(most) => most,
    };
    for piece in body.as_bytes()[..most].chunks(100_000) {
        if chunked {
            write!(socket, "{:x}\r\n", piece.len())?;
        }
        socket.write_all(piece)?;
        if chunked {
            socket.write_all(b"\r\n")?;
        }
    }
    match (chunked, end) {
        (true, End::Whole) => socket.write_all(b"0\r\n\r\n"),
        _ => Ok(()),
    }
}

fn bench(url: &str, limits: &str, args: &[&str]) -> Bench {
    plan()
        .provider(
            "big",
            json!({"vendor": "openai-compatible", "base_url": url}),
        )
        .at("big", &["big/x"])
        .limits(limits)
        .args(args)
        .start()
}

#[test]
fn a_long_answer_passes_byte_for_byte_and_its_usage_is_known() {
    let sent = reply(3 << 20);
    for chunked in [false, true] {
        let bench = bench(&upstream(sent.clone(), chunked, End::Whole), "", &[]);
        let answer = bench.post(&format!("/big{PATH}"), &chat("any", "long", false));
        assert!(
            answer.status == 200 && answer.complete,
            "{:?}",
            answer.headers
        );
        assert!(answer.body == sent);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let length = answer.header("content-length").map(str::to_owned);
        assert_eq!(length, (!chunked).then(|| sent.len().to_string()));
        let row = bench.row(&answer);
        let told = (
            &row["status"],
            &row["outcome"],
            &row["usage_source"],
            &row["usage"]["input"],
            &row["usage"]["output"],
        );
        assert_eq!(
            told,
            (
                &json!(200),
                &json!("ok"),
                &json!("reported"),
                &json!(7),
                &json!(11)
            ),
            "{row}"
        );
    }
}

#[test]
fn a_long_answer_that_breaks_off_breaks_off_for_the_caller_too() {
    for chunked in [false, true] {
        let url = upstream(reply(3 << 20), chunked, End::CutAt(2 << 20));
        let bench = bench(&url, "", &[]);
        let answer = bench.post(&format!("/big{PATH}"), &chat("any", "long", false));
        assert!(answer.status == 200 && !answer.complete && !answer.body.contains("error"));
        let row = bench.row(&answer);
        assert_eq!(row["outcome"], "failed_after_commit");
        // At four bytes a token, of what came.
        let came = answer.body.len() as u64 / 4;
        let output = row["usage"]["output"].as_u64().unwrap();
        assert!(
            row["usage_source"] == "estimated" && output >= came && output <= (2 << 20) / 4,
            "{came}: {row}"
        );
    }
}

/// A short one that breaks off is still a failed attempt.
#[test]
fn an_answer_that_must_be_translated_has_to_fit() {
    let bench = bench(
        &upstream(reply(3 << 20), true, End::Whole),
        "max_in_flight_bytes = '2MiB'",
        &[],
    );
    let answer = bench.post("/big/v1/messages", &chat("any", "long", false));
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(answer.json()["type"], "error");
    assert!(
        answer
            .body
            .contains("bytes of requests and answers in flight"),
        "{answer:?}"
    );
    // What was held is given back.
    assert_eq!(bench.post(PATH, &chat("mock", "short", false)).status, 200);
    let same = bench.post(&format!("/big{PATH}"), &chat("any", "long", false));
    assert!(
        same.status == 200 && same.complete,
        "the caller's own format needs no room"
    );
}

/// Callers that do not read hold no more than a window of their answers.
#[test]
fn a_hundred_long_answers_at_once_stay_small() {
    let sent = reply(20 << 20);
    let bench = bench(&upstream(sent, false, End::Whole), "", &[]);
    let memory = || -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", bench.gateway.pid)).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmHWM:"))
            .unwrap();
        line.split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<u64>()
            .unwrap()
            >> 10
    };
    let sockets: Vec<TcpStream> = (0..100)
        .map(|_| bench.open(&format!("/big{PATH}"), &chat("any", "many", false)))
        .collect();
    let status =
        || -> Value { serde_json::from_str(&bench.gateway.ok(&["status", "-o", "json"])).unwrap() };
    until("all have begun", || {
        (status()["in_flight"] == 100).then_some(())
    });
    let readers: Vec<_> = sockets
        .into_iter()
        .map(|socket| std::thread::spawn(move || http::read(socket)))
        .collect();
    for reader in readers {
        let answer = reader.join().unwrap();
        assert!(answer.status == 200 && answer.complete);
    }
    assert!(memory() < 600, "{} MiB at the highest", memory());
}

/// It has said what it has to say before it has read half of the request, and closes: its word counts, not the break.
#[test]
fn an_early_answer_of_an_upstream_that_stops_reading_is_heard() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut socket in listener.incoming().flatten() {
            let mut piece = [0; 4096];
            let _ = socket.read(&mut piece);
            let body = r#"{"error":{"message":"too much","type":"invalid_request_error"}}"#;
            // In one piece: what is not on its way when the connection closes is lost.
            let answer = format!(
                "HTTP/1.1 413 Too Large\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            let _ = socket.write_all(answer.as_bytes());
            // Closed with the rest unread: what is written from here on is answered with a reset.
        }
    });
    let bench = bench(&url, "", &[]);
    for _ in 0..3 {
        let text = "w".repeat(8 << 20);
        let answer = bench.post(&format!("/big{PATH}"), &chat("any", &text, false));
        assert_eq!(
            (answer.status, answer.header("x-gw-origin")),
            (413, Some("provider")),
            "{answer:?}"
        );
        assert_eq!(bench.row(&answer)["attempts"][0]["class"], "caller");
    }
}
