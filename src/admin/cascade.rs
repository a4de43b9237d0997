//! Deleting a record together with what depends on it: keys go with their user, models with their provider;
//! routes are unbound, and go once they are bound to nothing or lead nowhere.

use super::{draft::Draft, refs};
use crate::error::Result;
use crate::resources::{Record, Spec};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Deletes and says what else was taken: `{kind, name, action: deleted|unbound}`.
pub fn delete(draft: &mut Draft<'_>, kind: &str, name: &str) -> Result<Vec<Value>> {
    draft.delete(kind, name)?;
    // One entry a record: a route first unbound and then deleted is listed as deleted.
    let mut taken: BTreeMap<(String, String), &str> = BTreeMap::new();
    let mut gone = BTreeSet::from([(kind.to_owned(), name.to_owned())]);
    // Round by round, one pass over everything each: users have many keys.
    while !gone.is_empty() {
        let hit = |record: &Record| {
            let to: Vec<(String, String)> = refs::of(record)
                .into_iter()
                .map(|(kind, name)| (kind.to_owned(), name))
                .filter(|to| gone.contains(to))
                .collect();
            (!to.is_empty()).then(|| ((record.kind.clone(), record.name.clone()), to))
        };
        let dependents: Vec<_> = draft.records.values().filter_map(hit).collect();
        gone.clear();
        for (at, to) in dependents {
            let unbound = match at.0.as_str() {
                "route" => to.iter().try_fold(
                    draft.get(&at.0, &at.1)?.spec.clone(),
                    |spec, (kind, name)| unbind(spec, kind, name),
                ),
                _ => None,
            };
            match unbound {
                Some(spec) => {
                    draft.edit(&at.0, &at.1, |old| *old = spec)?;
                    taken.insert(at, "unbound");
                }
                None => {
                    draft.delete(&at.0, &at.1)?;
                    taken.insert(at.clone(), "deleted");
                    gone.insert(at);
                }
            }
        }
    }
    Ok(taken
        .into_iter()
        .map(|((kind, name), action)| json!({"kind": kind, "name": name, "action": action}))
        .collect())
}

/// The route without what goes, or `None` where nothing useful would be left of it.
fn unbind(mut spec: Spec, kind: &str, name: &str) -> Option<Spec> {
    let list = match kind {
        "user" => "users",
        "key" => "keys",
        _ => "targets",
    };
    if let Some(Value::Array(items)) = spec.get_mut(list) {
        items.retain(|item| {
            item.as_str() != Some(name)
                && item.get("provider").and_then(Value::as_str) != Some(name)
        });
    }
    let empty = |field: &str| match spec.get(field) {
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::String(text)) => text.is_empty(),
        _ => true,
    };
    let unbound = empty("users") && empty("keys") && empty("path");
    match unbound || empty("targets") {
        true => None,
        false => Some(spec),
    }
}
