//! Reserving and settling at limits, and keeping what many keys have used on disk.

use super::agent;
use divan::{Bencher, black_box, counter::BytesCount};
use gw::catalog;
use gw::formats::count::estimate::estimate;
use gw::resources::{Stamp, limit::Limit};
use gw::store::counters::{Account, Amounts, Counters, Embedded, Kind, Memory, Subject};
use std::cell::Cell;
use std::sync::Arc;

/// Requests in a second.
const REQUESTS: u32 = 2_000;
/// Keys that are all used every second.
const KEYS: usize = 10_000;

const OF_KEY: [&str; 4] = [
    "tokens=1000000000000/hour",
    "requests=1000000000/minute",
    "parallel=1000",
    "spend=1000000/day",
];
const OF_USER: [&str; 2] = ["tokens=1000000000000/hour", "spend=1000000/month"];

const CASES: [&str; 2] = ["a key with 4 limits", "a key with 4 and its user with 2"];

#[divan::bench(args = CASES)]
fn reserve_and_settle_in_memory(bencher: Bencher<'_, '_>, case: &str) {
    reserve_and_settle(bencher, &Memory::default(), case);
}

#[divan::bench(args = CASES)]
fn reserve_and_settle_on_disk(bencher: Bencher<'_, '_>, case: &str) {
    let dir = tempfile::tempdir().unwrap();
    let store = Embedded::open(dir.path()).unwrap();
    reserve_and_settle(bencher, &store, case);
    store.close();
}

fn reserve_and_settle(bencher: Bencher<'_, '_>, store: &dyn Counters, case: &str) {
    let key = store.account(&subject(Kind::Key, "k"), &limits(&OF_KEY), 1);
    let user = store.account(&subject(Kind::User, "u"), &limits(&OF_USER), 1);
    let both = [&key, &user];
    let accounts = match case == CASES[0] {
        true => &both[..1],
        false => &both[..],
    };
    let (begin, mut done) = (store.now(), 0);
    bencher.bench_local(|| {
        done += 1;
        one(store, accounts, begin + done / REQUESTS);
    });
}

/// What is reserved for a prompt, by what is written in it.
#[divan::bench(args = [1_000, 200_000])]
fn estimate_of_a_prompt(bencher: Bencher<'_, '_>, size: usize) {
    let body = agent::request(size, 1, true);
    let weights = catalog::weights("gpt-4o");
    bencher
        .counter(BytesCount::new(body.len()))
        .bench(|| estimate(black_box(&body), weights));
}

/// Writing down what a second changed.
#[divan::bench(sample_size = 1, sample_count = 10)]
fn flush_of_10_000_keys(bencher: Bencher<'_, '_>) {
    let many = Many::new();
    let before = many.store.health().bytes.unwrap();
    many.use_all();
    many.store.flush();
    let bytes = many.store.health().bytes.unwrap() - before;
    bencher
        .counter(BytesCount::new(bytes))
        .with_inputs(|| many.use_all())
        .bench_local_values(|()| many.store.flush());
    many.store.close();
}

/// Writing the file anew.
#[divan::bench(sample_size = 1, sample_count = 10)]
fn compaction_of_10_000_keys(bencher: Bencher<'_, '_>) {
    let many = Many::new();
    bencher
        .with_inputs(|| {
            many.use_all();
            many.store.flush();
        })
        .bench_local_values(|()| many.store.compact().unwrap());
    many.store.close();
}

/// Reading it at a start.
#[divan::bench(sample_size = 1, sample_count = 10)]
fn opening_of_10_000_keys(bencher: Bencher<'_, '_>) {
    let Many { store, dir, .. } = Many::new();
    store.close();
    drop(store);
    bencher.bench_local(|| Embedded::open(dir.path()).unwrap());
}

struct Many {
    store: Embedded,
    accounts: Vec<Arc<Account>>,
    second: Cell<u32>,
    dir: tempfile::TempDir,
}

impl Many {
    /// All used once, and written down.
    fn new() -> Many {
        let dir = tempfile::tempdir().unwrap();
        let store = Embedded::open(dir.path()).unwrap();
        let limits = limits(&OF_KEY);
        let account = |at| store.account(&subject(Kind::Key, &format!("key-{at}")), &limits, 1);
        let many = Many {
            accounts: (0..KEYS).map(account).collect(),
            second: Cell::new(store.now()),
            store,
            dir,
        };
        many.use_all();
        many.store.flush();
        many
    }

    /// A second passes in which each is used.
    fn use_all(&self) {
        self.second.set(self.second.get() + 1);
        for account in &self.accounts {
            one(&self.store, &[account], self.second.get());
        }
    }
}

fn limits(texts: &[&str]) -> Vec<Limit> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
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
    let reserved = store.reserve(accounts, black_box(asked), now).now();
    store.settle(accounts, &reserved.unwrap().unwrap(), used, now + 2);
}
