//! A state store that cannot write: changes are refused with the disk's own words, and readiness, `gw status` and
//! `gw doctor` say so before anybody tries a change.

use super::harness::mount::{Mount, image, run};
use super::harness::{skip::skip, until};
use super::rig::{LOGGED, Live};
use serde_json::{Value, json};

fn state_store(answer: &Value) -> Option<String> {
    answer["degraded"]
        .as_array()?
        .iter()
        .filter_map(Value::as_str)
        .find(|reason| reason.starts_with("state store: "))
        .map(str::to_owned)
}

#[test]
fn a_disk_gone_read_only_is_named_as_that_and_seen_by_readyz_and_status() {
    let place = tempfile::tempdir().unwrap();
    let disk = match image(place.path(), LOGGED)
        .and_then(|image| Mount::image(&image, &place.path().join("disk")))
    {
        Ok(disk) => disk,
        Err(why) => return skip(&why),
    };
    let live = Live::start(place.path(), &disk.at.join("data"));
    live.admin.ok("POST", "/users", &json!({"name": "ann"}));
    // What ext4 does to itself after an error of the disk.
    run("mount", &["-o", "remount,abort", disk.at.to_str().unwrap()]).unwrap();
    let (status, answer) = live.admin.call("POST", "/users", &json!({"name": "bob"}));
    let message = answer["error"]["message"].as_str().unwrap_or_default();
    assert_eq!(
        (status, &answer["error"]["code"]),
        (503, &json!("unavailable"))
    );
    assert!(message.contains("Read-only file system"), "{answer}");
    assert!(
        !answer.to_string().contains("make room"),
        "the disk is not full: {answer}"
    );
    let (status, ready) = live.readyz();
    assert_eq!((status, &ready["status"]), (200, &json!("degraded")));
    // Anybody may ask there: no paths.
    assert_eq!(
        state_store(&ready).as_deref(),
        Some("state store: changes are refused or not exported, see `gw status`")
    );
    let (code, said) = live.gw(&["status"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("state store: ") && said.contains("Read-only file system"),
        "{said}"
    );
    let (code, said) = live.gw(&["doctor"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("fail   store")
            && said.contains("Read-only file system")
            && !said.contains("make room"),
        "{said}"
    );
    assert_eq!(live.admin.get("/users/ann")["name"], "ann");
}

#[test]
fn a_full_disk_is_seen_before_a_change_meets_it() {
    let place = tempfile::tempdir().unwrap();
    let disk = match Mount::tmpfs(&place.path().join("small"), 64) {
        Ok(disk) => disk,
        Err(why) => return skip(&why),
    };
    let live = Live::start(place.path(), &disk.at.join("data"));
    assert_eq!(state_store(&live.readyz().1), None);
    let filler = disk.at.join("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    while std::io::Write::write_all(&mut file, &[7; 4096]).is_ok() {}
    drop(file);
    until("readyz says that changes are refused", || {
        state_store(&live.readyz().1)
    });
    let (_, status) = live.gw(&["status", "-o", "json"]);
    let status: Value = serde_json::from_str(&status).unwrap();
    assert!(
        state_store(&status).is_some_and(|reason| reason.contains("is full")),
        "{status}"
    );
    std::fs::remove_file(&filler).unwrap();
    until("readyz has the state store well again", || {
        state_store(&live.readyz().1).is_none().then_some(())
    });
    live.admin.ok("POST", "/users", &json!({"name": "ann"}));
}
