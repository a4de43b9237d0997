//! What memory a subject takes while many long requests are answered at once.

use crate::bench::Bench;
use crate::drive::{How, Load};
use crate::table::{Table, number};
use crate::wire::{Answer, Manner};
use crate::{Failure, process};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

const BODY: usize = 300_000;
const REQUESTS: usize = 1_000;
/// All of them are answered at once, for so long.
const ANSWER: Answer = Answer::Stream {
    events: 20,
    manner: Manner::Paced(Duration::from_millis(250)),
};
const LENGTH: Duration = Duration::from_secs(6);
/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(20);

pub fn print(bench: &mut Bench) -> Result<(), Failure> {
    let mut table = Table::new(&[
        "subject",
        "before MiB",
        "at most MiB",
        "KiB a request",
        "÷ its body",
    ]);
    for row in bench.rows(|row| !row.peer && (row.main || row.is_gw_without_content())) {
        let (_, pid) = bench.ask(row)?;
        let (before, _) = process::memory(pid)?;
        let log = bench.log(row)?;
        let (most, done) = (AtomicU64::new(0), AtomicBool::new(false));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let now = process::memory(pid).map_or(0, |(now, _)| now);
                    most.fetch_max(now, Ordering::Relaxed);
                    std::thread::sleep(LOOK);
                }
            });
            let outcome = bench.load(row, |ask, pid| Load {
                ask,
                pid: Some(pid),
                request: BODY,
                answer: ANSWER,
                how: How::Closed(REQUESTS),
                length: LENGTH,
            });
            done.store(true, Ordering::Relaxed);
            outcome
        })?;
        // All of them end in the same moment, and are more than the log has room for at once.
        if let (Some(before), Some(after)) = (log, bench.log(row)?) {
            bench.excuse(row, after.contents - before.contents);
        }
        let most = most.into_inner();
        let each = most.saturating_sub(before) as f64 / REQUESTS as f64;
        let mebibytes = |bytes: u64| number(bytes as f64 / f64::from(1 << 20), 1);
        table.row(vec![
            row.name.into(),
            mebibytes(before),
            mebibytes(most),
            number(each / 1024.0, 1),
            number(each / BODY as f64, 2),
        ]);
    }
    table.print();
    Ok(())
}
