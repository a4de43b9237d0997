//! Looking at a request's body without reading it, and putting another model into it.

use super::agent;
use divan::{Bencher, black_box, counter::BytesCount};
use gw::formats::{FormatId, format, peek::peek, splice::splice};

const SIZES: [usize; 3] = [1_000, 200_000, 2_000_000];
/// How deep bodies may be nested by default.
const DEPTH: usize = 100;

#[divan::bench(name = "peek", args = SIZES)]
fn look(bencher: Bencher<'_, '_>, size: usize) {
    let body = agent::request(size, 1, true);
    let looks = format(FormatId::OpenaiChat).looks;
    bencher
        .counter(BytesCount::new(body.len()))
        .bench(|| drop(black_box(peek(black_box(&body), looks, DEPTH).unwrap())));
}

#[divan::bench(name = "splice", args = SIZES)]
fn put(bencher: Bencher<'_, '_>, size: usize) {
    let body = agent::request(size, 1, true);
    let peeked = peek(&body, format(FormatId::OpenaiChat).looks, DEPTH).unwrap();
    bencher
        .counter(BytesCount::new(body.len()))
        .bench(|| splice(black_box(&body), &peeked, Some("another-model"), true));
}
