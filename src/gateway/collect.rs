//! A body read piece by piece within its limits; without a copy where it comes in one piece.

use super::{
    arriving::Arriving,
    held::{Held, NoRoom},
};
use bytes::{Bytes, BytesMut};

/// Why reading stopped. What had come by then stays in [`Collected`].
#[derive(Debug)]
pub enum Cut {
    /// More than was asked for.
    TooMuch,
    NoRoom(NoRoom),
    /// The connection broke.
    Broke,
}

/// What has come of a body.
#[derive(Default)]
pub struct Collected {
    first: Bytes,
    all: BytesMut,
}

impl Collected {
    pub fn length(&self) -> usize {
        self.first.len() + self.all.len()
    }

    /// Adds what comes next.
    pub fn push(&mut self, piece: Bytes) {
        if self.length() == 0 {
            self.first = piece;
            return;
        }
        if self.all.is_empty() {
            self.all.reserve((self.first.len() + piece.len()) * 2);
            self.all.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.all.extend_from_slice(&piece);
    }

    /// What has come so far.
    pub fn so_far(&self) -> &[u8] {
        match self.all.is_empty() {
            true => &self.first,
            false => &self.all,
        }
    }

    /// Reads one more piece, of those that need no room of their own. `false`: the end.
    pub async fn piece(&mut self, arriving: &mut Arriving) -> Result<bool, Cut> {
        let piece = arriving.piece().await.transpose().map_err(|_| Cut::Broke)?;
        let more = piece.is_some();
        piece.into_iter().for_each(|piece| self.push(piece));
        Ok(more)
    }

    /// Reads on until the end, or until there is more than `most`.
    pub async fn read(
        &mut self,
        arriving: &mut Arriving,
        most: usize,
        held: &Held,
    ) -> Result<(), Cut> {
        let mut counted = 0;
        while let Some(lies) = arriving.gather(most).await.map_err(|_| Cut::Broke)? {
            if held.take(lies - counted).is_err() {
                break;
            }
            counted = lies;
        }
        while let Some(piece) = arriving.piece().await {
            let piece = piece.map_err(|_| Cut::Broke)?;
            let room = held.take(piece.len() - std::mem::take(&mut counted));
            self.push(piece);
            room.map_err(Cut::NoRoom)?;
            if self.length() > most {
                return Err(Cut::TooMuch);
            }
        }
        Ok(())
    }

    pub fn into_bytes(self) -> Bytes {
        match self.all.is_empty() {
            true => self.first,
            false => self.all.freeze(),
        }
    }
}
