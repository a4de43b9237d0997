//! `GW_REQUESTS` (a million) requests from 32 callers, with faults of the provider and callers that hang up among them: every
//! request has its row at the end, and memory stays what it was.

use super::caller::{Caller, request};
use super::place::{Gateway, Place};
use super::{line, number, rig::Random};
use gw::mock::{Mock, Settings};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const CALLERS: usize = 32;

/// What is asked for, of a thousand: the model that the simulator goes by, and whether as a stream.
const MIX: [(u64, &str, bool); 12] = [
    (600, "mock", false),
    (200, "mock-events-4", true),
    (40, "mock-500", false),
    (30, "mock-429", false),
    (20, "mock-reset-before", false),
    (20, "mock-close-before", false),
    (20, "mock-reset-in-header", false),
    (20, "mock-drop-after-3", true),
    (20, "mock-error-after-2", true),
    (10, "mock-html", false),
    (10, "mock-400", false),
    (10, "mock-slow-5", false),
];
/// Of a thousand callers so many do not wait for the end.
const HURRIED: u64 = 10;

pub fn measure() {
    let count = number("GW_REQUESTS", 1_000_000);
    let mock = Mock::start(Settings {
        remember: 0,
        ..Settings::default()
    })
    .unwrap();
    let (place, secret) = (Place::new(), gw::store::token::mint().unwrap());
    let url = format!("{}/v1", mock.url());
    let provider = |name: &str| {
        json!({"kind": "provider", "name": name, "vendor": "openai-compatible", "base_url": url,
            "credential": "managed", "credential_value": "sk-upstream-Zq8vW3nR5tY7uK2mB4xC"})
    };
    // What fails at the first goes to the second, where nothing does.
    let items = json!({"items": [
        provider("p"),
        provider("q"),
        {"kind": "user", "name": "u"},
        {"kind": "key", "name": "k", "user": "u", "secret": secret.expose(), "limits": ["requests=1000000000/day", "spend=1000000/day"]},
        {"kind": "route", "name": "k", "keys": ["k"], "targets": [{"provider": "p"}, {"provider": "q", "model": "mock"}]},
    ]});
    let seed = place.dir.path().join("seed.json");
    std::fs::write(&seed, items.to_string()).unwrap();
    let gateway = place.start(&[], &["-f", seed.to_str().unwrap()]);
    line("memory after the start", gateway.memory());
    let (next, ends) = (AtomicU64::new(0), Mutex::new(BTreeMap::new()));
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| {
                let seen = ask(&gateway, secret.expose(), &next, count);
                let mut ends = ends.lock().unwrap();
                for (end, times) in seen {
                    *ends.entry(end).or_insert(0) += times;
                }
            });
        }
        let mut told = 0;
        while next.load(Ordering::Relaxed) < count {
            std::thread::sleep(Duration::from_millis(50));
            let done = next.load(Ordering::Relaxed).min(count) * 10 / count;
            if done > told {
                told = done;
                line(
                    &format!("memory after {done}0 of a hundred"),
                    gateway.memory(),
                );
            }
        }
    });
    let took = began.elapsed();
    line(
        &format!("{count} requests, a second"),
        format!("{:.0}", count as f64 / took.as_secs_f64()),
    );
    let cpu = gateway.cpu().as_secs_f64() * 1e6 / count as f64;
    line("CPU a request", format!("{cpu:.1} us"));
    for (end, times) in ends.into_inner().unwrap() {
        line(&format!("  {end}"), times);
    }
    // The queue is written; and what is free is given back where somebody asks for memory again.
    let asked = request(&gateway.address, secret.expose(), "mock", false);
    for _ in 0..20 {
        std::thread::sleep(Duration::from_millis(500));
        Caller::connect(&gateway.address).unwrap().call(&asked);
    }
    let all = count + 20;
    let log = || -> Value {
        let (said, _) = place.gw(&["status", "-o", "json"]);
        let said: Value = serde_json::from_str(&said).unwrap();
        said["log"].clone()
    };
    // The last ones are collected for a moment before they are written.
    let begin = Instant::now();
    while log()["written"] != all && begin.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(50));
    }
    let log = log();
    line(
        "rows written, rows and contents left out",
        format!(
            "{}, {}, {}",
            log["written"], log["rows_dropped"], log["content_dropped"]
        ),
    );
    assert_eq!(log["written"], all, "rows are missing");
    line("memory at the end", gateway.memory());
    line(
        "memory, peak",
        format!("{:.1} MB", gateway.status("VmHWM:") as f64 * 1.024 / 1000.0),
    );
    gateway.stop();
}

/// Asks until all have been; how often each end was seen.
fn ask(gateway: &Gateway, secret: &str, next: &AtomicU64, count: u64) -> BTreeMap<String, u64> {
    let asked = MIX.map(|(_, model, stream)| request(&gateway.address, secret, model, stream));
    let mut caller = None;
    let mut ends = BTreeMap::new();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= count {
            return ends;
        }
        let mut random = Random::new(number);
        let mut draw = random.below(1_000);
        let chosen = MIX.iter().position(|(share, ..)| {
            let here = draw < *share;
            draw = draw.saturating_sub(*share);
            here
        });
        let asked = &asked[chosen.unwrap_or(0)];
        let mut open = caller
            .take()
            .unwrap_or_else(|| Caller::connect(&gateway.address).unwrap());
        let end = match random.below(1_000) < HURRIED {
            true => {
                open.hang_up(asked);
                "hung up".to_owned()
            }
            false => match open.try_call(asked) {
                Some((status, closes)) => {
                    caller = (!closes).then_some(open);
                    format!("answered {status}")
                }
                None => "broke off".to_owned(),
            },
        };
        *ends.entry(end).or_insert(0) += 1;
    }
}
