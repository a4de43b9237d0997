//! What a failed attempt means: try the next target, or stop. And how long to wait when none is left.

use super::Dice;
use crate::resources::route::RetryOn;
use std::time::Duration;

/// How an attempt failed, as the failure table of the documentation has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The caller's mistake: 400, 413, 422 and other 4xx.
    Caller,
    /// The model does not exist there.
    NotFound,
    /// The prompt is too long for the model.
    Context,
    /// This target cannot carry the request: translation refused it, or no key of the caller's came for it.
    Unfit,
    /// 401, 402, 403 or 429 for a key that the caller brought.
    OwnKey,
    /// 401, 402, 403 for a stored credential.
    Credential,
    /// 429, 529, 503 with Retry-After.
    Capacity,
    /// Other 5xx, reset, malformed answer, error event before the first content event.
    Upstream,
    /// Not connected: refused, DNS, TLS.
    Connect,
    /// Not connected in time, or the upstream says that the request did not come in time: 408.
    Timeout,
    /// Surely received, and no answer in time; 504 says the same of what is behind the upstream.
    Slow,
}

impl Class {
    /// The class of an upstream's status. `own_key`: the credential was one that the caller brought.
    pub fn of_status(status: u16, retry_after: bool, message: &str, own_key: bool) -> Class {
        match status {
            401..=403 | 429 if own_key => Class::OwnKey,
            401..=403 => Class::Credential,
            404 => Class::NotFound,
            // It leads back here, and will do so again.
            508 => Class::Unfit,
            408 => Class::Timeout,
            504 => Class::Slow,
            429 | 529 => Class::Capacity,
            503 if retry_after => Class::Capacity,
            400 | 413 if too_long(message) => Class::Context,
            // The model behind the upstream failed: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
            424 => Class::Upstream,
            400..=499 => Class::Caller,
            _ => Class::Upstream,
        }
    }

    /// The class of an error that came inside a 200. Whatever it says of the request, the upstream had taken it: the
    /// attempt failed there, and another target may do better.
    pub fn of_error_inside(status: u16, message: &str, own_key: bool) -> Class {
        match Class::of_status(status, false, message, own_key) {
            Class::Caller | Class::NotFound | Class::Context => Class::Upstream,
            class => class,
        }
    }

    /// Name in logs.
    pub fn name(self) -> &'static str {
        match self {
            Class::Caller => "caller",
            Class::NotFound => "not_found",
            Class::Context => "context",
            Class::Unfit => "unfit",
            Class::OwnKey => "own_key",
            Class::Credential => "credential",
            Class::Capacity => "capacity",
            Class::Upstream => "upstream",
            Class::Connect => "connect",
            Class::Timeout | Class::Slow => "timeout",
        }
    }

    /// Whether the route moves on to its next target.
    pub fn moves_on(self, retry_on: &[RetryOn]) -> bool {
        let trigger = match self {
            Class::Caller => return false,
            Class::Unfit => return true,
            Class::OwnKey => RetryOn::OwnKey,
            Class::NotFound => RetryOn::NotFound,
            Class::Context => RetryOn::Context,
            Class::Credential => RetryOn::Credential,
            Class::Capacity => RetryOn::Capacity,
            Class::Upstream => RetryOn::Upstream,
            Class::Connect => RetryOn::Connect,
            Class::Timeout | Class::Slow => RetryOn::Timeout,
        };
        retry_on.contains(&trigger)
    }

    /// Whether it counts against the target where an answer had begun: not what is about the request or the caller's key.
    pub fn is_the_targets(self) -> bool {
        matches!(
            self,
            Class::Credential
                | Class::Capacity
                | Class::Upstream
                | Class::Connect
                | Class::Timeout
                | Class::Slow
        )
    }

    /// Whether the same target may do better after a wait. Not one that is slow: it may still be at work on the
    /// request, and would be paid twice.
    pub fn may_pass(self) -> bool {
        matches!(
            self,
            Class::Capacity | Class::Upstream | Class::Connect | Class::Timeout
        )
    }
}

/// How providers say that a prompt is too long; they agree on no code.
fn too_long(message: &str) -> bool {
    [
        "context length",
        "context_length",
        "context window",
        "prompt is too long",
        "too long for requested model",
        "maximum context",
        "too many tokens",
    ]
    .iter()
    .any(|words| message.contains(words))
}

/// Longest wait worth holding a caller for; beyond it the caller is told to come back.
const LONGEST: Duration = Duration::from_secs(10);

/// How long to wait before round `round` (1 is the first repetition): 250 ms doubling, with jitter of a half, at
/// most ten seconds in every round that follows; and never less than what an upstream asked for. `None`: it asked
/// for longer than is worth it.
pub fn wait(round: u32, retry_after: Option<Duration>, dice: &mut Dice) -> Option<Duration> {
    let base = 250u64 << round.saturating_sub(1).min(6);
    let backoff = Duration::from_millis(base / 2 + dice.below(base)).min(LONGEST);
    let wait = retry_after.map_or(backoff, |asked| asked.max(backoff));
    (wait <= LONGEST).then_some(wait)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn statuses_have_their_class() {
        use Class::*;
        for (status, retry_after, message, expected) in [
            (400, false, "bad", Caller),
            (
                400,
                false,
                "This model's maximum context length is 8192 tokens",
                Context,
            ),
            (
                400,
                false,
                "prompt is too long: 210000 tokens > 200000 maximum",
                Context,
            ),
            (401, false, "", Credential),
            (402, false, "", Credential),
            (403, false, "", Credential),
            (404, false, "", NotFound),
            (405, false, "", Caller),
            (408, false, "", Timeout),
            (424, false, "", Upstream),
            (409, false, "", Caller),
            (413, false, "too many tokens", Context),
            (413, false, "too large", Caller),
            (422, false, "context length", Caller),
            (429, false, "", Capacity),
            (429, true, "", Capacity),
            (499, false, "", Caller),
            (500, false, "", Upstream),
            (500, true, "", Upstream),
            (502, false, "", Upstream),
            (503, false, "", Upstream),
            (503, true, "", Capacity),
            (504, false, "", Slow),
            (529, false, "", Capacity),
            (599, false, "", Upstream),
            (302, false, "", Upstream),
            (0, false, "", Upstream),
        ] {
            assert_eq!(
                Class::of_status(status, retry_after, message, false),
                expected,
                "{status} {retry_after} {message}"
            );
            // A key of the caller's own is blamed for what a stored credential or its budget would be.
            let own = match status {
                401 | 402 | 403 | 429 => OwnKey,
                _ => expected,
            };
            assert_eq!(Class::of_status(status, retry_after, message, true), own);
        }
    }

    #[test]
    fn an_error_inside_a_200_is_never_the_callers() {
        for (status, expected) in [
            (400, Class::Upstream),
            (404, Class::Upstream),
            (422, Class::Upstream),
            (401, Class::Credential),
            (429, Class::Capacity),
            (500, Class::Upstream),
            (502, Class::Upstream),
            (504, Class::Slow),
            (529, Class::Capacity),
        ] {
            assert_eq!(
                Class::of_error_inside(status, "context length", false),
                expected,
                "{status}"
            );
        }
    }

    #[test]
    fn what_moves_on_is_the_routes_to_say() {
        use Class::*;
        let all = [
            Caller, NotFound, Context, Unfit, OwnKey, Credential, Capacity, Upstream, Connect,
            Timeout, Slow,
        ];
        let moving = |triggers: &[RetryOn]| {
            all.into_iter()
                .filter(|class| class.moves_on(triggers))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            moving(&crate::resources::route::retry_on_default()),
            [
                Unfit, Credential, Capacity, Upstream, Connect, Timeout, Slow
            ]
        );
        assert_eq!(
            moving(&[RetryOn::NotFound, RetryOn::Context, RetryOn::OwnKey]),
            [NotFound, Context, Unfit, OwnKey]
        );
        assert_eq!(moving(&[]), [Unfit]);
        assert_eq!(
            all.into_iter()
                .filter(|class| class.may_pass())
                .collect::<Vec<_>>(),
            [Capacity, Upstream, Connect, Timeout]
        );
    }

    proptest! {
        #[test]
        fn waits_grow_within_bounds_in_any_round_and_honour_what_was_asked(round: u32, asked in proptest::option::of(0u64..20_000), seed: u64) {
            let asked = asked.map(Duration::from_millis);
            let base = Duration::from_millis(250 << round.saturating_sub(1).min(6));
            let wait = wait(round, asked, &mut Dice::new(seed));
            // Its own jitter never gives a round up: only an upstream that asks for too much does.
            prop_assert_eq!(wait.is_none(), asked.is_some_and(|asked| asked > LONGEST));
            if let Some(wait) = wait {
                prop_assert!(wait <= LONGEST && asked.is_none_or(|asked| wait >= asked));
                prop_assert!(wait >= (base / 2).min(LONGEST));
                prop_assert!(asked == Some(wait) || wait < base / 2 + base);
            }
        }
    }
}
