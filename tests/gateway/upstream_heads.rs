//! What upstreams say in front of their answers, and which connections go on after one: nothing that two could read in two
//! ways is taken for an answer, and nothing is sent into a connection that ends.

use crate::harness::http::Answer;
use crate::kit::{Act, Bench, chat, plan, scripted};
use serde_json::json;
use std::sync::{Arc, atomic::AtomicUsize, atomic::Ordering::SeqCst};

const BODY: &str = "content-type: application/json\r\ncontent-length: 14\r\n\r\n{\"choices\":[]}";

/// A gateway whose upstream says this to the first request of each of two connections, and then something good to a second.
fn bench(said: &str) -> (Bench, Arc<AtomicUsize>) {
    let said: &'static str = String::from(said).leak();
    let fine: &'static str = format!("HTTP/1.1 200 OK\r\n{BODY}").leak();
    let acts = || vec![Act::Say(said), Act::Listen, Act::Say(fine), Act::Hold];
    let (url, connections) = scripted(vec![acts(), acts()]);
    let bench = plan()
        .provider("s", json!({"vendor": "openai-compatible", "base_url": url}))
        .at("s", &["s/x"])
        .args(&["--threads", "1"])
        .start();
    (bench, connections)
}

fn ask(bench: &Bench) -> Answer {
    bench.post("/s/v1/chat/completions", &chat("any", "end", false))
}

#[test]
fn interim_answers_are_read_past_and_bounded() {
    let after = |interim: usize| {
        let hints = "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".repeat(interim);
        let said = format!("HTTP/1.1 100 Continue\r\n\r\n{hints}HTTP/1.1 200 OK\r\n{BODY}");
        let (bench, connections) = bench(&said);
        let answers = [ask(&bench), ask(&bench)];
        (answers.map(|it| it.status), connections.load(SeqCst))
    };
    assert_eq!(after(3), ([200, 200], 1));
    assert_eq!(after(40), ([502, 502], 2));
}

#[test]
fn a_head_that_two_could_read_in_two_ways_is_no_answer() {
    for (head, why) in [
        ("HTTP/1.1 200 OK\ncontent-length: 2\n\n{}", "CRLF"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\n\r\n{}", "CRLF"),
        (
            "HTTP/1.1 200 OK\r\na: b\r\n c: d\r\ncontent-length: 2\r\n\r\n{}",
            "no header",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length : 2\r\n\r\n{}",
            "no header",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\n{}",
            "where it ends",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 2, 2\r\n\r\n{}",
            "where it ends",
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            "where it ends",
        ),
        (
            "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            "where it ends",
        ),
        ("HTTP/2 200\r\ncontent-length: 2\r\n\r\n{}", "status line"),
        (
            "\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
            "status line",
        ),
    ] {
        let (bench, _) = bench(head);
        let answer = ask(&bench);
        let told = answer.json()["error"]["message"].to_string();
        assert!(
            answer.status == 502 && told.contains("broke the connection: ") && told.contains(why),
            "{head:?}: {answer:?}"
        );
    }
}

#[test]
fn chunks_that_are_not_as_they_must_be_break_an_answer_off() {
    for body in [
        "2 \r\n{}\r\n0\r\n\r\n",
        "2\n{}\n0\n\n",
        "0x2\r\n{}\r\n0\r\n\r\n",
        "00000000000000002\r\n{}\r\n0\r\n\r\n",
        "2\r\n{}0\r\n\r\n",
        "2\r\n{}\r\n0\r\na b\r\n\r\n",
    ] {
        let head =
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked";
        let (bench, _) = bench(&format!("{head}\r\n\r\n{body}"));
        let answer = ask(&bench);
        assert!(
            answer.status == 502
                && answer
                    .body
                    .contains("broke off in the middle of its answer"),
            "{body:?}: {answer:?}"
        );
    }
}

#[test]
fn a_connection_goes_on_only_where_its_answer_says_nothing_else() {
    for (head, connections) in [
        ("HTTP/1.1 200 OK\r\n", 1),
        ("HTTP/1.1 200 OK\r\nconnection: keep-alive\r\n", 1),
        ("HTTP/1.1 200 OK\r\nConnection: x, CLOSE\r\n", 2),
        ("HTTP/1.0 200 OK\r\nconnection: keep-alive\r\n", 2),
    ] {
        let (bench, made) = bench(&format!("{head}{BODY}"));
        for _ in 0..2 {
            let answer = ask(&bench);
            assert_eq!(
                (answer.status, answer.header("x-gw-attempts")),
                (200, Some("1")),
                "{head:?}: {answer:?}"
            );
        }
        assert_eq!(made.load(SeqCst), connections, "{head:?}");
    }
}

#[test]
fn what_comes_behind_a_long_answer_is_not_of_it() {
    let text = "w".repeat(300 << 10);
    let body = format!(r#"{{"choices":[{{"message":{{"content":"{text}"}}}}]}}"#);
    for behind in ["", "x"] {
        let (length, json) = (body.len(), "content-type: application/json");
        let (bench, made) = bench(&format!(
            "HTTP/1.1 200 OK\r\n{json}\r\ncontent-length: {length}\r\n\r\n{body}{behind}"
        ));
        let answer = ask(&bench);
        assert!(
            answer.status == 200 && answer.body == body,
            "{}",
            answer.status
        );
        assert_eq!(ask(&bench).status, 200);
        assert_eq!(made.load(SeqCst), 1 + behind.len());
    }
}
