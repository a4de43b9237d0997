//! What is to go out of a stream, in order: short pieces that lie ready are joined, so that they go in one; a single one and
//! long ones go as they came, without a copy.

use bytes::Bytes;
use std::collections::VecDeque;

/// Pieces of this length are not joined: copies would cost more than they save, and hold more while nobody reads.
const LONG: usize = 4 << 10;
/// What is joined goes no further than this.
const MOST: usize = 16 << 10;
/// Room for the first of several pieces, so that short ones do not have it grow at each.
const ROOM: usize = 1 << 10;

/// Bytes that wait to be handed on.
#[derive(Debug, Default)]
pub struct Pieces {
    /// What nothing is added to.
    whole: VecDeque<Bytes>,
    /// Behind that, the only short piece.
    one: Bytes,
    /// Or several, joined; `one` is empty then.
    joined: Vec<u8>,
    length: usize,
}

impl Pieces {
    /// Bytes in all.
    pub fn len(&self) -> usize {
        self.length + self.joined.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a piece.
    pub fn push(&mut self, piece: Bytes) {
        if piece.len() >= LONG {
            self.close();
            self.length += piece.len();
            self.whole.push_back(piece);
        } else if self.one.is_empty() && self.joined.is_empty() {
            self.length += piece.len();
            self.one = piece;
        } else {
            self.buffer().extend_from_slice(&piece);
        }
    }

    /// Where more can be written.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        if self.joined.len() >= MOST {
            self.close();
        }
        if self.joined.is_empty() {
            self.length -= self.one.len();
            self.joined.reserve((2 * self.one.len()).max(ROOM));
            self.joined
                .extend_from_slice(&std::mem::take(&mut self.one));
        }
        &mut self.joined
    }

    /// Nothing more is added to what is there.
    fn close(&mut self) {
        if let Some(piece) = self.short() {
            self.length += piece.len();
            self.whole.push_back(piece);
        }
    }

    fn short(&mut self) -> Option<Bytes> {
        let piece = match self.joined.is_empty() {
            true => std::mem::take(&mut self.one),
            false => return Some(std::mem::take(&mut self.joined).into()),
        };
        self.length -= piece.len();
        (!piece.is_empty()).then_some(piece)
    }

    /// The next piece; `None`: there is nothing.
    pub fn take(&mut self) -> Option<Bytes> {
        match self.whole.pop_front() {
            Some(piece) => {
                self.length -= piece.len();
                Some(piece)
            }
            None => self.short(),
        }
    }

    /// What it ends with: the last piece, or more.
    pub fn last(&self) -> &[u8] {
        match (self.joined.is_empty(), self.one.is_empty()) {
            (false, _) => &self.joined,
            (true, false) => &self.one,
            (true, true) => self.whole.back().map_or(b"", |piece| piece),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_piece_is_handed_on_as_it_is_and_several_are_one() {
        let mut pieces = Pieces::default();
        assert_eq!(pieces.take(), None);
        let piece = Bytes::from_static(b"data: a\n\n");
        pieces.push(Bytes::new());
        pieces.push(piece.clone());
        let taken = pieces.take();
        assert_eq!(taken.as_ref().map(|it| it.as_ptr()), Some(piece.as_ptr()));
        assert!(pieces.is_empty());
        pieces.push(piece.clone());
        pieces.buffer().extend_from_slice(b"data: b\n\n");
        pieces.push(piece);
        assert_eq!((pieces.len(), pieces.last().len()), (27, 27));
        let all = &b"data: a\n\ndata: b\n\ndata: a\n\n"[..];
        assert_eq!(pieces.take().as_deref(), Some(all));
        assert_eq!((pieces.take(), pieces.len()), (None, 0));
    }

    #[test]
    fn long_pieces_are_not_copied_and_keep_their_place() {
        let mut pieces = Pieces::default();
        let (short, long) = (Bytes::from_static(b"x"), Bytes::from(vec![b'y'; LONG]));
        for piece in [&short, &short, &long, &long, &short] {
            pieces.push(piece.clone());
        }
        assert_eq!((pieces.len(), pieces.last()), (2 * LONG + 3, &b"x"[..]));
        let taken: Vec<Bytes> = std::iter::from_fn(|| pieces.take()).collect();
        let lengths: Vec<usize> = taken.iter().map(Bytes::len).collect();
        assert_eq!(lengths, [2, LONG, LONG, 1]);
        assert!(
            [&taken[1], &taken[2]]
                .iter()
                .all(|it| it.as_ptr() == long.as_ptr())
        );
        assert!(pieces.is_empty() && pieces.last().is_empty());
    }
}
