//! What is going on now: one owner of all live figures, which feeds the dashboard, the metrics and whoever else looks. The
//! record of each request adds itself to its worker's tally as it ends, whether or not the log keeps it; everything else is
//! done by who looks: tallies are swapped for empty ones, which takes no time, and added up elsewhere. Must not know who asks.

mod cell;
pub mod families;
mod histogram;
pub mod metrics;
pub mod process;
mod recent;
pub mod scene;
mod table;
mod tally;
mod totals;
pub mod view;

pub use cell::{CLASSES, Cell, OUTCOMES, STATUSES, Sum, TOKENS};
pub use histogram::{BOUNDS, Coarse};
pub use tally::OTHER;
pub use totals::{SERIES, Totals};

use crate::resources::limit::{METRICS, Metric};
use crate::store::journal::Row;
use std::sync::{
    Arc, Mutex, MutexGuard, OnceLock, PoisonError,
    atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
};
use tally::Tally;

/// Workers that count apart; with more than these, some share.
const LANES: usize = 32;

thread_local! {
    /// This worker's lane.
    static LANE: usize = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        NEXT.fetch_add(1, Relaxed) % LANES
    };
}

/// A request that runs now.
#[derive(Clone, Debug)]
pub struct Running {
    pub key: Arc<str>,
    pub user: Arc<str>,
    /// Where it is being tried, provider and model; `None`: nowhere yet.
    pub target: Option<(Arc<str>, Arc<str>)>,
    /// For so many milliseconds.
    pub age_ms: u64,
}

#[derive(Debug)]
#[repr(align(128))]
struct Lane {
    tally: Mutex<Tally>,
    /// What the worker said was running when it was last asked.
    running: Mutex<Vec<Running>>,
}

/// All live figures.
#[derive(Debug)]
pub struct Live {
    seed: u64,
    lanes: [OnceLock<Box<Lane>>; LANES],
    /// How often lists of running requests were asked for.
    asked: AtomicU64,
    /// By metric: refused, and what a shadow limit would have refused.
    refused: [[AtomicU64; 2]; METRICS.len()],
    sums: Mutex<Sums>,
}

#[derive(Debug)]
struct Sums {
    totals: Totals,
    /// For each lane the tally it gets in exchange.
    spare: [Option<Tally>; LANES],
}

fn open<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Default for Live {
    fn default() -> Live {
        Live::new(0)
    }
}

impl Live {
    /// `seed`: of this process alone.
    pub fn new(seed: u64) -> Live {
        Live {
            seed,
            lanes: std::array::from_fn(|_| OnceLock::new()),
            asked: AtomicU64::new(0),
            refused: Default::default(),
            sums: Mutex::new(Sums {
                totals: Totals::new(seed),
                spare: std::array::from_fn(|_| None),
            }),
        }
    }

    fn lane(&self) -> &Lane {
        let lane = LANE.with(|lane| *lane);
        self.lanes[lane].get_or_init(|| {
            Box::new(Lane {
                tally: Mutex::new(Tally::new(self.seed)),
                running: Mutex::default(),
            })
        })
    }

    /// Counts a request that has ended. Whoever looks holds the lock for as long as a swap takes.
    pub fn note(&self, row: &Row) {
        open(&self.lane().tally).take(row);
    }

    /// A limit on this metric refused a request; `shadow`: it would have.
    pub fn refused(&self, metric: Metric, shadow: bool) {
        let place = METRICS.iter().position(|(_, known)| *known == metric);
        if let Some(counts) = place.and_then(|place| self.refused.get(place)) {
            counts[usize::from(shadow)].fetch_add(1, Relaxed);
        }
    }

    /// By metric: refusals, and those of shadow limits.
    pub fn refusals(&self) -> impl Iterator<Item = (&'static str, [u64; 2])> {
        let words = METRICS.iter().map(|(word, _)| *word);
        words.zip(
            self.refused
                .iter()
                .map(|counts| counts.each_ref().map(|count| count.load(Relaxed))),
        )
    }

    /// Adds up what was counted until now (Unix milliseconds), and hands the sums over. `known`: whether a model of this
    /// provider is known by more than what callers say.
    pub fn look<T>(
        &self,
        now: i64,
        known: &dyn Fn(&str, &str) -> bool,
        with: impl FnOnce(&Totals) -> T,
    ) -> T {
        let mut sums = open(&self.sums);
        let Sums { totals, spare } = &mut *sums;
        totals.pass(now);
        for (lane, spare) in self.lanes.iter().zip(spare) {
            let Some(lane) = lane.get() else { continue };
            let tally = spare.get_or_insert_with(|| Tally::new(self.seed));
            std::mem::swap(&mut *open(&lane.tally), tally);
            tally.settle();
            totals.take(tally, known, now);
            tally.reset();
        }
        with(totals)
    }

    /// Adds what was spent today before the start.
    pub fn spent_before(&self, now: i64, pico: u64) {
        open(&self.sums).totals.spend(now, pico);
    }

    /// Asks the workers which requests run; they say so when they next look up.
    pub fn ask(&self) {
        self.asked.fetch_add(1, Relaxed);
    }

    /// How often they have been asked.
    pub fn asked(&self) -> u64 {
        self.asked.load(Relaxed)
    }

    /// A worker says which of its requests run.
    pub fn runs(&self, running: Vec<Running>) {
        *open(&self.lane().running) = running;
    }

    /// What the workers said last, the oldest first.
    pub fn running(&self) -> Vec<Running> {
        let lanes = self.lanes.iter().filter_map(OnceLock::get);
        let mut all: Vec<Running> = lanes.flat_map(|lane| open(&lane.running).clone()).collect();
        all.sort_by_key(|one| std::cmp::Reverse(one.age_ms));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_lost_between_looks_of_several_workers() {
        let live = Live::new(7);
        let all = |live: &Live| {
            live.look(1_000, &|_, _| true, |totals| {
                totals
                    .series
                    .rows()
                    .map(|(_, cell)| cell.sum.requests)
                    .sum::<u64>()
            })
        };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for at in 0..2_000 {
                        let provider = Some(format!("p{}", at % 3).into());
                        live.note(&Row {
                            provider,
                            ..Row::default()
                        });
                    }
                });
            }
            for _ in 0..50 {
                all(&live);
            }
        });
        assert_eq!(all(&live), 8_000);
    }

    #[test]
    fn refusals_are_told_by_metric() {
        let live = Live::default();
        live.refused(Metric::Spend, false);
        live.refused(Metric::Spend, true);
        live.refused(Metric::Spend, true);
        let told: Vec<_> = live
            .refusals()
            .filter(|(_, counts)| *counts != [0, 0])
            .collect();
        assert_eq!(told, [("spend", [1, 2])]);
    }
}
