//! Deleting a record together with what depends on it: keys go with their user, models with their provider;
//! routes are unbound, and go where nothing useful or only something wider would be left of them.

use super::draft::Draft;
use crate::error::Result;
use crate::resources::{KindId, Spec, kind};
use crate::store::records::At;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Deletes and says what else was taken: `{kind, name, action: deleted|unbound}`.
pub fn delete(draft: &mut Draft<'_>, kind: &str, name: &str) -> Result<Vec<Value>> {
    draft.delete(kind, name)?;
    // One entry a record: a route first unbound and then deleted is listed as deleted.
    let mut taken: BTreeMap<At, &str> = BTreeMap::new();
    let mut gone = vec![(kind.to_owned(), name.to_owned())];
    while let Some(to) = gone.pop() {
        let dependents: BTreeSet<At> = draft.records.referrers(&to).cloned().collect();
        for at in dependents {
            let record = draft.get(&at.0, &at.1)?;
            match without(&record.kind, &record.spec, &to)? {
                Some(spec) => {
                    draft.set(&at, spec, record.system.clone());
                    taken.insert(at, "unbound");
                }
                None => {
                    draft.delete(&at.0, &at.1)?;
                    taken.insert(at.clone(), "deleted");
                    gone.push(at);
                }
            }
        }
    }
    Ok(taken
        .into_iter()
        .map(|((kind, name), action)| json!({"kind": kind, "name": name, "action": action}))
        .collect())
}

/// What is left of a record without what it names, or `None` where it goes too.
fn without(word: &str, spec: &Spec, gone: &At) -> Result<Option<Spec>> {
    Ok(match kind(word)?.id {
        // A user names nothing; keys and models are nothing without what they belong to.
        KindId::User | KindId::Key | KindId::Provider | KindId::Model => None,
        KindId::Route => unbind(spec.clone(), kind(&gone.0)?.id, &gone.1),
    })
}

/// The route without what goes. A list of keys or users that becomes empty would let in everybody it kept out, and
/// targets that are all of weight 0 lead nowhere: then the route goes too.
fn unbind(mut spec: Spec, id: KindId, name: &str) -> Option<Spec> {
    let list = match id {
        KindId::User => "users",
        KindId::Key => "keys",
        KindId::Provider => return without_provider(spec, name),
        // No route names one.
        KindId::Model | KindId::Route => return Some(spec),
    };
    let Some(Value::Array(items)) = spec.get_mut(list) else {
        return Some(spec);
    };
    items.retain(|item| item.as_str() != Some(name));
    (!items.is_empty()).then_some(spec)
}

/// The route without a provider: its targets, what is let through to it, and rules that lead nowhere else.
fn without_provider(mut spec: Spec, name: &str) -> Option<Spec> {
    let named = |item: &Value| item.get("provider").and_then(Value::as_str) == Some(name);
    let worth = |item: &Value| item.get("weight").and_then(Value::as_u64) != Some(0);
    // Whether it lost one, and leads nowhere now.
    let lost = |targets: Option<&mut Value>| {
        let Some(Value::Array(targets)) = targets else {
            return false;
        };
        let before = targets.len();
        targets.retain(|item| !named(item));
        targets.len() < before && !targets.iter().any(worth)
    };
    let nowhere = lost(spec.get_mut("targets"));
    let (mut rules, mut gone) = (0, 0);
    if let Some(Value::Array(items)) = spec.get_mut("rules") {
        rules = items.len();
        items.retain_mut(|rule| !lost(rule.get_mut("targets")));
        gone = rules - items.len();
    }
    if let Some(Value::Array(through)) = spec.get_mut("passthrough") {
        through.retain(|item| item.as_str() != Some(name));
        if through.is_empty() {
            for field in ["passthrough", "passthrough_methods", "passthrough_paths"] {
                spec.shift_remove(field);
            }
        }
    }
    let own = spec.get("targets").and_then(Value::as_array);
    let only_rules = own.is_none_or(Vec::is_empty);
    let lost = nowhere || (only_rules && gone == rules);
    (!lost).then_some(spec)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_route_loses_what_a_provider_was_to_it_and_goes_where_nothing_useful_is_left() {
        let a = json!({"provider": "a"});
        let b = json!({"provider": "b", "model": "m"});
        let kept = json!({"provider": "b", "weight": 0});
        let rule = |targets: Value| json!({"when": "stream", "targets": targets});
        for (route, left) in [
            (json!({"targets": [a, b]}), Some(json!({"targets": [b]}))),
            (json!({"targets": [a]}), None),
            (json!({"targets": [a, kept]}), None),
            (
                json!({"targets": [b], "rules": [rule(json!([a])), rule(json!([a, b]))]}),
                Some(json!({"targets": [b], "rules": [rule(json!([b]))]})),
            ),
            // Its own targets were for all that no rule is for.
            (json!({"targets": [a], "rules": [rule(json!([b]))]}), None),
            (
                json!({"rules": [rule(json!([a])), rule(json!([b]))]}),
                Some(json!({"rules": [rule(json!([b]))]})),
            ),
            (json!({"rules": [rule(json!([a]))]}), None),
            (
                json!({"targets": [b], "passthrough": ["a", "b"], "passthrough_paths": ["/"]}),
                Some(json!({"targets": [b], "passthrough": ["b"], "passthrough_paths": ["/"]})),
            ),
            (
                json!({"targets": [b], "passthrough": ["a"], "passthrough_methods": ["GET"], "passthrough_paths": ["/"]}),
                Some(json!({"targets": [b]})),
            ),
        ] {
            let spec = route.as_object().unwrap().clone();
            let found = unbind(spec, KindId::Provider, "a").map(Value::Object);
            assert_eq!(found, left, "{route}");
        }
    }
}
