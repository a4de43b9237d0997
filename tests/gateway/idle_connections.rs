//! Connections to providers that are kept: whose they are, and what of theirs is never taken for an answer.

use crate::kit::{Act, chat, plan, scripted};
use serde_json::json;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::Ordering::SeqCst;
use std::sync::mpsc;

const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 94\r\n\r\n{\"id\":\"1\",\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":\"own\"},\"finish_reason\":\"stop\"}]}";
const FORGED: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 94\r\n\r\n{\"id\":\"2\",\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":\"bad\"},\"finish_reason\":\"stop\"}]}";

#[test]
fn a_connection_stays_with_its_provider_also_where_two_have_one_address() {
    let kept = || vec![Act::Say(ANSWER), Act::Listen, Act::Say(ANSWER), Act::Hold];
    let (url, connections) = scripted(vec![kept(), kept(), kept()]);
    let spec = json!({"vendor": "openai-compatible", "base_url": url});
    let bench = plan()
        .provider("one", spec.clone())
        .provider("two", spec)
        .at("one", &["one/m"])
        .at("two", &["two/m"])
        .args(&["--threads", "1"])
        .start();
    for (path, count) in [("/one", 1), ("/two", 2), ("/one", 2), ("/two", 2)] {
        let answer = bench.post(path, &chat("m", "x", false));
        assert_eq!(
            (answer.status, connections.load(SeqCst)),
            (200, count),
            "{path}: {answer:?}"
        );
    }
}

/// Answers each request that comes, then does something more with the connection, and says so.
fn upstream(more: fn(&mut TcpStream)) -> (String, mpsc::Receiver<()>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let (done, after) = mpsc::channel();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let (mut socket, done) = (socket.unwrap(), done.clone());
            std::thread::spawn(move || {
                let mut bytes = [0; 16 << 10];
                while matches!(socket.read(&mut bytes), Ok(1..)) {
                    socket.write_all(ANSWER.as_bytes()).unwrap();
                    more(&mut socket);
                    done.send(()).unwrap();
                }
            });
        }
    });
    (url, after)
}

#[test]
fn bytes_that_come_on_an_idle_connection_are_no_answer_to_the_next_request() {
    for more in [
        |socket: &mut TcpStream| drop(socket.write_all(FORGED.as_bytes())),
        |socket: &mut TcpStream| drop(socket.write_all(b"x")),
        |socket: &mut TcpStream| drop(socket.shutdown(std::net::Shutdown::Write)),
    ] {
        let (url, after) = upstream(more);
        let bench = plan()
            .provider("p", json!({"vendor": "openai-compatible", "base_url": url}))
            .at("p", &["p/m"])
            .args(&["--threads", "1"])
            .start();
        for round in 0..40 {
            let answer = bench.post("/p", &chat("m", "x", false));
            assert_eq!(answer.status, 200, "{answer:?}");
            assert!(
                answer.body.contains("own"),
                "round {round}: {}",
                answer.body
            );
            // Whatever was to come has come: this is said when the system has it.
            after.recv().unwrap();
            assert_eq!(answer.header("x-gw-attempts"), Some("1"), "round {round}");
        }
    }
}
