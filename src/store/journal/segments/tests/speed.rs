//! How fast it is.

use super::*;
use bytes::Bytes;
use std::time::Instant;

/// Prints what a push and a row cost here; run with `--nocapture`. `GW_ROWS` sets how many.
#[test]
fn speed() {
    let dir = tempfile::tempdir().unwrap();
    let count: u64 = std::env::var("GW_ROWS")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(20_000);
    let log = Segments::open(
        dir.path(),
        Settings {
            queue_rows: 1 << 20,
            queue_bytes: 1 << 30,
            ..settings()
        },
    )
    .unwrap();
    let text: String = (0..)
        .map(|number| {
            format!(
                "{{\"role\":\"user\",\"content\":\"word {}\"}},",
                number * 7919 % 1000
            )
        })
        .take(25)
        .collect();
    let content = |_| {
        let answer = vec![Bytes::from(text.clone())];
        Some(Content::new(text.clone(), answer))
    };
    let started = Instant::now();
    let mut pushing = Vec::new();
    for first in (0..count).step_by(64) {
        let ready: Vec<_> = (first..count.min(first + 64))
            .map(|number| (row(number), content(number)))
            .collect();
        let before = Instant::now();
        for (row, content) in ready {
            log.push(row, content);
        }
        pushing.push(before.elapsed().as_nanos() / 64);
    }
    pushing.sort_unstable();
    log.close();
    let closed = started.elapsed();
    let health = log.health();
    println!(
        "push {} ns (median), {} ns (p99), {:.0} rows/s written with 2 x {} bytes of content, {health:?}",
        pushing[pushing.len() / 2],
        pushing[pushing.len() * 99 / 100],
        count as f64 / closed.as_secs_f64(),
        text.len()
    );
    assert_eq!(health.written, count);
    let started = Instant::now();
    let page = log
        .query(&Filter::default(), Order::NewestFirst, 100, None)
        .unwrap();
    println!("first page of {}: {:?}", page.rows.len(), started.elapsed());
    let started = Instant::now();
    let none = all(
        &log,
        &Filter {
            text: "not there".into(),
            ..Filter::default()
        },
        100,
    );
    println!(
        "text through {count} rows: {:?} ({} found)",
        started.elapsed(),
        none.len()
    );
    let started = Instant::now();
    drop(log);
    let log = open(dir.path());
    println!("reopened in {:?}", started.elapsed());
    assert_eq!(
        log.query(&Filter::default(), Order::NewestFirst, 1, None)
            .unwrap()
            .rows
            .len(),
        1
    );
}
