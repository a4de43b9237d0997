//! What an attempt that worked has to give.

use super::stream::Stream;
use crate::formats::Seen;
use bytes::Bytes;
use http::HeaderMap;

/// An answer the gateway has committed to.
// Moved twice a request; boxing the larger one would cost more than it saves.
#[allow(clippy::large_enum_variant)]
pub enum Answer {
    /// A whole reply, in the caller's format.
    Whole { headers: HeaderMap, bytes: Bytes, seen: Seen },
    /// A stream whose first content event is in hand.
    Stream { headers: HeaderMap, stream: Box<Stream> },
}
