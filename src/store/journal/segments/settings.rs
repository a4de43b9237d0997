//! What can be set on the log, and how much room the disk has for it.

use crate::store::room;
use std::path::Path;
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
    pub max_age: Duration,
    /// Oldest segments go below this.
    pub purge_below: Floor,
    /// Content is not stored below this.
    pub content_below: Floor,
    /// Nothing is stored below this.
    pub rows_below: Floor,
    /// Rows are collected so long before they are written.
    pub linger: Duration,
    /// Time between two `fdatasync`.
    pub sync_every: Duration,
    /// A query that takes longer answers with what it has and a cursor.
    pub query_time: Duration,
}

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            queue_rows: 8192,
            queue_bytes: 64 << 20,
            segment_bytes: 64 * MIB,
            max_bytes: None,
            max_age: Duration::from_secs(30 * 24 * 3600),
            purge_below: Floor::from(room::LOG_PURGE),
            content_below: Floor::from(room::LOG_CONTENT),
            rows_below: Floor::from((room::LOG_ROWS, 0, 0)),
            linger: Duration::from_millis(100),
            sync_every: Duration::from_millis(200),
            query_time: Duration::from_secs(2),
        }
    }
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

    /// Size at which a file is closed: small enough that a few of them fit into what all may take.
    pub fn roll_bytes(&self, disk: Option<Disk>) -> u64 {
        self.segment_bytes.min(self.max_bytes(disk) / 8)
    }

    /// The most all files may take.
    pub fn max_bytes(&self, disk: Option<Disk>) -> u64 {
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
        let settings = |max| Settings {
            max_bytes: max,
            ..Settings::default()
        };
        assert_eq!(settings(Some(MIB)).roll_bytes(None), MIB / 8);
        assert_eq!(settings(Some(GIB)).roll_bytes(None), 64 * MIB);
        let disk = Disk {
            total: GIB,
            free: GIB,
        };
        assert_eq!(settings(None).roll_bytes(Some(disk)), GIB / 40);
    }

    #[test]
    fn the_smaller_size_counts() {
        let settings = Settings::default();
        assert_eq!(
            settings.max_bytes(Some(Disk {
                total: 10 * GIB,
                free: GIB
            })),
            2 * GIB
        );
        assert_eq!(
            settings.max_bytes(Some(Disk {
                total: 100 * GIB,
                free: GIB
            })),
            5 * GIB
        );
    }
}
