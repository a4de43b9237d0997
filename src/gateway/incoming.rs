//! A request's body as its readers see it: pulled from the caller's connection by whoever reads. Must not know what is read
//! from it.

use super::gate::Conn;
use crate::http1::body::Malformed;
use bytes::Bytes;
use std::{
    rc::Rc,
    task::{Context, Poll},
};

/// A request's body.
pub struct Incoming {
    conn: Rc<Conn>,
    /// Which of the connection's requests it is of.
    turn: u32,
}

impl Incoming {
    /// Of the request that has this turn on its connection.
    pub fn new(conn: Rc<Conn>, turn: u32) -> Incoming {
        Incoming { conn, turn }
    }

    /// The connection it comes on.
    pub fn conn(&self) -> &Conn {
        &self.conn
    }

    /// The next piece; `None`: its end. Trailers are none.
    pub fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Malformed>>> {
        self.conn.poll_piece(self.turn, cx)
    }

    /// Whether all of it has been read.
    pub fn is_end(&self) -> bool {
        !self.conn.is_unread()
    }

    /// Bytes that are still to come, where that is known.
    pub fn length(&self) -> Option<u64> {
        self.conn.left()
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.conn.leave(self.turn);
    }
}
