//! Damage is said: what of a data directory is not as gw wrote it is counted and named, mended or refused, never passed
//! over in silence.

use super::start::Stopped;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

#[test]
fn damaged_lines_of_the_audit_log_are_counted_and_named_at_every_start() {
    let stopped = Stopped::new(None);
    let log = stopped.data.join("audit/admin-00000000000000000001.log");
    let mut bytes = std::fs::read(&log).unwrap();
    let ends: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] == b'\n').collect();
    // In the middle of the third line, and in the last one, which is whole and so not cut short.
    for line in [2, ends.len() - 1] {
        bytes[ends[line] - 20] ^= 1;
    }
    std::fs::write(&log, &bytes).unwrap();
    let named = format!(
        "2 damaged lines in the audit log `{}` (lines 3, {}): what was changed there is not known, the state is whole",
        log.display(),
        ends.len()
    );
    for _ in 0..2 {
        let live = stopped.start();
        stopped.whole(&live);
        assert!(live.said().contains(&named), "{}", live.said());
        assert!(!live.said().contains("cut short"), "{}", live.said());
        let (code, status) = live.gw(&["status", "-o", "json"]);
        let status: Value = serde_json::from_str(&status).unwrap();
        assert_eq!((code, &status["damaged"]), (Some(0), &json!([named])));
        assert_eq!(status["status"], "ready", "it takes nothing from anybody");
        let (_, said) = live.gw(&["doctor"]);
        assert!(
            said.contains(&format!("warn   audit      {named}")),
            "{said}"
        );
        live.kill();
    }
    assert!(
        std::fs::read(&log).unwrap().starts_with(&bytes),
        "the damaged lines are left for someone to look at"
    );
}

#[test]
fn a_change_cut_short_by_a_crash_is_no_damage() {
    let stopped = Stopped::new(None);
    let log = stopped.data.join("audit/admin-00000000000000000001.log");
    let mut bytes = std::fs::read(&log).unwrap();
    bytes.extend(b"1 99 400 0123abcd {\"revision\":99,\"at\":17");
    std::fs::write(&log, &bytes).unwrap();
    let live = stopped.start();
    stopped.whole(&live);
    assert!(
        !live.said().contains("damaged") && !live.said().contains("mended"),
        "{}",
        live.said()
    );
}

#[test]
fn a_flipped_bit_in_the_digest_key_is_refused_by_name_and_nobody_is_turned_away() {
    let stopped = Stopped::new(None);
    let path = stopped.data.join("digest.key");
    let good = std::fs::read(&path).unwrap();
    let mut bad = good.clone();
    bad[17] ^= 8;
    std::fs::write(&path, &bad).unwrap();
    let refusal = |said: &str| {
        let shown = path.display();
        assert!(
            said.contains(&format!(
                "error: `{shown}` is not the key that this gateway's keys were made with: it was damaged or replaced"
            )) && said.contains(&format!("fix: restore `{shown}` from a backup")),
            "{said}"
        );
    };
    refusal(&stopped.refused(&[]));
    // The check is a part of the state: a store made anew from what else there is knows it too.
    std::fs::remove_dir_all(stopped.data.join("state")).unwrap();
    refusal(&stopped.refused(&[]));
    std::fs::remove_dir_all(stopped.data.join("state")).unwrap();
    std::fs::remove_dir_all(stopped.data.join("exports")).unwrap();
    refusal(&stopped.refused(&[]));
    assert_eq!(std::fs::read(&path).unwrap(), bad, "it is left as it is");
    std::fs::write(&path, &good).unwrap();
    stopped.whole(&stopped.start());
}

#[test]
fn a_directory_that_lost_its_state_is_not_taken_for_a_new_one() {
    let stopped = Stopped::new(None);
    let live = stopped.start();
    stopped.whole(&live);
    // A row of the request log is written.
    assert_eq!(live.stop().code(), Some(0));
    for gone in ["state", "audit", "exports"] {
        std::fs::remove_dir_all(stopped.data.join(gone)).unwrap();
    }
    let said = stopped.refused(&[]);
    assert!(
        said.contains("is lost: `state`, `audit` and `exports` are gone"),
        "{said}"
    );
    // Any one of what is left is enough.
    let all = ["digest.key", "secrets.choice", "secrets.sealed", "logs"];
    let away = stopped.data.join("away");
    std::fs::create_dir(&away).unwrap();
    for kept in all {
        for name in all.iter().filter(|name| **name != kept) {
            std::fs::rename(stopped.data.join(name), away.join(name)).unwrap();
        }
        let said = stopped.refused(&[]);
        assert!(said.contains(kept), "{kept}: {said}");
        assert!(!stopped.data.join("state").exists(), "nothing is begun");
        for name in all.iter().filter(|name| **name != kept) {
            std::fs::rename(away.join(name), stopped.data.join(name)).unwrap();
        }
    }
    // The command it names starts anew.
    let said = stopped.refused(&[]);
    let command = said
        .split("there were: ")
        .nth(1)
        .unwrap()
        .lines()
        .next()
        .unwrap();
    let ran = std::process::Command::new("sh")
        .args(["-c", command])
        .status();
    assert!(ran.unwrap().success(), "{command}");
    let live = stopped.start();
    assert_eq!(live.admin.get("/export")["items"], json!([]));
}

/// Everything in a data directory with its mode, by path.
fn modes(at: &Path, below: &str, found: &mut Vec<(String, u32)>) {
    let mode = std::fs::symlink_metadata(at).unwrap().permissions().mode() & 0o777;
    found.push((below.to_owned(), mode));
    if at.is_dir() {
        for entry in std::fs::read_dir(at).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{below}/{}", entry.file_name().to_string_lossy());
            modes(&entry.path(), &name, found);
        }
    }
}

fn open_to_others(data: &Path) -> Vec<(String, u32)> {
    let mut found = Vec::new();
    modes(data, "data", &mut found);
    assert!(found.len() > 15, "{found:?}");
    found.retain(|(_, mode)| mode & 0o077 != 0);
    found
}

#[test]
fn every_file_is_made_private_mended_where_it_is_not_and_refused_where_it_holds_secrets() {
    let stopped = Stopped::new(None);
    assert_eq!(open_to_others(&stopped.data), [], "after kill -9");
    let live = stopped.start();
    stopped.whole(&live);
    assert_eq!(live.stop().code(), Some(0));
    assert_eq!(open_to_others(&stopped.data), [], "after an orderly end");
    let mode = |name: &str, mode: u32| {
        let path = stopped.data.join(name);
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    };
    for secret in [
        "digest.key",
        "secrets.choice",
        "secrets.sealed",
        "master.key",
    ] {
        mode(secret, 0o640);
        let said = stopped.refused(&[]);
        assert!(
            said.contains(secret) && said.contains("chmod 600"),
            "{said}"
        );
        mode(secret, 0o600);
    }
    let others = [
        "audit", "exports", "logs", "state", "state/db", "ballast", "gw.lock", "",
    ];
    for name in others {
        mode(name, 0o755);
    }
    let live = stopped.start();
    stopped.whole(&live);
    assert_eq!(
        Stopped::mended(&live).len(),
        others.len(),
        "{}",
        live.said()
    );
    assert_eq!(open_to_others(&stopped.data), []);
    live.kill();
    // Not gw's own directory: nothing there is gw's to change.
    let foreign = stopped.data.join("notes.txt");
    std::fs::write(&foreign, "mine").unwrap();
    std::fs::set_permissions(&foreign, PermissionsExt::from_mode(0o644)).unwrap();
    mode("", 0o755);
    let said = stopped.refused(&[]);
    assert!(
        said.contains("notes.txt") && said.contains("chmod 700"),
        "{said}"
    );
    mode("", 0o700);
    let live = stopped.start();
    assert!(Stopped::mended(&live).is_empty(), "{}", live.said());
    assert_eq!(
        open_to_others(&stopped.data),
        [("data/notes.txt".to_owned(), 0o644)]
    );
}
