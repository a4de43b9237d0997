//! How often a target may be tried again by requests that it has failed: a share of what is asked of it and a few a second,
//! so that one which fails often is not asked even more because of it. Looked at only where a repeat is due.

use crate::plan::Moment;
use std::sync::{Mutex, PoisonError};

/// Repeats that are always allowed, in every window.
const ALWAYS: u64 = 3;
/// And one more for so many requests in it.
const SHARE: u64 = 5;
/// A window (ms).
const WINDOW_MS: u64 = 1_000;

/// One target's. On a line of its own: those that are not repeated never touch it.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Budget(Mutex<Window>);

#[derive(Debug, Default)]
struct Window {
    /// When it began (ms), and how many attempts had by then.
    began: u64,
    before: u64,
    repeats: u64,
}

impl Budget {
    /// Whether a repeat is within bounds where `begun` attempts have begun so far, repeats among them; `take`: it is made.
    pub fn allows(&self, begun: u64, now: Moment, take: bool) -> bool {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if now.ms() >= window.began + WINDOW_MS {
            *window = Window {
                began: now.ms(),
                before: begun,
                repeats: 0,
            };
        }
        let attempts = begun.saturating_sub(window.before);
        let requests = attempts.saturating_sub(window.repeats);
        let allowed = window.repeats < ALWAYS + requests / SHARE;
        window.repeats += u64::from(allowed && take);
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    fn begin() -> Moment {
        Moment::after_beginning(Duration::from_secs(1_000))
    }

    #[test]
    fn a_few_a_second_and_a_fifth_of_what_is_asked() {
        let budget = Budget::default();
        let made = |begun: u64, now: Moment| {
            let repeats = (0..).take_while(|made| budget.allows(begun + made, now, true));
            repeats.count()
        };
        assert_eq!(
            made(100, begin()),
            3,
            "what came before the window is nothing to it"
        );
        // The three repeats have begun, and fifty requests.
        assert_eq!(made(153, begin().plus(500)), 10);
        assert_eq!(made(163, begin().plus(999)), 0);
        assert_eq!(made(163, begin().plus(1_000)), 3);
        assert!(!budget.allows(166, begin().plus(1_000), false));
        assert!(
            budget.allows(163, begin().plus(60_000), false),
            "asking takes none"
        );
        assert_eq!(made(163, begin().plus(60_000)), 3);
    }

    proptest! {
        /// A target that fails every other time, asked so many times a second, each tried again as often as is allowed.
        #[test]
        fn a_flapping_target_gets_few_attempts_more(rate in 50u64..1_000, seconds in 1u64..5, retries in 1u32..6) {
            let budget = Budget::default();
            let (mut begun, mut repeats) = (0, 0);
            for at in 0..rate * seconds {
                let now = begin().plus(at * 1_000 / rate);
                begun += 1;
                for turn in 0..u64::from(retries) {
                    if (at + turn) % 2 == 0 || !budget.allows(begun, now, true) {
                        break;
                    }
                    begun += 1;
                    repeats += 1;
                }
            }
            let requests = rate * seconds;
            prop_assert!(repeats <= requests / SHARE + (ALWAYS + 1) * (seconds + 1), "{} {}", repeats, requests);
            prop_assert!(begun * 10 <= requests * 13 + 80, "{} {}", begun, requests);
        }
    }
}
