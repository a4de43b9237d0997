//! What leads to active routes: the keys and users they are bound to, and paths.

use super::{Caller, route::Route};
use crate::hash::Seeded;
use rpds::HashTrieMapSync;
use std::{
    cmp::{Ordering, Reverse},
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

/// Active routes by name.
pub type Active = HashTrieMapSync<Arc<str>, Arc<Route>>;

/// Routes by the name of a key or user they are bound to, by priority, then name.
type Bound = HashTrieMapSync<String, Arc<[Arc<Route>]>, Seeded>;

/// What leads to the active routes of a snapshot.
#[derive(Clone, Debug, Default)]
pub struct Bindings {
    of_key: Bound,
    of_user: Bound,
    /// Longest path first.
    paths: Arc<Vec<Arc<Route>>>,
}

impl Bindings {
    /// Binds every route there is to its keys and users, to which none was bound.
    pub fn bind_all<'a>(&mut self, routes: impl Iterator<Item = &'a Arc<Route>>) {
        let mut routes: Vec<&Arc<Route>> = routes.collect();
        routes.sort_by(|one, other| by_priority(one, other));
        let mut keys: HashMap<String, Vec<Arc<Route>>, Seeded> = HashMap::default();
        let mut users = keys.clone();
        for route in routes {
            let bind = |to: &mut HashMap<_, Vec<_>, Seeded>, names: &[String]| {
                let names: BTreeSet<&String> = names.iter().collect();
                for name in names {
                    to.entry(name.clone()).or_default().push(route.clone());
                }
            };
            bind(&mut keys, &route.spec.keys);
            if of_users(route) {
                bind(&mut users, &route.spec.users);
            }
        }
        for (bound, to) in [(keys, &mut self.of_key), (users, &mut self.of_user)] {
            for (name, routes) in bound {
                to.insert_mut(name, routes.into());
            }
        }
    }

    /// Binds a key to the routes that name it now.
    pub fn bind_key(&mut self, key: String, routes: Vec<Arc<Route>>) {
        bind(&mut self.of_key, key, routes);
    }

    /// Binds a user to those of the routes that name it now.
    pub fn bind_user(&mut self, user: String, mut routes: Vec<Arc<Route>>) {
        routes.retain(|route| of_users(route));
        bind(&mut self.of_user, user, routes);
    }

    /// Has paths follow the routes that changed.
    pub fn set_paths(&mut self, changed: &BTreeSet<String>, routes: &Active) {
        let same = self
            .paths
            .iter()
            .filter(|route| !changed.contains(&*route.name));
        let new = changed.iter().filter_map(|name| routes.get(name.as_str()));
        let mut paths: Vec<Arc<Route>> = same
            .chain(new.filter(|route| !route.spec.path.is_empty()))
            .cloned()
            .collect();
        // Of the same path, a route for certain keys before one for certain users before one for everybody.
        let rank = |route: &Arc<Route>| {
            let spec = &route.spec;
            (
                Reverse(spec.path.len()),
                spec.keys.is_empty(),
                spec.users.is_empty(),
                spec.priority,
                route.name.clone(),
            )
        };
        paths.sort_by_cached_key(rank);
        self.paths = Arc::new(paths);
    }

    /// Routes bound to a path, longest path first.
    pub fn paths(&self) -> &[Arc<Route>] {
        &self.paths
    }

    /// The routes a caller is bound to: through its key, then through its user; each by priority, then name.
    pub fn of<'a>(&'a self, caller: &'a Caller) -> impl Iterator<Item = &'a Arc<Route>> {
        // A route bound to a key and a user belongs to that key of that user (source systems bind so):
        // it is found through the key and must not open for the user's other keys.
        let of_key = self
            .of_key
            .get(&*caller.key)
            .into_iter()
            .flat_map(|it| it.iter());
        let of_key = of_key.filter(|route| {
            let users = &route.spec.users;
            users.is_empty() || users.iter().any(|user| **user == *caller.user)
        });
        // Looked up where the key's own do not decide.
        let of_user = std::iter::once_with(|| self.of_user.get(&*caller.user));
        of_key.chain(of_user.flatten().flat_map(|it| it.iter()))
    }
}

/// A route bound to keys too is found through those.
fn of_users(route: &Route) -> bool {
    route.spec.keys.is_empty()
}

/// Binds a name to these routes; none: nothing leads to any.
fn bind(to: &mut Bound, name: String, mut routes: Vec<Arc<Route>>) {
    if routes.is_empty() {
        to.remove_mut(&name);
        return;
    }
    routes.sort_by(by_priority);
    to.insert_mut(name, routes.into());
}

/// By priority, then name.
fn by_priority(one: &Arc<Route>, other: &Arc<Route>) -> Ordering {
    let rank = |route: &Route| (route.spec.priority, route.name.clone());
    rank(one).cmp(&rank(other))
}
