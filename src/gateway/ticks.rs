//! A worker's clock, in milliseconds. It moves by ticks while somebody looks at it, so that looking costs no system call, and
//! rests while nobody does: then nothing wakes its worker, and the first look sets it right.

use super::agenda::NEVER;
use std::{
    cell::Cell,
    time::{Duration, Instant},
};
use tokio::sync::Notify;

/// How often the clock moves while it is looked at.
pub const TICK: Duration = Duration::from_millis(25);

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nobody has looked at it for a tick at least, and it stands still.
    Resting,
    /// Nobody has looked at it since it last moved.
    Unseen,
    Seen,
}

/// The clock.
pub struct Ticks {
    start: Instant,
    now: Cell<u64>,
    state: Cell<State>,
    /// Somebody has looked at it while it was resting.
    stirred: Notify,
}

impl Default for Ticks {
    fn default() -> Ticks {
        Ticks {
            start: Instant::now(),
            now: Cell::new(0),
            state: Cell::new(State::Resting),
            stirred: Notify::new(),
        }
    }
}

impl Ticks {
    /// Milliseconds since its start, a tick ago at most.
    pub fn now(&self) -> u64 {
        if self.state.get() != State::Seen {
            self.seen();
        }
        self.now.get()
    }

    /// Whether somebody has looked at it since it last moved.
    pub fn is_seen(&self) -> bool {
        self.state.get() == State::Seen
    }

    /// When this much more time will have passed for certain.
    pub fn after(&self, pause: Duration) -> u64 {
        let pause = pause.saturating_add(TICK).as_millis();
        self.now()
            .saturating_add(u64::try_from(pause).unwrap_or(NEVER))
    }

    #[cold]
    fn seen(&self) {
        if self.state.replace(State::Seen) == State::Resting {
            self.now.set(self.elapsed());
            self.stirred.notify_one();
        }
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(NEVER)
    }

    /// Waits for the next tick; where nobody has looked since the last one, until `due` or until somebody looks.
    pub async fn pass(&self, due: u64) {
        let seen = self.is_seen();
        let pause = match seen {
            true => TICK,
            false => TICK.max(Duration::from_millis(due.saturating_sub(self.now.get()))),
        };
        self.state.set(match seen {
            true => State::Unseen,
            false => State::Resting,
        });
        tokio::select! {
            () = self.stirred.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }

    /// Moves it; what time it is.
    pub fn set(&self) -> u64 {
        if self.state.get() == State::Resting {
            self.state.set(State::Unseen);
        }
        let now = self.elapsed();
        self.now.set(now);
        now
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::{pin::pin, task::Context, task::Waker};

    #[test]
    fn a_clock_that_rested_is_right_at_the_first_look() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let (ticks, far) = (Ticks::default(), u64::MAX);
        runtime.block_on(async {
            let mut context = Context::from_waker(Waker::noop());
            let mut resting = pin!(ticks.pass(far));
            assert!(resting.as_mut().poll(&mut context).is_pending());
            std::thread::sleep(Duration::from_millis(3));
            let before = ticks.elapsed();
            assert!(ticks.now() >= before && before >= 3);
            // And whoever keeps it is told that it is to move again.
            assert!(resting.as_mut().poll(&mut context).is_ready());
        });
    }
}
