//! What was asked and answered, gathered for the log: what is short is copied, once and behind each other, and what is long
//! is handed over as it is. Must not know what becomes of it.

use crate::store::journal::Content;
use bytes::Bytes;

/// Bodies and pieces up to this are copied. They are slices of a connection's read buffer, and holding one until it is
/// written would hold the whole buffer and make the connection allocate another.
const COPIED: usize = 8 << 10;

/// What most requests and answers in pieces come to.
const SHORT: usize = 2 << 10;

/// What one request has and gets.
#[derive(Default)]
pub struct Said {
    /// The request, until it is put where it stays.
    request: Bytes,
    /// An answer that is one piece so far. Mostly it is all there is, and then it is copied with the request.
    first: Bytes,
    /// What is short, behind each other: the request, then pieces.
    text: Vec<u8>,
    /// What is closed of it: what comes first, of which so many bytes are the request, and the rest.
    begin: Bytes,
    asked: Option<usize>,
    rest: Vec<Bytes>,
    /// Bytes of the answer.
    answered: usize,
    truncated: bool,
}

impl Said {
    /// What is asked.
    pub fn request(&mut self, body: Bytes) {
        self.request = body;
    }

    /// Puts the request where it stays; how long it is.
    pub fn keep_request(&mut self) -> usize {
        if let Some(asked) = self.asked {
            return asked;
        }
        let request = std::mem::take(&mut self.request);
        let asked = request.len();
        match asked <= COPIED {
            true => self.text.extend_from_slice(&request),
            false => self.begin = request,
        }
        *self.asked.insert(asked)
    }

    /// A piece of the answer; nothing from the one on with which there would be more than `most` bytes.
    pub fn piece(&mut self, piece: &Bytes, most: usize) {
        if self.truncated {
            return;
        }
        let before = self.answered;
        self.answered = before.saturating_add(piece.len());
        if self.answered > most {
            self.truncated = true;
        } else if before == 0 {
            self.first = piece.clone();
        } else {
            self.put_first();
            self.put(piece);
        }
    }

    fn put_first(&mut self) {
        if !self.first.is_empty() {
            let first = std::mem::take(&mut self.first);
            self.put(&first);
        }
    }

    fn put(&mut self, piece: &Bytes) {
        self.keep_request();
        if piece.len() <= COPIED {
            self.grow(piece.len());
            self.text.extend_from_slice(piece);
            if self.text.len() >= COPIED {
                self.close();
            }
        } else {
            self.close();
            self.rest.push(piece.clone());
        }
    }

    /// Makes room for so much more, in two steps: very many streams that begin together would leave the memory of each step
    /// behind them, and by doubling there would be seven.
    fn grow(&mut self, more: usize) {
        let needed = self.text.len() + more;
        if needed > self.text.capacity() {
            let room = match needed <= SHORT {
                true => SHORT,
                false => needed.max(COPIED + SHORT / 2),
            };
            self.text.reserve_exact(room - self.text.len());
        }
    }

    fn close(&mut self) {
        // What waits to be written is not much larger than what is in it.
        if self.text.capacity() / 4 * 3 > self.text.len() {
            self.text.shrink_to_fit();
        }
        let text = Bytes::from(std::mem::take(&mut self.text));
        match text.is_empty() {
            true => {}
            false if self.begin.is_empty() && self.rest.is_empty() => self.begin = text,
            false => self.rest.push(text),
        }
    }

    /// All of it.
    pub fn content(mut self) -> Content {
        if self.asked.is_none() && self.request.len().max(self.first.len()) <= COPIED {
            self.text
                .reserve_exact(self.request.len() + self.first.len());
        }
        self.put_first();
        let asked = self.keep_request();
        self.close();
        Content::together(self.begin, asked, self.rest).cut(self.truncated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Whatever is short and long, and whenever the request is put away: what went in comes out, up to the most.
        #[test]
        fn what_was_said_is_kept(
            asked in 0_usize..3,
            sizes in proptest::collection::vec(0_usize..4, 0..6),
            early in any::<bool>(),
            most in prop_oneof![Just(usize::MAX), 0_usize..40_000],
        ) {
            let size = |size: usize| [0, 5, COPIED, COPIED + 1][size];
            let text = |at: usize, size: usize| Bytes::from(vec![b'a' + at as u8; size]);
            let mut said = Said::default();
            let request = text(0, size(asked));
            said.request(request.clone());
            if early {
                prop_assert_eq!(said.keep_request(), request.len());
            }
            let (mut wanted, mut truncated) = (Vec::new(), false);
            for (at, of) in sizes.into_iter().enumerate() {
                let piece = text(at + 1, size(of));
                said.piece(&piece, most);
                truncated |= wanted.len() + piece.len() > most;
                if !truncated {
                    wanted.extend_from_slice(&piece);
                }
            }
            let content = said.content();
            prop_assert_eq!(content.request(), &request[..]);
            prop_assert_eq!(&*content.response(), &wanted[..]);
            prop_assert_eq!((content.truncated(), content.size()), (truncated, request.len() + wanted.len()));
        }
    }
}
