//! What tells targets apart that are well: how many attempts have begun and are under way, and how soon content came
//! lately. Each worker counts on a line of its own, so that counting takes no line from another; whoever asks adds up.

use serde::Serialize;
use std::sync::{
    OnceLock,
    atomic::{
        AtomicU64, AtomicUsize,
        Ordering::{AcqRel, Relaxed},
    },
};

/// Lanes of a target; with more workers than these, some share.
const LANES: usize = 16;
/// An average goes an eighth of the way to each new figure, and counts for eight figures at most.
const WEIGHT: u64 = 8;
/// Of the word that counts attempts: more are not under way at a time.
const UNDER_WAY: u32 = 24;
/// An average that nothing new came to for this long (ms) counts half.
const HALVED_MS: u64 = 30_000;
/// Averages are kept in sixteenths of a millisecond.
const PARTS: u64 = 16;

thread_local! {
    /// This worker's lane.
    static LANE: usize = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        NEXT.fetch_add(1, Relaxed) % LANES
    };
}

/// A target's figures, by worker; made when a worker first sends something there.
#[derive(Debug, Default)]
pub(super) struct Figures {
    lanes: [OnceLock<Box<Lane>>; LANES],
}

#[derive(Debug, Default)]
#[repr(align(128))]
struct Lane {
    /// Attempts under way in the lowest [`UNDER_WAY`] bits, all that have begun above them: one word, counted at once.
    attempts: AtomicU64,
    /// The average time to first content in parts, over how many figures in the lowest byte.
    first_content: AtomicU64,
    /// When the last of them came, in ms.
    last: AtomicU64,
}

/// What is known of a target's load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Load {
    /// Attempts that have begun and not ended.
    pub in_flight: u32,
    /// The decaying average time to first content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_content_ms: Option<u64>,
}

impl Lane {
    fn under_way(&self) -> u32 {
        (self.attempts.load(Relaxed) & ((1 << UNDER_WAY) - 1)) as u32
    }
}

impl Figures {
    /// An attempt begins; its lane, to end it with.
    pub(super) fn begin(&self) -> usize {
        let lane = LANE.with(|lane| *lane);
        let counted = self.lanes[lane].get_or_init(Box::default);
        counted.attempts.fetch_add((1 << UNDER_WAY) + 1, AcqRel);
        lane
    }

    pub(super) fn end(&self, lane: usize) {
        if let Some(lane) = self.lanes.get(lane).and_then(OnceLock::get) {
            lane.attempts.fetch_sub(1, AcqRel);
        }
    }

    /// Content came this long after an attempt of this lane had begun.
    pub(super) fn content(&self, lane: usize, ms: u64, now: u64) {
        let Some(lane) = self.lanes.get(lane).and_then(OnceLock::get) else {
            return;
        };
        let before = lane.first_content.load(Relaxed);
        let (average, count) = (before >> 8, (before & 0xff) + 1);
        let count = count.min(WEIGHT);
        // A request is over in days at most: no product leaves 64 bits.
        let figure = ms.min(1 << 32) * PARTS;
        let average = (average * (count - 1) + figure) / count;
        // Of two workers in one lane the later figure counts, which is good enough for an average.
        lane.first_content.store(average << 8 | count, Relaxed);
        lane.last.store(now, Relaxed);
    }

    pub(super) fn in_flight(&self) -> u32 {
        let lanes = self.lanes.iter().filter_map(OnceLock::get);
        lanes.map(|lane| lane.under_way()).sum()
    }

    /// The average in parts of a millisecond, which halves with every while that nothing came: so one that was slow is
    /// tried again. 0: nothing is known.
    pub(super) fn latency(&self, now: u64) -> u64 {
        let (mut sum, mut figures, mut last) = (0, 0, 0);
        for lane in self.lanes.iter().filter_map(OnceLock::get) {
            let packed = lane.first_content.load(Relaxed);
            let (average, count) = (packed >> 8, packed & 0xff);
            sum += average * count;
            figures += count;
            last = last.max(lane.last.load(Relaxed));
        }
        let halvings = now.saturating_sub(last) / HALVED_MS;
        let average = sum.checked_div(figures).unwrap_or(0);
        average
            .checked_shr(u32::try_from(halvings).unwrap_or(u32::MAX))
            .unwrap_or(0)
    }

    /// Attempts that have begun so far.
    pub(super) fn begun(&self) -> u64 {
        let lanes = self.lanes.iter().filter_map(OnceLock::get);
        lanes
            .map(|lane| lane.attempts.load(Relaxed) >> UNDER_WAY)
            .sum()
    }

    pub(super) fn load(&self) -> Load {
        let lanes = self.lanes.iter().filter_map(OnceLock::get);
        let (mut in_flight, mut sum, mut figures) = (0, 0, 0);
        for lane in lanes {
            in_flight += lane.under_way();
            let packed = lane.first_content.load(Relaxed);
            let (average, count) = (packed >> 8, packed & 0xff);
            sum += average * count;
            figures += count;
        }
        Load {
            in_flight,
            first_content_ms: sum.checked_div(figures).map(|parts| parts / PARTS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_count_on_lanes_of_their_own_and_are_added_up() {
        let figures = Figures::default();
        let load = |in_flight, first_content_ms| Load {
            in_flight,
            first_content_ms,
        };
        assert_eq!(figures.load(), load(0, None));
        let mine = figures.begin();
        std::thread::scope(|scope| {
            for ms in [0, 100, 200] {
                let figures = &figures;
                scope.spawn(move || {
                    figures.begin();
                    figures.content(figures.begin(), ms, 1);
                });
            }
        });
        assert_eq!(figures.load(), load(7, Some(100)));
        figures.end(mine);
        assert_eq!(figures.load(), load(6, Some(100)));
        assert_eq!(figures.begun(), 7);
    }

    #[test]
    fn an_average_follows_what_comes_lately() {
        let figures = Figures::default();
        let lane = figures.begin();
        figures.content(lane, 1_000, 1);
        assert_eq!(figures.load().first_content_ms, Some(1_000));
        (0..60).for_each(|_| figures.content(lane, 10, 1));
        assert_eq!(figures.load().first_content_ms, Some(10));
        figures.content(lane, u64::MAX, 1);
        assert!(figures.load().first_content_ms.is_some_and(|ms| ms > 1_000));
    }
    #[test]
    fn what_was_slow_is_forgotten_by_halves() {
        let figures = Figures::default();
        assert_eq!(figures.latency(5), 0);
        let lane = figures.begin();
        figures.content(lane, 800, 1_000);
        let at = |later| figures.latency(1_000 + later) / PARTS;
        assert_eq!([0, 29_999, 30_000, 60_000].map(at), [800, 800, 400, 200]);
        assert_eq!(
            [30_000 * 15, 30_000 * 64, u64::MAX - 1_000].map(at),
            [0, 0, 0]
        );
    }
}
