//! More connections than there are file descriptors: strangers are closed, whoever has a key is served, and the gateway
//! can be managed.

use super::harness::{http, until};
use super::home::{Home, Serving};
use serde_json::json;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A key with a route to the simulator.
fn key(home: &Home, name: &str) -> String {
    for args in [
        &["user", "create", "ann", "--if-not-exists"][..],
        &[
            "key",
            "create",
            name,
            "--user",
            "ann",
            "--output-file",
            name,
        ],
        &["route", "create", name, "--key", name, "--to", "mock"],
    ] {
        let ran = home.run(args);
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
    let text = std::fs::read_to_string(home.path("project").join(name)).unwrap();
    text.trim().to_owned()
}

fn connect(serving: &Serving) -> TcpStream {
    let host = serving.url().strip_prefix("http://").unwrap();
    let socket = TcpStream::connect(host).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    socket
}

fn ask(serving: &Serving, key: &str) -> u16 {
    let url = format!("{}/v1/chat/completions", serving.url());
    let body = json!({"model": "mock", "messages": [{"role": "user", "content": "x"}]});
    http::post(&url, &[("authorization", &format!("Bearer {key}"))], &body).status
}

/// One request on a connection that stays; its status.
fn ask_on(socket: &mut TcpStream, key: &str) -> u16 {
    let request = format!("GET /v1/models HTTP/1.1\r\nHost: x\r\nX-Api-Key: {key}\r\n\r\n");
    socket.write_all(request.as_bytes()).unwrap();
    let mut bytes = vec![0; 64 << 10];
    let read = socket.read(&mut bytes).unwrap();
    let text = String::from_utf8_lossy(&bytes[..read]);
    text.split(' ').nth(1).unwrap_or("0").parse().unwrap()
}

#[test]
fn strangers_beyond_the_open_file_limit_keep_no_valid_caller_out() {
    let home = Home::new();
    // No timer helps: what gives room is that it is needed.
    let serving = home.serve_with_files(1024, &["--mock"], |command| {
        for name in ["FIRST_BYTE", "HEADER_TIMEOUT", "IDLE"] {
            command.env(format!("GW_LIMITS__{name}"), "1h");
        }
    });
    assert!(
        serving.said().contains(
            "connections 312 at once: no more than 1024 files may be open (`ulimit -Hn`, LimitNOFILE=)\n"
        ),
        "{}",
        serving.said()
    );
    let (good, other) = (key(&home, "good"), key(&home, "other"));
    let mut known = connect(&serving);
    assert_eq!(ask_on(&mut known, &good), 200);

    let said: [&[u8]; 4] = [
        b"",
        b"GET /v1/models HTTP/1.1\r\nHost: x\r\n",
        b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /v1/models HTTP/1.1\r\nHost: x\r\nX-Api-Key: sk-gw-nonsense\r\n\r\n",
    ];
    let mut strangers = Vec::new();
    for at in 0..1_300 {
        let mut socket = connect(&serving);
        let _ = socket.write_all(said[at % said.len()]);
        strangers.push(socket);
        if at % 100 == 99 {
            assert_eq!(ask(&serving, &good), 200, "after {at} strangers");
        }
    }
    assert_eq!(ask_on(&mut known, &good), 200, "a known caller was closed");
    let revoked = home.run(&["key", "revoke", "other", "-y"]);
    assert_eq!(
        (revoked.code, revoked.out.as_str()),
        (Some(0), "key/other revoked\n"),
        "{revoked:?}"
    );
    assert_eq!((ask(&serving, &other), ask(&serving, &good)), (401, 200));
    let status = home.run(&["status", "-o", "json"]);
    let status: serde_json::Value = serde_json::from_str(&status.out).unwrap();
    let connections = status["connections"].as_u64().unwrap();
    assert!((1..=320).contains(&connections), "{status}");
    let lines = serving
        .said()
        .matches("no room for more connections")
        .count();
    assert!((1..=2).contains(&lines), "{}", serving.said());
}

/// The number that a process's next descriptor would get.
#[cfg(target_os = "linux")]
fn lowest_free(pid: u32) -> u64 {
    let taken =
        |number: &u64| std::fs::symlink_metadata(format!("/proc/{pid}/fd/{number}")).is_ok();
    (0..).find(|number| !taken(number)).unwrap()
}

/// Lets a process have descriptors below a number, or, with `None`, as many as this one.
#[cfg(target_os = "linux")]
fn limit_descriptors(pid: u32, current: Option<u64>) {
    use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
    let all = getrlimit(Resource::Nofile);
    let limit = Rlimit {
        current: current.or(all.current),
        maximum: all.maximum,
    };
    let pid = Pid::from_raw(i32::try_from(pid).unwrap());
    prlimit(pid, Resource::Nofile, limit).unwrap();
}

/// Asks for health on a connection that is there, and reads to its end.
#[cfg(target_os = "linux")]
fn health(mut caller: TcpStream) -> String {
    caller
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    caller.read_to_string(&mut answer).unwrap();
    answer
}

#[cfg(target_os = "linux")]
#[test]
fn accepting_goes_on_after_there_was_no_descriptor_at_all() {
    let home = Home::new();
    let serving = home.serve_as(&["--mock"], |_| {});
    let pid = serving.pid();
    let said = |what: &str| serving.said().matches(what).count();
    let caller = until("it is said that none is left", || {
        // What was open for a moment only leaves a gap.
        limit_descriptors(pid, Some(lowest_free(pid)));
        let caller = connect(&serving);
        std::thread::sleep(Duration::from_millis(100));
        (said("Too many open files") > 0).then_some(caller)
    });
    limit_descriptors(pid, None);
    // Nobody was turned away: the caller waited.
    let answer = health(caller);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert_eq!(
        said("no room for more connections"),
        1,
        "{}",
        serving.said()
    );
}

#[cfg(target_os = "linux")]
#[test]
fn who_got_the_last_descriptor_does_not_go_for_nobody() {
    let none = |serving: &Serving| !serving.said().contains("no room for more connections");
    let (_home, serving, caller) = until("a caller has the last one", || {
        let home = Home::new();
        let serving = home.serve_as(&["--mock"], |_| {});
        let last = lowest_free(serving.pid());
        limit_descriptors(serving.pid(), Some(last + 1));
        let caller = connect(&serving);
        std::thread::sleep(Duration::from_millis(100));
        // A file that was open for a moment gave a lower one, or took the last: then it is tried anew.
        let got = lowest_free(serving.pid()) > last && none(&serving);
        got.then_some((home, serving, caller))
    });
    // Accepting fails from here on, again and again.
    std::thread::sleep(Duration::from_millis(200));
    let answer = health(caller);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(none(&serving), "{}", serving.said());
}
