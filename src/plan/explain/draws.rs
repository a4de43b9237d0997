//! How a strategy falls out over many requests.

use super::{Planner, Question, draw, targets};
use crate::error::Result;
use crate::plan::turns::Rehearsal;
use std::collections::BTreeMap;

/// Draws at most.
const MOST: u32 = 10_000;

/// How often each target comes first.
pub(super) fn firsts(
    question: &Question<'_>,
    planner: &Planner<'_>,
) -> Result<BTreeMap<String, u32>> {
    let (mut firsts, mut rehearsal) = (BTreeMap::new(), Rehearsal::default());
    for turn in 0..u64::from(question.times.min(MOST)) {
        if let Some(choice) = draw(question, planner, &mut rehearsal, turn)?
            .attempts
            .first()
        {
            let target = targets::target(question.snapshot, choice);
            *firsts.entry(target).or_default() += 1;
        }
    }
    Ok(firsts)
}
