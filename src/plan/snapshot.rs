//! The immutable picture of all records that requests are served from. A change makes the next one from it: what the
//! change did not touch is shared between the two.

use super::{
    Caller, Facts, Health, Limited,
    asked::{Asked, Meant},
    bindings::{Active, Bindings},
    held::{Held, typed},
    limited::Owner,
    naming,
    recorded::{self, Place, Recorded},
    route::Route,
};
use crate::catalog::Overlay;
use crate::chat::Op;
use crate::layers::Layers;
use crate::parallel;
use crate::resources::{self, Record, Stamp, glob, model::Model, provider::Credential};
use crate::store::{
    counters::Kind,
    records::{At, State},
    token::hex_digits,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

/// A provider as planning sees it.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Empty: nobody is in this place now.
    pub name: Arc<str>,
    pub spec: resources::provider::Provider,
    /// What it can be asked for.
    pub ops: Vec<Op>,
    /// Its id in the price catalogue; empty: none.
    pub catalog: &'static str,
    /// Globs of the ids that begin with the vendor's own name.
    pub own_names: &'static [&'static str],
    /// What limits all requests to it, and to its models by their upstream ids.
    pub limited: Option<Arc<Limited>>,
    /// What callers mean by names of models.
    asked: Arc<Asked>,
    /// How its models are doing; the same from snapshot to snapshot as long as it is there.
    pub health: Arc<Health>,
    /// What the user's model records say.
    models: Recorded,
}

impl Provider {
    /// Whether a record of the user's speaks of this model, by its id upstream or its own name.
    pub fn has_record(&self, model: &str) -> bool {
        self.record(model).is_some() || self.alias(model).is_some()
    }

    /// What a record of the user's says of this model, by its id upstream.
    pub fn record(&self, model: &str) -> Option<&Model> {
        self.models.model(model)
    }

    /// The upstream id behind a record's name, where that is not it.
    fn alias(&self, name: &str) -> Option<&Arc<str>> {
        self.models.alias(name)
    }

    /// What limits all requests to this model, by its id upstream.
    pub fn limited_model(&self, model: &str) -> Option<&Limited> {
        self.models.limited(model)
    }

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

/// By provider: names and ids of models of which other things are said now.
type Moved = BTreeMap<Arc<str>, BTreeSet<Arc<str>>>;

/// Everything planning knows.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// What it was made from.
    records: Arc<State>,
    /// Over the built-in prices.
    prices: Arc<Overlay>,
    /// A provider keeps its place as long as it is there; the place of one that has gone is given to a new one.
    pub providers: Arc<Vec<Arc<Provider>>>,
    by_name: Arc<BTreeMap<Arc<str>, usize>>,
    /// By key name.
    keys: Layers<Arc<str>, Arc<Held>>,
    routes: Active,
    /// What leads to them.
    bindings: Bindings,
}

/// What a vendor contributes.
#[derive(Clone, Debug, Default)]
pub struct VendorFacts {
    /// What it serves.
    pub ops: Vec<Op>,
    /// Its id in the price catalogue; empty: none.
    pub catalog: &'static str,
    /// Globs of the ids that begin with its own name.
    pub own_names: &'static [&'static str],
}

/// Where they come from: by the provider's record.
pub type VendorLookup = fn(&resources::provider::Provider) -> Option<VendorFacts>;

impl Snapshot {
    /// The snapshot that follows this one: `records` differ from those it was made from where they were `touched`.
    /// Records that do not parse are left out, and said so on the log: the admin side has checked each of them,
    /// so this happens only to records of a newer version.
    pub fn after(
        &self,
        records: &State,
        touched: &BTreeSet<At>,
        prices: &Arc<Overlay>,
        vendor: VendorLookup,
    ) -> Snapshot {
        let mut next = self.clone();
        next.prices = prices.clone();
        next.records = Arc::new(records.clone());
        let of = |kind: &'static str| {
            touched
                .iter()
                .filter(move |(found, _)| found == kind)
                .map(|(_, name)| name.as_str())
        };
        // What follows from what: models belong to providers, targets to both, callers to users.
        let mut providers: BTreeSet<String> = of("provider").map(str::to_owned).collect();
        let mut routes: BTreeSet<String> = of("route").map(str::to_owned).collect();
        let repriced = !Arc::ptr_eq(&self.prices, prices);
        if repriced {
            // What is known of their models was looked up before.
            providers.extend(self.by_name.keys().map(|name| name.to_string()));
        }
        // Where there was no provider, none has models that could be followed.
        let models: Vec<&str> = match self.by_name.is_empty() {
            true => Vec::new(),
            false => of("model").collect(),
        };
        let moved = next.follow_models(&self.records, &models);
        for name in &providers {
            next.set_provider(name, vendor);
            routes.extend(next.naming("provider", name, "route"));
        }
        for (name, models) in &moved {
            let mut naming = next.naming("provider", name, "route");
            naming.retain(|route| {
                next.routes
                    .get(&**route)
                    .is_some_and(|it| it.names(name, models))
            });
            routes.extend(naming);
        }
        if repriced {
            // What is known of their targets was looked up ahead of time.
            routes.extend(next.routes.keys().map(|name| name.to_string()));
        }
        let mut keys: BTreeSet<String> = of("key").map(str::to_owned).collect();
        // To a start, every key is news.
        for name in of("user").filter(|_| !self.records.is_empty()) {
            keys.extend(next.naming("user", name, "key"));
        }
        next.set_routes(&routes);
        next.set_keys(&keys);
        next
    }

    /// Names of the records of a kind that name this record.
    fn naming(&self, kind: &str, name: &str, by: &str) -> Vec<String> {
        self.records
            .referrers(&(kind.to_owned(), name.to_owned()))
            .filter(|(kind, _)| kind == by)
            .map(|(_, name)| name.clone())
            .collect()
    }

    /// Has the models of providers there are follow the records that changed. `before`: the records the snapshot was made from
    /// until now. Gives the providers that have other models now, and all that these are called.
    fn follow_models(&mut self, before: &State, names: &[&str]) -> Moved {
        let mut moved: BTreeMap<usize, (Provider, BTreeSet<Arc<str>>)> = BTreeMap::new();
        for &name in names {
            let place = |state: &State| Place::of(name, state.stored("model", name)?);
            let (old, new) = (place(before), place(&self.records));
            let called: Arc<str> = name.into();
            let of = |place: &Place| self.by_name.get(&*place.provider).copied();
            let there = |at: usize| ((*self.providers[at]).clone(), BTreeSet::new());
            if let Some(old) = old
                && let Some(at) = of(&old)
            {
                let (provider, names) = moved.entry(at).or_insert_with(|| there(at));
                provider.models.take(&called, &old.id);
                names.extend([called.clone(), old.id]);
            }
            if let Some(new) = new
                && let Some(at) = of(&new)
                && let Some(stored) = self.records.stored("model", name)
            {
                let (provider, names) = moved.entry(at).or_insert_with(|| there(at));
                names.extend([called.clone(), new.id.clone()]);
                provider.models.put(called, new.id, stored.clone());
            }
        }
        let mut called = Moved::new();
        for (at, (provider, names)) in moved {
            called.insert(provider.name.clone(), names);
            Arc::make_mut(&mut self.providers)[at] = Arc::new(Provider {
                asked: Arc::default(),
                ..provider
            });
        }
        called
    }

    /// The models of a provider that was not there.
    fn recorded(&self, provider: &str) -> Recorded {
        let names = self.naming("provider", provider, "model");
        let records = parallel::map(&names, |name| {
            let stored = self.records.stored("model", name)?;
            let id = recorded::id(provider, name, stored)?;
            Some((Arc::from(name.as_str()), id, stored.clone()))
        });
        Recorded::of(records.into_iter().flatten().collect())
    }

    /// Puts a provider in its place, or takes it away. Its models stay as they are, where it has been there.
    fn set_provider(&mut self, name: &str, vendor: VendorLookup) {
        let stored = self.records.stored("provider", name);
        let record = stored.and_then(|it| typed::<resources::provider::Provider>(name, it));
        let found = record.and_then(|record| vendor(&record.spec).map(|known| (record, known)));
        let place = self.by_name.get(name).copied();
        let Some((record, known)) = found else {
            if let Some(place) = place {
                Arc::make_mut(&mut self.by_name).remove(name);
                Arc::make_mut(&mut self.providers)[place] = Arc::new(Provider {
                    name: "".into(),
                    ..(*self.providers[place]).clone()
                });
            }
            return;
        };
        let name: Arc<str> = name.into();
        let there = place.map(|place| &self.providers[place]);
        let health: Arc<Health> = there.map(|it| it.health.clone()).unwrap_or_default();
        health.follow(&record.spec);
        let limited = Limited::of(Kind::Provider, Owner::of(&record), &record.spec.limits);
        let provider = Provider {
            name: name.clone(),
            limited: limited.map(Arc::new),
            asked: Arc::default(),
            ops: known.ops,
            catalog: known.catalog,
            own_names: known.own_names,
            health,
            models: there.map_or_else(|| self.recorded(&name), |it| it.models.clone()),
            spec: record.spec,
        };
        let providers = Arc::make_mut(&mut self.providers);
        let free = || providers.iter().position(|other| other.name.is_empty());
        let place = place.or_else(free).unwrap_or(providers.len());
        match providers.get_mut(place) {
            Some(there) => *there = Arc::new(provider),
            None => providers.push(Arc::new(provider)),
        }
        Arc::make_mut(&mut self.by_name).insert(name, place);
    }

    /// The route of this name as it is now; `None`: it is not in force.
    fn route_now(&self, name: &str) -> Option<Arc<Route>> {
        let stored = self.records.stored("route", name)?;
        let spec = typed::<resources::route::Route>(name, stored)?.spec;
        let old = self.routes.get(name).map(Arc::as_ref);
        let built = spec
            .enabled
            .then(|| Route::build(self, name.into(), spec, old));
        built.flatten().map(Arc::new)
    }

    /// Puts these routes in force as they are now, or takes them away.
    fn set_routes(&mut self, names: &BTreeSet<String>) {
        if names.is_empty() {
            return;
        }
        let list: Vec<&String> = names.iter().collect();
        let now = parallel::map(&list, |name| self.route_now(name));
        let all_new = self.routes.is_empty();
        let (mut keys, mut users) = (BTreeSet::new(), BTreeSet::new());
        for (name, new) in list.into_iter().zip(now) {
            let old = self.routes.get(name.as_str());
            for route in old.into_iter().chain(&new).filter(|_| !all_new) {
                keys.extend(route.spec.keys.iter().cloned());
                users.extend(route.spec.users.iter().cloned());
            }
            match new {
                Some(route) => self.routes.insert_mut(route.name.clone(), route),
                None => drop(self.routes.remove_mut(name.as_str())),
            }
        }
        if all_new {
            self.bindings.bind_all(self.routes.values());
        }
        for key in keys {
            let routes = self.routes_naming("key", &key);
            self.bindings.bind_key(key, routes);
        }
        for user in users {
            let routes = self.routes_naming("user", &user);
            self.bindings.bind_user(user, routes);
        }
        self.bindings.set_paths(names, &self.routes);
    }

    /// The active routes that name a key or user.
    fn routes_naming(&self, kind: &str, name: &str) -> Vec<Arc<Route>> {
        let names = self.naming(kind, name, "route");
        let found = names
            .iter()
            .filter_map(|name| self.routes.get(name.as_str()));
        found.cloned().collect()
    }

    /// Lets these keys in as they are now, or no longer.
    fn set_keys(&mut self, names: &BTreeSet<String>) {
        let mut held = Vec::with_capacity(names.len());
        for name in names {
            let name: Arc<str> = name.as_str().into();
            let Some(key) = self.records.stored("key", &name) else {
                self.keys.remove(name);
                continue;
            };
            let old = self.keys.get(&name).map(Arc::as_ref);
            held.push((name.clone(), Arc::new(Held::new(name, key, old))));
        }
        self.keys.fill(held);
    }

    /// Over the built-in prices.
    #[cfg(test)]
    pub fn prices(&self) -> &Arc<Overlay> {
        &self.prices
    }

    /// What it was made from.
    #[cfg(test)]
    pub fn records(&self) -> &State {
        &self.records
    }

    /// A record as it was when the snapshot was made, for `explain`.
    pub fn record(&self, kind: &str, name: &str) -> Option<Arc<Record>> {
        self.records.get(kind, name)
    }

    /// The revision of the records it was made from.
    pub fn revision(&self) -> u64 {
        self.records.revision
    }

    /// The caller with this digest, whatever its state, if its secret is still good at `now`.
    pub fn caller(&self, digest: &[u8; 32], now: i64) -> Option<&Arc<Caller>> {
        let hex = hex_digits(digest);
        let (kind, name) = self.records.claimed(str::from_utf8(&hex).ok()?)?;
        let held = self.keys.get(name.as_str()).filter(|_| kind == "key")?;
        held.presented(&self.records, digest, now)
    }

    /// The caller with this key name, for `explain`.
    pub fn caller_named(&self, key: &str) -> Option<&Arc<Caller>> {
        self.keys.get(key)?.caller(&self.records)
    }

    /// Every caller, by key name, for `explain`.
    pub fn callers(&self) -> Vec<&Arc<Caller>> {
        let mut callers: Vec<_> = self
            .keys
            .iter()
            .filter_map(|(_, it)| it.caller(&self.records))
            .collect();
        callers.sort_by(|a, b| a.key.cmp(&b.key));
        callers
    }

    /// When each key was last used, in Unix milliseconds, 0 before it was: by key name, in no order.
    pub fn last_used(&self) -> impl Iterator<Item = (&str, &AtomicI64)> {
        let keys = self.keys.iter();
        keys.map(|(name, held)| (&**name, &*held.last_used))
    }

    /// When the key of this name was last used.
    pub fn used(&self, key: &str) -> Option<Stamp> {
        let at = self.keys.get(key)?.last_used.load(Ordering::Relaxed);
        Some(Stamp(at)).filter(|at| at.0 > 0)
    }

    /// The active routes a caller is bound to: through its key, then through its user; each by priority, then name.
    pub fn routes_of<'a>(&'a self, caller: &'a Caller) -> impl Iterator<Item = &'a Arc<Route>> {
        self.bindings.of(caller)
    }

    /// Active routes bound to a path, longest path first.
    pub fn paths(&self) -> &[Arc<Route>] {
        self.bindings.paths()
    }

    /// The active route of this name, as far as any key or path leads to it.
    pub fn route(&self, name: &str) -> Option<&Arc<Route>> {
        let route = self.routes.get(name)?;
        let leads = |caller: &Arc<Caller>| {
            let mut routes = self.routes_of(caller);
            routes.any(|found| found.name == route.name)
        };
        let of_users = route.spec.users.iter();
        let of_users = of_users.flat_map(|user| self.naming("user", user, "key"));
        let mut keys = route.spec.keys.iter().cloned().chain(of_users);
        let led_to = !route.spec.path.is_empty()
            || keys.any(|key| self.caller_named(&key).is_some_and(leads));
        led_to.then_some(route)
    }

    /// The active route of this name, whoever it serves.
    pub fn active(&self, name: &str) -> Option<&Arc<Route>> {
        self.routes.get(name)
    }

    /// Every active route, by name.
    pub fn active_routes(&self) -> Vec<&Arc<Route>> {
        let mut routes: Vec<_> = self.routes.values().collect();
        routes.sort_by(|a, b| a.name.cmp(&b.name));
        routes
    }

    /// The routes that are kept and not in force, by name, for `explain`.
    pub fn disabled_routes(&self) -> impl Iterator<Item = (String, resources::route::Route)> + '_ {
        let routes = self.records.names("route");
        routes.filter_map(|name| {
            let stored = self.records.stored("route", name)?;
            let spec = typed::<resources::route::Route>(name, stored)?.spec;
            (!spec.enabled).then(|| (name.to_owned(), spec))
        })
    }

    /// Whether there is an active route of this name, whoever it serves.
    pub fn has_route(&self, name: &str) -> bool {
        self.routes.contains_key(name)
    }

    /// The provider's index.
    pub fn provider(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// Whether callers send their own keys to it.
    pub fn takes_own_key(&self, provider: usize) -> bool {
        let found = self.providers.get(provider);
        found.is_some_and(|it| it.spec.credential == Credential::Passthrough)
    }

    /// The indexes of all providers, by name.
    pub fn provider_indexes(&self) -> impl Iterator<Item = usize> {
        self.by_name.values().copied()
    }

    /// The upstream id behind a name used in a target or a request.
    pub fn upstream_id<'a>(&self, provider: usize, name: &'a str) -> std::borrow::Cow<'a, str> {
        let entry = self.providers.get(provider);
        let id = entry.and_then(|entry| entry.alias(name));
        id.map_or(name.into(), |id| id.to_string().into())
    }

    /// What is known of a model: the user's record over the catalogue.
    pub fn facts(&self, provider: usize, upstream: &str) -> Facts {
        let entry = self.providers.get(provider);
        let own = entry.and_then(|entry| entry.record(upstream));
        let catalog = entry.map_or("", |entry| entry.catalog);
        self.prices.facts(own, catalog, upstream)
    }

    /// What callers mean by a model's name at a provider.
    pub fn meant(&self, provider: usize, name: &str) -> Arc<Meant> {
        let work_out = || {
            let model = naming::asked(self, provider, name);
            Meant {
                facts: self.facts(provider, &model),
                model: model.as_ref().into(),
            }
        };
        match self.providers.get(provider) {
            Some(entry) => entry.asked.meant(name, work_out),
            None => Arc::new(work_out()),
        }
    }

    /// What is known of a model that a vendor offers, by its id in the catalogue.
    pub fn offered(&self, catalog: &str, model: &str) -> Facts {
        self.prices.facts(None, catalog, model)
    }

    /// Whether a provider can be called by keys of this environment.
    pub fn serves_in(&self, provider: usize, environment: &str) -> bool {
        let found = self.providers.get(provider);
        found.is_some_and(|it| it.spec.enabled && it.active_in(environment))
    }

    /// Whether a provider is known to serve a model: a record of the user's, or the catalogue.
    pub fn serves(&self, provider: usize, upstream: &str) -> bool {
        let Some(entry) = self.providers.get(provider) else {
            return false;
        };
        let exposed = entry.spec.models.is_empty() || glob::any(&entry.spec.models, upstream);
        let known = entry.record(upstream).is_some() || self.prices.knows(entry.catalog, upstream);
        exposed && (known || entry.spec.models.iter().any(|model| model == upstream))
    }

    /// Upstream ids a provider is known to serve, for `GET /v1/models`.
    pub fn known_models(&self, provider: usize) -> Vec<String> {
        let Some(entry) = self.providers.get(provider) else {
            return Vec::new();
        };
        let own = entry.models.ids().map(|id| id.to_string());
        let listed = entry
            .spec
            .models
            .iter()
            .filter(|model| !model.contains('*'))
            .cloned();
        let catalogued = self.prices.ids(entry.catalog).map(str::to_owned);
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::plan::testing;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    /// Everything that planning can learn from a snapshot, with names for places.
    fn seen(snapshot: &Snapshot) -> Vec<String> {
        let mut seen = Vec::new();
        for caller in snapshot.callers() {
            let routes: Vec<String> = snapshot.routes_of(caller).map(|it| told(it)).collect();
            seen.push(format!(
                "{} of {} in {:?}: {} {:?} {routes:?}",
                caller.key, caller.user, caller.environment, caller.active, caller.direct
            ));
        }
        for key in 0..3 {
            for digest in [format!("k{key}"), format!("old{key}")] {
                let found = snapshot.caller(&testing::digest(&digest), 0);
                seen.push(format!("{digest}: {:?}", found.map(|it| it.key.clone())));
            }
        }
        seen.extend(snapshot.paths().iter().map(|route| told(route)));
        for place in snapshot.provider_indexes() {
            let provider = &snapshot.providers[place];
            assert_eq!(snapshot.provider(&provider.name), Some(place));
            let facts = ["m0", "m1", "up"].map(|model| snapshot.facts(place, model).enabled);
            let alias = snapshot.upstream_id(place, "m1").into_owned();
            let meant = ["m0", "m1", "p0/m1"].map(|name| {
                let meant = snapshot.meant(place, name);
                (meant.model.clone(), meant.facts.enabled)
            });
            let known = snapshot.known_models(place);
            seen.push(format!(
                "{} {:?} {facts:?} {alias} {meant:?} {known:?}",
                provider.name, provider.spec.enabled
            ));
        }
        seen
    }

    fn told(route: &Route) -> String {
        format!("{} {:?}", route.name, route.targets_for_tests())
    }

    /// One of many records; the numbers choose which.
    fn item(kind: usize, name: usize, choice: usize) -> Value {
        let (other, flag) = (choice % 3, choice.is_multiple_of(2));
        match kind {
            0 => json!({"kind": "user", "name": format!("u{name}"), "enabled": flag}),
            1 => {
                json!({"kind": "key", "name": format!("k{name}"), "user": format!("u{other}"), "enabled": choice != 1,
                "system": {"previous": [[testing::hex(&format!("old{name}")), 5]]}})
            }
            2 => {
                json!({"kind": "provider", "name": format!("p{name}"), "enabled": flag, "vendor": if choice == 4 { "gone" } else { "test" }})
            }
            3 => {
                json!({"kind": "model", "name": format!("m{name}"), "provider": format!("p{other}"),
                "upstream_id": if flag { "up" } else { "" }, "enabled": choice != 3})
            }
            _ => {
                json!({"kind": "route", "name": format!("r{name}"), "enabled": choice != 5, "priority": other,
                "keys": if flag { json!([format!("k{other}")]) } else { json!([]) },
                "users": if choice > 2 { json!([format!("u{name}")]) } else { json!([]) },
                "path": if choice < 4 { format!("/{}", "x".repeat(other + 1)) } else if flag { String::new() } else { "/z".into() },
                "targets": [{"provider": format!("p{other}"), "model": "m1"}, {"provider": "p0"}]})
            }
        }
    }

    proptest! {
        /// A snapshot that followed every change is the one that is made from the records as they are now.
        #[test]
        fn following_changes_comes_to_the_same_as_beginning_anew(
            steps in proptest::collection::vec(proptest::collection::vec((0usize..5, 0usize..3, 0usize..6, any::<bool>()), 1..4), 1..12)
        ) {
            let mut there: BTreeMap<At, Record> = BTreeMap::new();
            let mut followed = Snapshot::default();
            for (revision, step) in steps.into_iter().enumerate() {
                for (kind, name, choice, stays) in step {
                    let record = testing::records(json!([item(kind, name, choice)])).remove(0);
                    match stays {
                        true => drop(there.insert(record.at(), record)),
                        false => drop(there.remove(&record.at())),
                    }
                }
                let records: Vec<Record> = there.values().cloned().collect();
                followed = testing::after(&followed, revision as u64 + 1, records.clone());
                let fresh = testing::after(&Snapshot::default(), revision as u64 + 1, records);
                prop_assert_eq!(seen(&followed), seen(&fresh));
            }
        }
    }

    #[test]
    fn a_change_makes_anew_what_it_touches_and_no_more() {
        let items = |price: &str| {
            testing::records(json!([
                {"kind": "user", "name": "ann"}, {"kind": "key", "name": "k"}, {"kind": "provider", "name": "p"},
                {"kind": "model", "name": "p/a", "provider": "p", "price_input": price},
                {"kind": "model", "name": "p/b", "provider": "p"}, {"kind": "model", "name": "c", "provider": "p"},
                {"kind": "route", "name": "a", "keys": ["k"], "targets": [{"provider": "p", "model": "a"}]},
                {"kind": "route", "name": "b", "keys": ["k"], "targets": [{"provider": "p", "model": "b"}, {"provider": "p"}]},
            ]))
        };
        let before = testing::after(&Snapshot::default(), 1, items("1"));
        let after = testing::after(&before, 2, items("2"));
        let same = |name: &str| Arc::ptr_eq(&before.routes[name], &after.routes[name]);
        assert_eq!((same("a"), same("b")), (false, true));
        let caller = |snapshot: &Snapshot| snapshot.caller_named("k").unwrap().clone();
        assert!(Arc::ptr_eq(&caller(&before), &caller(&after)));
    }

    #[test]
    fn what_is_counted_for_a_key_goes_on_and_places_are_given_again() {
        let items = |provider: &str| {
            testing::records(
                json!([{"kind": "user", "name": "ann"}, {"kind": "key", "name": "k"}, {"kind": "provider", "name": "a"},
                {"kind": "provider", "name": provider}]),
            )
        };
        let before = testing::after(&Snapshot::default(), 1, items("b"));
        let running = before.caller_named("k").unwrap().running.clone();
        let after = testing::after(&before, 2, items("c"));
        assert!(Arc::ptr_eq(
            &running,
            &after.caller_named("k").unwrap().running
        ));
        assert_eq!(after.provider("a"), before.provider("a"));
        assert_eq!(after.provider("c"), before.provider("b"));
        assert_eq!((after.provider("b"), after.providers.len()), (None, 2));
    }
}
