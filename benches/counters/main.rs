//! What reserving and settling cost, and what keeping 10,000 keys on disk does: `cargo bench --bench counters`. Each time is the
//! shortest of many rounds, so that what else the machine does is left out.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

use gw::resources::{Stamp, limit::Limit};
use gw::store::counters::{Account, Amounts, Counters, Embedded, Kind, Memory, Subject};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Requests a round.
const REQUESTS: u32 = 2_000;
const ROUNDS: u32 = 200;
/// Keys that are all used every second, and for how long.
const KEYS: usize = 10_000;
const SECONDS: u32 = 10;

const OF_KEY: [&str; 4] = [
    "tokens=1000000000000/hour",
    "requests=1000000000/minute",
    "parallel=1000",
    "spend=1000000/day",
];
const OF_USER: [&str; 2] = ["tokens=1000000000000/hour", "spend=1000000/month"];

fn limits(texts: &[&str]) -> Vec<Limit> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn main() {
    println!("{:<44} {:>12}", "RESERVE AND SETTLE", "NS A REQUEST");
    let dir = tempfile::tempdir().unwrap();
    let embedded = Embedded::open(dir.path()).unwrap();
    let memory = Memory::default();
    let stores: [(&str, &dyn Counters); 2] = [("memory", &memory), ("file", &embedded)];
    for (name, store) in stores {
        let key = store.account(&subject(Kind::Key, "k"), &limits(&OF_KEY), 1);
        let user = store.account(&subject(Kind::User, "u"), &limits(&OF_USER), 1);
        let line = |what: &str, accounts: &[&Arc<Account>]| {
            println!(
                "{:<44} {:>12}",
                format!("{name}, {what}"),
                shortest(store, accounts)
            );
        };
        line("a key with 4 limits", &[&key]);
        line("a key with 4 and its user with 2", &[&key, &user]);
    }
    embedded.close();
    keeping();
}

fn subject(kind: Kind, name: &str) -> Subject {
    Subject::new(kind, name, Stamp(1))
}

fn one(store: &dyn Counters, accounts: &[&Arc<Account>], now: u32) {
    let asked = Amounts {
        requests: 1,
        input: 1_200,
        output: 4_096,
        pico: 30_000_000_000,
        parallel: 1,
    };
    let used = Amounts {
        output: 300,
        pico: 4_000_000_000,
        ..asked
    };
    let reserved = store
        .reserve(accounts, black_box(asked), now)
        .now()
        .unwrap();
    store.settle(accounts, &reserved.unwrap(), used, now + 2);
}

/// Nanoseconds a request, in the shortest round; a second passes with each.
fn shortest(store: &dyn Counters, accounts: &[&Arc<Account>]) -> u128 {
    let mut now = store.now();
    let mut round = || {
        now += 1;
        let began = Instant::now();
        for _ in 0..REQUESTS {
            one(store, accounts, now);
        }
        began.elapsed() / REQUESTS
    };
    (0..ROUNDS).map(|_| round()).min().unwrap().as_nanos()
}

/// Bytes and time a second for many keys that are all used.
fn keeping() {
    let dir = tempfile::tempdir().unwrap();
    let store = Embedded::open(dir.path()).unwrap();
    let of = |at: usize| {
        store.account(
            &subject(Kind::Key, &format!("key-{at}")),
            &limits(&OF_KEY),
            1,
        )
    };
    let accounts: Vec<_> = (0..KEYS).map(of).collect();
    let now = store.now();
    store.flush();
    let begun = store.health().bytes.unwrap();
    let mut took = Duration::MAX;
    for second in 1..=SECONDS {
        for account in &accounts {
            one(&store, &[account], now + second);
        }
        let began = Instant::now();
        store.flush();
        took = took.min(began.elapsed());
    }
    let bytes = (store.health().bytes.unwrap() - begun) / u64::from(SECONDS);
    println!("\n{KEYS} keys used every second: {bytes} bytes and {took:?} of one core a second");
    let began = Instant::now();
    let (before, after) = store.compact().unwrap().unwrap();
    println!(
        "written anew in {:?}: {before} bytes to {after}",
        began.elapsed()
    );
    store.close();
    let began = Instant::now();
    drop(Embedded::open(dir.path()).unwrap());
    println!("read at a start in {:?}", began.elapsed());
}
