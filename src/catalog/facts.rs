//! What is known of one model at one provider: the user's record over the built-in catalogue. The one look-up
//! for planning, showing and searching.

use super::{Known, Prices};
use crate::chat::Bucket;
use crate::resources::model::{Capabilities, Model};
use crate::resources::price::{Price, quoted};
use serde_json::{Map, Value, json};
use std::sync::{Arc, LazyLock};

/// What is known of one model at one provider.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    pub enabled: bool,
    pub context_window: Option<u64>,
    pub max_output: Option<u64>,
    pub prices: Arc<Prices>,
    /// Where the prices come from.
    pub priced: Priced,
    /// What it can do, as the record says; `None`: it says nothing, so nothing is ruled out by it.
    pub can: Option<Capabilities>,
    /// What it surely cannot do by the catalogue, where the record says nothing.
    pub cannot: Capabilities,
}

/// Where prices come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priced {
    Record,
    /// Newer prices than the catalogue's that somebody brought.
    Synced,
    Catalog,
    Not,
}

impl Priced {
    /// As scripts read it.
    pub fn word(self) -> &'static str {
        match self {
            Priced::Record => "record",
            Priced::Synced => "synced",
            Priced::Catalog => "catalog",
            Priced::Not => "unpriced",
        }
    }
}

static NO_PRICES: LazyLock<Arc<Prices>> = LazyLock::new(Arc::default);

/// The record of a model over what the catalogue knows of it, as far as there is either.
pub fn facts(own: Option<&Model>, known: Option<&Known>) -> Facts {
    facts_over(own, known, None)
}

/// The same with newer prices than the catalogue's, where there are any.
pub(super) fn facts_over(
    own: Option<&Model>,
    known: Option<&Known>,
    newer: Option<&Arc<Prices>>,
) -> Facts {
    let mut facts = Facts {
        enabled: true,
        context_window: known.and_then(|known| known.context_window),
        max_output: known.and_then(|known| known.max_output),
        prices: newer
            .or_else(|| known.map(Known::prices))
            .unwrap_or(&NO_PRICES)
            .clone(),
        priced: match (newer, known) {
            (Some(_), _) => Priced::Synced,
            (None, Some(known)) if !known.prices().list().is_empty() => Priced::Catalog,
            (None, _) => Priced::Not,
        },
        can: None,
        cannot: Capabilities::default(),
    };
    let Some(own) = own else { return facts };
    facts.enabled = own.enabled;
    facts.context_window = own.context_window.or(facts.context_window);
    facts.max_output = own.max_output.or(facts.max_output);
    facts.can = own.capabilities();
    let said: Vec<Price> = own.own_prices().collect();
    if !said.is_empty() {
        facts.priced = Priced::Record;
        // What the record says of a bucket holds at every tier and length that the catalogue knows, unless it says more.
        let usual: Prices = said.iter().copied().collect();
        let known = facts.prices.list().iter().map(|price| Price {
            pico: usual.get(price.of.bucket).unwrap_or(price.pico),
            ..*price
        });
        facts.prices = Arc::new(known.chain(said.iter().copied()).collect());
    }
    facts
}

/// What the record, and else the catalogue, says of a model beside what requests need to know, for people and scripts.
pub(super) fn show(
    facts: &Facts,
    own: Option<&Model>,
    known: Option<&Known>,
    upstream_id: &str,
) -> Map<String, Value> {
    let text = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(Value::from);
    let or = |said: Option<&String>, known: Option<&str>| {
        text(said.map(String::as_str)).or_else(|| text(known))
    };
    let can = facts.can.or(known.and_then(|known| known.can));
    let more = [
        ("capabilities", can.map(|can| can.words().into())),
        (
            "released",
            or(
                own.map(|own| &own.released),
                known.and_then(|known| known.released),
            ),
        ),
        ("ends", text(known.and_then(|known| known.ends))),
        (
            "snapshot_of",
            or(
                own.map(|own| &own.snapshot_of),
                known.and_then(Known::snapshot_of),
            ),
        ),
        ("sources", known.map(Known::told)),
    ];
    let more = more
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    facts.show(upstream_id).into_iter().chain(more).collect()
}

impl Facts {
    /// For people and scripts: prices as they are quoted.
    fn show(&self, upstream_id: &str) -> Map<String, Value> {
        let price = |bucket: Bucket| {
            let pico = self.prices.get(bucket)?;
            Some(quoted(pico, bucket.per()).into())
        };
        let all = self.prices.list().iter();
        let all: Map<String, Value> = all
            .map(|price| (price.of.to_string(), price.dollars().into()))
            .collect();
        [
            ("upstream_id", Some(upstream_id.into())),
            ("context_window", self.context_window.map(Value::from)),
            ("max_output", self.max_output.map(Value::from)),
            ("price_input", price(Bucket::Input)),
            ("price_output", price(Bucket::Output)),
            ("price_cache_read", price(Bucket::CacheRead)),
            ("price_cache_write", price(Bucket::CacheWrite5m)),
            ("price_source", Some(self.priced.word().into())),
            (
                "prices",
                Some(all)
                    .filter(|all| !all.is_empty())
                    .map(|all| json!(all)),
            ),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::find;
    use super::*;

    fn own(spec: Value) -> Model {
        serde_json::from_value(spec).unwrap()
    }

    #[test]
    fn the_record_is_over_the_catalogue() {
        let known = find("openai", "gpt-4o");
        let shown =
            |own: Option<&Model>, known| Value::Object(show(&facts(own, known), own, known, "m"));
        assert_eq!(
            shown(None, None),
            json!({"upstream_id": "m", "price_source": "unpriced"})
        );
        let catalogued = shown(None, known);
        let own = own(json!({
            "provider": "p", "max_output": 50, "price_output": "20.50", "price_cache_write": "4", "capabilities": ["tools"],
            "prices": {"output@batch": "9", "searches": "1.5"}, "released": "2031-01-01",
        }));
        let shown = shown(Some(&own), known);
        for (field, want) in [
            ("context_window", catalogued["context_window"].clone()),
            ("max_output", json!(50)),
            ("price_input", json!("2.5")),
            ("price_output", json!("20.5")),
            ("price_cache_write", json!("4")),
            ("price_source", json!("record")),
            ("capabilities", json!(["tools"])),
            ("released", json!("2031-01-01")),
        ] {
            assert_eq!(shown[field], want, "{field}");
        }
        let prices = &shown["prices"];
        assert_eq!(
            [
                &prices["output@batch"],
                &prices["searches"],
                &prices["cache_write_1h"]
            ],
            ["9", "1.5", "4"]
        );
        assert_eq!(prices["input@batch"], catalogued["prices"]["input@batch"]);
        // The record's own price holds where the catalogue knows a tier and the record says nothing of it.
        assert_ne!(catalogued["prices"]["output@priority"], Value::Null);
        assert_eq!(prices["output@priority"], "20.5");
        let facts = facts(Some(&own), None);
        assert_eq!(facts.can, Some(Capabilities::of(["tools"])));
    }

    #[test]
    fn a_record_alone_prices_what_it_says() {
        let own = own(json!({"provider": "p", "prices": {"input": "1", "audio@flex": "2"}}));
        let facts = facts(Some(&own), None);
        let all: Vec<String> = facts
            .prices
            .list()
            .iter()
            .map(|price| price.of.to_string())
            .collect();
        assert_eq!(
            (facts.priced, all),
            (Priced::Record, vec!["input".into(), "audio@flex".into()])
        );
    }
}
