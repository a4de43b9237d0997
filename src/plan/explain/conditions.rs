//! Conditions of routes and rules: which hold for a request, and why the others do not.

use super::answer::{Condition, Rule};
use crate::expression;
use crate::plan::{Ask, Caller, route::Route, rules};

/// How it is with a condition.
pub(super) fn told(condition: &expression::Condition, caller: &Caller, ask: &Ask<'_>) -> Condition {
    let (holds, why) = match rules::holds(condition, ask, caller) {
        Ok(holds) => (holds, None),
        Err(why) => (false, Some(why.to_string())),
    };
    Condition {
        condition: condition.text().to_owned(),
        holds,
        why,
        values: rules::values(condition, ask, caller).into_iter().collect(),
    }
}

/// The rules of a route up to the one that gives the targets; all of them, where none does.
pub(super) fn rules(route: &Route, caller: &Caller, ask: &Ask<'_>) -> Vec<Rule> {
    let last = route.rule(caller, ask).unwrap_or(route.rules.len());
    let looked_at = route.rules.iter().enumerate().take(last + 1);
    let told = looked_at.filter_map(|(at, pool)| {
        Some(Rule {
            rule: at + 1,
            when: told(pool.when.as_ref()?, caller, ask),
        })
    });
    told.collect()
}
