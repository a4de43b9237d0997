//! Records as people and scripts see them: the spec, and a `status` computed from everything else.

use super::{Desk, credentials, desk::State, keys, refs};
use crate::catalog;
use crate::resources::{Record, Spec, model::Model, route::Route};
use crate::store::records::{Change, Entry};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What statuses are computed from, gathered once for a whole list.
pub struct Show<'a> {
    state: &'a State,
    /// How many keys each user has, and models each provider.
    count: BTreeMap<(&'static str, String), usize>,
    /// The routes each key is bound to.
    routes: BTreeMap<String, Vec<String>>,
    health: Value,
    vault: String,
}

impl<'a> Show<'a> {
    pub fn new(desk: &Desk, state: &'a State) -> Show<'a> {
        let mut count = BTreeMap::new();
        let mut routes: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for record in state.records.values() {
            match record.kind.as_str() {
                "key" | "model" => refs::of(record)
                    .into_iter()
                    .for_each(|to| *count.entry(to).or_default() += 1),
                "route" => {
                    for (_, key) in refs::of(record)
                        .into_iter()
                        .filter(|(kind, _)| *kind == "key")
                    {
                        routes.entry(key).or_default().push(record.name.clone());
                    }
                }
                _ => {}
            }
        }
        let health = (desk.deps.status)()
            .get("providers")
            .cloned()
            .unwrap_or_default();
        Show {
            state,
            count,
            routes,
            health,
            vault: desk.deps.vault.describe(),
        }
    }

    pub fn record(&self, record: &Record) -> Value {
        let status = match record.kind.as_str() {
            "user" => json!({"keys": self.counted("user", &record.name)}),
            "key" => self.key(record),
            "provider" => self.provider(record),
            "model" => self.model(record),
            "route" => json!({"targets": targets(record)}),
            _ => Value::Null,
        };
        record.show(match status {
            Value::Object(map) => map,
            _ => Spec::new(),
        })
    }

    fn counted(&self, kind: &'static str, name: &str) -> usize {
        self.count
            .get(&(kind, name.to_owned()))
            .copied()
            .unwrap_or(0)
    }

    fn key(&self, record: &Record) -> Value {
        let system = keys::system(record);
        let mut status = json!({
            "state": keys::state(record), "prefix": system.prefix, "last4": system.last4,
            "routes": self.routes.get(&record.name).cloned().unwrap_or_default(),
        });
        if let Some(at) = system.revoked {
            status["revoked"] = at.rfc3339().into();
        }
        if let Some((_, until)) = system.previous {
            status["previous_until"] = until.rfc3339().into();
        }
        status
    }

    fn provider(&self, record: &Record) -> Value {
        let text = |field: &str| {
            record
                .spec
                .get(field)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let own = crate::vendors::vendor(text("vendor"))
            .map(|vendor| vendor.base_url)
            .unwrap_or_default();
        let base_url = if text("base_url").is_empty() {
            own
        } else {
            text("base_url")
        };
        let now = self.state.credentials.get(&record.name);
        let mut status = json!({
            "credential": credentials::short(&self.vault, record),
            "credential_detail": credentials::describe(&self.vault, record, now),
            "base_url": base_url,
            "models": self.counted("provider", &record.name),
            "health": "unverified",
        });
        if let Some(Value::Object(health)) = self.health.get(&record.name) {
            for (from, to) in [("health", "health"), ("reason", "health_reason")] {
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
            .and_then(|provider| provider.spec.get("vendor"))
            .and_then(Value::as_str)
            .and_then(|id| crate::vendors::vendor(id).ok());
        let known = vendor
            .filter(|vendor| !vendor.catalog.is_empty())
            .and_then(|vendor| catalog::find(vendor.catalog, upstream));
        Value::Object(catalog::facts(Some(&model), known.as_ref()).show(upstream))
    }
}

/// Targets as they are written on the command line.
fn targets(record: &Record) -> Vec<String> {
    let route = serde_json::from_value::<Route>(Value::Object(record.spec.clone()));
    route
        .map(|route| route.targets.iter().map(ToString::to_string).collect())
        .unwrap_or_default()
}

/// One entry of the audit log: who changed which records, and how they looked after; never digests.
pub fn entry(entry: &Entry) -> Value {
    let change = |change: &Change| match change {
        Change::Put { expected, record } => {
            let action = if *expected == 0 { "created" } else { "changed" };
            json!({"action": action, "kind": record.kind, "name": record.name, "version": record.version, "spec": record.spec})
        }
        Change::Delete { kind, name, .. } => {
            json!({"action": "deleted", "kind": kind, "name": name})
        }
    };
    json!({
        "revision": entry.revision, "at": entry.at.rfc3339(), "who": entry.actor.who, "request": entry.actor.request,
        "changes": entry.changes.iter().map(change).collect::<Vec<_>>(),
    })
}
