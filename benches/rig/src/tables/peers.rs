//! Streams of other gateways, at rates that the slowest of them can keep up with.

use crate::Failure;
use crate::bench::{Bench, Row};
use crate::drive::{How, Load, Outcome};
use crate::table::{Table, median, number, percent, quantile};
use crate::wire::{Answer, Manner};
use std::time::Duration;

const EVENTS: usize = 50;
/// Streams at once: without pauses, and paced.
const CALLERS: usize = 16;
const PACE: Duration = Duration::from_millis(40);
const PACED_CALLERS: usize = 10;
/// In less time than this the slowest may not end one.
const LEAST: Duration = Duration::from_secs(3);

pub fn print(bench: &mut Bench) -> Result<(), Failure> {
    let rows = bench.rows(|row| row.peer || row.main && row.case == "openai");
    if !rows.iter().any(|row| row.peer) {
        println!("Left out without `--peers`.");
        return Ok(());
    }
    let unpaced = measure(bench, &rows, Manner::Unpaced, CALLERS)?;
    let paced = measure(bench, &rows, Manner::Paced(PACE), PACED_CALLERS)?;
    let of =
        |outcomes: &[Outcome], what: &dyn Fn(&Outcome) -> f64| median(outcomes.iter().map(what));
    let mut table = Table::new(&[
        "subject",
        "streams/s",
        "CPU µs a stream",
        "busy",
        "paced: CPU µs a chunk",
        "first text p50 ms",
        "p99",
        "busy",
    ]);
    for (row, (unpaced, paced)) in rows.iter().zip(unpaced.iter().zip(&paced)) {
        let first = |part: f64| {
            let first = of(paced, &|outcome| quantile(&outcome.first_text, part));
            number(first / 1e3, 2)
        };
        table.row(vec![
            row.name.into(),
            number(of(unpaced, &|outcome| outcome.rate), 0),
            number(of(unpaced, &|outcome| outcome.cost.as_secs_f64() * 1e6), 1),
            percent(of(unpaced, &|outcome| outcome.busy)),
            number(of(paced, &|outcome| outcome.piece.as_secs_f64() * 1e6), 1),
            first(0.5),
            first(0.99),
            percent(of(paced, &|outcome| outcome.busy)),
        ]);
    }
    table.print();
    Ok(())
}

fn measure(
    bench: &mut Bench,
    rows: &[&'static Row],
    manner: Manner,
    callers: usize,
) -> Result<Vec<Vec<Outcome>>, Failure> {
    let length = match manner {
        Manner::Paced(pace) => bench.effort.length.max(pace * 2 * EVENTS as u32),
        _ => bench.effort.length.max(LEAST),
    };
    bench.interleaved(rows, bench.effort.passes, |bench, row| {
        bench.load(row, |ask, pid| Load {
            ask,
            pid: Some(pid),
            request: 200,
            answer: Answer::Stream {
                events: EVENTS,
                manner,
            },
            how: How::Closed(callers),
            length,
        })
    })
}
