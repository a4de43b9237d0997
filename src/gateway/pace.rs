//! How fast a caller has to send its body, and what it is told where it does not. A leaf: whoever takes a body in goes by it.

use super::{Settings, ended::Ended};
use crate::error::{Error, Kind, Result};
use crate::http1::body::Malformed;
use std::time::{Duration, Instant};

/// What has come of a body, and how long it took.
pub(super) struct Pace {
    pub have: usize,
    began: Instant,
    /// Of that time, what others took.
    paused: Duration,
}

impl Pace {
    /// Of a body that began then.
    pub fn since(began: Instant) -> Pace {
        Pace {
            have: 0,
            began,
            paused: Duration::ZERO,
        }
    }

    /// How long the next piece may take: bodies that trickle must not hold a request for ever.
    pub fn left(&self, settings: &Settings) -> Duration {
        let beyond = (self.have as u64).saturating_sub(1 << 20);
        let allowed = settings.body_total
            + beyond
                .checked_div(settings.body_rate)
                .map_or(Duration::MAX / 2, Duration::from_secs);
        let taken = self.began.elapsed().saturating_sub(self.paused);
        settings.body_stall.min(allowed.saturating_sub(taken))
    }

    /// The caller had to wait this long.
    pub fn pause(&mut self, time: Duration) {
        self.paused += time;
    }

    /// Counts a piece of a body that is handed on as it comes.
    pub fn upload(&mut self, settings: &Settings, piece: usize) -> Result<()> {
        self.have += piece;
        match self.have > settings.max_upload {
            true => Err(too_much(settings.max_upload)),
            false => Ok(()),
        }
    }
}

/// A body that is handed on as it comes is larger than it may be.
pub(super) fn too_much(most: usize) -> Error {
    Error::new(
        Kind::TooLarge,
        format!("the request body is larger than {most} bytes"),
    )
    .hint("send less, or raise `limits.max_upload`")
}

/// The caller does not send its body in time.
pub(super) fn too_slow() -> Error {
    Error::new(Kind::Timeout, "the request body did not arrive in time")
        .hint("send it again over a better connection")
}

/// The body could not be read to its end.
pub(super) fn cut(why: Malformed) -> Ended {
    match why {
        Malformed::Cut => Ended::Gone,
        _ => Error::invalid(format!("the request body cannot be read: {why}")).into(),
    }
}
