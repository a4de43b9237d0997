//! Telling who is calling: a key's shape, its digest, and whose that is among many.

use super::state;
use divan::{Bencher, black_box};
use gw::store::token::{self, Hasher};
use serde_json::json;

#[divan::bench]
fn digest(bencher: Bencher<'_, '_>) {
    let hasher = Hasher::ephemeral().unwrap();
    let secret = token::mint().unwrap();
    let secret = secret.expose();
    bencher.bench(|| {
        assert!(token::well_formed(black_box(secret)));
        hasher.digest(black_box(secret))
    });
}

#[divan::bench(args = [1, 10_000])]
fn look_up(bencher: Bencher<'_, '_>, keys: usize) {
    let hasher = Hasher::ephemeral().unwrap();
    let digests: Vec<_> = (0..keys)
        .map(|at| hasher.digest(&format!("key {at}")))
        .collect();
    let record = |(at, digest): (usize, &[u8; 32])| {
        let system = json!({"digest": token::hex(digest), "prefix": "", "last4": ""});
        state::record("key", &format!("k{at}"), json!({"user": "ann"}), system)
    };
    let mut records = state::common();
    records.extend(digests.iter().enumerate().map(record));
    let snapshot = state::snapshot(records);
    // One after the other in an order that no cache foresees.
    let mut at = 0;
    bencher.bench_local(|| {
        at = (at + 7_919) % keys;
        black_box(snapshot.caller(black_box(&digests[at]), 0).unwrap());
    });
}
