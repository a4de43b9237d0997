//! Retention: whole segments are unlinked, oldest first, by size, by age and when the disk runs low.

use super::Shared;
use super::settings::Disk;
use crate::resources::Stamp;
use std::sync::atomic::Ordering;

/// Rows from before this time are to go.
pub fn oldest(shared: &Shared) -> i64 {
    Stamp::now()
        .0
        .saturating_sub(i64::try_from(shared.settings.max_age.as_millis()).unwrap_or(i64::MAX))
}

/// Unlinks what has to go so that `coming` more bytes fit. The segment being written stays.
pub fn enforce(shared: &Shared, open: Option<u64>, coming: u64) {
    let disk = Disk::of(&shared.dir);
    let max_bytes = shared.settings.max_bytes(disk);
    let oldest = oldest(shared);
    let purge_below = disk.map_or(0, |disk| shared.settings.purge_below.of(disk.total));
    let mut free = disk.map_or(u64::MAX, |disk| disk.free);
    let segments = shared.segments();
    let mut total: u64 = segments.iter().map(|segment| segment.size()).sum();
    let (mut purged, mut purged_rows, mut purged_bytes) = (0_u64, 0, 0);
    for segment in segments
        .iter()
        .filter(|segment| Some(segment.number) != open)
    {
        let over = total.saturating_add(coming) > max_bytes;
        let old = segment.summary(|summary| summary.until < oldest);
        if !over && !old && free >= purge_below {
            continue;
        }
        match std::fs::remove_file(&segment.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tracing::warn!(%error, path = %segment.path.display(), "old request log could not be removed");
                continue;
            }
            _ => {}
        }
        let (rows, bytes) = (segment.summary(|summary| summary.rows), segment.size());
        total = total.saturating_sub(bytes);
        free = free.saturating_add(bytes);
        shared.forget(segment.number);
        if over || old {
            tracing::debug!(path = %segment.path.display(), rows, bytes, "old request log removed");
        } else {
            purged += 1;
            purged_rows += rows;
            purged_bytes += bytes;
        }
    }
    if purged > 0 {
        shared.purged_rows.fetch_add(purged_rows, Ordering::Relaxed);
        shared
            .purged_bytes
            .fetch_add(purged_bytes, Ordering::Relaxed);
        tracing::warn!(
            segments = purged,
            rows = purged_rows,
            bytes = purged_bytes,
            free,
            needed = purge_below,
            "disk runs low: the oldest request logs were removed before their time"
        );
    }
}
