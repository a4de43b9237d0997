//! What every request writes and all workers share. On lines of its own, so that whoever writes it takes away no line that
//! others only read (settings, stores), and one request's writes find it in one place.

use super::ids::Ids;
use std::sync::atomic::{AtomicU64, AtomicUsize};

/// Counts of the whole process.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Traffic {
    /// Requests that run.
    pub in_flight: AtomicUsize,
    /// What they hold in memory, in bytes.
    pub in_flight_bytes: AtomicUsize,
    /// Requests since the start.
    pub requests: AtomicU64,
    /// Where requests get their ids from.
    pub ids: Ids,
}
