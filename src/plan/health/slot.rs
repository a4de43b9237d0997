//! How one target is doing: cool-down after "too many requests", suspension after failures in a row, and the one
//! probe that ends a suspension. Atomics alone: whoever finds a target well has only read.

use super::{
    budget::Budget,
    figures::{Figures, Load},
    rule::Rule,
};
use crate::plan::Moment;
use crate::resources::Millis;
use std::sync::{
    Arc,
    atomic::{
        AtomicU64,
        Ordering::{AcqRel, Relaxed},
    },
};

/// Failures further apart than this (ms) are not in a row.
pub(super) const RECENT_MS: u64 = 60_000;
/// A probe that came to nothing by then (ms) is given up, and another may be made.
pub(super) const PROBE_MS: u64 = 30_000;
/// A suspension that nobody probed for this long after its end (ms) says nothing any more.
pub(super) const STALE_MS: u64 = 600_000;
/// Those that have waited for a target come to it so far (ms) from each other.
const APART_MS: u64 = 20;
/// Bounds of a cool-down asked for by Retry-After (ms).
const COOL_MIN_MS: u64 = 1_000;
const COOL_MAX_MS: u64 = 600_000;

/// One target's state. Moments in ms; 0: not at all. On lines of its own: it is read by every worker at every
/// request, and what is counted beside it must not take the lines away.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Slot {
    cool: AtomicU64,
    /// The end of a suspension. Once it has passed, the target waits for its probe.
    suspended: AtomicU64,
    /// A probe is under way and counts until then.
    probe: AtomicU64,
    /// Failures in a row: how many in the lowest byte, when the last was above it.
    row: AtomicU64,
    pub(super) figures: Figures,
    budget: Budget,
    /// Until when no other of those that have waited comes.
    gate: AtomicU64,
    /// What its provider says of suspensions.
    rule: Arc<Rule>,
}

/// Why a target is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// It asked to be, for so many milliseconds more.
    Cooling(u64),
    /// After failures, for so many milliseconds more.
    Suspended(u64),
    /// A suspension is over, and the next request is its probe.
    AwaitsProbe,
    /// One is being made.
    Probing,
}

impl std::fmt::Display for Rest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let up = |ms: u64| Millis(ms.div_ceil(1_000) * 1_000);
        match *self {
            Rest::Cooling(ms) => write!(f, "cooling down for {} more", up(ms)),
            Rest::Suspended(ms) => write!(f, "suspended for {} more", up(ms)),
            Rest::AwaitsProbe => {
                f.write_str("suspended until its next request, which is its probe")
            }
            Rest::Probing => f.write_str("suspended, and being probed"),
        }
    }
}

/// Whether an attempt may begin.
#[derive(Debug, PartialEq)]
pub(super) enum Admission {
    Free,
    /// As the one probe; the mark gives it back.
    Probe(u64),
    /// Another is probing.
    Probed,
}

impl Slot {
    pub(super) fn new(rule: Arc<Rule>) -> Slot {
        Slot {
            rule,
            ..Slot::default()
        }
    }

    /// For how long its provider has failed its active health checks (ms), if it does.
    pub(super) fn failing_for(&self, now: Moment) -> Option<u64> {
        self.rule.failing_for(now)
    }

    /// Until when it is to be left alone; not later than `now`: it is free.
    pub(super) fn rests_until(&self, now: Moment) -> u64 {
        self.returns_at(now).max(self.probe.load(Relaxed))
    }

    /// The same whatever a probe is doing.
    pub(super) fn returns_at(&self, now: Moment) -> u64 {
        let suspended = self.suspension(now).unwrap_or(0);
        self.cool.load(Relaxed).max(suspended)
    }

    /// Whether one of those that have waited may come now: one does.
    pub(super) fn pass(&self, now: Moment) -> bool {
        let gate = self.gate.load(Relaxed);
        let next = now.ms() + APART_MS;
        gate <= now.ms()
            && self
                .gate
                .compare_exchange(gate, next, AcqRel, Relaxed)
                .is_ok()
    }

    /// Why it is left alone, if it is: what takes longest.
    pub(in crate::plan) fn rest(&self, now: Moment) -> Option<Rest> {
        let left = |end: u64| end.saturating_sub(now.ms());
        let cooling = left(self.cool.load(Relaxed));
        match self.suspension(now).map(left) {
            Some(suspended @ 1..) if suspended >= cooling => Some(Rest::Suspended(suspended)),
            _ if cooling > 0 => Some(Rest::Cooling(cooling)),
            Some(_) if left(self.probe.load(Relaxed)) > 0 => Some(Rest::Probing),
            Some(_) => Some(Rest::AwaitsProbe),
            None => None,
        }
    }

    /// What is under way there and how soon it answers.
    pub(in crate::plan) fn load(&self) -> Load {
        self.figures.load()
    }

    /// The end of the suspension that holds, or that waits for a probe.
    fn suspension(&self, now: Moment) -> Option<u64> {
        let end = self.suspended.load(Relaxed);
        (end > 0 && now.ms() < end + STALE_MS).then_some(end)
    }

    /// Whether nothing is left to be remembered.
    pub(super) fn forgotten(&self, now: Moment) -> bool {
        let row = self.row.load(Relaxed);
        self.rests_until(now) <= now.ms()
            && self.suspension(now).is_none()
            && (row == 0 || now.ms() > (row >> 8) + RECENT_MS)
    }

    pub(super) fn admit(&self, now: Moment) -> Admission {
        match self.suspension(now) {
            // Still suspended: only where all are does one get here.
            Some(end) if end <= now.ms() => {
                let probe = self.probe.load(Relaxed);
                let mark = now.ms() + PROBE_MS;
                let first = probe <= now.ms()
                    && self
                        .probe
                        .compare_exchange(probe, mark, AcqRel, Relaxed)
                        .is_ok();
                match first {
                    true => Admission::Probe(mark),
                    false => Admission::Probed,
                }
            }
            _ => Admission::Free,
        }
    }

    /// Another may probe, unless another does already.
    pub(super) fn give_back(&self, mark: u64) {
        let _ = self.probe.compare_exchange(mark, 0, AcqRel, Relaxed);
    }

    /// It answers: a suspension is over. A cool-down that another request has been told of stays.
    pub(super) fn answered(&self) {
        // Looked at before it is written: a line that only reads stays with every worker.
        for part in [&self.suspended, &self.probe] {
            if part.load(Relaxed) != 0 {
                part.store(0, Relaxed);
            }
        }
    }

    /// It did all it was asked for: the next failure is the first of a row.
    pub(super) fn worked(&self) {
        self.answered();
        if self.row.load(Relaxed) != 0 {
            self.row.store(0, Relaxed);
        }
    }

    /// One more failure in a row; the last of too many suspends. `began`: when the attempt was let in.
    pub(super) fn failed(&self, began: Moment, now: Moment) {
        let add = |row: u64| {
            let (count, last) = (row & 0xff, row >> 8);
            let recent = now.ms() <= last + RECENT_MS;
            let count = if recent { (count + 1).min(0xff) } else { 1 };
            Some(now.ms() << 8 | count)
        };
        let before = self.row.fetch_update(AcqRel, Relaxed, add).unwrap_or(0);
        self.rule.unwell.fetch_max(now.ms() + RECENT_MS, AcqRel);
        // What was already under way when the suspension began makes it no longer.
        let known = self
            .suspension(now)
            .is_some_and(|end| began.ms() + self.rule.suspension() <= end);
        if !known && add(before).is_some_and(|row| self.rule.suspends(row & 0xff)) {
            self.suspend(now);
        }
    }

    /// Out for a while, whatever came before: a probe failed.
    pub(super) fn suspend(&self, now: Moment) {
        if !self.rule.ever_suspends() {
            // Its provider has been told so since the last suspension began.
            return self.answered();
        }
        let end = now.ms() + self.rule.suspension();
        self.suspended.fetch_max(end, AcqRel);
        self.rule.unwell.fetch_max(end + STALE_MS, AcqRel);
    }

    /// Whether one more attempt of a request that it has failed is within bounds; `take`: it is made.
    pub(super) fn repeat(&self, now: Moment, take: bool) -> bool {
        self.budget.allows(self.figures.begun(), now, take)
    }

    /// It asked to be left alone for a while.
    pub(super) fn cool(&self, wait_ms: Option<u64>, now: Moment) {
        let end = now.ms() + wait_ms.unwrap_or(0).clamp(COOL_MIN_MS, COOL_MAX_MS);
        self.cool.fetch_max(end, AcqRel);
        self.rule.unwell.fetch_max(end, AcqRel);
    }
}
