//! Active health checks: each provider that wants them is asked for something that costs nothing, every so often and
//! away from the data plane's workers. Enough failures in a row take it out of planning, enough passes let it in again.

use super::provider_health;
use crate::gateway::{Serving, Shared};
use crate::plan::Dice;
use crate::resources::{Millis, Stamp, provider::health_check::HealthCheck};
use crate::upstream::{
    Standing, Upstream,
    trial::{self, State, Trial},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::{sync::watch, task::JoinSet};

/// Checks under way at a time.
const MOST: usize = 16;
/// The first check of a provider comes this soon at the latest.
const FIRST: Duration = Duration::from_secs(1);
/// How long the task sleeps with nothing to do.
const IDLE: Duration = Duration::from_secs(60);

/// Checks in a row, and what they came to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Tally {
    failing: bool,
    /// Of the other kind than `failing` says.
    row: u32,
}

impl Tally {
    /// Takes a check in; whether that turned it.
    fn add(&mut self, passed: bool, how: &HealthCheck) -> bool {
        if passed != self.failing {
            self.row = 0;
            return false;
        }
        self.row = self.row.saturating_add(1);
        let enough = if passed { how.passes } else { how.failures };
        let turned = self.row >= enough;
        if turned {
            *self = Tally {
                failing: !passed,
                row: 0,
            };
        }
        turned
    }
}

/// One provider that is checked.
struct Checked {
    how: HealthCheck,
    /// Another one where address or credential have changed: what was seen says nothing of that.
    standing: Arc<Standing>,
    due: Instant,
    running: bool,
    tally: Tally,
    /// When it began to fail.
    since: Option<Instant>,
    last: Option<Last>,
}

/// How the last check went.
struct Last {
    at: Stamp,
    ms: u64,
    /// `None`: it says nothing.
    passed: Option<bool>,
    message: String,
}

/// What is checked, and how it is doing.
pub struct Checks {
    shared: Arc<Shared>,
    checked: Mutex<BTreeMap<Arc<str>, Checked>>,
    dice: Mutex<Dice>,
}

/// A check that has ended.
struct Ended {
    name: Arc<str>,
    standing: Arc<Standing>,
    trial: Trial,
}

impl Checks {
    pub fn new(shared: Arc<Shared>) -> Arc<Checks> {
        // Gateways that start together need not ask together: which of them is which the process's id says well enough.
        let seed = u64::from(std::process::id()) ^ Stamp::now().0.unsigned_abs();
        Arc::new(Checks {
            shared,
            checked: Mutex::default(),
            dice: Mutex::new(Dice::new(seed)),
        })
    }

    /// Checks from here on; `changed` tells of records that have changed. Ends with the task.
    pub fn start(self: &Arc<Checks>, mut changed: watch::Receiver<()>) -> tokio::task::AbortHandle {
        let checks = self.clone();
        let task = tokio::spawn(async move {
            let mut running = JoinSet::new();
            loop {
                let next = checks.begin(&mut running, Instant::now());
                tokio::select! {
                    told = changed.changed() => if told.is_err() { return },
                    Some(ended) = running.join_next(), if !running.is_empty() => {
                        if let Ok(ended) = ended {
                            checks.note(ended);
                        }
                    }
                    () = tokio::time::sleep(next) => {}
                }
            }
        });
        task.abort_handle()
    }

    /// How the checks of a provider are going; `None`: it is not checked.
    pub fn show(&self, name: &str) -> Option<Value> {
        let checked = self.checked();
        let one = checked.get(name)?;
        let failing = one.since.map(|since| since.elapsed());
        let mut shown = json!({"state": match (one.tally.failing, &one.last) {
            (true, _) => "failing",
            (false, None) => "unchecked",
            (false, Some(Last { passed: None, .. })) => "unknown",
            (false, Some(_)) => "passing",
        }});
        if let Some(time) = failing {
            shown["failing_for"] = Millis(time.as_secs() * 1_000).to_string().into();
        }
        if let Some(last) = &one.last {
            shown["last"] = last.at.rfc3339().into();
            shown["ms"] = last.ms.into();
            shown["said"] = last.message.as_str().into();
        }
        Some(shown)
    }

    fn checked(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Checked>> {
        self.checked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A share of a time, from `least` tenths of it on.
    fn some_of(&self, time: Duration, least: u32, tenths: u32) -> Duration {
        let mut dice = self.dice.lock().unwrap_or_else(PoisonError::into_inner);
        let thousandth = dice.below(u64::from(tenths) * 100) as u32;
        time * least / 10 + time.mul_f64(f64::from(thousandth) / 1_000.0)
    }

    /// Begins the checks that are due; how long nothing else is.
    fn begin(&self, running: &mut JoinSet<Ended>, now: Instant) -> Duration {
        let serving = self.shared.serving.load();
        self.follow(&serving, now);
        let mut checked = self.checked();
        let mut next = IDLE;
        for (name, one) in checked.iter_mut().filter(|(_, one)| !one.running) {
            let left = one.due.saturating_duration_since(now);
            let upstream = serving.upstream(name).filter(|_| running.len() < MOST);
            match upstream.filter(|_| left.is_zero()) {
                // With too many under way the end of one wakes the task.
                None => next = if left.is_zero() { next } else { next.min(left) },
                Some(upstream) => {
                    one.running = true;
                    one.due = now + self.some_of(one.how.interval.std(), 9, 2);
                    let (upstream, how) = (upstream.clone(), one.how.clone());
                    running.spawn(check(upstream, how));
                }
            }
        }
        next
    }

    /// Takes in who is to be checked now; what is not any more is as if it had never been.
    fn follow(&self, serving: &Serving, now: Instant) {
        let mut checked = self.checked();
        let mut wanted = BTreeMap::new();
        for (upstream, provider) in serving
            .upstreams
            .iter()
            .zip(serving.snapshot.providers.iter())
        {
            if let Some(how) = provider
                .spec
                .health_check()
                .filter(|_| !upstream.name.is_empty())
            {
                wanted.insert(upstream.name.clone(), (how, upstream.standing.clone()));
            }
        }
        checked.retain(|name, one| {
            let same = wanted
                .get(name)
                .is_some_and(|(_, standing)| Arc::ptr_eq(standing, &one.standing));
            if !same {
                set(serving, name, None, &self.shared);
            }
            same
        });
        for (name, (how, standing)) in wanted {
            match checked.get_mut(&name) {
                Some(one) if one.how == how => {}
                Some(one) => {
                    one.how = how;
                    one.due = now;
                }
                None => {
                    let first = self.some_of(how.interval.std().min(FIRST), 0, 10);
                    let one = Checked {
                        how,
                        standing,
                        due: now + first,
                        running: false,
                        tally: Tally::default(),
                        since: None,
                        last: None,
                    };
                    checked.insert(name, one);
                }
            }
        }
    }

    /// Takes in how a check went.
    fn note(&self, ended: Ended) {
        let Ended {
            name,
            standing,
            trial,
        } = ended;
        let mut checked = self.checked();
        let Some(one) = checked
            .get_mut(&name)
            .filter(|one| Arc::ptr_eq(&one.standing, &standing))
        else {
            return;
        };
        one.running = false;
        let passed = match trial.state {
            State::Verified => Some(true),
            State::Unverified => None,
            State::Refused | State::Unreachable | State::Failed => Some(false),
        };
        one.last = Some(Last {
            at: Stamp::now(),
            ms: trial.ms,
            passed,
            message: trial.message.clone(),
        });
        let serving = self.shared.serving.load();
        match passed {
            // A list may be had by anybody: it does not say that the credential is taken again.
            Some(true) if standing.refusal().is_none() => standing.worked(),
            Some(false) => provider_health::tried(&self.shared, &name, &trial),
            _ => {}
        }
        let Some(passed) = passed else { return };
        if !one.tally.add(passed, &one.how) {
            return;
        }
        let why = trial.message;
        match passed {
            true => {
                tracing::info!(provider = &*name, "provider passes its health checks again");
                one.since = None;
            }
            false => {
                tracing::warn!(provider = &*name, why, "provider fails its health checks");
                one.since = Some(Instant::now());
            }
        }
        set(&serving, &name, one.since, &self.shared);
    }
}

/// Tells planning since when a provider's checks fail; `None`: they do not.
fn set(serving: &Serving, name: &str, since: Option<Instant>, shared: &Shared) {
    let place = serving.snapshot.provider(name);
    let provider = place.and_then(|place| serving.snapshot.providers.get(place));
    if let Some(provider) = provider {
        provider.health.checked(since.map(|at| shared.moment(at)));
    }
}

async fn check(upstream: Arc<Upstream>, how: HealthCheck) -> Ended {
    Ended {
        name: upstream.name.clone(),
        standing: upstream.standing.clone(),
        trial: trial::check(&upstream, how.path.as_deref(), how.timeout.std()).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enough_in_a_row_turn_it_and_no_fewer() {
        let how = HealthCheck {
            interval: Millis(0),
            path: None,
            timeout: Millis(0),
            failures: 3,
            passes: 2,
        };
        let mut tally = Tally::default();
        let mut turns = |checks: &str| -> String {
            checks
                .chars()
                .map(|check| match tally.add(check == '+', &how) {
                    true => '!',
                    false => check,
                })
                .collect()
        };
        assert_eq!(turns("++--+--"), "++--+--");
        assert_eq!(turns("-"), "!");
        assert_eq!(turns("---+-+"), "---+-+");
        assert_eq!(turns("+"), "!");
        assert_eq!(turns("--+---"), "--+--!");
    }
}
