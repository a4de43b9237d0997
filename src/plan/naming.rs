//! What a name of a model means at one provider. A name is literal first: `PROVIDER/` is taken off only where the
//! whole is not a model of the provider, since some are called so (`openrouter/auto`, `groq/compound`).

use super::{Provider, Snapshot};
use crate::{catalog, resources::glob::own_name};
use std::borrow::Cow;

/// The id upstream of what callers ask this provider for, with or without `PROVIDER/` before it.
pub fn asked<'a>(snapshot: &Snapshot, provider: usize, name: &'a str) -> Cow<'a, str> {
    let entry = snapshot.providers.get(provider);
    let rest = entry.and_then(|entry| Some((entry, without(&entry.name, name)?)));
    match rest {
        Some((entry, rest)) if !whole(entry, name, rest) => snapshot.upstream_id(provider, rest),
        _ => snapshot.upstream_id(provider, name),
    }
}

/// The id upstream of a target's model, which is written behind `PROVIDER/`.
pub fn target<'a>(snapshot: &Snapshot, provider: usize, model: &'a str) -> Cow<'a, str> {
    let own = snapshot
        .providers
        .get(provider)
        .filter(|entry| !listed(entry, model))
        .map(|entry| (entry, format!("{}/{model}", entry.name)))
        .filter(|(entry, name)| whole(entry, name, model));
    match own {
        Some((_, name)) => snapshot.upstream_id(provider, &name).into_owned().into(),
        None => snapshot.upstream_id(provider, model),
    }
}

/// The name without `PROVIDER/`.
fn without<'a>(provider: &str, name: &'a str) -> Option<&'a str> {
    name.strip_prefix(provider)?.strip_prefix('/')
}

/// Whether the whole name is a model of the provider: the user says so, or the vendor's row or the catalogue do and
/// nobody knows a model of the shorter name.
fn whole(entry: &Provider, name: &str, rest: &str) -> bool {
    let known = |model| listed(entry, model) || catalog::has(entry.catalog, model);
    listed(entry, name)
        || (!known(rest) && (own_name(entry.own_names, name) || catalog::has(entry.catalog, name)))
}

/// Whether the user's records name it.
fn listed(entry: &Provider, model: &str) -> bool {
    entry.has_record(model) || entry.spec.models.iter().any(|exposed| exposed == model)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::plan::testing;
    use serde_json::json;

    #[test]
    fn a_name_is_literal_first() {
        let snapshot = testing::snapshot(json!([
            {"kind": "provider", "name": "openrouter", "vendor": "router"},
            {"kind": "provider", "name": "other", "vendor": "router"},
            {"kind": "provider", "name": "groq", "models": ["groq/compound", "llama-*"]},
            {"kind": "provider", "name": "plain"},
            {"kind": "model", "name": "plain/plain/m", "provider": "plain"},
            {"kind": "model", "name": "plain/short", "provider": "plain"},
            {"kind": "provider", "name": "openai", "vendor": "openai"},
        ]));
        let at = |name: &str| snapshot.provider(name).unwrap();
        for (provider, name, id) in [
            // The vendor's row.
            ("openrouter", "openrouter/auto", "openrouter/auto"),
            (
                "openrouter",
                "openrouter/openrouter/auto",
                "openrouter/auto",
            ),
            ("openrouter", "openrouter/a/b", "a/b"),
            ("openrouter", "a/b", "a/b"),
            // The exposed list.
            ("groq", "groq/compound", "groq/compound"),
            ("groq", "groq/llama-3", "llama-3"),
            // A record.
            ("plain", "plain/m", "plain/m"),
            ("plain", "plain/short", "short"),
            ("plain", "plain/unknown", "unknown"),
            // The catalogue.
            ("openai", "openai/gpt-4o", "gpt-4o"),
            ("openai", "gpt-4o", "gpt-4o"),
        ] {
            assert_eq!(
                asked(&snapshot, at(provider), name),
                id,
                "{provider}: {name}"
            );
        }
        for (provider, model, id) in [
            ("openrouter", "auto", "openrouter/auto"),
            ("openrouter", "openrouter/auto", "openrouter/auto"),
            ("openrouter", "a/b", "a/b"),
            ("groq", "compound", "groq/compound"),
            ("groq", "llama-3", "llama-3"),
            ("plain", "m", "plain/m"),
            ("plain", "short", "short"),
            ("openai", "gpt-4o", "gpt-4o"),
        ] {
            assert_eq!(
                target(&snapshot, at(provider), model),
                id,
                "{provider}: {model}"
            );
        }
        // A provider that is called otherwise has the same models, and its own name is none of theirs.
        assert_eq!(asked(&snapshot, at("other"), "other/auto"), "auto");
        assert_eq!(
            asked(&snapshot, at("other"), "openrouter/auto"),
            "openrouter/auto"
        );
        assert_eq!(
            asked(&snapshot, at("other"), "other/openrouter/auto"),
            "openrouter/auto"
        );
    }
}
