//! Keys that `-f` and `--dev` bring into being at a start: which of them gw makes a secret for, and those secrets.

use crate::store::secret::Secret;
use serde_json::Value;
use std::collections::BTreeSet;

/// A key whose secret is known: gw made it, or it was brought along.
#[derive(Clone)]
pub struct NewKey {
    pub name: String,
    pub secret: Secret,
}

/// What a start knows of its keys.
#[derive(Default)]
pub struct Keys {
    /// Made just now; nobody else knows these secrets.
    pub made: Vec<NewKey>,
    /// For `serve … -- CMD`: the first in the order of the files.
    pub first: Option<NewKey>,
}

/// The names of the keys that applying `seed` makes secrets for; `there` are the names of those that exist.
pub fn to_make(seed: &[Value], there: &BTreeSet<String>) -> Vec<String> {
    seed.iter()
        .filter(|item| item["kind"] == "key" && item["secret"].is_null())
        .filter_map(|item| item["name"].as_str())
        .filter(|name| !there.contains(*name))
        .map(str::to_owned)
        .collect()
}

/// The key whose secret the command gets: the first whose secret will be known.
pub fn first(seed: &[Value], there: &BTreeSet<String>) -> Option<String> {
    seed.iter()
        .filter(|item| item["kind"] == "key")
        .find(|item| {
            !item["secret"].is_null()
                || item["name"]
                    .as_str()
                    .is_some_and(|name| !there.contains(name))
        })
        .and_then(|item| item["name"].as_str())
        .map(str::to_owned)
}

/// The keys that bring their secret along.
pub fn given(seed: &[Value]) -> Vec<NewKey> {
    seed.iter()
        .filter(|item| item["kind"] == "key")
        .filter_map(|item| {
            Some(NewKey {
                name: item["name"].as_str()?.to_owned(),
                secret: Secret::new(item["secret"].as_str()?.to_owned()),
            })
        })
        .collect()
}

/// Reads the secrets out of what was applied and of the answer to it.
pub fn gather(given: &[NewKey], answer: &Value) -> Keys {
    let items = answer["items"].as_array().map_or(&[][..], Vec::as_slice);
    let mut keys = Keys::default();
    for item in items.iter().filter(|item| item["kind"] == "key") {
        let Some(name) = item["name"].as_str() else {
            continue;
        };
        let key = item["secret"].as_str().map(|made| NewKey {
            name: name.to_owned(),
            secret: Secret::new(made.to_owned()),
        });
        keys.made.extend(key.clone());
        let known = key.or_else(|| given.iter().find(|key| key.name == name).cloned());
        keys.first = keys.first.or(known);
    }
    keys
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn only_new_keys_without_a_secret_get_one() {
        let seed = [
            json!({"kind": "user", "name": "u"}),
            json!({"kind": "key", "name": "there", "user": "u"}),
            json!({"kind": "key", "name": "brought", "user": "u", "secret": "sk-x"}),
            json!({"kind": "key", "name": "new", "user": "u"}),
        ];
        let there = BTreeSet::from(["there".to_owned()]);
        assert_eq!(to_make(&seed, &there), ["new"]);
        assert_eq!(first(&seed, &there).as_deref(), Some("brought"));
        assert_eq!(first(&seed, &BTreeSet::new()).as_deref(), Some("there"));
    }

    #[test]
    fn the_command_gets_the_first_key_that_has_a_secret() {
        let given = [NewKey {
            name: "b".into(),
            secret: Secret::new("sk-b".into()),
        }];
        let answer = json!({"items": [
            {"kind": "user", "name": "u"},
            {"kind": "key", "name": "old", "result": "unchanged"},
            {"kind": "key", "name": "b", "result": "created"},
            {"kind": "key", "name": "c", "result": "created", "secret": "sk-c"},
        ]});
        let keys = gather(&given, &answer);
        assert_eq!(keys.first.unwrap().secret.expose(), "sk-b");
        let made: Vec<_> = keys
            .made
            .iter()
            .map(|key| (key.name.as_str(), key.secret.expose()))
            .collect();
        assert_eq!(made, [("c", "sk-c")]);
    }
}
