//! The request log after an end: `kill -9` costs at most the last second of it, SIGTERM costs nothing.

use super::harness::{http, until, wait::Raise};
use super::rig::{Live, on, serve, try_chat};
use gw::mock::{Mock, Script, Settings};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Requests from several threads until the gateway goes away or `stop`: ids and when each answer was complete.
fn requests(
    url: &str,
    key: &str,
    stop: &AtomicBool,
    during: impl FnOnce(&dyn Fn() -> usize),
) -> Vec<(String, Instant)> {
    let done = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let done = &done;
            scope.spawn(move || {
                let model = if thread == 0 { "echo" } else { "mock" };
                while !stop.load(Ordering::Relaxed) {
                    // A gateway that is gone ends the thread.
                    let Some(id) = try_chat(url, key, model) else {
                        return;
                    };
                    done.lock().unwrap().push((id, Instant::now()));
                }
            });
        }
        let _stop = Raise(stop);
        during(&|| done.lock().unwrap().len());
    });
    done.into_inner().unwrap()
}

fn rows(live: &Live) -> BTreeMap<String, Value> {
    let all = live.admin.logs();
    let count = all.len();
    let rows: BTreeMap<String, Value> = all
        .into_iter()
        .map(|row| (row["id"].as_str().unwrap().to_owned(), row))
        .collect();
    assert_eq!(rows.len(), count, "a row is there twice");
    rows
}

/// A row with everything that was known of the request.
fn intact(row: &Value) {
    assert_eq!(
        (&row["status"], &row["outcome"], &row["key"], &row["user"]),
        (&200.into(), &"ok".into(), &"base".into(), &"base".into()),
        "{row}"
    );
    let attempts = row["attempts"].as_array().unwrap();
    assert_eq!(
        (
            attempts.len(),
            &attempts[0]["status"],
            &attempts[0]["provider"]
        ),
        (1, &200.into(), &"base".into()),
        "{row}"
    );
    assert!(
        row["usage"]["input"].as_u64().unwrap() > 0 && row["usage"]["output"].as_u64().unwrap() > 0,
        "{row}"
    );
}

fn wait_for(count: usize, done: &dyn Fn() -> usize) {
    until("enough requests are answered", || {
        (done() >= count).then_some(())
    });
}

#[test]
fn kill_9_costs_at_most_the_last_second_of_the_log_and_sigterm_nothing() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let mock = Mock::start(Settings::default()).unwrap();
    let mut live = Live::start(place.path(), &data);
    let key = live.admin.furnish(&mock.url(), "upstream-secret-1");
    let (mut before, mut lost) = (Vec::new(), 0);
    for _ in 0..super::rig::rounds(3).min(20) {
        let url = live.url.clone();
        let mut killed = None;
        let round = requests(&url, &key, &AtomicBool::new(false), |done| {
            let begin = Instant::now();
            wait_for(50, done);
            // Past the first second, so that some rows are owed.
            while begin.elapsed() < Duration::from_millis(1500) {
                wait_for(done() + 20, done);
            }
            killed = Some(Instant::now());
            live.kill();
        });
        live = Live::start(place.path(), &data);
        let rows = rows(&live);
        let killed = killed.unwrap();
        let owed = round
            .iter()
            .filter(|(_, at)| killed.saturating_duration_since(*at) > Duration::from_secs(1))
            .count();
        assert!(
            owed > 0,
            "no request was answered more than a second before the kill"
        );
        for (id, at) in &round {
            match rows.get(id) {
                Some(row) => intact(row),
                None => {
                    let age = killed.saturating_duration_since(*at);
                    assert!(
                        age <= Duration::from_secs(1),
                        "`{id}` was answered {age:?} before the kill and is not in the log"
                    );
                    lost += 1;
                }
            }
        }
        for id in &before {
            assert!(
                rows.contains_key(id),
                "`{id}` was in the log and is not any more"
            );
        }
        before = rows.into_keys().collect();
    }
    // The orderly way.
    let url = live.url.clone();
    let mut live = Some(live);
    let last = requests(&url, &key, &AtomicBool::new(false), |done| {
        wait_for(100, done);
        let status = live.take().unwrap().stop();
        assert_eq!(status.code(), Some(0));
    });
    let live = Live::start(place.path(), &data);
    let rows = rows(&live);
    for (id, _) in &last {
        intact(rows.get(id).unwrap_or_else(|| {
            panic!("`{id}` was answered before an orderly stop and is not in the log")
        }));
    }
    for id in &before {
        assert!(
            rows.contains_key(id),
            "`{id}` was in the log and is not any more"
        );
    }
    eprintln!(
        "log after kills: {} rows, {lost} lost, all answered within the last second; after SIGTERM all of {} there",
        rows.len(),
        last.len()
    );
}

/// A gateway with five endless streams running through it; what `end` does with it, and the answers.
fn with_streams<T>(
    place: &Path,
    flags: &[&str],
    end: impl FnOnce(Live) -> T,
) -> (T, Vec<http::Answer>) {
    let mut script = Script::default();
    script.add("pace=100,events=1000").unwrap();
    let mock = Mock::start(Settings {
        script,
        ..Settings::default()
    })
    .unwrap();
    let mut command = serve(place);
    command.args(on(&place.join("data"))).args(flags);
    let live = Live::launch(place, command);
    let key = live.admin.furnish(&mock.url(), "upstream-secret-1");
    let body = json!({"model": "mock", "stream": true, "messages": [{"role": "user", "content": "hello"}]}).to_string();
    let authorization = format!("Bearer {key}");
    let headers = [
        ("authorization", authorization.as_str()),
        ("content-type", "application/json"),
    ];
    let url = format!("{}/v1/chat/completions", live.url);
    let begun = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let stream = || {
            let socket = http::send("POST", &url, &headers, &body);
            socket.peek(&mut [0]).unwrap();
            begun.fetch_add(1, Ordering::Relaxed);
            http::read(socket)
        };
        let threads: Vec<_> = (0..5).map(|_| scope.spawn(stream)).collect();
        until("all streams run", || {
            (begun.load(Ordering::Relaxed) == 5).then_some(())
        });
        let ended = end(live);
        (
            ended,
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect(),
        )
    })
}

#[test]
fn requests_that_a_stop_cuts_short_are_in_the_log() {
    let place = tempfile::tempdir().unwrap();
    let (status, answers) = with_streams(place.path(), &["--shutdown-grace", "200ms"], Live::stop);
    assert_eq!(status.code(), Some(0));
    let live = Live::start(place.path(), &place.path().join("data"));
    let rows = rows(&live);
    assert_eq!(rows.len(), 5);
    for answer in &answers {
        let row = &rows[answer.header("x-gw-request-id").unwrap()];
        assert_eq!(row["outcome"], "shutdown", "{row}");
        assert_eq!(row["attempts"].as_array().unwrap().len(), 1, "{row}");
    }
}

#[test]
fn a_second_signal_ends_it_at_once_and_in_order() {
    let place = tempfile::tempdir().unwrap();
    let begin = Instant::now();
    let (status, _) = with_streams(place.path(), &["--shutdown-grace", "10m"], |mut live| {
        live.signal(rustix::process::Signal::TERM);
        until("it is stopping", || {
            (std::net::TcpStream::connect(live.url.trim_start_matches("http://")).is_err())
                .then_some(())
        });
        live.signal(rustix::process::Signal::TERM);
        live.wait()
    });
    assert_eq!(status.code(), Some(143));
    assert!(
        begin.elapsed() < Duration::from_secs(300),
        "it sat out the grace"
    );
    assert!(!place.path().join("ready.json").exists());
}
