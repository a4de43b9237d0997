//! Records that live as long as the process: `--in-memory`, and tests.

use super::state::State;
use super::{Actor, Change, Commit, Entry, Records};
use crate::error::Result;
use crate::resources::Stamp;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Entries kept for [`Records::history`] and [`Records::changes_since`].
const HISTORY: usize = 10_000;

/// Records in memory.
#[derive(Default)]
pub struct Memory {
    inner: Mutex<(Arc<State>, VecDeque<Entry>)>,
    newest: watch::Sender<u64>,
}

impl Memory {
    pub fn new() -> Memory {
        Memory::default()
    }

    fn lock(&self) -> MutexGuard<'_, (Arc<State>, VecDeque<Entry>)> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Records for Memory {
    fn state(&self) -> Arc<State> {
        self.lock().0.clone()
    }

    fn commit(&self, actor: &Actor, base: u64, changes: &[Change]) -> Result<Commit> {
        let (state, history) = &mut *self.lock();
        if state.revision != base {
            return Ok(Commit::Moved(state.clone()));
        }
        let step = state.check(changes)?;
        if changes.is_empty() {
            return Ok(Commit::Done(state.clone()));
        }
        let revision = base + 1;
        *state = Arc::new(state.after(revision, &step.writes));
        if history.len() == HISTORY {
            history.pop_front();
        }
        history.push_back(Entry {
            revision,
            at: Stamp::now(),
            actor: actor.clone(),
            changes: step.changes,
        });
        self.newest.send_replace(revision);
        Ok(Commit::Done(state.clone()))
    }

    fn changes_since(&self, revision: u64) -> Result<Option<Vec<Entry>>> {
        let (state, history) = &*self.lock();
        let after = history.iter().filter(|entry| entry.revision > revision);
        let entries: Vec<Entry> = after.cloned().collect();
        Ok((entries.len() as u64 == state.revision.saturating_sub(revision)).then_some(entries))
    }

    fn watch(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    fn history(&self, most: usize) -> Result<Vec<Entry>> {
        Ok(self.lock().1.iter().rev().take(most).cloned().collect())
    }

    fn describe(&self) -> String {
        String::from("in memory (gone when gw stops)")
    }
}
