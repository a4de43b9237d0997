//! Deleting a record together with what depends on it: keys go with their user, models with their provider;
//! routes are unbound, and go once they are bound to nothing or lead nowhere.

use super::{draft::Draft, refs};
use crate::error::Result;
use crate::resources::Spec;
use serde_json::{Value, json};

/// Deletes and says what else was taken: `{kind, name, action: deleted|unbound}`.
pub fn delete(draft: &mut Draft<'_>, kind: &str, name: &str) -> Result<Vec<Value>> {
    let mut taken = Vec::new();
    take(draft, kind, name, &mut taken)?;
    Ok(taken)
}

fn take(draft: &mut Draft<'_>, kind: &str, name: &str, taken: &mut Vec<Value>) -> Result<()> {
    draft.delete(kind, name)?;
    let dependents: Vec<(String, String)> = refs::referrers(&draft.records, kind, name).map(|record| (record.kind.clone(), record.name.clone())).collect();
    for (by, called) in dependents {
        let unbound = match by.as_str() {
            "route" => unbind(draft.get(&by, &called)?.spec.clone(), kind, name),
            _ => None,
        };
        match unbound {
            Some(spec) => {
                draft.edit(&by, &called, |old| *old = spec)?;
                note(taken, &by, &called, "unbound");
            }
            None => {
                note(taken, &by, &called, "deleted");
                take(draft, &by, &called, taken)?;
            }
        }
    }
    Ok(())
}

/// One entry a record: a route first unbound and then deleted is listed as deleted.
fn note(taken: &mut Vec<Value>, kind: &str, name: &str, action: &str) {
    taken.retain(|one| one["kind"] != kind || one["name"] != name);
    taken.push(json!({"kind": kind, "name": name, "action": action}));
}

/// The route without what goes, or `None` where nothing useful would be left of it.
fn unbind(mut spec: Spec, kind: &str, name: &str) -> Option<Spec> {
    let list = match kind {
        "user" => "users",
        "key" => "keys",
        _ => "targets",
    };
    if let Some(Value::Array(items)) = spec.get_mut(list) {
        items.retain(|item| item.as_str() != Some(name) && item.get("provider").and_then(Value::as_str) != Some(name));
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
