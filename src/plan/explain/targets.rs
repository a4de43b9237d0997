//! The targets of a plan, each with what is to be known of it.

use super::Question;
use super::answer::{Attempt, Excluded};
use crate::plan::{
    self, Choice, Moment, Plan, Snapshot, Why,
    health::{Rest, TargetState},
    strategy,
};

/// The attempts in order.
pub(super) fn attempts(question: &Question<'_>, plan: &Plan) -> Vec<Attempt> {
    let (snapshot, now) = (question.snapshot, question.moment);
    let own = plan.own_key_provider(snapshot);
    let shares = plan.shares(question.caller, &question.ask, now);
    let told = |(choice, share): (&Choice, f64)| Attempt {
        provider: name(snapshot, choice),
        model: choice.model.to_string(),
        tier: choice.tier,
        weight: choice.weight,
        share,
        cost_pico: i64::try_from(strategy::price(choice, &question.ask)).ok(),
        notes: notes(snapshot, choice, own, now),
        load: choice.state.load(),
        timers: None,
    };
    plan.attempts.iter().zip(shares).map(told).collect()
}

/// What is left out, and why.
pub(super) fn excluded(question: &Question<'_>, out: &[plan::Excluded]) -> Vec<Excluded> {
    let told = |out: &plan::Excluded| Excluded {
        provider: out.provider.to_string(),
        model: out.model.as_deref().map(str::to_owned),
        why: rest(question, out).map_or_else(|| out.why.to_string(), |rest| rest.to_string()),
    };
    out.iter().map(told).collect()
}

/// How a target rests that is left out for that.
fn rest(question: &Question<'_>, out: &plan::Excluded) -> Option<Rest> {
    let (Why::Resting(_), Some(model)) = (&out.why, &out.model) else {
        return None;
    };
    let snapshot = question.snapshot;
    let provider = snapshot.providers.get(snapshot.provider(&out.provider)?)?;
    TargetState::asked(&provider.health, model).rest(question.moment)
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
    let resting = match (choice.state.failing_for(now), choice.state.rest(now)) {
        (Some(since), _) => Some(format!(
            "{}, tried as nothing else is left",
            Why::Checks(since)
        )),
        // Not left alone any more.
        (None, Some(rest @ Rest::AwaitsProbe)) => Some(rest.to_string()),
        (None, Some(rest)) => Some(format!("{rest}, tried as nothing else is left")),
        (None, None) => None,
    };
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
