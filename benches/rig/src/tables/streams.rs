//! What streams cost, and when a caller sees them begin.

use crate::Failure;
use crate::bench::{Bench, LEAN, NGINX, Row};
use crate::drive::{How, Load, Outcome};
use crate::table::{Table, median, number, percent, quantile};
use crate::wire::{Answer, Ask, Manner};
use std::time::Duration;

const EVENTS: usize = 50;
const PACE: Duration = Duration::from_millis(20);
/// Streams at once: without pauses, and paced.
const CALLERS: usize = 64;
const PACED_CALLERS: usize = 100;

pub fn print(bench: &mut Bench) -> Result<(), Failure> {
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
    let mut rows: Vec<Option<&Row>> = vec![None];
    rows.extend(bench.rows(|row| !row.peer).into_iter().map(Some));
    let outcomes = measure(bench, &rows, Manner::Paced(PACE), PACED_CALLERS)?;
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
    // A paced stream takes a second.
    let length = match manner {
        Manner::Paced(pace) => bench.effort.length.max(pace * 2 * EVENTS as u32),
        _ => bench.effort.length,
    };
    bench.interleaved(rows, |bench, row| match row {
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
    let of = |at: usize, what: fn(&Outcome) -> f64| median(outcomes[at].iter().map(what));
    let rate = |at| of(at, |outcome| outcome.rate);
    let cost = |at| of(at, |outcome| outcome.cost.as_secs_f64() * 1e6);
    let to = |name: &str, what: &dyn Fn(usize) -> f64, at: usize| {
        let place = rows.iter().position(|row| row.name == name);
        place.map_or(f64::NAN, |other| what(at) / what(other))
    };
    let mut table = Table::new(&[
        "subject",
        "streams/s",
        "÷ nginx",
        "÷ lean",
        "CPU µs a stream",
        "÷ nginx",
        "÷ lean",
        "busy",
        "upstream",
        "rig",
    ]);
    for (at, row) in rows.iter().enumerate() {
        table.row(vec![
            row.name.into(),
            number(rate(at), 0),
            number(to(NGINX, &rate, at), 2),
            number(to(LEAN, &rate, at), 2),
            number(cost(at), 1),
            number(to(NGINX, &cost, at), 2),
            number(to(LEAN, &cost, at), 2),
            percent(of(at, |outcome| outcome.busy)),
            percent(of(at, |outcome| outcome.upstream)),
            percent(of(at, |outcome| outcome.rig)),
        ]);
    }
    table.print();
    for (at, row) in rows.iter().enumerate() {
        bench.judge_room(
            row.name,
            of(at, |outcome| outcome.busy),
            of(at, |outcome| outcome.rig),
            false,
        );
    }
}

fn paced(rows: &[Option<&'static Row>], outcomes: &[Vec<Outcome>]) {
    let of = |at: usize, what: &dyn Fn(&Outcome) -> f64| median(outcomes[at].iter().map(what));
    let piece = |at: usize| of(at, &|outcome| outcome.piece.as_secs_f64() * 1e6);
    let to = |name: &str, at: usize| {
        let place = rows
            .iter()
            .position(|row| row.is_some_and(|row| row.name == name));
        place.map_or(f64::NAN, |other| piece(at) / piece(other))
    };
    let mut table = Table::new(&[
        "subject",
        "CPU µs a chunk",
        "÷ nginx",
        "÷ lean",
        "first byte p50 ms",
        "p99",
        "first text p50 ms",
        "p99",
        "busy",
    ]);
    for (at, row) in rows.iter().enumerate() {
        let milliseconds = |times: fn(&Outcome) -> &[Duration], part: f64| {
            number(of(at, &|outcome| quantile(times(outcome), part)) / 1e3, 2)
        };
        let cost = match row {
            Some(_) => [
                number(piece(at), 1),
                number(to(NGINX, at), 2),
                number(to(LEAN, at), 2),
            ],
            None => Default::default(),
        };
        let mut cells = vec![row.map_or("(upstream itself)", |row| row.name).into()];
        cells.extend(cost);
        cells.extend([
            milliseconds(|outcome| &outcome.first_byte, 0.5),
            milliseconds(|outcome| &outcome.first_byte, 0.99),
            milliseconds(|outcome| &outcome.first_text, 0.5),
            milliseconds(|outcome| &outcome.first_text, 0.99),
            percent(of(at, &|outcome| outcome.busy)),
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
