//! Damage is said: what of a data directory is not as gw wrote it is counted and named, mended or refused, never passed
//! over in silence.

use super::start::Stopped;
use serde_json::{Value, json};

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
