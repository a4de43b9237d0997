//! A request on its way out: what is short in one piece, what is long without a copy, what is still coming as it comes. An
//! upstream may answer before it has read the whole request, and close (413, 401): what is left of the request then cannot
//! be written any more, and the answer is still there to be read.

use super::{
    broke::Broke,
    payload::{Payload, Request},
    socket::Socket,
    upload::Upload,
};
use crate::http1::{
    ask,
    body::{self, CHUNK_END, Framing, LAST_CHUNK},
};
use bytes::{Buf, Bytes};
use std::{
    io::ErrorKind,
    rc::Rc,
    task::{Context, Poll, ready},
};

/// A body up to this length goes out in one piece with its head: a system call with one short buffer costs less than one
/// with a list of them, copying included.
const SHORT: usize = 4 << 10;
/// Room that is kept for the next head.
const KEPT: usize = 16 << 10;

/// What of a request is still to be written.
#[derive(Default)]
pub struct Outgoing {
    /// Goes first.
    front: Vec<u8>,
    /// Of it, what has gone.
    written: usize,
    piece: Bytes,
    more: Option<More>,
    /// All is written, and TLS may still have some of it.
    unflushed: bool,
    /// The peer has stopped reading: what is written is lost.
    deaf: bool,
}

/// What is still coming of a body.
struct More {
    upload: Rc<Upload>,
    rest: Rest,
}

enum Rest {
    /// So many bytes.
    Length(u64),
    /// In chunks, of which one is open.
    Chunks { open: bool },
}

impl Outgoing {
    /// Begins with a request.
    pub fn begin(&mut self, request: Request<'_>) {
        let framing = request.payload.framing(&request.method);
        self.front.clear();
        self.front.shrink_to(KEPT);
        self.written = 0;
        ask::write(
            &request.method,
            &request.target,
            &request.headers,
            framing,
            &mut self.front,
        );
        self.unflushed = true;
        match (request.payload, framing) {
            (_, Framing::Length(0)) => {}
            (Payload::Whole(bytes), _) if bytes.len() <= SHORT => {
                self.front.extend_from_slice(&bytes);
            }
            (Payload::Whole(bytes), _) => self.piece = bytes,
            (Payload::Streamed(upload), framing) => {
                let rest = match framing {
                    Framing::Length(length) => Rest::Length(length),
                    Framing::Chunked | Framing::Close => Rest::Chunks { open: false },
                };
                self.more = Some(More { upload, rest });
            }
        }
    }

    /// Whether all of it is out.
    pub fn is_sent(&self) -> bool {
        !self.unflushed
    }

    /// Whether nothing more can be sent.
    pub fn is_deaf(&self) -> bool {
        self.deaf
    }

    /// Goes on until all of it is out, or nobody reads it any more.
    pub fn poll(&mut self, socket: &mut Socket, cx: &mut Context<'_>) -> Poll<Result<(), Broke>> {
        while self.unflushed {
            while self.written < self.front.len() || !self.piece.is_empty() {
                let front = &self.front[self.written..];
                match ready!(socket.poll_write(cx, front, &self.piece)) {
                    Ok(0) => return Poll::Ready(Err(Broke::Io(ErrorKind::WriteZero.into()))),
                    Ok(count) => self.wrote(count),
                    Err(error) => self.failed(error)?,
                }
            }
            if !self.deaf
                && let Err(error) = ready!(socket.poll_flush(cx))
            {
                self.failed(error)?;
            }
            match &self.more {
                Some(more) => {
                    let piece = ready!(more.upload.poll_piece(cx));
                    self.next(piece.transpose().map_err(|_| Broke::Unsent)?)?;
                }
                None => self.unflushed = false,
            }
        }
        Poll::Ready(Ok(()))
    }

    fn wrote(&mut self, count: usize) {
        let of_front = count.min(self.front.len() - self.written);
        self.written += of_front;
        self.piece.advance(count - of_front);
    }

    fn failed(&mut self, error: std::io::Error) -> Result<(), Broke> {
        match error.kind() {
            ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => {
                self.deaf = true;
                self.drop_all();
                Ok(())
            }
            _ => Err(Broke::Io(error)),
        }
    }

    /// Makes the next piece of a body ready to go, or its end.
    fn next(&mut self, piece: Option<Bytes>) -> Result<(), Broke> {
        let Some(More { rest, .. }) = &mut self.more else {
            return Ok(());
        };
        self.front.clear();
        self.written = 0;
        let over = match (rest, &piece) {
            // More than was promised would be taken for another request, and nobody asks for more once it is all there.
            (Rest::Length(left), piece) => {
                let length = piece.as_ref().map_or(0, Bytes::len);
                *left = left.checked_sub(length as u64).ok_or(Broke::Unsent)?;
                if piece.is_none() && *left > 0 {
                    return Err(Broke::Unsent);
                }
                *left == 0
            }
            (Rest::Chunks { .. }, Some(piece)) if piece.is_empty() => false,
            (Rest::Chunks { open }, piece) => {
                if std::mem::replace(open, true) {
                    self.front.extend_from_slice(CHUNK_END);
                }
                match piece {
                    Some(piece) => body::chunk(piece.len(), &mut self.front),
                    None => self.front.extend_from_slice(LAST_CHUNK),
                }
                piece.is_none()
            }
        };
        self.piece = piece.unwrap_or_default();
        if over {
            self.more = None;
        }
        if self.deaf {
            self.drop_all();
        }
        Ok(())
    }

    fn drop_all(&mut self) {
        self.front.clear();
        self.written = 0;
        self.piece = Bytes::new();
    }
}
