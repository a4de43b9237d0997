//! Time as planning counts it: monotonic, so that setting the machine's clock neither ends a rest nor makes one
//! last. Reads no clock: whoever has one hands moments in.

use std::time::Duration;

/// Milliseconds since a beginning that lies before every other moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(u64);

impl Moment {
    /// This long after the beginning. Never 0, which stands for "not at all" where moments are kept.
    pub fn after_beginning(elapsed: Duration) -> Moment {
        Moment(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX / 2) + 1)
    }

    pub(super) fn ms(self) -> u64 {
        self.0
    }

    #[cfg(test)]
    pub fn plus(self, ms: u64) -> Moment {
        Moment(self.0 + ms)
    }
}
