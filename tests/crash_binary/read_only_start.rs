//! Starting on a disk that is mounted read-only: the error is what the disk says, and the fix is about the mount.

use super::harness::{
    mount::{Mount, run},
    skip::skip,
};
use std::process::{Command, Stdio};

#[test]
fn a_start_on_a_read_only_disk_names_the_mount_not_the_owner() {
    let place = tempfile::tempdir().unwrap();
    let disk = match Mount::tmpfs(&place.path().join("disk"), 64) {
        Ok(disk) => disk,
        Err(why) => return skip(&why),
    };
    let data = disk.at.join("data");
    std::fs::create_dir(&data).unwrap();
    run("mount", &["-o", "remount,ro", disk.at.to_str().unwrap()]).unwrap();
    let ended = Command::new(super::harness::GW)
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(&data)
        .env("HOME", place.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).replace(data.to_str().unwrap(), "DATA");
    assert_eq!(
        said,
        "error: cannot take the lock `DATA/gw.lock`: Read-only file system (os error 30)\n  \
         fix: mount it for writing (dmesg says why it is not), then try again; nothing was changed\n"
    );
}
