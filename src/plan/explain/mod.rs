//! What `gw route explain` is told: the plan of the planner that serves, and beside it what was passed over and why.
//! Calls nothing, uses nothing up, decides nothing.

pub mod answer;
mod candidates;
mod conditions;
mod draws;
#[cfg(test)]
mod laws;
mod refusal;
mod targets;
mod who;

pub use answer::Answer;
pub use who::{Who, route_named};

use super::{
    Ask, Caller, Context, Dice, Moment, Plan, Snapshot,
    pool::Pool,
    route::Route,
    strategy,
    turns::{Rehearsal, Turn},
};
use crate::error::{Error, Result};
use crate::resources::route;
use crate::resources::route::{StickyBy, Strategy};
use answer::{Asked, Outcome, Planned, Refused, Sticky, Tier};
use candidates::Candidates;
use std::sync::Arc;

/// What is asked.
pub struct Question<'a> {
    pub snapshot: &'a Snapshot,
    pub caller: &'a Arc<Caller>,
    pub ask: Ask<'a>,
    /// The provider that is asked itself, where one is.
    pub through: Option<&'a str>,
    /// It goes where something is kept, whatever the routes say.
    pub kept: bool,
    /// Also say whether this route decides.
    pub named: Option<&'a Arc<Route>>,
    /// Draws, to show how a strategy falls out.
    pub times: u32,
    /// Unix time in milliseconds.
    pub now: i64,
    /// The same on the clock that rests are counted by.
    pub moment: Moment,
}

/// Plans a request; what serving adds to [`super::plan`] for it, such as keeping to who has what it names, is in it.
pub type Planner<'a> = dyn Fn(Context<'_>) -> Result<Plan> + 'a;

/// The answer.
pub fn explain(question: &Question<'_>, planner: &Planner<'_>) -> Result<Answer> {
    let Question {
        snapshot,
        caller,
        ask,
        ..
    } = question;
    let plan = match refusal::not_admitted(snapshot, caller, question.now) {
        Some(error) => Err(error),
        None => draw(question, planner, &mut Rehearsal::default(), 0),
    };
    let decided = match &plan {
        Ok(plan) => plan.route.clone(),
        Err(_) if question.kept || question.through.is_some() => None,
        Err(_) => super::route::deciding(snapshot, caller, ask),
    };
    let candidates = Candidates::of(snapshot, caller, ask, decided.as_deref(), question.through);
    // What is asked of a provider itself, or of something kept, goes by no rule.
    let ruled = decided
        .as_deref()
        .filter(|_| !question.kept && question.through.is_none());
    let outcome = match plan {
        Err(error) => Outcome::Refused {
            refused: refused(&error),
            excluded: ruled.map_or_else(Vec::new, |route| {
                let pool = route.pool(route.rule(caller, ask));
                targets::excluded(question, &pool.judge(snapshot, caller, ask).1)
            }),
        },
        Ok(plan) => Outcome::Planned(Box::new(planned(question, &plan, planner)?)),
    };
    Ok(Answer {
        key: caller.key.to_string(),
        user: caller.user.to_string(),
        environment: caller.environment.to_string(),
        admitted: caller.admitted(question.now),
        requested_model: ask.model.map(str::to_owned),
        asked: asked(question),
        candidates: candidates.told(),
        passthrough: candidates.through(),
        rules: ruled.map_or_else(Vec::new, |route| conditions::rules(route, caller, ask)),
        named: question.named.map(|named| candidates.named(named)),
        outcome,
    })
}

fn refused(error: &Error) -> Refused {
    Refused {
        status: error.kind.row().status,
        message: error.message.clone(),
        fix: error.hint.clone(),
    }
}

fn asked(question: &Question<'_>) -> Asked {
    let ask = &question.ask;
    let needs = [
        ("tools", ask.needs.tools),
        ("images", ask.needs.images),
        ("schema", ask.needs.schema),
    ];
    let needs = needs.into_iter().filter(|(_, needed)| *needed);
    Asked {
        format: ask.format,
        path: ask.path.map(str::to_owned),
        stream: ask.stream,
        needs: needs.map(|(name, _)| name).collect(),
        tokens: ask.tokens,
        media: ask.media,
    }
}

fn planned(question: &Question<'_>, plan: &Plan, planner: &Planner<'_>) -> Result<Planned> {
    let route = plan.route.as_ref();
    let spec = route.map(|route| &route.spec);
    // Of what is asked of a provider itself there is one attempt, and nothing to order.
    let pool = route
        .filter(|_| question.through.is_none())
        .map(|route| route.pool(plan.rule));
    let tiers = pool.map_or_else(Vec::new, |pool| tiers(pool, plan));
    let strategy = match tiers.as_slice() {
        [first, ..] => Some(first.strategy),
        [] => None,
    };
    let sticks = tiers.iter().any(|tier| tier.strategy == Strategy::Sticky);
    let differ = tiers.iter().any(|tier| Some(tier.strategy) != strategy);
    Ok(Planned {
        route: route.map(|route| route.name.to_string()),
        kept: question.kept,
        rule: plan.rule.map(|rule| rule + 1),
        strategy,
        tiers: if differ { tiers } else { Vec::new() },
        sticky: spec
            .filter(|_| sticks)
            .map(|spec| sticky(&spec.sticky_by, question)),
        attempts: targets::attempts(question, plan),
        excluded: targets::excluded(question, &plan.excluded),
        retry_on: spec.map_or_else(route::retry_on_default, |spec| spec.retry_on.clone()),
        retries: spec.map_or_else(route::retries_default, |spec| spec.retries),
        retry_if_under_ms: spec.and_then(|spec| Some(spec.retry_if_under?.0)),
        max_attempts: spec.and_then(|spec| spec.max_attempts),
        wait_for_capacity_ms: spec.and_then(|spec| Some(spec.wait_for_capacity?.0)),
        draws: (question.times > 1)
            .then(|| draws::firsts(question, planner))
            .transpose()?,
    })
}

/// The tiers that are left, now or for later, each with its strategy.
fn tiers(pool: &Pool, plan: &Plan) -> Vec<Tier> {
    let choices = plan.attempts.iter().chain(&plan.later);
    let mut tiers: Vec<u32> = choices.map(|choice| choice.tier).collect();
    tiers.sort_unstable();
    tiers.dedup();
    let told = |tier: u32| Tier {
        tier,
        strategy: pool.strategy_of(tier),
    };
    tiers.into_iter().map(told).collect()
}

/// What keeps this request where others like it went.
fn sticky(by: &StickyBy, question: &Question<'_>) -> Sticky {
    let (what, value) = strategy::kept_by(by, question.caller, &question.ask);
    Sticky {
        asked: by.to_string(),
        by: what.to_owned(),
        value: (*by != StickyBy::Prompt).then(|| String::from_utf8_lossy(&value).into_owned()),
    }
}

/// Plans it as the `at`-th request from now on: none of a route's turns is used up.
fn draw(
    question: &Question<'_>,
    planner: &Planner<'_>,
    rehearsal: &mut Rehearsal,
    at: u64,
) -> Result<Plan> {
    planner(Context {
        caller: question.caller,
        ask: question.ask,
        now: question.moment,
        dice: &mut Dice::seeded(question.now as u64, at),
        turn: Turn::Rehearsed(rehearsal),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::http1::fields::Fields;
    use crate::plan::{plan, testing::snapshot};
    use serde_json::{Value, json};
    use std::time::Duration;

    /// The answer to a question that names `key`, `user`, `route` and `path`, at moment 0.
    fn answered(snapshot: &Snapshot, query: &Value, now: Moment) -> Result<Value> {
        let text = |name: &str| query.get(name).and_then(Value::as_str);
        let named = text("route").map(|name| route_named(snapshot, name));
        let named = named.transpose()?;
        let headers = Fields::default();
        let bound = named.map(|route| route.spec.path.as_str());
        let ask = Ask {
            path: text("path").or(bound.filter(|path| !path.is_empty())),
            ..Ask::of_head("/v1/chat/completions", &headers, 1)
        };
        let who = Who {
            key: text("key"),
            user: text("user"),
            route: named,
        };
        let question = Question {
            snapshot,
            caller: who.find(snapshot, &ask, 1)?,
            ask,
            through: None,
            kept: false,
            named,
            times: 0,
            now: 1,
            moment: now,
        };
        let answer = explain(&question, &|context| plan(snapshot, context))?;
        Ok(serde_json::to_value(answer).unwrap())
    }

    fn asked(query: Value) -> Value {
        let snapshot = snapshot(json!([
            {"kind": "user", "name": "ann"}, {"kind": "user", "name": "bob"},
            {"kind": "key", "name": "a1"}, {"kind": "key", "name": "a2"}, {"kind": "key", "name": "b", "user": "bob"},
            {"kind": "provider", "name": "p"},
            {"kind": "route", "name": "own", "keys": ["a1"], "targets": [{"provider": "p", "model": "m"}, {"provider": "p", "model": "n", "weight": 0}]},
            {"kind": "route", "name": "team", "users": ["ann"], "targets": [{"provider": "p", "model": "m"}]},
            {"kind": "route", "name": "zeta", "users": ["ann"], "targets": [{"provider": "p", "model": "m"}]},
            {"kind": "route", "name": "web", "path": "/web", "users": ["ann"], "targets": [{"provider": "p", "model": "m"}]},
            {"kind": "route", "name": "off", "enabled": false, "users": ["ann"], "targets": [{"provider": "p", "model": "m"}]},
        ]));
        match answered(&snapshot, &query, Moment::after_beginning(Duration::ZERO)) {
            Ok(answer) => answer,
            Err(error) => json!({"error": error.message}),
        }
    }

    #[test]
    fn attempts_that_may_be_refused_or_rest_have_it_noted() {
        let snapshot = snapshot(json!([
            {"kind": "user", "name": "ann"}, {"kind": "key", "name": "k"},
            {"kind": "provider", "name": "off", "enabled": false, "credential": "passthrough"},
            {"kind": "provider", "name": "on", "credential": "passthrough"},
            {"kind": "route", "name": "r", "keys": ["k"], "targets": [{"provider": "off", "model": "m"}, {"provider": "on", "model": "m"}]},
        ]));
        let now = Moment::after_beginning(Duration::ZERO);
        let notes = || {
            let answer = answered(&snapshot, &json!({"key": "k"}), now).unwrap();
            answer["attempts"][0]["notes"].clone()
        };
        let foreign = "callers' own keys are for `off`, the first target that takes them: refused here unless both have one address";
        assert_eq!(notes(), json!([foreign]));
        let choice = crate::plan::testing::choice(&snapshot, "on", "m");
        choice
            .state
            .enter(now, true)
            .unwrap()
            .cool(Some(30_000), now);
        assert_eq!(
            notes(),
            json!([
                "cooling down for 30s more, tried as nothing else is left",
                foreign
            ])
        );
    }

    #[test]
    fn a_named_route_decides_or_it_is_said_why_not() {
        for (query, key, named) in [
            (
                json!({"route": "own"}),
                "a1",
                json!({"route": "own", "decides": true, "why": "decides: the key comes first"}),
            ),
            (
                json!({"route": "team"}),
                "a2",
                json!({"route": "team", "decides": true, "why": "decides: the key's user comes first"}),
            ),
            (
                json!({"route": "team", "key": "a1"}),
                "a1",
                json!({"route": "team", "decides": false, "why": "`own` is bound to the key, this one to the key's user"}),
            ),
            (
                json!({"route": "zeta"}),
                "a1",
                json!({"route": "zeta", "decides": false, "why": "`own` is bound to the key, this one to the key's user"}),
            ),
            (
                json!({"route": "zeta", "key": "a2"}),
                "a2",
                json!({"route": "zeta", "decides": false, "why": "`team` has the same priority and comes first by name"}),
            ),
            (
                json!({"route": "web"}),
                "a1",
                json!({"route": "web", "decides": true, "why": "decides: the path comes first"}),
            ),
            (
                json!({"route": "web", "path": "/other"}),
                "a1",
                json!({"route": "web", "decides": false, "why": "it is bound to the path `/web`, and the request goes to `/other`"}),
            ),
            (
                json!({"route": "team", "key": "b"}),
                "b",
                json!({"route": "team", "decides": false, "why": "it is for the user `ann`, not for `bob`"}),
            ),
            (
                json!({"route": "own", "user": "bob"}),
                "b",
                json!({"route": "own", "decides": false, "why": "it is for the key `a1`, not for `b`"}),
            ),
        ] {
            let answer = asked(query.clone());
            assert_eq!(
                (&answer["key"], &answer["named"]),
                (&json!(key), &named),
                "{query}"
            );
        }
    }

    #[test]
    fn who_asks_must_be_clear() {
        assert_eq!(asked(json!({"user": "bob"}))["key"], "b");
        for (query, message) in [
            (json!({}), "nobody asks"),
            (json!({"user": "eve"}), "user `eve` has no key"),
            (
                json!({"key": "b", "user": "ann"}),
                "key `b` belongs to user `bob`",
            ),
            (json!({"route": "off"}), "there is no active route `off`"),
        ] {
            assert_eq!(asked(query), json!({"error": message}));
        }
    }
}
