//! Milliseconds counted in buckets that grow with what they hold, so that histograms can be added up and percentiles
//! of any sum told within a bounded error. Pure.

/// Buckets an octave. A bucket is at most 1/32 of its own value wide: what is told is its middle, at most 1.6 % off.
const PARTS: u64 = 32;
const PARTS_BITS: u32 = 5;

/// How long things took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// How many there were, and what they come to.
    pub count: u64,
    pub sum: u64,
    /// Only those that hold something, in order.
    buckets: Vec<(u16, u64)>,
}

/// The bucket of a time: exact below [`PARTS`].
fn bucket(ms: u64) -> u16 {
    if ms < PARTS {
        return ms as u16;
    }
    let octave = ms.ilog2() - PARTS_BITS;
    let part = (ms >> octave) - PARTS;
    (PARTS * (u64::from(octave) + 1) + part) as u16
}

/// The middle of a bucket.
fn middle(bucket: u16) -> u64 {
    let bucket = u64::from(bucket);
    if bucket < PARTS {
        return bucket;
    }
    let octave = (bucket / PARTS - 1).min(58);
    let low = (PARTS + bucket % PARTS) << octave;
    low + ((1 << octave) - 1) / 2
}

impl Histogram {
    /// Takes one time in.
    pub fn add(&mut self, ms: u64) {
        self.sum = self.sum.saturating_add(ms);
        self.put(bucket(ms), 1);
    }

    fn put(&mut self, bucket: u16, count: u64) {
        self.count = self.count.saturating_add(count);
        match self.buckets.binary_search_by_key(&bucket, |(at, _)| *at) {
            Ok(at) => {
                if let Some((_, held)) = self.buckets.get_mut(at) {
                    *held = held.saturating_add(count);
                }
            }
            Err(at) => self.buckets.insert(at, (bucket, count)),
        }
    }

    /// Takes another in.
    pub fn merge(&mut self, other: &Histogram) {
        self.sum = self.sum.saturating_add(other.sum);
        for (bucket, count) in &other.buckets {
            self.put(*bucket, *count);
        }
    }

    /// The time that so many of a thousand do not exceed; `None` where nothing was counted.
    pub fn percentile(&self, per_mille: u64) -> Option<u64> {
        let wanted = u128::from(self.count) * u128::from(per_mille);
        let wanted = wanted.div_ceil(1000).max(1);
        let mut passed = 0_u128;
        let found = self.buckets.iter().find(|(_, count)| {
            passed += u128::from(*count);
            passed >= wanted
        });
        found.or(self.buckets.last()).map(|(at, _)| middle(*at))
    }

    /// The mean, to the nearest millisecond.
    pub fn mean(&self) -> Option<u64> {
        (self.count > 0).then(|| (self.sum + self.count / 2) / self.count)
    }

    /// What is kept of it: the sum, and the buckets that hold something.
    pub fn parts(&self) -> (u64, &[(u16, u64)]) {
        (self.sum, &self.buckets)
    }

    /// Empties it, keeping its room.
    pub fn clear(&mut self) {
        (self.count, self.sum) = (0, 0);
        self.buckets.clear();
    }

    /// Puts back what [`Histogram::parts`] gave.
    pub fn restore(&mut self, sum: u64, buckets: impl Iterator<Item = (u16, u64)>) {
        self.clear();
        buckets.for_each(|(bucket, count)| self.put(bucket, count));
        self.sum = sum;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_has_no_percentile() {
        let none = Histogram::default();
        assert_eq!((none.percentile(500), none.mean()), (None, None));
    }

    #[test]
    fn the_largest_time_has_a_bucket() {
        let mut long = Histogram::default();
        long.add(u64::MAX);
        long.add(u64::MAX);
        assert_eq!((long.count, long.sum), (2, u64::MAX));
        assert!(long.percentile(500).unwrap() > u64::MAX / 2);
        assert!(middle(u16::MAX) > 0);
    }

    proptest! {
        /// Against the times themselves, sorted.
        #[test]
        fn percentiles_are_near(times in proptest::collection::vec(0_u64..10_000_000, 1..200), cut in 0_usize..200, per_mille in 1_u64..=1000) {
            let (mut one, mut other) = (Histogram::default(), Histogram::default());
            for (at, time) in times.iter().enumerate() {
                if at < cut { one.add(*time) } else { other.add(*time) }
            }
            one.merge(&other);
            let mut sorted = times.clone();
            sorted.sort_unstable();
            let rank = (sorted.len() as u64 * per_mille).div_ceil(1000).max(1) as usize - 1;
            let (true_value, told) = (sorted[rank], one.percentile(per_mille).unwrap());
            prop_assert!(told.abs_diff(true_value) as f64 <= true_value as f64 * 0.016 + 0.5, "{true_value} {told}");
            prop_assert_eq!(one.sum, times.iter().sum::<u64>());
            let mut copy = Histogram::default();
            let (sum, buckets) = one.parts();
            copy.restore(sum, buckets.iter().copied());
            prop_assert_eq!(copy, one);
        }
    }
}
