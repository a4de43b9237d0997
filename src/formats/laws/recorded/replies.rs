//! Recorded answers: observed and read they say the same, and a stream says it however its bytes are cut.

use super::{answered, exchanges, spoken};
use crate::chat::Event;
use crate::formats::frames::{Frames, Framing};
use crate::formats::laws::readings::{replies_agree, streams_agree};
use crate::formats::{Codec, Seen};
use bytes::Bytes;

/// Gemini's answers are one array where nobody asks for events.
fn is_sse(body: &str) -> bool {
    !body.trim_start().starts_with(['[', '{'])
}

#[test]
fn recorded_answers_are_read_once() {
    let Some(exchanges) = exchanges() else { return };
    let mut count = 0;
    for exchange in &exchanges {
        let (Some((format, _)), Some(body)) = (spoken(exchange), answered(exchange)) else {
            continue;
        };
        if exchange["status"]
            .as_u64()
            .is_some_and(|status| status >= 400)
        {
            continue;
        }
        match exchange["stream"] == true {
            true if !is_sse(&body) => continue,
            true => streams_agree(format.id, &body),
            false => replies_agree(format.id, body.as_bytes()),
        }
        count += 1;
    }
    assert!(count > 500, "{count}");
}

/// What a reader makes of a stream that arrives in these chunks.
fn read<'a>(codec: &dyn Codec, chunks: impl Iterator<Item = &'a [u8]>) -> Vec<Event> {
    let mut chunks = chunks.peekable();
    let framing = match chunks.peek() {
        Some([b'[', ..]) => Framing::Array,
        _ => Framing::Events,
    };
    let (mut frames, mut reader) = (Frames::of(framing), codec.reader());
    let (mut seen, mut told) = (Seen::default(), Vec::new());
    let mut take = |frames: &Frames, frame: Bytes| {
        if let Some((name, data)) = frames.read(&frame) {
            reader.read(name, &data, &mut seen, &mut told);
        }
    };
    for chunk in chunks {
        frames.push(Bytes::copy_from_slice(chunk)).unwrap();
        while let Some(frame) = frames.next() {
            take(&frames, frame);
        }
    }
    if let Some(rest) = frames.rest() {
        take(&frames, rest);
    }
    reader.end(&mut told);
    told
}

/// Chunks of lengths that a seed draws.
fn drawn(mut body: &[u8], mut seed: u64) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        // Knuth's MMIX generator: any would do, as long as it is the same every time.
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let length = [1, 2, 3, 7, 20, 100, 700][(seed >> 33) as usize % 7];
        let (chunk, rest) = body.split_at_checked(length).unwrap_or((body, &[]));
        body = rest;
        (!chunk.is_empty()).then_some(chunk)
    })
}

#[test]
fn recorded_streams_say_the_same_however_they_are_cut() {
    let Some(exchanges) = exchanges() else { return };
    let mut count = 0;
    for exchange in exchanges
        .iter()
        .filter(|exchange| exchange["stream"] == true)
    {
        let (Some((_, codec)), Some(body)) = (spoken(exchange), answered(exchange)) else {
            continue;
        };
        if !is_sse(&body) {
            continue;
        }
        let id = &exchange["id"];
        let unix = body.replace("\r\n", "\n");
        let by_event = read(codec, unix.split_inclusive("\n\n").map(str::as_bytes));
        for text in [&unix, &unix.replace('\n', "\r\n")] {
            let bytes = text.as_bytes();
            assert_eq!(read(codec, [bytes].into_iter()), by_event, "{id} whole");
            assert_eq!(read(codec, bytes.chunks(1)), by_event, "{id} by byte");
            for seed in 0..4 {
                assert_eq!(
                    read(codec, drawn(bytes, seed)),
                    by_event,
                    "{id}, seed {seed}"
                );
            }
        }
        // Without the blank line behind the last event.
        let cut = unix.trim_end_matches('\n').as_bytes();
        assert_eq!(
            read(codec, [cut].into_iter()),
            by_event,
            "{id} without an end"
        );
        count += 1;
    }
    assert!(count > 200, "{count}");
}
