//! Routes as planning sees them: which one decides, and which of its lists of targets.

use super::{Ask, Caller, Snapshot, pool::Pool, rules};
use crate::expression::Condition;
use crate::resources::route::{Route as Spec, Target, condition};
use std::{collections::BTreeSet, sync::Arc};

/// An active route.
#[derive(Debug)]
pub struct Route {
    pub name: Arc<str>,
    pub spec: Spec,
    /// It takes only requests for which this holds.
    pub when: Option<Condition>,
    /// In order; each has its condition.
    pub rules: Vec<Pool>,
    /// Where no rule holds.
    pub own: Pool,
}

impl Route {
    /// `before`: the route as it was, whose turns go on. A condition that cannot be read makes the route take nothing: the
    /// admin side has read each of them, so this happens only to records of a newer version.
    pub(super) fn build(
        snapshot: &Snapshot,
        name: Arc<str>,
        spec: Spec,
        before: Option<&Route>,
    ) -> Option<Route> {
        let read = |text: &str| {
            condition::read(text)
                .inspect_err(|error| {
                    tracing::warn!(route = &*name, %error, "route left out");
                })
                .ok()
        };
        let when = match spec.when.is_empty() {
            true => None,
            false => Some(read(&spec.when)?),
        };
        let same_seed = before.is_some_and(|before| before.spec.seed == spec.seed);
        let mut rules = Vec::with_capacity(spec.rules.len());
        for (at, rule) in spec.rules.iter().enumerate() {
            let before = before.and_then(|before| before.rules.get(at));
            rules.push(Pool::build(
                snapshot,
                Some(read(&rule.when)?),
                rule.strategy.unwrap_or(spec.strategy),
                &spec.tier_strategies,
                &rule.targets,
                before.map(|pool| (pool, same_seed)),
            ));
        }
        let own = Pool::build(
            snapshot,
            None,
            spec.strategy,
            &spec.tier_strategies,
            &spec.targets,
            before.map(|before| (&before.own, same_seed)),
        );
        Some(Route {
            name,
            spec,
            when,
            rules,
            own,
        })
    }

    /// Whether it is for this caller.
    pub fn admits(&self, caller: &Caller) -> bool {
        self.spec.admits(&caller.key, &caller.user)
    }

    /// Whether its condition holds for a request.
    pub fn takes(&self, caller: &Caller, ask: &Ask<'_>) -> bool {
        self.when
            .as_ref()
            .is_none_or(|when| rules::holds(when, ask, caller) == Ok(true))
    }

    /// Whether its condition cannot be told before the request has said its model.
    pub fn asks_for_model(&self) -> bool {
        self.when.as_ref().is_some_and(|when| when.names("model"))
    }

    /// Which rule gives the targets of a request; `None`: none, so that the route's own do.
    pub fn rule(&self, caller: &Caller, ask: &Ask<'_>) -> Option<usize> {
        let holds = |pool: &Pool| {
            let when = pool.when.as_ref();
            when.is_some_and(|when| rules::holds(when, ask, caller) == Ok(true))
        };
        self.rules.iter().position(holds)
    }

    /// The targets of a rule, or its own.
    pub fn pool(&self, rule: Option<usize>) -> &Pool {
        rule.and_then(|rule| self.rules.get(rule))
            .unwrap_or(&self.own)
    }

    /// Whether a target of it is one of these models, under whatever name.
    pub(super) fn names(&self, provider: &str, models: &BTreeSet<Arc<str>>) -> bool {
        let of = |target: &&Target| target.provider == provider;
        let mut written = self.spec.every_target().filter(of);
        let mut upstream = self.pools().flat_map(|pool| &pool.targets);
        written.any(|target| {
            let model = target.model.as_deref().unwrap_or_default();
            models.contains(model) || models.contains(&*format!("{provider}/{model}"))
        }) || upstream.any(|target| target.model.as_ref().is_some_and(|it| models.contains(it)))
    }

    /// Every list of targets it has.
    pub fn pools(&self) -> impl Iterator<Item = &Pool> {
        self.rules.iter().chain([&self.own])
    }
}

#[cfg(test)]
impl Route {
    /// What its targets came to, with names for places.
    pub fn targets_for_tests(&self) -> Vec<String> {
        let told = |pool: &Pool| {
            let when = pool.when.as_ref().map(Condition::text);
            format!("{when:?} {:?}", pool.targets_for_tests())
        };
        self.pools().map(told).collect()
    }
}

/// The route that takes the request: the first candidate whose condition holds.
pub(super) fn deciding(snapshot: &Snapshot, caller: &Caller, ask: &Ask<'_>) -> Option<Arc<Route>> {
    candidates(snapshot, caller, ask)
        .find(|route| route.takes(caller, ask))
        .cloned()
}

/// Routes for the caller and the path, whatever their conditions: bound to the path, then to the key, then to its user.
pub(super) fn candidates<'a>(
    snapshot: &'a Snapshot,
    caller: &'a Caller,
    ask: &Ask<'a>,
) -> impl Iterator<Item = &'a Arc<Route>> {
    let by_path = ask
        .path
        .into_iter()
        .flat_map(|path| by_path(snapshot, path))
        .map(|(route, _)| route)
        .filter(|route| route.admits(caller));
    let bound = snapshot.routes_of(caller);
    by_path.chain(bound.filter(|route| route.spec.path.is_empty()))
}

/// Routes bound to a path that `path` is or lies below, with what is left of it, longest path first.
pub fn by_path<'a>(
    snapshot: &'a Snapshot,
    path: &'a str,
) -> impl Iterator<Item = (&'a Arc<Route>, &'a str)> {
    snapshot
        .paths()
        .iter()
        .filter_map(move |route| Some((route, below(&route.spec.path, path)?)))
}

/// What is left of a path that is this one or lies below it.
pub(super) fn below<'a>(bound: &str, path: &'a str) -> Option<&'a str> {
    let rest = path.strip_prefix(bound)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::testing;

    #[test]
    fn paths_match_whole_segments_longest_first() {
        let route = |name: &str, path: &str| serde_json::json!({"kind": "route", "name": name, "path": path, "targets": [{"provider": "a"}]});
        let snapshot = testing::snapshot(serde_json::json!([
            route("short", "/a"),
            route("long", "/a/b"),
            route("other", "/c")
        ]));
        let found = |path| {
            by_path(&snapshot, path)
                .map(|(route, rest)| (route.name.to_string(), rest.to_owned()))
                .collect::<Vec<_>>()
        };
        let pair = |name: &str, rest: &str| (name.to_owned(), rest.to_owned());
        assert_eq!(
            found("/a/b/v1/messages"),
            [
                pair("long", "/v1/messages"),
                pair("short", "/b/v1/messages")
            ]
        );
        assert_eq!(found("/a"), [pair("short", "")]);
        assert_eq!(found("/ab"), []);
        assert_eq!(found("/"), []);
    }
}
