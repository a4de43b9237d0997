//! `usage` objects: cached and reasoning tokens are counted inside the totals here, apart in the neutral model.

use crate::chat::Usage;
use serde_json::{Value, json};

/// Reads a `usage` object; `None` where it says nothing.
pub fn read(usage: &Value) -> Option<Usage> {
    let count = |path: &str| usage.pointer(path).and_then(Value::as_u64);
    let (prompt, completion) = (count("/prompt_tokens"), count("/completion_tokens"));
    if prompt.is_none() && completion.is_none() {
        return None;
    }
    let (prompt, completion) = (prompt.unwrap_or(0), completion.unwrap_or(0));
    // DeepSeek counts its cache hits in a field of its own.
    let cached = count("/prompt_tokens_details/cached_tokens")
        .filter(|n| *n > 0)
        .or(count("/prompt_cache_hit_tokens"))
        .unwrap_or(0);
    let written = count("/prompt_tokens_details/cache_write_tokens").unwrap_or(0);
    let reasoning = count("/completion_tokens_details/reasoning_tokens").unwrap_or(0);
    // Some services count reasoning beside the completion instead of inside; their total gives them away.
    let all = prompt.saturating_add(completion).saturating_add(reasoning);
    let beside = reasoning > 0
        && count("/total_tokens").map_or(reasoning > completion, |total| total == all);
    let (output, reasoning) = if beside {
        (completion, reasoning)
    } else {
        (
            completion.saturating_sub(reasoning),
            reasoning.min(completion),
        )
    };
    Some(Usage {
        input: prompt.saturating_sub(cached).saturating_sub(written),
        cache_read: cached,
        cache_write_5m: written,
        output,
        reasoning,
        ..Usage::default()
    })
}

/// Writes a `usage` object.
pub fn write(usage: &Usage) -> Value {
    let mut prompt = json!({"cached_tokens": usage.cache_read});
    let written = usage.cache_write_5m.saturating_add(usage.cache_write_1h);
    if written > 0 {
        prompt["cache_write_tokens"] = json!(written);
    }
    json!({
        "prompt_tokens": usage.prompt(),
        "completion_tokens": usage.completion(),
        "total_tokens": usage.total(),
        "prompt_tokens_details": prompt,
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

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
                cache_write_5m: 10,
                output: 30,
                reasoning: 20,
                ..Usage::default()
            }
        );
        assert_eq!(write(&usage), given);
    }

    #[test]
    fn other_spellings_of_the_same() {
        let hit = read(&json!({"prompt_tokens": 9, "completion_tokens": 1, "prompt_cache_hit_tokens": 4, "prompt_tokens_details": null})).unwrap();
        assert_eq!((hit.input, hit.cache_read), (5, 4));
        let beside = json!({"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 30, "completion_tokens_details": {"reasoning_tokens": 20}});
        assert_eq!(
            (
                read(&beside).unwrap().output,
                read(&beside).unwrap().reasoning
            ),
            (1, 20)
        );
        // Counted by another tokenizer than the completion it is part of.
        let over = json!({"prompt_tokens": 21, "completion_tokens": 16, "total_tokens": 37, "completion_tokens_details": {"reasoning_tokens": 21}});
        assert_eq!(
            (read(&over).unwrap().output, read(&over).unwrap().reasoning),
            (0, 16)
        );
        assert_eq!(read(&json!({})), None);
        assert_eq!(read(&Value::Null), None);
    }
}
