//! Calls without a route: the key's `direct` globs let it name `provider/model`, or a bare model that
//! exactly one provider serves. Deny by default.

use super::{Ask, Caller, Choice, Moment, Plan, Snapshot, Why, asked::Meant, fit, health};
use crate::chat::Op;
use crate::error::{Error, Kind, Result};
use crate::resources::glob;
use std::sync::Arc;

pub(super) fn plan(
    snapshot: &Snapshot,
    caller: &Caller,
    ask: &Ask<'_>,
    now: Moment,
) -> Result<Plan> {
    possible(snapshot, caller)?;
    let Some(asked) = ask.model else {
        if let Op::Keep(what) = ask.op {
            return Err(Error::invalid(format!(
                "`{what}` go to the provider of a route, and key `{}` has none",
                caller.key
            ))
            .hint(format!(
                "give it one: gw route create NAME --key {} --to PROVIDER",
                caller.key
            )));
        }
        return Err(super::no_model("no route supplies one"));
    };
    let found = candidates(snapshot, caller, asked);
    let judge = |provider: usize, meant: &Meant| {
        fit::judge(snapshot, caller, ask, provider, &meant.model, &meant.facts)
    };
    let permitted: Vec<&(usize, Arc<Meant>)> = found
        .iter()
        .filter(|(provider, meant)| allows(snapshot, caller, *provider, &meant.model))
        .collect();
    let usable: Vec<&(usize, Arc<Meant>)> = permitted
        .iter()
        .copied()
        .filter(|(provider, meant)| judge(*provider, meant).is_ok())
        .collect();
    match (usable.as_slice(), permitted.first()) {
        ([(provider, meant)], _) => {
            let model = meant.model.clone();
            let health = &snapshot.providers[*provider].health;
            let choice = Choice {
                state: health::TargetState::asked(health, &model),
                provider: *provider,
                model,
                facts: meant.facts.clone(),
                tier: 0,
                weight: 1,
                place: 0,
            };
            let mut plan = Plan {
                route: None,
                rule: None,
                attempts: vec![choice],
                later: Vec::new(),
                excluded: Vec::new(),
            };
            health::rest(snapshot, &mut plan.attempts, &mut plan.excluded, now, true);
            Ok(plan)
        }
        ([], Some((provider, meant))) => match judge(*provider, meant) {
            Err(why) => Err(refused(asked, &why)),
            Ok(_) => Err(unknown(asked)),
        },
        ([], None) if found.is_empty() => Err(unknown(asked)),
        ([], None) => Err(Error::new(
            Kind::Forbidden,
            format!(
                "key `{}` may not call `{}`",
                caller.key,
                asked.escape_debug()
            ),
        )
        .param("model")
        .hint(format!(
            "allow it with `gw key set {} --direct '{}'`",
            caller.key,
            asked.escape_debug()
        ))),
        (several, _) => {
            let names: Vec<String> = several
                .iter()
                .map(|(provider, meant)| {
                    format!("`{}/{}`", snapshot.providers[*provider].name, meant.model)
                })
                .collect();
            Err(Error::invalid(format!(
                "several providers serve `{}`",
                asked.escape_debug()
            ))
            .param("model")
            .hint(format!("name one of {}", names.join(", "))))
        }
    }
}

/// Whether the key may call anything.
pub(super) fn possible(snapshot: &Snapshot, caller: &Caller) -> Result<()> {
    match caller.direct.is_empty() {
        true => Err(no_route(snapshot, caller)),
        false => Ok(()),
    }
}

/// Whether the key's globs let it call a provider's model. A glob that begins with a provider's name speaks of
/// that provider only, and not of models of others that are called alike (`openai/gpt-4o` at an aggregator).
pub fn allows(snapshot: &Snapshot, caller: &Caller, provider: usize, model: &str) -> bool {
    let Some(entry) = snapshot.providers.get(provider) else {
        return false;
    };
    let name = format!("{}/{model}", entry.name);
    caller.direct.iter().any(|pattern| {
        let of_other = pattern
            .split_once('/')
            .is_some_and(|(first, _)| first != &*entry.name && snapshot.provider(first).is_some());
        glob::matches(pattern, &name) || (!of_other && glob::matches(pattern, model))
    })
}

/// Every provider that could be meant by `asked`: `provider/model` first, else a bare model name. Providers that
/// are disabled or not active in the key's environment are as if they were not there.
fn candidates(snapshot: &Snapshot, caller: &Caller, asked: &str) -> Vec<(usize, Arc<Meant>)> {
    let there = |provider: &usize| {
        snapshot
            .providers
            .get(*provider)
            .is_some_and(|entry| entry.spec.enabled && entry.active_in(&caller.environment))
    };
    let exact = asked
        .split_once('/')
        .and_then(|(provider, _)| snapshot.provider(provider).filter(there));
    let whole = |provider: usize| (provider, snapshot.meant(provider, asked));
    match exact {
        Some(provider) => vec![whole(provider)],
        None => {
            let all = snapshot.provider_indexes().filter(there).map(whole);
            all.filter(|(provider, meant)| snapshot.serves(*provider, &meant.model))
                .collect()
        }
    }
}

fn unknown(asked: &str) -> Error {
    Error::not_found(format!(
        "no provider serves the model `{}`",
        asked.escape_debug()
    ))
    .param("model")
    .hint("list what this key may call with GET /v1/models")
}

fn no_route(snapshot: &Snapshot, caller: &Caller) -> Error {
    let mut routes = snapshot.routes_of(caller);
    if let Some(route) = routes.find(|route| route.when.is_some()) {
        let why = format!(
            "no route takes this request of key `{}`: the condition of `{}` does not hold",
            caller.key, route.name
        );
        return Error::new(Kind::Forbidden, why)
            .hint(format!("see `gw route explain {}`", route.name));
    }
    Error::new(Kind::Forbidden, format!("no route takes requests of key `{}`, and it may call no model directly", caller.key)).hint(format!(
        "add one with `gw route create NAME --key {} --to PROVIDER/MODEL`, or allow models with `gw key set {} --direct 'PROVIDER/*'`",
        caller.key, caller.key
    ))
}

fn refused(asked: &str, why: &Why) -> Error {
    let kind = match why {
        Why::Lacks(_) | Why::KnownToLack(_) | Why::Context(_) | Why::Op => Kind::Invalid,
        _ => Kind::NotFound,
    };
    Error::new(
        kind,
        format!("`{}` cannot be called: {why}", asked.escape_debug()),
    )
    .param("model")
    .hint("list what this key may call with GET /v1/models")
}
