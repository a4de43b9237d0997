//! The files of the request log: a small limit holds, damage is named, and what goes for lack of space is counted.

use crate::harness::{Gateway, until};
use crate::kit::chat;
use gw::mock::{Mock, Settings};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A gateway over this data directory with a route to a simulator, and a key for it.
pub fn start(data: &Path, config: &str, mock: &Mock) -> (Gateway, String) {
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

pub fn simulator() -> Mock {
    Mock::start(Settings::default()).unwrap()
}

pub fn segments(data: &Path) -> Vec<PathBuf> {
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

pub fn log(gateway: &Gateway) -> Value {
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
    assert!(size(&data) <= 1 << 20 && rows == 40, "{rows} rows");
    let log = log(&gateway);
    let removed = log["removed_content"].as_u64().unwrap();
    assert!((5..40).contains(&removed), "{log}");
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
    // Less than the 2 GiB below which the oldest content goes, enough for the rest.
    let disk = match Mount::tmpfs(&dir.path().join("disk"), 900) {
        Ok(disk) => disk,
        Err(why) => return crate::harness::skip::skip(&why),
    };
    let data = disk.at.join("data");
    let (mut gateway, key) = start(&data, "[logs]\nmax_bytes = \"1MiB\"\n", &mock);
    let mut number = 0;
    let log = until("content is purged", || {
        let text = noise(number, 64 << 10);
        number += 1;
        gateway.post("/v1/chat/completions", &key, &chat("any", &text, false));
        let log = log(&gateway);
        (log["purged_content"].as_u64() > Some(0)).then_some(log)
    });
    let rows = gateway.ok(&["logs", "export"]).lines().count();
    assert_eq!(
        (rows as u64, &log["purged_rows"]),
        (number, &0.into()),
        "{log}"
    );
    let (said, code) = (gateway.log(), gateway.stop());
    assert!(log["purged_bytes"].as_u64() > Some(1_000), "{log}");
    assert!(said.contains("disk runs low"), "{said}");
    assert_eq!(code, Some(0));
}

/// What `gw logs get` says of a request, asked for as people do.
fn shown(gateway: &Gateway, id: &str) -> String {
    gateway.ok(&["logs", "get", id, "--bodies"])
}

#[test]
fn large_bodies_take_away_bodies_and_no_rows_and_it_is_said() {
    let (dir, mock) = (tempfile::tempdir().unwrap(), simulator());
    let data = dir.path().join("data");
    let limit = "[logs]\nmax_bytes = \"8MiB\"\ncontent_max_bytes = \"4MiB\"\n";
    let (mut gateway, key) = start(&data, limit, &mock);
    let send = |gateway: &Gateway, text: &str| {
        let answer = gateway.post("/v1/chat/completions", &key, &chat("any", text, false));
        assert_eq!(answer.status, 200);
        answer.header("x-gw-request-id").unwrap().to_owned()
    };
    let others: Vec<String> = (0..20).map(|_| send(&gateway, "hello")).collect();
    assert!(shown(&gateway, &others[0]).contains("hello"));
    let large: Vec<String> = (0..30)
        .map(|number| send(&gateway, &noise(number, 300_000)))
        .collect();
    let rows = gateway.ok(&["logs", "export", "-o", "name"]);
    let sent: Vec<&str> = others.iter().chain(&large).map(String::as_str).collect();
    assert_eq!(rows.lines().collect::<Vec<_>>(), sent, "in the order sent");
    let told = log(&gateway);
    assert_eq!(told["removed_rows"], 0, "{told}");
    assert!(told["removed_content"].as_u64() >= Some(20), "{told}");
    assert!(told["removed_bytes"].as_u64() > Some(1 << 20), "{told}");
    let gone = shown(&gateway, &others[0]);
    for line in ["content           ", "request:\n(", "response:\n("] {
        assert!(
            gone.contains(&format!("{line}removed by retention")),
            "{gone}"
        );
    }
    let curl = gateway.cli(&["logs", "get", &others[0], "--curl"]);
    assert!(
        curl.stderr
            .contains("the content of this request was removed by retention"),
        "{}",
        curl.stderr
    );
    assert!(!shown(&gateway, &large[29]).contains("removed by retention"));
    assert!(gateway.ok(&["status"]).contains("log.removed_content"));
    // Also to one that starts anew.
    assert_eq!(gateway.stop(), Some(0));
    let again = Gateway::start_with(&["--data-dir", data.to_str().unwrap()]);
    assert!(shown(&again, &others[0]).contains("removed by retention"));
    assert_eq!(again.ok(&["logs", "export"]).lines().count(), 50);
}

#[test]
fn a_request_whose_content_was_never_kept_is_not_said_to_have_lost_it() {
    let (dir, mock) = (tempfile::tempdir().unwrap(), simulator());
    let data = dir.path().join("data");
    let (gateway, key) = start(&data, "[logs]\ncontent = \"metadata\"\n", &mock);
    let answer = gateway.post("/v1/chat/completions", &key, &chat("any", "x", false));
    let id = answer.header("x-gw-request-id").unwrap();
    let shown = shown(&gateway, id);
    assert!(shown.contains("request:\n(not kept)"), "{shown}");
    assert!(!shown.contains("content "), "{shown}");
}

#[test]
fn a_data_directory_of_an_earlier_release_opens_with_its_log() {
    let (dir, mock) = (tempfile::tempdir().unwrap(), simulator());
    let data = dir.path().join("data");
    let long = "[logs]\nmax_age = \"36500d\"\ncontent_max_age = \"36500d\"\n";
    let (mut gateway, key) = start(&data, long, &mock);
    assert_eq!(gateway.stop(), Some(0));
    for file in segments(&data) {
        std::fs::remove_file(file).unwrap();
    }
    let earlier = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/journal/segments/earlier");
    for file in std::fs::read_dir(earlier).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), data.join("logs").join(file.file_name())).unwrap();
    }
    let config = data.with_extension("toml");
    let gateway = Gateway::start_with(&[
        "--data-dir",
        data.to_str().unwrap(),
        "--config",
        config.to_str().unwrap(),
    ]);
    let rows = gateway.ok(&["logs", "export", "-o", "name"]);
    assert_eq!(rows.lines().count(), 40);
    let answer = gateway.post("/v1/chat/completions", &key, &chat("any", "x", false));
    let new = answer.header("x-gw-request-id").unwrap();
    let (old, with) = (rows.lines().last().unwrap(), rows.lines().nth(1).unwrap());
    assert_eq!(
        gateway.ok(&["logs", "-n", "2", "-o", "name"]),
        format!("{old}\n{new}\n")
    );
    let one = gateway
        .cli(&["logs", "get", with, "--bodies", "-o", "json"])
        .json();
    assert_eq!(one["content_state"], "kept", "{one}");
    assert!(one["content"]["request"]["base64"].is_string(), "{one}");
    assert_eq!(log(&gateway)["damaged_places"], 0);
}

#[test]
fn a_log_limit_that_leaves_rows_no_room_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("gw.toml");
    std::fs::write(
        &config,
        "[logs]\nmax_bytes = \"8MiB\"\ncontent_max_bytes = \"8MiB\"\n",
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
        .arg(&config)
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(2));
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(
        said.contains("`logs.content_max_bytes` leaves less"),
        "{said}"
    );
}
