//! Everything that samples of metrics come from, gathered when somebody asks.

use super::{Cell, OTHER, Totals, process::Process, view::Target};
use crate::store::journal::Health;

/// The moment somebody asks at.
#[derive(Clone, Debug)]
pub struct Scene {
    /// By route, provider and model.
    pub series: Vec<([String; 3], Cell)>,
    pub statuses: Vec<(u16, u64)>,
    /// By metric of limits: refused, and what shadow limits would have refused.
    pub refused: Vec<(&'static str, [u64; 2])>,
    pub in_flight: u64,
    pub waiting: u64,
    pub held_bytes: u64,
    pub connections: u64,
    pub workers: u64,
    pub targets: Vec<Target>,
    /// Providers by name, and how they are doing in a word.
    pub providers: Vec<(String, String)>,
    pub log: Health,
    pub spans: Export,
    pub notices: Export,
    pub process: Process,
}

/// What went to somebody else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Export {
    pub sent: u64,
    /// Given up after all tries.
    pub failed: u64,
    /// There was no room for.
    pub dropped: u64,
}

impl Scene {
    /// What the sums say; the rest is for whoever knows it.
    pub fn of(totals: &Totals) -> Scene {
        let own = |names: &[Box<str>; 3]| names.each_ref().map(|name| name.to_string());
        let series = totals.series.rows();
        let mut series: Vec<([String; 3], Cell)> = series
            .map(|(names, cell)| (own(names), cell.clone()))
            .collect();
        if !totals.rest.is_empty() {
            series.push(([OTHER; 3].map(str::to_owned), totals.rest.clone()));
        }
        series.sort_by(|(one, _), (other, _)| one.cmp(other));
        Scene {
            series,
            statuses: totals
                .statuses
                .iter()
                .map(|(status, count)| (*status, *count))
                .collect(),
            refused: Vec::new(),
            in_flight: 0,
            waiting: 0,
            held_bytes: 0,
            connections: 0,
            workers: 0,
            targets: Vec::new(),
            providers: Vec::new(),
            log: Health::default(),
            spans: Export::default(),
            notices: Export::default(),
            process: Process::default(),
        }
    }
}
