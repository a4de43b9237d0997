//! Smooth weighted round robin, as nginx has it
//! (<https://github.com/nginx/nginx/commit/52327e0627f49dbda1e8db695e63a4b0af4448b1>): a pattern, no dice. Over as many
//! requests as the weights come to, each target is first exactly as often as its weight says, and never in a clump.

use crate::plan::Choice;
use std::cmp::Reverse;

/// Everybody is credited its weight; the one with the most credit is the pick, and pays for all of them. The others follow
/// by what they have left. `credit`: by the targets' places in their list.
pub(super) fn order(tier: &mut [Choice], credit: &mut [i64]) {
    let mut total = 0;
    let mut best: Option<(i64, usize)> = None;
    for (at, choice) in tier.iter().enumerate() {
        let Some(own) = credit.get_mut(choice.place) else {
            continue;
        };
        let weight = i64::from(choice.weight);
        *own += weight;
        total += weight;
        if best.is_none_or(|(most, _)| *own > most) {
            best = Some((*own, at));
        }
    }
    let Some((_, at)) = best else {
        return;
    };
    if let Some(own) = tier.get(at).and_then(|choice| credit.get_mut(choice.place)) {
        *own -= total;
    }
    tier[..=at].rotate_right(1);
    let left = |choice: &Choice| Reverse(credit.get(choice.place).copied());
    tier[1..].sort_by_key(left);
}
