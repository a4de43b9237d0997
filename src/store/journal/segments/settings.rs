//! What can be set on the log, and how much room the disk has for it.

use super::super::Redaction;
use crate::store::room;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// Free space below which something stops: a fixed amount, or a share of the disk that is capped so that
/// large disks are not left unused; the larger of the two counts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Floor {
    pub bytes: u64,
    pub percent: u64,
    /// The most the share may come to.
    pub cap: u64,
}

impl From<(u64, u64, u64)> for Floor {
    fn from((bytes, percent, cap): (u64, u64, u64)) -> Floor {
        Floor {
            bytes,
            percent,
            cap,
        }
    }
}

impl Floor {
    pub fn of(self, total: u64) -> u64 {
        self.bytes
            .max((total / 100).saturating_mul(self.percent).min(self.cap))
    }
}

/// How the log behaves; the defaults suit a server.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Rows waiting for the writer.
    pub queue_rows: usize,
    /// Bytes of content waiting for the writer.
    pub queue_bytes: usize,
    /// Size of one file, at most.
    pub segment_bytes: u64,
    /// Size of all files; absent: 5 GiB or a fifth of the disk, the smaller.
    pub max_bytes: Option<u64>,
    /// Of that, what content may take; absent: half. Rows have the rest, so that neither takes the other's.
    pub content_max_bytes: Option<u64>,
    /// Age of rows.
    pub max_age: Duration,
    /// Age of content; no longer than that of rows, without which nobody finds it.
    pub content_max_age: Duration,
    /// How long the wall clock has to run steadily after a jump until what is old by it goes.
    pub steady: Duration,
    /// The oldest content goes below this.
    pub purge_below: Floor,
    /// Content is not stored below this, and the oldest rows go.
    pub content_below: Floor,
    /// Nothing is stored below this.
    pub rows_below: Floor,
    /// Rows are collected so long before they are written.
    pub linger: Duration,
    /// Time between two `fdatasync`.
    pub sync_every: Duration,
    /// A query that takes longer answers with what it has and a cursor: what is found is seen soon.
    pub query_time: Duration,
    /// What is taken out before anything is written or followed.
    pub redact: Redaction,
    /// Waited before each write: a disk that is slow, for tests and measurements.
    pub slow: Duration,
    /// So long has the gateway to be quiet until what it stored as it came is compressed, also of the file being written.
    pub rest: Duration,
    /// Whether the gateway is busy, said instead of measured: for tests and measurements.
    pub busy: Option<Arc<AtomicBool>>,
}

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            queue_rows: 32_768,
            queue_bytes: 64 << 20,
            segment_bytes: 64 * MIB,
            max_bytes: None,
            content_max_bytes: None,
            max_age: Duration::from_secs(90 * 24 * 3600),
            content_max_age: Duration::from_secs(30 * 24 * 3600),
            steady: crate::clock::STEADY,
            purge_below: Floor::from(room::LOG_PURGE),
            content_below: Floor::from(room::LOG_CONTENT),
            rows_below: Floor::from((room::LOG_ROWS, 0, 0)),
            linger: Duration::from_millis(100),
            sync_every: Duration::from_millis(200),
            query_time: Duration::from_millis(250),
            redact: Redaction::default(),
            slow: Duration::ZERO,
            rest: Duration::from_secs(5),
            busy: None,
        }
    }
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    Rows,
    Content,
    /// Rows and their content, as earlier releases wrote them. They go as content does.
    Both,
}

impl Holds {
    /// How names of such files end.
    pub fn extension(self) -> &'static str {
        match self {
            Holds::Rows | Holds::Both => "seg",
            Holds::Content => "content",
        }
    }

    /// Whether there are rows in it.
    pub fn rows(self) -> bool {
        self != Holds::Content
    }

    /// Whether the limits of files of this kind are for those of another, too.
    pub fn counts_with(self, other: Holds) -> bool {
        (self == Holds::Rows) == (other == Holds::Rows)
    }
}

/// What files of a kind may take on the disk there is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    pub max_bytes: u64,
    /// Milliseconds.
    pub max_age: i64,
    /// Size at which a file is closed: small enough that a few of them fit into what all may take.
    pub roll_bytes: u64,
    /// Free bytes below which the oldest go.
    pub purge_below: u64,
}

/// What the disk has room for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Room {
    #[default]
    All,
    RowsOnly,
    Nothing,
}

/// Size and free space of the disk under a directory; unknown where the system does not say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Disk {
    pub total: u64,
    pub free: u64,
}

impl Disk {
    #[cfg(unix)]
    pub fn of(dir: &Path) -> Option<Disk> {
        let stat = rustix::fs::statvfs(dir).ok()?;
        Some(Disk {
            total: stat.f_blocks.saturating_mul(stat.f_frsize),
            free: stat.f_bavail.saturating_mul(stat.f_frsize),
        })
    }
    #[cfg(not(unix))]
    pub fn of(_: &Path) -> Option<Disk> {
        None
    }
}

impl Settings {
    /// What there is room for.
    pub fn room(&self, disk: Option<Disk>) -> Room {
        match disk {
            Some(disk) if disk.free < self.rows_below.of(disk.total) => Room::Nothing,
            Some(disk) if disk.free < self.content_below.of(disk.total) => Room::RowsOnly,
            _ => Room::All,
        }
    }

    /// What files of a kind may take.
    pub fn limits(&self, holds: Holds, disk: Option<Disk>) -> Limits {
        let all = self.all_bytes(disk);
        let content = self.content_max_bytes.unwrap_or(all / 2);
        // Rows without any room would be no log.
        let content = content.min(all - all / 8);
        let (max_bytes, max_age, purge_below) = match holds {
            Holds::Rows => (all - content, self.max_age, self.content_below),
            Holds::Content | Holds::Both => (
                content,
                self.content_max_age.min(self.max_age),
                self.purge_below,
            ),
        };
        Limits {
            max_bytes,
            max_age: i64::try_from(max_age.as_millis()).unwrap_or(i64::MAX),
            roll_bytes: self.segment_bytes.min(max_bytes / 8),
            purge_below: disk.map_or(0, |disk| purge_below.of(disk.total)),
        }
    }

    /// The most all files may take.
    fn all_bytes(&self, disk: Option<Disk>) -> u64 {
        self.max_bytes
            .unwrap_or_else(|| disk.map_or(5 * GIB, |disk| (disk.total / 5).min(5 * GIB)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_goes_before_rows() {
        let settings = Settings::default();
        let room = |total, free| settings.room(Some(Disk { total, free }));
        assert_eq!(room(100 * GIB, 50 * GIB), Room::All);
        assert_eq!(room(100 * GIB, 5 * GIB - MIB), Room::RowsOnly);
        assert_eq!(room(2 * GIB, 511 * MIB), Room::RowsOnly);
        assert_eq!(room(2 * GIB, 255 * MIB), Room::Nothing);
        assert_eq!(room(4000 * GIB, 6 * GIB), Room::All);
        assert_eq!(settings.room(None), Room::All);
    }

    #[test]
    fn a_small_log_is_kept_in_small_files() {
        let roll = |max, disk| {
            let settings = Settings {
                max_bytes: max,
                ..Settings::default()
            };
            settings.limits(Holds::Rows, disk).roll_bytes
        };
        assert_eq!(roll(Some(MIB), None), MIB / 16);
        assert_eq!(roll(Some(4 * GIB), None), 64 * MIB);
        let disk = Disk {
            total: GIB,
            free: GIB,
        };
        assert_eq!(roll(None, Some(disk)), GIB / 80);
    }

    #[test]
    fn rows_and_content_have_limits_of_their_own() {
        let limits = |all, content, disk| {
            let settings = Settings {
                max_bytes: all,
                content_max_bytes: content,
                ..Settings::default()
            };
            [Holds::Rows, Holds::Content].map(|holds| settings.limits(holds, disk).max_bytes)
        };
        let disk = |total| Some(Disk { total, free: GIB });
        assert_eq!(limits(None, None, disk(10 * GIB)), [GIB, GIB]);
        assert_eq!(
            limits(None, None, disk(100 * GIB)),
            [5 * GIB / 2, 5 * GIB / 2]
        );
        assert_eq!(limits(Some(GIB), Some(MIB), None), [GIB - MIB, MIB]);
        assert_eq!(limits(Some(8 * GIB), Some(9 * GIB), None), [GIB, 7 * GIB]);
    }

    #[test]
    fn content_is_not_kept_longer_than_its_row() {
        let days = |days: u64| Duration::from_secs(days * 86_400);
        let age = |rows, content| {
            let settings = Settings {
                max_age: days(rows),
                content_max_age: days(content),
                ..Settings::default()
            };
            [Holds::Rows, Holds::Content]
                .map(|holds| settings.limits(holds, None).max_age / 86_400_000)
        };
        assert_eq!(age(90, 30), [90, 30]);
        assert_eq!(age(7, 30), [7, 7]);
    }
}
