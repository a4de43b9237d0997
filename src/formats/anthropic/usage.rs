//! `usage` objects: cached tokens are counted beside the input here, thinking inside the output.

use crate::chat::Usage;
use serde_json::{Map, Value, json};

/// Reads a `usage` object; `None` where it says nothing.
pub fn read(usage: &Value) -> Option<Usage> {
    let count = |path: &str| usage.pointer(path).and_then(Value::as_u64);
    let (input, output) = (count("/input_tokens"), count("/output_tokens"));
    if input.is_none() && output.is_none() {
        return None;
    }
    let hour = count("/cache_creation/ephemeral_1h_input_tokens").unwrap_or(0);
    let five = count("/cache_creation/ephemeral_5m_input_tokens").unwrap_or(0);
    // The total is the older field and the one that is kept up to date in streams.
    let written =
        count("/cache_creation_input_tokens").unwrap_or_else(|| hour.saturating_add(five));
    let hour = hour.min(written);
    let output = output.unwrap_or(0);
    let reasoning = count("/output_tokens_details/thinking_tokens")
        .unwrap_or(0)
        .min(output);
    Some(Usage {
        input: input.unwrap_or(0),
        cache_read: count("/cache_read_input_tokens").unwrap_or(0),
        cache_write_5m: written - hour,
        cache_write_1h: hour,
        output: output - reasoning,
        reasoning,
        ..Usage::default()
    })
}

/// Takes what a later `usage` object says over what is known; absent and `null` change nothing.
pub fn merge(known: &mut Map<String, Value>, later: Value) {
    if let Value::Object(later) = later {
        known.extend(later.into_iter().filter(|(_, value)| !value.is_null()));
    }
}

/// Writes a `usage` object.
pub fn write(usage: &Usage) -> Value {
    let mut out = json!({
        "input_tokens": usage.input,
        "cache_creation_input_tokens": usage.cache_write_5m.saturating_add(usage.cache_write_1h),
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation": {"ephemeral_5m_input_tokens": usage.cache_write_5m, "ephemeral_1h_input_tokens": usage.cache_write_1h},
        "output_tokens": usage.completion(),
    });
    if usage.reasoning > 0 {
        out["output_tokens_details"] = json!({"thinking_tokens": usage.reasoning});
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn buckets_are_disjoint_and_come_back() {
        let given = json!({"input_tokens": 3, "cache_creation_input_tokens": 30, "cache_read_input_tokens": 7,
            "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20}, "output_tokens": 9, "output_tokens_details": {"thinking_tokens": 4}});
        let usage = read(&given).unwrap();
        let expected = Usage {
            input: 3,
            cache_read: 7,
            cache_write_5m: 10,
            cache_write_1h: 20,
            output: 5,
            reasoning: 4,
            ..Usage::default()
        };
        assert_eq!((usage, write(&usage)), (expected, given));
    }

    #[test]
    fn a_total_without_split_is_the_short_cache() {
        assert_eq!(read(&json!({"input_tokens": 1, "cache_creation_input_tokens": 5, "cache_creation": null})).unwrap().cache_write_5m, 5);
        assert_eq!(read(&json!({"output_tokens": null})), None);
    }

    #[test]
    fn null_does_not_undo_what_is_known() {
        let mut known = Map::new();
        merge(&mut known, json!({"input_tokens": 5, "output_tokens": 1}));
        merge(
            &mut known,
            json!({"input_tokens": null, "output_tokens": 8}),
        );
        assert_eq!(
            read(&Value::Object(known)).unwrap(),
            Usage {
                input: 5,
                output: 8,
                ..Usage::default()
            }
        );
    }
}
