//! To which requests a script's faults apply: a law over a request's number and time, so that the same mock fails in the
//! same way again.

use std::time::{Duration, Instant};

/// Conditions, all of which have to hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct When {
    /// The first so many.
    pub first: Option<u64>,
    /// So many of a hundred.
    pub percent: Option<u64>,
    /// Draws others.
    pub seed: u64,
    /// Those that come within this time of the first.
    pub during: Option<Duration>,
    /// Well for the first time, not for the second, in turn.
    pub flap: Option<(Duration, Duration)>,
}

impl When {
    /// Whether they hold for the `nth` request, counted from 1, `age` after the first.
    pub fn holds(&self, nth: u64, age: Duration) -> bool {
        let down = |(up, down): (Duration, Duration)| {
            let whole = (up + down).as_nanos().max(1);
            age.as_nanos() % whole >= up.as_nanos()
        };
        self.first.is_none_or(|first| nth <= first)
            && self
                .percent
                .is_none_or(|percent| draw(self.seed, nth) < percent)
            && self.during.is_none_or(|during| age < during)
            && self.flap.is_none_or(down)
    }
}

/// What there has been under one name.
#[derive(Debug)]
pub struct Past {
    count: u64,
    since: Instant,
}

impl Default for Past {
    fn default() -> Past {
        Past {
            count: 0,
            since: Instant::now(),
        }
    }
}

impl Past {
    /// One more: which it is, and how long after the first.
    pub fn next(&mut self) -> (u64, Duration) {
        self.count += 1;
        (self.count, self.since.elapsed())
    }
}

/// A number below 100 for a request: SplitMix64, <https://prng.di.unimi.it/splitmix64.c>.
fn draw(seed: u64, nth: u64) -> u64 {
    let mut z = seed.wrapping_add(nth.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) % 100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_phases_are_what_they_say() {
        let percent = |percent, seed| When {
            percent: Some(percent),
            seed,
            ..When::default()
        };
        let failing = |when: &When| {
            (1..=10_000)
                .filter(|nth| when.holds(*nth, Duration::ZERO))
                .count()
        };
        for (share, seed) in [(0, 0), (10, 1), (50, 2), (100, 3)] {
            let failing = failing(&percent(share, seed));
            // Five standard deviations.
            assert!(
                failing.abs_diff(share as usize * 100) <= 250,
                "{share}: {failing}"
            );
        }
        assert_ne!(
            (1..50)
                .map(|nth| percent(50, 1).holds(nth, Duration::ZERO))
                .collect::<Vec<_>>(),
            (1..50)
                .map(|nth| percent(50, 2).holds(nth, Duration::ZERO))
                .collect::<Vec<_>>()
        );
        let second = Duration::from_secs(1);
        let flap = When {
            flap: Some((second * 2, second)),
            ..When::default()
        };
        let at = |tenths| flap.holds(1, second / 10 * tenths);
        assert_eq!(
            [0, 19, 20, 29, 30, 50].map(at),
            [false, false, true, true, false, true]
        );
        let during = When {
            during: Some(second),
            first: Some(2),
            ..When::default()
        };
        assert!(
            during.holds(2, second / 2) && !during.holds(3, second / 2) && !during.holds(1, second)
        );
    }
}
