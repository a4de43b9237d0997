//! A gateway with nothing to do sleeps, however many connections are open, and is on time when something comes.

use crate::harness::until;
use crate::kit::{Bench, chat, drain, plan, read_until};
use serde_json::json;
use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// How often all threads together have gone to sleep so far, by thread: each wake-up ends in one more.
fn sleeps(pid: u32) -> Vec<(String, u64)> {
    let status = |task: std::io::Result<std::fs::DirEntry>| {
        std::fs::read_to_string(task.unwrap().path().join("status")).unwrap_or_default()
    };
    let field = |text: &str, name: &str| {
        let mut lines = text.lines();
        let line = lines.find_map(|line| line.strip_prefix(name));
        line.unwrap_or_default().trim().to_owned()
    };
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let count = |text: String| {
        let count = field(&text, "voluntary_ctxt_switches:");
        (field(&text, "Name:"), count.parse().unwrap_or(0))
    };
    tasks.map(status).map(count).collect()
}

/// Waits for three seconds with fewer than 15 wake-ups.
fn until_it_rests(bench: &Bench) {
    let pid = bench.gateway.pid;
    let mut last = Vec::new();
    until("the gateway rests", || {
        let before = sleeps(pid);
        std::thread::sleep(Duration::from_secs(3));
        let after = sleeps(pid);
        let all = |counts: &[(String, u64)]| counts.iter().map(|(_, count)| count).sum::<u64>();
        let woken = all(&after).saturating_sub(all(&before));
        if woken >= 15 && last.is_empty() {
            println!("woken {woken} times in 3 s: {before:?} {after:?}");
            last = after;
        }
        (woken < 15).then_some(())
    });
}

#[test]
fn a_gateway_with_nothing_to_do_sleeps() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let bench = plan()
        .key("limited", json!({"limits": ["requests=1000/hour"]}))
        .route(
            "limited",
            json!({"keys": ["limited"], "targets": [{"provider": "m"}]}),
        )
        .args(&["--data-dir", data.to_str().unwrap(), "--threads", "4"])
        .launch();
    let (key, limited) = (&bench.key, bench.secret("limited"));
    let asked = chat("m", "x", false).to_string();
    let request = bench.request("/v1/chat/completions", "", &asked);
    let served = || {
        let mut socket = bench.socket();
        socket.write_all(request.as_bytes()).unwrap();
        read_until(&mut socket, "\"usage\"");
        socket
    };
    let idle: Vec<TcpStream> = (0..200).map(|_| served()).collect();
    for key in [key, limited] {
        for stream in [false, true] {
            let answer = bench
                .gateway
                .post("/v1/chat/completions", key, &chat("m", "x", stream));
            assert_eq!(answer.status, 200, "{answer:?}");
        }
    }
    until_it_rests(&bench);
    assert_eq!(
        bench
            .post("/v1/chat/completions", &chat("m", "x", false))
            .status,
        200
    );
    drop(idle);
}

/// A figure of `/proc/PID/status`, in KiB.
#[cfg(target_os = "linux")]
fn memory(pid: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let figure = line.unwrap().split_ascii_whitespace().nth(1);
    figure.unwrap().parse().unwrap()
}

/// The most that was in memory was that which a start needs, and most of it were pages of the executable.
#[cfg(target_os = "linux")]
#[test]
fn what_the_start_alone_needed_is_given_back() {
    let bench = plan().start();
    let body = chat("m", "x", false);
    assert_eq!(bench.post("/v1/chat/completions", &body).status, 200);
    let [most, now] = ["VmHWM", "VmRSS"].map(|name| memory(bench.gateway.pid, name));
    assert!(now < most - most / 10, "{now} of {most} KiB are left");
}

/// Without anybody who asks for memory, which an allocator may wait for.
#[cfg(target_os = "linux")]
#[test]
fn a_gateway_that_rests_gives_back_what_requests_took() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let bench = plan()
        .args(&["--data-dir", data.to_str().unwrap(), "--threads", "1"])
        .launch();
    let body = chat("m", &"Brot und Wein ".repeat(280_000), false);
    let ask = || assert_eq!(bench.post("/v1/chat/completions", &body).status, 200);
    let now = || memory(bench.gateway.pid, "RssAnon");
    let before = now();
    (0..16).for_each(|_| ask());
    let most = now();
    until("most of what they took is given back", || {
        (now() < before.midpoint(most)).then_some(())
    });
}

#[test]
fn what_comes_after_a_rest_has_all_its_time_and_no_more() {
    let bench = plan()
        .limits("first_byte = \"700ms\"")
        .args(&["--threads", "2"])
        .start();
    until_it_rests(&bench);
    for _ in 0..4 {
        let begun = Instant::now();
        assert_eq!(drain(&mut bench.socket()), "");
        assert!(begun.elapsed() >= Duration::from_millis(700));
    }
}
