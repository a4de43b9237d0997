//! `usage` objects: cached and reasoning tokens are counted inside the totals here, apart in the neutral model. The one
//! place that knows what a provider's counts mean, for answers that are forwarded and for those that are translated.

use crate::chat::Usage;
use crate::formats::lenient::{Count, object};
use serde::{Deserialize, Serialize};

/// A `usage` object as a provider spelt it.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(super) struct Counts {
    prompt_tokens: Count,
    completion_tokens: Count,
    total_tokens: Count,
    #[serde(deserialize_with = "object")]
    prompt_tokens_details: PromptDetails,
    #[serde(deserialize_with = "object")]
    completion_tokens_details: CompletionDetails,
    /// DeepSeek's name for cached tokens.
    prompt_cache_hit_tokens: Count,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct PromptDetails {
    cached_tokens: Count,
    /// OpenRouter reports what was written to a cache here.
    cache_write_tokens: Count,
    audio_tokens: Count,
    image_tokens: Count,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct CompletionDetails {
    reasoning_tokens: Count,
    audio_tokens: Count,
    image_tokens: Count,
}

impl Counts {
    /// The disjoint buckets; `None` where the numbers are missing or not to be believed. Details beyond their total
    /// are cut to it. Sound and images stay in input and output, whose totals limits are counted by.
    pub fn usage(&self) -> Option<Usage> {
        let prompt = match self.prompt_tokens {
            Count::Of(tokens) => tokens,
            Count::Absent | Count::Absurd => return None,
        };
        let completion = match self.completion_tokens {
            Count::Of(tokens) => tokens,
            // Embeddings have none.
            Count::Absent => 0,
            Count::Absurd => return None,
        };
        let cached = match self.prompt_tokens_details.cached_tokens {
            Count::Of(tokens) if tokens > 0 => tokens,
            _ => self.prompt_cache_hit_tokens.or_zero(),
        }
        .min(prompt);
        let written = self
            .prompt_tokens_details
            .cache_write_tokens
            .or_zero()
            .min(prompt - cached);
        let reasoning = self.completion_tokens_details.reasoning_tokens.or_zero();
        // xAI counts reasoning beside the completion tokens; its total tells, or that there is more of it than of
        // what it would be a part of. Elsewhere it is a part of them.
        let beside = reasoning > 0
            && match self.total_tokens {
                Count::Of(total) => total == prompt + completion + reasoning,
                Count::Absent | Count::Absurd => reasoning > completion,
            };
        let (output, reasoning) = match beside {
            true => (completion, reasoning),
            false => (
                completion.saturating_sub(reasoning),
                reasoning.min(completion),
            ),
        };
        let heard = &self.prompt_tokens_details;
        let said = &self.completion_tokens_details;
        let image = heard.image_tokens.or_zero();
        // As Cerebras counts them: images are in the sum, and not in the prompt.
        let sum = prompt.saturating_add(completion).saturating_add(image);
        let beside = image > 0 && self.total_tokens == Count::Of(sum);
        let input = (prompt - cached - written).saturating_add(if beside { image } else { 0 });
        let audio = heard.audio_tokens.or_zero().min(input);
        let audio_output = said.audio_tokens.or_zero().min(output);
        Some(Usage {
            input,
            cache_read: cached,
            cache_write: written,
            output,
            reasoning,
            audio,
            image: image.min(input - audio),
            audio_output,
            image_output: said.image_tokens.or_zero().min(output - audio_output),
            ..Usage::default()
        })
    }

    /// Whether there was a usage at all, believable or not.
    pub fn given(&self) -> bool {
        self.prompt_tokens != Count::Absent
            || self.completion_tokens != Count::Absent
            || self.total_tokens != Count::Absent
    }
}

/// A `usage` object as it is written.
#[derive(Serialize)]
pub struct Written {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: WrittenPrompt,
    completion_tokens_details: WrittenCompletion,
}

#[derive(Serialize)]
struct WrittenPrompt {
    cached_tokens: u64,
    #[serde(skip_serializing_if = "is_none")]
    cache_write_tokens: u64,
    #[serde(skip_serializing_if = "is_none")]
    audio_tokens: u64,
    #[serde(skip_serializing_if = "is_none")]
    image_tokens: u64,
}

#[derive(Serialize)]
struct WrittenCompletion {
    reasoning_tokens: u64,
    #[serde(skip_serializing_if = "is_none")]
    audio_tokens: u64,
    #[serde(skip_serializing_if = "is_none")]
    image_tokens: u64,
}

fn is_none(count: &u64) -> bool {
    *count == 0
}

/// Writes a `usage` object.
pub fn write(usage: &Usage) -> Written {
    Written {
        prompt_tokens: usage.prompt(),
        completion_tokens: usage.completion(),
        total_tokens: usage.total(),
        prompt_tokens_details: WrittenPrompt {
            cached_tokens: usage.cache_read,
            cache_write_tokens: usage.written(),
            audio_tokens: usage.audio.saturating_add(usage.audio_cached),
            image_tokens: usage.image,
        },
        completion_tokens_details: WrittenCompletion {
            reasoning_tokens: usage.reasoning,
            audio_tokens: usage.audio_output,
            image_tokens: usage.image_output,
        },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::{Value, json};

    fn read(usage: &Value) -> Option<Usage> {
        serde_json::from_value::<Counts>(usage.clone())
            .unwrap()
            .usage()
    }

    #[test]
    fn buckets_are_disjoint() {
        let given = json!({"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150,
            "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 10}, "completion_tokens_details": {"reasoning_tokens": 20}});
        let usage = read(&given).unwrap();
        assert_eq!(
            usage,
            Usage {
                input: 30,
                cache_read: 60,
                cache_write: 10,
                output: 30,
                reasoning: 20,
                ..Usage::default()
            }
        );
        assert_eq!(json!(write(&usage)), given);
    }

    #[test]
    fn sound_and_images_are_parts_of_what_was_read_and_said() {
        let given = json!({"prompt_tokens": 21, "completion_tokens": 18, "total_tokens": 39,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 2, "image_tokens": 3},
            "completion_tokens_details": {"reasoning_tokens": 1, "audio_tokens": 12, "image_tokens": 4}});
        let usage = read(&given).unwrap();
        let want = Usage {
            input: 21,
            audio: 2,
            image: 3,
            output: 17,
            reasoning: 1,
            audio_output: 12,
            image_output: 4,
            ..Usage::default()
        };
        assert_eq!((usage, json!(write(&usage))), (want, given));
    }

    #[test]
    fn details_beyond_their_total_are_cut_to_it() {
        let usage = read(&json!({"prompt_tokens": 5, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 9, "cache_write_tokens": 3}})).unwrap();
        assert_eq!(
            (usage.input, usage.cache_read, usage.cache_write),
            (0, 5, 0)
        );
        let usage = read(&json!({"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 2, "cache_write_tokens": 9}})).unwrap();
        assert_eq!(
            (usage.input, usage.cache_read, usage.cache_write),
            (0, 2, 3)
        );
    }

    #[test]
    fn other_spellings_of_the_same() {
        let hit = read(&json!({"prompt_tokens": 9, "completion_tokens": 1, "prompt_cache_hit_tokens": 4, "prompt_tokens_details": null})).unwrap();
        assert_eq!((hit.input, hit.cache_read), (5, 4));
        let reasoned = |given: Value| {
            let usage = read(&given).unwrap();
            (usage.output, usage.reasoning)
        };
        let beside = json!({"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 30, "completion_tokens_details": {"reasoning_tokens": 20}});
        assert_eq!(reasoned(beside), (1, 20));
        // Counted by another tokenizer than the completion it is part of.
        let over = json!({"prompt_tokens": 21, "completion_tokens": 16, "total_tokens": 37, "completion_tokens_details": {"reasoning_tokens": 21}});
        assert_eq!(reasoned(over), (0, 16));
        let beside = read(&json!({"prompt_tokens": 25, "completion_tokens": 5, "total_tokens": 32, "prompt_tokens_details": {"image_tokens": 2}})).unwrap();
        assert_eq!((beside.input, beside.image, beside.total()), (27, 2, 32));
        assert_eq!(read(&json!({})), None);
    }
}
