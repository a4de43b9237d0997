//! What is asked of a provider itself: which route lets it through, if any does. Off until one does.

use super::{Ask, Caller, Plan, Snapshot, route};
use crate::error::{Error, Kind, Result};
use crate::resources::route::Route as Spec;
use http::Method;
use std::sync::Arc;

/// What is asked.
pub struct Asked<'a> {
    pub provider: &'a str,
    pub method: &'a Method,
    /// Behind the provider's name, decoded and without segments that lead elsewhere; begins with a slash.
    pub path: &'a str,
    /// The path of the provider's base URL, without a slash at its end.
    pub base: &'a str,
    /// What routes may go by beside it.
    pub ask: Ask<'a>,
}

impl Asked<'_> {
    /// The path behind the provider's base: callers write it with the base's own path (`/v1`) and without.
    pub fn behind_base(&self) -> &str {
        behind(self.base, self.path)
    }
}

fn behind<'a>(base: &str, path: &'a str) -> &'a str {
    match path.strip_prefix(base) {
        Some("") => "/",
        Some(rest) if rest.starts_with('/') => rest,
        _ => path,
    }
}

/// The one attempt that a route allows. Of the caller's routes the first that lets through to the provider decides.
///
/// Errors: 403 where none does, or not this method or path; 503 where the provider is not to be had.
pub fn plan(snapshot: &Snapshot, caller: &Caller, asked: &Asked<'_>) -> Result<Plan> {
    let ask = &asked.ask;
    let lets = |route: &&Arc<route::Route>| {
        let mut names = route.spec.passthrough.iter();
        names.any(|name| name == asked.provider) && route.takes(caller, ask)
    };
    let Some(route) = route::candidates(snapshot, caller, ask).find(lets) else {
        return Err(no_route(caller, asked.provider));
    };
    allowed(&route.name, &route.spec, asked)?;
    let provider = snapshot
        .provider(asked.provider)
        .filter(|at| snapshot.serves_in(*at, &caller.environment));
    let Some(provider) = provider else {
        return Err(Error::new(
            Kind::Unavailable,
            format!(
                "provider `{}` is disabled, or not active in the key's environment",
                asked.provider.escape_debug()
            ),
        )
        .hint(format!("see `gw provider describe {}`", asked.provider)));
    };
    Ok(Plan {
        route: Some(route.clone()),
        ..super::pinned(snapshot, provider, "".into())
    })
}

fn allowed(route: &str, spec: &Spec, asked: &Asked<'_>) -> Result<()> {
    let method = asked.method.as_str();
    if !spec.passthrough_methods.iter().any(|it| it == method) {
        return Err(refused(
            route,
            &format!("no {method} through to `{}`", asked.provider),
            &format!(
                "--passthrough-methods {},{method}",
                spec.passthrough_methods.join(",")
            ),
        ));
    }
    let path = asked.behind_base();
    let covers = |rule: &String| {
        let rule = behind(asked.base, rule).trim_end_matches('/');
        path.strip_prefix(rule)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    match spec.passthrough_paths.iter().any(covers) {
        true => Ok(()),
        false => Err(refused(
            route,
            &format!(
                "nothing through to `{}` at `{}`",
                asked.provider,
                path.escape_debug()
            ),
            &format!(
                "--passthrough-paths {},PATH",
                spec.passthrough_paths.join(",")
            ),
        )),
    }
}

fn refused(route: &str, what: &str, flag: &str) -> Error {
    Error::new(Kind::Forbidden, format!("route `{route}` lets {what}"))
        .hint(format!("allow it with `gw route set {route} {flag}`"))
}

fn no_route(caller: &Caller, provider: &str) -> Error {
    let provider = provider.escape_debug();
    Error::new(
        Kind::Forbidden,
        format!(
            "no route of key `{}` lets requests through to provider `{provider}`",
            caller.key
        ),
    )
    .hint(format!(
        "allow it with `gw route set NAME --passthrough {provider} --passthrough-paths /PATH`"
    ))
}
