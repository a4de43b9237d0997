//! `kill -9` in the midst of admin writes: every change answered before is there after the next start, none is half there.

use super::harness::until;
use super::rig::{Live, on, random, rounds, serve};
use super::writes::{Ledger, check, during};
use std::process::Stdio;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

#[test]
fn acknowledged_changes_survive_kill_9() {
    let (place, count) = (tempfile::tempdir().unwrap(), rounds(8));
    let data = place.path().join("data");
    let mut ledgers: Vec<Ledger> = (0..4).map(Ledger::new).collect();
    let (mut seed, mut total, mut kept, mut slowest) = (0x2545_f491_4f6c_dd1d, 0, 0, 0.0_f64);
    let mut live = Live::start(place.path(), &data);
    live.admin
        .furnish("http://127.0.0.1:1", "upstream-secret-1");
    for _ in 0..count {
        let wanted = 1 + (random(&mut seed) % 250) as usize;
        let admin = live.admin.clone();
        total += during(&admin, &mut ledgers, |acknowledged| {
            until("enough is acknowledged", || {
                (acknowledged.load(Ordering::Relaxed) >= wanted).then_some(())
            });
            live.kill();
        });
        let begin = Instant::now();
        live = Live::start(place.path(), &data);
        slowest = slowest.max(super::rig::millis(begin));
        assert!(
            !live.said().contains("mended"),
            "a kill alone leaves nothing to mend:\n{}",
            live.said()
        );
        kept += check(&live.admin, &mut ledgers);
    }
    assert!(total > 0);
    eprintln!(
        "{count} kills during admin writes: {total} acknowledged, 0 lost, {kept} unanswered changes were kept whole, slowest start {slowest:.0} ms"
    );
}

#[test]
fn a_start_after_a_start_that_was_killed_finds_nothing_in_its_way() {
    let (place, count) = (tempfile::tempdir().unwrap(), rounds(10));
    let mut seed = 0x6a09_e667_f3bc_c909;
    let mut early = 0;
    for round in 0..count {
        let data = place.path().join(format!("data-{round}"));
        // Several killed starts on one directory, at any moment of a start.
        for _ in 0..3 {
            let mut command = serve(place.path());
            command
                .args(on(&data))
                .args(["--admin-listen", "127.0.0.1:0"])
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            let mut child = command.spawn().unwrap();
            std::thread::sleep(Duration::from_micros(random(&mut seed) % 120_000));
            child.kill().unwrap();
            child.wait().unwrap();
            early += usize::from(!data.join("admin.token").exists());
        }
        let mut command = serve(place.path());
        command
            .args(on(&data))
            .args(["--admin-listen", "127.0.0.1:0"]);
        let live = Live::launch(place.path(), command);
        live.admin
            .furnish("http://127.0.0.1:1", "upstream-secret-1");
        live.kill();
        let live = Live::start(place.path(), &data);
        live.admin.get("/routes/base");
    }
    eprintln!(
        "{} starts killed, {early} of them before all files were made; every later start came up",
        3 * count
    );
}
