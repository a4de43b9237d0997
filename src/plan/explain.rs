//! `gw route explain`: where a request would go and why, calling nothing.

use super::{Ask, Caller, Choice, Context, Dice, Moment, Needs, Snapshot, Why, plan, route};
use crate::chat::Op;
use crate::error::{Error, Kind, Result};
use crate::resources::{Record, key::KeySystem};
use http::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

/// What to explain.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Query {
    /// The key's name.
    pub key: String,
    /// Any key of this user's.
    pub user: Option<String>,
    /// Also say whether this route decides; without a key, asked as one that it serves.
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
/// `now`: Unix time in milliseconds, `moment`: the same on the clock that rests are counted by.
pub fn explain(snapshot: &Snapshot, query: Value, now: i64, moment: Moment) -> Result<Value> {
    let mut query: Query = serde_json::from_value(query).map_err(|error| {
        Error::invalid(format!("the query cannot be read: {error}"))
            .hint("see gw route explain --help")
    })?;
    let named = query
        .route
        .as_deref()
        .map(|name| route_named(snapshot, name))
        .transpose()?;
    // A route bound to a path is asked about with a request to that path, unless told otherwise.
    if let Some(route) = named.filter(|route| query.path.is_none() && !route.spec.path.is_empty()) {
        query.path = Some(route.spec.path.clone());
    }
    let caller = caller(snapshot, &query, named, now)?;
    // A question has none.
    let headers = HeaderMap::new();
    let ask = Ask {
        op: if query.embeddings {
            Op::Embeddings
        } else {
            Op::Chat
        },
        model: query.model.as_deref(),
        path: query.path.as_deref(),
        needs: Needs {
            tools: query.tools,
            images: query.images,
            schema: query.schema,
        },
        tokens: query.tokens,
        media: query.images,
        headers: &headers,
    };
    let deciding = route::deciding(snapshot, caller, &ask);
    let found = candidate_routes(snapshot, caller, &ask);
    let first = found
        .iter()
        .find(|(_, route)| {
            deciding
                .as_ref()
                .is_some_and(|deciding| deciding.name == route.name)
        })
        .copied();
    let why = |one: Candidate<'_>| first.map_or_else(String::new, |first| because(first, one));
    let candidates: Vec<Value> = found
        .iter()
        .map(|one| {
            let decides = first.is_some_and(|(_, route)| route.name == one.1.name);
            json!({"route": one.1.name, "bound_by": one.0, "priority": one.1.spec.priority, "decides": decides, "why": why(*one)})
        })
        .collect();
    let through: Vec<Value> = found
        .iter()
        .map(|(_, route)| route)
        .filter(|route| !route.spec.passthrough.is_empty())
        .map(|route| json!({"route": route.name, "providers": route.spec.passthrough, "methods": route.spec.passthrough_methods, "paths": route.spec.passthrough_paths}))
        .collect();
    let mut answer = json!({"key": caller.key, "user": caller.user, "admitted": caller.admitted(now), "requested_model": query.model, "candidates": candidates});
    if !through.is_empty() {
        answer["passthrough"] = json!(through);
    }
    if let Some(named) = named {
        let decides = deciding
            .as_ref()
            .is_some_and(|route| route.name == named.name);
        let candidate = found.iter().find(|(_, route)| route.name == named.name);
        let why = candidate.map_or_else(|| outside(named, caller, &ask), |one| why(*one));
        answer["named"] = json!({"route": named.name, "decides": decides, "why": why});
    }
    // A seeded route is shown as its next requests will find it, and none of its turns is used up.
    let next = deciding
        .as_ref()
        .map_or(0, |route| route.turns.load(Ordering::Relaxed));
    let draw = |at: u64| {
        let turn = next.wrapping_add(at);
        plan(
            snapshot,
            Context {
                caller,
                ask,
                now: moment,
                dice: &mut Dice::seeded(now as u64, turn),
                turn: Some(turn),
            },
        )
    };
    let first = match not_admitted(snapshot, caller, now) {
        Some(error) => Err(error),
        None => draw(0),
    };
    match first {
        Err(error) => {
            answer["refused"] = json!({"status": error.kind.row().status, "message": error.message, "fix": error.hint})
        }
        Ok(plan) => {
            let name = |provider: usize| snapshot.providers[provider].name.clone();
            let own = plan.own_key_provider(snapshot);
            answer["route"] = json!(plan.route.as_ref().map(|route| route.name.clone()));
            answer["strategy"] = json!(plan.route.as_ref().map(|route| route.spec.strategy));
            answer["retry_on"] = json!(plan.route.as_ref().map(|route| &route.spec.retry_on));
            answer["attempts"] = plan
                .attempts
                .iter()
                .map(|choice| {
                    let mut attempt = json!({"provider": name(choice.provider), "model": choice.model, "tier": choice.tier, "weight": choice.weight});
                    let notes = notes(snapshot, choice, own, moment);
                    if !notes.is_empty() {
                        attempt["notes"] = json!(notes);
                    }
                    if let Some(load) = choice.state.load() {
                        attempt["load"] = json!(load);
                    }
                    attempt
                })
                .collect();
            answer["excluded"] = plan.excluded.iter().map(|out| json!({"provider": out.provider, "model": out.model, "why": out.why.to_string()})).collect();
            if query.times > 1 {
                let mut firsts: BTreeMap<String, u32> = BTreeMap::new();
                for turn in 0..u64::from(query.times.min(10_000)) {
                    if let Some(choice) = draw(turn)?.attempts.first() {
                        *firsts
                            .entry(format!("{}/{}", name(choice.provider), choice.model))
                            .or_default() += 1;
                    }
                }
                answer["draws"] = json!(firsts);
            }
        }
    }
    Ok(answer)
}

/// What is to be known of an attempt that will be made. `own`: the provider that callers' own keys are for.
fn notes(snapshot: &Snapshot, choice: &Choice, own: Option<usize>, now: Moment) -> Vec<String> {
    let rests = choice.state.rests_until(now).saturating_sub(now.ms());
    let resting =
        (rests > 0).then(|| format!("{}, tried as nothing else is left", Why::Resting(rests)));
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

/// Why requests with this key are refused before anything else, in words for whoever runs the gateway; callers hear
/// the same 401 whatever it is.
fn not_admitted(snapshot: &Snapshot, caller: &Caller, now: i64) -> Option<Error> {
    if caller.admitted(now) {
        return None;
    }
    let (key, user) = (&caller.key, &caller.user);
    let record = snapshot.record("key", key)?;
    let off = |record: &Record| record.spec.get("enabled") == Some(&Value::Bool(false));
    let (why, fix) = match () {
        () if KeySystem::of(record).revoked.is_some() => (
            format!("key `{key}` is revoked, which is final"),
            format!("gw key create {key}-2 --user {user}"),
        ),
        () if off(record) => (
            format!("key `{key}` is disabled"),
            format!("gw key enable {key}"),
        ),
        () if caller.active => (
            format!("key `{key}` has expired"),
            format!("gw key set {key} --expires 90d"),
        ),
        () => (
            format!("user `{user}` of key `{key}` is disabled"),
            format!("gw user enable {user}"),
        ),
    };
    Some(Error::new(Kind::Unauthenticated, why).hint(fix))
}

/// What a route is bound by for a caller, and the route.
type Candidate<'a> = (&'static str, &'a Arc<route::Route>);

fn candidate_routes<'a>(
    snapshot: &'a Snapshot,
    caller: &'a Caller,
    ask: &Ask<'a>,
) -> Vec<Candidate<'a>> {
    let by_path = ask
        .path
        .into_iter()
        .flat_map(|path| route::by_path(snapshot, path))
        .map(|(route, _)| ("path", route))
        .filter(|(_, route)| route.admits(caller));
    let bound = snapshot
        .routes_of(caller)
        .filter(|route| route.spec.path.is_empty())
        .map(|route| {
            (
                if route.spec.keys.is_empty() {
                    "user"
                } else {
                    "key"
                },
                route,
            )
        });
    by_path.chain(bound).collect()
}

/// Why `one` of the candidates decides, or `first` does instead of it.
fn because(first: Candidate<'_>, one: Candidate<'_>) -> String {
    let name = &first.1.name;
    match (first.0, one.0) {
        _ if *name == one.1.name => format!("decides: the {} comes first", bound(first.0)),
        ("path", "path") if first.1.spec.path.len() > one.1.spec.path.len() => {
            format!("`{name}` is bound to more of the path")
        }
        ("path", "path") => format!("`{name}` is bound to the same path and comes first"),
        (by, other) if by != other => format!(
            "`{name}` is bound to the {}, this one to the {}",
            bound(by),
            bound(other)
        ),
        _ if first.1.spec.priority != one.1.spec.priority => {
            format!(
                "`{name}` has priority {}, this one {}",
                first.1.spec.priority, one.1.spec.priority
            )
        }
        _ => format!("`{name}` has the same priority and comes first by name"),
    }
}

/// As people say it.
fn bound(by: &str) -> &'static str {
    match by {
        "path" => "path",
        "key" => "key",
        _ => "key's user",
    }
}

/// Why a route is no candidate at all.
fn outside(route: &route::Route, caller: &Caller, ask: &Ask<'_>) -> String {
    let listed = |names: &[String]| {
        names
            .iter()
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let spec = &route.spec;
    if !spec.keys.is_empty() && !spec.keys.iter().any(|key| **key == *caller.key) {
        return format!(
            "it is for the key {}, not for `{}`",
            listed(&spec.keys),
            caller.key
        );
    }
    if !spec.users.is_empty() && !spec.users.iter().any(|user| **user == *caller.user) {
        return format!(
            "it is for the user {}, not for `{}`",
            listed(&spec.users),
            caller.user
        );
    }
    match ask.path {
        Some(path) if !spec.path.is_empty() => format!(
            "it is bound to the path `{}`, and the request goes to `{path}`",
            spec.path
        ),
        _ => "it is bound to no key and no user".into(),
    }
}

fn route_named<'a>(snapshot: &'a Snapshot, name: &str) -> Result<&'a Arc<route::Route>> {
    let shown = name.escape_debug();
    snapshot
        .route(name)
        .ok_or_else(|| match snapshot.has_route(name) {
            true => Error::not_found(format!("route `{shown}` serves no key"))
                .hint(format!("bind it with: gw route set {shown} --key KEY")),
            false => Error::not_found(format!("there is no active route `{shown}`"))
                .hint("list routes with: gw route get"),
        })
}

/// Who asks: the key named, any key of the user named, or one that the route serves (best one it decides for).
fn caller<'a>(
    snapshot: &'a Snapshot,
    query: &Query,
    named: Option<&Arc<route::Route>>,
    now: i64,
) -> Result<&'a Arc<Caller>> {
    let of_user = |caller: &&Arc<Caller>| {
        query
            .user
            .as_deref()
            .is_none_or(|user| *caller.user == *user)
    };
    if !query.key.is_empty() {
        let shown = query.key.escape_debug();
        let caller = snapshot.caller_named(&query.key).ok_or_else(|| {
            Error::not_found(format!("there is no key `{shown}`"))
                .hint("name one with --key; list them with: gw key get")
        })?;
        return match of_user(&caller) {
            true => Ok(caller),
            false => Err(Error::invalid(format!(
                "key `{shown}` belongs to user `{}`",
                caller.user
            ))
            .param("user")
            .hint("leave out --user or --key")),
        };
    }
    if query.user.is_none() && named.is_none() {
        return Err(Error::invalid("nobody asks")
            .param("key")
            .hint("name a key with --key, a user with --user, or a route"));
    }
    let headers = HeaderMap::new();
    let rank = |caller: &Arc<Caller>| match named {
        None => Some(0),
        Some(route) => {
            let ask = Ask {
                op: Op::Chat,
                model: None,
                path: query.path.as_deref(),
                needs: Needs::default(),
                tokens: 0,
                media: false,
                headers: &headers,
            };
            let decides = route::deciding(snapshot, caller, &ask)
                .is_some_and(|found| found.name == route.name);
            let serves = snapshot
                .routes_of(caller)
                .any(|found| found.name == route.name)
                || (!route.spec.path.is_empty() && route.admits(caller));
            (serves || query.user.is_some()).then_some(if decides { 0 } else { 1 })
        }
    };
    let callers = snapshot.callers().into_iter().filter(of_user);
    let best = callers
        .filter_map(|caller| Some(((rank(caller)?, !caller.admitted(now)), caller)))
        .min_by_key(|(rank, _)| *rank);
    best.map(|(_, caller)| caller)
        .ok_or_else(|| match (&query.user, named) {
            (Some(user), _) => {
                Error::not_found(format!("user `{}` has no key", user.escape_debug()))
                    .hint(format!("gw key create NAME --user {}", user.escape_debug()))
            }
            (None, route) => Error::not_found(format!(
                "route `{}` serves no key",
                route.map_or("", |route| &route.name)
            ))
            .hint("name a key with --key"),
        })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::plan::testing::snapshot;
    use std::time::Duration;

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
        match explain(&snapshot, query, 1, Moment::after_beginning(Duration::ZERO)) {
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
            let answer = explain(&snapshot, json!({"key": "k"}), 1, now).unwrap();
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
                "resting after failures for another 30s, tried as nothing else is left",
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
