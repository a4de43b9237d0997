//! Room on the disk of a data directory: how much each thing needs, in one place, and the look at what is there.
//! docs/operating.md says the same numbers; a test compares.

use super::records::disk;
use crate::error::Result;
use std::io::Write;
use std::path::Path;

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// Kept aside for the day the disk is full; thrown away to open the store then.
pub const BALLAST: u64 = 8 * MIB;
/// Free for the ballast to be made: as much again stays free, or it would fill the disk itself.
pub const BALLAST_FREE: u64 = 2 * BALLAST;
/// Free for a change to be tried.
pub const CHANGE: u64 = MIB;
/// Below this, or this share of the disk with this bound, the oldest content of request logs goes.
pub const LOG_PURGE: (u64, u64, u64) = (2 * GIB, 10, 10 * GIB);
/// Below this request logs keep no content, and the oldest rows go.
pub const LOG_CONTENT: (u64, u64, u64) = (512 * MIB, 5, 5 * GIB);
/// Below this request logs are not written.
pub const LOG_ROWS: u64 = 256 * MIB;

/// Bytes that can still be written in a directory; `None` where the system does not say.
pub fn free(dir: &Path) -> Option<u64> {
    #[cfg(unix)]
    {
        let stat = rustix::fs::statvfs(dir)
            .ok()
            .filter(|stat| stat.f_blocks > 0)?;
        Some(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
    #[cfg(not(unix))]
    {
        let _ = dir;
        None
    }
}

/// Whether a file can be written in a directory: writes one and takes it away again.
pub fn probe(dir: &Path) -> Result<()> {
    let path = dir.join(format!(".gw-probe-{}", std::process::id()));
    let written = disk::private()
        .create_new(true)
        .write(true)
        .open(&path)
        .and_then(|mut file| {
            file.write_all(&[0; 4096])?;
            file.sync_all()
        });
    let _ = std::fs::remove_file(&path);
    written.map_err(|cause| disk::error("write", &path, cause))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn the_documents_say_the_same_limits() {
        let docs = include_str!("../../docs/operating.md");
        let size = |bytes: u64| match bytes >= GIB {
            true => format!("{} GiB", bytes / GIB),
            false => format!("{} MiB", bytes / MIB),
        };
        let share = |(bytes, percent, cap): (u64, u64, u64)| {
            format!(
                "{}, or {percent} % of the disk ({} at most)",
                size(bytes),
                size(cap)
            )
        };
        for row in [
            format!("| a change | {} |", size(CHANGE)),
            format!(
                "| making the ballast of {} | {} |",
                size(BALLAST),
                size(BALLAST_FREE)
            ),
            format!(
                "| keeping content of old request logs | {} |",
                share(LOG_PURGE)
            ),
            format!("| content of request logs | {} |", share(LOG_CONTENT)),
            format!("| rows of request logs | {} |", size(LOG_ROWS)),
        ] {
            assert!(docs.contains(&row), "{row}");
        }
    }

    #[test]
    fn a_probe_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        probe(dir.path()).unwrap();
        assert_eq!(dir.path().read_dir().unwrap().count(), 0);
        assert!(probe(&dir.path().join("none")).is_err());
    }
}
