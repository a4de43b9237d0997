//! Records that live as long as the process: `--in-memory`, and tests.

use super::state::State;
use super::{Actor, Change, Entry, Records};
use crate::error::Result;
use crate::resources::{Record, Stamp};
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Entries kept for [`Records::history`].
const HISTORY: usize = 10_000;

/// Records in memory.
#[derive(Default)]
pub struct Memory {
    inner: Mutex<(State, VecDeque<Entry>)>,
}

impl Memory {
    pub fn new() -> Memory {
        Memory::default()
    }

    fn lock(&self) -> MutexGuard<'_, (State, VecDeque<Entry>)> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Records for Memory {
    fn load(&self) -> Result<(u64, Vec<Record>)> {
        let inner = self.lock();
        Ok((inner.0.revision, inner.0.list()))
    }

    fn commit(&self, actor: &Actor, changes: &[Change]) -> Result<u64> {
        let (state, history) = &mut *self.lock();
        let step = state.check(changes)?;
        if changes.is_empty() {
            return Ok(state.revision);
        }
        state.apply(state.revision + 1, step.writes);
        if history.len() == HISTORY {
            history.pop_front();
        }
        history.push_back(Entry {
            revision: state.revision,
            at: Stamp::now(),
            actor: actor.clone(),
            changes: step.changes,
        });
        Ok(state.revision)
    }

    fn history(&self, most: usize) -> Result<Vec<Entry>> {
        Ok(self.lock().1.iter().rev().take(most).cloned().collect())
    }

    fn describe(&self) -> String {
        String::from("in memory (gone when gw stops)")
    }
}
