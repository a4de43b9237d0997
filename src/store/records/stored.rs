//! A record as a state keeps it: the bytes it is stored as, taken apart for whoever looks at it. Taken apart, ten thousand of
//! them take five times the room, and of most of them nobody but the data plane ever asks anything.

use super::value;
use crate::error::Result;
use crate::resources::Record;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// A record on the disk, or one that is to go there.
#[derive(Clone, Debug, PartialEq)]
pub enum Stored {
    /// As it is stored, checksum and all; it was read once, so that it can be read.
    Packed(Arc<[u8]>),
    /// Of a draft: it may still become another one, or nothing.
    Draft(Arc<Record>),
}

impl Stored {
    /// As it will be stored; refused where it is too large for that.
    pub fn of(record: &Record) -> Result<Stored> {
        Ok(Stored::Packed(value::encode(record)?.into()))
    }

    /// What is written; of a draft nothing.
    pub fn value(&self) -> &[u8] {
        match self {
            Stored::Packed(value) => value,
            Stored::Draft(_) => &[],
        }
    }

    /// All of it, taken apart.
    pub fn record(&self) -> Arc<Record> {
        match self {
            // What is no record never became one of these.
            Stored::Packed(value) => Arc::new(value::read(value).unwrap_or_default()),
            Stored::Draft(record) => record.clone(),
        }
    }

    /// A part of it, or all of it with a spec of its kind: `Record<Key>`.
    pub fn read<T: DeserializeOwned>(&self) -> serde_json::Result<T> {
        match self {
            Stored::Packed(value) => value::read(value),
            Stored::Draft(record) => serde_json::from_value(serde_json::to_value(record)?),
        }
    }
}
