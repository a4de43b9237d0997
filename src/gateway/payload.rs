//! A request to an upstream, whose body is bytes in hand, or a caller's body on its way. Must not know what is in it.

use super::upload::Upload;
use crate::http1::{ask::Headers, body::Framing};
use bytes::Bytes;
use http::{Method, Uri};
use std::rc::Rc;

/// A request that is ready to go out.
pub struct Request<'a> {
    pub method: Method,
    pub target: Uri,
    pub headers: Headers<'a>,
    pub payload: Payload,
}

/// A body for an upstream.
pub enum Payload {
    /// All of it. It can be sent again.
    Whole(Bytes),
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

    /// How its end is told in a request of this method. Those that ask for something seldom have a body: where nobody says how
    /// long it is there is none.
    pub fn framing(&self, method: &Method) -> Framing {
        match self {
            Payload::Whole(bytes) => Framing::Length(bytes.len() as u64),
            Payload::Streamed(upload) => match (upload.length(), method) {
                (Some(length), _) => Framing::Length(length),
                (None, &(Method::GET | Method::HEAD)) => Framing::Length(0),
                (None, _) => Framing::Chunked,
            },
        }
    }
}
