//! What makes a route move on to its next target.

use serde::{Deserialize, Serialize};

/// What makes the next target be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RetryOn {
    #[serde(rename = "connect")]
    Connect,
    #[serde(rename = "timeout")]
    Timeout,
    #[serde(rename = "429")]
    Capacity,
    #[serde(rename = "5xx")]
    Upstream,
    #[serde(rename = "credential")]
    Credential,
    /// The model does not exist there (404).
    #[serde(rename = "404")]
    NotFound,
    /// The prompt does not fit the model's context window.
    #[serde(rename = "context")]
    Context,
    /// The provider refuses the key that the caller brought.
    #[serde(rename = "own-key")]
    OwnKey,
}

pub(crate) fn retry_on_default() -> Vec<RetryOn> {
    vec![
        RetryOn::Connect,
        RetryOn::Timeout,
        RetryOn::Capacity,
        RetryOn::Upstream,
        RetryOn::Credential,
    ]
}
