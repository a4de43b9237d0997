//! The immutable picture of all records that requests are served from: rebuilt on change, swapped whole.

use super::{Caller, Facts, glob, route::Route};
use crate::catalog;
use crate::chat::Op;
use crate::resources::{self, Record, Stamp, key::KeySystem};
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize},
    },
};

/// A provider as planning sees it.
#[derive(Debug)]
pub struct Provider {
    pub name: Arc<str>,
    pub spec: resources::provider::Provider,
    /// What it can be asked for.
    pub ops: Vec<Op>,
    /// Its id in the price catalogue; empty: none.
    pub catalog: &'static str,
}

impl Provider {
    /// Whether keys of this environment may use it.
    pub fn active_in(&self, environment: &str) -> bool {
        self.spec.environments.is_empty()
            || self
                .spec
                .environments
                .iter()
                .any(|name| name == environment)
    }
}

/// Everything planning knows.
#[derive(Debug, Default)]
pub struct Snapshot {
    pub revision: u64,
    pub providers: Vec<Provider>,
    by_name: HashMap<Arc<str>, usize>,
    /// By digest of the secret; the time is when a rotated-out secret ends.
    keys: HashMap<[u8; 32], (Arc<Caller>, Option<Stamp>)>,
    /// By (provider, upstream id): what the user's model records say.
    models: HashMap<(usize, String), resources::model::Model>,
    /// By (provider, record name): the upstream id, where a record's name is not it.
    aliases: HashMap<(usize, String), Arc<str>>,
    /// Active routes bound to a path, longest path first.
    pub paths: Vec<Arc<Route>>,
    /// Of active routes: the seed and how far it has been drawn.
    turns: HashMap<Arc<str>, (Option<u64>, Arc<AtomicU64>)>,
}

/// What a vendor contributes: what it serves and its id in the price catalogue.
pub type VendorFacts = fn(&str) -> Option<(Vec<Op>, &'static str)>;

impl Snapshot {
    /// Builds the first snapshot.
    pub fn build(revision: u64, records: &[Record], vendor: VendorFacts) -> Snapshot {
        Snapshot::after(&Snapshot::default(), revision, records, vendor)
    }

    /// Builds the snapshot that follows `before`, whose counts go on. Records that do not parse are left out, and said so on the log: the admin side
    /// has checked each of them, so this happens only to records of a newer version.
    pub fn after(
        before: &Snapshot,
        revision: u64,
        records: &[Record],
        vendor: VendorFacts,
    ) -> Snapshot {
        let mut snapshot = Snapshot {
            revision,
            ..Snapshot::default()
        };
        for (name, spec) in typed::<resources::provider::Provider>(records, "provider") {
            let Some((ops, catalog)) = vendor(&spec.vendor) else {
                continue;
            };
            snapshot
                .by_name
                .insert(name.clone(), snapshot.providers.len());
            snapshot.providers.push(Provider {
                name,
                spec,
                ops,
                catalog,
            });
        }
        for (name, spec) in typed::<resources::model::Model>(records, "model") {
            let Some(provider) = snapshot.provider(&spec.provider) else {
                continue;
            };
            let upstream = spec.upstream(&name).to_owned();
            if *name != *upstream {
                snapshot
                    .aliases
                    .insert((provider, name.to_string()), upstream.as_str().into());
            }
            snapshot.models.insert((provider, upstream), spec);
        }
        let mut routes: Vec<Arc<Route>> = typed::<resources::route::Route>(records, "route")
            .filter(|(_, spec)| spec.enabled)
            .map(|(name, spec)| {
                let turns = before
                    .turns
                    .get(&name)
                    .filter(|(seed, _)| *seed == spec.seed)
                    .map(|(_, turns)| turns.clone())
                    .unwrap_or_default();
                Arc::new(Route::build(&snapshot, name, spec, turns))
            })
            .collect();
        snapshot.turns = routes
            .iter()
            .map(|route| (route.name.clone(), (route.spec.seed, route.turns.clone())))
            .collect();
        routes.sort_by(|a, b| (a.spec.priority, &a.name).cmp(&(b.spec.priority, &b.name)));
        snapshot.add_keys(before, records, &routes);
        snapshot.paths = routes
            .into_iter()
            .filter(|route| !route.spec.path.is_empty())
            .collect();
        // Of the same path, a route for certain keys before one for certain users before one for everybody.
        snapshot.paths.sort_by_key(|route| {
            (
                std::cmp::Reverse(route.spec.path.len()),
                route.spec.keys.is_empty(),
                route.spec.users.is_empty(),
            )
        });
        snapshot
    }

    fn add_keys(&mut self, before: &Snapshot, records: &[Record], routes: &[Arc<Route>]) {
        let running: HashMap<&str, &Arc<AtomicUsize>> = before
            .keys
            .values()
            .map(|(caller, _)| (&*caller.key, &caller.running))
            .collect();
        let mut by_key: HashMap<&str, Vec<Arc<Route>>> = HashMap::new();
        let mut by_user: HashMap<&str, Vec<Arc<Route>>> = HashMap::new();
        for route in routes {
            route
                .spec
                .keys
                .iter()
                .for_each(|key| by_key.entry(key).or_default().push(route.clone()));
            route
                .spec
                .users
                .iter()
                .for_each(|user| by_user.entry(user).or_default().push(route.clone()));
        }
        let users: HashMap<Arc<str>, bool> = typed::<resources::user::User>(records, "user")
            .map(|(name, user)| (name, user.enabled))
            .collect();
        let systems: HashMap<&str, KeySystem> = records
            .iter()
            .filter(|record| record.kind == "key")
            .filter_map(|record| {
                Some((
                    record.name.as_str(),
                    serde_json::from_value(record.system.clone().into()).ok()?,
                ))
            })
            .collect();
        for (name, spec) in typed::<resources::key::Key>(records, "key") {
            let Some(system) = systems.get(&*name) else {
                continue;
            };
            let owner = users.get_key_value(spec.user.as_str());
            // A route bound to a key and a user belongs to that key of that user (source systems bind so):
            // it is found through the key and must not open for the user's other keys.
            let of_key = by_key.get(&*name).into_iter().flatten().filter(|route| {
                route.spec.users.is_empty() || route.spec.users.contains(&spec.user)
            });
            let of_user = by_user
                .get(spec.user.as_str())
                .into_iter()
                .flatten()
                .filter(|route| route.spec.keys.is_empty());
            let caller = Arc::new(Caller {
                key: name.clone(),
                user: owner.map_or_else(|| spec.user.as_str().into(), |(user, _)| user.clone()),
                environment: spec.environment.as_str().into(),
                // A time nobody can read has passed.
                expires: spec
                    .expires
                    .as_deref()
                    .map(|time| Stamp::parse(time).unwrap_or(Stamp(0))),
                active: spec.enabled
                    && owner.is_some_and(|(_, enabled)| *enabled)
                    && system.revoked.is_none(),
                log_content: spec.log_content,
                direct: spec.direct,
                routes: of_key.chain(of_user).cloned().collect(),
                running: running
                    .get(&*name)
                    .map(|running| (*running).clone())
                    .unwrap_or_default(),
            });
            if let Some(digest) = crate::store::token::unhex(&system.digest) {
                self.keys.insert(digest, (caller.clone(), None));
            }
            if let Some((digest, until)) = &system.previous
                && let Some(digest) = crate::store::token::unhex(digest)
            {
                self.keys.insert(digest, (caller, Some(*until)));
            }
        }
    }

    /// The caller with this digest, whatever its state, if its secret is still good at `now`.
    pub fn caller(&self, digest: &[u8; 32], now: i64) -> Option<&Arc<Caller>> {
        let (caller, until) = self.keys.get(digest)?;
        until.is_none_or(|end| now < end.0).then_some(caller)
    }

    /// The caller with this key name, for `explain`.
    pub fn caller_named(&self, key: &str) -> Option<&Arc<Caller>> {
        self.keys
            .values()
            .map(|(caller, _)| caller)
            .find(|caller| &*caller.key == key)
    }

    /// Every caller once, by key name, for `explain`.
    pub fn callers(&self) -> Vec<&Arc<Caller>> {
        let mut callers: Vec<_> = self.keys.values().map(|(caller, _)| caller).collect();
        callers.sort_by(|a, b| a.key.cmp(&b.key));
        callers.dedup_by(|a, b| a.key == b.key);
        callers
    }

    /// The active route of this name, as far as any key or path leads to it.
    pub fn route(&self, name: &str) -> Option<&Arc<Route>> {
        let bound = self.keys.values().flat_map(|(caller, _)| &caller.routes);
        self.paths
            .iter()
            .chain(bound)
            .find(|route| &*route.name == name)
    }

    /// Whether there is an active route of this name, whoever it serves.
    pub fn has_route(&self, name: &str) -> bool {
        self.turns.contains_key(name)
    }

    /// The provider's index.
    pub fn provider(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// The upstream id behind a name used in a target or a request.
    pub fn upstream_id<'a>(&self, provider: usize, name: &'a str) -> std::borrow::Cow<'a, str> {
        match self.aliases.is_empty() {
            true => name.into(),
            false => self
                .aliases
                .get(&(provider, name.to_owned()))
                .map_or(name.into(), |id| id.to_string().into()),
        }
    }

    /// What is known of a model: the user's record over the catalogue.
    pub fn facts(&self, provider: usize, upstream: &str) -> Facts {
        let known = self
            .providers
            .get(provider)
            .filter(|provider| !provider.catalog.is_empty())
            .and_then(|provider| catalog::find(provider.catalog, upstream));
        let own = match self.models.is_empty() {
            true => None,
            false => self.models.get(&(provider, upstream.to_owned())),
        };
        catalog::facts(own, known.as_ref())
    }

    /// Whether a provider is known to serve a model: a record of the user's, or the catalogue.
    pub fn serves(&self, provider: usize, upstream: &str) -> bool {
        let Some(entry) = self.providers.get(provider) else {
            return false;
        };
        let exposed = entry.spec.models.is_empty() || glob::any(&entry.spec.models, upstream);
        let known = self.models.contains_key(&(provider, upstream.to_owned()))
            || (!entry.catalog.is_empty() && catalog::find(entry.catalog, upstream).is_some());
        exposed && (known || entry.spec.models.iter().any(|model| model == upstream))
    }

    /// Upstream ids a provider is known to serve, for `GET /v1/models`.
    pub fn known_models(&self, provider: usize) -> Vec<String> {
        let Some(entry) = self.providers.get(provider) else {
            return Vec::new();
        };
        let own = self
            .models
            .keys()
            .filter(|(at, _)| *at == provider)
            .map(|(_, id)| id.clone());
        let listed = entry
            .spec
            .models
            .iter()
            .filter(|model| !model.contains('*'))
            .cloned();
        let catalogued = match entry.catalog.is_empty() {
            true => Vec::new(),
            false => catalog::all(entry.catalog)
                .into_iter()
                .map(|known| known.id)
                .collect(),
        };
        let mut ids: Vec<String> = own
            .chain(listed)
            .chain(catalogued)
            .filter(|id| entry.spec.models.is_empty() || glob::any(&entry.spec.models, id))
            .collect();
        ids.sort();
        ids.dedup();
        ids
    }
}

fn typed<'a, T: resources::Resource>(
    records: &'a [Record],
    kind: &'a str,
) -> impl Iterator<Item = (Arc<str>, T)> + 'a {
    records
        .iter()
        .filter(move |record| record.kind == kind)
        .filter_map(|record| match resources::typed::<T>(record.spec.clone()) {
            Ok(spec) => Some((Arc::from(record.name.as_str()), spec)),
            Err(error) => {
                tracing::warn!(kind = record.kind, name = record.name, %error, "record left out");
                None
            }
        })
}
