//! What is known of one model at one provider: the user's record over the built-in catalogue. The one look-up
//! for planning, showing and searching.

use super::{Known, Prices, dollars, per_token};
use crate::resources::model::{Capabilities, Model};
use serde_json::{Map, Value};

/// What is known of one model at one provider.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Facts {
    pub enabled: bool,
    pub context_window: Option<u64>,
    pub max_output: Option<u64>,
    pub prices: Prices,
    /// Where the prices come from.
    pub priced: Priced,
    /// What it can do; `None`: not known, so nothing is ruled out.
    pub can: Option<Capabilities>,
}

/// Where prices come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priced {
    Record,
    Catalog,
    Not,
}

/// The record of a model over what the catalogue knows of it, as far as there is either.
pub fn facts(own: Option<&Model>, known: Option<&Known>) -> Facts {
    let mut facts = Facts {
        enabled: true,
        context_window: known.and_then(|known| known.context_window),
        max_output: known.and_then(|known| known.max_output),
        prices: known.map(|known| known.prices).unwrap_or_default(),
        priced: known.map_or(Priced::Not, |_| Priced::Catalog),
        can: None,
    };
    let Some(own) = own else { return facts };
    facts.enabled = own.enabled;
    facts.context_window = own.context_window.or(facts.context_window);
    facts.max_output = own.max_output.or(facts.max_output);
    facts.can = own.capabilities();
    let mut price = |text: &Option<String>, into: &mut Option<u64>| {
        if let Some(text) = text {
            facts.priced = Priced::Record;
            *into = per_token(text).or(*into);
        }
    };
    let prices = &mut facts.prices;
    price(&own.price_input, &mut prices.input);
    price(&own.price_output, &mut prices.output);
    price(&own.price_cache_read, &mut prices.cache_read);
    price(&own.price_cache_write, &mut prices.cache_write_5m);
    price(&own.price_cache_write, &mut prices.cache_write_1h);
    facts
}

impl Facts {
    /// For people and scripts. The catalogue prices one token; people compare prices of a million of them.
    pub fn show(&self, upstream_id: &str) -> Map<String, Value> {
        let million =
            |pico: Option<u64>| pico.map(|pico| dollars(i128::from(pico) * 1_000_000).into());
        let source = match self.priced {
            Priced::Record => "record",
            Priced::Catalog => "catalog",
            Priced::Not => "unpriced",
        };
        let prices = &self.prices;
        [
            ("upstream_id", Some(upstream_id.into())),
            ("context_window", self.context_window.map(Value::from)),
            ("max_output", self.max_output.map(Value::from)),
            ("price_input", million(prices.input)),
            ("price_output", million(prices.output)),
            ("price_cache_read", million(prices.cache_read)),
            ("price_cache_write", million(prices.cache_write_5m)),
            ("price_source", Some(source.into())),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn the_record_is_over_the_catalogue() {
        let known = Known {
            id: "m".into(),
            context_window: Some(1000),
            max_output: None,
            prices: Prices {
                input: Some(2_500_000),
                output: Some(10_000_000),
                ..Prices::default()
            },
        };
        let own: Model = serde_json::from_value(json!({
            "provider": "p", "max_output": 50, "price_output": "20.50", "capabilities": ["tools"],
        }))
        .unwrap();
        let show = |own, known| Value::Object(facts(own, known).show("m"));
        assert_eq!(
            [
                show(None, None),
                show(None, Some(&known)),
                show(Some(&own), Some(&known))
            ],
            [
                json!({"upstream_id": "m", "price_source": "unpriced"}),
                json!({"upstream_id": "m", "context_window": 1000, "price_input": "2.5", "price_output": "10", "price_source": "catalog"}),
                json!({"upstream_id": "m", "context_window": 1000, "max_output": 50, "price_input": "2.5", "price_output": "20.5", "price_source": "record"}),
            ]
        );
        assert_eq!(
            facts(Some(&own), None).can,
            Some(Capabilities {
                tools: true,
                images: false,
                schema: false
            })
        );
    }
}
