//! A row of the request log: as it is handed over, and as the writer spells it.

use divan::{Bencher, black_box};
use gw::store::journal::segments::json;
use gw::store::journal::{Journal, Segments};
use std::cell::Cell;
use std::time::Duration;

#[path = "../logs/rig.rs"]
mod rig;

/// Rows handed over at a time; the queue holds many times as many.
const ROWS: u32 = 500;

#[divan::bench(sample_size = ROWS)]
fn push(bencher: Bencher<'_, '_>) {
    let dir = tempfile::tempdir().unwrap();
    let log = Segments::open(dir.path(), rig::settings()).unwrap();
    let (words, number) = (rig::words(), Cell::new(0));
    let next = || {
        let at = number.get();
        number.set(at + 1);
        // What a sample hands over finds the queue empty.
        while at % u64::from(ROWS) == 0 && log.health().written < at {
            std::thread::sleep(Duration::from_micros(200));
        }
        (rig::row(at, u64::MAX), rig::content(at, &words))
    };
    bencher
        .with_inputs(next)
        .bench_local_values(|(row, content)| log.push(row, Some(content)));
    let health = log.health();
    assert_eq!((health.rows_dropped, health.content_dropped), (0, 0));
    log.close();
}

#[divan::bench]
fn spell(bencher: Bencher<'_, '_>) {
    let row = rig::row(1, u64::MAX);
    let mut out = Vec::new();
    bencher.bench_local(|| {
        out.clear();
        json::put(&mut out, black_box(&row), &mut None).unwrap();
    });
}
