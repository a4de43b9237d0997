//! Small snapshots for tests, from records as users write them.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{Choice, Snapshot, health::TargetState, snapshot::VendorFacts};
use crate::chat::Op;
use crate::resources::{self, Record, Spec, Stamp};
use crate::store::records::State;
use serde_json::Value;

/// The digest under which a key of this name is found.
pub fn digest(name: &str) -> [u8; 32] {
    let mut digest = [0; 32];
    digest[..name.len()].copy_from_slice(name.as_bytes());
    digest
}

/// A digest as records hold it.
pub fn hex(name: &str) -> String {
    crate::store::token::hex(&digest(name))
}

/// Records from flat JSON, checked and normalised as the admin side does. Keys get [`digest`] of their name;
/// `system` is merged into what the server writes.
pub fn records(items: Value) -> Vec<Record> {
    let record = |item: &Value| {
        let mut spec: Spec = item.as_object().unwrap().clone();
        let text =
            |spec: &mut Spec, name: &str| spec.remove(name).unwrap().as_str().unwrap().to_owned();
        let (kind, name) = (text(&mut spec, "kind"), text(&mut spec, "name"));
        let mut system = Spec::new();
        match &*kind {
            "key" => {
                system =
                    serde_json::json!({"digest": hex(&name), "prefix": "sk-gw-", "last4": "abcd"})
                        .as_object()
                        .unwrap()
                        .clone();
                spec.entry("user").or_insert("ann".into());
            }
            "provider" => drop(spec.entry("vendor").or_insert("test".into())),
            _ => {}
        }
        system.extend(
            spec.remove("system")
                .and_then(|own| own.as_object().cloned())
                .unwrap_or_default(),
        );
        let spec = (resources::kind(&kind).unwrap().check)(spec).unwrap();
        Record {
            kind,
            name,
            version: 1,
            created: Stamp(0),
            updated: Stamp(0),
            spec,
            system,
        }
    };
    items.as_array().unwrap().iter().map(record).collect()
}

/// A snapshot of these records. Vendors: `test` serves chat and embeddings, `chat` chat only, `openai` is in
/// the price catalogue, `router` calls models by its own name, others do not exist.
pub fn snapshot(items: Value) -> Snapshot {
    after(&Snapshot::default(), 1, records(items))
}

/// The snapshot that follows another when the records have become these.
pub fn after(before: &Snapshot, revision: u64, records: Vec<Record>) -> Snapshot {
    let state = State::from_records(revision, records).unwrap();
    let touched = before.records().difference(&state).into_keys().collect();
    before.after(&state, &touched, before.prices(), vendor)
}

/// What vendors contribute in tests.
pub fn vendor(spec: &resources::provider::Provider) -> Option<VendorFacts> {
    let (ops, catalog, own_names): (_, _, &[&str]) = match spec.vendor.as_str() {
        "test" => (vec![Op::Chat, Op::Embeddings], "", &[]),
        "chat" => (vec![Op::Chat], "", &[]),
        "openai" => (vec![Op::Chat, Op::Embeddings], "openai", &[]),
        "router" => (vec![Op::Chat], "", &["openrouter/*"]),
        _ => return None,
    };
    Some(VendorFacts {
        ops,
        catalog,
        own_names,
    })
}

/// An attempt at a provider's model.
pub fn choice(snapshot: &Snapshot, provider: &str, model: &str) -> Choice {
    let provider = snapshot.provider(provider).unwrap();
    let known: std::sync::Arc<str> = model.into();
    Choice {
        state: TargetState::asked(&snapshot.providers[provider].health, &known),
        provider,
        model: known,
        facts: snapshot.facts(provider, model),
        tier: 0,
        weight: 1,
        place: 0,
    }
}
