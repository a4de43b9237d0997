//! Cohere's API, version 2: chats, embeddings, rankings. <https://docs.cohere.com/reference/chat>

mod check;
mod read;
mod shapes;
mod sizes;
mod write;

pub use read::read;
pub use sizes::{embed, rerank};
pub use write::{error, failed_event, frames, whole};

#[cfg(test)]
mod tests;
