//! Tests of what only the log on disk does. Here is what they share.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod clock;
mod contract;
mod damage;
mod full_disk;
mod opening;
mod packing;
mod queries;
mod queue;
mod retention;
mod speed;
mod sums;

use super::*;
#[cfg(target_os = "linux")]
use crate::mount::Mount;
use crate::resources::Stamp;
use crate::store::journal::contract::{all, body, id, row, until};
use crate::store::journal::sums::Ask;
use std::time::Duration;

/// No floors: the disk the tests run on may be nearly full.
fn settings() -> Settings {
    let none = Floor::default();
    Settings {
        purge_below: none,
        content_below: none,
        rows_below: none,
        max_bytes: Some(1 << 30),
        max_age: Duration::from_secs(u32::MAX.into()),
        content_max_age: Duration::from_secs(u32::MAX.into()),
        // Nobody waits for a day.
        steady: Duration::ZERO,
        ..Settings::default()
    }
}

/// Files of rows and of content end at such a size.
fn small(segment_bytes: u64) -> Settings {
    Settings {
        segment_bytes,
        ..settings()
    }
}

fn open(dir: &Path) -> Segments {
    Segments::open(dir, settings()).unwrap()
}

/// Bytes that do not compress.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        })
        .collect()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().is_some_and(|name| name != "clock"))
        .collect();
    files.sort();
    files
}

/// Waits until all that was pushed is written.
fn flush(log: &Segments) {
    log.queue.flush();
}

/// Takes their ends from all files, as a crash does.
fn tear(dir: &Path) {
    for file in files(dir) {
        let bytes = std::fs::read(&file).unwrap();
        std::fs::write(&file, &bytes[..bytes.len() - 1]).unwrap();
    }
}

/// Bytes of all files of a directory.
fn size(dir: &Path) -> u64 {
    files(dir)
        .iter()
        .map(|file| std::fs::metadata(file).unwrap().len())
        .sum()
}

/// A disk of 4 MiB, where one can be had.
#[cfg(target_os = "linux")]
fn small_disk(dir: &Path) -> Option<Mount> {
    let mounted = Mount::tmpfs(&dir.join("disk"), 4);
    mounted.map_err(|why| crate::skip::skip(&why)).ok()
}

/// Sums by as much as there is, sessions and agents aside.
fn by_all() -> Ask {
    let mut ask = Ask::default();
    ask.take("by", "key,user,route,provider,model,status")
        .unwrap();
    ask
}
