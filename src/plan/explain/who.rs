//! Who asks, where that is not said in full: any key of a user, or one that a route serves.

use crate::error::{Error, Result};
use crate::plan::{Ask, Caller, Snapshot, route};
use std::sync::Arc;

/// Who asks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Who<'a> {
    /// The key's name.
    pub key: Option<&'a str>,
    /// Any key of this user's.
    pub user: Option<&'a str>,
    /// One that this route serves.
    pub route: Option<&'a Arc<route::Route>>,
}

/// The active route of this name.
pub fn route_named<'a>(snapshot: &'a Snapshot, name: &str) -> Result<&'a Arc<route::Route>> {
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

impl<'a> Who<'a> {
    /// The key: the one named, any of the user named, or one that the route serves, best one it decides for. `now`: Unix
    /// time in milliseconds.
    pub fn find(&self, snapshot: &'a Snapshot, ask: &Ask<'_>, now: i64) -> Result<&'a Arc<Caller>> {
        let of_user = |caller: &&Arc<Caller>| self.user.is_none_or(|user| *caller.user == *user);
        if let Some(key) = self.key {
            let shown = key.escape_debug();
            let caller = snapshot.caller_named(key).ok_or_else(|| {
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
        if self.user.is_none() && self.route.is_none() {
            return Err(Error::invalid("nobody asks")
                .param("key")
                .hint("name a key with --key, a user with --user, or a route"));
        }
        let rank = |caller: &Arc<Caller>| match self.route {
            None => Some(0),
            Some(route) => {
                let decides = route::deciding(snapshot, caller, ask)
                    .is_some_and(|found| found.name == route.name);
                let serves = snapshot
                    .routes_of(caller)
                    .any(|found| found.name == route.name)
                    || (!route.spec.path.is_empty() && route.admits(caller));
                (serves || self.user.is_some()).then_some(if decides { 0 } else { 1 })
            }
        };
        let callers = snapshot.callers().into_iter().filter(of_user);
        let best = callers
            .filter_map(|caller| Some(((rank(caller)?, !caller.admitted(now)), caller)))
            .min_by_key(|(rank, _)| *rank);
        best.map(|(_, caller)| caller).ok_or_else(|| match self {
            Who {
                user: Some(user), ..
            } => {
                let user = user.escape_debug();
                Error::not_found(format!("user `{user}` has no key"))
                    .hint(format!("gw key create NAME --user {user}"))
            }
            Who { route, .. } => Error::not_found(format!(
                "route `{}` serves no key",
                route.map_or("", |route| &route.name)
            ))
            .hint("name a key with --key"),
        })
    }
}
