//! `gw route explain`: where a request would go and why, calling nothing.

use super::{Ask, Dice, Health, Luck, Needs, Snapshot, plan, route};
use crate::chat::Op;
use crate::error::{Error, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::atomic::Ordering};

/// What to explain.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Query {
    /// The key's name.
    pub key: String,
    /// Only say what this route would do.
    pub route: Option<String>,
    pub model: Option<String>,
    pub path: Option<String>,
    pub tools: bool,
    pub images: bool,
    pub schema: bool,
    pub embeddings: bool,
    /// Estimated tokens.
    pub tokens: u64,
    /// Draws, to show how a split falls out (at most 10,000).
    pub times: u32,
}

/// The answer: deciding route, candidates with why not, attempts in order, targets left out and why.
pub fn explain(snapshot: &Snapshot, health: &Health, query: Value, now: i64) -> Result<Value> {
    let mut query: Query =
        serde_json::from_value(query).map_err(|error| Error::invalid(format!("the query cannot be read: {error}")).hint("see gw route explain --help"))?;
    if query.key.is_empty()
        && let Some(name) = &query.route
    {
        query.key = key_of(snapshot, name)?;
    }
    let caller = snapshot
        .caller_named(&query.key)
        .ok_or_else(|| Error::not_found(format!("there is no key `{}`", query.key.escape_debug())).hint("name one with --key; list them with: gw key get"))?;
    let ask = Ask {
        op: if query.embeddings { Op::Embeddings } else { Op::Chat },
        model: query.model.as_deref(),
        path: query.path.as_deref(),
        needs: Needs { tools: query.tools, images: query.images, schema: query.schema },
        tokens: query.tokens,
    };
    let deciding = route::deciding(snapshot, caller, &ask);
    let mut candidates: Vec<Value> = Vec::new();
    for (binding, found) in candidate_routes(snapshot, caller, &ask) {
        let decides = deciding.as_ref().is_some_and(|route| route.name == found.name);
        let says = if decides { "decides" } else { "another route is more specific or comes first" };
        candidates.push(json!({"route": found.name, "bound_by": binding, "priority": found.spec.priority, "decides": decides, "why": says}));
    }
    let mut answer =
        json!({"key": caller.key, "user": caller.user, "admitted": caller.admitted(now), "requested_model": query.model, "candidates": candidates});
    // A seeded route is shown as its next requests will find it, and none of its turns is used up.
    let next = deciding.as_ref().map_or(0, |route| route.turns.load(Ordering::Relaxed));
    let draw = |at: u64| {
        let turn = next.wrapping_add(at);
        plan(snapshot, caller, &ask, health, Luck { dice: &mut Dice::seeded(now as u64, turn), turn: Some(turn) }, now)
    };
    match draw(0) {
        Err(error) => answer["refused"] = json!({"status": error.kind.row().status, "message": error.message, "fix": error.hint}),
        Ok(plan) => {
            let name = |provider: usize| snapshot.providers[provider].name.clone();
            answer["route"] = json!(plan.route.as_ref().map(|route| route.name.clone()));
            answer["strategy"] = json!(plan.route.as_ref().map(|route| route.spec.strategy));
            answer["retry_on"] = json!(plan.route.as_ref().map(|route| &route.spec.retry_on));
            answer["attempts"] = plan
                .attempts
                .iter()
                .map(|choice| json!({"provider": name(choice.provider), "model": choice.model, "tier": choice.tier, "weight": choice.weight}))
                .collect();
            answer["excluded"] = plan.excluded.iter().map(|out| json!({"provider": out.provider, "model": out.model, "why": out.why.to_string()})).collect();
            if query.times > 1 {
                let mut firsts: BTreeMap<String, u32> = BTreeMap::new();
                for turn in 0..u64::from(query.times.min(10_000)) {
                    if let Some(choice) = draw(turn)?.attempts.first() {
                        *firsts.entry(format!("{}/{}", name(choice.provider), choice.model)).or_default() += 1;
                    }
                }
                answer["draws"] = json!(firsts);
            }
        }
    }
    Ok(answer)
}

fn candidate_routes<'a>(snapshot: &'a Snapshot, caller: &'a super::Caller, ask: &Ask<'a>) -> Vec<(&'static str, &'a std::sync::Arc<route::Route>)> {
    let by_path =
        ask.path.into_iter().flat_map(|path| route::by_path(snapshot, path)).map(|(route, _)| ("path", route)).filter(|(_, route)| route.admits(caller));
    let bound = caller.routes.iter().filter(|route| route.spec.path.is_empty()).map(|route| (if route.spec.keys.is_empty() { "user" } else { "key" }, route));
    by_path.chain(bound).collect()
}

/// Any key that the named route serves, so that a route can be explained by its name alone.
fn key_of(snapshot: &Snapshot, name: &str) -> Result<String> {
    snapshot.key_of_route(name).ok_or_else(|| {
        Error::not_found(format!("no active route `{}` serves a key", name.escape_debug())).hint("name a key with --key; list routes with: gw route get")
    })
}
