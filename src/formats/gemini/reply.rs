//! Whole replies, both directions.

use super::{observe, proto, stream, writer};
use crate::chat::{Event, Reply};
use crate::error::{Error, Kind, Result};
use crate::formats::lenient::as_text;
use crate::formats::{Mark, ReplyContext, Seen, fault};

/// Reads an upstream's whole reply.
pub fn read(body: &[u8], seen: &mut Seen) -> Result<Reply> {
    let body = as_text(body);
    if observe::whole(body.as_bytes(), seen) == Mark::Error {
        return Err(fault::in_place(seen));
    }
    let answers = proto::answers(body.as_bytes())
        .ok_or_else(|| Error::new(Kind::Upstream, "the provider's answer is not a JSON object"))?;
    let (mut reader, mut events) = (stream::Reader::default(), Vec::new());
    reader.answers(body.as_bytes(), seen.usage, &mut events);
    // An answer that says nothing says at least why.
    let some = |answer: &String| {
        proto::body(answer.as_bytes()).is_ok_and(|fields| {
            fields.peek("candidates").is_some() || fields.peek("promptFeedback").is_some()
        })
    };
    if !answers.iter().any(some) {
        return Err(Error::new(
            Kind::Upstream,
            "the provider's answer has no candidates",
        ));
    }
    reader.finish(&mut events);
    Reply::fold(events).map_err(|fault| Error::new(Kind::Upstream, fault.message))
}

/// Writes a whole reply for the caller: a stream of one piece.
pub fn write(reply: &Reply, context: &ReplyContext) -> Vec<u8> {
    let mut writer = writer::Writer::new(context);
    let mut whole = writer::Piece::default();
    let mut events = reply.events();
    // Here an answer always ends.
    if reply.stop.is_none() {
        events.push(Event::End {
            stop: None,
            sequence: None,
            raw: None,
        });
    }
    for event in &events {
        writer.take(event, &mut whole);
    }
    writer.body(&whole)
}
