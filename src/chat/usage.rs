//! Token usage with one meaning: disjoint buckets, so that each can be priced and they can be added up.

use super::Bucket;
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
    /// Written to a cache for a time the provider does not tell.
    #[serde(skip_serializing_if = "is_zero")]
    pub cache_write: u64,
    /// Output tokens that are not reasoning.
    pub output: u64,
    pub reasoning: u64,
    /// Of the input, those that were sound.
    pub audio: u64,
    /// Of those read from a cache, those that were sound.
    #[serde(skip_serializing_if = "is_zero")]
    pub audio_cached: u64,
    /// Of the input, those that were images.
    pub image: u64,
    /// Of the output, those that were sound.
    #[serde(skip_serializing_if = "is_zero")]
    pub audio_output: u64,
    /// Of the output, those that were images.
    #[serde(skip_serializing_if = "is_zero")]
    pub image_output: u64,
    /// Beside all of these, tokens of other models that the provider asked for help.
    #[serde(skip_serializing_if = "is_zero")]
    pub other_models: u64,
    /// Searches of the web that the provider ran, which are paid by the piece.
    #[serde(skip_serializing_if = "is_zero")]
    pub searches: u64,
    /// Seconds of sound that were heard, where the provider counts those.
    #[serde(skip_serializing_if = "is_zero")]
    pub seconds: u64,
    /// Rerankings, where the provider counts those: <https://docs.cohere.com/docs/how-does-cohere-pricing-work>
    #[serde(skip_serializing_if = "is_zero")]
    pub search_units: u64,
    /// Tokens that are paid for where they are not the ones above: prompt and answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub billed: Option<(u64, u64)>,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
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
    /// No usage is known (failed before any answer, or the provider does not say and it is no text).
    #[default]
    None,
    /// The provider said so.
    Reported,
    /// Estimated from what was sent and received (the caller hung up, or the provider said nothing).
    Estimated,
}

impl Usage {
    /// All prompt tokens that were written to a cache, for whatever time.
    pub fn written(&self) -> u64 {
        self.cache_write_5m
            .saturating_add(self.cache_write_1h)
            .saturating_add(self.cache_write)
    }
    /// All prompt tokens, cached ones included.
    pub fn prompt(&self) -> u64 {
        self.input
            .saturating_add(self.cache_read)
            .saturating_add(self.written())
    }
    /// All generated tokens, reasoning included.
    pub fn completion(&self) -> u64 {
        self.output.saturating_add(self.reasoning)
    }
    pub fn total(&self) -> u64 {
        self.prompt().saturating_add(self.completion())
    }
    /// What is paid for, in parts of which none is in another: sound and images are taken out of input, output and what
    /// was read from a cache, and what is billed stands in place of what was counted.
    pub fn buckets(&self) -> [(Bucket, u64); Bucket::ALL.len()] {
        let (input, output) = self.billed.unwrap_or((self.input, self.output));
        // Of what is billed instead only the sums are known.
        let counted = |count: u64| if self.billed.is_none() { count } else { 0 };
        let audio = counted(self.audio).min(input);
        let image = counted(self.image).min(input - audio);
        let audio_output = counted(self.audio_output).min(output);
        let image_output = counted(self.image_output).min(output - audio_output);
        let cache_read = counted(self.cache_read);
        let audio_cached = self.audio_cached.min(cache_read);
        [
            (Bucket::Input, input - audio - image),
            (Bucket::CacheRead, cache_read - audio_cached),
            (Bucket::CacheWrite5m, counted(self.cache_write_5m)),
            (Bucket::CacheWrite1h, counted(self.cache_write_1h)),
            (Bucket::CacheWrite, counted(self.cache_write)),
            (Bucket::Output, output - audio_output - image_output),
            (Bucket::Reasoning, counted(self.reasoning)),
            (Bucket::Audio, audio),
            (Bucket::AudioCached, audio_cached),
            (Bucket::Image, image),
            (Bucket::AudioOutput, audio_output),
            (Bucket::ImageOutput, image_output),
            (Bucket::OtherModels, self.other_models),
            (Bucket::Searches, self.searches),
            (Bucket::SearchUnits, self.search_units),
            (Bucket::Seconds, self.seconds),
        ]
    }
    /// Both together, bucket by bucket.
    pub fn plus(&self, other: &Usage) -> Usage {
        let sum = |of: fn(&Usage) -> u64| of(self).saturating_add(of(other));
        let billed = match (self.billed, other.billed) {
            (None, None) => None,
            // What only one of them says is billed as it was counted for the other.
            (one, two) => {
                let one = one.unwrap_or_else(|| (self.prompt(), self.completion()));
                let two = two.unwrap_or_else(|| (other.prompt(), other.completion()));
                Some((one.0.saturating_add(two.0), one.1.saturating_add(two.1)))
            }
        };
        Usage {
            input: sum(|usage| usage.input),
            cache_read: sum(|usage| usage.cache_read),
            cache_write_5m: sum(|usage| usage.cache_write_5m),
            cache_write_1h: sum(|usage| usage.cache_write_1h),
            cache_write: sum(|usage| usage.cache_write),
            output: sum(|usage| usage.output),
            reasoning: sum(|usage| usage.reasoning),
            audio: sum(|usage| usage.audio),
            audio_cached: sum(|usage| usage.audio_cached),
            image: sum(|usage| usage.image),
            audio_output: sum(|usage| usage.audio_output),
            image_output: sum(|usage| usage.image_output),
            other_models: sum(|usage| usage.other_models),
            searches: sum(|usage| usage.searches),
            seconds: sum(|usage| usage.seconds),
            search_units: sum(|usage| usage.search_units),
            billed,
        }
    }

    /// Each count another number, so that tests see when one is left out or taken for another.
    #[cfg(test)]
    pub fn all_different() -> Usage {
        Usage {
            input: 1,
            cache_read: 2,
            cache_write_5m: 3,
            cache_write_1h: 4,
            cache_write: 5,
            output: 6,
            reasoning: 7,
            audio: 8,
            image: 9,
            audio_output: 10,
            image_output: 11,
            searches: 12,
            seconds: 13,
            search_units: 14,
            audio_cached: 15,
            other_models: 16,
            billed: None,
        }
    }
}
