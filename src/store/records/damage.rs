//! The corruption matrix: every file of a store damaged in every way (a bit flipped, 4 KiB zeroed, cut short, gone).
//! The rule: no panic, and either every acknowledged record is there or gw refuses to start. Never silence.

#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::sled::Options;
use super::{Actor, Change, Records, Sled, value};
use crate::error::{Kind, Result};
use crate::resources::Record;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

fn options() -> Options {
    Options {
        ballast: 0,
        ..Options::default()
    }
}

fn sorted(store: &dyn Records) -> (u64, Vec<Record>) {
    let state = store.state();
    let records = state.iter().map(|record| (*record).clone()).collect();
    (state.revision, records)
}

fn write(store: &Sled, from: u64, to: u64) {
    for number in from..to {
        let spec = serde_json::json!({"display": "x".repeat(400 + (number as usize * 37) % 900)});
        let name = format!("user-{}", number % 50);
        let expected = number / 50;
        let record = serde_json::from_value(
            serde_json::json!({"kind": "user", "name": name, "version": 0, "created": 0, "updated": 0, "spec": spec}),
        );
        store
            .commit(
                &Actor::default(),
                store.state().revision,
                &[Change::Put {
                    expected,
                    record: record.unwrap(),
                }],
            )
            .unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target)
        } else {
            fs::copy(entry.path(), target).map(|_| ()).unwrap()
        }
    }
}

/// A store as a crash leaves it: exports older than the audit log, and what it holds.
fn crashed() -> (tempfile::TempDir, (u64, Vec<Record>)) {
    let live = tempfile::tempdir().unwrap();
    let image = tempfile::tempdir().unwrap();
    let store = Sled::open_with(live.path(), options()).unwrap();
    for part in 0..3 {
        write(&store, part * 40, (part + 1) * 40);
        store.maintain().unwrap();
    }
    write(&store, 120, 150);
    let holds = sorted(&store);
    copy(live.path(), image.path());
    (image, holds)
}

fn random(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed
}

/// One damage; `part` of 4 says whereabouts in the file.
fn damage(path: &Path, how: &str, part: u64, seed: &mut u64) {
    let mut bytes = fs::read(path).unwrap();
    // Files of sled are mostly room to grow into: aim at what is written.
    let used = bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1);
    let at = if used == 0 {
        0
    } else {
        (used as u64 * part / 4 + random(seed) % (used as u64 / 4).max(1)).min(used as u64 - 1)
            as usize
    };
    match how {
        "flip" if used > 0 => bytes[at] ^= 1 << (random(seed) % 8),
        "zero" => {
            let end = (at + 4096).min(bytes.len());
            bytes[at..end].fill(0);
        }
        "cut" => bytes.truncate(at),
        "empty" => bytes.clear(),
        "gone" => return fs::remove_file(path).unwrap(),
        _ => {}
    }
    fs::write(path, bytes).unwrap();
}

fn files(root: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for dir in ["state", "audit", "exports"] {
        files.extend(
            super::disk::list(&root.join(dir), "", "")
                .unwrap()
                .into_iter()
                .filter(|path| path.is_file()),
        );
    }
    files
}

/// Opens without letting a panic through as anything but a failure.
fn open(dir: &Path) -> Result<Sled> {
    catch_unwind(AssertUnwindSafe(|| Sled::open_with(dir, options())))
        .expect("a panic came through")
}

const HOW: [&str; 5] = ["flip", "zero", "cut", "empty", "gone"];

#[test]
fn one_damaged_file_never_costs_a_record() {
    let (image, holds) = crashed();
    let (mut count, mut mended, mut seed) = (0, 0, 0x2545_f491_4f6c_dd1d);
    for path in files(image.path()) {
        let inner = path.strip_prefix(image.path()).unwrap();
        for how in HOW {
            for part in 0..if matches!(how, "empty" | "gone") {
                1
            } else {
                4
            } {
                let dir = tempfile::tempdir().unwrap();
                copy(image.path(), dir.path());
                damage(&dir.path().join(inner), how, part, &mut seed);
                let what = format!("{} {how} {part}", inner.display());
                let store = open(dir.path()).unwrap_or_else(|error| panic!("{what}: {error:?}"));
                assert!(
                    sorted(&store) == holds,
                    "{what}: records are missing; notice {:?}",
                    store.notice()
                );
                mended += usize::from(store.notice().is_some());
                // And it goes on from there, over another opening.
                write(&store, 150, 152);
                let after = sorted(&store);
                drop(store);
                assert!(
                    sorted(&open(dir.path()).unwrap()) == after,
                    "{what}: lost after mending"
                );
                count += 1;
            }
        }
    }
    eprintln!("{count} mutations, {mended} of them noticed and mended, 0 lost");
    assert!(
        count >= 60 && mended >= 20,
        "{count} mutations, {mended} mended"
    );
}

#[test]
fn two_damaged_files_are_mended_or_refused_or_said_out_loud() {
    let (image, holds) = crashed();
    let (mut refused, mut mended, mut told, mut seed) = (0, 0, 0, 0x9e37_79b9_7f4a_7c15);
    let others: Vec<PathBuf> = files(image.path())
        .into_iter()
        .filter(|path| !path.starts_with(image.path().join("state")))
        .collect();
    for path in &others {
        let inner = path.strip_prefix(image.path()).unwrap();
        for how in HOW {
            let dir = tempfile::tempdir().unwrap();
            copy(image.path(), dir.path());
            damage(
                &dir.path().join(inner),
                how,
                random(&mut seed) % 4,
                &mut seed,
            );
            let db = dir.path().join("state/db");
            fs::write(&db, vec![0x5a; 100_000]).unwrap();
            let what = format!("db and {} {how}", inner.display());
            match open(dir.path()) {
                Err(error) => {
                    assert!(
                        error
                            .hint
                            .as_deref()
                            .is_some_and(|hint| hint.contains("backup")),
                        "{what}: {error:?}"
                    );
                    assert!(
                        db.exists(),
                        "{what}: a refused start must leave everything where it is"
                    );
                    assert!(
                        open(dir.path()).is_err(),
                        "{what}: refused once, then started"
                    );
                    refused += 1;
                }
                Ok(store) if sorted(&store) == holds => {
                    assert!(store.notice().unwrap().contains("rebuilt"), "{what}");
                    mended += 1;
                }
                Ok(store) => {
                    let (revision, records) = sorted(&store);
                    assert!(
                        store.notice().unwrap().contains("rebuilt") && !records.is_empty(),
                        "{what}: silent at revision {revision}"
                    );
                    told += 1;
                }
            }
        }
    }
    eprintln!("{mended} mended, {refused} refused, {told} started with older records and said so");
    assert!(mended > 0 && refused > 0);
}

#[test]
fn where_data_was_no_empty_start() {
    let (image, _) = crashed();
    for left in ["exports", "audit", "state.corrupt-1"] {
        let dir = tempfile::tempdir().unwrap();
        copy(image.path(), dir.path());
        fs::rename(dir.path().join("state"), dir.path().join("state.corrupt-1")).unwrap();
        for gone in ["exports", "audit", "state.corrupt-1"]
            .iter()
            .filter(|name| **name != left)
        {
            fs::remove_dir_all(dir.path().join(gone)).unwrap();
        }
        match open(dir.path()) {
            Ok(store) => assert!(
                store.state().len() == 50 && store.notice().is_some(),
                "{left}"
            ),
            Err(error) => assert!(
                error.kind == Kind::Unavailable && error.hint.is_some(),
                "{left}: {error:?}"
            ),
        }
    }
}

#[test]
fn only_an_unfinished_first_start_is_begun_again() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("state")).unwrap();
    fs::write(dir.path().join("state/db"), vec![0x5a; 10_000]).unwrap();
    let refused = open(dir.path()).map(|_| ()).unwrap_err();
    assert_eq!(refused.kind, Kind::Unavailable, "{refused:?}");
    fs::write(dir.path().join("state.new"), b"").unwrap();
    let store = open(dir.path()).unwrap();
    assert!(!dir.path().join("state.new").exists());
    write(&store, 0, 3);
    let holds = sorted(&store);
    drop(store);
    // Found later it means nothing: there is a history now.
    fs::write(dir.path().join("state.new"), b"").unwrap();
    assert_eq!(sorted(&open(dir.path()).unwrap()), holds);
}

#[test]
fn a_rotated_audit_log_still_leads_to_the_newest_change() {
    let (live, image) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = Sled::open_with(
        live.path(),
        Options {
            audit: 16 << 10,
            ..options()
        },
    )
    .unwrap();
    write(&store, 0, 150);
    let logs = super::disk::list(&live.path().join("audit"), "admin-", ".log").unwrap();
    assert!(logs.len() > 2, "{logs:?}");
    let revisions: Vec<u64> = store
        .history(40)
        .unwrap()
        .iter()
        .map(|entry| entry.revision)
        .collect();
    assert_eq!(revisions, (111..=150).rev().collect::<Vec<_>>());
    copy(live.path(), image.path());
    fs::remove_dir_all(image.path().join("state")).unwrap();
    // The newest export is not needed either: the one before it and the audit log lead on.
    let newest = super::export::list(&image.path().join("exports"))
        .unwrap()
        .pop()
        .unwrap();
    fs::write(newest, b"damaged").unwrap();
    let mended = open(image.path()).unwrap();
    assert!(sorted(&mended) == sorted(&store));
    assert!(mended.notice().unwrap().contains("rebuilt at revision 150"));
}

#[test]
fn the_audit_log_of_an_earlier_release_is_renamed_and_read() {
    let (image, holds) = crashed();
    let (old, new) = (image.path().join("journal"), image.path().join("audit"));
    fs::rename(&new, &old).unwrap();
    let store = open(image.path()).unwrap();
    assert_eq!(sorted(&store), holds);
    assert_eq!(store.history(1).unwrap()[0].revision, holds.0);
    assert_eq!(store.notice(), None);
    assert!(!old.exists() && new.is_dir());
    write(&store, 150, 151);
    drop(store);
    // An earlier gw ran here once more: which of the two is the newer nobody can tell from here.
    fs::create_dir(&old).unwrap();
    let refused = open(image.path()).map(|_| ()).unwrap_err();
    assert_eq!(refused.kind, Kind::Conflict, "{refused:?}");
    assert!(refused.hint.unwrap().contains("mv "));
    assert!(old.is_dir() && new.is_dir());
    fs::remove_dir(&old).unwrap();
    assert_eq!(open(image.path()).unwrap().state().revision, holds.0 + 1);
}

#[test]
fn a_start_does_not_wait_for_the_export_of_what_a_killed_gateway_changed() {
    let (image, (revision, _)) = crashed();
    let exports = image.path().join("exports");
    assert!(!super::export::list(&exports).unwrap().is_empty());
    let wanted = exports.join(format!("export-{revision:020}.json"));
    let store = open(image.path()).unwrap();
    assert!(!wanted.exists());
    crate::wait::until("the export is there", || wanted.exists().then_some(()));
    assert_eq!(super::export::look(&wanted).unwrap(), revision);
    drop(store);
    // Where only an export leads on, there is one before anything else.
    for log in super::disk::list(&image.path().join("audit"), "admin-", ".log").unwrap() {
        fs::remove_file(log).unwrap();
    }
    fs::remove_file(&wanted).unwrap();
    let store = open(image.path()).unwrap();
    assert!(store.notice().is_some() && wanted.exists());
}

#[test]
fn the_timer_exports_what_changed() {
    let dir = tempfile::tempdir().unwrap();
    let store = Sled::open_with(
        dir.path(),
        Options {
            export_every: std::time::Duration::from_secs(1),
            ..options()
        },
    )
    .unwrap();
    write(&store, 0, 5);
    let wanted = dir.path().join("exports/export-00000000000000000005.json");
    crate::wait::until("the export is there", || wanted.exists().then_some(()));
    assert_eq!(super::export::look(&wanted).unwrap(), 5);
}

#[test]
fn what_a_newer_gw_wrote_is_refused_and_left_alone() {
    let newer = value::SCHEMA + 1;
    let (image, _) = crashed();
    // The audit log as a newer gw would write it: same frame, higher schema, good checksum.
    let log = super::disk::list(&image.path().join("audit"), "admin-", ".log")
        .unwrap()
        .pop()
        .unwrap();
    let mut crc = crc32fast::Hasher::new();
    crc.update(&newer.to_be_bytes());
    crc.update(&151u64.to_be_bytes());
    crc.update(b"{}");
    let line = format!("{newer} 151 2 {:08x} {{}}\n", crc.finalize());
    let mut bytes = fs::read(&log).unwrap();
    bytes.extend(line.as_bytes());
    fs::write(&log, &bytes).unwrap();
    let before: Vec<_> = files(image.path())
        .into_iter()
        .map(|path| (fs::read(&path).unwrap(), path))
        .collect();
    let error = open(image.path()).map(|_| ()).unwrap_err();
    assert_eq!(error.kind, Kind::Conflict);
    assert!(
        error.message.contains(&format!("schema {newer}"))
            && error.message.contains(&format!("schema {}", value::SCHEMA)),
        "{error}"
    );
    let after: Vec<_> = files(image.path())
        .into_iter()
        .map(|path| (fs::read(&path).unwrap(), path))
        .collect();
    assert!(before == after, "something was written");
}

#[test]
fn newer_exports_and_values_are_refused_too() {
    let newer = value::SCHEMA + 1;
    let (image, _) = crashed();
    let export = super::export::list(&image.path().join("exports"))
        .unwrap()
        .remove(0);
    let text = fs::read_to_string(&export).unwrap();
    fs::write(
        &export,
        text.replacen("gw-export 1 ", &format!("gw-export {newer} "), 1),
    )
    .unwrap();
    assert_eq!(
        open(image.path()).map(|_| ()).unwrap_err().kind,
        Kind::Conflict
    );

    let (image, _) = crashed();
    let db = ::sled::open(image.path().join("state")).unwrap();
    let (key, json, schema) = (
        value::key("user", "newer"),
        br#"{"from":"the future"}"#,
        newer.to_be_bytes(),
    );
    db.insert(
        &key,
        [&schema, &value::sum(&key, schema, json)[..], json].concat(),
    )
    .unwrap();
    drop(db);
    let error = open(image.path()).map(|_| ()).unwrap_err();
    assert!(
        error.kind == Kind::Conflict && error.message.contains(&format!("schema {newer}")),
        "{error:?}"
    );
    assert!(image.path().join("state/db").exists());
}

#[test]
fn a_change_that_reached_only_the_audit_log_is_brought_in() {
    let (image, holds) = crashed();
    let store = open(image.path()).unwrap();
    let entry = store.history(1).unwrap().remove(0);
    drop(store);
    let mut log = super::audit::Log::open(&image.path().join("audit")).unwrap();
    let change = Change::Delete {
        expected: holds.1[0].version,
        kind: String::from("user"),
        name: holds.1[0].name.clone(),
    };
    log.append(&super::Entry {
        revision: holds.0 + 1,
        changes: vec![change],
        ..entry
    })
    .unwrap();
    let store = open(image.path()).unwrap();
    assert_eq!(sorted(&store), (holds.0 + 1, holds.1[1..].to_vec()));
    assert_eq!(store.notice(), None);
}
