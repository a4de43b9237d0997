//! What was acknowledged survives a power cut: ext4 on a loop device, the writer stopped in mid-write, the backing image
//! copied (what reached the block device is in it, what was only in the page cache is not), the copy mounted and checked.
//! Needs root, loop devices and mkfs.ext4; skipped elsewhere, out loud.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod durable;

use durable::{Acks, Writer, check, merge, random, write_for_ever};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Not a test of its own: the child process of the ones below.
#[test]
fn writer() {
    if let Some(dir) = std::env::var_os("GW_TEST_WRITER") {
        write_for_ever(dir.as_ref());
    }
}

fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    }
    Err(format!(
        "{program} {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr).trim()
    ))
}

/// An image mounted over a loop device; unmounted and detached however the test ends.
struct Mount {
    device: String,
    at: PathBuf,
}

impl Mount {
    fn new(image: &Path, at: &Path) -> Result<Mount, String> {
        std::fs::create_dir_all(at).map_err(|error| error.to_string())?;
        let device = run("losetup", &["--find", "--show", image.to_str().unwrap()])?;
        let mount = Mount {
            device,
            at: at.to_owned(),
        };
        run(
            "mount",
            &["-t", "ext4", &mount.device, at.to_str().unwrap()],
        )?;
        Ok(mount)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if run("umount", &[self.at.to_str().unwrap()]).is_err() {
            // Still in use by a child that is ending, or never mounted: the lazy way leaves nothing behind either.
            let _ = run("umount", &["--lazy", self.at.to_str().unwrap()]);
        }
        let _ = run("losetup", &["--detach", &self.device]);
    }
}

/// A fresh image of ext4 with the default commit interval, or why there can be none here.
fn image(dir: &Path) -> Result<PathBuf, String> {
    if run("id", &["-u"])? != "0" {
        return Err(String::from("it needs root to mount"));
    }
    let image = dir.join("disk.img");
    std::fs::File::create(&image)
        .and_then(|file| file.set_len(96 << 20))
        .map_err(|error| error.to_string())?;
    run("mkfs.ext4", &["-q", "-F", image.to_str().unwrap()])?;
    Ok(image)
}

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
    let mut disk = match image(dir.path()) {
        Ok(disk) => disk,
        Err(why) => return eprintln!("skipped: no power cut here: {why}"),
    };
    let mut seed = 0x2545_f491_4f6c_dd1d ^ u64::from(fresh);
    let (mut all, mut total, mut notices, mut early) = (Acks::default(), 0, 0, 0);
    for round in 0..count {
        if fresh && round > 0 {
            (disk, all) = (image(dir.path()).unwrap(), Acks::default());
        }
        let mounted = match Mount::new(&disk, &dir.path().join("live")) {
            Ok(mounted) => mounted,
            Err(why) if round == 0 => return eprintln!("skipped: no power cut here: {why}"),
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
        let pid = writer.child.id().to_string();
        run("kill", &["-STOP", &pid]).unwrap();
        wait_until_stopped(&pid);
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
        let after = Mount::new(&cut, &dir.path().join("after")).unwrap();
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

/// Waits until the kernel says that every thread of the process is stopped.
fn wait_until_stopped(pid: &str) {
    let stopped = |task: std::io::Result<std::fs::DirEntry>| {
        let stat = std::fs::read_to_string(task.unwrap().path().join("stat")).unwrap_or_default();
        stat.rsplit(") ")
            .next()
            .is_some_and(|rest| rest.starts_with('T'))
    };
    while !std::fs::read_dir(format!("/proc/{pid}/task"))
        .unwrap()
        .all(stopped)
    {
        std::thread::yield_now();
    }
}

#[test]
fn acknowledged_changes_survive_a_power_cut() {
    rounds(false, 10);
}

#[test]
fn a_power_cut_in_the_first_start_leaves_none_or_a_valid_store() {
    rounds(true, 10);
}
