//! How the pieces of a stream go out: together where they have come together, and a single one at once.

use crate::kit::{FORMATS, bytes_upstream, chat, drain, hear, plan, read_until};
use serde_json::json;
use std::io::Write;
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};

const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

fn event(at: usize) -> String {
    format!(
        "data: {{\"id\":\"c\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"word {at};\"}}}}]}}\n\n"
    )
}

fn finish() -> String {
    "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n".to_owned()
}

fn chunk(data: &str) -> String {
    format!("{:x}\r\n{data}\r\n", data.len())
}

/// An upstream that sends so many events, each once it is told to, and ends when nobody is left to tell it.
fn paced(told: Receiver<usize>) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        hear(&mut socket);
        let mut say = |text: String| socket.write_all(text.as_bytes()).unwrap();
        say(HEAD.to_owned());
        for at in told {
            say(chunk(&event(at)));
        }
        say(chunk(&finish()) + "0\r\n\r\n");
        hear(&mut socket);
    });
    url
}

#[test]
fn an_event_goes_out_at_once_and_waits_for_no_other() {
    for (path, _) in FORMATS {
        let (go, told) = channel();
        let vendor = json!({"vendor": "openai-compatible", "base_url": paced(told)});
        let bench = plan().provider("s", vendor).at("s", &["s/m"]).start();
        let mut socket = bench.open(&format!("/s{path}"), &chat("any", "hi", true));
        for at in 0..20 {
            go.send(at).unwrap();
            read_until(&mut socket, &format!("word {at};"));
        }
        drop(go);
        assert!(drain(&mut socket).ends_with("0\r\n\r\n"), "{path}");
    }
}

#[test]
fn events_that_have_come_together_go_out_together() {
    let all: String = (0..20).map(|at| chunk(&event(at))).collect();
    let all = format!("{HEAD}{all}{}0\r\n\r\n", chunk(&finish()));
    let vendor = json!({"vendor": "openai-compatible", "base_url": bytes_upstream(all.into())});
    let bench = plan().provider("s", vendor).at("s", &["s/m"]).start();
    let mut socket = bench.open("/s/v1/chat/completions", &chat("any", "hi", true));
    let answer = drain(&mut socket);
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let said = (0..20).map(event).collect::<String>() + &finish();
    assert_eq!(body, format!("{:X}\r\n{said}\r\n0\r\n\r\n", said.len()));
}
