//! A histogram of times with the bounds that OpenTelemetry names, kept for each series. Percentiles come from a finer one, that
//! of the log's sums. Pure.

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

#[cfg(test)]
mod tests {
    use super::*;

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
}
