//! A gateway in memory leaves nothing in the file system, however it ends.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;
use std::process::{Command, Stdio};

fn run(dir: &Path, arguments: &[&str]) -> i32 {
    let run = dir.join("run");
    std::fs::create_dir_all(&run).unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_gw"))
        .args(["serve", "--in-memory"])
        .args(arguments)
        .env("XDG_RUNTIME_DIR", &run)
        .env("TMPDIR", dir)
        .env_remove("GW_DATA_DIR")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    status.code().unwrap_or(-1)
}

fn files(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&path));
        }
        found.push(path.display().to_string());
    }
    found.retain(|path| !path.ends_with("/run") && !path.ends_with("/run/gw"));
    found
}

#[test]
fn nothing_stays_behind() {
    let dir = tempfile::tempdir().unwrap();
    for (arguments, code) in [
        (&["--listen", "127.0.0.1:0", "--", "true"][..], 0),
        (&["--listen", "127.0.0.1:0", "--", "false"], 1),
        (&["--listen", "127.0.0.1:0", "--", "no-such-command"], 127),
        (&["--listen", "nonsense"], 2),
        (
            &[
                "--listen",
                "127.0.0.1:0",
                "--",
                "sh",
                "-c",
                "kill -TERM $PPID; sleep 5",
            ],
            143,
        ),
    ] {
        assert_eq!(
            (run(dir.path(), arguments), files(dir.path())),
            (code, vec![]),
            "{arguments:?}"
        );
    }
}
