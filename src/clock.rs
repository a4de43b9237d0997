//! How far the wall clock can be trusted. It is set by people and by programs; the monotonic clock is not, so that a jump
//! of the one shows against the other. Pure: whoever asks feeds both readings. Must not know what is done with them.

use std::time::Duration;

/// More than this between the two clocks is a jump; less is a clock being put right.
pub const JUMP: Duration = Duration::from_secs(3600);
/// So long a clock that jumped has to run steadily until it is believed.
pub const STEADY: Duration = Duration::from_secs(24 * 3600);

/// Two clocks compared, since the first reading of both.
#[derive(Debug)]
pub struct Clock {
    steady: Duration,
    /// The last readings of both that are believed.
    anchor: (Duration, i64),
    /// The newest reading of both.
    last: (Duration, i64),
    jump: Option<Jump>,
}

/// The wall clock has jumped, and is not believed yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jump {
    /// Milliseconds; negative: back.
    pub by: i64,
    /// Monotonic.
    since: Duration,
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

impl Clock {
    /// Believes the first readings; the wall clock is in milliseconds.
    pub fn new(monotonic: Duration, wall: i64, steady: Duration) -> Clock {
        Clock {
            steady,
            anchor: (monotonic, wall),
            last: (monotonic, wall),
            jump: None,
        }
    }

    /// There is a reason to doubt the first readings: something says that it is hardly later than `known`.
    pub fn doubt(&mut self, known: i64) {
        let (monotonic, wall) = self.last;
        self.anchor = (monotonic, known);
        self.jump = Some(Jump {
            by: wall.saturating_sub(known),
            since: monotonic,
        });
    }

    /// Takes what both clocks say now.
    pub fn feed(&mut self, monotonic: Duration, wall: i64) {
        self.last = (monotonic, wall);
        let by = wall.saturating_sub(self.expected());
        let within = |by: i64| by.unsigned_abs() <= JUMP.as_millis() as u64;
        match self.jump {
            // Also one that has come back.
            _ if within(by) => {
                self.jump = None;
                // What the wall clock is put right by in small steps adds up to no jump.
                if monotonic.saturating_sub(self.anchor.0) >= self.steady {
                    self.anchor = self.last;
                }
            }
            Some(jump) if within(by.saturating_sub(jump.by)) => {
                if monotonic.saturating_sub(jump.since) >= self.steady {
                    self.anchor = self.last;
                    self.jump = None;
                }
            }
            _ => {
                self.jump = Some(Jump {
                    by,
                    since: monotonic,
                });
            }
        }
    }

    /// What the wall clock would say had it run on from where it was last believed.
    fn expected(&self) -> i64 {
        let passed = self.last.0.saturating_sub(self.anchor.0);
        self.anchor.1.saturating_add(millis(passed))
    }

    /// The time for what cannot be taken back, such as deleting by age: the wall clock's, but not later than it can be as
    /// far as is known.
    pub fn careful(&self) -> i64 {
        match self.jump {
            Some(_) => self.last.1.min(self.expected()),
            None => self.last.1,
        }
    }

    /// Readings of both clocks to compare with later.
    pub fn believed(&self) -> (Duration, i64) {
        match self.jump {
            Some(_) => (self.last.0, self.expected()),
            None => self.last,
        }
    }

    /// The jump that is not believed yet.
    pub fn jump(&self) -> Option<Jump> {
        self.jump
    }
}

/// The monotonic clock, which goes on while the machine sleeps where the system can tell.
pub fn monotonic() -> Duration {
    #[cfg(target_os = "linux")]
    {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let seconds = u64::try_from(now.tv_sec).unwrap_or(0);
        Duration::from_secs(seconds) + Duration::from_nanos(u64::try_from(now.tv_nsec).unwrap_or(0))
    }
    #[cfg(not(target_os = "linux"))]
    {
        static START: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
        START.get_or_init(std::time::Instant::now).elapsed()
    }
}

/// Names one run of the machine, within which the monotonic clock goes on. `None`: nothing says which it is.
pub fn run() -> Option<String> {
    #[cfg(target_os = "linux")]
    {
        let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        Some(id.trim().to_owned()).filter(|id| !id.is_empty())
    }
    #[cfg(not(target_os = "linux"))]
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;
    const START: i64 = 1_790_000_000_000;

    /// Feeds readings: hours passed, and hours that the wall clock is off.
    fn after(readings: &[(u64, i64)]) -> Clock {
        let mut clock = Clock::new(Duration::from_secs(7), START, STEADY);
        for (passed, off) in readings {
            let passed = Duration::from_secs(passed * 3600);
            clock.feed(
                Duration::from_secs(7) + passed,
                START + millis(passed) + off * HOUR,
            );
        }
        clock
    }

    fn careful(readings: &[(u64, i64)]) -> i64 {
        (after(readings).careful() - START) / HOUR
    }

    #[test]
    fn a_clock_that_runs_evenly_is_believed() {
        let hours: Vec<(u64, i64)> = (0..200).map(|hour| (hour, 0)).collect();
        assert_eq!((after(&hours).jump(), careful(&hours)), (None, 199));
        // The machine slept, and both clocks went on.
        assert_eq!(
            (after(&[(500, 0)]).jump(), careful(&[(500, 0)])),
            (None, 500)
        );
    }

    #[test]
    fn a_jump_forward_is_not_believed_before_it_was_steady_for_a_day() {
        let jumped = after(&[(1, 0), (2, 1000)]);
        assert_eq!(jumped.jump().map(|jump| jump.by), Some(1000 * HOUR));
        assert_eq!(careful(&[(1, 0), (2, 1000)]), 2);
        assert_eq!(careful(&[(1, 0), (2, 1000), (25, 1000)]), 25);
        assert_eq!(careful(&[(1, 0), (2, 1000), (26, 1000)]), 1026);
        assert_eq!(after(&[(1, 0), (2, 1000), (26, 1000)]).jump(), None);
        // Each further jump begins anew.
        assert_eq!(careful(&[(2, 1000), (20, 2000), (26, 2000)]), 26);
    }

    #[test]
    fn a_clock_that_comes_back_is_believed_at_once() {
        let back = after(&[(2, 1000), (3, 0)]);
        assert_eq!((back.jump(), (back.careful() - START) / HOUR), (None, 3));
    }

    #[test]
    fn a_jump_back_makes_nothing_older() {
        assert_eq!(careful(&[(2, -1000)]), -998);
        assert_eq!(careful(&[(2, -1000), (27, -1000)]), -973);
        assert_eq!(after(&[(2, -1000), (27, -1000)]).jump(), None);
    }

    #[test]
    fn small_steps_over_days_are_no_jump_and_large_ones_are() {
        let slow: Vec<(u64, i64)> = (0..20).map(|day| (day * 24, day as i64 / 2)).collect();
        assert_eq!(after(&slow).jump(), None);
        assert!(after(&[(1, 0), (2, 2)]).jump().is_some());
        assert!(after(&[(1, 0), (2, -2)]).jump().is_some());
        assert!(after(&[(1, 0), (2, 1)]).jump().is_none());
    }

    #[test]
    fn doubt_holds_until_the_clock_was_steady() {
        let mut clock = Clock::new(Duration::ZERO, START, STEADY);
        clock.doubt(START - 1000 * HOUR);
        assert_eq!(clock.careful(), START - 1000 * HOUR);
        clock.feed(Duration::from_secs(3600), START + HOUR);
        assert_eq!(clock.careful(), START - 999 * HOUR);
        clock.feed(STEADY, START + 24 * HOUR);
        assert_eq!((clock.careful(), clock.jump()), (START + 24 * HOUR, None));
    }

    #[test]
    fn extremes_are_no_trouble() {
        for wall in [i64::MIN, i64::MAX, 0] {
            let mut clock = Clock::new(Duration::MAX, wall, Duration::ZERO);
            for other in [i64::MAX, i64::MIN, 0] {
                clock.feed(Duration::ZERO, other);
                clock.feed(Duration::MAX, other);
                clock.careful();
            }
        }
    }

    #[test]
    fn the_monotonic_clock_runs() {
        let first = monotonic();
        assert!(monotonic() >= first && first > Duration::ZERO || cfg!(not(target_os = "linux")));
    }
}
