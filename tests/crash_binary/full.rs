//! A full disk under `gw serve`: requests are served, changes are refused with 507 and change nothing, and with room
//! again everything works without a restart.

use super::harness::mount::Mount;
use super::harness::{skip::skip, until};
use super::rig::Live;
use super::writes::found;
use gw::mock::{Mock, Settings};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Fills what is left of the disk.
fn fill(dir: &Path) -> PathBuf {
    let path = dir.join("filler");
    let mut file = std::fs::File::create(&path).unwrap();
    let mut size = 4 << 20;
    while size >= 4096 {
        if file.write_all(&vec![7; size]).is_err() {
            size /= 2;
        }
    }
    path
}

#[test]
fn a_full_disk_stops_changes_and_nothing_else() {
    let place = tempfile::tempdir().unwrap();
    // Large enough for the log to keep content, which it stops below 512 MiB.
    let disk = match Mount::tmpfs(&place.path().join("small"), 800) {
        Ok(disk) => disk,
        Err(why) => return skip(&why),
    };
    let mock = Mock::start(Settings {
        expect_credential: Some("upstream-secret-1".into()),
        ..Settings::default()
    })
    .unwrap();
    let data = disk.at.join("data");
    let live = Live::start(place.path(), &data);
    let key = live.admin.furnish(&mock.url(), "upstream-secret-1");
    assert_eq!(live.chat(&key, "mock").status, 200);
    until("the log has the first row", || {
        (live.admin.logs().len() == 1).then_some(())
    });
    assert_eq!(
        live.readyz(),
        (200, json!({"status": "ready", "degraded": []}))
    );

    let filler = fill(&disk.at);
    let export = live.admin.get("/export");
    let changes = |live: &Live| {
        for (method, path, body) in [
            ("POST", "/users", json!({"name": "more"})),
            ("PATCH", "/users/base", json!({"labels": {"v": "1"}})),
            ("POST", "/keys", json!({"name": "more", "user": "base"})),
            ("POST", "/keys/base/rotate", json!({})),
            (
                "PATCH",
                "/providers/base",
                json!({"credential_value": "upstream-secret-2"}),
            ),
            (
                "POST",
                "/apply",
                json!({"items": [{"kind": "user", "name": "a"}, {"kind": "user", "name": "b"}]}),
            ),
            ("DELETE", "/routes/base", Value::Null),
        ] {
            let (status, answer) = live.admin.call(method, path, &body);
            assert_eq!(
                (status, &answer["error"]["code"]),
                (507, &"storage_full".into()),
                "{method} {path}: {answer}"
            );
            assert!(
                answer["error"]["fix"]
                    .as_str()
                    .is_some_and(|fix| !fix.is_empty()),
                "{answer}"
            );
        }
        assert_eq!(live.admin.get("/export"), export);
        assert!(found(&live.admin).is_empty());
    };
    changes(&live);
    for _ in 0..20 {
        assert_eq!(
            live.chat(&key, "mock").status,
            200,
            "requests are served on a full disk, with the credential there was"
        );
    }
    let reason = until("readyz says why it is degraded", || {
        let (status, answer) = live.readyz();
        assert_eq!(status, 200);
        (answer["status"] == "degraded").then(|| answer["degraded"].to_string())
    });
    // In words for anybody: paths and figures are for `gw status`.
    assert!(reason.contains("changes are refused"), "{reason}");

    // A little room: enough for the small file of secrets, not for a change, so that the credential must be put back.
    let file = std::fs::File::options().write(true).open(&filler).unwrap();
    file.set_len(file.metadata().unwrap().len() - (256 << 10))
        .unwrap();
    drop(file);
    changes(&live);
    assert_eq!(live.chat(&key, "mock").status, 200);

    // A start on the full disk serves what there is.
    assert_eq!(live.stop().code(), Some(0));
    let live = Live::start(place.path(), &data);
    assert_eq!(live.chat(&key, "mock").status, 200);
    changes(&live);

    std::fs::remove_file(filler).unwrap();
    until("changes work again", || {
        match live.admin.call("POST", "/users", &json!({"name": "more"})) {
            (201, _) => Some(()),
            (507, _) => None,
            other => panic!("{other:?}"),
        }
    });
    live.admin.ok(
        "PATCH",
        "/providers/base",
        &json!({"credential_value": "upstream-secret-1"}),
    );
    until("readyz says ready again", || {
        (live.readyz().1["status"] == "ready").then_some(())
    });
    let answer = live.chat(&key, "mock");
    assert_eq!(answer.status, 200);
    let id = answer.header("x-gw-request-id").unwrap().to_owned();
    until("the log takes rows again", || {
        live.admin
            .logs()
            .iter()
            .any(|row| row["id"] == *id)
            .then_some(())
    });
    live.kill();
    let live = Live::start(place.path(), &data);
    assert!(!live.said().contains("mended"), "{}", live.said());
    live.admin.get("/users/more");
    assert_eq!(live.chat(&key, "mock").status, 200);
    eprintln!("full disk: degraded as {reason}");
}
