//! The OpenAI formats: chat completions and embeddings.

pub mod observe;
