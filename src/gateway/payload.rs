//! The body of a request to an upstream: bytes in hand, or a caller's body on its way. Must not know what is in it.

use super::upload::{Broken, Upload};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use std::{
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

/// A body for an upstream.
pub enum Payload {
    /// All of it. It can be sent again.
    Whole(Full<Bytes>),
    /// As it comes. It goes out once.
    Streamed(Rc<Upload>),
}

impl Payload {
    /// The upload it is, where it is one.
    pub fn upload(&self) -> Option<&Rc<Upload>> {
        match self {
            Payload::Whole(_) => None,
            Payload::Streamed(upload) => Some(upload),
        }
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match self.get_mut() {
            Payload::Whole(body) => Pin::new(body)
                .poll_frame(cx)
                .map(|frame| frame.map(|frame| frame.map_err(|never| match never {}))),
            Payload::Streamed(upload) => upload
                .poll_piece(cx)
                .map(|piece| piece.map(|piece| piece.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Payload::Whole(body) => body.is_end_stream(),
            Payload::Streamed(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Payload::Whole(body) => body.size_hint(),
            Payload::Streamed(upload) => upload
                .length()
                .map_or_else(SizeHint::default, SizeHint::with_exact),
        }
    }
}
