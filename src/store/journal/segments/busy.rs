//! Whether the gateway has its hands full: it used more than half of the processor time that it may use. Then the log saves
//! time rather than bytes. How much waits in the log's queue says nothing of that: the queue may be long because a disk is slow.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often it is looked, at most.
const LOOK: Duration = Duration::from_millis(100);

/// Looks at what the process used since it looked last.
pub struct Busy {
    cores: u32,
    /// Said instead of measured, by tests.
    said: Option<Arc<AtomicBool>>,
    since: Instant,
    used: Duration,
    /// Used since then by work that only goes on while nothing else does.
    idly: Duration,
    busy: bool,
}

impl Busy {
    pub fn new(said: Option<Arc<AtomicBool>>) -> Busy {
        // Knows of affinities and of what a container may use.
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
        Busy {
            cores,
            said,
            since: Instant::now(),
            used: used(),
            idly: Duration::ZERO,
            busy: false,
        }
    }

    /// Whether it is busy now.
    pub fn now(&mut self) -> bool {
        if let Some(said) = &self.said {
            return said.load(Ordering::Relaxed);
        }
        if self.since.elapsed() >= LOOK {
            self.look(Instant::now(), used());
        }
        self.busy
    }

    /// Judges the time since it looked last.
    fn look(&mut self, now: Instant, used: Duration) {
        let passed = now.saturating_duration_since(self.since);
        let spent = used.saturating_sub(self.used).saturating_sub(self.idly);
        // More than half of what the cores gave.
        self.busy = spent * 2 > passed * self.cores;
        (self.since, self.used, self.idly) = (now, used, Duration::ZERO);
    }

    /// So much time went into what would not have been done if others had wanted it.
    pub fn idly(&mut self, took: Duration) {
        self.idly += took;
    }
}

/// Processor time of all threads so far.
#[cfg(unix)]
fn used() -> Duration {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let seconds = u64::try_from(used.tv_sec).unwrap_or_default();
    Duration::from_secs(seconds) + Duration::from_nanos(u64::try_from(used.tv_nsec).unwrap_or(0))
}

/// Unknown here: never busy.
#[cfg(not(unix))]
fn used() -> Duration {
    Duration::ZERO
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of each of these times in a row: so many milliseconds passed, and so many were used, of which some idly.
    fn said(cores: u32, times: &[(u64, u64, u64)]) -> Vec<bool> {
        let mut busy = Busy {
            cores,
            ..Busy::new(None)
        };
        let millis = Duration::from_millis;
        let look = |(passed, used, idly): &(u64, u64, u64)| {
            busy.idly(millis(*idly));
            busy.look(busy.since + millis(*passed), busy.used + millis(*used));
            busy.busy
        };
        times.iter().map(look).collect()
    }

    #[test]
    fn more_than_half_of_all_cores_is_busy() {
        let times = [(100, 0, 0), (100, 50, 0), (100, 51, 0), (100, 100, 0)];
        assert_eq!(said(1, &times), [false, false, true, true]);
        let times = [(100, 51, 0), (100, 100, 0), (100, 101, 0), (100, 200, 0)];
        assert_eq!(said(2, &times), [false, false, true, true]);
        assert_eq!(said(8, &[(100, 400, 0), (100, 401, 0)]), [false, true]);
    }

    #[test]
    fn each_time_is_judged_by_itself() {
        let times = [
            (60_000, 100, 0),
            (100, 90, 0),
            (60_000, 90, 0),
            (100, 90, 0),
        ];
        assert_eq!(said(1, &times), [false, true, false, true]);
    }

    #[test]
    fn what_is_done_idly_makes_nobody_busy() {
        let times = [(100, 90, 50), (100, 90, 0), (100, 40, 100), (100, 90, 30)];
        assert_eq!(said(1, &times), [false, true, false, true]);
    }

    #[test]
    fn work_is_measured() {
        let before = used();
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(10) && used() == before {
            std::hint::spin_loop();
        }
        assert!(cfg!(not(unix)) || used() > before);
    }
}
