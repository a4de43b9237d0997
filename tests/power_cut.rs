//! What was acknowledged survives a power cut: ext4 on a loop device, the writer stopped in mid-write, the backing image
//! copied (what reached the block device is in it, what was only in the page cache is not), the copy mounted and checked.
//! Needs root, loop devices and mkfs.ext4; skips elsewhere.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod durable;
#[path = "harness/mount.rs"]
mod mount;
#[path = "harness/skip.rs"]
mod skip;

use durable::wait::until_stopped;
use durable::{Acks, Writer, check, merge, random, write_for_ever};
use mount::{Mount, image, run};
use skip::skip;

/// Not a test of its own: the child process of the ones below.
#[test]
fn writer() {
    if let Some(dir) = std::env::var_os("GW_TEST_WRITER") {
        write_for_ever(dir.as_ref());
    }
}

/// MiB.
const SIZE: u64 = 96;

/// Rounds of: write, cut, open what was on the disk. `fresh`: every round begins with an empty disk and is cut early.
fn rounds(fresh: bool, default: usize) {
    if std::env::var_os("GW_TEST_WRITER").is_some() {
        return;
    }
    let count = std::env::var("GW_ROUNDS")
        .ok()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(default);
    let dir = tempfile::tempdir().unwrap();
    let mut disk = match image(dir.path(), SIZE) {
        Ok(disk) => disk,
        Err(why) => return skip(&why),
    };
    let mut seed = 0x2545_f491_4f6c_dd1d ^ u64::from(fresh);
    let (mut all, mut total, mut notices, mut early) = (Acks::default(), 0, 0, 0);
    for round in 0..count {
        if fresh && round > 0 {
            (disk, all) = (image(dir.path(), SIZE).unwrap(), Acks::default());
        }
        let mounted = match Mount::image(&disk, &dir.path().join("live")) {
            Ok(mounted) => mounted,
            Err(why) if round == 0 => return skip(&why),
            Err(why) => panic!("{why}"),
        };
        let mut writer = Writer::start("writer", &mounted.at.join("data"));
        if fresh {
            // Anywhere between the first system call and the first few changes.
            std::thread::sleep(std::time::Duration::from_micros(
                random(&mut seed) % 120_000,
            ));
        } else {
            writer.wait_for(1 + (random(&mut seed) % 400) as usize);
        }
        let pid = writer.child.id();
        run("kill", &["-STOP", &pid.to_string()]).unwrap();
        until_stopped(pid);
        // The line of an acknowledgement may still be in the pipe; what counts was printed before the image is copied.
        let cut = dir.path().join(format!("cut-{round}.img"));
        run(
            "cp",
            &[
                "--sparse=always",
                disk.to_str().unwrap(),
                cut.to_str().unwrap(),
            ],
        )
        .unwrap();
        let acks = writer.kill();
        merge(&mut all, &acks);
        total += acks.count;
        drop(mounted);
        let after = Mount::image(&cut, &dir.path().join("after")).unwrap();
        let data = after.at.join("data");
        early += usize::from(data.join("state.new").exists());
        let notice = check(&data, &all);
        if let Some(notice) = notice {
            eprintln!("round {round}: {notice}");
            notices += 1;
        }
        drop(after);
        // The next round goes on from what the cut left.
        std::fs::remove_file(&disk).unwrap();
        disk = cut;
    }
    eprintln!(
        "{count} power cuts ({}), {total} acknowledged, 0 lost, {early} while the store was being made, {notices} starts had something to mend",
        if fresh {
            "first start"
        } else {
            "existing store"
        }
    );
}

#[test]
fn acknowledged_changes_survive_a_power_cut() {
    rounds(false, 10);
}

#[test]
fn a_power_cut_in_the_first_start_leaves_none_or_a_valid_store() {
    rounds(true, 10);
}
