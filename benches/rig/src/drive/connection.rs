//! One end of a connection: what has come on it, what a caller saw of that, and what is on its way out.

use crate::message::Inbound;
use crate::wire::{self, Format};
use memchr::memmem;
use std::net::TcpStream;
use std::time::Instant;

/// One end of a connection.
pub struct Peer {
    pub stream: TcpStream,
    /// The load tool's end, else the upstream's.
    pub caller: Option<Caller>,
    pub inbound: Inbound,
    pub outbound: Option<Outbound>,
    /// Tells this connection from an earlier one in the same place.
    pub serial: u64,
}

/// What a caller has seen of an answer.
pub struct Caller {
    pub due: Instant,
    pub first_byte: Option<Instant>,
    pub first_text: Option<Instant>,
    pub total: bool,
    /// The last bytes seen: a word may come in two parts.
    pub tail: Vec<u8>,
}

/// A message on its way.
pub struct Outbound {
    /// Nothing: a request.
    pub answer: Option<Format>,
    pub message: usize,
    pub piece: usize,
    pub at: usize,
    /// When the piece was due, where there is a pause before each. The next one is counted from there: counted from when it
    /// could be written, pieces that were late once would all stay in step with each other.
    pub due: Option<Instant>,
    /// The socket had no room.
    pub blocked: bool,
}

impl Outbound {
    pub fn new(answer: Option<Format>, message: usize) -> Outbound {
        Outbound {
            answer,
            message,
            piece: 0,
            at: 0,
            due: None,
            blocked: false,
        }
    }
}

impl Caller {
    /// Looks for what makes an answer a good one, and when it came.
    pub fn look(&mut self, bytes: &[u8], timed: bool) {
        /// Longer than any word that is looked for.
        const TAIL: usize = 48;
        let found = |word: &[u8], seam: &[u8]| {
            memmem::find(bytes, word).is_some() || memmem::find(seam, word).is_some()
        };
        let seam = match self.tail.is_empty() {
            true => Vec::new(),
            false => [&self.tail[..], &bytes[..bytes.len().min(TAIL)]].concat(),
        };
        if timed {
            if self.first_byte.is_none() {
                self.first_byte = Some(Instant::now());
            }
            if self.first_text.is_none() && found(wire::TEXT, &seam) {
                self.first_text = Some(Instant::now());
            }
        }
        // A re-serialised answer may have a space before the number.
        let after = |text: &[u8]| {
            memmem::find(text, wire::TOTAL)
                .map(|at| &text[at..])
                .is_some_and(|rest| {
                    memmem::find(&rest[..rest.len().min(32)], wire::TOKENS).is_some()
                })
        };
        self.total = self.total || after(bytes) || after(&seam);
        let keep = bytes.len().min(TAIL);
        if keep < TAIL {
            self.tail.extend_from_slice(bytes);
            let over = self.tail.len().saturating_sub(TAIL);
            self.tail.drain(..over);
        } else {
            self.tail.clear();
            self.tail.extend_from_slice(&bytes[bytes.len() - TAIL..]);
        }
    }
}
