//! Callers that do not read: what gw holds for each is bounded, however much its provider has to say.

use crate::harness::until;
use crate::kit::{chat, plan, read_until};
use serde_json::json;
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// An upstream that streams for ever, and how many bytes it could get rid of. Its base URL.
fn endless() -> (String, Arc<AtomicUsize>) {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = sent.clone();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let (mut socket, counted) = (socket.unwrap(), counted.clone());
            std::thread::spawn(move || {
                let _ = socket.read(&mut [0; 16 << 10]);
                let _ =
                    socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n");
                let event = format!(
                    "data: {}\n\n",
                    json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "x",
                        "choices": [{"index": 0, "delta": {"content": "a".repeat(32 << 10)}}]})
                );
                while socket.write_all(event.as_bytes()).is_ok() {
                    counted.fetch_add(event.len(), Ordering::Relaxed);
                }
            });
        }
    });
    (url, sent)
}

/// Resident memory in KiB.
fn resident(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let digits = line.unwrap().split_whitespace().nth(1);
    digits.unwrap().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn a_connection_whose_peer_does_not_read_holds_little() {
    const CALLERS: usize = 64;
    let (url, sent) = endless();
    let bench = plan()
        .limits("write_stall = '10m'")
        .provider(
            "endless",
            json!({"vendor": "openai-compatible", "base_url": url}),
        )
        .at("endless", &["endless/x"])
        .args(&["--log-content", "metadata"])
        .start();
    // What the first of them costs once is not counted.
    let open = || {
        let mut socket = bench.open("/endless/v1/chat/completions", &chat("x", "go", true));
        read_until(&mut socket, "aaaa");
        socket
    };
    let first = open();
    let before = resident(bench.gateway.pid);
    let rest: Vec<_> = (0..CALLERS).map(|_| open()).collect();
    let mut last = 0;
    until("nothing moves any more", || {
        std::thread::sleep(std::time::Duration::from_millis(200));
        let now = sent.load(Ordering::Relaxed);
        (std::mem::replace(&mut last, now) == now).then_some(())
    });
    let each = resident(bench.gateway.pid).saturating_sub(before) / CALLERS;
    assert!(each < 512, "{each} KiB for each caller that does not read");
    drop((first, rest));
}
