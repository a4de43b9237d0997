//! What interrupts a reply that has given its reason to end: nothing is missing but its last words. They are waited for
//! a while, and gw writes the end mark where it does not come.

use crate::harness::{http, until};
use crate::kit::{Bench, FORMATS, Plan, chat, drain, hear, plan, read_until};
use crate::stopping::{ended, signal};
use serde_json::json;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Head, text and finish reason, and what follows them; for each format.
const OPENAI: [&str; 2] = [
    concat!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n",
        "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hello\"},\"finish_reason\":null}]}\n\n",
        "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
    ),
    concat!(
        "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"choices\":[],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":7,\"total_tokens\":18}}\n\n",
        "data: [DONE]\n\n"
    ),
];
const ANTHROPIC: [&str; 2] = [
    concat!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n",
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"1\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[],\"model\":\"c\",\"usage\":{\"input_tokens\":11,\"output_tokens\":1}}}\n\n",
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"hello\"}}\n\n",
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":7}}\n\n"
    ),
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
];

/// An upstream of both formats. It stops behind the finish reason until it is told to go on, for good where the request
/// says `silent`, and ends with half an event where it says `torn`.
fn upstream(go_on: &Arc<AtomicBool>) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let go_on = go_on.clone();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let Ok(mut socket) = socket else { return };
            let go_on = go_on.clone();
            std::thread::spawn(move || {
                let request = hear(&mut socket);
                let [begin, rest] = match request.contains("/messages") {
                    true => ANTHROPIC,
                    false => OPENAI,
                };
                drop(socket.write_all(begin.as_bytes()));
                if request.contains("torn") {
                    drop(socket.write_all(&rest.as_bytes()[..20]));
                }
                if request.contains("whole") {
                    until("the rest may come", || {
                        go_on.load(Ordering::SeqCst).then_some(())
                    });
                    drop(socket.write_all(rest.as_bytes()));
                }
                drop(socket.read_to_end(&mut Vec::new()));
            });
        }
    });
    url
}

/// What an upstream does behind the finish reason.
const RESTS: [&str; 3] = ["whole", "silent", "torn"];

struct Place {
    bench: Bench,
    go_on: Arc<AtomicBool>,
}

impl Place {
    /// One worker, so that everything is interrupted at once.
    fn new(prepare: impl FnOnce(Plan) -> Plan) -> Place {
        let go_on = Arc::new(AtomicBool::new(false));
        let url = upstream(&go_on);
        let route = json!({"total_timeout": "3s"});
        let plan = plan()
            .provider("o", json!({"vendor": "openai-compatible", "base_url": url}))
            .provider(
                "c",
                json!({"vendor": "anthropic-compatible", "base_url": url}),
            )
            .at("o", &["o/x"])
            .at("c", &["c/x"])
            .at_with("o-short", &["o/x"], route.clone())
            .at_with("c-short", &["c/x"], route.clone())
            .at("m", &["m"])
            .at_with("m-short", &["m"], route)
            .args(&["--threads", "1"]);
        Place {
            bench: prepare(plan).launch(),
            go_on,
        }
    }

    /// Opens streams of every kind at the routes with this ending, interrupts them in this way when all have come to
    /// their finish reason, lets upstreams go on once that has happened, and looks at the answers.
    fn interrupted(&self, routes: &str, interrupt: impl FnOnce(&Bench)) -> Vec<http::Answer> {
        let mut streams = Vec::new();
        for provider in ["o", "c"] {
            for (path, anthropic) in FORMATS {
                for rest in RESTS {
                    let mut body = chat("any", rest, true);
                    if !anthropic {
                        body["stream_options"] = json!({"include_usage": true});
                    }
                    let url = format!("/{provider}{routes}{path}");
                    let socket = self.bench.open(&url, &body);
                    streams.push((format!("{rest} at {url}"), anthropic, socket));
                }
            }
        }
        let peeked: Vec<String> = streams
            .iter_mut()
            .map(|(.., socket)| read_until(socket, "hello"))
            .collect();
        // One in the middle of its text: when it ends, the others have been interrupted.
        let mut witness = self.bench.open(
            &format!("/m{routes}/v1/chat/completions"),
            &chat("mock-events-9000+pace-20", "witness", true),
        );
        read_until(&mut witness, "\"content\":\"");
        let go_on = self.go_on.clone();
        let witness = std::thread::spawn(move || {
            let rest = drain(&mut witness);
            go_on.store(true, Ordering::SeqCst);
            rest
        });
        interrupt(&self.bench);
        let answers = streams
            .into_iter()
            .zip(peeked)
            .map(|((what, anthropic, socket), begin)| complete(&what, anthropic, begin, socket))
            .collect();
        let witness = witness.join().unwrap();
        assert!(witness.contains("error"), "{witness}");
        answers
    }
}

/// The rest of an answer that must be a complete reply.
#[track_caller]
fn complete(what: &str, anthropic: bool, begin: String, mut socket: TcpStream) -> http::Answer {
    let all = begin + &drain(&mut socket);
    let answer = http::parse(all.as_bytes());
    let (finish, end) = match anthropic {
        true => (
            "\"stop_reason\":\"end_turn\"",
            "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
        ),
        false => ("\"finish_reason\":\"stop\"", "data: [DONE]\n\n"),
    };
    assert!(
        answer.complete
            && answer.body.ends_with(end)
            && answer.body.matches(end).count() == 1
            && answer.body.matches(finish).count() == 1
            && !answer.body.contains("error"),
        "{what}: {all}"
    );
    let reported = what.starts_with("whole") || what.contains("at /c");
    let usage = match anthropic {
        true => answer.body.contains("\"output_tokens\":7"),
        false => answer.body.contains("\"completion_tokens\":7"),
    };
    // A stream of Anthropic's own that ends early has said its usage with its reason.
    assert_eq!(usage, reported, "{what}: {all}");
    answer
}

#[track_caller]
fn recorded_as_whole(bench: &Bench, answers: &[http::Answer]) {
    for answer in answers {
        let row = bench.row(answer);
        assert_eq!(
            (
                &row["status"],
                &row["outcome"],
                &row["attempts"][0]["class"]
            ),
            (&json!(200), &json!("ok"), &json!("ok")),
            "{row}"
        );
        if answer.body.contains("_tokens\":7") {
            assert_eq!(
                (
                    &row["usage_source"],
                    &row["usage"]["input"],
                    &row["usage"]["output"]
                ),
                (&json!("reported"), &json!(11), &json!(7)),
                "{row}"
            );
        } else {
            assert_eq!(row["usage_source"], "estimated", "{row}");
        }
    }
}

#[test]
fn a_reply_whose_key_is_revoked_behind_its_finish_reason_is_complete() {
    let place = Place::new(|plan| plan.args(&["--in-memory"]));
    let answers = place.interrupted("", |bench| drop(bench.gateway.ok(&["key", "disable", "k"])));
    recorded_as_whole(&place.bench, &answers);
}

#[test]
fn a_reply_whose_time_is_up_behind_its_finish_reason_is_complete() {
    let place = Place::new(|plan| plan.args(&["--in-memory"]));
    let answers = place.interrupted("-short", |_| {});
    recorded_as_whole(&place.bench, &answers);
}

#[test]
fn a_reply_that_the_shutdown_meets_behind_its_finish_reason_is_complete() {
    let mut place = Place::new(|plan| plan.args(&["--in-memory", "--shutdown-grace", "100ms"]));
    place.interrupted("", signal);
    ended(&place.bench);
    assert_eq!(place.bench.gateway.stop(), Some(0));
}
