//! Whole replies, both directions.

use super::{observe, stream, writer};
use crate::chat::Event;
use crate::chat::Reply;
use crate::error::{Error, Kind, Result};
use crate::formats::document::Document;
use crate::formats::fields::Fields;
use crate::formats::lenient::as_text;
use crate::formats::{Mark, ReplyContext, Seen, fault};

/// Reads an upstream's whole reply: a stream whose items come in one piece.
pub fn read(body: &[u8], seen: &mut Seen) -> Result<Reply> {
    let body = as_text(body);
    if observe::whole(body.as_bytes(), seen) == Mark::Error {
        return Err(fault::in_place(seen));
    }
    let document = Document::read(&body);
    let mut fields = Fields::document(&document).map_err(fault::no_object)?;
    if fields.peek("output").is_none() {
        return Err(Error::new(
            Kind::Upstream,
            "the provider's answer has no output",
        ));
    }
    let (mut reader, mut events) = (stream::Reader::default(), Vec::new());
    reader.response(&mut fields, &mut events);
    events.extend(seen.usage.map(Event::Usage));
    reader.finish(&mut events);
    Reply::fold(events).map_err(|fault| Error::new(Kind::Upstream, fault.message))
}

/// Writes a whole reply for the caller: what a stream of it ends with.
pub fn write(reply: &Reply, context: &ReplyContext) -> Vec<u8> {
    writer::whole(reply, context).into_bytes()
}
