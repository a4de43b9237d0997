//! Everything counted since the start, and of the last hour second by second: what the workers' tallies are added up to.
//! Names that callers choose end here as [`OTHER`] unless somebody knows them. Pure; time and what is known are handed in.

use super::{
    cell::{CLASSES, Cell, Sum},
    recent::{Busy, Recent},
    table::Table,
    tally::{OTHER, Tally},
};
use crate::store::journal::sums::Histogram;
use std::collections::BTreeMap;

/// Series kept at most under names of their own; twice as many with models as [`OTHER`], and then none.
pub const SERIES: usize = 2_000;

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// Counts since the start.
#[derive(Debug)]
pub struct Totals {
    /// By route, provider and model; an empty name: there was none.
    pub series: Table<3, Cell>,
    /// What found no room.
    pub rest: Cell,
    /// By the whole status towards callers.
    pub statuses: BTreeMap<u16, u64>,
    pub recent: Recent,
    /// Busy in the last minute: keys, models as `PROVIDER/MODEL`, and what attempts failed of.
    pub keys: Busy,
    pub models: Busy,
    pub failures: Busy,
    /// Which day it is, and what was spent in it, in picodollars.
    day: (i64, u64),
}

impl Totals {
    pub fn new(seed: u64) -> Totals {
        Totals {
            series: Table::new(seed),
            rest: Cell::default(),
            statuses: BTreeMap::new(),
            recent: Recent::default(),
            keys: Busy::default(),
            models: Busy::default(),
            failures: Busy::default(),
            day: (0, 0),
        }
    }

    /// Takes in what one worker has counted up to now (Unix milliseconds). `known`: whether this provider's model is known
    /// by more than what callers say.
    pub fn take(&mut self, tally: &Tally, known: &dyn Fn(&str, &str) -> bool, now: i64) {
        let second = u64::try_from(now / 1_000).unwrap_or_default();
        let mut sum = Sum::default();
        let counted = tally.series.rows().filter(|(_, cell)| !cell.is_empty());
        for (names, cell) in counted {
            let [route, provider, model] = names.each_ref().map(|name| &**name);
            let model = match model {
                "" | OTHER => model,
                _ if known(provider, model) => model,
                _ => OTHER,
            };
            self.add(second, [route, provider, model], cell);
            sum.add(&cell.sum);
        }
        if !tally.rest.is_empty() {
            self.add(second, [OTHER; 3], &tally.rest);
            sum.add(&tally.rest.sum);
        }
        for ([key], busy) in tally.keys.rows().filter(|(_, busy)| busy.requests > 0) {
            self.keys.note(second, key, busy);
        }
        for (status, count) in &tally.statuses {
            *self.statuses.entry(*status).or_default() += count;
        }
        self.recent.note(second, &sum, &tally.latency, &tally.first);
        self.spend(now, sum.cost_pico);
    }

    fn add(&mut self, second: u64, [route, provider, model]: [&str; 3], cell: &Cell) {
        let series = &mut self.series;
        let place = series.place([route, provider, model], SERIES);
        let place = place.or_else(|| series.place([route, provider, OTHER], 2 * SERIES));
        let all = place.and_then(|place| series.row(place));
        all.unwrap_or(&mut self.rest).add(cell);
        if !provider.is_empty() && cell.sum.requests > 0 {
            let name = format!("{provider}/{model}");
            self.models.note(second, &name, &cell.sum);
        }
        // The first two are no failures: it went well, or the caller left.
        for (class, count) in CLASSES
            .iter()
            .zip(cell.attempts)
            .skip(2)
            .filter(|(_, count)| *count > 0)
        {
            let failed = Sum {
                requests: count,
                ..Sum::default()
            };
            self.failures.note(second, class, &failed);
        }
    }

    /// Time goes on, whether or not anything ended.
    pub fn pass(&mut self, now: i64) {
        let second = u64::try_from(now / 1_000).unwrap_or_default();
        let none = Histogram::default();
        self.recent.note(second, &Sum::default(), &none, &none);
        for busy in [&mut self.keys, &mut self.models, &mut self.failures] {
            busy.forget(second);
        }
        self.spend(now, 0);
    }

    /// Adds to what was spent on the day of this time.
    pub fn spend(&mut self, now: i64, pico: u64) {
        let day = now.div_euclid(DAY);
        if day > self.day.0 {
            self.day = (day, 0);
        }
        if day == self.day.0 {
            self.day.1 = self.day.1.saturating_add(pico);
        }
    }

    /// Spent since midnight UTC, in picodollars.
    pub fn today(&self) -> u64 {
        self.day.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::journal::{Attempt, Row};

    fn tally(rows: &[(&str, u16)]) -> Tally {
        let mut tally = Tally::new(3);
        for (model, status) in rows {
            tally.take(&Row {
                key: Some("k".into()),
                provider: Some("p".into()),
                model: Some((*model).into()),
                status: *status,
                cost_pico: Some(5),
                attempts: vec![Attempt {
                    provider: "p".into(),
                    model: (*model).into(),
                    class: if *status < 400 { "ok" } else { "capacity" }.into(),
                    ..Attempt::default()
                }],
                ..Row::default()
            });
        }
        tally
    }

    #[test]
    fn models_that_nobody_knows_are_other_and_all_are_counted() {
        let mut totals = Totals::new(1);
        let known = |_: &str, model: &str| model == "m";
        totals.take(&tally(&[("m", 200), ("x", 200), ("y", 429)]), &known, 1_000);
        totals.take(&tally(&[("m", 200)]), &known, 2_000);
        let rows = totals.series.rows();
        let shown: Vec<_> = rows
            .map(|(names, cell)| (names.join("|"), cell.sum.requests))
            .collect();
        assert_eq!(shown, [("|p|m".into(), 2), ("|p|other".into(), 2)]);
        assert_eq!(totals.statuses, BTreeMap::from([(200, 3), (429, 1)]));
        let list = |busy: &Busy| -> Vec<(String, u64)> {
            busy.list(9)
                .into_iter()
                .map(|(name, sum)| (name, sum.requests))
                .collect()
        };
        assert_eq!(list(&totals.keys), [("k".into(), 4)]);
        assert_eq!(
            list(&totals.models),
            [("p/m".into(), 2), ("p/other".into(), 2)]
        );
        assert_eq!(list(&totals.failures), [("capacity".into(), 1)]);
        assert_eq!((totals.today(), totals.recent.last(1).requests), (20, 1));
        totals.pass(DAY + 5_000);
        assert_eq!((totals.today(), list(&totals.keys)), (0, vec![]));
        // A clock that goes back does not give the day back.
        totals.spend(5, 7);
        assert_eq!(totals.today(), 0);
    }

    #[test]
    fn series_are_bounded() {
        let mut totals = Totals::new(1);
        for at in 0..100 {
            let names: Vec<String> = (0..60).map(|model| format!("m{at}-{model}")).collect();
            let rows: Vec<(&str, u16)> = names.iter().map(|name| (name.as_str(), 200)).collect();
            totals.take(&tally(&rows), &|_, _| true, 1_000);
        }
        assert_eq!(totals.series.rows().count(), SERIES + 1);
        let all: u64 = totals
            .series
            .rows()
            .map(|(_, cell)| cell.sum.requests)
            .sum();
        assert_eq!(all, 6_000);
    }
}
