//! What the head of a request says of one that is served, and how its record begins. Must not know what becomes of it.

use super::{record::Record, worker::Worker};
use crate::formats::{Called, Format, Streams};
use crate::resources::Stamp;
use std::borrow::Cow;

/// What the head of a request that is served says of it.
pub struct Asked {
    pub format: &'static Format,
    /// The path a route is bound to, where it is not gw's own.
    pub path: Option<String>,
    /// The model, where the path names it.
    pub model: Option<String>,
    pub streams: Streams,
}

impl Asked {
    /// What a path says. `bound`: the whole of it, where a route is bound to it.
    pub fn of(called: Called<'_>, bound: Option<String>) -> Asked {
        Asked {
            format: called.format,
            path: bound,
            model: called.model.map(Cow::into_owned),
            streams: called.streams,
        }
    }
}

/// The record of a request of this format. In a box: it goes through many hands.
pub fn begun(worker: &Worker, format: &'static Format) -> Box<Record> {
    let now = Stamp::now();
    let record = Record::begin(worker.shared.clone(), worker.id_at(now), now);
    let mut record = Box::new(record);
    record.row.format = format.name.into();
    record
}
