//! Models that have no record, in the form of one: what lists show beside the user's records.

use super::{Known, all, show};
use crate::resources::model::State;
use serde_json::{Value, json};

/// A model of the catalogue as the record of it would be shown, at a provider or a vendor.
pub fn listed(known: &Known, of: &str, state: State) -> Value {
    let mut status = show(None, Some(known), known.id);
    status.insert("state".into(), state.word().into());
    json!({"name": format!("{of}/{}", known.id), "provider": of, "enabled": state.enabled(), "status": status})
}

/// Everything the catalogue (`catalog`) knows of a vendor; nothing of it can be called before there is a provider.
pub fn offered(vendor: &str, catalog: &str) -> Vec<Value> {
    all(catalog)
        .into_iter()
        .map(|known| listed(known, vendor, State::Offered))
        .collect()
}
