//! A list of targets with its strategy, looked up ahead of time as far as the request does not matter: a route has one of
//! its own, and one for each of its rules.

use super::{
    Ask, Caller, Choice, Excluded, Facts, Snapshot, Why, fit,
    health::{Slot, TargetState},
    naming,
    strategy::hash,
    turns::Turns,
};
use crate::chat::Op;
use crate::expression::Condition;
use crate::resources::route::{self, Strategy};
use std::sync::Arc;

/// Targets and how they are ordered.
#[derive(Debug)]
pub struct Pool {
    /// Of a rule: when it is this one's turn. `None` of a route's own.
    pub when: Option<Condition>,
    /// In the order of their tiers.
    pub targets: Vec<Target>,
    pub strategy: Strategy,
    /// By tier, where one has another strategy.
    tiers: Vec<Strategy>,
    /// Whose turn it is.
    pub turns: Turns,
}

/// One target.
#[derive(Debug)]
pub struct Target {
    pub provider_name: Arc<str>,
    /// The upstream id; `None`: as asked.
    pub model: Option<Arc<str>>,
    pub weight: u32,
    pub tier: u32,
    /// What a sticky strategy knows it by: the same wherever it stands, in every process.
    pub(super) mark: u64,
    provider: Option<usize>,
    facts: Option<Facts>,
    /// How it is doing; `None`: the caller chooses the model.
    slot: Option<Arc<Slot>>,
    /// The place of the first target that is the same.
    repeats: Option<usize>,
}

impl Pool {
    /// Looks targets up. `before`: the same list of the route as it was, with whether its seed is the same.
    pub(super) fn build(
        snapshot: &Snapshot,
        when: Option<Condition>,
        strategy: Strategy,
        tiers: &[Strategy],
        targets: &[route::Target],
        before: Option<(&Pool, bool)>,
    ) -> Pool {
        // Each its own tier, in order, where nothing else is said of tiers.
        let in_order = strategy == Strategy::Fallback && tiers.is_empty();
        let mut targets: Vec<Target> = targets
            .iter()
            .enumerate()
            .map(|(place, target)| {
                let place = u32::try_from(place).unwrap_or(u32::MAX);
                Target::build(snapshot, target, if in_order { place } else { target.tier })
            })
            .collect();
        targets.sort_by_key(|target| target.tier);
        for at in 1..targets.len() {
            let (before, here) = targets.split_at(at);
            // One of weight 0 is not tried, and nothing repeats it.
            let same = |target: &Target| {
                target.weight > 0 && here.first().is_some_and(|here| here.is_like(target))
            };
            targets[at].repeats = before.iter().position(same);
        }
        let same_targets = before.is_some_and(|(before, _)| before.is_of(&targets));
        let turns = Turns::after(
            before.map(|(before, _)| &before.turns),
            before.is_some_and(|(_, same_seed)| same_seed),
            same_targets,
            targets.len(),
        );
        Pool {
            when,
            targets,
            strategy,
            tiers: tiers.to_vec(),
            turns,
        }
    }

    /// Whether its targets are these, with the same shares.
    fn is_of(&self, targets: &[Target]) -> bool {
        let known = |target: &Target| (target.mark, target.weight, target.tier);
        self.targets.len() == targets.len()
            && self.targets.iter().map(known).eq(targets.iter().map(known))
    }

    /// The strategy of a tier.
    pub fn strategy_of(&self, tier: u32) -> Strategy {
        let own = usize::try_from(tier)
            .ok()
            .and_then(|tier| self.tiers.get(tier));
        own.copied().unwrap_or(self.strategy)
    }

    /// Whether requests take turns here.
    pub(super) fn counts(&self) -> bool {
        let turns = |strategy: &Strategy| *strategy == Strategy::RoundRobin;
        turns(&self.strategy) || self.tiers.iter().any(turns)
    }

    /// The targets that can take a request, each of them once, and why the others cannot.
    pub(super) fn judge(
        &self,
        snapshot: &Snapshot,
        caller: &Caller,
        ask: &Ask<'_>,
    ) -> (Vec<Choice>, Vec<Excluded>) {
        let (mut fit, mut out) = (Vec::with_capacity(self.targets.len()), Vec::new());
        let mut asked = false;
        for (place, target) in self.targets.iter().enumerate() {
            asked |= target.model.is_none();
            let judged = target.judge(snapshot, caller, ask, place);
            match judged.and_then(|choice| once(choice, &fit, target, asked)) {
                Ok(choice) => fit.push(choice),
                Err(why) => out.push(target.excluded(why)),
            }
        }
        (fit, out)
    }
}

/// The attempt, unless it is among those before it already. `asked`: some of these are for the model as asked, so that only
/// now is known which they are.
fn once(choice: Choice, before: &[Choice], target: &Target, asked: bool) -> Result<Choice, Why> {
    let same = |other: &Choice| other.provider == choice.provider && other.model == choice.model;
    let twice = match (target.repeats, asked) {
        (None, false) => false,
        (Some(place), false) => before.iter().any(|other| other.place == place),
        (_, true) => before.iter().any(same),
    };
    match twice {
        true => Err(Why::Twice),
        false => Ok(choice),
    }
}

impl Target {
    /// Whether it is the same provider and model.
    fn is_like(&self, other: &Target) -> bool {
        self.provider_name == other.provider_name && self.model == other.model
    }

    fn build(snapshot: &Snapshot, target: &route::Target, tier: u32) -> Target {
        let provider = snapshot.provider(&target.provider);
        let model: Option<Arc<str>> = target.model.as_deref().map(|model| match provider {
            Some(at) => naming::target(snapshot, at, model).as_ref().into(),
            None => model.into(),
        });
        let known = provider.zip(model.as_ref());
        let facts = known.map(|(at, model)| snapshot.facts(at, model));
        let slot = known.map(|(at, model)| snapshot.providers[at].health.named(model));
        let written = [Some(target.provider.as_str()), target.model.as_deref()];
        Target {
            provider_name: target.provider.as_str().into(),
            mark: hash::of(written.iter().flatten().map(|part| part.as_bytes())),
            model,
            weight: target.weight,
            tier,
            provider,
            facts,
            slot,
            repeats: None,
        }
    }

    /// The attempt this target means for a request, or why it is out.
    pub(super) fn judge(
        &self,
        snapshot: &Snapshot,
        caller: &Caller,
        ask: &Ask<'_>,
        place: usize,
    ) -> Result<Choice, Why> {
        let provider = self.provider.ok_or(Why::NoProvider)?;
        if self.weight == 0 {
            return Err(Why::WeightZero);
        }
        let looked_up = |model: &Arc<str>| (model.clone(), snapshot.facts(provider, model));
        let (model, facts) = match (&self.model, &self.facts, ask.model) {
            _ if matches!(ask.op, Op::Keep(_)) => looked_up(&"".into()),
            (Some(model), Some(facts), _) => (model.clone(), facts.clone()),
            (Some(model), None, _) => looked_up(model),
            (None, _, Some(asked)) => {
                let meant = snapshot.meant(provider, asked);
                (meant.model.clone(), meant.facts.clone())
            }
            (None, _, None) => return Err(Why::NoModel),
        };
        fit::judge(snapshot, caller, ask, provider, &model, &facts)?;
        let state = match &self.slot {
            Some(slot) if !model.is_empty() => TargetState::named(slot),
            _ => TargetState::asked(&snapshot.providers[provider].health, &model),
        };
        Ok(Choice {
            state,
            provider,
            model,
            facts,
            tier: self.tier,
            weight: self.weight,
            place,
        })
    }

    /// Its provider's place, where there is one.
    pub(super) fn provider(&self) -> Option<usize> {
        self.provider
    }

    /// How it is doing; `None`: the caller chooses the model.
    pub(super) fn slot(&self) -> Option<&Slot> {
        self.slot.as_deref()
    }

    /// Whether the model it names is switched on, as far as that is known.
    pub(super) fn is_enabled(&self) -> bool {
        self.facts.as_ref().is_none_or(|facts| facts.enabled)
    }

    pub(super) fn excluded(&self, why: Why) -> Excluded {
        Excluded {
            provider: self.provider_name.clone(),
            model: self.model.clone(),
            why,
        }
    }
}

#[cfg(test)]
impl Pool {
    /// What its targets came to, with names for places.
    pub fn targets_for_tests(&self) -> Vec<String> {
        let told = |target: &Target| {
            let (found, facts) = (
                target.provider.is_some(),
                target.facts.as_ref().map(|it| it.enabled),
            );
            format!(
                "{}/{:?} {found} {facts:?} {} {}",
                target.provider_name, target.model, target.tier, target.weight
            )
        };
        self.targets.iter().map(told).collect()
    }
}
