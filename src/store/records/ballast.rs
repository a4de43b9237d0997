//! Ballast: a file of real bytes that is thrown overboard when the disk is full, so that the store can be
//! opened again; and the look at how much room there is.

use super::disk;
use crate::error::{Error, Kind, Result};
use crate::store::room;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The ballast of a data directory.
#[derive(Debug)]
pub struct Ballast {
    path: PathBuf,
    size: u64,
}

impl Ballast {
    /// Size 0: none is kept.
    pub fn new(dir: &Path, size: u64) -> Ballast {
        Ballast {
            path: dir.join("ballast"),
            size,
        }
    }

    /// Makes sure it is there; an error where there is no room for it.
    pub fn keep(&self) -> Result<()> {
        if self.size == 0 || fs::metadata(&self.path).is_ok_and(|found| found.len() == self.size) {
            return Ok(());
        }
        let room = room(&self.path);
        // As much again: otherwise it would fill the disk itself.
        if room.is_some_and(|room| room < self.size * 2) {
            return Err(full(&self.path, room));
        }
        if let Err(cause) = self.write() {
            self.drop_it();
            return Err(disk::error("write", &self.path, cause));
        }
        Ok(())
    }

    /// Throws it overboard.
    pub fn drop_it(&self) {
        let _ = fs::remove_file(&self.path);
    }

    fn write(&self) -> std::io::Result<()> {
        // Random bytes: zeros would take no room on file systems that compress.
        let mut block = vec![0; 1 << 16];
        getrandom::fill(&mut block).map_err(std::io::Error::other)?;
        let mut file = disk::private()
            .create(true)
            .write(true)
            .truncate(true)
            .open(&self.path)?;
        let mut left = self.size;
        while left > 0 {
            let part = left.min(block.len() as u64);
            file.write_all(&block[..part as usize])?;
            left -= part;
        }
        file.sync_all()
    }
}

/// Bytes that can still be written where `path` is.
pub fn room(path: &Path) -> Option<u64> {
    room::free(path.parent().unwrap_or(path))
}

/// The refusal of a write for want of room.
pub fn full(path: &Path, room: Option<u64>) -> Error {
    let at = path.parent().unwrap_or(path).display();
    let left = room.map_or(String::new(), |room| format!(" ({} KiB left)", room / 1024));
    Error::new(
        Kind::StorageFull,
        format!("the disk of `{at}` is full{left}; nothing was changed"),
    )
    .hint("make room on that disk (df -h shows it), then try again; requests are served meanwhile")
}
