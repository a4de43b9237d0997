//! Models that have no record, in the form of one: what lists show beside the user's records.

use super::{Known, Overlay, find, has};
use crate::resources::model::State;
use serde_json::{Value, json};

/// A model of a vendor (`catalog`, its id in the catalogue) as the record of it would be shown, at a provider or the vendor.
pub fn listed(id: &str, catalog: &str, prices: &Overlay, of: &str, state: State) -> Value {
    let mut status = prices.show(None, catalog, id);
    status.insert("state".into(), state.word().into());
    json!({"name": format!("{of}/{id}"), "provider": of, "enabled": state.enabled(), "status": status})
}

/// Everything that is known of a vendor; nothing of it can be called before there is a provider.
pub fn offered(vendor: &str, catalog: &str, prices: &Overlay) -> Vec<Value> {
    let ids = prices.ids(catalog);
    ids.map(|id| listed(id, catalog, prices, vendor, State::Offered))
        .collect()
}

/// Who of these vendors (their ids, here and in the catalogue) offers a model, called by its id or `VENDOR/ID`: the first
/// whose own row has that very name, else the first that has it by another.
pub fn offering<'a>(
    vendors: impl Iterator<Item = (&'a str, &'a str)> + Clone,
    name: &str,
) -> Option<(&'a str, &'a str, &'static Known)> {
    let named = name.split_once('/');
    let mut of_named = vendors.clone();
    let place =
        named.and_then(|(first, id)| Some((of_named.find(|(vendor, _)| *vendor == first)?, id)));
    if let Some(((vendor, catalog), id)) = place
        && let Some(known) = find(catalog, id)
    {
        return Some((vendor, catalog, known));
    }
    let lower = name.to_lowercase();
    let exact = vendors.clone().find(|(_, catalog)| has(catalog, &lower));
    let (vendor, catalog) = exact.or_else(|| {
        vendors
            .clone()
            .find(|(_, catalog)| find(catalog, name).is_some())
    })?;
    Some((vendor, catalog, find(catalog, name)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_offers_a_model_is_found_by_either_name() {
        let vendors = [
            ("openai", "openai"),
            ("anthropic", "anthropic"),
            ("azure", "azure"),
            ("mock", ""),
        ];
        let found = |name: &str| {
            offering(vendors.into_iter(), name).map(|(vendor, _, known)| (vendor, known.id))
        };
        for (name, want) in [
            (
                "claude-sonnet-4-5",
                Some(("anthropic", "claude-sonnet-4-5")),
            ),
            (
                "anthropic/claude-sonnet-4-5-20250929",
                Some(("anthropic", "claude-sonnet-4-5")),
            ),
            ("openai/gpt-4o", Some(("openai", "gpt-4o"))),
            ("mock/gpt-4o", None),
            ("nobodys", None),
        ] {
            assert_eq!(found(name), want, "{name}");
        }
    }
}
