//! What a route remembers from request to request: whose turn it is. Serving moves it on; explaining works on a copy.

use std::collections::BTreeMap;
use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering::Relaxed},
};

/// The memory of one list of targets, shared by all threads and kept from snapshot to snapshot.
#[derive(Clone, Debug, Default)]
pub struct Turns {
    /// Requests so far.
    count: Arc<AtomicU64>,
    /// What each target has to its credit, by its place in the list. Held for as long as it takes to go through the list once.
    credit: Arc<Mutex<Vec<i64>>>,
}

impl Turns {
    /// The memory of a list of this length that follows an earlier one: what is not the same begins anew.
    pub(super) fn after(
        before: Option<&Turns>,
        same_seed: bool,
        same_targets: bool,
        length: usize,
    ) -> Turns {
        let fresh = Turns {
            count: Arc::default(),
            credit: Arc::new(Mutex::new(vec![0; length])),
        };
        match before {
            None => fresh,
            Some(before) => Turns {
                count: if same_seed {
                    before.count.clone()
                } else {
                    fresh.count
                },
                credit: if same_targets {
                    before.credit.clone()
                } else {
                    fresh.credit
                },
            },
        }
    }

    /// Requests so far.
    pub fn count(&self) -> u64 {
        self.count.load(Relaxed)
    }

    fn copy(&self) -> Copied {
        let credit = self.credit.lock().unwrap_or_else(PoisonError::into_inner);
        Copied {
            count: self.count(),
            credit: credit.clone(),
        }
    }
}

/// A memory that nobody else sees.
#[derive(Clone, Debug, Default)]
struct Copied {
    count: u64,
    credit: Vec<i64>,
}

/// The memories of one route as they were when it was first asked about, by rule; moved on by nobody else.
#[derive(Debug, Default)]
pub struct Rehearsal(BTreeMap<Option<usize>, Copied>);

/// Whose turns a request takes.
#[derive(Debug)]
pub enum Turn<'a> {
    /// The route's next, which is then used up.
    Next,
    /// The next of a copy.
    Rehearsed(&'a mut Rehearsal),
}

/// The turns of one list of targets for one request.
pub(super) enum Memory<'a> {
    Shared(&'a Turns),
    Own(&'a mut Vec<i64>),
}

impl Memory<'_> {
    /// Does something with the credits.
    pub fn credit<T>(&mut self, with: impl FnOnce(&mut [i64]) -> T) -> T {
        match self {
            Memory::Shared(turns) => {
                let mut credit = turns.credit.lock().unwrap_or_else(PoisonError::into_inner);
                with(&mut credit)
            }
            Memory::Own(credit) => with(credit),
        }
    }
}

impl Turn<'_> {
    /// Takes a turn: its number, and the memory to go on with. `counts`: whether the number is of use to anybody.
    pub(super) fn take<'b>(
        &'b mut self,
        turns: &'b Turns,
        rule: Option<usize>,
        counts: bool,
    ) -> (u64, Memory<'b>) {
        match self {
            Turn::Next => {
                let number = if counts {
                    turns.count.fetch_add(1, Relaxed)
                } else {
                    0
                };
                (number, Memory::Shared(turns))
            }
            Turn::Rehearsed(Rehearsal(copies)) => {
                let copied = copies.entry(rule).or_insert_with(|| turns.copy());
                let number = copied.count;
                copied.count += 1;
                (number, Memory::Own(&mut copied.credit))
            }
        }
    }
}
