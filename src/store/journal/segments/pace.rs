//! Whether the disk is what is slow. What is stored as it came is some three times the bytes: where writing them takes longer
//! than compressing them would, nothing is gained.

use std::time::{Duration, Instant};

/// What the compressor takes in a microsecond.
const BYTES: u64 = 300;
/// Beyond that, in a while: who writes may have waited for a core, which is no fault of the disk.
const GRACE: Duration = Duration::from_millis(20);
/// What was written is looked at over so long, and a slow disk is spared for as long.
const WHILE: Duration = Duration::from_secs(1);

/// How writing what is stored went lately.
pub struct Pace {
    since: Instant,
    bytes: u64,
    took: Duration,
    slow_until: Option<Instant>,
}

impl Pace {
    pub fn new(now: Instant) -> Pace {
        Pace {
            since: now,
            bytes: 0,
            took: Duration::ZERO,
            slow_until: None,
        }
    }

    /// So many bytes were written as they came, and it took so long.
    pub fn wrote(&mut self, now: Instant, bytes: u64, took: Duration) {
        if now.saturating_duration_since(self.since) > WHILE {
            *self = Pace::new(now);
        }
        self.bytes += bytes;
        self.took += took;
        if self.took > Duration::from_micros(self.bytes / BYTES) + GRACE {
            *self = Pace::new(now);
            self.slow_until = Some(now + WHILE);
        }
    }

    /// Whether the disk is to be spared.
    pub fn is_slow(&self, now: Instant) -> bool {
        self.slow_until.is_some_and(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_disk_slower_than_the_compressor_is_spared_for_a_while() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        // Three megabytes, which would take ten milliseconds to compress.
        for at in 0..100 {
            pace.wrote(start + MS * at, 3_000_000, MS * 9);
            assert!(!pace.is_slow(start + MS * at));
        }
        let late = start + MS * 100;
        pace.wrote(late, 3_000_000, MS * 300);
        assert!(pace.is_slow(late) && pace.is_slow(late + MS * 999));
        assert!(!pace.is_slow(late + MS * 1000));
        pace.wrote(late + MS * 1000, 3_000_000, MS * 9);
        assert!(!pace.is_slow(late + MS * 1000));
    }

    #[test]
    fn one_wait_for_a_core_is_no_slow_disk() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        for second in 0..10 {
            let now = start + MS * 1001 * second;
            pace.wrote(now, 300_000, MS * 15);
            assert!(!pace.is_slow(now));
        }
        // Again and again it is.
        let now = start + MS * 20_000;
        pace.wrote(now, 300_000, MS * 15);
        pace.wrote(now + MS * 100, 300_000, MS * 15);
        assert!(pace.is_slow(now + MS * 100));
    }
}
