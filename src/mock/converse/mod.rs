//! Amazon Bedrock's Converse: a request's messages, an answer whole or as the messages of a binary stream.
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>

mod check;
mod read;
mod shapes;
mod write;

pub use read::{count, read};
pub use write::{exception, frames, kind, padded, whole};

/// Stands where a real provider seals a thought.
pub const SEAL: &str = "Z3ctbW9jay1yZWFzb25pbmc=";

#[cfg(test)]
mod tests;
