//! OpenAI Responses: a request's items, an answer's items whole or as events, and the responses that are kept.
//! <https://platform.openai.com/docs/api-reference/responses>

mod check;
mod events;
mod kept;
mod read;
mod shapes;
mod write;

pub use events::{error_event, failed_event, frames};
pub use kept::{Keeper, compact, create, kept};
pub use read::read;
pub use write::{failed, whole};

/// Stands where a real provider seals a thought.
pub const SEAL: &str = "Z3ctbW9jay1yZWFzb25pbmc=";

/// Whether a request that continues nothing is taken.
#[cfg(test)]
pub fn taken(body: &serde_json::Value) -> Result<(), super::ask::Refusal> {
    let items = body["input"].as_array().cloned().unwrap_or_default();
    read(body, &items).map(drop)
}

#[cfg(test)]
mod tests;
