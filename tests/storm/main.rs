//! Storms through the binary: misbehaving upstreams in both formats, callers of both who hang up, edits and revocations, all at
//! once. At the end the books must balance: each request ended with one right answer or one well-formed error, has one row,
//! and was tried as often as its row says; and the memory is given back. In one storm every upstream may do anything at any
//! time; in the other they fail, stall and recover for a while, one of four is always well, routes are edited ten times a
//! second, and no caller is refused.
//!
//! The suite runs a few thousand requests. The full forms:
//!
//! ```text
//! STORM_REQUESTS=100000 cargo test --profile fast --test storm any_time -- --nocapture
//! STORM_SECONDS=60 cargo test --profile fast --test storm weather -- --nocapture
//! ```
//!
//! `STORM_SEED` makes other weather, `STORM_RATE` more or fewer requests a second than 200. Where upstreams may do anything at any
//! time, what one does to a request depends on both alone, so that a finding can be looked at again.
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
mod weather;

use caller::{Caller, End, Sent};
use harness::wait::Raise;
use place::Place;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use weather::{Running, Weather};

/// Callers at a time, who send as soon as they have an answer.
const CALLERS: usize = 32;
/// Callers who send by the clock: as many as can be held up by stalls at a time.
const PUNCTUAL: usize = 400;
/// One storm at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// A setting of the run.
fn number(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .map_or(default, |value| value.parse().unwrap())
}

#[test]
fn every_request_ends_right_and_the_books_balance_whatever_is_done_at_any_time() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (requests, seed) = (number("STORM_REQUESTS", 3_000), number("STORM_SEED", 1));
    let place = Place::new(seed, place::many_shapes(), place::hasty(), |at| {
        upstream::at_any_time(seed, at)
    });
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

#[test]
fn no_caller_is_refused_in_any_weather_while_one_of_four_targets_is_well() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (seconds, rate, seed) = (
        number("STORM_SECONDS", 8),
        number("STORM_RATE", 200),
        number("STORM_SEED", 1),
    );
    let weather = Weather::default();
    let place = Place::new(seed, weather::shapes(), weather::providers(), |at| {
        weather.rule(seed, at)
    });
    let (running, over) = (Running::default(), AtomicBool::new(false));
    let (mut sent, late, edits, (moods, shelters), memory) = std::thread::scope(|scope| {
        let raise = Raise(&over);
        let edits = scope.spawn(|| edits::in_time(&place, &over));
        let moods = scope.spawn(|| weather.change(&place, &running, &over));
        let memory = scope.spawn(|| memory(&place, &over));
        let (sent, late) = by_the_clock(&place, &running, rate, seconds);
        drop(raise);
        (
            sent,
            late,
            edits.join().unwrap(),
            moods.join().unwrap(),
            memory.join().unwrap(),
        )
    });
    println!(
        "{} requests in {seconds} s, the latest sent {late:.1?} late; {edits} edits; moods {moods:?}; another one surely well {shelters} times; seed {seed}",
        sent.len()
    );
    sent.sort_by_key(|sent| sent.number);
    let mut found = books::balance(&place, &sent);
    // Who is let in is answered: for each there is a target that is well all the time.
    let refused = |sent: &&Sent| sent.lasting && matches!(sent.end, End::Refused(_));
    for sent in sent.iter().filter(refused) {
        let row = sent
            .id
            .as_deref()
            .map(|id| place.gateway.ok(&["logs", "get", id]));
        found.push(format!(
            "{}: refused while a target was well:\n{}",
            upstream::mark(sent.number),
            row.unwrap_or_default()
        ));
    }
    let (early, end) = grown(&memory);
    println!(
        "memory {} MiB in the second quarter, {} MiB in the last",
        early >> 20,
        end >> 20
    );
    assert!(
        found.is_empty(),
        "{} findings:\n{}",
        found.len(),
        some_of_each(&found)
    );
    // A run of seconds still makes its buffers; one of a minute has them.
    let most = if seconds < 30 { 1.5 } else { 1.15 };
    assert!(
        end as f64 <= early as f64 * most,
        "memory grew from {early} to {end} bytes: {memory:?}"
    );
    place.stop();
}

/// Sends `rate` requests a second for so long, each when it is due whatever became of those before; and how late the latest was.
fn by_the_clock(
    place: &Place,
    running: &Running,
    rate: u64,
    seconds: u64,
) -> (Vec<Sent>, Duration) {
    let (next, sent, late) = (
        AtomicU64::new(0),
        Mutex::new(Vec::new()),
        Mutex::new(Duration::ZERO),
    );
    let begin = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..PUNCTUAL {
            scope.spawn(|| {
                let mut caller = Caller::new(place);
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= rate * seconds {
                        break;
                    }
                    let due = begin + Duration::from_micros(number * 1_000_000 / rate);
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    let behind = due.elapsed();
                    running.begins(number);
                    let end = caller.call(number);
                    running.ended(number);
                    sent.lock().unwrap().push(end);
                    let mut late = late.lock().unwrap();
                    *late = behind.max(*late);
                }
            });
        }
    });
    (sent.into_inner().unwrap(), late.into_inner().unwrap())
}

/// Resident memory, again and again until it is over.
fn memory(place: &Place, over: &AtomicBool) -> Vec<u64> {
    let mut samples = Vec::new();
    while !over.load(Ordering::Relaxed) {
        samples.push(place.memory());
        std::thread::sleep(Duration::from_millis(100));
    }
    samples
}

/// The median of the second quarter and of the last.
fn grown(samples: &[u64]) -> (u64, u64) {
    let median = |from: usize| {
        let mut some = samples[from * samples.len() / 4..(from + 1) * samples.len() / 4].to_vec();
        some.sort_unstable();
        some[some.len() / 2]
    };
    (median(1), median(3))
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
