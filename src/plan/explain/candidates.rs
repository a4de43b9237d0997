//! Which routes could decide, and why one of them does and the others do not.

use super::answer::{Candidate, Named, Through};
use super::conditions;
use crate::plan::{Ask, Caller, Snapshot, route};
use crate::resources::route::Route as Spec;
use std::sync::Arc;

/// What a route is bound by for a caller, and the route.
type Found<'a> = (&'static str, &'a Arc<route::Route>);

/// The routes that could take a request, in the order they are looked at.
pub(super) struct Candidates<'a> {
    snapshot: &'a Snapshot,
    caller: &'a Caller,
    ask: &'a Ask<'a>,
    all: Vec<Found<'a>>,
    /// The one that decides.
    first: Option<Found<'a>>,
    /// The provider that is asked itself, where one is.
    through: Option<&'a str>,
}

impl<'a> Candidates<'a> {
    /// `decided`: the route that has the plan; `through`: the provider that is asked itself, where one is.
    pub fn of(
        snapshot: &'a Snapshot,
        caller: &'a Caller,
        ask: &'a Ask<'a>,
        decided: Option<&route::Route>,
        through: Option<&'a str>,
    ) -> Candidates<'a> {
        let candidates = route::candidates(snapshot, caller, ask);
        let all: Vec<Found<'a>> = candidates.map(|route| (kind(&route.spec), route)).collect();
        let decides = |found: &&Found<'a>| decided.is_some_and(|it| it.name == found.1.name);
        let first = all.iter().find(decides).copied();
        Candidates {
            snapshot,
            caller,
            ask,
            all,
            first,
            through,
        }
    }

    fn why(&self, one: Found<'a>) -> String {
        if !one.1.takes(self.caller, self.ask) {
            return "its condition does not hold".into();
        }
        if let Some(provider) = self.through {
            let mut providers = one.1.spec.passthrough.iter();
            if !providers.any(|it| it == provider) {
                return format!("it lets nothing through to `{}`", provider.escape_debug());
            }
        }
        let Some(first) = self.first else {
            return String::new();
        };
        let passed_over = self.all.first().is_some_and(|it| it.1.name != first.1.name);
        match first.1.name == one.1.name && passed_over {
            true => "decides: the first that takes it".into(),
            false => because(first, one),
        }
    }

    fn decides(&self, route: &route::Route) -> bool {
        self.first
            .is_some_and(|(_, first)| first.name == route.name)
    }

    /// Each, and whether it decides; behind them those that are disabled.
    pub fn told(&self) -> Vec<Candidate> {
        let when = |route: &'a route::Route| {
            let when = route.when.as_ref();
            when.map(|when| conditions::told(when, self.caller, self.ask))
        };
        let told = |one: &Found<'a>| Candidate {
            route: one.1.name.to_string(),
            bound_by: one.0,
            priority: one.1.spec.priority,
            decides: self.decides(one.1),
            why: self.why(*one),
            when: when(one.1),
        };
        let disabled = self.snapshot.disabled_routes();
        let disabled = disabled.filter_map(|(name, spec)| {
            Some(Candidate {
                bound_by: bound_by(&spec, self.caller, self.ask)?,
                priority: spec.priority,
                decides: false,
                why: format!("it is disabled; gw route enable {name}"),
                when: None,
                route: name,
            })
        });
        self.all.iter().map(told).chain(disabled).collect()
    }

    /// What they let through to providers.
    pub fn through(&self) -> Vec<Through> {
        let routes = self.all.iter().map(|(_, route)| route);
        routes
            .filter(|route| !route.spec.passthrough.is_empty())
            .map(|route| Through {
                route: route.name.to_string(),
                providers: route.spec.passthrough.clone(),
                methods: route.spec.passthrough_methods.clone(),
                paths: route.spec.passthrough_paths.clone(),
            })
            .collect()
    }

    /// Whether this route decides, and why or why not.
    pub fn named(&self, named: &route::Route) -> Named {
        let candidate = self.all.iter().find(|(_, route)| route.name == named.name);
        Named {
            route: named.name.to_string(),
            decides: self.decides(named),
            why: candidate.map_or_else(
                || outside(named, self.caller, self.ask),
                |one| self.why(*one),
            ),
        }
    }
}

/// What a route would be bound by for a caller, if it were in force; `None`: it is not for such requests.
fn bound_by(spec: &Spec, caller: &Caller, ask: &Ask<'_>) -> Option<&'static str> {
    let below = |path| route::below(&spec.path, path).is_some();
    let there = spec.path.is_empty() || ask.path.is_some_and(below);
    (there && spec.admits(&caller.key, &caller.user)).then(|| kind(spec))
}

/// What a route is bound by.
fn kind(spec: &Spec) -> &'static str {
    match (spec.path.is_empty(), spec.keys.is_empty()) {
        (false, _) => "path",
        (true, true) => "user",
        (true, false) => "key",
    }
}

/// Why `one` of the candidates decides, or `first` does instead of it.
fn because(first: Found<'_>, one: Found<'_>) -> String {
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
