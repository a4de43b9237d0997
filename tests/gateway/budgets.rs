//! Budgets under many requests at once: exactly as many pass as fit, over a stop and a start in the middle, and after the
//! process was killed at most the last second's more.

use crate::harness::wait::Raise;
use crate::harness::{Gateway, http, until};
use crate::kit::{Bench, drain, plan, status};
use gw::resources::limit::Limit;
use gw::store::counters::{Counters, Embedded};
use serde_json::{Value, json};
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// What may pass.
const FITS: usize = 100;
/// Of an answer.
const TOKENS: u64 = 2;

/// Uses exactly what is reserved for its answer: the simulator says its own text back, four letters a token.
fn body() -> Value {
    json!({"model": "echo", "max_tokens": TOKENS, "messages": [{"role": "user", "content": "12345678"}]})
}

/// A gateway that keeps its state there, whose key `l` may be answered so many.
fn bench(dir: &Path) -> Bench {
    let limit = format!("output={}/hour", FITS as u64 * TOKENS);
    plan()
        .key("l", json!({"limits": [limit]}))
        .route("l", json!({"keys": ["l"], "targets": [{"provider": "m"}]}))
        .args(&["--data-dir", dir.to_str().unwrap()])
        .launch()
}

/// Sends so many from many threads at once; how many passed. Every other is refused by the limit.
fn passed(url: &str, secret: &str, requests: usize) -> usize {
    const THREADS: usize = 40;
    let (next, passed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let auth = format!("Bearer {secret}");
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while next.fetch_add(1, Ordering::Relaxed) < requests {
                    let url = format!("{url}/v1/chat/completions");
                    let answer = http::post(&url, &[("authorization", &auth)], &body());
                    match answer.status {
                        200 => {
                            passed.fetch_add(1, Ordering::Relaxed);
                        }
                        status => assert_eq!(status, 429, "{}", answer.body),
                    }
                }
            });
        }
    });
    passed.into_inner()
}

fn again(dir: &Path) -> Gateway {
    Gateway::start_with(&["--data-dir", dir.to_str().unwrap()])
}

/// What the file says of the key's tokens.
fn written(dir: &Path) -> Option<u64> {
    let copy = tempfile::tempdir().unwrap();
    std::fs::copy(dir.join("counters/ledgers"), copy.path().join("ledgers")).ok()?;
    let store = Embedded::open(copy.path()).unwrap();
    let accounts = store.accounts();
    let account = accounts.iter().find(|it| &*it.subject().name == "l")?;
    let limit: Limit = "output=1/hour".parse().unwrap();
    let account = store.account(account.subject(), &[limit], u64::MAX);
    Some(store.standings(&account, store.now()).now()?[0].used)
}

#[test]
fn a_thousand_at_once_and_exactly_as_many_pass_as_fit() {
    let place = tempfile::tempdir().unwrap();
    let bench = bench(place.path());
    let secret = bench.secret("l");
    assert_eq!(passed(&bench.gateway.url, secret, 1_000), FITS);
    assert_eq!(bench.mock.requests().len(), FITS);
}

#[test]
fn a_stop_in_the_middle_changes_nothing() {
    let place = tempfile::tempdir().unwrap();
    let mut bench = bench(place.path());
    let secret = bench.secret("l").to_owned();
    assert_eq!(passed(&bench.gateway.url, &secret, 60), 60);
    assert_eq!(bench.gateway.stop(), Some(0));
    let gateway = again(place.path());
    assert_eq!(passed(&gateway.url, &secret, 940), FITS - 60);
}

#[test]
fn a_stop_into_a_running_burst_changes_nothing() {
    let place = tempfile::tempdir().unwrap();
    let mut bench = bench(place.path());
    let secret = bench.secret("l").to_owned();
    let (passed_before, over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let auth = format!("Bearer {secret}");
    let url = format!("{}/v1/chat/completions", bench.gateway.url);
    let ended = std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let answer = hurried(&url, &auth);
                    match answer {
                        Some(200) => _ = passed_before.fetch_add(1, Ordering::Relaxed),
                        Some(status) => assert!(matches!(status, 429 | 503), "{status}"),
                        // It has gone, or went before it took the request in.
                        None => {}
                    }
                }
            });
        }
        let _raise = Raise(&over);
        until("some have passed", || {
            (passed_before.load(Ordering::Relaxed) >= 20).then_some(())
        });
        bench.gateway.stop()
    });
    assert_eq!(ended, Some(0));
    let passed_before = passed_before.into_inner();
    // What passed is what the provider was asked, and no answer was lost.
    assert_eq!(bench.mock.requests().len(), passed_before);
    let gateway = again(place.path());
    assert_eq!(passed(&gateway.url, &secret, 940), FITS - passed_before);
}

/// The status of a request that may find nobody.
fn hurried(url: &str, auth: &str) -> Option<u16> {
    let rest = url.strip_prefix("http://")?;
    let (host, path) = rest.split_at(rest.find('/')?);
    let mut socket = TcpStream::connect(host).ok()?;
    let mut body = body();
    // So that the stop finds some on their way.
    body["model"] = "mock-echo+delay-headers-30".into();
    let body = body.to_string();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {auth}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(request.as_bytes()).ok()?;
    let answer = drain(&mut socket);
    (!answer.is_empty()).then(|| status(&answer))
}

#[test]
fn one_that_is_killed_forgets_the_last_second_at_most() {
    let place = tempfile::tempdir().unwrap();
    let mut bench = bench(place.path());
    let secret = bench.secret("l").to_owned();
    assert_eq!(passed(&bench.gateway.url, &secret, 40), 40);
    until("what was used is written", || {
        (written(place.path()) == Some(40 * TOKENS)).then_some(())
    });
    // Of these nobody knows.
    assert_eq!(passed(&bench.gateway.url, &secret, 20), 20);
    bench.gateway.kill();
    let gateway = again(place.path());
    let more = passed(&gateway.url, &secret, 940);
    assert!((FITS - 60..=FITS - 40).contains(&more), "{more}");
}
