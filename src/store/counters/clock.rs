//! The time that windows go by: it runs on evenly from where it began, so that a jump of the system's clock gives nobody a new
//! budget and locks nobody out. Where the two drift apart it is put right so slowly that no window can tell.

use super::Second;
use crate::clock::monotonic;
use crate::resources::Stamp;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// It is put right by one part in so many of the time that passes.
const SLOWLY: i64 = 1_000;

/// Milliseconds throughout.
#[derive(Debug)]
pub struct Clock {
    /// The monotonic clock's reading at the beginning.
    began: Duration,
    /// What time it was then.
    at: i64,
    /// By how much it has been put right since.
    put_right: AtomicI64,
    /// The monotonic milliseconds, since the beginning, at which the two clocks were last compared.
    compared: AtomicI64,
}

impl Clock {
    /// Begins at this time.
    pub fn at(at: Stamp) -> Clock {
        Clock {
            began: monotonic(),
            at: at.0,
            put_right: AtomicI64::new(0),
            compared: AtomicI64::new(0),
        }
    }

    /// Begins with what the system's clock says.
    pub fn system() -> Clock {
        Clock::at(Stamp::now())
    }

    pub fn now(&self) -> Second {
        let passed = monotonic().saturating_sub(self.began);
        let passed = i64::try_from(passed.as_millis()).unwrap_or(i64::MAX);
        self.compare(passed, Stamp::now);
        self.after(passed)
    }

    fn after(&self, passed: i64) -> Second {
        let put_right = self.put_right.load(Ordering::Relaxed);
        let now = self.at.saturating_add(passed).saturating_add(put_right);
        Second::try_from(now / 1_000).unwrap_or(if now < 0 { 0 } else { Second::MAX })
    }

    /// Compares the clocks, once a second.
    fn compare(&self, passed: i64, wall: impl Fn() -> Stamp) {
        let last = self.compared.load(Ordering::Relaxed);
        let since = passed.saturating_sub(last);
        let claim = || {
            let (order, failed) = (Ordering::Relaxed, Ordering::Relaxed);
            self.compared.compare_exchange(last, passed, order, failed)
        };
        if since < 1_000 || claim().is_err() {
            return;
        }
        let put_right = self.put_right.load(Ordering::Relaxed);
        let own = self.at.saturating_add(passed).saturating_add(put_right);
        let most = since / SLOWLY;
        let by = wall().0.saturating_sub(own).clamp(-most, most);
        self.put_right.fetch_add(by, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_795_000_000_000;

    /// What the clock says after each second, with the system's clock off by so much.
    fn run(off: impl Fn(i64) -> i64, seconds: i64) -> Vec<i64> {
        let clock = Clock::at(Stamp(START));
        let mut said = Vec::new();
        for second in 1..=seconds {
            let passed = second * 1_000;
            clock.compare(passed, || Stamp(START + passed + off(second)));
            said.push(i64::from(clock.after(passed)) - START / 1_000);
        }
        said
    }

    #[test]
    fn jumps_do_not_show() {
        for jump in [3_600_000, -3_600_000, 365 * 86_400_000, i64::MIN / 2] {
            let said = run(|second| if second > 10 { jump } else { 0 }, 900);
            for (at, said) in said.iter().enumerate() {
                assert!((said - (at as i64 + 1)).abs() <= 1, "{jump} {at} {said}");
            }
        }
    }

    #[test]
    fn drift_is_put_right() {
        assert_eq!(run(|_| 5_000, 6_000).last(), Some(&6_005));
        assert_eq!(run(|_| -5_000, 6_000).last(), Some(&5_995));
        // And never goes back.
        assert!(run(|_| i64::MIN / 2, 5_000).is_sorted());
    }

    #[test]
    fn it_says_the_time() {
        let (clock, now) = (Clock::system(), Stamp::now().0 / 1_000);
        assert!((i64::from(clock.now()) - now).abs() <= 1);
    }
}
