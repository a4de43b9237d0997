//! Two histograms of times: a coarse one with the bounds that OpenTelemetry names, which is kept for each series, and a fine
//! one for percentiles. Pure.

/// Upper bounds in ms: <https://github.com/open-telemetry/semantic-conventions-genai/blob/main/docs/gen-ai/gen-ai-metrics.md>
pub const BOUNDS: [u64; 14] = [
    10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 5_120, 10_240, 20_480, 40_960, 81_920,
];

/// How many took how long, by [`BOUNDS`]; the last bucket is beyond them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coarse {
    pub buckets: [u64; BOUNDS.len() + 1],
    pub sum_ms: u64,
}

impl Coarse {
    pub fn note(&mut self, ms: u64) {
        self.buckets[BOUNDS.partition_point(|bound| *bound < ms)] += 1;
        self.sum_ms = self.sum_ms.saturating_add(ms);
    }

    pub fn add(&mut self, more: &Coarse) {
        for (count, more) in self.buckets.iter_mut().zip(more.buckets) {
            *count += more;
        }
        self.sum_ms = self.sum_ms.saturating_add(more.sum_ms);
    }

    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

/// Buckets to a doubling: a percentile is off by a sixteenth at most.
const STEPS: usize = 8;
/// Times are told apart up to 2^20 ms, which is 17 minutes.
const DOUBLINGS: usize = 20;
const FINE: usize = (DOUBLINGS - 2) * STEPS;

/// How many took how long, in buckets whose width grows with the time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fine(Box<[u32; FINE]>);

impl Default for Fine {
    fn default() -> Fine {
        Fine(Box::new([0; FINE]))
    }
}

fn place(ms: u64) -> usize {
    let ms = ms.min((1 << DOUBLINGS) - 1);
    match ms {
        0..8 => ms as usize,
        _ => {
            let doublings = ms.ilog2() as usize;
            let step = (ms >> (doublings - 3)) as usize & (STEPS - 1);
            (doublings - 2) * STEPS + step
        }
    }
}

/// The middle of a bucket.
fn middle(place: usize) -> f64 {
    match place {
        0..8 => place as f64,
        _ => {
            let width = 1u64 << (place / STEPS - 1);
            ((STEPS + place % STEPS) as u64 * width) as f64 + (width as f64 - 1.0) / 2.0
        }
    }
}

impl Fine {
    pub fn note(&mut self, ms: u64) {
        self.0[place(ms)] += 1;
    }

    pub fn add(&mut self, more: &Fine) {
        for (count, more) in self.0.iter_mut().zip(more.0.iter()) {
            *count = count.saturating_add(*more);
        }
    }

    pub fn reset(&mut self) {
        self.0.fill(0);
    }

    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|count| *count == 0)
    }

    /// The time that this share (0 to 1) took at most, in ms; `None`: nothing is known.
    pub fn percentile(&self, share: f64) -> Option<f64> {
        let all: u64 = self.0.iter().map(|count| u64::from(*count)).sum();
        let rank = ((all as f64 * share).ceil() as u64).clamp(1, all.max(1));
        let mut seen = 0;
        let found = self.0.iter().position(|count| {
            seen += u64::from(*count);
            seen >= rank
        });
        found.filter(|_| all > 0).map(middle)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        let mut times = Coarse::default();
        for ms in [0, 10, 11, 81_920, 81_921, u64::MAX] {
            times.note(ms);
        }
        assert_eq!(
            (
                times.buckets[0],
                times.buckets[1],
                times.buckets[13],
                times.buckets[14]
            ),
            (2, 1, 1, 2)
        );
        assert_eq!((times.count(), times.sum_ms), (6, u64::MAX));
    }

    proptest! {
        #[test]
        fn percentiles_are_near_those_of_a_sorted_list(mut times in proptest::collection::vec(0u64..1_000_000, 1..300), share in 0.01f64..1.0) {
            let mut fine = Fine::default();
            times.iter().for_each(|ms| fine.note(*ms));
            times.sort_unstable();
            let rank = (times.len() as f64 * share).ceil() as usize;
            let exact = times[rank - 1] as f64;
            let told = fine.percentile(share).unwrap();
            prop_assert!((told - exact).abs() <= exact / 16.0 + 0.5, "{told} for {exact}");
        }
    }

    #[test]
    fn nothing_is_known_of_nothing_and_the_longest_have_a_place() {
        let mut fine = Fine::default();
        assert_eq!((fine.percentile(0.5), fine.is_empty()), (None, true));
        fine.note(u64::MAX);
        assert!(fine.percentile(0.5).unwrap() > 900_000.0);
        fine.reset();
        assert!(fine.is_empty());
    }
}
