//! Threads that write let others have their core: what they do comes in bursts, and a burst in one piece is a request that waits
//! for it. Must not know what the work is.
//!
//! A lower priority does not do it: a scheduler lets whoever runs finish a slice of its time, which is longer than most
//! bursts, and a niceness only has it come again later (Linux 6.18: a thread that wakes for 60 us of work, beside bursts of
//! 2.5 ms, had its slowest hundredth after 1.1 to 2.4 ms with any niceness, after 0.2 to 0.6 ms where bursts yield each
//! 100 us). And a log that is behind must not give way, or it leaves rows out where a core is never free.

use std::time::{Duration, Instant};

/// Work goes on for so long before others are let in.
const PIECE: Duration = Duration::from_micros(100);

/// Bytes that are gone through in so little time that the clock need not be looked at.
const FEW: usize = 16 << 10;

/// When it is others' turn.
pub struct Turns {
    hurried: Box<dyn Fn() -> bool + Send>,
    since: Instant,
    /// Bytes since the clock was looked at.
    bytes: usize,
}

impl Turns {
    /// `hurried`: whether the work cannot wait now.
    pub fn new(hurried: impl Fn() -> bool + Send + 'static) -> Turns {
        Turns {
            hurried: Box::new(hurried),
            since: Instant::now(),
            bytes: 0,
        }
    }

    /// Whether work is to be cut into pieces at all.
    pub fn given(&self) -> bool {
        !(self.hurried)()
    }

    /// The same after work on so many bytes, which may be few: looking at the clock takes as long as a row.
    pub fn after(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes >= FEW {
            self.bytes = 0;
            self.between();
        }
    }

    /// Between two pieces of work: lets others in where it has gone on for long enough.
    pub fn between(&mut self) {
        if self.since.elapsed() >= PIECE && self.given() {
            std::thread::yield_now();
            self.since = Instant::now();
        }
    }
}
