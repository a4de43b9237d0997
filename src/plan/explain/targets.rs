//! The targets of a plan, each with what is to be known of it.

use super::answer::{Attempt, Excluded};
use crate::plan::{Choice, Moment, Plan, Snapshot, Why};

/// The attempts in order.
pub(super) fn attempts(snapshot: &Snapshot, plan: &Plan, now: Moment) -> Vec<Attempt> {
    let own = plan.own_key_provider(snapshot);
    let told = |choice: &Choice| Attempt {
        provider: name(snapshot, choice),
        model: choice.model.to_string(),
        tier: choice.tier,
        weight: choice.weight,
        notes: notes(snapshot, choice, own, now),
        load: Some(choice.state.load()),
        timers: None,
    };
    plan.attempts.iter().map(told).collect()
}

/// What is left out, and why.
pub(super) fn excluded(plan: &Plan) -> Vec<Excluded> {
    let told = |out: &crate::plan::Excluded| Excluded {
        provider: out.provider.to_string(),
        model: out.model.as_deref().map(str::to_owned),
        why: out.why.to_string(),
    };
    plan.excluded.iter().map(told).collect()
}

/// `PROVIDER/MODEL`.
pub(super) fn target(snapshot: &Snapshot, choice: &Choice) -> String {
    format!("{}/{}", name(snapshot, choice), choice.model)
}

fn name(snapshot: &Snapshot, choice: &Choice) -> String {
    let provider = snapshot.providers.get(choice.provider);
    provider.map_or_else(String::new, |provider| provider.name.to_string())
}

/// What is to be known of an attempt that will be made. `own`: the provider that callers' own keys are for.
fn notes(snapshot: &Snapshot, choice: &Choice, own: Option<usize>, now: Moment) -> Vec<String> {
    let rests = choice.state.rests_until(now).saturating_sub(now.ms());
    let why = match choice.state.failing_for(now) {
        Some(since) => Some(Why::Checks(since)),
        None => (rests > 0).then_some(Why::Resting(rests)),
    };
    let resting = why.map(|why| format!("{why}, tried as nothing else is left"));
    let owner = own
        .filter(|own| *own != choice.provider && snapshot.takes_own_key(choice.provider))
        .and_then(|own| snapshot.providers.get(own));
    let foreign = owner.map(|owner| {
        format!(
            "callers' own keys are for `{}`, the first target that takes them: refused here unless both have one address",
            owner.name
        )
    });
    resting.into_iter().chain(foreign).collect()
}
