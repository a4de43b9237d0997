//! `usage` objects: cached tokens are counted beside the input, thinking inside the output. The one place that knows what
//! a provider's counts mean, for answers that are forwarded and for those that are translated.
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html>

use crate::chat::Usage;
use crate::formats::lenient::{Count, Fold, Text, fold, object};
use serde::Deserialize;
use serde_json::{Value, json};

/// A `usage` object as a provider spelt it. Some say a count twice, under two names.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Counts {
    input_tokens: Count,
    output_tokens: Count,
    total_tokens: Count,
    cache_read_input_tokens: Count,
    cache_read_input_token_count: Count,
    cache_write_input_tokens: Count,
    cache_write_input_token_count: Count,
    #[serde(deserialize_with = "fold")]
    cache_details: Written,
}

/// What was written to a cache, by its lifetime.
#[derive(Clone, Copy, Default)]
struct Written {
    short: u64,
    long: u64,
}

#[derive(Deserialize)]
#[serde(transparent)]
struct Detail<'a>(#[serde(borrow, deserialize_with = "object")] Inner<'a>);

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Inner<'a> {
    #[serde(borrow)]
    ttl: Text<'a>,
    input_tokens: Count,
}

impl<'a> Fold<Detail<'a>> for Written {
    fn item(&mut self, Detail(detail): Detail<'a>) {
        let tokens = detail.input_tokens.or_zero();
        match detail.ttl.as_str() {
            "1h" => self.long = self.long.saturating_add(tokens),
            "5m" => self.short = self.short.saturating_add(tokens),
            // Stays in the rest of the total.
            _ => {}
        }
    }
}

impl Counts {
    /// What they say; `None`: nothing, or nothing that can be believed.
    pub fn usage(&self) -> Option<Usage> {
        let (Count::Of(input), output) = (self.input_tokens, self.output_tokens) else {
            return None;
        };
        if output == Count::Absurd {
            return None;
        }
        let output = output.or_zero();
        let either = |one: Count, two: Count| one.or_zero().max(two.or_zero());
        let read = either(
            self.cache_read_input_tokens,
            self.cache_read_input_token_count,
        );
        let Written { short, long } = self.cache_details;
        let known = short.saturating_add(long);
        let written = either(
            self.cache_write_input_tokens,
            self.cache_write_input_token_count,
        )
        .max(known);
        // OpenAI's models count what was cached inside the input, and the total tells: https://github.com/maximhq/bifrost/pull/6942
        let inside = self.total_tokens == Count::Of(input.saturating_add(output));
        let cached = if inside {
            read.saturating_add(written)
        } else {
            0
        };
        Some(Usage {
            input: input.saturating_sub(cached),
            cache_read: read,
            cache_write_5m: short,
            cache_write_1h: long,
            cache_write: written - known,
            output,
            ..Usage::default()
        })
    }
}

/// Writes a `usage` object.
pub fn write(usage: &Usage) -> Value {
    let mut out = json!({
        "inputTokens": usage.input,
        "outputTokens": usage.completion(),
        "totalTokens": usage.total(),
        "cacheReadInputTokens": usage.cache_read,
        "cacheWriteInputTokens": usage.written(),
    });
    let details: Vec<Value> = [("1h", usage.cache_write_1h), ("5m", usage.cache_write_5m)]
        .into_iter()
        .filter(|(_, tokens)| *tokens > 0)
        .map(|(ttl, tokens)| json!({"ttl": ttl, "inputTokens": tokens}))
        .collect();
    if !details.is_empty() {
        out["cacheDetails"] = json!(details);
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(usage: Value) -> Option<Usage> {
        serde_json::from_value::<Counts>(usage).unwrap().usage()
    }

    #[test]
    fn buckets_are_disjoint_and_come_back() {
        let given = json!({"inputTokens": 3, "outputTokens": 9, "totalTokens": 49, "cacheReadInputTokens": 7,
            "cacheWriteInputTokens": 30, "cacheDetails": [{"ttl": "1h", "inputTokens": 20}, {"ttl": "5m", "inputTokens": 10}]});
        let usage = read(given.clone()).unwrap();
        let expected = Usage {
            input: 3,
            cache_read: 7,
            cache_write_5m: 10,
            cache_write_1h: 20,
            output: 9,
            ..Usage::default()
        };
        assert_eq!((usage, write(&usage)), (expected, given));
    }

    #[test]
    fn a_count_said_twice_counts_once_and_one_without_a_lifetime_has_none() {
        let given = json!({"inputTokens": 14, "outputTokens": 5, "totalTokens": 1522, "cacheReadInputTokenCount": 0,
            "cacheReadInputTokens": 0, "cacheWriteInputTokenCount": 1503, "cacheWriteInputTokens": 1503, "serverToolUsage": {}});
        let usage = read(given).unwrap();
        assert_eq!(
            (usage.input, usage.cache_write, usage.total()),
            (14, 1503, 1522)
        );
        let other = json!({"inputTokens": 1, "cacheDetails": [{"ttl": "2h", "inputTokens": 4}, 7, {"ttl": "5m", "inputTokens": 3}],
            "cacheWriteInputTokens": 7});
        let usage = read(other).unwrap();
        assert_eq!((usage.cache_write_5m, usage.cache_write), (3, 4));
    }

    #[test]
    fn what_the_total_has_inside_the_input_is_not_counted_twice() {
        let given = json!({"inputTokens": 100, "outputTokens": 5, "totalTokens": 105, "cacheReadInputTokens": 64});
        let usage = read(given).unwrap();
        assert_eq!(
            (usage.input, usage.cache_read, usage.total()),
            (36, 64, 105)
        );
    }

    #[test]
    fn usage_is_believed_only_where_it_can_be() {
        for given in [
            json!({}),
            json!({"inputTokens": -1}),
            json!({"inputTokens": 1, "outputTokens": 1e18}),
            json!({"outputTokens": 1}),
        ] {
            assert_eq!(read(given.clone()), None, "{given}");
        }
    }
}
