//! Retention: whole files are unlinked, oldest first, by size, by age and when the disk runs low; those of rows and those
//! of content each by limits of their own.

use super::settings::{Disk, Holds, Limits};
use super::{Shared, lock, prices};
use std::sync::atomic::{AtomicU64, Ordering};

/// What has gone.
#[derive(Default)]
pub struct Gone {
    pub rows: AtomicU64,
    /// Bodies of requests with their answers.
    pub content: AtomicU64,
    pub bytes: AtomicU64,
}

impl Gone {
    fn add(&self, (rows, content, bytes): (u64, u64, u64)) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
        self.content.fetch_add(content, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// What is from before this time is to go: by a clock that one jump does not move.
pub fn oldest(shared: &Shared, limits: &Limits) -> i64 {
    lock(&shared.clock).careful().saturating_sub(limits.max_age)
}

/// Unlinks what has to go of this kind so that `coming` more bytes fit. The file being written stays.
pub fn enforce(shared: &Shared, holds: Holds, open: Option<u64>, coming: u64) {
    let disk = Disk::of(&shared.dir);
    let limits = shared.settings.limits(holds, disk);
    let oldest = oldest(shared, &limits);
    let mut free = disk.map_or(u64::MAX, |disk| disk.free);
    let mut segments = shared.segments();
    segments.retain(|segment| segment.holds.counts_with(holds));
    let mut total: u64 = segments
        .iter()
        .map(|segment| segment.size() + segment.size_of_prices())
        .sum();
    let mut purged = (0_u64, 0_u64, 0_u64);
    for segment in segments
        .iter()
        .filter(|segment| Some(segment.number) != open)
    {
        let over = total.saturating_add(coming) > limits.max_bytes;
        let old = segment.summary(|summary| summary.until < oldest);
        if !over && !old && free >= limits.purge_below {
            continue;
        }
        match std::fs::remove_file(&segment.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(%error, path = %segment.path.display(), "old request log could not be removed");
                continue;
            }
            _ => {}
        }
        let _ = std::fs::remove_file(prices::path(&segment.path));
        let bytes = segment.size() + segment.size_of_prices();
        let count = segment.summary(|summary| summary.rows);
        total = total.saturating_sub(bytes);
        free = free.saturating_add(bytes);
        shared.forget(segment.number);
        let (rows, content) = match segment.holds {
            Holds::Rows | Holds::Both => (count, 0),
            Holds::Content => (0, count),
        };
        if over || old {
            tracing::debug!(path = %segment.path.display(), rows, content, bytes, "old request log removed");
            shared.removed.add((rows, content, bytes));
        } else {
            purged = (purged.0 + rows, purged.1 + content, purged.2 + bytes);
        }
    }
    if purged != (0, 0, 0) {
        shared.purged.add(purged);
        let (rows, content, bytes) = purged;
        tracing::warn!(
            rows,
            content,
            bytes,
            free,
            needed = limits.purge_below,
            "disk runs low: the oldest request logs were removed before their time"
        );
    }
}
