//! The files of the request log: a small limit holds, damage is named, and what goes for lack of space is counted.

use crate::harness::{Gateway, until};
use crate::kit::chat;
use gw::mock::{Mock, Settings};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A gateway over this data directory with a route to a simulator, and a key for it.
fn start(data: &Path, config: &str, mock: &Mock) -> (Gateway, String) {
    let file = data.with_extension("toml");
    std::fs::write(&file, config).unwrap();
    let args = [
        "--data-dir",
        data.to_str().unwrap(),
        "--config",
        file.to_str().unwrap(),
    ];
    let gateway = Gateway::start_with(&args);
    let url = format!("{}/v1", mock.url());
    gateway.provider(
        "m",
        "openai-compatible",
        &url,
        "sk-upstream-Zq8vW3nR5tY7uK2mB4xC",
    );
    let key = gateway.key_with_route("k", &["--to", "m"]);
    (gateway, key)
}

fn simulator() -> Mock {
    Mock::start(Settings::default()).unwrap()
}

fn segments(data: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(data.join("logs")).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn size(data: &Path) -> u64 {
    let size = |path: &PathBuf| std::fs::metadata(path).map_or(0, |meta| meta.len());
    segments(data).iter().map(size).sum()
}

/// Text that does not compress well.
fn noise(seed: u64, length: usize) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let letters = (0..length).map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'!' + (state % 90) as u8)
    });
    letters.filter(|letter| !"\"\\".contains(*letter)).collect()
}

fn log(gateway: &Gateway) -> Value {
    gateway.cli(&["status", "-o", "json"]).json()["log"].clone()
}

#[test]
fn a_log_limit_smaller_than_a_segment_holds() {
    let (dir, mock) = (tempfile::tempdir().unwrap(), simulator());
    let data = dir.path().join("data");
    let (gateway, key) = start(&data, "[logs]\nmax_bytes = \"1MiB\"\n", &mock);
    for number in 0..40 {
        let text = noise(number, 64 << 10);
        let answer = gateway.post("/v1/chat/completions", &key, &chat("any", &text, false));
        assert_eq!(answer.status, 200);
        let bytes = size(&data);
        assert!(bytes <= 1 << 20, "{bytes} bytes after {number} requests");
    }
    // Reading waits for what is on its way.
    let rows = gateway.ok(&["logs", "export"]).lines().count();
    assert!(
        size(&data) <= 1 << 20 && (5..40).contains(&rows),
        "{rows} rows"
    );
    let log = log(&gateway);
    assert_eq!(
        (&log["content_dropped"], &log["rows_dropped"]),
        (&0.into(), &0.into()),
        "{log}"
    );
    drop(gateway);
    std::fs::write(
        dir.path().join("few.toml"),
        "[logs]\nmax_bytes = \"10KiB\"\n",
    )
    .unwrap();
    let ran = std::process::Command::new(crate::harness::GW)
        .args([
            "serve",
            "--in-memory",
            "--listen",
            "127.0.0.1:0",
            "--config",
        ])
        .arg(dir.path().join("few.toml"))
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&ran.stderr).contains("`logs.max_bytes`"));
}

#[test]
fn damaged_log_segments_are_counted_and_named() {
    let (dir, mock) = (tempfile::tempdir().unwrap(), simulator());
    let data = dir.path().join("data");
    let (mut gateway, key) = start(&data, "", &mock);
    for number in 0..5 {
        let text = noise(number, 2_000);
        gateway.post("/v1/chat/completions", &key, &chat("any", &text, false));
    }
    assert_eq!(log(&gateway)["damaged_places"], 0);
    assert_eq!(gateway.stop(), Some(0));
    let file = segments(&data).remove(0);
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[500] ^= 4;
    std::fs::write(&file, bytes).unwrap();
    // Nobody reads the log: it is found all the same.
    let again = Gateway::start_with(&["--data-dir", data.to_str().unwrap()]);
    let name = file.file_name().unwrap().to_str().unwrap();
    let told = until("the damage is told", || {
        let log = log(&again);
        (log["damaged_places"] != 0).then_some(log)
    });
    assert_eq!(told["damaged"], serde_json::json!([name]), "{told}");
    assert!(again.ok(&["status"]).contains(name));
    assert!(again.log().contains(name), "{}", again.log());
    let doctor = again.cli(&["doctor"]).stdout;
    let line = format!("damaged: {name}; what is there is skipped (places: 1)");
    assert!(doctor.contains(&line), "{doctor}");
}

#[cfg(target_os = "linux")]
#[test]
fn logs_purged_for_lack_of_space_are_counted_and_said() {
    use crate::harness::mount::Mount;
    let (dir, mock) = (tempfile::tempdir().unwrap(), simulator());
    // Less than the 2 GiB below which the oldest segments go, enough for the rest.
    let disk = match Mount::tmpfs(&dir.path().join("disk"), 900) {
        Ok(disk) => disk,
        Err(why) => return crate::harness::skip::skip(&why),
    };
    let data = disk.at.join("data");
    let (mut gateway, key) = start(&data, "[logs]\nmax_bytes = \"1MiB\"\n", &mock);
    let mut number = 0;
    let log = until("a segment is purged", || {
        let text = noise(number, 64 << 10);
        number += 1;
        gateway.post("/v1/chat/completions", &key, &chat("any", &text, false));
        let log = log(&gateway);
        (log["purged_rows"].as_u64() > Some(0)).then_some(log)
    });
    let (said, code) = (gateway.log(), gateway.stop());
    assert!(log["purged_bytes"].as_u64() > Some(1_000), "{log}");
    assert!(said.contains("disk runs low"), "{said}");
    assert_eq!(code, Some(0));
}
