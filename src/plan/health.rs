//! How targets are doing, and who may try one that was not well. A target that a route names has a slot of state
//! made with the snapshot; models that callers choose have one only while they are not simply well. While all is
//! well a request reads one atomic or three of a line that nobody writes, and takes no lock.

mod budget;
mod figures;
mod rule;
mod slot;

pub use figures::Load;
pub use slot::{Rest, Slot};

use super::{Choice, Excluded, Moment, Snapshot, Why};
use crate::resources::provider::Provider as Spec;
use figures::Figures;
use rule::Rule;
use slot::Admission;
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, Weak, atomic::Ordering::Relaxed};
use std::time::Duration;

/// Models remembered at most of those that callers choose, a provider; and the longest name (bytes) of one.
const MOST: usize = 1_024;
const LONGEST: usize = 256;

/// How the models of one provider are doing; kept from snapshot to snapshot.
#[derive(Debug, Default)]
pub struct Health {
    rule: Arc<Rule>,
    /// Of all models that callers chose together.
    figures: Figures,
    slots: RwLock<Slots>,
}

#[derive(Debug, Default)]
struct Slots {
    /// Of models that targets name; gone with the last target.
    named: HashMap<Arc<str>, Weak<Slot>>,
    /// How many there may be before those that have gone are looked for.
    room: usize,
    /// Of models that callers chose and that were not well lately.
    asked: HashMap<Arc<str>, Arc<Slot>>,
}

impl Slots {
    fn find(&self, model: &str) -> Option<Arc<Slot>> {
        let named = self.named.get(model).and_then(Weak::upgrade);
        named.or_else(|| self.asked.get(model).cloned())
    }
}

impl Health {
    /// Goes by what the provider's record says from here on.
    pub(super) fn follow(&self, spec: &Spec) {
        self.rule.follow(spec);
    }

    /// The slot of a model that a target names.
    pub(super) fn named(&self, model: &Arc<str>) -> Arc<Slot> {
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.named.get(model).and_then(Weak::upgrade) {
            return slot;
        }
        if slots.named.len() >= slots.room {
            slots.named.retain(|_, slot| slot.strong_count() > 0);
            slots.room = 2 * slots.named.len() + 16;
        }
        let slot = slots.asked.remove(model);
        let slot = slot.unwrap_or_else(|| Arc::new(Slot::new(self.rule.clone())));
        slots.named.insert(model.clone(), Arc::downgrade(&slot));
        slot
    }

    /// Whether a target names this model.
    pub fn names(&self, model: &str) -> bool {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        let named = slots.named.get(model);
        named.is_some_and(|slot| slot.strong_count() > 0)
    }

    /// The slot of a model, if it has one and may be other than well.
    fn find(&self, model: &str, now: Moment) -> Option<Arc<Slot>> {
        if self.rule.unwell.load(Relaxed) <= now.ms() {
            return None;
        }
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        slots.find(model)
    }

    /// The slot of a model that is not well any more. `None`: there is no room for another.
    fn remember(&self, model: &Arc<str>, now: Moment) -> Option<Arc<Slot>> {
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.find(model) {
            return Some(slot);
        }
        if slots.asked.len() >= MOST {
            slots.asked.retain(|_, slot| !slot.forgotten(now));
        }
        (slots.asked.len() < MOST && model.len() <= LONGEST).then(|| {
            let slot = Arc::new(Slot::new(self.rule.clone()));
            slots.asked.insert(model.clone(), slot.clone());
            slot
        })
    }

    /// Since when its active health checks fail; `None`: they do not.
    pub fn checked(&self, failing: Option<Moment>) {
        self.rule.checked(failing);
    }

    /// For how long its active health checks have failed (ms), if they do.
    pub fn failing_for(&self, now: Moment) -> Option<u64> {
        self.rule.failing_for(now)
    }

    /// What is under way at models that callers chose, and how soon they answer.
    pub(super) fn load(&self) -> Load {
        self.figures.load()
    }

    /// How many models rest.
    pub fn resting(&self, now: Moment) -> usize {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        let named = slots.named.values().filter_map(Weak::upgrade);
        named
            .chain(slots.asked.values().cloned())
            .filter(|slot| slot.rests_until(now) > now.ms())
            .count()
    }
}

/// Where a target's state is.
#[derive(Clone, Debug)]
enum Place {
    Slot(Arc<Slot>),
    Asked(Arc<Health>, Arc<str>),
}

impl Place {
    /// What is counted of it: of models that callers choose, for the provider as a whole.
    fn figures(&self) -> &Figures {
        match self {
            Place::Slot(slot) => &slot.figures,
            Place::Asked(health, _) => &health.figures,
        }
    }

    /// Does something with the slot, if there is one that may be other than well.
    fn known<T>(&self, now: Moment, with: impl FnOnce(&Arc<Slot>) -> T) -> Option<T> {
        match self {
            Place::Slot(slot) => Some(with(slot)),
            Place::Asked(health, model) => health.find(model, now).as_ref().map(with),
        }
    }

    /// Does something with the slot, which is made if need be.
    fn kept(&self, now: Moment, with: impl FnOnce(&Slot)) {
        match self {
            Place::Slot(slot) => with(slot),
            Place::Asked(health, model) => {
                if let Some(slot) = health.remember(model, now) {
                    with(&slot);
                }
            }
        }
    }
}

/// A target's state as one request sees it.
#[derive(Clone, Debug)]
pub struct TargetState {
    place: Place,
    /// The request has tried it already: what comes of another attempt does not count as one more failure.
    tried: Cell<bool>,
}

impl TargetState {
    /// Of a target that names its model.
    pub(super) fn named(slot: &Arc<Slot>) -> TargetState {
        TargetState::at(Place::Slot(slot.clone()))
    }

    /// Of a model that the caller chose.
    pub(super) fn asked(health: &Arc<Health>, model: &Arc<str>) -> TargetState {
        TargetState::at(Place::Asked(health.clone(), model.clone()))
    }

    fn at(place: Place) -> TargetState {
        TargetState {
            place,
            tried: Cell::new(false),
        }
    }

    /// Lets an attempt begin. Once a suspension is over the first attempt is the target's probe, and until that has
    /// come to something everybody else gets `None`, unless there is no other target (`must`).
    pub fn enter(&self, now: Moment, must: bool) -> Option<Entry> {
        let admitted = self
            .place
            .known(now, |slot| match slot.admit(now) {
                Admission::Free => Some(None),
                Admission::Probe(mark) => Some(Some((slot.clone(), mark))),
                Admission::Probed => must.then_some(None),
            })
            .unwrap_or(Some(None));
        let probe = admitted?;
        let asked = match &self.place {
            Place::Slot(_) => None,
            place @ Place::Asked(..) => place.known(now, Arc::clone),
        };
        if let Some(slot) = &asked {
            slot.figures.begin();
        }
        Some(Entry {
            lane: self.place.figures().begin(),
            place: self.place.clone(),
            asked,
            probe,
            counts: !self.tried.replace(true),
            began: now,
        })
    }

    /// Whether a request that this target has failed may try it once more, as far as its repeats go: at most a fifth of
    /// what is asked of it, and three a second. `take`: it will.
    pub fn repeat(&self, now: Moment, take: bool) -> bool {
        let known = self.place.known(now, |slot| slot.repeat(now, take));
        known.unwrap_or(true)
    }

    /// Whether it is to be left alone.
    pub fn rests(&self, now: Moment) -> bool {
        self.rests_until(now) > now.ms()
    }

    /// How long until it may be tried again, leaving out a probe under way, which may end at any time.
    pub fn returns_in(&self, now: Moment) -> Duration {
        let known = self.place.known(now, |slot| slot.returns_at(now));
        Duration::from_millis(known.unwrap_or(0).saturating_sub(now.ms()))
    }

    /// Whether it is a waiting request's turn. Those that have waited for a target come to it one by one, so that it is not
    /// run over when it is free again.
    pub fn pass(&self, now: Moment) -> bool {
        let known = self.place.known(now, |slot| slot.pass(now));
        known.unwrap_or(true)
    }

    /// What is under way there and how soon it answers; of models that callers choose, at the provider as a whole.
    pub fn load(&self) -> Load {
        self.place.figures().load()
    }

    /// Attempts under way there.
    pub fn in_flight(&self) -> u32 {
        self.place.figures().in_flight()
    }

    /// How soon content came lately; 0 where nothing is known.
    pub fn latency(&self, now: Moment) -> u64 {
        self.place.figures().latency(now.ms())
    }

    /// For how long its provider has failed its active health checks (ms), if it does.
    pub fn failing_for(&self, now: Moment) -> Option<u64> {
        match &self.place {
            Place::Slot(slot) => slot.failing_for(now),
            Place::Asked(health, _) => health.failing_for(now),
        }
    }

    /// Why it is left alone, if it is.
    pub fn rest(&self, now: Moment) -> Option<Rest> {
        self.place.known(now, |slot| slot.rest(now)).flatten()
    }

    /// Until when it is to be left alone; not later than `now`: it is free. Nobody knows when checks pass again.
    pub fn rests_until(&self, now: Moment) -> u64 {
        match self.failing_for(now) {
            Some(_) => u64::MAX,
            None => self.left_alone_until(now),
        }
    }

    /// The same whatever checks say.
    fn left_alone_until(&self, now: Moment) -> u64 {
        let known = self.place.known(now, |slot| slot.rests_until(now));
        known.unwrap_or(0)
    }
}

/// One attempt at a target, from being let in to what it came to. It may outlive the request's planning: a stream
/// that breaks late is told to it late. Dropped without a word, a probe counts as not made: the next request makes it.
#[derive(Debug)]
#[must_use]
pub struct Entry {
    place: Place,
    /// The slot of a model that the caller chose, where it has one.
    asked: Option<Arc<Slot>>,
    probe: Option<(Arc<Slot>, u64)>,
    /// Where it is counted as under way.
    lane: usize,
    /// It has not been counted, nor any attempt of the same request before it.
    counts: bool,
    began: Moment,
}

impl Entry {
    /// What was asked for has begun to come: a suspension is over, and how long it took is noted. Failures in a row
    /// stay in a row, so that streams which always break add up.
    pub fn answered(&mut self, now: Moment) {
        self.probe = None;
        let waited = now.ms().saturating_sub(self.began.ms());
        self.place.figures().content(self.lane, waited, now.ms());
        self.place.known(now, |slot| slot.answered());
    }

    /// The target did its part, if only by refusing the request. Only a cool-down that another request has been told of stays.
    pub fn worked(&mut self, now: Moment) {
        self.probe = None;
        self.place.known(now, |slot| slot.worked());
    }

    /// The target failed: after some requests in a row it is suspended, and after a failed probe at once.
    pub fn failed(&mut self, now: Moment) {
        let counts = std::mem::replace(&mut self.counts, false);
        if let Some((slot, mark)) = self.probe.take() {
            slot.suspend(now);
            slot.give_back(mark);
        }
        if counts {
            self.place.kept(now, |slot| slot.failed(self.began, now));
        }
    }

    /// The target asked to be left alone for a while (429, 529, 503 with Retry-After).
    pub fn cool(&mut self, wait_ms: Option<u64>, now: Moment) {
        self.place.kept(now, |slot| slot.cool(wait_ms, now));
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let Some((slot, mark)) = &self.probe {
            slot.give_back(*mark);
        }
        self.place.figures().end(self.lane);
        if let Some(slot) = &self.asked {
            slot.figures.end(self.lane);
        }
    }
}

/// Takes resting targets out of the attempts: what is returned is for later. Where that would leave none and one is to be
/// spared (`spare`), the one soonest free stays.
pub(super) fn rest(
    snapshot: &Snapshot,
    attempts: &mut Vec<Choice>,
    excluded: &mut Vec<Excluded>,
    now: Moment,
    spare: bool,
) -> Vec<Choice> {
    // Checks that all fail may be what is wrong: it is as if there were none.
    let failing = |choice: &Choice| choice.state.failing_for(now).is_some();
    let unchecked = attempts.iter().all(failing);
    let end = |choice: &Choice| match unchecked {
        true => choice.state.left_alone_until(now),
        false => choice.state.rests_until(now),
    };
    if attempts.iter().all(|choice| end(choice) <= now.ms()) {
        return Vec::new();
    }
    let ends: Vec<u64> = attempts.iter().map(end).collect();
    // The first of the soonest, where all rest.
    let spared = ends
        .iter()
        .enumerate()
        .min_by_key(|(_, end)| **end)
        .map(|(at, _)| at)
        .filter(|_| spare && ends.iter().all(|end| *end > now.ms()));
    let mut later = Vec::new();
    let all = std::mem::take(attempts);
    for (at, (choice, end)) in all.into_iter().zip(ends).enumerate() {
        if end <= now.ms() || spared == Some(at) {
            attempts.push(choice);
            continue;
        }
        if let Some(provider) = snapshot.providers.get(choice.provider) {
            excluded.push(Excluded {
                provider: provider.name.clone(),
                model: Some(choice.model.clone()),
                why: match choice.state.failing_for(now) {
                    Some(since) if !unchecked => Why::Checks(since),
                    _ => Why::Resting(end.saturating_sub(now.ms())),
                },
            });
        }
        later.push(choice);
    }
    later
}

#[cfg(test)]
mod tests;
