//! The records store: what was acknowledged stays, through kill -9 and power cuts.

mod audit;
mod ballast;
mod base;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod damage;
pub(in crate::store) mod disk;
mod export;
pub mod memory;
mod patience;
mod recover;
pub mod sled;
mod state;
mod stored;
mod tree;
mod value;

pub use memory::Memory;
pub use sled::Sled;
pub use state::{At, State};
pub use stored::Stored;

use crate::error::Result;
use crate::resources::{Record, Stamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tokio::sync::watch;

/// Kind of the records that are gw's own: in the store with the others, shown to nobody.
pub const OWN_KIND: &str = "gateway";

/// One change of a transaction. `expected` is the version the record must have now (0: must not exist).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Change {
    Put {
        expected: u64,
        record: Record,
    },
    Delete {
        expected: u64,
        kind: String,
        name: String,
    },
}

impl Change {
    /// The record it is about.
    pub fn at(&self) -> At {
        match self {
            Change::Put { record, .. } => record.at(),
            Change::Delete { kind, name, .. } => (kind.clone(), name.clone()),
        }
    }
}

/// Who changed something and through which door, for the audit log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Actor {
    /// `uid 1000`, `token`, `gw` itself.
    pub who: String,
    /// Request id of the admin call.
    pub request: String,
}

/// One entry of the audit log: who changed what, and what a broken store is rebuilt from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Grows by one with every transaction.
    pub revision: u64,
    pub at: Stamp,
    pub actor: Actor,
    pub changes: Vec<Change>,
}

/// What came of a commit.
#[derive(Clone, Debug, PartialEq)]
pub enum Commit {
    /// Durable; the state it made.
    Done(Arc<State>),
    /// Nothing was changed: others have written since `base`. Plan again on what is there now.
    Moved(Arc<State>),
}

/// Records, transactionally: one state at a time, replaced as a whole. Calls that write or read the disk block:
/// never call them from an async task directly.
pub trait Records: Send + Sync {
    /// What is in force now. Does not block.
    fn state(&self) -> Arc<State>;
    /// Applies all changes or none if `base` is still the revision in force, durably before it returns.
    /// [`crate::error::Kind::Stale`] where an expected version does not hold, `StorageFull` where the disk is full.
    fn commit(&self, actor: &Actor, base: u64, changes: &[Change]) -> Result<Commit>;
    /// The transactions after a revision, oldest first; `None` where they are not kept that far back.
    fn changes_since(&self, revision: u64) -> Result<Option<Vec<Entry>>>;
    /// Says the newest revision whenever somebody has written.
    fn watch(&self) -> watch::Receiver<u64>;
    /// The newest audit log entries, newest first.
    fn history(&self, most: usize) -> Result<Vec<Entry>>;
    /// One line for `gw serve` and `gw doctor`: what it is and where.
    fn describe(&self) -> String;
    /// Reads what is on the disk and compares it with what is in force; what is damaged, and where.
    fn verify(&self) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
    /// The files that hold everything acknowledged so far: copied in this order an empty data directory starts from them.
    fn backup(&self) -> Result<Vec<std::path::PathBuf>> {
        Ok(Vec::new())
    }
    /// How the store is doing. Cheap, and never waits for the disk: readiness asks for it.
    fn health(&self) -> Health {
        Health::default()
    }
}

/// How a store of records is doing; shown by `gw status`, `gw doctor` and `/readyz`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Health {
    /// Why changes are refused now, or what upkeep fails, if so.
    pub degraded: Option<String>,
    /// What is damaged and stays so, each with its place.
    pub damaged: Vec<String>,
}
