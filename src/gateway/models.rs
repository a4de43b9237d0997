//! `GET /v1/models` and `GET /v1/models/{id}`: what this key may call, with context windows, in the shape its client
//! expects. <https://platform.openai.com/docs/api-reference/models>, <https://docs.anthropic.com/en/api/models-list>

use super::Serving;
use crate::error::{Error, Result};
use crate::formats::entry;
use crate::plan::{Caller, Facts, direct};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// By name: the provider, the id there, and what is known of it.
type Found = BTreeMap<String, (String, String, Facts)>;

/// What a path asks for: the list (empty), or one model by its id as it stands in the path.
pub fn id(path: &str) -> Option<&str> {
    match path
        .strip_prefix("/v1")
        .unwrap_or(path)
        .strip_prefix("/models")?
    {
        "" => Some(""),
        rest => rest.strip_prefix('/').filter(|id| !id.is_empty()),
    }
}

/// The answer to a path that [`id`] knows.
pub fn asked(serving: &Serving, caller: &Caller, path: &str, anthropic: bool) -> Result<Value> {
    match id(path) {
        Some(id) if !id.is_empty() => {
            let id = entry::decoded(id);
            one(serving, caller, &id, anthropic).ok_or_else(|| {
                let shown = id.escape_debug();
                Error::not_found(format!("this key may call no model `{shown}`"))
                    .param("model")
                    .hint("list what this key may call with GET /v1/models")
            })
        }
        _ => Ok(list(serving, caller, anthropic)),
    }
}

/// The list.
fn list(serving: &Serving, caller: &Caller, anthropic: bool) -> Value {
    let found = found(serving, caller);
    let (first, last) = (found.keys().next(), found.keys().next_back());
    let data: Vec<Value> = found
        .iter()
        .map(|(name, (owner, _, facts))| shown(name, owner, facts, anthropic))
        .collect();
    match anthropic {
        true => json!({"data": data, "has_more": false, "first_id": first, "last_id": last}),
        false => json!({"object": "list", "data": data}),
    }
}

/// One of them, by a name of the list, or by the id that one provider alone knows it by; `None`: there is none.
fn one(serving: &Serving, caller: &Caller, id: &str, anthropic: bool) -> Option<Value> {
    let found = found(serving, caller);
    let (owner, _, facts) = found.get(id).or_else(|| {
        let mut named = found.values().filter(|(_, upstream, _)| upstream == id);
        named.next().filter(|_| named.next().is_none())
    })?;
    Some(shown(id, owner, facts, anthropic))
}

fn shown(name: &str, owner: &str, facts: &Facts, anthropic: bool) -> Value {
    let (window, most) = (facts.context_window, facts.max_output);
    match anthropic {
        true => {
            json!({"type": "model", "id": name, "display_name": name, "created_at": "1970-01-01T00:00:00Z", "max_input_tokens": window, "max_tokens": most})
        }
        false => {
            json!({"id": name, "object": "model", "created": 0, "owned_by": owner, "context_window": window, "max_output_tokens": most})
        }
    }
}

/// Behind a route the names are its targets' (any name works there: `model` is a hint); without one, what the key's
/// `direct` globs allow.
fn found(serving: &Serving, caller: &Caller) -> Found {
    let snapshot = &serving.snapshot;
    let mut found = Found::new();
    let mut add = |name: String, provider: usize, upstream: &str| {
        let facts = snapshot.facts(provider, upstream);
        let entry = &snapshot.providers[provider];
        if facts.enabled && entry.spec.enabled && entry.active_in(&caller.environment) {
            found.insert(name, (entry.name.to_string(), upstream.to_owned(), facts));
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
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_out_of_paths() {
        for (path, found) in [
            ("/v1/models", Some("")),
            ("/models", Some("")),
            ("/v1/models/", None),
            ("/v1/modelsx", None),
            ("/v1/models/a/b", Some("a/b")),
            ("/models/a", Some("a")),
        ] {
            assert_eq!(id(path), found, "{path}");
        }
    }
}
