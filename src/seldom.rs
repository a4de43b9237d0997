//! A line of the process's own log at most once a while, with how often there would have been one: what strangers can
//! bring about as often as they like must not fill a disk. Must not know what the line says.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The shortest time between two lines.
const WHILE: Duration = Duration::from_secs(60);

/// When the last line was, and how often there would have been one since.
#[derive(Debug, Default)]
pub struct Seldom(Mutex<(Option<Instant>, u64)>);

impl Seldom {
    /// Counts one. Where a line is due: how many it stands for.
    pub fn due(&self) -> Option<u64> {
        self.due_at(Instant::now())
    }

    fn due_at(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, missed) = &mut *state;
        *missed += 1;
        let early = last.is_some_and(|last| now.saturating_duration_since(last) < WHILE);
        if early {
            return None;
        }
        *last = Some(now);
        Some(std::mem::take(missed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stands_for_all_since_the_last() {
        let (seldom, start) = (Seldom::default(), Instant::now());
        let at = |seconds| seldom.due_at(start + Duration::from_secs(seconds));
        assert_eq!(at(0), Some(1));
        assert_eq!(at(1), None);
        assert_eq!(at(59), None);
        assert_eq!(at(60), Some(3));
        assert_eq!(at(61), None);
    }
}
