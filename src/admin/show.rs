//! Records as people and scripts see them: the spec, and a `status` computed from everything else.

use super::{Desk, credentials, in_force::InForce, keys, limits, reprice, used::Used};
use crate::resources::{
    self, KindId, Record, Spec, Stamp,
    key::KeySystem,
    model::{Model, ModelSystem},
    provider::Provider,
    route::Route,
};
use crate::store::records::{Change, Entry, OWN_KIND};
use serde_json::{Value, json};
use std::cell::OnceCell;
use std::sync::Arc;

/// What statuses are computed from.
pub struct Show<'a> {
    desk: &'a Desk,
    state: &'a InForce,
    /// How providers are doing and what their vault is; asked for once a list, and only where it is shown.
    providers: OnceCell<(Value, String)>,
    /// What records of this kind used, where that is asked for.
    used: Option<Arc<Used>>,
}

impl<'a> Show<'a> {
    pub fn new(desk: &'a Desk, state: &'a InForce) -> Show<'a> {
        Show {
            desk,
            state,
            providers: OnceCell::new(),
            used: None,
        }
    }

    /// Also what each used.
    pub fn with(mut self, used: Option<Arc<Used>>) -> Show<'a> {
        self.used = used;
        self
    }

    pub fn record(&self, record: &Record) -> Value {
        let status = match resources::kind(&record.kind).map(|kind| kind.id) {
            Ok(KindId::User) => self.user(record),
            Ok(KindId::Key) => self.key(record),
            Ok(KindId::Provider) => self.provider(record),
            Ok(KindId::Model) => self.model(record),
            Ok(KindId::Route) => route(record),
            Err(_) => Value::Null,
        };
        let mut status = match status {
            Value::Object(map) => map,
            _ => Spec::new(),
        };
        if let Some(used) = &self.used {
            status.insert("usage".into(), used.show(&record.name));
        }
        record.show(status)
    }

    /// The records of a kind that name this one.
    fn naming(
        &self,
        record: &Record,
        kind: &'static str,
    ) -> impl Iterator<Item = &'a str> + use<'a> {
        let state: &'a InForce = self.state;
        state
            .records
            .referrers(&record.at())
            .filter(move |(by, _)| by == kind)
            .map(|(_, name)| name.as_str())
    }

    fn user(&self, record: &Record) -> Value {
        let keys: Vec<&str> = self.naming(record, "key").collect();
        let mut status = json!({"keys": keys.len()});
        if let Some(at) = keys.iter().filter_map(|key| self.last_used(key)).max() {
            status["last_used"] = at.rfc3339().into();
        }
        status
    }

    /// When a key was last let in. A time before it was made is that of an earlier key of its name.
    fn last_used(&self, key: &str) -> Option<Stamp> {
        let made = self.state.get("key", key).ok()?.created;
        (self.desk.deps.last_used)(key).filter(|at| *at >= made)
    }

    fn key(&self, record: &Record) -> Value {
        let system = KeySystem::of(record);
        let mut user = record.refs();
        let user = user.find_map(|at| self.state.records.at(&at));
        let mut status = json!({
            "state": keys::state(record, user.as_deref()), "prefix": system.prefix, "last4": system.last4,
            "routes": self.naming(record, "route").collect::<Vec<_>>(),
        });
        if let Some(at) = self.last_used(&record.name) {
            status["last_used"] = at.rfc3339().into();
        }
        if let Some(at) = system.revoked {
            status["revoked"] = at.rfc3339().into();
        }
        let now = Stamp::now();
        let previous: Vec<String> = system
            .previous
            .iter()
            .filter(|(_, until)| *until > now)
            .map(|(_, until)| until.rfc3339())
            .collect();
        if !previous.is_empty() {
            status["previous_until"] = previous.into();
        }
        status
    }

    fn provider(&self, record: &Record) -> Value {
        let (health, vault) = self.providers.get_or_init(|| {
            let status = (self.desk.deps.status)();
            let health = status.get("providers").cloned().unwrap_or_default();
            (health, self.desk.deps.vault.describe())
        });
        let spec = serde_json::from_value::<Provider>(Value::Object(record.spec.clone())).ok();
        let base_url = spec.and_then(|spec| {
            let vendor = crate::vendors::vendor(&spec.vendor).ok()?;
            crate::upstream::base_url(vendor, &spec).ok()
        });
        let now = self.state.credentials.get(&record.name);
        let mut status = json!({
            "credential": credentials::short(vault, record),
            "credential_detail": credentials::describe(vault, record, now),
            "base_url": base_url.unwrap_or_default(),
            "models": self.naming(record, "model").count(),
            "health": "unverified",
        });
        if let Some(Value::Object(health)) = health.get(&record.name) {
            for (from, to) in [
                ("health", "health"),
                ("reason", "health_reason"),
                ("credential_error", "credential_error"),
                ("credential_refused", "credential_refused"),
                ("injected", "injected"),
                ("checks", "checks"),
            ] {
                if let Some(said) = health.get(from) {
                    status[to] = said.clone();
                }
            }
        }
        if let Some(Err(why)) = now {
            status["credential_error"] = why.as_str().into();
        }
        status
    }

    fn model(&self, record: &Record) -> Value {
        let Ok(model) = serde_json::from_value::<Model>(Value::Object(record.spec.clone())) else {
            return Value::Null;
        };
        let upstream = model.upstream(&record.name);
        let provider = self.state.get("provider", &model.provider).ok();
        let vendor = provider
            .as_ref()
            .and_then(|provider| provider.spec.get("vendor"))
            .and_then(Value::as_str)
            .and_then(|id| crate::vendors::vendor(id).ok());
        let catalog = vendor.map_or("", |vendor| vendor.catalog);
        let mut status = self.state.prices.show(Some(&model), catalog, upstream);
        status.insert("state".into(), model.state(record).word().into());
        if let Some(since) = ModelSystem::of(record).gone {
            status.insert("gone".into(), since.rfc3339().into());
        }
        status.extend((self.desk.deps.model_uses)(&model.provider, upstream));
        Value::Object(status)
    }
}

/// Targets as they are written on the command line, and how many rules come before them.
fn route(record: &Record) -> Value {
    let route = serde_json::from_value::<Route>(Value::Object(record.spec.clone()));
    let Ok(route) = route else {
        return Value::Null;
    };
    let targets = route.targets.iter().map(ToString::to_string);
    let mut status = json!({"targets": targets.collect::<Vec<_>>()});
    if !route.rules.is_empty() {
        status["rules"] = route.rules.len().into();
    }
    status
}

/// One entry of the audit log: who changed which records, and how they looked after; never digests. `None` where it
/// is about nothing but records of gw's own.
pub fn entry(entry: &Entry) -> Option<Value> {
    let shown = |change: &Change| match change {
        Change::Put { record, .. } if let Some(said) = limits::correction(record) => {
            json!({"action": "reset limits", "kind": record.kind, "name": record.name, "version": record.version, "said": said})
        }
        Change::Put { record, .. } if record.kind == OWN_KIND => {
            json!({"action": "repriced", "what": record.spec})
        }
        Change::Put { expected, record } => {
            let action = if *expected == 0 { "created" } else { "changed" };
            json!({"action": action, "kind": record.kind, "name": record.name, "version": record.version, "spec": record.spec})
        }
        Change::Delete { kind, name, .. } => {
            json!({"action": "deleted", "kind": kind, "name": name})
        }
    };
    let changes: Vec<Value> = entry
        .changes
        .iter()
        .filter(|change| {
            let (kind, name) = change.at();
            kind != OWN_KIND || name == reprice::NOTED
        })
        .map(shown)
        .collect();
    (!changes.is_empty()).then(|| json!({
        "revision": entry.revision, "at": entry.at.rfc3339(), "who": entry.actor.who, "request": entry.actor.request,
        "changes": changes,
    }))
}
