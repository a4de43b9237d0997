//! The records in memory, and the one function that says what a transaction does to them. Both stores use it,
//! so versions and refusals cannot differ.

use super::value;
use super::{Change, Entry};
use crate::error::{Error, Kind, Result};
use crate::resources::Record;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where a record is found: its kind and its name.
pub type At = (String, String);

/// Every record and the revision they are at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    pub revision: u64,
    pub records: BTreeMap<At, Stored>,
}

/// A record and the bytes it is stored as.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    pub record: Record,
    pub value: Vec<u8>,
}

/// What a store says about itself, so that missing records are seen when it is opened.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    pub revision: u64,
    pub records: u64,
    /// Differs when a record is missing, added or changed, whatever the order.
    pub digest: u64,
}

/// What a checked transaction will do: what each touched record becomes, and the changes as they go into the audit log.
#[derive(Debug, Default)]
pub struct Step {
    pub writes: BTreeMap<At, Option<Stored>>,
    pub changes: Vec<Change>,
}

impl State {
    /// Checks all changes against this state and against each other; nothing is changed yet.
    pub fn check(&self, changes: &[Change]) -> Result<Step> {
        let mut step = Step::default();
        for change in changes {
            let (at, expected) = match change {
                Change::Put { expected, record } => {
                    ((record.kind.clone(), record.name.clone()), *expected)
                }
                Change::Delete {
                    expected,
                    kind,
                    name,
                } => ((kind.clone(), name.clone()), *expected),
            };
            let now = match step.writes.get(&at) {
                Some(write) => write.as_ref(),
                None => self.records.get(&at),
            };
            let version = now.map_or(0, |stored| stored.record.version);
            if version != expected || (version == 0 && matches!(change, Change::Delete { .. })) {
                return Err(stale(&at, version, expected));
            }
            let write = match change {
                Change::Put { record, .. } => {
                    // The version is the store's to give: whatever the caller wrote there cannot break the order.
                    let record = Record {
                        version: expected + 1,
                        ..record.clone()
                    };
                    let value = value::encode(&record)?;
                    step.changes.push(Change::Put {
                        expected,
                        record: record.clone(),
                    });
                    Some(Stored { record, value })
                }
                Change::Delete { .. } => {
                    step.changes.push(change.clone());
                    None
                }
            };
            step.writes.insert(at, write);
        }
        Ok(step)
    }

    /// Does what [`State::check`] allowed.
    pub fn apply(&mut self, revision: u64, writes: BTreeMap<At, Option<Stored>>) {
        self.revision = revision;
        for (at, write) in writes {
            match write {
                Some(stored) => self.records.insert(at, stored),
                None => self.records.remove(&at),
            };
        }
    }

    /// Brings in an audit log entry that follows this state directly.
    pub fn replay(&mut self, entry: &Entry) -> Result<()> {
        if entry.revision != self.revision + 1 {
            return Err(Error::internal(format!(
                "audit log entry {} does not follow revision {}",
                entry.revision, self.revision
            )));
        }
        let step = self.check(&entry.changes).map_err(|error| {
            Error::internal(format!(
                "audit log entry {} does not fit the state before it",
                entry.revision
            ))
            .cause(error)
        })?;
        self.apply(entry.revision, step.writes);
        Ok(())
    }

    pub fn summary(&self) -> Summary {
        let digest = self.records.values().fold(0u64, |digest, stored| {
            digest.wrapping_add(value::sum_of(&stored.value))
        });
        Summary {
            revision: self.revision,
            records: self.records.len() as u64,
            digest,
        }
    }

    /// The summary once these writes are done.
    pub fn summary_after(&self, revision: u64, writes: &BTreeMap<At, Option<Stored>>) -> Summary {
        let mut after = Summary {
            revision,
            ..self.summary()
        };
        for (at, write) in writes {
            if let Some(old) = self.records.get(at) {
                (after.records, after.digest) = (
                    after.records - 1,
                    after.digest.wrapping_sub(value::sum_of(&old.value)),
                );
            }
            if let Some(new) = write {
                (after.records, after.digest) = (
                    after.records + 1,
                    after.digest.wrapping_add(value::sum_of(&new.value)),
                );
            }
        }
        after
    }

    /// The state made of these records.
    pub fn from_records(revision: u64, records: Vec<Record>) -> Result<State> {
        let mut state = State {
            revision,
            ..State::default()
        };
        for record in records {
            let value = value::encode(&record)?;
            state.records.insert(
                (record.kind.clone(), record.name.clone()),
                Stored { record, value },
            );
        }
        Ok(state)
    }

    pub fn list(&self) -> Vec<Record> {
        self.records
            .values()
            .map(|stored| stored.record.clone())
            .collect()
    }
}

fn stale((kind, name): &At, version: u64, expected: u64) -> Error {
    let message = match (version, expected) {
        (0, 0) => format!("{kind} `{name}` does not exist"),
        (0, _) => {
            format!("{kind} `{name}` does not exist any more, version {expected} was expected")
        }
        (_, 0) => format!("{kind} `{name}` exists already"),
        _ => format!("{kind} `{name}` is at version {version}, version {expected} was expected"),
    };
    Error::new(Kind::Stale, message).hint(format!(
        "read it again, then repeat the change: gw {kind} get {name}"
    ))
}
