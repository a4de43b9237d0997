//! Models known offline: windows, prices, what they can do and what they take of a request; and what a usage costs. The table
//! is made from well-kept packages (`scripts/catalogue`), each of which is named with its date. Where prices differ by the time of day
//! the dearest holds. Nothing here reads files or the network while serving.

#[cfg(test)]
mod agreement;
pub mod betas;
mod cost;
mod facts;
mod forecast;
mod listed;
mod overlay;
mod prices;
pub mod published;
mod table;
mod takes;
mod weights;

pub use cost::{Cost, CostStatus, Pico, cost, dearest, dollars, estimate};
pub use facts::{Facts, Priced, facts};
pub use forecast::{Size, row as forecast};
pub use listed::{listed, offered, offering};
pub use overlay::{Difference, Overlay, Published};
pub use prices::Prices;
pub use table::{Known, Source, sources};
pub use takes::takes;
pub use weights::weights;

/// What the catalogue knows of `model` at the vendor with this catalogue id. Snapshots (`-2024-08-06`,
/// `-20250514`, `-latest`) and fine-tuned models (`ft:base:…`) without a row of their own are taken for the
/// model they were made of.
pub fn find(catalog: &str, model: &str) -> Option<&'static Known> {
    table::TABLE.find(catalog, model)
}

/// Whether the catalogue has a row of exactly this name at the vendor.
pub fn has(catalog: &str, model: &str) -> bool {
    table::TABLE.has(catalog, model)
}

/// Every model the catalogue knows of this vendor, by id.
pub fn all(catalog: &str) -> Vec<&'static Known> {
    let mut known: Vec<&Known> = table::TABLE.all(catalog).iter().collect();
    known.sort_by_key(|known| known.id);
    known
}

/// The day of the newest of its sources, such as `2026-11-22`.
pub fn dated() -> &'static str {
    let days = sources().iter().map(|source| source.date);
    days.max().unwrap_or_default()
}

/// The model that a dated version was taken of: the name without `-2024-08-06`, `-20250514`, `@20250514` or
/// `-latest`.
pub fn base(model: &str) -> Option<&str> {
    table::undated(model)
}
