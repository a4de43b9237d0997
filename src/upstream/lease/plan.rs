//! When a credential that lapses is asked for again. Pure: times are on any clock that only goes forward, the dice are
//! the caller's.

use std::time::Duration;

/// How long before the end one is asked for again at the earliest, where it lives long enough. Below the five minutes
/// that issuers keep handing out the same one before its end:
/// <https://cloud.google.com/compute/docs/access/authenticate-workloads> and
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html>
const MARGIN: Duration = Duration::from_secs(240);
/// How often one without an end is looked at again: what it is read from may change.
const LOOK: Duration = Duration::from_secs(60);
/// First and longest pause after an issuer that failed.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// When to ask again for what was issued at `from` and is good until `until`.
pub(super) fn renewal(from: Duration, until: Option<Duration>, dice: u32) -> Duration {
    let Some(until) = until else {
        return from + LOOK;
    };
    let margin = (until.saturating_sub(from) / 4).min(MARGIN);
    // Gateways that were started together do not ask together.
    let at = until.saturating_sub(margin) + share(margin / 8, dice);
    // What is over already is no reason to ask without a pause.
    at.max(from + RETRY.0)
}

/// When to ask again after the issuer failed so many times in a row.
pub(super) fn retry(now: Duration, failures: u32, dice: u32) -> Duration {
    let doubled = RETRY.0 * 2_u32.saturating_pow(failures.saturating_sub(1).min(16));
    let pause = doubled.min(RETRY.1);
    now + pause / 2 + share(pause / 2, dice)
}

/// As much of it as the dice say.
fn share(of: Duration, dice: u32) -> Duration {
    of.mul_f64(f64::from(dice) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(at: Duration) -> f64 {
        at.as_secs_f64()
    }

    #[test]
    fn asked_again_early_but_not_all_at_once() {
        let from = Duration::from_secs(1000);
        let at = |lifetime: u64, dice| {
            let until = from + Duration::from_secs(lifetime);
            seconds(renewal(from, Some(until), dice)) - 1000.0
        };
        // An hour, as Google and Microsoft give.
        assert_eq!((at(3600, 0), at(3600, u32::MAX)), (3360.0, 3390.0));
        assert_eq!((at(80, 0), at(80, u32::MAX)), (60.0, 62.5));
        // Over when it came.
        assert_eq!((at(0, 0), at(0, u32::MAX)), (1.0, 1.0));
        assert_eq!(seconds(renewal(from, None, 7)), 1060.0);
    }

    #[test]
    fn an_issuer_that_fails_is_left_in_peace_longer_and_longer() {
        let now = Duration::from_secs(50);
        let pauses = |dice| -> Vec<f64> {
            let pause = |failures| seconds(retry(now, failures, dice)) - 50.0;
            [1, 2, 3, 5, 6, 100].map(pause).to_vec()
        };
        assert_eq!(pauses(0), [0.5, 1.0, 2.0, 8.0, 15.0, 15.0]);
        assert_eq!(pauses(u32::MAX), [1.0, 2.0, 4.0, 16.0, 30.0, 30.0]);
    }
}
