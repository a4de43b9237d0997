//! By turns, in the order written, whatever the weights.

use crate::plan::Choice;

/// The one whose turn it is, then the others as they follow.
pub(super) fn order(tier: &mut [Choice], turn: u64) {
    let first = usize::try_from(turn % tier.len().max(1) as u64).unwrap_or(0);
    tier.rotate_left(first);
}

/// All alike.
pub(super) fn shares(tier: &[Choice]) -> Vec<f64> {
    vec![1.0 / tier.len() as f64; tier.len()]
}
