//! What requests cost that are as long as coding agents make them, whole and streamed, forwarded and translated.

use super::Compared;
use crate::Failure;
use crate::bench::{Bench, NGINX, Row};
use crate::drive::{How, Load, Outcome};
use crate::table::{Table, number, percent, quantile};
use crate::wire::{Answer, Manner};

/// Bytes of a request's body, and whether the answer is streamed.
const KINDS: [(usize, bool); 6] = [
    (1_000, false),
    (200_000, false),
    (200_000, true),
    (300_000, false),
    (2_000_000, false),
    (2_000_000, true),
];
const EVENTS: usize = 50;
const CALLERS: usize = 16;

pub fn print(bench: &mut Bench) -> Result<(), Failure> {
    KINDS
        .into_iter()
        .try_for_each(|(size, streamed)| one(bench, size, streamed))
}

fn one(bench: &mut Bench, size: usize, streamed: bool) -> Result<(), Failure> {
    let rows = bench.rows(|row| !row.peer && (row.main || row.is_gw_without_content()));
    let answer = match streamed {
        false => Answer::Whole(1024),
        true => Answer::Stream {
            events: EVENTS,
            manner: Manner::Unpaced,
        },
    };
    let length = bench.effort.length;
    // A core that is full of long requests has no time left for writing all of them down.
    let mut kept = vec![(0, 0); rows.len()];
    let places: Vec<usize> = (0..rows.len()).collect();
    let outcomes = bench.interleaved(&places, bench.effort.passes, |bench, &at| {
        let row = rows[at];
        let before = bench.log(row)?;
        let outcome = bench.load(row, |ask, pid| Load {
            ask,
            pid: Some(pid),
            request: size,
            answer,
            how: How::Closed(CALLERS),
            length,
        })?;
        if let (Some(before), Some(after)) = (before, bench.log(row)?) {
            let left_out = after.contents - before.contents;
            bench.excuse(row, left_out);
            kept[at].0 += after.written - before.written;
            kept[at].1 += left_out;
        }
        Ok(outcome)
    })?;
    println!(
        "Bodies of {} bytes, answers {}:\n",
        number(size as f64, 0),
        if streamed { "streamed" } else { "whole" }
    );
    table(bench, &rows, &outcomes, &kept);
    println!();
    Ok(())
}

/// `kept`: rows written, and contents left out.
fn table(bench: &mut Bench, rows: &[&'static Row], outcomes: &[Vec<Outcome>], kept: &[(u64, u64)]) {
    let compared = Compared {
        names: rows.iter().map(|row| row.name).collect(),
        outcomes,
    };
    let cost = compared.figure(|outcome| outcome.cost.as_secs_f64() * 1e6);
    // What a translation costs is told beside what the same gateway forwards.
    let plain = |row: &Row| {
        let plain = rows.iter().position(|other| row.is_translation_of(other));
        plain.map(|plain| rows[plain].name).unwrap_or_default()
    };
    let mut table = Table::new(&[
        "subject",
        "requests/s",
        "CPU µs",
        "÷ nginx",
        "÷ forwarded",
        "later µs",
        "first byte p50 ms",
        "p99",
        "content left out",
        "busy",
        "rig",
    ]);
    for (at, row) in rows.iter().enumerate() {
        let first = |part: f64| {
            let first = compared.of(at, |outcome| quantile(&outcome.first_byte, part)) / 1e3;
            if first.is_nan() {
                String::new()
            } else {
                number(first, 2)
            }
        };
        let ratio = |to: &str| match compared.to(to, at, &cost) {
            none if none.is_nan() => String::new(),
            ratio => number(ratio, 2),
        };
        table.row(vec![
            row.name.into(),
            number(compared.of(at, |outcome| outcome.rate), 0),
            number(compared.median(at, &cost), 1),
            ratio(NGINX),
            ratio(plain(row)),
            compared.later(at),
            first(0.5),
            first(0.99),
            match kept[at] {
                (0, _) => String::new(),
                (rows, left_out) => percent(left_out as f64 / rows as f64),
            },
            percent(compared.of(at, |outcome| outcome.busy)),
            percent(compared.of(at, |outcome| outcome.rig)),
        ]);
    }
    table.print();
    for (at, row) in rows.iter().enumerate() {
        let (busy, rig) = (
            compared.of(at, |outcome| outcome.busy),
            compared.of(at, |outcome| outcome.rig),
        );
        bench.judge_room(row.name, busy, rig, false);
    }
}
