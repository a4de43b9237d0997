//! Whatever the routes are: explaining tells the plan that serving makes next, and uses nothing up.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{Outcome, Question, explain};
use crate::http1::fields::Fields;
use crate::plan::{
    Ask, Context, Dice, Moment, Plan, Snapshot, Why, laws, plan, testing, turns::Turn,
};
use proptest::prelude::*;
use std::time::Duration;

/// Targets in order, and what is left out.
fn told(snapshot: &Snapshot, plan: &Plan) -> (Option<usize>, Vec<String>, Vec<String>) {
    let attempt = |choice: &crate::plan::Choice| {
        format!(
            "{}/{}",
            snapshot.providers[choice.provider].name, choice.model
        )
    };
    let out = |out: &crate::plan::Excluded| match out.why {
        Why::Resting(_) => format!("{} cooling down", out.provider),
        _ => format!("{} {}", out.provider, out.why),
    };
    (
        plan.rule,
        plan.attempts.iter().map(attempt).collect(),
        plan.excluded.iter().map(out).collect(),
    )
}

proptest! {
    #[test]
    fn explaining_tells_the_next_plan_and_uses_nothing_up(
        route in laws::route(), off in 0_usize..6, model in proptest::sample::select(vec!["m", "n", "x"]), served in 0_u64..6,
        resting in proptest::collection::vec((0_usize..4, proptest::sample::select(vec!["m", "n", "x"])), 0..4), now in 0_i64..1 << 40
    ) {
        let snapshot = laws::snapshot(route, off);
        let caller = snapshot.caller_named("k").unwrap();
        let headers = Fields::default();
        let ask = Ask { model: Some(model), tokens: 10, ..Ask::of_head("/v1/chat/completions", &headers, now) };
        let moment = Moment::after_beginning(Duration::ZERO);
        for (at, model) in resting {
            let choice = testing::choice(&snapshot, &format!("p{at}"), model);
            if let Some(mut entry) = choice.state.enter(moment, true) {
                entry.cool(Some(30_000 + at as u64), moment);
            }
        }
        let serve = |dice: &mut Dice| {
            plan(&snapshot, Context { caller, ask, now: moment, dice, turn: Turn::Next })
        };
        for at in 0..served {
            let _ = serve(&mut Dice::new(at));
        }
        let question = Question { snapshot: &snapshot, caller, ask, through: None, kept: false, named: None, times: 20, now, moment };
        let answer = explain(&question, &|context| plan(&snapshot, context)).unwrap();
        let again = explain(&question, &|context| plan(&snapshot, context)).unwrap();
        prop_assert_eq!(&answer, &again);
        let next = serve(&mut Dice::seeded(now as u64, 0));
        let planned = match (answer.outcome, next) {
            (Outcome::Refused { refused, .. }, Err(error)) => {
                prop_assert_eq!(refused.message, error.message);
                return Ok(());
            }
            (Outcome::Planned(planned), Ok(next)) => {
                let attempts: Vec<String> = planned.attempts.iter().map(|it| format!("{}/{}", it.provider, it.model)).collect();
                let why = |why: &str| if why.starts_with("cooling down for ") { "cooling down".to_owned() } else { why.to_owned() };
                let excluded: Vec<String> = planned.excluded.iter().map(|it| format!("{} {}", it.provider, why(&it.why))).collect();
                prop_assert_eq!((planned.rule.map(|rule| rule - 1), attempts, excluded), told(&snapshot, &next));
                planned
            }
            (outcome, next) => return Err(TestCaseError::fail(format!("{outcome:?}, {next:?}"))),
        };
        // The rules before the one that decides do not hold.
        let holds: Vec<bool> = answer.rules.iter().map(|rule| rule.when.holds).collect();
        prop_assert_eq!(holds.iter().position(|holds| *holds), planned.rule.map(|rule| rule - 1));
        // What is drawn first is first by some share.
        for (target, _) in planned.draws.unwrap() {
            let share = planned.attempts.iter().find(|it| format!("{}/{}", it.provider, it.model) == target);
            prop_assert!(share.is_some_and(|it| it.share > 0.0), "{}", target);
        }
    }
}
