//! The body of an answer as its connection pulls it: whole bytes or a relayed stream, in one enum without boxing the
//! common case.

use super::relay::{Aborted, Relay};
use bytes::Bytes;
use std::task::{Context, Poll};

/// An answer's body. Dropping it before its end is how a caller's hang-up reaches the upstream.
pub enum Body {
    Whole(Bytes),
    /// With the bytes it has in all, where they are known.
    Relay(Box<Relay>, Option<u64>),
}

impl Body {
    pub fn whole(bytes: impl Into<Bytes>) -> Body {
        Body::Whole(bytes.into())
    }

    pub fn relay(relay: Relay, length: Option<u64>) -> Body {
        Body::Relay(Box::new(relay), length)
    }

    /// The bytes it has in all, where they are known.
    pub fn length(&self) -> Option<u64> {
        match self {
            Body::Whole(bytes) => Some(bytes.len() as u64),
            Body::Relay(_, length) => *length,
        }
    }

    /// Whether nothing more had come behind the last piece: whoever asked for that is woken by what comes.
    pub fn is_quiet(&self) -> bool {
        match self {
            Body::Whole(_) => false,
            Body::Relay(relay, _) => relay.is_quiet(),
        }
    }

    /// The next piece; `None`: its end.
    pub fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Aborted>>> {
        match self {
            Body::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Body::Whole(bytes) => Poll::Ready(Some(Ok(std::mem::take(bytes)))),
            Body::Relay(relay, _) => relay.poll_next(cx),
        }
    }
}
