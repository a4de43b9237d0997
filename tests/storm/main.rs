//! A storm: misbehaving upstreams in both formats, callers of both who hang up, edits and revocations, all at once,
//! through the binary. At the end the books must balance: each request ended with one right answer or one well-formed
//! error, has one row, and was tried as often as its row says; and the memory is given back.
//!
//! The suite runs a few thousand requests. The full form:
//!
//! ```text
//! STORM_REQUESTS=100000 cargo test --profile fast --test storm -- --nocapture
//! ```
//!
//! `STORM_SEED` makes other weather. What an upstream does to a request depends on both alone, so that a finding can be looked at
//! again.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod books;
mod caller;
mod dice;
mod edits;
#[path = "../harness/mod.rs"]
mod harness;
mod place;
mod upstream;

use caller::{Caller, Sent};
use harness::wait::Raise;
use place::Place;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

/// Callers at a time.
const CALLERS: usize = 32;

#[test]
fn every_request_of_a_storm_ends_right_and_the_books_balance() {
    let number = |name: &str, default| {
        std::env::var(name)
            .ok()
            .map_or(default, |value| value.parse().unwrap())
    };
    let (requests, seed) = (number("STORM_REQUESTS", 3_000), number("STORM_SEED", 1));
    let place = Place::new(seed);
    let next = AtomicU64::new(0);
    // What is allocated once for good is there after the first gusts.
    let warm = (requests / 10).clamp(300, 3_000);
    let mut sent = gust(&place, &next, warm, false);
    let before = place.memory();
    let began = Instant::now();
    sent.extend(gust(&place, &next, requests, true));
    let took = began.elapsed();
    println!(
        "{} requests in {took:.1?}, seed {seed}, memory before {} MiB",
        sent.len(),
        before >> 20
    );
    let found = books::balance(&place, &sent);
    let after = place.settled(before);
    println!("memory after {} MiB", after >> 20);
    assert!(
        found.is_empty(),
        "{} findings:\n{}",
        found.len(),
        some_of_each(&found)
    );
    assert!(
        after <= before + place::LEFT_OVER,
        "memory grew from {} to {} MiB",
        before >> 20,
        after >> 20
    );
    place.stop();
}

/// Sends requests up to the number `until`, with edits meanwhile or without.
fn gust(place: &Place, next: &AtomicU64, until: u64, edits: bool) -> Vec<Sent> {
    let (sent, over) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    std::thread::scope(|scope| {
        if edits {
            for edit in [edits::keys, edits::records] {
                let over = &over;
                scope.spawn(move || edit(place, over));
            }
        }
        let _raise = Raise(&over);
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                scope.spawn(|| {
                    let mut caller = Caller::new(place);
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= until {
                            break;
                        }
                        let end = caller.call(number);
                        sent.lock().unwrap().push(end);
                    }
                })
            })
            .collect();
        for caller in callers {
            caller.join().unwrap();
        }
    });
    // The last ones found nothing to do.
    next.store(until, Ordering::Relaxed);
    sent.into_inner().unwrap()
}

/// The findings that differ in their first words, a few of each.
fn some_of_each(found: &[String]) -> String {
    let mut kinds: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for finding in found {
        let what = finding
            .split_once(": ")
            .map_or(&finding[..], |(_, what)| what);
        let kind = what
            .chars()
            .filter(|c| !c.is_ascii_digit())
            .take(30)
            .collect();
        kinds.entry(kind).or_default().push(finding);
    }
    let some = |found: &Vec<&str>| {
        format!(
            "{} such as:\n{}\n",
            found.len(),
            found[..found.len().min(4)].join("\n")
        )
    };
    kinds.values().map(some).collect()
}
