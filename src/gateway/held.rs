//! What a request holds in memory, counted against the bound on bytes in flight that all requests share.

use super::Shared;
use crate::error::{Error, Kind};
use bytes::Bytes;
use std::{
    cell::Cell,
    sync::{Arc, atomic::Ordering},
};

/// Answers and events of this size are counted until they are on their way; of smaller ones few can be waiting.
pub const LARGE: usize = 64 << 10;

/// The bytes held for one request: its body, what is made of it, and what is kept of its answer. Given back at its end.
pub struct Held {
    shared: Arc<Shared>,
    bytes: Cell<usize>,
    /// Of these, what stays whichever attempt answers.
    lasting: Cell<usize>,
}

impl Held {
    pub fn new(shared: Arc<Shared>) -> Held {
        Held {
            shared,
            bytes: Cell::new(0),
            lasting: Cell::new(0),
        }
    }

    /// Takes room for this much more. Where there is none, nothing is taken.
    pub fn take(&self, bytes: usize) -> Result<(), NoRoom> {
        let all = &self.shared.traffic.in_flight_bytes;
        let before = all.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > self.shared.settings.max_in_flight_bytes {
            all.fetch_sub(bytes, Ordering::Relaxed);
            return Err(NoRoom);
        }
        self.bytes.set(self.bytes.get() + bytes);
        Ok(())
    }

    /// What has been taken.
    pub fn bytes(&self) -> usize {
        self.bytes.get()
    }

    /// Takes more or gives back, so that it is this much. Where there is no room, nothing changes.
    pub fn hold(&self, bytes: usize) -> Result<(), NoRoom> {
        match bytes.checked_sub(self.bytes.get()) {
            Some(0) => Ok(()),
            Some(more) => self.take(more),
            None => {
                self.keep_only(bytes);
                Ok(())
            }
        }
    }

    /// Holds on for as long as these bytes are: until the caller's connection has taken them.
    pub fn keep(self, bytes: Bytes) -> Bytes {
        match bytes.len() < LARGE {
            true => bytes,
            false => Bytes::from_owner(Kept { bytes, _held: self }),
        }
    }

    /// What has been taken by now is the request's and not one attempt's.
    pub fn settle(&self) {
        self.lasting.set(self.bytes.get());
    }

    /// Gives back what has been taken since: the attempt came to nothing.
    pub fn attempt_failed(&self) {
        self.keep_only(self.lasting.get());
    }

    /// Gives back all but this much.
    pub fn keep_only(&self, bytes: usize) {
        let over = self.bytes.get().saturating_sub(bytes);
        self.bytes.set(self.bytes.get() - over);
        self.shared
            .traffic
            .in_flight_bytes
            .fetch_sub(over, Ordering::Relaxed);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.shared
            .traffic
            .in_flight_bytes
            .fetch_sub(self.bytes.get(), Ordering::Relaxed);
    }
}

struct Kept {
    bytes: Bytes,
    _held: Held,
}

impl AsRef<[u8]> for Kept {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The bound on bytes in flight is reached.
#[derive(Debug)]
pub struct NoRoom;

impl From<NoRoom> for Error {
    fn from(_: NoRoom) -> Error {
        Error::new(
            Kind::Unavailable,
            "the gateway has too many bytes of requests and answers in flight",
        )
        .hint("try again shortly, or raise `limits.max_in_flight_bytes`")
    }
}
