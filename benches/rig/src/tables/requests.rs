//! How many requests a second one core carries, and what a request costs.

use super::{Compared, TO};
use crate::Failure;
use crate::bench::{Bench, LEAN, NGINX};
use crate::drive::{How, Load};
use crate::table::{Table, percent};
use crate::wire::Answer;

const CALLERS: usize = 64;

pub fn print(bench: &mut Bench) -> Result<(), Failure> {
    let rows = bench.rows(|_| true);
    let length = bench.effort.length;
    bench.come_first(true)?;
    let outcomes = bench.interleaved(&rows, bench.effort.passes, |bench, row| {
        bench.load(row, |ask, pid| Load {
            ask,
            pid: Some(pid),
            request: 200,
            answer: Answer::Whole(1024),
            how: How::Closed(CALLERS),
            length,
        })
    })?;
    bench.come_first(false)?;
    let compared = Compared {
        names: rows.iter().map(|row| row.name).collect(),
        outcomes: &outcomes,
    };
    let rate = compared.figure(|outcome| outcome.rate);
    let cost = compared.figure(|outcome| outcome.cost.as_secs_f64() * 1e6);
    let [nginx, lean] = TO;
    let mut table = Table::new(&[
        "subject",
        "requests/s",
        nginx,
        lean,
        "CPU µs",
        nginx,
        lean,
        "later µs",
        "behind",
        "spread",
        "busy",
        "upstream",
        "rig",
        "stolen",
    ]);
    for (at, row) in rows.iter().enumerate() {
        let rates = || outcomes[at].iter().map(|outcome| outcome.rate);
        let spread = rates().fold(f64::MIN, f64::max) - rates().fold(f64::MAX, f64::min);
        let mut cells = vec![row.name.into()];
        cells.extend(compared.cells(at, 0, &rate));
        cells.extend(compared.cells(at, 1, &cost));
        cells.extend([
            compared.later(at),
            percent(compared.of(at, |outcome| outcome.behind)),
            percent(spread / compared.median(at, &rate)),
            percent(compared.of(at, |outcome| outcome.busy)),
            percent(compared.of(at, |outcome| outcome.upstream)),
            percent(compared.of(at, |outcome| outcome.rig)),
            percent(compared.of(at, |outcome| outcome.stolen)),
        ]);
        table.row(cells);
    }
    table.print();
    for (at, row) in rows.iter().enumerate() {
        let busy = compared.of(at, |outcome| outcome.busy);
        let rig = compared.of(at, |outcome| outcome.rig);
        bench.judge_room(row.name, busy, rig, row.main);
    }
    if let Some(lean) = compared.names.iter().position(|name| *name == LEAN) {
        bench.judge_lean(compared.to(NGINX, lean, &rate));
    }
    Ok(())
}
