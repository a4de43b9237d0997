//! Models known offline: windows, prices, what they take of a request; and what a usage costs. Prices come from the `genai-prices`
//! data behind this small interface: standard list prices; of prices in tiers by prompt length the base, of
//! prices by time of day the dearest. Nothing here reads files or the network while serving.

use serde::{Deserialize, Serialize};

pub mod betas;
mod cost;
mod facts;
mod listed;
#[cfg(test)]
mod refresh;
mod table;
mod takes;
mod weights;

pub use cost::{Cost, CostStatus, Pico, cost, dollars, per_token};
pub use facts::{Facts, Priced, facts};
pub use listed::{listed, offered};
pub use takes::takes;
pub use weights::weights;

/// Prices per token in picodollars; `None`: not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prices {
    pub input: Option<u64>,
    pub output: Option<u64>,
    pub cache_read: Option<u64>,
    pub cache_write_5m: Option<u64>,
    pub cache_write_1h: Option<u64>,
}

/// What the catalogue knows of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// The catalogue's id of the model.
    pub id: String,
    pub context_window: Option<u64>,
    pub max_output: Option<u64>,
    pub prices: Prices,
}

/// What the catalogue knows of `model` at the vendor with this catalogue id. Snapshots (`-2024-08-06`,
/// `-20250514`, `-latest`) and fine-tuned models (`ft:base:…`) without a row of their own are taken for the
/// model they were made of.
pub fn find(catalog: &str, model: &str) -> Option<Known> {
    table::TABLE.find(catalog, model).map(Known::from)
}

/// Whether the catalogue has a row of exactly this name at the vendor.
pub fn has(catalog: &str, model: &str) -> bool {
    table::TABLE.has(catalog, model)
}

/// Every model the catalogue knows of this vendor, by id.
pub fn all(catalog: &str) -> Vec<Known> {
    let mut known: Vec<Known> = table::TABLE.all(catalog).iter().map(Known::from).collect();
    known.sort_by(|a, b| a.id.cmp(&b.id));
    known
}

/// The model that a dated version was taken of: the name without `-2024-08-06`, `-20250514`, `@20250514` or
/// `-latest`.
pub fn base(model: &str) -> Option<&str> {
    table::undated(model)
}

impl From<&table::Row> for Known {
    fn from(row: &table::Row) -> Known {
        Known {
            id: row.id.to_owned(),
            context_window: row.context_window,
            max_output: None,
            prices: row.prices,
        }
    }
}
