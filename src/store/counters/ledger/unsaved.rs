//! What was counted since it was last written out, by second. Bounded: where that becomes more, it says so, and the whole
//! account is to be written.

use crate::store::counters::{Amounts, Second};

/// What is counted in one second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    pub at: Second,
    /// Below 0: taken back.
    pub requests: i64,
    pub input: u64,
    pub output: u64,
    pub pico: u64,
}

impl Change {
    pub fn is_nothing(&self) -> bool {
        (self.requests, self.input, self.output, self.pico) == (0, 0, 0, 0)
    }

    fn and(&mut self, other: &Change) {
        self.requests = self.requests.saturating_add(other.requests);
        self.input = self.input.saturating_add(other.input);
        self.output = self.output.saturating_add(other.output);
        self.pico = self.pico.saturating_add(other.pico);
    }
}

/// The most seconds that are told apart.
const MOST: usize = 16;

#[derive(Debug, Default)]
pub struct Unsaved {
    changes: Vec<Change>,
    /// More than can be told apart.
    whole: bool,
    /// What was held when it was last written out.
    held: Amounts,
}

/// What is to be written out.
#[derive(Debug)]
pub struct New {
    pub changes: Vec<Change>,
    /// Whether the changes are not all.
    pub whole: bool,
    pub held: Amounts,
    held_before: Amounts,
}

impl New {
    pub fn is_nothing(&self) -> bool {
        self.changes.is_empty() && self.held == self.held_before
    }
}

impl Unsaved {
    pub fn note(&mut self, change: &Change) {
        if self.whole {
            return;
        }
        let noted = self.changes.iter().rposition(|it| it.at == change.at);
        if let Some(noted) = noted.and_then(|at| self.changes.get_mut(at)) {
            noted.and(change);
        } else if self.changes.len() < MOST {
            if self.changes.len() == self.changes.capacity() {
                self.changes.reserve_exact(4);
            }
            self.changes.push(*change);
        } else {
            self.everything();
        }
    }

    /// Hands out what is new and begins again.
    pub fn take(&mut self, held: Amounts) -> New {
        New {
            changes: std::mem::take(&mut self.changes),
            whole: std::mem::take(&mut self.whole),
            held,
            held_before: std::mem::replace(&mut self.held, held),
        }
    }

    /// Something else has changed than what is counted.
    pub fn everything(&mut self) {
        self.whole = true;
        self.changes.clear();
    }

    #[cfg(test)]
    pub fn allocated(&self) -> usize {
        self.changes.capacity() * size_of::<Change>()
    }
}
