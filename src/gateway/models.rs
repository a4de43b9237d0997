//! `GET /v1/models`: what this key may call, with context windows, in the shape its client expects.
//! <https://platform.openai.com/docs/api-reference/models/list>, <https://docs.anthropic.com/en/api/models-list>

use super::Serving;
use crate::plan::{Caller, Facts, direct};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The list. Behind a route the names are its targets' (any name works there: `model` is a hint);
/// without one, what the key's `direct` globs allow.
pub fn list(serving: &Serving, caller: &Caller, anthropic: bool) -> Value {
    let snapshot = &serving.snapshot;
    let mut found: BTreeMap<String, (String, Facts)> = BTreeMap::new();
    let mut add = |name: String, provider: usize, upstream: &str| {
        let facts = snapshot.facts(provider, upstream);
        let entry = &snapshot.providers[provider];
        if facts.enabled && entry.spec.enabled && entry.active_in(&caller.environment) {
            found.insert(name, (entry.name.to_string(), facts));
        }
    };
    let open_paths = snapshot.paths.iter().filter(|route| route.admits(caller));
    for target in snapshot
        .routes_of(caller)
        .chain(open_paths)
        .flat_map(|route| &route.targets)
    {
        let Some(provider) = snapshot.provider(&target.provider_name) else {
            continue;
        };
        match &target.model {
            Some(model) => add(model.to_string(), provider, model),
            None => snapshot
                .known_models(provider)
                .into_iter()
                .for_each(|model| add(model.clone(), provider, &model)),
        }
    }
    if !caller.direct.is_empty() {
        for provider in snapshot.provider_indexes() {
            for model in snapshot.known_models(provider) {
                let name = format!("{}/{model}", snapshot.providers[provider].name);
                if direct::allows(snapshot, caller, provider, &model) {
                    add(name, provider, &model);
                }
            }
        }
    }
    match anthropic {
        true => {
            let data: Vec<Value> = found.iter().map(|(name, (_, facts))| json!({"type": "model", "id": name, "display_name": name, "created_at": "1970-01-01T00:00:00Z", "max_input_tokens": facts.context_window, "max_tokens": facts.max_output})).collect();
            json!({"data": data, "has_more": false, "first_id": found.keys().next(), "last_id": found.keys().next_back()})
        }
        false => {
            let data: Vec<Value> = found.iter().map(|(name, (owner, facts))| json!({"id": name, "object": "model", "created": 0, "owned_by": owner, "context_window": facts.context_window, "max_output_tokens": facts.max_output})).collect();
            json!({"object": "list", "data": data})
        }
    }
}
