//! What was acknowledged survives `kill -9`: a child commits, is killed at a random moment, and the store is opened and checked.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod durable;

use durable::{Acks, Writer, check, merge, random, write_for_ever};

/// Not a test of its own: the child process of the one below.
#[test]
fn writer() {
    if let Some(dir) = std::env::var_os("GW_TEST_WRITER") {
        write_for_ever(dir.as_ref());
    }
}

#[test]
fn acknowledged_changes_survive_kill_9() {
    if std::env::var_os("GW_TEST_WRITER").is_some() {
        return;
    }
    let rounds = std::env::var("GW_ROUNDS")
        .ok()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(10);
    let dir = tempfile::tempdir().unwrap();
    let mut all = Acks::default();
    let mut seed = 0x9e37_79b9_7f4a_7c15;
    for round in 0..rounds {
        let mut writer = Writer::start("writer", dir.path());
        writer.wait_for(1 + (random(&mut seed) % 300) as usize);
        let acks = writer.kill();
        merge(&mut all, &acks);
        let notice = check(dir.path(), &all);
        assert!(
            notice
                .as_deref()
                .is_none_or(|notice| !notice.contains("rebuilt")),
            "round {round}: {notice:?}"
        );
    }
    eprintln!("{rounds} rounds, {} acknowledged, 0 lost", all.count);
    assert!(all.count >= rounds);
}
