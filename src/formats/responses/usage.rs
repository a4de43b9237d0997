//! `usage` objects: cached tokens are counted inside the input here, reasoning inside the output. The one place that knows
//! what a provider's counts mean, for answers that are forwarded and for those that are translated.

use crate::chat::Usage;
use crate::formats::lenient::{Count, object};
use serde::Deserialize;
use serde_json::{Value, json};

/// A `usage` object as a provider spelt it.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(super) struct Counts {
    input_tokens: Count,
    output_tokens: Count,
    #[serde(deserialize_with = "object")]
    input_tokens_details: InputDetails,
    #[serde(deserialize_with = "object")]
    output_tokens_details: OutputDetails,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct InputDetails {
    cached_tokens: Count,
    cache_write_tokens: Count,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct OutputDetails {
    reasoning_tokens: Count,
}

/// What the provider's own tools used: <https://platform.openai.com/docs/api-reference/responses/object>
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(super) struct ToolUsage {
    #[serde(deserialize_with = "object")]
    web_search: WebSearch,
    #[serde(deserialize_with = "object")]
    image_gen: ImageGen,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct WebSearch {
    num_requests: Count,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct ImageGen {
    output_tokens: Count,
}

impl ToolUsage {
    /// A usage with that of the tools: searches, as counted or else as seen, and pictures made by another model.
    pub fn beside(&self, usage: Usage, searches: u64) -> Usage {
        let made = self.image_gen.output_tokens.or_zero();
        Usage {
            searches: match self.web_search.num_requests {
                Count::Of(searches) => searches,
                Count::Absent | Count::Absurd => searches,
            },
            output: usage.output.saturating_add(made),
            image_output: made,
            ..usage
        }
    }
}

impl Counts {
    /// The disjoint buckets; `None` where the numbers are missing or not to be believed. Details beyond their total
    /// are cut to it.
    pub fn usage(&self) -> Option<Usage> {
        let (Count::Of(input), Count::Of(output)) = (self.input_tokens, self.output_tokens) else {
            return None;
        };
        let details = &self.input_tokens_details;
        let cached = details.cached_tokens.or_zero().min(input);
        let written = details.cache_write_tokens.or_zero().min(input - cached);
        let reasoning = self
            .output_tokens_details
            .reasoning_tokens
            .or_zero()
            .min(output);
        Some(Usage {
            input: input - cached - written,
            cache_read: cached,
            cache_write: written,
            output: output - reasoning,
            reasoning,
            ..Usage::default()
        })
    }
}

/// What tools used, as it stands beside `usage`, where they used anything.
pub fn write_tools(usage: &Usage) -> Option<Value> {
    (usage.searches > 0).then(|| json!({"web_search": {"num_requests": usage.searches}}))
}

/// Writes a `usage` object.
pub fn write(usage: &Usage) -> Value {
    let mut input = json!({"cached_tokens": usage.cache_read});
    let written = usage.prompt() - usage.input.min(usage.prompt());
    let written = written.saturating_sub(usage.cache_read);
    if written > 0 {
        input["cache_write_tokens"] = json!(written);
    }
    json!({
        "input_tokens": usage.prompt(),
        "input_tokens_details": input,
        "output_tokens": usage.completion(),
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.total(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(usage: &Value) -> Option<Usage> {
        serde_json::from_value::<Counts>(usage.clone())
            .unwrap()
            .usage()
    }

    #[test]
    fn buckets_are_disjoint_and_come_back() {
        let given = json!({"input_tokens": 8548, "input_tokens_details": {"cached_tokens": 21, "cache_write_tokens": 4427},
            "output_tokens": 30, "output_tokens_details": {"reasoning_tokens": 20}, "total_tokens": 8578});
        let usage = read(&given).unwrap();
        let expected = Usage {
            input: 4100,
            cache_read: 21,
            cache_write: 4427,
            output: 10,
            reasoning: 20,
            ..Usage::default()
        };
        assert_eq!((usage, write(&usage)), (expected, given));
    }

    #[test]
    fn what_tools_used_stands_beside() {
        let tools = |given: Value, seen| {
            let tools: ToolUsage = serde_json::from_value(given).unwrap();
            tools.beside(Usage::default(), seen)
        };
        let counted = tools(json!({"web_search": {"num_requests": 2}}), 5);
        assert_eq!(
            write_tools(&counted),
            Some(json!({"web_search": {"num_requests": 2}}))
        );
        assert_eq!((counted.searches, tools(json!({}), 5).searches), (2, 5));
        let made = tools(json!({"image_gen": {"output_tokens": 9}}), 0);
        assert_eq!((made.output, made.image_output), (9, 9));
        assert_eq!(write_tools(&made), None);
    }

    #[test]
    fn details_beyond_their_total_are_cut_to_it() {
        let usage = read(&json!({"input_tokens": 5, "input_tokens_details": {"cached_tokens": 9, "cache_write_tokens": 3},
            "output_tokens": 1, "output_tokens_details": {"reasoning_tokens": 4}}))
        .unwrap();
        assert_eq!(
            (usage.prompt(), usage.completion(), usage.reasoning),
            (5, 1, 1)
        );
        for unbelievable in [
            json!({}),
            json!({"input_tokens": 5}),
            json!({"input_tokens": -1, "output_tokens": 2}),
            json!({"input_tokens": 5, "output_tokens": 1e18}),
        ] {
            assert_eq!(read(&unbelievable), None);
        }
        // As llama.cpp sends it.
        assert_eq!(
            read(&json!({"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}))
                .unwrap()
                .total(),
            7
        );
    }
}
