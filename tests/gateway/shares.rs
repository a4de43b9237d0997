//! Weights hold over all workers, connections and keys together.

use crate::harness::until;
use crate::kit::plan;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// Keys, made by one `gw apply`.
const KEYS: usize = 10_000;
/// Connections at a time, several for each worker.
const CONNECTIONS: usize = 16;
/// Connections are closed after so many requests, so that the kernel spreads them anew.
const EACH: usize = 25;

/// Sends `count` requests, each by the next key, and counts the models that answered.
fn served(host: &str, path: &str, secrets: &[String], count: usize) -> BTreeMap<String, usize> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let (mut models, mut socket, mut used) = (BTreeMap::new(), None, 0);
        loop {
            let at = next.fetch_add(1, SeqCst);
            if at >= count {
                return models;
            }
            if used == EACH {
                (socket, used) = (None, 0);
            }
            let socket = socket.get_or_insert_with(|| TcpStream::connect(host).unwrap());
            used += 1;
            let body = r#"{"messages":[{"role":"user","content":"x"}]}"#;
            let request = format!(
                "POST {path}/v1/chat/completions HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\n\r\n{body}",
                secrets[at % secrets.len()],
                body.len()
            );
            socket.write_all(request.as_bytes()).unwrap();
            *models.entry(model(socket)).or_insert(0) += 1;
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(worker)).collect();
        let mut all = BTreeMap::new();
        for worker in workers {
            for (model, count) in worker.join().unwrap() {
                *all.entry(model).or_insert(0) += count;
            }
        }
        all
    })
}

/// Reads an answer to its end: the model that gave it.
fn model(socket: &mut TcpStream) -> String {
    let (mut bytes, mut piece) = (Vec::new(), [0; 8 << 10]);
    loop {
        let read = socket.read(&mut piece).unwrap();
        assert!(
            read > 0,
            "closed after {:?}",
            String::from_utf8_lossy(&bytes)
        );
        bytes.extend_from_slice(&piece[..read]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let field = |name: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(": "));
            lines
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value.to_owned())
        };
        let length: usize = field("content-length").unwrap().parse().unwrap();
        if body.len() == length {
            return field("x-gw-model").unwrap_or_else(|| panic!("{text}"));
        }
    }
}

#[test]
fn weights_hold_over_all_workers_and_ten_thousand_keys() {
    let targets = |weights: &[u32]| -> serde_json::Value {
        let of = |(at, weight): (usize, &u32)| json!({"provider": "m", "model": format!("m{at}"), "weight": weight});
        weights.iter().enumerate().map(of).collect()
    };
    let route = |strategy: &str, weights: &[u32]| json!({"path": format!("/{strategy}"), "strategy": strategy, "targets": targets(weights)});
    let bench = plan()
        .route("split", route("split", &[8, 2]))
        .route("round-robin", route("round-robin", &[1, 1, 1]))
        .route(
            "weighted-round-robin",
            route("weighted-round-robin", &[5, 1, 1]),
        )
        .args(&["--threads", "4", "--log-content", "metadata"])
        .start();

    let secrets: Vec<String> = (0..KEYS)
        .map(|_| gw::store::token::mint().unwrap().expose().to_owned())
        .collect();
    let keys = secrets
        .iter()
        .enumerate()
        .map(|(at, secret)| json!({"kind": "key", "name": format!("key-{at:05}"), "user": "u", "secret": secret}));
    let file = bench.gateway.path("keys.json");
    std::fs::write(
        &file,
        json!({"items": keys.collect::<Vec<_>>()}).to_string(),
    )
    .unwrap();
    let said = bench
        .gateway
        .ok(&["-q", "apply", "-f", file.to_str().unwrap()]);
    assert_eq!(said, "");

    // Each key once. The standard deviation of a share p of n is sqrt(n p (1 - p)): 40 here, of which six are allowed.
    let split = served(bench.host(), "/split", &secrets, KEYS);
    assert_eq!(split["m0"] + split["m1"], KEYS, "{split:?}");
    assert!(split["m0"].abs_diff(KEYS * 8 / 10) <= 240, "{split:?}");

    // Turns are taken by all workers together: whole rotations come out exactly.
    let round = served(bench.host(), "/round-robin", &secrets, 600);
    assert_eq!(
        round,
        BTreeMap::from([("m0".into(), 200), ("m1".into(), 200), ("m2".into(), 200)])
    );
    let weighted = served(bench.host(), "/weighted-round-robin", &secrets, 700);
    assert_eq!(
        weighted,
        BTreeMap::from([("m0".into(), 500), ("m1".into(), 100), ("m2".into(), 100)])
    );

    // The log tells the same of each route.
    let logged = until("every request has its row", || {
        let rows = bench.rows();
        (rows.len() == KEYS + 1_300).then_some(rows)
    });
    for (route, counts) in [
        ("split", split),
        ("round-robin", round),
        ("weighted-round-robin", weighted),
    ] {
        let mut told = BTreeMap::new();
        for row in logged.iter().filter(|row| row["route"] == route) {
            assert_eq!(row["attempts"].as_array().unwrap().len(), 1, "{row}");
            *told
                .entry(row["model"].as_str().unwrap().to_owned())
                .or_insert(0) += 1;
        }
        assert_eq!(told, counts, "{route}");
    }
    let keys: std::collections::HashSet<&str> = logged
        .iter()
        .map(|row| row["key"].as_str().unwrap())
        .collect();
    assert_eq!(keys.len(), KEYS);
}
