//! The order of requests in the log, and what a wall clock that jumps does to it and to what is kept.

use crate::harness::{Gateway, skip::skip, until};
use crate::kit::{chat, plan};
use gw::mock::{Mock, Settings};
use serde_json::Value;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

/// The request id of the next answer on this connection, read to its end.
fn id_of_answer(from: &mut BufReader<TcpStream>) -> String {
    let (mut id, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        from.read_line(&mut line).unwrap();
        let line = line.trim_end().to_ascii_lowercase();
        match line.split_once(": ") {
            Some(("x-gw-request-id", value)) => id = value.to_ascii_uppercase(),
            Some(("content-length", value)) => length = value.parse().unwrap(),
            _ if line.is_empty() => break,
            _ => {}
        }
    }
    from.read_exact(&mut vec![0; length]).unwrap();
    assert!(!id.is_empty(), "an answer without an id");
    id
}

#[test]
fn ids_are_in_the_order_of_the_requests_whichever_worker_takes_them() {
    let bench = plan().limits("[server]\nthreads = 4").start();
    // Refused at once, so that many come in a millisecond; on so many connections that every worker has some.
    let request = bench.request("/v1/chat/completions", "", "{}");
    let mut connections: Vec<BufReader<TcpStream>> =
        (0..16).map(|_| BufReader::new(bench.socket())).collect();
    let mut ids = Vec::new();
    for _ in 0..100 {
        for connection in &mut connections {
            connection.get_mut().write_all(request.as_bytes()).unwrap();
            ids.push(id_of_answer(connection));
        }
    }
    let back = ids.windows(2).find(|pair| pair[0] >= pair[1]);
    assert_eq!(back, None, "of {} ids", ids.len());
}

/// A wall clock that can be set for one process; what is in the way of one.
struct Ahead {
    library: PathBuf,
    by: PathBuf,
}

impl Ahead {
    fn new(dir: &Path) -> Result<Ahead, String> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/harness/clock/ahead.c");
        let (library, by) = (dir.join("ahead.so"), dir.join("ahead"));
        let built = std::process::Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([&library, &source])
            .arg("-ldl")
            .output();
        match built {
            Ok(built) if built.status.success() => {}
            Ok(built) => return Err(String::from_utf8_lossy(&built.stderr).into_owned()),
            Err(error) => return Err(format!("a C compiler is needed: {error}")),
        }
        let ahead = Ahead { library, by };
        ahead.set(0);
        Ok(ahead)
    }

    /// In one step, so that nobody reads half of it.
    fn set(&self, days: i64) {
        let next = self.by.with_extension("next");
        std::fs::write(&next, (days * 86_400).to_string()).unwrap();
        std::fs::rename(next, &self.by).unwrap();
    }

    fn gateway(&self, data: &Path) -> Gateway {
        let config = data.with_extension("toml");
        // One that rolls early: what is in the file being written stays anyway.
        std::fs::write(&config, "[logs]\nmax_bytes = \"1MiB\"\nmax_age = \"30d\"\n").unwrap();
        let args = [
            "--data-dir",
            data.to_str().unwrap(),
            "--config",
            config.to_str().unwrap(),
        ];
        let env: [(&str, &OsStr); 2] = [
            ("LD_PRELOAD", self.library.as_os_str()),
            ("CLOCK_AHEAD", self.by.as_os_str()),
        ];
        Gateway::start_with_env(&args, &env)
    }
}

fn log(gateway: &Gateway) -> Value {
    gateway.cli(&["status", "-o", "json"]).json()["log"].clone()
}

fn names(gateway: &Gateway) -> Vec<String> {
    let out = gateway.ok(&["logs", "export", "-o", "name"]);
    out.lines().map(str::to_owned).collect()
}

#[test]
fn a_clock_that_jumps_takes_no_log_away_and_leaves_the_order_right() {
    let dir = tempfile::tempdir().unwrap();
    let ahead = match Ahead::new(dir.path()) {
        Ok(ahead) => ahead,
        Err(why) => return skip(&why),
    };
    let mock = Mock::start(Settings::default()).unwrap();
    let data = dir.path().join("data");
    let mut gateway = ahead.gateway(&data);
    gateway.provider(
        "m",
        "openai-compatible",
        &format!("{}/v1", mock.url()),
        "sk-upstream-Zq8vW3nR5tY7uK2mB4xC",
    );
    let key = gateway.key_with_route("k", &["--to", "m"]);
    let send = |gateway: &Gateway| {
        let answer = gateway.post("/v1/chat/completions", &key, &chat("any", "x", false));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.header("x-gw-request-id").unwrap().to_owned()
    };
    let mut sent = vec![send(&gateway), send(&gateway)];
    assert_eq!(names(&gateway), sent);
    assert_eq!(log(&gateway)["clock"], Value::Null);
    // The file with these is closed, so that it could go.
    assert_eq!(gateway.stop(), Some(0));
    gateway = ahead.gateway(&data);
    ahead.set(60);
    let told = until("the jump is told", || {
        log(&gateway)["clock"].as_str().map(str::to_owned)
    });
    assert!(told.starts_with("system clock is "), "{told}");
    assert!(told.contains(" d ahead of where it was"), "{told}");
    assert!(gateway.log().contains("ahead of where it was"));
    assert!(gateway.ok(&["status"]).contains("log.clock"));
    sent.push(send(&gateway));
    assert_eq!(
        names(&gateway),
        sent,
        "nothing went, and the newest is the last"
    );
    // Starts with the wrong clock.
    for _ in 0..2 {
        assert_eq!(gateway.stop(), Some(0));
        gateway = ahead.gateway(&data);
        sent.push(send(&gateway));
        assert_eq!(names(&gateway), sent);
        assert!(log(&gateway)["clock"].is_string());
    }
    // The clock is right again: what comes now is newer than what came then.
    ahead.set(0);
    sent.extend([send(&gateway), send(&gateway)]);
    assert_eq!(names(&gateway), sent);
    until("the clock is believed again", || {
        log(&gateway)["clock"].is_null().then_some(())
    });
    assert_eq!(gateway.stop(), Some(0));
    gateway = ahead.gateway(&data);
    sent.push(send(&gateway));
    assert_eq!(names(&gateway), sent, "also after a start");
    assert_eq!(log(&gateway)["removed_rows"], 0);
}
