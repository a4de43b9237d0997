//! A gateway with `GW_KEYS` (10,000) keys, a tenth as many routes, as many models and `GW_ROWS` (a million) rows of log,
//! beside one with one of each: what a request costs, how soon it starts, how soon a change is live and what it costs those
//! who are served meanwhile, how soon people get an answer.

use super::caller::{Caller, request};
use super::place::{Gateway, Place};
use super::{line, ms, number, quantile, rig};
use gw::mock::{Mock, Settings};
use gw::resources::Stamp;
use gw::store::journal::Segments;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Callers of a counted run, who take turns.
const CALLERS: usize = 100;
/// Requests a second while records are changed, over so many connections, and how long.
const RATE: u32 = 500;
const CONNECTIONS: u32 = 4;
const MEANWHILE: Duration = Duration::from_secs(5);

/// The place, and the secrets of some keys spread over all there are.
struct Full {
    place: Place,
    secrets: Vec<String>,
}

pub fn measure() {
    let mock = Mock::start(Settings {
        plain_bytes: Some(1024),
        remember: 0,
        ..Settings::default()
    })
    .unwrap();
    let (keys, rows) = (number("GW_KEYS", 10_000), number("GW_ROWS", 1_000_000));
    let one = fill(&mock, 1, 0);
    let many = fill(&mock, keys, rows);
    for (what, full) in [("1 of each", &one), ("all", &many)] {
        start(what, full);
    }
    instructions(&one, &many);
    let gateway = many.place.start(&[], &[]);
    line("memory after the start, all", gateway.memory());
    // Every log file is looked through once after a start, slowly.
    std::thread::sleep(Duration::from_secs(15));
    line("nothing asked of it, all", gateway.idle(5));
    changes(&gateway, &many);
    for args in [
        &["key", "get", "key-77"][..],
        &["key", "get", "key-77", "-o", "json"],
        &["get", "key", "key-77"],
        &["key", "list", "--limit", "20"],
        &["key", "list"],
        &["route", "get", "route-7"],
        &["user", "get", "user-7"],
        &["logs", "-n", "20"],
        &["usage", "--by", "model"],
        &["status"],
    ] {
        let (_, took) = many.place.gw(args);
        let (_, again) = many.place.gw(args);
        line(
            &format!("gw {}", args.join(" ")),
            format!("{}, again {}", ms(took), ms(again)),
        );
    }
    line("memory after that, all", gateway.memory());
    gateway.stop();
}

/// A data directory with so many of each.
fn fill(mock: &Mock, keys: u64, rows: u64) -> Full {
    let place = Place::new();
    let (users, routes) = (keys.div_ceil(50), keys.div_ceil(10));
    let mut items = vec![
        json!({"kind": "provider", "name": "p", "vendor": "openai-compatible", "base_url": format!("{}/v1", mock.url()),
        "credential": "managed", "credential_value": "sk-upstream-Zq8vW3nR5tY7uK2mB4xC"}),
    ];
    items.extend((0..users).map(|n| json!({"kind": "user", "name": format!("user-{n}")})));
    items.extend((0..keys).map(|n| {
        json!({"kind": "model", "name": format!("p/model-{n}"), "provider": "p", "price_input": "1.5", "price_output": "6"})
    }));
    let mut secrets = Vec::new();
    let step = (keys / CALLERS as u64).max(1);
    items.extend((0..keys).map(|n| {
        let secret = gw::store::token::mint().unwrap().expose().to_owned();
        if n % step == 0 {
            secrets.push(secret.clone());
        }
        json!({"kind": "key", "name": format!("key-{n}"), "user": format!("user-{}", n % users), "secret": secret,
            "limits": ["requests=1000000/day", "tokens=1000000000/day"]})
    }));
    items.extend((0..routes).map(|n| {
        let keys: Vec<String> = (n..keys)
            .step_by(routes as usize)
            .map(|n| format!("key-{n}"))
            .collect();
        json!({"kind": "route", "name": format!("route-{n}"), "keys": keys,
            "targets": [{"provider": "p", "model": format!("model-{n}")}]})
    }));
    let (count, seed) = (items.len(), place.dir.path().join("seed.json"));
    std::fs::write(&seed, json!({"items": items}).to_string()).unwrap();
    let gateway = place.start(&[], &["-f", seed.to_str().unwrap()]);
    if keys > 1 {
        line(
            &format!("{count} records read from a file, and ready"),
            ms(gateway.ready_after),
        );
    }
    gateway.stop();
    if rows > 0 {
        let log = Segments::open(place.data().join("logs"), rig::settings()).unwrap();
        // The newest was a moment ago.
        let later = Stamp::now().0 - rig::row(rows - 1, rows).at.0;
        let written = rig::write_later(&log, rows, later);
        assert_eq!(written.dropped, 0);
        line(
            &format!("{rows} rows written"),
            format!("{:.1} s", written.seconds),
        );
    }
    Full { place, secrets }
}

/// From starting the process to its first answer.
fn start(what: &str, full: &Full) {
    let mut times = Vec::new();
    for _ in 0..5 {
        let began = Instant::now();
        let gateway = full.place.start(&[], &[]);
        let mut caller = Caller::connect(&gateway.address).unwrap();
        let asked = request(&gateway.address, &full.secrets[0], "any", false);
        assert_eq!(caller.call(&asked), 200);
        times.push(began.elapsed());
        gateway.stop();
    }
    let worst = *times.iter().max().unwrap();
    let median = quantile(&mut times, 500);
    line(
        &format!("start to first answer, {what}: median of 5, slowest"),
        format!("{}, {}", ms(median), ms(worst)),
    );
}

/// Instructions a request, with one of each and with all.
fn instructions(one: &Full, many: &Full) {
    let there = Command::new("valgrind").arg("--version").output();
    if !there.is_ok_and(|output| output.status.success()) {
        line("instructions a request", "left out: valgrind is not there");
        return;
    }
    let count = number("GW_COUNT", 1_000);
    let of = |full: &Full| {
        let [once, twice] = [count, 2 * count].map(|count| counted(full, count));
        (twice - once) / count
    };
    let (few, all) = (of(one), of(many));
    let ratio = all as f64 / few as f64;
    line("instructions a request, 1 of each", few);
    line(
        "instructions a request, all",
        format!("{all} ({ratio:.3} times)"),
    );
}

/// Instructions of the thread that has most, in a run of so many requests.
fn counted(full: &Full, count: u64) -> u64 {
    let out = full.place.dir.path().join("callgrind");
    std::fs::create_dir_all(&out).unwrap();
    for old in std::fs::read_dir(&out).unwrap() {
        std::fs::remove_file(old.unwrap().path()).unwrap();
    }
    let file = format!("--callgrind-out-file={}/run", out.display());
    let before = [
        "valgrind",
        "--tool=callgrind",
        "--quiet",
        "--fair-sched=yes",
        "--separate-threads=yes",
        &file,
    ];
    let gateway = full.place.start(&before, &["--threads", "1"]);
    let mut caller = Caller::connect(&gateway.address).unwrap();
    let asked: Vec<Vec<u8>> = full
        .secrets
        .iter()
        .map(|secret| request(&gateway.address, secret, "any", false))
        .collect();
    for number in 0..count as usize {
        assert_eq!(caller.call(&asked[number % asked.len()]), 200);
    }
    gateway.stop();
    let totals = std::fs::read_dir(&out)
        .unwrap()
        .filter_map(|file| totals(&file.unwrap().path()));
    totals.max().unwrap()
}

fn totals(file: &Path) -> Option<u64> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("totals: "))?;
    line.trim().parse().ok()
}

/// Answers at a steady rate, each counted from when it was due.
fn served(address: &str, secrets: &[String], over: &AtomicBool) -> Vec<Duration> {
    std::thread::scope(|scope| {
        let each = |connection: u32| {
            move || {
                let mut caller = Caller::connect(address).unwrap();
                let secret = &secrets[connection as usize % secrets.len()];
                let asked = request(address, secret, "any", false);
                let (begin, mut times) = (Instant::now(), Vec::new());
                for number in 0.. {
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                    let due =
                        begin + Duration::from_secs(1) / RATE * (number * CONNECTIONS + connection);
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    assert_eq!(caller.call(&asked), 200);
                    times.push(due.elapsed());
                }
                times
            }
        };
        let threads: Vec<_> = (0..CONNECTIONS).map(|at| scope.spawn(each(at))).collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    })
}

/// Keys that are made while others are served: how soon they are live, and what the others notice.
fn changes(gateway: &Gateway, full: &Full) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let client = gateway.client();
    let (mut made, mut live) = (Vec::new(), Vec::new());
    let serve = |change: &mut dyn FnMut()| {
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let served = scope.spawn(|| served(&gateway.address, &full.secrets, &over));
            let begin = Instant::now();
            while begin.elapsed() < MEANWHILE {
                change();
                std::thread::sleep(Duration::from_millis(50));
            }
            over.store(true, Ordering::Relaxed);
            served.join().unwrap()
        })
    };
    let mut alone = serve(&mut || ());
    let mut number = 0;
    // Only now: a connection on which nothing is said does not stay.
    let mut caller = Caller::connect(&gateway.address).unwrap();
    let mut meanwhile = serve(&mut || {
        number += 1;
        let key = json!({"name": format!("new-{number}"), "user": "user-0", "direct": ["*"]});
        let began = Instant::now();
        let key: Value = runtime
            .block_on(client.create("key", &key, &[], None))
            .unwrap();
        made.push(began.elapsed());
        let asked = request(
            &gateway.address,
            key["secret"].as_str().unwrap(),
            "p/m",
            false,
        );
        while caller.call(&asked) != 200 {}
        live.push(began.elapsed());
    });
    let mut others = [
        ("model", "p/model-7", "price_input"),
        ("route", "route-7", "priority"),
        ("provider", "p", "labels"),
    ]
    .map(|(kind, name, field)| {
        let times = (0..20).map(|number| {
            let value = match field {
                "price_input" => json!(format!("{number}.5")),
                "labels" => json!({"number": number.to_string()}),
                _ => json!(number),
            };
            let began = Instant::now();
            let change = json!({field: value});
            let changed = client.patch(kind, name, &change, None, &[]);
            runtime.block_on(changed).unwrap();
            began.elapsed()
        });
        (kind, times.collect::<Vec<_>>())
    });
    let figures = |times: &mut Vec<Duration>| {
        format!(
            "{}, {}, {}",
            ms(quantile(times, 500)),
            ms(quantile(times, 990)),
            ms(quantile(times, 1000))
        )
    };
    line(
        &format!("{RATE} requests/s: median, slowest hundredth, slowest"),
        figures(&mut alone),
    );
    line(
        "the same while a key is made every 50 ms",
        figures(&mut meanwhile),
    );
    line(
        "a key made and acknowledged: median, hundredth, slowest",
        figures(&mut made),
    );
    line(
        "from asking for it until a request with it is answered",
        figures(&mut live),
    );
    for (kind, times) in &mut others {
        line(
            &format!("a {kind} changed and acknowledged"),
            figures(times),
        );
    }
}
