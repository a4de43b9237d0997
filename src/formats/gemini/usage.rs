//! `usageMetadata`: cached tokens are counted inside the prompt here, thoughts outside the candidates, what tools brought
//! in outside both. The one place that knows what the counts mean.

use crate::chat::Usage;
use crate::formats::lenient::{Count, Fold, fold};
use crate::formats::tier::Served;
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

/// The object as a provider spelt it.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Counts {
    #[serde(alias = "prompt_token_count")]
    prompt_token_count: Count,
    #[serde(alias = "cached_content_token_count")]
    cached_content_token_count: Count,
    #[serde(alias = "candidates_token_count")]
    candidates_token_count: Count,
    #[serde(alias = "thoughts_token_count")]
    thoughts_token_count: Count,
    #[serde(alias = "tool_use_prompt_token_count")]
    tool_use_prompt_token_count: Count,
    #[serde(alias = "total_token_count")]
    total_token_count: Count,
    #[serde(alias = "prompt_tokens_details", deserialize_with = "fold")]
    prompt_tokens_details: Kinds,
    #[serde(alias = "candidates_tokens_details", deserialize_with = "fold")]
    candidates_tokens_details: Kinds,
    #[serde(alias = "cache_tokens_details", deserialize_with = "fold")]
    cache_tokens_details: Kinds,
    /// The Gemini API's word for it, and Vertex's.
    #[serde(alias = "service_tier")]
    service_tier: Served,
    #[serde(alias = "traffic_type")]
    traffic_type: Served,
}

/// How many of the tokens were no text.
#[derive(Clone, Copy, Default)]
struct Kinds {
    audio: u64,
    image: u64,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Kind<'a> {
    #[serde(borrow)]
    modality: Option<&'a RawValue>,
    #[serde(alias = "token_count")]
    token_count: Count,
}

impl<'a> Fold<Kind<'a>> for Kinds {
    fn item(&mut self, kind: Kind<'a>) {
        let of = match kind.modality.map(RawValue::get) {
            Some("\"IMAGE\"" | "2") => &mut self.image,
            Some("\"AUDIO\"" | "4") => &mut self.audio,
            _ => return,
        };
        *of = of.saturating_add(kind.token_count.or_zero());
    }
}

impl Counts {
    /// The tier it was given at.
    pub fn served(&self) -> Served {
        self.service_tier.or(self.traffic_type)
    }

    /// Takes these counts in. They are totals so far, so that the last ones hold; what an event leaves out stays. Counts
    /// that cannot be believed end it all: then the usage is estimated.
    pub fn merge(&self, known: &mut Option<Usage>) {
        let counts = [
            self.prompt_token_count,
            self.candidates_token_count,
            self.total_token_count,
        ];
        if counts.contains(&Count::Absurd) {
            *known = None;
            return;
        }
        // Vertex AI sends what kind of traffic it was and nothing else.
        if counts.iter().all(|count| *count == Count::Absent) {
            return;
        }
        let before = known.unwrap_or_default();
        let or = |count: Count, known: u64| match count {
            Count::Of(tokens) => tokens,
            Count::Absent | Count::Absurd => known,
        };
        let output = or(self.candidates_token_count, before.output);
        let reasoning = or(self.thoughts_token_count, before.reasoning);
        let brought = self.tool_use_prompt_token_count.or_zero();
        let cache_read = or(self.cached_content_token_count, before.cache_read);
        let prompt = match (self.prompt_token_count, self.total_token_count) {
            (Count::Of(prompt), _) => prompt,
            (_, Count::Of(total)) => total.saturating_sub(output + reasoning + brought),
            _ => before.prompt().saturating_sub(brought),
        };
        let (asked, said) = (self.prompt_tokens_details, self.candidates_tokens_details);
        // Kinds are told of the whole prompt, and again of what of it was in the cache.
        let cached = self.cache_tokens_details;
        let audio = asked.audio.saturating_sub(cached.audio);
        let image = asked.image.saturating_sub(cached.image);
        *known = Some(Usage {
            input: prompt.saturating_sub(cache_read) + brought,
            cache_read,
            output,
            reasoning,
            audio: audio.max(before.audio),
            audio_cached: cached.audio.max(before.audio_cached),
            image: image.max(before.image),
            audio_output: said.audio.max(before.audio_output),
            image_output: said.image.max(before.image_output),
            ..before
        });
    }
}

/// Writes the object.
pub fn write(usage: &Usage) -> Value {
    let mut out = json!({
        "promptTokenCount": usage.prompt(),
        "candidatesTokenCount": usage.output,
        "totalTokenCount": usage.total(),
    });
    for (name, count) in [
        ("cachedContentTokenCount", usage.cache_read),
        ("thoughtsTokenCount", usage.reasoning),
    ] {
        if count > 0 {
            out[name] = json!(count);
        }
    }
    for (name, all, audio, image) in [
        (
            "promptTokensDetails",
            usage.prompt(),
            usage.audio.saturating_add(usage.audio_cached),
            usage.image,
        ),
        (
            "candidatesTokensDetails",
            usage.output,
            usage.audio_output,
            usage.image_output,
        ),
        (
            "cacheTokensDetails",
            usage.cache_read,
            usage.audio_cached,
            0,
        ),
    ] {
        if audio.saturating_add(image) > 0 {
            let text = all.saturating_sub(audio.saturating_add(image));
            let kinds = [("TEXT", text), ("IMAGE", image), ("AUDIO", audio)];
            let some = kinds.iter().filter(|(_, count)| *count > 0);
            out[name] = some
                .map(|(kind, count)| json!({"modality": kind, "tokenCount": count}))
                .collect();
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(later: &[&str]) -> Option<Usage> {
        let mut known = None;
        for usage in later {
            serde_json::from_str::<Counts>(usage)
                .unwrap()
                .merge(&mut known);
        }
        known
    }

    #[test]
    fn cached_tokens_are_in_the_prompt_and_thoughts_outside_the_candidates() {
        let usage = read(&[
            r#"{"promptTokenCount":100,"cachedContentTokenCount":60,"candidatesTokenCount":7,"thoughtsTokenCount":5,"toolUsePromptTokenCount":11,"totalTokenCount":123,
            "promptTokensDetails":[{"modality":"AUDIO","tokenCount":20},{"modality":2,"tokenCount":3}],
            "cacheTokensDetails":[{"modality":"AUDIO","tokenCount":8}]}"#,
        ])
        .unwrap();
        let want = Usage {
            input: 51,
            cache_read: 60,
            output: 7,
            reasoning: 5,
            audio: 12,
            audio_cached: 8,
            image: 3,
            ..Usage::default()
        };
        assert_eq!((usage, usage.total()), (want, 123));
        assert_eq!(read(&[&write(&want).to_string()]), Some(want));
    }

    #[test]
    fn the_last_counts_hold_and_a_missing_prompt_is_what_is_left_of_the_total() {
        let usage = read(&[
            r#"{"candidates_token_count":1,"total_token_count":96,"thoughts_token_count":95}"#,
            r#"{"trafficType":"ON_DEMAND"}"#,
            r#"{"candidatesTokenCount":1,"totalTokenCount":392,"thoughtsTokenCount":95}"#,
        ])
        .unwrap();
        assert_eq!((usage.input, usage.output, usage.reasoning), (296, 1, 95));
        assert_eq!(read(&[r#"{"trafficType":1}"#]), None);
        assert_eq!(
            read(&[r#"{"promptTokenCount":-1,"totalTokenCount":7}"#]),
            None
        );
    }
}
