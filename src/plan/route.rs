//! Routes as planning sees them: which one decides, what each target is worth for a request, and the
//! order its strategy gives.

use super::{
    Ask, Caller, Choice, Context, Dice, Facts, Snapshot, Why,
    health::{Slot, TargetState},
    naming,
};
use crate::catalog::betas;
use crate::chat::Op;
use crate::resources::{
    glob,
    route::{Route as Spec, Strategy},
};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// An active route.
#[derive(Debug)]
pub struct Route {
    pub name: Arc<str>,
    pub spec: Spec,
    pub targets: Vec<Target>,
    /// Requests so far, so that a seeded split repeats.
    pub turns: Arc<AtomicU64>,
}

/// One target, looked up ahead of time as far as the request does not matter.
#[derive(Debug)]
pub struct Target {
    pub provider_name: Arc<str>,
    /// The upstream id; `None`: as asked.
    pub model: Option<Arc<str>>,
    pub weight: u32,
    pub tier: u32,
    provider: Option<usize>,
    facts: Option<Facts>,
    /// How it is doing; `None`: the caller chooses the model.
    slot: Option<Arc<Slot>>,
}

impl Route {
    pub(super) fn build(
        snapshot: &Snapshot,
        name: Arc<str>,
        spec: Spec,
        turns: Arc<AtomicU64>,
    ) -> Route {
        let targets = spec
            .targets
            .iter()
            .enumerate()
            .map(|(place, target)| {
                let provider = snapshot.provider(&target.provider);
                let model: Option<Arc<str>> = target.model.as_deref().map(|model| match provider {
                    Some(at) => naming::target(snapshot, at, model).as_ref().into(),
                    None => model.into(),
                });
                let known = provider.zip(model.as_ref());
                let facts = known.map(|(at, model)| snapshot.facts(at, model));
                let slot = known.map(|(at, model)| snapshot.providers[at].health.named(model));
                Target {
                    provider_name: target.provider.as_str().into(),
                    model,
                    weight: target.weight,
                    tier: match spec.strategy {
                        // Each its own tier, in order.
                        Strategy::Fallback => u32::try_from(place).unwrap_or(u32::MAX),
                        Strategy::Split => target.tier,
                    },
                    provider,
                    facts,
                    slot,
                }
            })
            .collect();
        Route {
            name,
            spec,
            targets,
            turns,
        }
    }
}

#[cfg(test)]
impl Route {
    /// What its targets came to, with names for places.
    pub fn targets_for_tests(&self) -> Vec<String> {
        let told = |target: &Target| {
            let (found, facts) = (target.provider.is_some(), target.facts.map(|it| it.enabled));
            format!(
                "{}/{:?} {found} {facts:?} {} {}",
                target.provider_name, target.model, target.tier, target.weight
            )
        };
        self.targets.iter().map(told).collect()
    }
}

impl Target {
    /// The attempt this target means for a request, or why it is out.
    pub(super) fn judge(
        &self,
        snapshot: &Snapshot,
        caller: &Caller,
        ask: &Ask<'_>,
    ) -> Result<Choice, Why> {
        let provider = self.provider.ok_or(Why::NoProvider)?;
        if self.weight == 0 {
            return Err(Why::WeightZero);
        }
        let model = match (&self.model, ask.model) {
            _ if matches!(ask.op, Op::Keep(_)) => "".into(),
            (Some(model), _) => model.clone(),
            (None, Some(asked)) => naming::asked(snapshot, provider, asked).as_ref().into(),
            (None, None) => return Err(Why::NoModel),
        };
        let facts = self
            .facts
            .filter(|_| !model.is_empty())
            .unwrap_or_else(|| snapshot.facts(provider, &model));
        judge(snapshot, caller, ask, provider, &model, &facts)?;
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
        })
    }
}

/// How many times a context window an estimate has to be before it rules a model out: dense text has twice as many
/// tokens for its bytes as sparse text, and only the provider counts them.
const SURELY: u64 = 2;

/// Whether a provider's model can take a request.
pub(super) fn judge(
    snapshot: &Snapshot,
    caller: &Caller,
    ask: &Ask<'_>,
    provider: usize,
    model: &str,
    facts: &Facts,
) -> Result<(), Why> {
    let entry = snapshot.providers.get(provider).ok_or(Why::NoProvider)?;
    if !entry.spec.enabled {
        return Err(Why::ProviderDisabled);
    }
    if !entry.active_in(&caller.environment) {
        return Err(Why::Environment);
    }
    if !entry.ops.contains(&ask.op) {
        return Err(Why::Op);
    }
    if let Op::Keep(_) = ask.op {
        return Ok(());
    }
    if !entry.spec.models.is_empty() && !glob::any(&entry.spec.models, model) {
        return Err(Why::NotExposed);
    }
    if !facts.enabled {
        return Err(Why::ModelDisabled);
    }
    if let Some(can) = facts.can {
        let lacks = [
            ("tools", ask.needs.tools && !can.tools),
            ("images", ask.needs.images && !can.images),
            ("schema", ask.needs.schema && !can.schema),
        ];
        if let Some((what, _)) = lacks.into_iter().find(|(_, lacks)| *lacks) {
            return Err(Why::Lacks(what));
        }
    }
    let over = |window: u64| !ask.media && ask.tokens > window.saturating_mul(SURELY);
    match facts.context_window {
        // Features that enlarge it are looked for only where it would be too small.
        Some(own) if over(own) => {
            let window = betas::window(own, model, ask.headers);
            match over(window) {
                true => Err(Why::Context(window)),
                false => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// The route that takes the request: bound to its path, else to the key, else to its user.
pub(super) fn deciding(snapshot: &Snapshot, caller: &Caller, ask: &Ask<'_>) -> Option<Arc<Route>> {
    let by_path = ask.path.and_then(|path| {
        by_path(snapshot, path)
            .map(|(route, _)| route)
            .find(|route| route.admits(caller))
    });
    by_path
        .or_else(|| {
            snapshot
                .routes_of(caller)
                .find(|route| route.spec.path.is_empty())
        })
        .cloned()
}

impl Route {
    /// A route bound to a path and to keys or users takes only theirs; bound to a path alone it takes everybody.
    pub fn admits(&self, caller: &Caller) -> bool {
        let keys =
            self.spec.keys.is_empty() || self.spec.keys.iter().any(|key| **key == *caller.key);
        let users =
            self.spec.users.is_empty() || self.spec.users.iter().any(|user| **user == *caller.user);
        keys && users
    }
}

/// Routes bound to a path that `path` is or lies below, with what is left of it, longest path first.
pub fn by_path<'a>(
    snapshot: &'a Snapshot,
    path: &'a str,
) -> impl Iterator<Item = (&'a Arc<Route>, &'a str)> {
    snapshot.paths.iter().filter_map(move |route| {
        let rest = path.strip_prefix(route.spec.path.as_str())?;
        (rest.is_empty() || rest.starts_with('/')).then_some((route, rest))
    })
}

/// Puts the attempts in the order of the route's strategy. Tiers come first in every strategy.
pub(super) fn order(route: &Route, attempts: &mut [Choice], context: &mut Context<'_>) {
    // A turn is used up by every request, whatever its targets come to.
    let mut seeded = route.spec.seed.map(|seed| {
        let next = || route.turns.fetch_add(1, Ordering::Relaxed);
        Dice::seeded(seed, context.turn.unwrap_or_else(next))
    });
    if attempts.len() < 2 {
        return;
    }
    attempts.sort_by_key(|choice| choice.tier);
    let tiers = attempts.chunk_by_mut(|a, b| a.tier == b.tier);
    match route.spec.strategy {
        Strategy::Fallback => {}
        Strategy::Split => {
            let dice = seeded.as_mut().unwrap_or(context.dice);
            tiers.for_each(|tier| split(tier, dice));
        }
    }
}

/// Draws without replacement by weight: the first is the pick, the rest is the order of fallback.
fn split(tier: &mut [Choice], dice: &mut Dice) {
    for at in 0..tier.len().saturating_sub(1) {
        let total: u64 = tier[at..]
            .iter()
            .map(|choice| u64::from(choice.weight))
            .sum();
        let mut ball = dice.below(total);
        let picked =
            tier[at..]
                .iter()
                .position(|choice| match ball.checked_sub(u64::from(choice.weight)) {
                    Some(rest) => {
                        ball = rest;
                        false
                    }
                    None => true,
                });
        // Rotation keeps the order of those not picked.
        tier[at..=at + picked.unwrap_or(0)].rotate_right(1);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::plan::testing;
    use proptest::prelude::*;

    /// Attempts of these weights in one tier; the model is the index.
    fn tier(weights: &[u32]) -> Vec<Choice> {
        let snapshot = testing::snapshot(serde_json::json!([{"kind": "provider", "name": "a"}]));
        let choice = |(at, weight): (usize, &u32)| Choice {
            weight: *weight,
            ..testing::choice(&snapshot, "a", &at.to_string())
        };
        weights.iter().enumerate().map(choice).collect()
    }

    fn order_of(tier: &[Choice]) -> Vec<usize> {
        tier.iter()
            .map(|choice| choice.model.parse().unwrap())
            .collect()
    }

    proptest! {
        #[test]
        fn a_split_is_a_permutation_in_proportion(weights in proptest::collection::vec(1u32..50, 1..6), seed: u64) {
            const DRAWS: u32 = 2_000;
            let start = tier(&weights);
            let mut firsts = vec![0u32; weights.len()];
            for turn in 0..u64::from(DRAWS) {
                let mut drawn = start.clone();
                split(&mut drawn, &mut Dice::seeded(seed, turn));
                let mut order = order_of(&drawn);
                firsts[order[0]] += 1;
                order.sort_unstable();
                prop_assert_eq!(order, (0..weights.len()).collect::<Vec<_>>());
            }
            let total: f64 = weights.iter().copied().map(f64::from).sum();
            for (weight, first) in weights.iter().zip(&firsts) {
                let share = f64::from(*weight) / total;
                let deviation = (f64::from(DRAWS) * share * (1.0 - share)).sqrt();
                let expected = f64::from(DRAWS) * share;
                // Six standard deviations: wrong once in half a milliard.
                prop_assert!((f64::from(*first) - expected).abs() <= 6.0 * deviation + 1.0, "{:?} {:?}", weights, firsts);
            }
        }
    }

    #[test]
    fn eight_to_two_is_eighty_to_twenty() {
        let draws = |weights: &[u32]| -> Vec<Vec<usize>> {
            let draw = |turn| {
                let mut drawn = tier(weights);
                split(&mut drawn, &mut Dice::seeded(7, turn));
                order_of(&drawn)
            };
            (0..300).map(draw).collect()
        };
        assert_eq!(draws(&[80, 20]), draws(&[8, 2]));
        assert_eq!(draws(&[u32::MAX, u32::MAX]), draws(&[1, 1]), "no overflow");
    }

    #[test]
    fn paths_match_whole_segments_longest_first() {
        let route = |name: &str, path: &str| serde_json::json!({"kind": "route", "name": name, "path": path, "targets": [{"provider": "a"}]});
        let snapshot = testing::snapshot(serde_json::json!([
            route("short", "/a"),
            route("long", "/a/b"),
            route("other", "/c")
        ]));
        let found = |path| {
            by_path(&snapshot, path)
                .map(|(route, rest)| (route.name.to_string(), rest.to_owned()))
                .collect::<Vec<_>>()
        };
        let pair = |name: &str, rest: &str| (name.to_owned(), rest.to_owned());
        assert_eq!(
            found("/a/b/v1/messages"),
            [
                pair("long", "/v1/messages"),
                pair("short", "/b/v1/messages")
            ]
        );
        assert_eq!(found("/a"), [pair("short", "")]);
        assert_eq!(found("/ab"), []);
        assert_eq!(found("/"), []);
    }
}
