//! Gemini: a request's contents, an answer as candidates, whole or in pieces.
//! <https://ai.google.dev/api/generate-content>

mod check;
mod fields;
mod read;
mod shapes;
mod write;

pub use fields::{field, list};
pub use read::{count, read};
pub use write::{chunks, error, whole};

/// Stands where a real provider seals a thought.
pub const SEAL: &str = "Z3ctbW9jay10aG91Z2h0";

#[cfg(test)]
mod tests;
