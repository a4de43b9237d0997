//! A request's body as its readers see it. Tells the connection when it has been read to its end: one that was not
//! is still on the wire. Must not know what is read from it.

use super::gate::Conn;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming as Wire;
use std::{
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

/// A request's body.
pub struct Incoming {
    wire: Wire,
    conn: Rc<Conn>,
}

impl Incoming {
    pub fn new(wire: Wire, conn: Rc<Conn>) -> Incoming {
        Incoming { wire, conn }
    }

    /// The connection it comes on.
    pub fn conn(&self) -> &Conn {
        &self.conn
    }
}

impl HttpBody for Incoming {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.wire).poll_frame(cx);
        // Of a length that is reached not everybody asks for the end.
        if matches!(polled, Poll::Ready(None)) || self.wire.is_end_stream() {
            self.conn.read();
        }
        polled
    }
    fn is_end_stream(&self) -> bool {
        self.wire.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.wire.size_hint()
    }
}
