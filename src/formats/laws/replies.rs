//! Replies come back, whole and as streams, however they are cut.

use super::drawn::{reply, usage};
use super::features::shown;
use super::{context, cut, read_reply, read_stream, rows, through_stream, written};
use crate::chat::{Event, Part, Reply, Stop};
use crate::formats::sse;
use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn replies_come_back(reply in reply()) {
        for row in rows() {
            let reply = shown(reply.clone(), &row);
            prop_assert_eq!(&read_reply(row.codec, &row.codec.write_reply(&reply, &context())).unwrap(), &reply, "{}", row.format.name);
            prop_assert_eq!(&through_stream(row.codec, &reply.events()), &reply, "{}", row.format.name);
        }
    }

    /// However finely an upstream cuts its deltas.
    #[test]
    fn streams_come_back_however_they_are_cut(reply in reply()) {
        for row in rows() {
            let reply = shown(reply.clone(), &row);
            let fine: Vec<Event> = reply.events().iter().flat_map(cut).collect();
            prop_assert_eq!(&through_stream(row.codec, &fine), &reply, "{}", row.format.name);
        }
    }

    /// And however the network cuts its bytes, with either end of a line.
    #[test]
    fn streams_are_the_same_in_any_chunks(reply in reply(), sizes in vec(1_usize..40, 1..8), crlf: bool) {
        for row in rows() {
            let mut stream = written(row.codec, &reply.events());
            if crlf {
                stream = stream.replace('\n', "\r\n");
            }
            let whole = frames(std::iter::once(stream.as_bytes()));
            let mut rest = stream.as_bytes();
            let mut sizes = sizes.iter().cycle();
            let chunks = std::iter::from_fn(|| {
                let (chunk, behind) = rest.split_at((*sizes.next()?).min(rest.len()));
                rest = behind;
                (!chunk.is_empty()).then_some(chunk)
            });
            prop_assert_eq!(frames(chunks), whole, "{}", row.format.name);
        }
    }

    /// Whatever a format counts inside what, nothing is counted twice or left out.
    #[test]
    fn usage_adds_up_in_every_format(usage in usage()) {
        let reply = Reply { parts: vec![Part::text("a")], stop: Some(Stop::End), usage: Some(usage), ..Reply::default() };
        for row in rows() {
            let whole = read_reply(row.codec, &row.codec.write_reply(&reply, &context())).unwrap();
            for back in [whole, through_stream(row.codec, &reply.events())] {
                let back = back.usage.unwrap();
                let sums = |usage: &crate::chat::Usage| (usage.prompt(), usage.completion(), usage.total(), usage.cache_read);
                prop_assert_eq!(sums(&back), sums(&usage), "{}", row.format.name);
            }
        }
    }
}

/// The events in a stream that arrives so.
fn frames<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> Vec<(String, Vec<u8>)> {
    let (mut frames, mut events) = (sse::Frames::default(), Vec::new());
    let mut take = |frame: Bytes| {
        if let Some((name, data)) = sse::event(&frame) {
            events.push((name.to_owned(), data.to_vec()));
        }
    };
    for chunk in chunks {
        frames.push(Bytes::copy_from_slice(chunk)).unwrap();
        while let Some(frame) = frames.next() {
            take(frame);
        }
    }
    frames.rest().into_iter().for_each(&mut take);
    events
}

/// What went wrong is never told as a good end, and what is cut short never as whole.
#[test]
fn no_other_end_is_told_as_a_good_one() {
    for row in rows() {
        for stop in [Stop::Length, Stop::Filter, Stop::Fault] {
            let reply = Reply {
                parts: vec![Part::text("a")],
                stop: Some(stop),
                ..Reply::default()
            };
            let whole = read_reply(row.codec, &row.codec.write_reply(&reply, &context()));
            // Some tell it as an error in the answer's place.
            let Ok(whole) = whole else {
                assert_eq!(stop, Stop::Fault, "{}", row.format.name);
                assert!(
                    read_stream(row.codec, &written(row.codec, &reply.events()))
                        .is_ok_and(|(told, _)| Reply::fold(told.iter().cloned()).is_err())
                );
                continue;
            };
            for back in [whole, through_stream(row.codec, &reply.events())] {
                let told = back.stop.unwrap();
                let bad = !matches!(told, Stop::End | Stop::Tool | Stop::Sequence);
                assert!(bad, "{}: {stop:?} is told as {told:?}", row.format.name);
                if stop == Stop::Length {
                    assert_eq!(told, stop, "{}", row.format.name);
                }
            }
        }
    }
}
