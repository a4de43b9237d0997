//! How targets are doing: cool-down after "too many requests", suspension after failures in a row.
//! Shared by all requests; costs one atomic load while everything is well.

use super::{Choice, Excluded, Snapshot, Why};
use std::collections::HashMap;
use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicUsize, Ordering},
};

/// Failures in a row that suspend a target, and for how long (ms).
const FAILURES: u32 = 3;
const SUSPEND_MS: i64 = 30_000;
/// Bounds of a cool-down asked for by Retry-After (ms).
const COOL_MIN_MS: i64 = 1_000;
const COOL_MAX_MS: i64 = 600_000;

#[derive(Debug, Default, Clone, Copy)]
struct State {
    failures: u32,
    /// Unix ms until which the target rests; 0: it does not.
    until: i64,
}

/// The state of every target that is not simply well.
#[derive(Debug, Default)]
pub struct Health {
    ailing: AtomicUsize,
    states: Mutex<HashMap<(String, String), State>>,
}

impl Health {
    fn states(&self) -> MutexGuard<'_, HashMap<(String, String), State>> {
        // A panic while holding it left plain numbers behind: they are still good.
        self.states.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Takes resting targets out of the attempts. When that would leave none, the one soonest free stays.
    /// A target whose rest is over is let in by one request, its probe, and rests again until that one is decided.
    pub(super) fn rest(&self, snapshot: &Snapshot, attempts: &mut Vec<Choice>, excluded: &mut Vec<Excluded>, now: i64) {
        if self.ailing.load(Ordering::Relaxed) == 0 || attempts.is_empty() {
            return;
        }
        let states = self.states();
        let until = |choice: &Choice| {
            snapshot
                .providers
                .get(choice.provider)
                .and_then(|provider| states.get(&(provider.name.to_string(), choice.model.to_string())))
                .map_or(0, |state| state.until)
        };
        let ends: Vec<i64> = attempts.iter().map(&until).collect();
        let soonest = ends.iter().copied().min().unwrap_or(0);
        let all_rest = soonest > now;
        let mut at = 0;
        let mut kept_one = false;
        attempts.retain(|choice| {
            let end = ends[at];
            at += 1;
            let keep = end <= now || (all_rest && end == soonest && !kept_one);
            kept_one |= keep;
            if !keep && let Some(provider) = snapshot.providers.get(choice.provider) {
                excluded.push(Excluded { provider: provider.name.clone(), model: Some(choice.model.clone()), why: Why::Resting((end - now).max(0) as u64) });
            }
            keep
        });
    }

    /// A target is about to be tried. Where its suspension is over this is the probe: until it is decided, other
    /// requests go elsewhere.
    pub fn begins(&self, provider: &str, model: &str, now: i64) {
        if self.ailing.load(Ordering::Relaxed) == 0 {
            return;
        }
        if let Some(state) = self.states().get_mut(&(provider.to_owned(), model.to_owned()))
            && state.failures >= FAILURES
            && state.until <= now
        {
            state.until = now + SUSPEND_MS;
        }
    }

    /// A target asked to be left alone for a while (429, 529, 503 with Retry-After).
    pub fn cool(&self, provider: &str, model: &str, wait_ms: Option<u64>, now: i64) {
        let wait = i64::try_from(wait_ms.unwrap_or(0)).unwrap_or(COOL_MAX_MS).clamp(COOL_MIN_MS, COOL_MAX_MS);
        self.change(provider, model, |state| state.until = state.until.max(now + wait));
    }

    /// A target failed; after three in a row it is suspended.
    pub fn failed(&self, provider: &str, model: &str, now: i64) {
        self.change(provider, model, |state| {
            state.failures += 1;
            if state.failures >= FAILURES {
                state.until = now + SUSPEND_MS;
            }
        });
    }

    /// A target answered.
    pub fn worked(&self, provider: &str, model: &str) {
        if self.ailing.load(Ordering::Relaxed) > 0 {
            let mut states = self.states();
            states.remove(&(provider.to_owned(), model.to_owned()));
            self.ailing.store(states.len(), Ordering::Relaxed);
        }
    }

    /// One word a provider for `gw provider get`: `ok`, or how many of its models rest.
    pub fn describe(&self, provider: &str, now: i64) -> String {
        let resting = self.states().iter().filter(|((name, _), state)| name == provider && state.until > now).count();
        match resting {
            0 => "ok".into(),
            count => format!("{count} resting"),
        }
    }

    fn change(&self, provider: &str, model: &str, with: impl FnOnce(&mut State)) {
        let mut states = self.states();
        with(states.entry((provider.to_owned(), model.to_owned())).or_default());
        self.ailing.store(states.len(), Ordering::Relaxed);
    }
}
