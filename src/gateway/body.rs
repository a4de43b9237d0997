//! The answer's body as hyper polls it: whole bytes or a relayed stream, in one enum without boxing the
//! common case.

use super::{
    gate::Conn,
    relay::{Aborted, Relay},
};
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use std::{
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

enum Kind {
    Whole(Option<Bytes>),
    /// With the bytes it has in all, where they are known.
    Relay(Box<Relay>, Option<u64>),
}

/// An answer's body. Dropping it before its end is how a caller's hang-up reaches the upstream.
pub struct Body {
    kind: Kind,
    conn: Option<Rc<Conn>>,
}

impl Body {
    pub fn whole(bytes: impl Into<Bytes>) -> Body {
        let bytes = bytes.into();
        Body {
            kind: Kind::Whole((!bytes.is_empty()).then_some(bytes)),
            conn: None,
        }
    }
    pub fn relay(relay: Relay, length: Option<u64>) -> Body {
        Body {
            kind: Kind::Relay(Box::new(relay), length),
            conn: None,
        }
    }
    /// Ties the body to its connection, which is idle once the body is gone.
    pub fn on(mut self, conn: Rc<Conn>) -> Body {
        self.conn = Some(conn);
        self
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if let Some(conn) = &self.conn {
            conn.end();
        }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Aborted;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        match &mut self.kind {
            Kind::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Kind::Relay(relay, _) => relay
                .poll_next(cx)
                .map(|next| next.map(|it| it.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.kind, Kind::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.kind {
            Kind::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Kind::Relay(_, Some(length)) => SizeHint::with_exact(*length),
            Kind::Relay(_, None) => SizeHint::default(),
        }
    }
}
