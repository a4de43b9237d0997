//! What a reply says of itself is told once: what is observed of forwarded bytes is what a translation of the same bytes
//! goes by, and what the words of the translation say.

#![allow(clippy::unwrap_used)]

use super::drawn::reply;
use super::{context, cut, read_stream, rows, wire, written};
use crate::chat::{Delta, Event, Opening, Reply, Usage};
use crate::formats::{Codec, Format, FormatId, Mark, Seen, format};
use proptest::prelude::*;

/// What is compared.
#[derive(Debug, PartialEq)]
struct Told {
    usage: Option<Usage>,
    finished: bool,
    fault: Option<String>,
    text_bytes: u64,
}

impl From<&Seen> for Told {
    fn from(seen: &Seen) -> Told {
        Told {
            usage: seen.usage,
            finished: seen.finished,
            fault: seen.fault.as_ref().map(|fault| fault.message.clone()),
            text_bytes: seen.text_bytes,
        }
    }
}

fn codec(row: &Format) -> &'static dyn Codec {
    row.codec.unwrap()
}

/// Bytes of text, thoughts and arguments in these events.
fn text_bytes(events: &[Event]) -> u64 {
    let length = |event: &Event| match event {
        Event::Delta {
            delta: Delta::Text(text) | Delta::Arguments(text),
            ..
        } => text.len() as u64,
        _ => 0,
    };
    events.iter().map(length).sum()
}

/// What observing a stream gathers, as the gateway does where it forwards.
fn forwarded(row: &Format, stream: &str) -> Seen {
    let mut seen = Seen::default();
    for (event, data) in wire::events(stream) {
        if let Mark::Done | Mark::Error = (row.observe)(&event, data.as_bytes(), &mut seen) {
            break;
        }
    }
    seen
}

/// Holds both readings of one stream against each other.
pub(super) fn streams_agree(id: FormatId, stream: &str) {
    let row = format(id);
    let seen = forwarded(row, stream);
    match read_stream(codec(row), stream) {
        Ok((events, read)) => {
            assert_eq!(Told::from(&seen), Told::from(&read));
            let last = events.iter().rev().find_map(|event| match event {
                Event::Usage(usage) => Some(*usage),
                _ => None,
            });
            assert_eq!(last, seen.usage);
        }
        // Cut off, and observed to be.
        Err(_) => assert!(!seen.finished),
    }
}

/// And of one whole reply.
pub(super) fn replies_agree(id: FormatId, body: &[u8]) {
    let row = format(id);
    let (mut seen, mut read) = (Seen::default(), Seen::default());
    (row.observe_reply)(body, &mut seen);
    let reply = codec(row).read_reply(body, &mut read);
    // Where usage is reported nobody counts the text.
    if seen.usage.is_some() {
        seen.text_bytes = read.text_bytes;
    }
    assert_eq!(Told::from(&seen), Told::from(&read));
    if let Ok(reply) = reply {
        assert_eq!(reply.usage, seen.usage);
        assert!(seen.finished);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn generated_streams_are_read_once(reply in reply(), fine in any::<bool>(), lost in 0_usize..12) {
        let events: Vec<Event> = match fine {
            true => reply.events().iter().flat_map(cut).collect(),
            false => reply.events(),
        };
        for id in rows().iter().map(|row| row.format.id) {
            let whole = written(codec(format(id)), &events);
            streams_agree(id, &whole);
            prop_assert_eq!(forwarded(format(id), &whole).text_bytes, text_bytes(&events));
            // However much of its end is missing.
            let frames: Vec<&str> = whole.split_inclusive("\n\n").collect();
            streams_agree(id, &frames[..frames.len().saturating_sub(lost)].concat());
        }
    }

    #[test]
    fn generated_replies_are_read_once(reply in reply(), counted in any::<bool>()) {
        let reply = Reply { usage: reply.usage.filter(|_| counted), ..reply };
        for id in rows().iter().map(|row| row.format.id) {
            replies_agree(id, &codec(format(id)).write_reply(&reply, &context()));
        }
    }
}

#[test]
fn faults_are_read_once() {
    for fault in [
        r#"{"error":{"message":"x","type":"server_error"}}"#,
        r#"{"error":"x"}"#,
        r#"{"type":"error","error":{"type":"overloaded_error","message":"x"}}"#,
        r#"{"object":"error","message":"x","code":503}"#,
        r#"{"message":"x","type":"rate_limit_error","code":"y"}"#,
        r#"{"detail":[{"msg":"x"}]}"#,
        r#"{"error":{"message":"x"},"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#,
        r#"{"error":{"message":"x"},"choices":[{"index":0,"message":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}"#,
    ] {
        for id in rows().iter().map(|row| row.format.id) {
            replies_agree(id, fault.as_bytes());
            streams_agree(id, &format!("data: {fault}\n\n"));
            streams_agree(id, &format!("event: error\ndata: {fault}\n\n"));
            let mut seen = Seen::default();
            (format(id).observe_reply)(fault.as_bytes(), &mut seen);
            assert_eq!(
                seen.fault.map(|fault| fault.message).as_deref(),
                Some("x"),
                "{fault}"
            );
        }
    }
}

/// A call is told as one in both: by its name in the events, by the reason in the reply.
#[test]
fn a_call_is_told_where_there_is_one() {
    let stream = "data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}}]}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
    let (events, seen) = read_stream(codec(format(FormatId::OpenaiChat)), stream).unwrap();
    let call = |event: &Event| {
        matches!(
            event,
            Event::Open {
                part: Opening::Call { .. },
                ..
            }
        )
    };
    assert!(events.iter().any(call) && seen.finished && seen.text_bytes == 2);
}
