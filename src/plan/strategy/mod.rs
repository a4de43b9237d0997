//! How a tier's targets are ordered: a file a strategy, each a pure function of the tier, of what the route remembers, and
//! of dice. The first is the pick, the others are its fallback in order. Beside it each says what share of many requests
//! a target would be first for, if everything else stayed as it is.

pub(super) mod hash;
mod least;
mod rotation;
mod smooth;
mod split;
mod sticky;

pub(super) use least::price;
pub(super) use sticky::kept_by;

use super::{Ask, Caller, Choice, Dice, Moment, pool::Pool, turns::Memory};
use crate::resources::route::{StickyBy, Strategy};

/// What a strategy goes by beside the tier: the request, and where it is.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub caller: &'a Caller,
    pub ask: &'a Ask<'a>,
    pub now: Moment,
    pub pool: &'a Pool,
    pub sticky_by: &'a StickyBy,
}

/// What differs from request to request.
pub(super) struct Hand<'a> {
    pub dice: &'a mut Dice,
    /// The number of this request among those that take turns.
    pub turn: u64,
    pub memory: Memory<'a>,
}

/// Puts attempts, which are in the order of their tiers, in the order of their tiers' strategies.
pub(super) fn order(attempts: &mut [Choice], scene: Scene<'_>, hand: &mut Hand<'_>) {
    let tiers = attempts.chunk_by_mut(|a, b| a.tier == b.tier);
    for (at, tier) in tiers.enumerate().filter(|(_, tier)| tier.len() > 1) {
        let strategy = scene
            .pool
            .strategy_of(tier.first().map_or(0, |choice| choice.tier));
        match strategy {
            Strategy::Fallback => {}
            Strategy::Split => split::order(tier, hand.dice),
            // Nobody knows when the turn of a later tier comes: it is drawn then.
            Strategy::RoundRobin if at > 0 => rotation::order(tier, hand.dice.next()),
            Strategy::RoundRobin => rotation::order(tier, hand.turn),
            Strategy::WeightedRoundRobin if at > 0 => split::order(tier, hand.dice),
            Strategy::WeightedRoundRobin => {
                hand.memory.credit(|credit| smooth::order(tier, credit));
            }
            Strategy::LeastLatency => least::latency(tier, scene.now, hand.dice),
            Strategy::LeastBusy => least::busy(tier, hand.dice),
            Strategy::LeastCost => least::cost(tier, scene.ask, hand.dice),
            Strategy::Sticky => sticky::order(tier, scene.pool, kept_together(scene)),
        }
    }
}

fn kept_together(scene: Scene<'_>) -> u64 {
    sticky::of(scene.sticky_by, scene.caller, scene.ask)
}

/// Of many requests like this one, which share each of these attempts would be the first of its tier for. The order is that
/// of `attempts`.
pub(super) fn shares(attempts: &[Choice], scene: Scene<'_>) -> Vec<f64> {
    let mut shares = Vec::with_capacity(attempts.len());
    for tier in attempts.chunk_by(|a, b| a.tier == b.tier) {
        let strategy = scene
            .pool
            .strategy_of(tier.first().map_or(0, |choice| choice.tier));
        let of_tier = match strategy {
            Strategy::Fallback => only_first(tier),
            Strategy::Split | Strategy::WeightedRoundRobin => split::shares(tier),
            Strategy::RoundRobin => rotation::shares(tier),
            Strategy::LeastLatency => least::latency_shares(tier, scene.now),
            Strategy::LeastBusy => least::busy_shares(tier),
            Strategy::LeastCost => least::cost_shares(tier, scene.ask),
            Strategy::Sticky => sticky::shares(tier, scene.pool, kept_together(scene)),
        };
        shares.extend(of_tier);
    }
    shares
}

fn only_first(tier: &[Choice]) -> Vec<f64> {
    (0..tier.len())
        .map(|at| if at == 0 { 1.0 } else { 0.0 })
        .collect()
}

#[cfg(test)]
mod laws;
