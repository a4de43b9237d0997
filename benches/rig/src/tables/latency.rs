//! What a subject adds to an answer's time where it has room.

use super::{Compared, TO};
use crate::Failure;
use crate::bench::{Bench, Row};
use crate::drive::{How, Load};
use crate::table::{Table, number, quantile};
use crate::wire::{Answer, Ask};
use std::time::Duration;

/// Requests a second.
const RATES: [u32; 2] = [500, 2_000];

/// The row of what is asked without anything between.
pub const UPSTREAM: &str = "(upstream itself)";

pub fn print(bench: &mut Bench) -> Result<(), Failure> {
    let mut rows: Vec<Option<&Row>> = vec![None];
    rows.extend(bench.rows(|row| !row.peer).into_iter().map(Some));
    let length = bench.effort.length;
    let [nginx, lean] = TO;
    let mut table = Table::new(&[
        "subject",
        "500/s p50 µs",
        nginx,
        lean,
        "p99 µs",
        "2,000/s p50 µs",
        nginx,
        lean,
        "p99 µs",
    ]);
    let mut cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| vec![row.map_or(UPSTREAM, |row| row.name).into()])
        .collect();
    for rate in RATES {
        let how = How::Every(Duration::from_secs(1) / rate);
        let outcomes = bench.interleaved(&rows, bench.effort.passes, |bench, row| match row {
            Some(row) => bench.load(row, |ask, pid| load(ask, Some(pid), how, length)),
            None => {
                let direct = bench.direct();
                bench.drive.run(&load(&direct, None, how, length))
            }
        })?;
        let compared = Compared {
            names: rows
                .iter()
                .map(|row| row.map_or(UPSTREAM, |row| row.name))
                .collect(),
            outcomes: &outcomes,
        };
        let of = |at: usize, part: f64| compared.of(at, |outcome| quantile(&outcome.whole, part));
        let half = compared.figure(|outcome| quantile(&outcome.whole, 0.5));
        let added = |at: usize, pass: usize| half(at, pass) - half(0, pass);
        for (at, cells) in cells.iter_mut().enumerate() {
            match at {
                0 => cells.extend([
                    number(of(0, 0.5), 0),
                    String::new(),
                    String::new(),
                    number(of(0, 0.99), 0),
                ]),
                _ => {
                    cells.extend(compared.cells(at, 0, &added));
                    cells.push(number(of(at, 0.99) - of(0, 0.99), 0));
                }
            }
        }
    }
    for cells in cells {
        table.row(cells);
    }
    table.print();
    Ok(())
}

fn load(ask: &Ask, pid: Option<u32>, how: How, length: Duration) -> Load<'_> {
    Load {
        ask,
        pid,
        request: 200,
        answer: Answer::Whole(1024),
        how,
        length,
    }
}
