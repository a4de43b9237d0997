//! The target with the least of something: time to first content, requests under way, or price. Between equals the weights
//! draw; the others follow in the order of what they have.

use super::split;
use crate::catalog;
use crate::plan::{Ask, Choice, Dice, Moment};

/// Of two drawn by weight the one whose content came sooner lately. All load on the fastest would make it the slowest;
/// two choices keep every target measured, and the slowest of several is never picked but by itself. One that was not
/// measured, or not lately, counts as fast.
pub(super) fn latency(tier: &mut [Choice], now: Moment, dice: &mut Dice) {
    let waits = |choice: &Choice| choice.state.latency(now);
    tier.sort_by_cached_key(waits);
    let one = split::pick(tier, dice);
    // The other is drawn from the rest.
    tier[..=one].rotate_right(1);
    let other = 1 + split::pick(&tier[1..], dice);
    if waits(&tier[other]) < waits(&tier[0]) {
        tier.swap(0, other);
    }
    tier[1..].sort_by_cached_key(waits);
}

pub(super) fn latency_shares(tier: &[Choice], now: Moment) -> Vec<f64> {
    let known: Vec<(u64, f64)> = tier
        .iter()
        .map(|choice| (choice.state.latency(now), f64::from(choice.weight)))
        .collect();
    let total: f64 = known.iter().map(|(_, weight)| weight).sum();
    let mut shares = vec![0.0; tier.len()];
    for (one, (wait, weight)) in known.iter().enumerate() {
        let first = weight / total;
        if known.len() == 1 {
            shares[one] = 1.0;
        }
        for (other, (other_wait, other_weight)) in known.iter().enumerate() {
            if other != one {
                let both = first * other_weight / (total - weight);
                shares[if other_wait < wait { other } else { one }] += both;
            }
        }
    }
    shares
}

/// The one with the fewest requests under way for its weight.
pub(super) fn busy(tier: &mut [Choice], dice: &mut Dice) {
    order(tier, load, dice);
}

pub(super) fn busy_shares(tier: &[Choice]) -> Vec<f64> {
    shares(tier, load)
}

/// Requests that would be under way, for a weight of 2^32.
fn load(choice: &Choice) -> u64 {
    let there = u64::from(choice.state.in_flight()) + 1;
    (there << 32) / u64::from(choice.weight.max(1))
}

/// The cheapest; what has no price comes last, since unknown is not free.
pub(super) fn cost(tier: &mut [Choice], ask: &Ask<'_>, dice: &mut Dice) {
    order(tier, |choice| price(choice, ask), dice);
}

pub(super) fn cost_shares(tier: &[Choice], ask: &Ask<'_>) -> Vec<f64> {
    shares(tier, |choice| price(choice, ask))
}

/// Tokens of an answer that nothing is said of.
const ANSWER: u64 = 1_000;

/// What a request would cost by its estimate, in picodollars: its prompt, and the answer it allows.
pub(in crate::plan) fn price(choice: &Choice, ask: &Ask<'_>) -> u128 {
    let output = ask.max_output.unwrap_or(ANSWER);
    let cost = catalog::estimate(&choice.facts.prices, ask.tokens, output);
    let pico = cost.pico.and_then(|pico| u128::try_from(pico).ok());
    pico.unwrap_or(u128::MAX)
}

fn order<K: Ord>(tier: &mut [Choice], key: impl Fn(&Choice) -> K, dice: &mut Dice) {
    tier.sort_by_cached_key(&key);
    let equals = equals(tier, &key);
    let picked = split::pick(&tier[..equals], dice);
    tier[..=picked].rotate_right(1);
}

fn shares<K: Ord>(tier: &[Choice], key: impl Fn(&Choice) -> K) -> Vec<f64> {
    let Some(least) = tier.iter().map(&key).min() else {
        return Vec::new();
    };
    let weight = |choice: &Choice| match key(choice) == least {
        true => f64::from(choice.weight),
        false => 0.0,
    };
    let total: f64 = tier.iter().map(weight).sum();
    tier.iter().map(|choice| weight(choice) / total).collect()
}

/// How many of a sorted tier are as good as its first.
fn equals<K: Ord>(tier: &[Choice], key: impl Fn(&Choice) -> K) -> usize {
    let Some(first) = tier.first().map(&key) else {
        return 0;
    };
    tier.iter()
        .take_while(|choice| key(choice) == first)
        .count()
}
