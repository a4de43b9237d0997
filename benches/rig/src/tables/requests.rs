//! How many requests a second one core carries, and what a request costs.

use crate::Failure;
use crate::bench::{Bench, LEAN, NGINX};
use crate::drive::{How, Load, Outcome};
use crate::table::{Table, median, number, percent};
use crate::wire::Answer;

const CALLERS: usize = 64;

pub fn print(bench: &mut Bench) -> Result<(), Failure> {
    let rows = bench.rows(|_| true);
    let length = bench.effort.length;
    let outcomes = bench.interleaved(&rows, |bench, row| {
        bench.load(row, |ask, pid| Load {
            ask,
            pid: Some(pid),
            request: 200,
            answer: Answer::Whole(1024),
            how: How::Closed(CALLERS),
            length,
        })
    })?;
    let of = |at: usize, what: fn(&Outcome) -> f64| median(outcomes[at].iter().map(what));
    let rate = |at| of(at, |outcome| outcome.rate);
    let cost = |at| of(at, |outcome| outcome.cost.as_secs_f64() * 1e6);
    let place = |name: &str| rows.iter().position(|row| row.name == name);
    let to = |name: &str, what: &dyn Fn(usize) -> f64, at: usize| {
        place(name).map_or(f64::NAN, |other| what(at) / what(other))
    };
    let mut table = Table::new(&[
        "subject",
        "requests/s",
        "÷ nginx",
        "÷ lean",
        "CPU µs",
        "÷ nginx",
        "÷ lean",
        "behind",
        "spread",
        "busy",
        "upstream",
        "rig",
    ]);
    for (at, row) in rows.iter().enumerate() {
        let rates = outcomes[at].iter().map(|outcome| outcome.rate);
        let spread = rates.clone().fold(f64::MIN, f64::max) - rates.fold(f64::MAX, f64::min);
        table.row(vec![
            row.name.into(),
            number(rate(at), 0),
            number(to(NGINX, &rate, at), 2),
            number(to(LEAN, &rate, at), 2),
            number(cost(at), 1),
            number(to(NGINX, &cost, at), 2),
            number(to(LEAN, &cost, at), 2),
            percent(of(at, |outcome| outcome.behind)),
            percent(spread / rate(at)),
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
            true,
        );
    }
    if let (Some(lean), Some(nginx)) = (place(LEAN), place(NGINX)) {
        bench.judge_lean(rate(lean) / rate(nginx));
    }
    Ok(())
}
