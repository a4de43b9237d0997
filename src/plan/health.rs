//! How targets are doing: cool-down after "too many requests", suspension after failures in a row, and the
//! one probe that ends a suspension. Shared by all requests; costs one atomic load while everything is well.

use super::{Choice, Excluded, Snapshot, Why};
use std::collections::HashMap;
use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicUsize, Ordering},
};

/// Failures in a row that suspend a target, and for how long (ms).
const FAILURES: u32 = 3;
const SUSPEND_MS: i64 = 30_000;
/// A probe that came to nothing by then (ms) is given up, and another may be made.
const PROBE_MS: i64 = 30_000;
/// Bounds of a cool-down asked for by Retry-After (ms).
const COOL_MIN_MS: i64 = 1_000;
const COOL_MAX_MS: i64 = 600_000;
/// Targets remembered at most: callers choose model names where a target takes them as asked.
const MOST: usize = 4_096;

/// Times are Unix ms; 0: not at all.
#[derive(Debug, Default, Clone, Copy)]
struct State {
    /// In a row.
    failures: u32,
    cool: i64,
    suspended: i64,
    /// A probe is under way and counts until then.
    probe: i64,
}

impl State {
    fn rests_until(&self) -> i64 {
        self.cool.max(self.suspended).max(self.probe)
    }
}

type States = HashMap<(String, String), State>;

/// The state of every target that is not simply well.
#[derive(Debug, Default)]
pub struct Health {
    ailing: AtomicUsize,
    states: Mutex<States>,
}

/// One attempt at a target, from being let in to what it came to. Dropped without a word, a probe counts as
/// not made: the next request makes it.
#[derive(Debug)]
#[must_use]
pub struct Entry<'a> {
    health: &'a Health,
    provider: &'a str,
    model: &'a str,
    probe: bool,
}

impl Entry<'_> {
    /// The provider's name.
    pub fn provider(&self) -> &str {
        self.provider
    }

    /// The target answered. Only a cool-down that another request has been told of stays.
    pub fn worked(self, now: i64) {
        let key = (self.provider.to_owned(), self.model.to_owned());
        if self.health.ailing.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut states = self.health.states();
        if let Some(state) = states.get_mut(&key) {
            *state = State {
                cool: state.cool,
                ..State::default()
            };
            if state.cool <= now {
                states.remove(&key);
            }
        }
        self.health.ailing.store(states.len(), Ordering::Relaxed);
    }

    /// The target failed; after three in a row it is suspended, and after a failed probe at once.
    pub fn failed(self, now: i64) {
        self.health.change(self.provider, self.model, now, |state| {
            state.failures = state.failures.saturating_add(1);
            if state.failures >= FAILURES {
                state.suspended = now + SUSPEND_MS;
            }
        });
    }

    /// The target asked to be left alone for a while (429, 529, 503 with Retry-After).
    pub fn cool(self, wait_ms: Option<u64>, now: i64) {
        let wait = i64::try_from(wait_ms.unwrap_or(0))
            .unwrap_or(COOL_MAX_MS)
            .clamp(COOL_MIN_MS, COOL_MAX_MS);
        self.health.change(self.provider, self.model, now, |state| {
            state.cool = state.cool.max(now + wait)
        });
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        if self.probe
            && let Some(state) = self
                .health
                .states()
                .get_mut(&(self.provider.to_owned(), self.model.to_owned()))
        {
            state.probe = 0;
        }
    }
}

impl Health {
    fn states(&self) -> MutexGuard<'_, States> {
        // A panic while holding it left plain numbers behind: they are still good.
        self.states
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Takes resting targets out of the attempts. When that would leave none, the one soonest free stays.
    pub(super) fn rest(
        &self,
        snapshot: &Snapshot,
        attempts: &mut Vec<Choice>,
        excluded: &mut Vec<Excluded>,
        now: i64,
    ) {
        if self.ailing.load(Ordering::Relaxed) == 0 || attempts.is_empty() {
            return;
        }
        let states = self.states();
        let until = |choice: &Choice| {
            let provider = snapshot.providers.get(choice.provider);
            provider
                .and_then(|provider| {
                    states.get(&(provider.name.to_string(), choice.model.to_string()))
                })
                .map_or(0, State::rests_until)
        };
        let ends: Vec<i64> = attempts.iter().map(until).collect();
        drop(states);
        // The first of the soonest, where all rest.
        let spared = ends
            .iter()
            .enumerate()
            .min_by_key(|(_, end)| **end)
            .map(|(at, _)| at)
            .filter(|_| ends.iter().all(|end| *end > now));
        let mut at = 0;
        attempts.retain(|choice| {
            let (here, end) = (at, ends[at]);
            at += 1;
            let keep = end <= now || spared == Some(here);
            if !keep && let Some(provider) = snapshot.providers.get(choice.provider) {
                excluded.push(Excluded {
                    provider: provider.name.clone(),
                    model: Some(choice.model.clone()),
                    why: Why::Resting((end - now).max(0) as u64),
                });
            }
            keep
        });
    }

    /// Lets an attempt at a target begin. Once a suspension is over the first attempt is the target's probe, and
    /// until that has come to something everybody else gets `None`, unless there is no other target (`must`).
    pub fn enter<'a>(
        &'a self,
        provider: &'a str,
        model: &'a str,
        now: i64,
        must: bool,
    ) -> Option<Entry<'a>> {
        let entry = |probe| {
            Some(Entry {
                health: self,
                provider,
                model,
                probe,
            })
        };
        if self.ailing.load(Ordering::Relaxed) == 0 {
            return entry(false);
        }
        let mut states = self.states();
        match states.get_mut(&(provider.to_owned(), model.to_owned())) {
            Some(state) if state.suspended > 0 && state.suspended <= now => match state.probe > now
            {
                true if must => entry(false),
                true => None,
                false => {
                    state.probe = now + PROBE_MS;
                    entry(true)
                }
            },
            // Still suspended: only where all are does one get here.
            _ => entry(false),
        }
    }

    /// Forgets targets of providers that are gone.
    pub fn keep(&self, known: impl Fn(&str) -> bool) {
        let mut states = self.states();
        states.retain(|(provider, _), _| known(provider));
        self.ailing.store(states.len(), Ordering::Relaxed);
    }

    /// How many of a provider's models rest.
    pub fn resting(&self, provider: &str, now: i64) -> usize {
        self.states()
            .iter()
            .filter(|((name, _), state)| name == provider && state.rests_until() > now)
            .count()
    }

    fn change(&self, provider: &str, model: &str, now: i64, with: impl FnOnce(&mut State)) {
        let mut states = self.states();
        let key = (provider.to_owned(), model.to_owned());
        if states.len() >= MOST && !states.contains_key(&key) {
            states.retain(|_, state| state.rests_until() > now);
            if states.len() >= MOST {
                return;
            }
        }
        with(states.entry(key).or_default());
        self.ailing.store(states.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::plan::testing;

    const NOW: i64 = 1_000_000;

    fn enter<'a>(health: &'a Health, model: &'a str, now: i64) -> Entry<'a> {
        health.enter("a", model, now, true).unwrap()
    }

    fn suspended() -> Health {
        let health = Health::default();
        (0..3).for_each(|_| enter(&health, "m", NOW).failed(NOW));
        health
    }

    /// What is left of attempts at `a/m` and `a/n`, and what is left out for how long.
    fn resting(health: &Health, now: i64) -> (Vec<String>, Vec<(String, Why)>) {
        let snapshot = testing::snapshot(serde_json::json!([{"kind": "provider", "name": "a"}]));
        let mut attempts: Vec<Choice> = ["m", "n"]
            .map(|model| testing::choice(&snapshot, "a", model))
            .into();
        let mut excluded = Vec::new();
        health.rest(&snapshot, &mut attempts, &mut excluded, now);
        let left = attempts
            .iter()
            .map(|choice| choice.model.to_string())
            .collect();
        (
            left,
            excluded
                .into_iter()
                .map(|out| (out.model.unwrap().to_string(), out.why))
                .collect(),
        )
    }

    fn both() -> (Vec<String>, Vec<(String, Why)>) {
        (vec!["m".into(), "n".into()], vec![])
    }

    fn only(left: &str, out: &str, ms: u64) -> (Vec<String>, Vec<(String, Why)>) {
        (vec![left.into()], vec![(out.into(), Why::Resting(ms))])
    }

    #[test]
    fn a_cool_down_is_clamped_and_ends_by_itself() {
        for (asked, expected) in [
            (None, 1_000),
            (Some(0), 1_000),
            (Some(5_000), 5_000),
            (Some(u64::MAX), 600_000),
            (Some(3_600_000), 600_000),
        ] {
            let health = Health::default();
            enter(&health, "m", NOW).cool(asked, NOW);
            assert_eq!(
                resting(&health, NOW),
                only("n", "m", expected as u64),
                "{asked:?}"
            );
            assert_eq!(
                resting(&health, NOW + expected - 1),
                only("n", "m", 1),
                "{asked:?}"
            );
            assert_eq!(resting(&health, NOW + expected), both(), "{asked:?}");
            assert!(
                health
                    .enter("a", "m", NOW + expected, false)
                    .is_some_and(|entry| !entry.probe)
            );
        }
    }

    #[test]
    fn a_late_success_does_not_end_a_cool_down() {
        let health = Health::default();
        let early = enter(&health, "m", NOW);
        enter(&health, "m", NOW).cool(Some(60_000), NOW);
        early.worked(NOW + 10);
        assert_eq!(resting(&health, NOW + 20), only("n", "m", 59_980));
        enter(&health, "m", NOW + 60_000).worked(NOW + 60_000);
        assert_eq!(health.ailing.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn three_failures_in_a_row_suspend() {
        let health = Health::default();
        for _ in 0..2 {
            enter(&health, "m", NOW).failed(NOW);
            enter(&health, "m", NOW).failed(NOW);
            assert_eq!(resting(&health, NOW), both());
            enter(&health, "m", NOW).worked(NOW);
        }
        assert_eq!(health.ailing.load(Ordering::Relaxed), 0);
        let health = suspended();
        assert_eq!(resting(&health, NOW), only("n", "m", 30_000));
        assert_eq!((health.resting("a", NOW), health.resting("b", NOW)), (1, 0));
    }

    #[test]
    fn one_probe_ends_a_suspension() {
        let after = NOW + SUSPEND_MS;
        let health = suspended();
        assert_eq!(resting(&health, after), both(), "free for a probe");
        let probe = health.enter("a", "m", after, false).unwrap();
        assert!(probe.probe);
        assert!(
            health.enter("a", "m", after, false).is_none(),
            "one probe at a time"
        );
        assert_eq!(
            resting(&health, after),
            only("n", "m", 30_000),
            "nobody plans on it meanwhile"
        );
        assert!(
            health
                .enter("a", "m", after, true)
                .is_some_and(|entry| !entry.probe),
            "better than nothing"
        );
        probe.worked(after + 5);
        assert_eq!(health.ailing.load(Ordering::Relaxed), 0);
        assert_eq!(resting(&health, after + 5), both());
    }

    #[test]
    fn a_failed_probe_suspends_again_and_an_undecided_one_is_made_again() {
        let after = NOW + SUSPEND_MS;
        let health = suspended();
        health.enter("a", "m", after, false).unwrap().failed(after);
        assert_eq!(resting(&health, after), only("n", "m", 30_000));
        let again = after + SUSPEND_MS;
        drop(health.enter("a", "m", again, false).unwrap());
        let lost = health.enter("a", "m", again, false).unwrap();
        assert!(lost.probe, "the first was dropped without a word");
        std::mem::forget(lost);
        assert!(
            health
                .enter("a", "m", again + PROBE_MS - 1, false)
                .is_none()
        );
        assert!(
            health
                .enter("a", "m", again + PROBE_MS, false)
                .is_some_and(|entry| entry.probe),
            "a lost probe is given up"
        );
    }

    #[test]
    fn where_all_rest_the_soonest_free_stays() {
        let health = suspended();
        enter(&health, "n", NOW).cool(Some(10_000), NOW);
        assert_eq!(resting(&health, NOW), only("n", "m", 30_000));
        enter(&health, "n", NOW).cool(Some(50_000), NOW);
        assert_eq!(resting(&health, NOW), only("m", "n", 50_000));
    }

    #[test]
    fn memory_is_bounded_by_resting_targets_and_by_a_number() {
        let health = Health::default();
        for at in 0..MOST + 10 {
            health
                .enter("a", &format!("made-up-{at}"), NOW, true)
                .unwrap()
                .failed(NOW);
        }
        assert!(health.states().len() <= MOST);
        for at in 0..MOST + 10 {
            health
                .enter("a", &format!("cooling-{at}"), NOW, true)
                .unwrap()
                .cool(None, NOW);
        }
        assert_eq!(health.states().len(), MOST);
        health.keep(|provider| provider != "a");
        assert_eq!(
            (health.states().len(), health.ailing.load(Ordering::Relaxed)),
            (0, 0)
        );
    }
}
