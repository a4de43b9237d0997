//! What streams cost, and when a caller sees them begin.

use super::latency::UPSTREAM;
use super::{Compared, TO};
use crate::Failure;
use crate::bench::{Bench, Row};
use crate::companion::Companion;
use crate::drive::{How, Load, Outcome};
use crate::table::{Table, number, percent, quantile};
use crate::wire::{Answer, Ask, Manner};
use std::time::Duration;

const EVENTS: usize = 50;
const PACE: Duration = Duration::from_millis(20);
/// Streams at once: without pauses, and paced.
const CALLERS: usize = 64;
const PACED_CALLERS: usize = 100;

pub fn print(bench: &mut Bench) -> Result<(), Failure> {
    bench.come_first(true)?;
    for (manner, callers) in [(Manner::AtOnce, CALLERS), (Manner::Unpaced, CALLERS)] {
        let rows = bench.rows(|row| !row.peer);
        let outcomes = measure(
            bench,
            &rows.iter().copied().map(Some).collect::<Vec<_>>(),
            manner,
            callers,
        )?;
        println!(
            "{}:\n",
            match manner {
                Manner::AtOnce => "At once",
                _ => "Unpaced",
            }
        );
        without_pauses(bench, &rows, &outcomes);
        println!();
    }
    // Between two pieces a core would fall asleep, or do what else there is to do; what it costs to come back from that varies
    // by a third from moment to moment.
    let companion = Companion::start()?;
    let mut rows: Vec<Option<&Row>> = vec![None];
    rows.extend(bench.rows(|row| !row.peer).into_iter().map(Some));
    let outcomes = measure(bench, &rows, Manner::Paced(PACE), PACED_CALLERS)?;
    drop(companion);
    bench.come_first(false)?;
    println!("Paced:\n");
    paced(&rows, &outcomes);
    Ok(())
}

fn measure(
    bench: &mut Bench,
    rows: &[Option<&'static Row>],
    manner: Manner,
    callers: usize,
) -> Result<Vec<Vec<Outcome>>, Failure> {
    let effort = bench.effort.clone();
    let (passes, length) = match manner {
        // Many passes that are short: so long as a stream, which is what they take at least.
        Manner::Paced(pace) => (effort.passes * 2, pace * (EVENTS as u32 + 1)),
        _ => (effort.passes, effort.length),
    };
    bench.interleaved(rows, passes, |bench, row| match row {
        Some(row) => bench.load(row, |ask, pid| {
            load(ask, Some(pid), manner, callers, length)
        }),
        None => {
            let direct = bench.direct();
            bench
                .drive
                .run(&load(&direct, None, manner, callers, length))
        }
    })
}

fn without_pauses(bench: &mut Bench, rows: &[&'static Row], outcomes: &[Vec<Outcome>]) {
    let compared = Compared {
        names: rows.iter().map(|row| row.name).collect(),
        outcomes,
    };
    let rate = compared.figure(|outcome| outcome.rate);
    let cost = compared.figure(|outcome| outcome.cost.as_secs_f64() * 1e6);
    let [nginx, lean] = TO;
    let mut table = Table::new(&[
        "subject",
        "streams/s",
        nginx,
        lean,
        "CPU µs a stream",
        nginx,
        lean,
        "later µs",
        "busy",
        "upstream",
        "rig",
    ]);
    for (at, row) in rows.iter().enumerate() {
        let mut cells = vec![row.name.into()];
        cells.extend(compared.cells(at, 0, &rate));
        cells.extend(compared.cells(at, 1, &cost));
        cells.extend([
            compared.later(at),
            percent(compared.of(at, |outcome| outcome.busy)),
            percent(compared.of(at, |outcome| outcome.upstream)),
            percent(compared.of(at, |outcome| outcome.rig)),
        ]);
        table.row(cells);
    }
    table.print();
    for (at, row) in rows.iter().enumerate() {
        let busy = compared.of(at, |outcome| outcome.busy);
        bench.judge_room(
            row.name,
            busy,
            compared.of(at, |outcome| outcome.rig),
            false,
        );
    }
}

fn paced(rows: &[Option<&'static Row>], outcomes: &[Vec<Outcome>]) {
    let compared = Compared {
        names: rows
            .iter()
            .map(|row| row.map_or(UPSTREAM, |row| row.name))
            .collect(),
        outcomes,
    };
    let piece = compared.figure(|outcome| outcome.piece.as_secs_f64() * 1e6);
    let [nginx, lean] = TO;
    let mut table = Table::new(&[
        "subject",
        "CPU µs a chunk",
        nginx,
        lean,
        "first byte p50 ms",
        "p99",
        "first text p50 ms",
        "p99",
        "busy",
    ]);
    for (at, row) in rows.iter().enumerate() {
        let milliseconds = |times: fn(&Outcome) -> &[Duration], part: f64| {
            number(
                compared.of(at, |outcome| quantile(times(outcome), part)) / 1e3,
                2,
            )
        };
        let mut cells = vec![compared.names[at].into()];
        match row {
            Some(_) => cells.extend(compared.cells(at, 1, &piece)),
            None => cells.extend([const { String::new() }; 3]),
        }
        cells.extend([
            milliseconds(|outcome| &outcome.first_byte, 0.5),
            milliseconds(|outcome| &outcome.first_byte, 0.99),
            milliseconds(|outcome| &outcome.first_text, 0.5),
            milliseconds(|outcome| &outcome.first_text, 0.99),
            percent(compared.of(at, |outcome| outcome.busy)),
        ]);
        table.row(cells);
    }
    table.print();
}

fn load(ask: &Ask, pid: Option<u32>, manner: Manner, callers: usize, length: Duration) -> Load<'_> {
    Load {
        ask,
        pid,
        request: 200,
        answer: Answer::Stream {
            events: EVENTS,
            manner,
        },
        how: How::Closed(callers),
        length,
    }
}
