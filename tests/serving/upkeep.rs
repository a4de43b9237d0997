//! `gw db`: what the stores take, whether they are sound, and a copy that another gateway starts from.

use crate::harness::{Gateway, until};
use serde_json::Value;
use std::process::Command;

/// One with a provider, a user, a key and its route.
fn started() -> Gateway {
    let gateway = Gateway::start_on_disk();
    gateway.provider(
        "nowhere",
        "openai-compatible",
        "http://127.0.0.1:9/v1",
        "sk-upstream",
    );
    gateway.key_with_route("ci", &["--to", "nowhere/x"]);
    gateway
}

#[test]
fn what_the_stores_take_is_shown() {
    let gateway = started();
    let shown = gateway.ok(&["db", "stats"]);
    let first = |line: &str| line.split("   ").next().unwrap().to_owned();
    let parts: Vec<String> = shown.lines().take(7).map(first).collect();
    let expected = [
        "PART",
        "state",
        "audit log",
        "exports",
        "counters",
        "request log",
        "ballast",
    ];
    assert_eq!(parts, expected, "{shown}");
    assert!(shown.contains("free on the disk of"), "{shown}");
    let stats: Value = serde_json::from_str(&gateway.ok(&["db", "stats", "-o", "json"])).unwrap();
    assert!(stats["parts"][0]["bytes"].as_u64().unwrap() > 0, "{stats}");
    assert!(
        stats["log"]["rows"]["max_bytes"].as_u64().unwrap() > 0,
        "{stats}"
    );
}

#[test]
fn damage_is_found_and_said_where_it_is() {
    let gateway = started();
    gateway.ok(&["db", "backup", gateway.path("first.tar").to_str().unwrap()]);
    let sound = gateway.ok(&["db", "verify", "-o", "json"]);
    let sound: Value = serde_json::from_str(&sound).unwrap();
    assert_eq!(sound["sound"], true, "{sound}");
    let parts: Vec<&str> = sound["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|it| it["part"].as_str())
        .collect();
    assert_eq!(parts, ["state", "request log", "counters"]);

    let exports = gateway.path("data/exports");
    let export = exports.read_dir().unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&export).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&export, bytes).unwrap();
    let ran = gateway.cli(&["db", "verify"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let line = ran
        .stdout
        .lines()
        .find(|line| line.starts_with("state"))
        .unwrap();
    assert!(
        line.contains("damaged") && line.contains(&export.display().to_string()),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_backup_starts_another_gateway() {
    let gateway = started();
    let place = gateway.path("backups");
    std::fs::create_dir(&place).unwrap();
    let ran = gateway.cli(&["db", "backup", place.to_str().unwrap()]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let archive = place.read_dir().unwrap().next().unwrap().unwrap().path();
    assert!(
        ran.stderr.contains(&archive.display().to_string()),
        "{}",
        ran.stderr
    );
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(
        archive.metadata().unwrap().permissions().mode() & 0o777,
        0o600
    );
    // It is never written over.
    let taken = gateway.cli(&["db", "backup", archive.to_str().unwrap()]);
    assert_eq!(taken.code, Some(5), "{}", taken.stderr);

    let restored = tempfile::tempdir().unwrap();
    let data = restored.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::set_permissions(&data, PermissionsExt::from_mode(0o700)).unwrap();
    let tar = Command::new("tar")
        .arg("xf")
        .arg(&archive)
        .arg("-C")
        .arg(&data)
        .status();
    if !tar.is_ok_and(|tar| tar.success()) {
        return crate::harness::skip::skip("there is no tar");
    }
    assert!(!data.join("master.key").exists());
    std::fs::copy(gateway.path("data/master.key"), data.join("master.key")).unwrap();
    let other = Gateway::start_with(&["--data-dir", data.to_str().unwrap()]);
    let list = |of: &Gateway| of.ok(&["get", "all", "-o", "name"]);
    assert_eq!(list(&other), list(&gateway));
    let verified = other.ok(&["db", "verify"]);
    assert!(!verified.contains("damaged"), "{verified}");
    // The key that was made there is known here, and so is what the provider signs in with.
    let identified = |of: &Gateway| {
        let secret = std::fs::read_to_string(gateway.path("ci.key")).unwrap();
        of.cli_with_input(&["key", "identify", "-o", "name"], &secret)
            .success()
    };
    assert_eq!(identified(&other), identified(&gateway));
    let status: Value = serde_json::from_str(&other.ok(&["status", "-o", "json"])).unwrap();
    assert_eq!(status["status"], "ready", "{status}");
}

#[test]
fn space_is_given_back_and_what_is_in_memory_has_none() {
    let gateway = started();
    let shown = gateway.ok(&["db", "compact"]);
    let heads = shown.lines().next().unwrap();
    assert_eq!(
        heads, "PART          BEFORE    AFTER     FREED   WHY",
        "{shown}"
    );
    let memory = Gateway::start();
    for verb in ["compact", "backup"] {
        let to = memory.path("x.tar");
        let mut args = vec!["db", verb];
        args.extend((verb == "backup").then_some(to.to_str().unwrap()));
        let ran = memory.cli(&args);
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        assert!(
            ran.stderr.contains("keeps everything in memory"),
            "{}",
            ran.stderr
        );
        assert!(!to.exists());
    }
    until("it still answers", || {
        memory.cli(&["status"]).code.filter(|code| *code == 0)
    });
}
