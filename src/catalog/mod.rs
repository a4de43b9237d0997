//! Models known offline: windows, prices; and what a usage costs. Prices come from the `genai-prices`
//! data behind this small interface. Nothing here reads files or the network while serving.

use crate::chat::{Usage, UsageSource};
use serde::{Deserialize, Serialize};

/// Picodollars (10^-12 dollars): every price per token is a whole number of them.
pub type Pico = i128;

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

/// How sure a cost is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CostStatus {
    Calculated,
    /// From estimated usage.
    Estimated,
    /// A price of a bucket that was used is not known. Never shown as 0.
    #[default]
    Unpriced,
    /// Every price is 0.
    Free,
}

/// What a request cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    pub status: CostStatus,
    /// `None` exactly where the status is `Unpriced`.
    pub pico: Option<Pico>,
}

/// What the catalogue knows of `model` at the vendor with this catalogue id.
pub fn find(catalog: &str, model: &str) -> Option<Known> {
    let _ = (catalog, model);
    unimplemented!()
}

/// Every model the catalogue knows of this vendor, by id.
pub fn all(catalog: &str) -> Vec<Known> {
    let _ = catalog;
    unimplemented!()
}

/// What a usage costs at these prices.
pub fn cost(usage: &Usage, source: UsageSource, prices: &Prices) -> Cost {
    let _ = (usage, source, prices);
    unimplemented!()
}

/// Dollars per million tokens (decimal text, checked by the model resource) as picodollars per token.
pub fn per_token(dollars_per_million: &str) -> Option<u64> {
    let _ = dollars_per_million;
    unimplemented!()
}

/// Picodollars as decimal dollars without trailing zeros, such as `0.000075`.
pub fn dollars(pico: Pico) -> String {
    let _ = pico;
    unimplemented!()
}
