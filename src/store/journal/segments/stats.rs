//! What the files take, and which goes next: as [`super::retention`] will have it.

use super::super::{StatsPart, stats::Next};
use super::Shared;
use super::settings::{Disk, Holds};
use crate::resources::Stamp;

/// Of files of one kind.
pub fn of(shared: &Shared, holds: Holds) -> StatsPart {
    let limits = shared.settings.limits(holds, Disk::of(&shared.dir));
    let mut segments = shared.segments();
    segments.retain(|segment| segment.holds.counts_with(holds));
    let mut part = StatsPart {
        files: segments.len() as u64,
        max_bytes: Some(limits.max_bytes),
        ..StatsPart::default()
    };
    for segment in &segments {
        part.bytes += segment.size() + segment.size_of_prices();
        part.stored += segment.stored();
        segment.summary(|summary| {
            part.rows += summary.rows;
            if summary.rows > 0 {
                let (oldest, newest) = (Stamp(summary.since), Stamp(summary.until));
                part.oldest = Some(part.oldest.map_or(oldest, |at| at.min(oldest)));
                part.newest = Some(part.newest.map_or(newest, |at| at.max(newest)));
            }
        });
    }
    // The newest is still being written.
    if let [first, _, ..] = &segments[..] {
        part.next = Some(Next {
            file: first
                .path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            rows: first.summary(|summary| summary.rows),
            bytes: first.size(),
            at: Stamp(first.summary(|summary| summary.until.saturating_add(limits.max_age))),
            after_bytes: limits.max_bytes.saturating_sub(part.bytes),
        });
    }
    part
}
