//! Calls without a route: the key's `direct` globs let it name `provider/model`, or a bare model that
//! exactly one provider serves. Deny by default.

use super::{Ask, Caller, Choice, Excluded, Facts, Health, Plan, Snapshot, Why, glob, route};
use crate::error::{Error, Kind, Result};

pub(super) fn plan(snapshot: &Snapshot, caller: &Caller, ask: &Ask<'_>, health: &Health, now: i64) -> Result<Plan> {
    if caller.direct.is_empty() {
        return Err(no_route(caller));
    }
    let Some(asked) = ask.model else {
        return Err(Error::invalid("the request names no model, and no route supplies one").param("model").hint("set `model` in the body"));
    };
    let found = candidates(snapshot, caller, ask, asked);
    let allowed = |provider: usize, model: &str| {
        let name = &snapshot.providers[provider].name;
        caller.direct.iter().any(|pattern| {
            glob::matches(pattern, model)
                || pattern.strip_prefix(&**name).and_then(|rest| rest.strip_prefix('/')).is_some_and(|rest| glob::matches(rest, model))
        })
    };
    let permitted: Vec<&(usize, String, Facts)> = found.iter().filter(|(provider, model, _)| allowed(*provider, model)).collect();
    match permitted.as_slice() {
        [] if found.is_empty() => Err(Error::not_found(format!("no provider serves the model `{}`", asked.escape_debug()))
            .param("model")
            .hint("list what this key may call with GET /v1/models")),
        [] => Err(Error::new(Kind::Forbidden, format!("key `{}` may not call `{}`", caller.key, asked.escape_debug())).param("model").hint(format!(
            "allow it with `gw key set {} --direct '{}'`",
            caller.key,
            asked.escape_debug()
        ))),
        [(provider, model, facts)] => {
            let choice = Choice { provider: *provider, model: model.as_str().into(), facts: *facts, tier: 0, weight: 1 };
            let mut plan = Plan { route: None, attempts: vec![choice], excluded: Vec::new() };
            if let Err(why) = route::judge(snapshot, caller, ask, *provider, model, facts) {
                plan.attempts.clear();
                plan.excluded.push(Excluded { provider: snapshot.providers[*provider].name.clone(), model: Some(model.as_str().into()), why: why.clone() });
                return Err(refused(asked, &why));
            }
            health.rest(snapshot, &mut plan.attempts, &mut plan.excluded, now);
            Ok(plan)
        }
        several => {
            let names: Vec<String> = several.iter().map(|(provider, model, _)| format!("`{}/{model}`", snapshot.providers[*provider].name)).collect();
            Err(Error::invalid(format!("several providers serve `{}`", asked.escape_debug())).param("model").hint(format!("name one of {}", names.join(", "))))
        }
    }
}

/// Every provider that could be meant by `asked`: `provider/model` first, else a bare model name.
fn candidates(snapshot: &Snapshot, caller: &Caller, ask: &Ask<'_>, asked: &str) -> Vec<(usize, String, Facts)> {
    let exact = asked.split_once('/').and_then(|(provider, model)| Some((snapshot.provider(provider)?, model)));
    if let Some((provider, model)) = exact {
        let upstream = snapshot.upstream_id(provider, model).into_owned();
        let facts = snapshot.facts(provider, &upstream);
        return vec![(provider, upstream, facts)];
    }
    (0..snapshot.providers.len())
        .filter_map(|provider| {
            let upstream = snapshot.upstream_id(provider, asked).into_owned();
            let facts = snapshot.facts(provider, &upstream);
            (snapshot.serves(provider, &upstream) && route::judge(snapshot, caller, ask, provider, &upstream, &facts).is_ok())
                .then_some((provider, upstream, facts))
        })
        .collect()
}

fn no_route(caller: &Caller) -> Error {
    Error::new(Kind::Forbidden, format!("no route takes requests of key `{}`, and it may call no model directly", caller.key)).hint(format!(
        "add one with `gw route create NAME --key {} --to PROVIDER/MODEL`, or allow models with `gw key set {} --direct 'PROVIDER/*'`",
        caller.key, caller.key
    ))
}

fn refused(asked: &str, why: &Why) -> Error {
    let kind = match why {
        Why::Lacks(_) | Why::Context(_) | Why::Op => Kind::Invalid,
        Why::Resting(_) | Why::ProviderDisabled => Kind::Unavailable,
        _ => Kind::NotFound,
    };
    Error::new(kind, format!("`{}` cannot be called: {why}", asked.escape_debug())).param("model").hint("list what this key may call with GET /v1/models")
}
