//! Cutting a stream into events, and looking at each as the plain path does.

use super::translation::stream;
use bytes::Bytes;
use divan::{Bencher, black_box, counter::ItemsCount};
use gw::formats::{FormatId, Seen, format, sse};

/// Events of a stream.
const EVENTS: usize = 1_000;

/// The stream as it comes in reads of so many bytes.
fn pieces(read: usize) -> Vec<Bytes> {
    let stream = Bytes::from(stream(EVENTS));
    (0..stream.len())
        .step_by(read)
        .map(|at| stream.slice(at..stream.len().min(at + read)))
        .collect()
}

#[divan::bench(args = [100, 1_448, 65_536])]
fn cut(bencher: Bencher<'_, '_>, read: usize) {
    let pieces = pieces(read);
    bencher.counter(ItemsCount::new(EVENTS)).bench(|| {
        let mut frames = sse::Frames::default();
        for piece in &pieces {
            frames.push(piece.clone()).unwrap();
            while let Some(frame) = frames.next() {
                black_box(frame);
            }
        }
    });
}

#[divan::bench]
fn observe(bencher: Bencher<'_, '_>) {
    let pieces = pieces(65_536);
    let observe = format(FormatId::OpenaiChat).observe;
    bencher.counter(ItemsCount::new(EVENTS)).bench(|| {
        let (mut frames, mut seen) = (sse::Frames::default(), Seen::expecting(1));
        for piece in &pieces {
            frames.push(piece.clone()).unwrap();
            while let Some(frame) = frames.next() {
                if let Some((name, data)) = sse::event(&frame) {
                    black_box(observe(name, &data, &mut seen));
                }
            }
        }
        seen
    });
}
