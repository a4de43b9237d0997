//! By weight, drawn anew for every request: 80/20 is 8/2.

use crate::plan::{Choice, Dice};

/// Draws without replacement by weight: the first is the pick, the rest is the order of fallback.
pub(super) fn order(tier: &mut [Choice], dice: &mut Dice) {
    for at in 0..tier.len().saturating_sub(1) {
        let picked = pick(&tier[at..], dice);
        // Rotation keeps the order of those not picked.
        tier[at..=at + picked].rotate_right(1);
    }
}

/// Draws one by weight: its place.
pub(super) fn pick(tier: &[Choice], dice: &mut Dice) -> usize {
    let total: u64 = tier.iter().map(|choice| u64::from(choice.weight)).sum();
    let mut ball = dice.below(total);
    let here = |choice: &Choice| match ball.checked_sub(u64::from(choice.weight)) {
        Some(rest) => {
            ball = rest;
            false
        }
        None => true,
    };
    tier.iter().position(here).unwrap_or(0)
}

/// Each one's part of all weights.
pub(super) fn shares(tier: &[Choice]) -> Vec<f64> {
    let weights = tier.iter().map(|choice| f64::from(choice.weight));
    let total: f64 = weights.clone().sum();
    weights.map(|weight| weight / total).collect()
}
