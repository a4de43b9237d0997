//! Token usage with one meaning: disjoint buckets, so that each can be priced and they can be added up.

use serde::{Deserialize, Serialize};

/// Tokens of one request in disjoint buckets. OpenAI counts cached tokens inside its prompt tokens and
/// reasoning inside its completion tokens, Anthropic counts cached tokens outside; readers undo both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Prompt tokens that were neither read from nor written to a cache.
    pub input: u64,
    pub cache_read: u64,
    pub cache_write_5m: u64,
    pub cache_write_1h: u64,
    /// Output tokens that are not reasoning.
    pub output: u64,
    pub reasoning: u64,
    pub audio: u64,
    pub image: u64,
}

/// Tokens that this many bytes of text come to: near enough to say how much, marked as an estimate wherever it is
/// shown.
pub fn estimate(bytes: u64) -> u64 {
    bytes.div_ceil(4)
}

/// Where the numbers come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UsageSource {
    /// No usage is known (failed before any answer).
    #[default]
    None,
    /// The provider said so.
    Reported,
    /// Estimated from what was sent and received (the caller hung up, or the provider said nothing).
    Estimated,
}

impl Usage {
    /// All prompt tokens, cached ones included.
    pub fn prompt(&self) -> u64 {
        self.input
            .saturating_add(self.cache_read)
            .saturating_add(self.cache_write_5m)
            .saturating_add(self.cache_write_1h)
    }
    /// All generated tokens, reasoning included.
    pub fn completion(&self) -> u64 {
        self.output.saturating_add(self.reasoning)
    }
    pub fn total(&self) -> u64 {
        self.prompt().saturating_add(self.completion())
    }
}
