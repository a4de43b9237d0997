//! What a subject adds to an answer's time where it has room.

use crate::Failure;
use crate::bench::{Bench, LEAN, NGINX, Row};
use crate::drive::{How, Load, Outcome};
use crate::table::{Table, median, number};
use crate::wire::{Answer, Ask};
use std::time::Duration;

/// Requests a second.
const RATES: [u32; 2] = [500, 2_000];

pub fn print(bench: &mut Bench) -> Result<(), Failure> {
    let mut rows: Vec<Option<&Row>> = vec![None];
    rows.extend(bench.rows(|row| !row.peer).into_iter().map(Some));
    let length = bench.effort.length;
    let mut table = Table::new(&[
        "subject",
        "500/s p50 µs",
        "÷ nginx",
        "÷ lean",
        "p99 µs",
        "2,000/s p50 µs",
        "÷ nginx",
        "÷ lean",
        "p99 µs",
    ]);
    let mut cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| vec![row.map_or("(upstream itself)", |row| row.name).into()])
        .collect();
    for rate in RATES {
        let how = How::Every(Duration::from_secs(1) / rate);
        let outcomes = bench.interleaved(&rows, |bench, row| match row {
            Some(row) => bench.load(row, |ask, pid| load(ask, Some(pid), how, length)),
            None => {
                let direct = bench.direct();
                bench.drive.run(&load(&direct, None, how, length))
            }
        })?;
        let of = |at: usize, part: f64| {
            median(
                outcomes[at]
                    .iter()
                    .map(|outcome: &Outcome| crate::table::quantile(&outcome.whole, part)),
            )
        };
        let added = |at: usize, part: f64| of(at, part) - of(0, part);
        let place = |name: &str| {
            rows.iter()
                .position(|row| row.is_some_and(|row| row.name == name))
        };
        for (at, cells) in cells.iter_mut().enumerate() {
            if at == 0 {
                cells.extend([
                    number(of(0, 0.5), 0),
                    String::new(),
                    String::new(),
                    number(of(0, 0.99), 0),
                ]);
                continue;
            }
            let to = |name: &str| {
                place(name).map_or(f64::NAN, |other| added(at, 0.5) / added(other, 0.5))
            };
            cells.extend([
                number(added(at, 0.5), 0),
                number(to(NGINX), 2),
                number(to(LEAN), 2),
                number(added(at, 0.99), 0),
            ]);
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
