//! Waiting for a target to be free again: for how long a request may, how many may at a time, and when to look again. In the
//! wait nothing is sent, upstream or to the caller. Must not know targets.

use super::Shared;
use crate::http1::fields::Fields;
use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

/// How many requests wait at most at a time; more are told at once.
const MOST: usize = 1_024;
/// How often to look whether a target has come back early (a probe that ends well says so to nobody).
pub const LOOK: Duration = Duration::from_millis(200);
/// How often to look whether it is one's turn at a target that is free.
pub const TURN: Duration = Duration::from_millis(50);
/// Nobody looks at the same time as everybody else: later by less than this (ms).
pub const JITTER_MS: u64 = 50;

/// One request's wait, and its place among those that wait.
pub struct Waiting {
    shared: Arc<Shared>,
    ends: Instant,
}

impl Waiting {
    /// A wait of at most `left`. `None`: there is no time, or no place.
    pub fn new(shared: &Arc<Shared>, left: Duration) -> Option<Waiting> {
        if left.is_zero() {
            return None;
        }
        let waiting = shared.waiting.fetch_add(1, Ordering::AcqRel);
        let place = Waiting {
            shared: shared.clone(),
            ends: Instant::now() + left,
        };
        (waiting < MOST).then_some(place)
    }

    /// How long to pause before looking again, where nothing changes before `next`. `None`: that is too late.
    pub fn pause(&self, next: Duration, jitter: Duration) -> Option<Duration> {
        pause(
            self.ends.saturating_duration_since(Instant::now()),
            next,
            jitter,
        )
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.shared.waiting.fetch_sub(1, Ordering::AcqRel);
    }
}

fn pause(left: Duration, next: Duration, jitter: Duration) -> Option<Duration> {
    (next < left).then(|| (next.min(LOOK) + jitter).min(left))
}

/// How long the caller waits for an answer, where it says so; in seconds, from its request on.
///
/// `x-stainless-timeout` and `x-stainless-read-timeout` are the official OpenAI and Anthropic clients' (in node and Python:
/// <https://github.com/openai/openai-node/blob/master/src/client.ts>,
/// <https://github.com/openai/openai-python/blob/main/src/openai/_base_client.py>), `x-server-timeout` Google's
/// (<https://github.com/googleapis/python-genai/blob/main/google/genai/_api_client.py>).
pub fn patience(headers: &Fields) -> Option<Duration> {
    const NAMES: [&str; 3] = [
        "x-stainless-timeout",
        "x-stainless-read-timeout",
        "x-server-timeout",
    ];
    let seconds = |name: &&str| {
        let value = headers.text(name)?;
        let seconds: f64 = value.trim().parse().ok()?;
        Duration::try_from_secs_f64(seconds)
            .ok()
            .filter(|patience| !patience.is_zero())
    };
    NAMES.iter().filter_map(seconds).min()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn callers_say_their_patience_in_seconds() {
        for (lines, expected) in [
            (&[][..], None),
            (&[("x-stainless-timeout", "600")], Some(600_000)),
            (&[("x-stainless-read-timeout", "600.0")], Some(600_000)),
            (&[("x-stainless-read-timeout", "0.5")], Some(500)),
            (&[("x-server-timeout", "30")], Some(30_000)),
            (
                &[("x-stainless-timeout", "60"), ("x-server-timeout", "5")],
                Some(5_000),
            ),
            (&[("x-stainless-timeout", "NaN")], None),
            (&[("x-stainless-timeout", "-1")], None),
            (&[("x-stainless-timeout", "0")], None),
            (&[("x-stainless-timeout", "inf")], None),
            (&[("x-stainless-timeout", "soon")], None),
        ] {
            let headers = lines.iter().copied().collect();
            let patience = patience(&headers).map(|patience| patience.as_millis());
            assert_eq!(patience, expected, "{lines:?}");
        }
    }

    #[test]
    fn a_pause_is_short_jittered_and_within_what_is_left() {
        let ms = Duration::from_millis;
        for (left, next, jitter, expected) in [
            (ms(10_000), ms(5_000), ms(30), Some(ms(230))),
            (ms(10_000), ms(100), ms(30), Some(ms(130))),
            (ms(10_000), TURN, ms(0), Some(TURN)),
            (ms(110), ms(100), ms(30), Some(ms(110))),
            (ms(100), ms(100), ms(30), None),
            (ms(0), ms(0), ms(30), None),
            (ms(1_000), ms(3_600_000), ms(30), None),
        ] {
            assert_eq!(pause(left, next, jitter), expected, "{left:?} {next:?}");
        }
    }
}
