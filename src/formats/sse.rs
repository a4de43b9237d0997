//! Server-sent events: cutting a byte stream into events without copying, and reading one event's fields.
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html>

use crate::error::Result;
use bytes::Bytes;

/// Cuts a byte stream into frames: one event each, its terminating blank line included, raw bytes kept.
#[derive(Debug, Default)]
pub struct Frames;

impl Frames {
    /// Adds what arrived. Fails where a line or an event grows beyond its limit (1 MiB, 4 MiB).
    pub fn push(&mut self, chunk: Bytes) -> Result<()> {
        let _ = chunk;
        unimplemented!()
    }
    /// The next whole frame, a slice of what was pushed where it lay in one chunk.
    pub fn next(&mut self) -> Option<Bytes> {
        unimplemented!()
    }
    /// What is left when the stream has ended without a blank line.
    pub fn rest(&mut self) -> Option<Bytes> {
        unimplemented!()
    }
}

/// One frame's fields: the event's name (empty: none) and its data, lines joined by `\n`; borrowed where
/// the data is a single line. `None`: a comment or an event without data.
pub fn event(frame: &[u8]) -> Option<(&str, std::borrow::Cow<'_, [u8]>)> {
    let _ = frame;
    unimplemented!()
}
