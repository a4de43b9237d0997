//! `kill -9` in the midst of admin writes: every change answered before is there after the next start, none is half there.

use super::rig::{Live, random, rounds};
use super::writes::{Ledger, check, during};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

#[test]
fn acknowledged_changes_survive_kill_9() {
    let (place, count) = (tempfile::tempdir().unwrap(), rounds(8));
    let data = place.path().join("data");
    let mut ledgers: Vec<Ledger> = (0..4).map(Ledger::new).collect();
    let (mut seed, mut total, mut kept, mut slowest) = (0x2545_f491_4f6c_dd1d, 0, 0, 0.0_f64);
    let mut live = Live::start(place.path(), &data);
    live.admin.furnish("http://127.0.0.1:1", "upstream-secret-1");
    for _ in 0..count {
        let wanted = 1 + (random(&mut seed) % 250) as usize;
        let admin = live.admin.clone();
        total += during(&admin, &mut ledgers, |acknowledged| {
            let begin = Instant::now();
            while acknowledged.load(Ordering::Relaxed) < wanted && begin.elapsed() < super::harness::PATIENCE {
                std::thread::sleep(Duration::from_millis(1));
            }
            live.kill();
        });
        let begin = Instant::now();
        live = Live::start(place.path(), &data);
        slowest = slowest.max(super::rig::millis(begin));
        assert!(!live.said().contains("mended"), "a kill alone leaves nothing to mend:\n{}", live.said());
        kept += check(&live.admin, &mut ledgers);
    }
    assert!(total > 0);
    eprintln!("{count} kills during admin writes: {total} acknowledged, 0 lost, {kept} unanswered changes were kept whole, slowest start {slowest:.0} ms");
}
