//! What one worker has counted since somebody last looked: added to by the record of each request as it ends, taken by whoever
//! adds up. Nothing is allocated for names that were there before.

use super::{
    cell::{Cell, Sum, class},
    table::Table,
};
use crate::store::journal::{Attempt, Row, sums::Histogram};

/// What stands for everything there is no room for by its own name.
pub const OTHER: &str = "other";

/// Series counted apart between two looks. Callers choose names of models: beyond these they are counted as [`OTHER`], and
/// beyond twice as many everything is.
const SERIES: usize = 512;
/// Times that wait for their histograms.
const TIMES: usize = 8_192;
/// Keys counted apart.
const KEYS: usize = 4_096;

/// One worker's counts.
#[derive(Debug)]
pub struct Tally {
    /// By route, provider and model.
    pub series: Table<3, Cell>,
    /// What found no room.
    pub rest: Cell,
    /// By key.
    pub keys: Table<1, Sum>,
    /// By the whole status.
    pub statuses: Vec<(u16, u64)>,
    pub latency: Histogram,
    /// To the first content.
    pub first: Histogram,
    /// Both, of requests that are in neither yet: putting them in is for who looks.
    times: Vec<(u64, Option<u64>)>,
}

impl Tally {
    pub fn new(seed: u64) -> Tally {
        Tally {
            series: Table::new(seed),
            rest: Cell::default(),
            keys: Table::new(seed),
            statuses: Vec::new(),
            latency: Histogram::default(),
            first: Histogram::default(),
            times: Vec::new(),
        }
    }

    /// Takes in a request that has ended.
    pub fn take(&mut self, row: &Row) {
        let route = row.route.as_deref().unwrap_or_default();
        let provider = row.provider.as_deref().unwrap_or_default();
        let model = row.model.as_deref().unwrap_or_default();
        let sum = Sum::of(row);
        let cell = self.cell(route, provider, model);
        cell.note(row, &sum);
        // The last is nearly always the only one, and where the request came to.
        let here = |attempt: &Attempt| *attempt.provider == *provider && *attempt.model == *model;
        let (last, others) = match row.attempts.split_last() {
            Some((last, others)) if here(last) => (Some(last), others),
            _ => (None, row.attempts.as_slice()),
        };
        if let Some(last) = last {
            cell.attempts[class(&last.class)] += 1;
        }
        for attempt in others {
            let cell = self.cell(route, &attempt.provider, &attempt.model);
            cell.attempts[class(&attempt.class)] += 1;
        }
        if let Some(key) = &row.key
            && let Some(busy) = self.keys.at([key], KEYS)
        {
            busy.add(&sum);
        }
        match self
            .statuses
            .iter_mut()
            .find(|(status, _)| *status == row.status)
        {
            Some((_, count)) => *count += 1,
            None => self.statuses.push((row.status, 1)),
        }
        self.times.push((row.latency_ms, row.ttft_ms));
        if self.times.len() >= TIMES {
            self.settle();
        }
    }

    /// Puts times into their histograms.
    pub fn settle(&mut self) {
        for (latency, first) in self.times.drain(..) {
            self.latency.add(latency);
            first.into_iter().for_each(|ms| self.first.add(ms));
        }
    }

    fn cell(&mut self, route: &str, provider: &str, model: &str) -> &mut Cell {
        let Tally { series, rest, .. } = self;
        let place = series.place([route, provider, model], SERIES);
        let place = place.or_else(|| series.place([route, provider, OTHER], 2 * SERIES));
        place.and_then(|place| series.row(place)).unwrap_or(rest)
    }

    /// Begins anew.
    pub fn reset(&mut self) {
        self.series.reset(SERIES / 2);
        self.keys.reset(KEYS / 2);
        self.rest = Cell::default();
        self.statuses.clear();
        self.latency.clear();
        self.first.clear();
        self.times.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(model: &str, attempts: &[(&str, &str, &str)]) -> Row {
        let attempts = attempts.iter().map(|(provider, model, class)| Attempt {
            provider: (*provider).into(),
            model: (*model).into(),
            class: class.to_string().into(),
            ..Attempt::default()
        });
        Row {
            key: Some("k".into()),
            route: Some("r".into()),
            provider: Some("p".into()),
            model: Some(model.into()),
            status: 200,
            attempts: attempts.collect(),
            ..Row::default()
        }
    }

    fn shown(tally: &Tally) -> Vec<(String, u64, u64)> {
        let rows = tally.series.rows();
        rows.map(|(names, cell)| {
            (
                names.join("/"),
                cell.sum.requests,
                cell.attempts.iter().sum(),
            )
        })
        .collect()
    }

    #[test]
    fn attempts_count_where_they_were_made() {
        let mut tally = Tally::new(1);
        tally.take(&row("m", &[("q", "n", "capacity"), ("p", "m", "ok")]));
        tally.take(&row("m", &[("p", "m", "ok")]));
        assert_eq!(
            shown(&tally),
            [("r/p/m".into(), 2, 2), ("r/q/n".into(), 0, 1)]
        );
        assert_eq!(
            (tally.statuses.clone(), tally.rest.is_empty()),
            (vec![(200, 2)], true)
        );
        tally.reset();
        assert_eq!(
            shown(&tally),
            [("r/p/m".into(), 0, 0), ("r/q/n".into(), 0, 0)]
        );
    }

    #[test]
    fn names_that_callers_choose_are_bounded_and_nothing_is_lost() {
        let mut tally = Tally::new(1);
        for at in 0..3_000 {
            tally.take(&row(&format!("m{at}"), &[]));
        }
        let shown = shown(&tally);
        assert_eq!(shown.len(), SERIES + 1);
        assert_eq!(
            shown.last(),
            Some(&("r/p/other".into(), 3_000 - SERIES as u64, 0))
        );
        let keys: Vec<u64> = tally.keys.rows().map(|(_, sum)| sum.requests).collect();
        assert_eq!(keys, [3_000]);
        tally.reset();
        assert!(tally.series.rows().next().is_none());
    }
}
