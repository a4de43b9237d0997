//! A full disk: changes are refused with `storage_full` and change nothing, reads go on, and with room again changes
//! work without a restart. On a small tmpfs; needs root, skips elsewhere.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod durable;
#[path = "harness/mount.rs"]
mod mount;
#[path = "harness/skip.rs"]
mod skip;

use durable::record;
use gw::error::Kind;
use gw::store::records::sled::Options;
use gw::store::records::{Actor, Change, Commit, Health, Records, Sled};
use mount::Mount;
use std::path::{Path, PathBuf};

fn put(store: &Sled, name: &str, expected: u64) -> gw::error::Result<u64> {
    let committed = store.commit(
        &Actor::default(),
        store.state().revision,
        &[Change::Put {
            expected,
            record: record(name, expected + 1, 3_000),
        }],
    );
    committed.map(|committed| match committed {
        Commit::Done(state) => state.revision,
        Commit::Moved(_) => panic!("nobody else writes"),
    })
}

/// Fills what is left of the disk, down to `leave` bytes.
fn fill(dir: &Path, leave: u64) -> PathBuf {
    let path = dir.join("filler");
    let mut file = std::fs::File::create(&path).unwrap();
    while std::io::Write::write_all(&mut file, &[7; 4096]).is_ok() {}
    let length = file.metadata().unwrap().len();
    file.set_len(length - leave).unwrap();
    path
}

/// Fills the disk by committing, checks the refusals, makes room, goes on, reopens.
fn full(options: Options, leave: u64) {
    let dir = tempfile::tempdir().unwrap();
    let disk = match Mount::tmpfs(&dir.path().join("small"), 48) {
        Ok(disk) => disk,
        Err(why) => return skip::skip(&why),
    };
    let data = disk.at.join("data");
    let store = Sled::open_with(&data, options.clone()).unwrap();
    put(&store, "first", 0).unwrap();
    let filler = fill(&disk.at, leave);
    let mut accepted = 1u64;
    let mut refused = 0;
    let mut first = None;
    // Refusals must come, and must not be followed by anything half done.
    for number in 0..3_000 {
        match put(&store, &format!("user-{number}"), 0) {
            Ok(revision) => {
                accepted += 1;
                assert_eq!(revision, accepted);
            }
            Err(error) => {
                assert_eq!(error.kind, Kind::StorageFull, "{error:?}");
                assert!(error.hint.is_some());
                first.get_or_insert_with(|| error.to_string());
                refused += 1;
                if refused == 20 {
                    break;
                }
            }
        }
    }
    assert_eq!(refused, 20, "the disk never filled up; {accepted} accepted");
    let before = store.state();
    assert_eq!((before.revision, before.len() as u64), (accepted, accepted));
    assert_eq!(
        store.history(1).unwrap()[0].revision,
        accepted,
        "the audit log holds a change that was refused"
    );
    assert!(store.health().degraded.is_some());
    // A start on the full disk serves what it has.
    drop(store);
    let store = Sled::open_with(&data, options.clone())
        .unwrap_or_else(|error| panic!("cannot start on a full disk: {error:?}"));
    assert_eq!(store.state(), before);
    // Room again: without a restart.
    std::fs::remove_file(filler).unwrap();
    assert_eq!(put(&store, "after", 0).unwrap(), accepted + 1);
    assert_eq!(store.health(), Health::default());
    drop(store);
    let store = Sled::open_with(&data, options).unwrap();
    assert_eq!(store.state().len() as u64, accepted + 1);
    assert_eq!(store.notice(), None);
    eprintln!(
        "{accepted} accepted before the disk was full; first refusal: {}",
        first.unwrap_or_default()
    );
}

#[test]
fn a_full_disk_refuses_changes_and_keeps_the_rest() {
    full(Options::default(), 2 << 20);
}

/// Without looking ahead: the audit log, sled and its syncs meet the full disk themselves, now this one first and now that.
#[test]
fn a_disk_that_fills_in_mid_write_is_survived() {
    for leave in [
        0,
        4 << 10,
        12 << 10,
        36 << 10,
        100 << 10,
        300 << 10,
        520 << 10,
        1 << 20,
    ] {
        full(
            Options {
                reserve: 0,
                ballast: 4 << 20,
                ..Options::default()
            },
            leave,
        );
    }
}
