//! `usage` objects: `tokens` is what was read and written, the preamble and what marks the turns included, `billed_units`
//! what is paid for. The one place that knows what a provider's counts mean, for answers that are forwarded and for
//! those that are translated. Cached tokens and those of images are inside `tokens.input_tokens`.

use crate::chat::Usage;
use crate::formats::lenient::{Count, object};
use serde::Deserialize;
use serde_json::{Value, json};

/// A `usage` object as a provider spelt it.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(super) struct Counts {
    #[serde(deserialize_with = "object")]
    billed_units: Units,
    #[serde(deserialize_with = "object")]
    tokens: Units,
    cached_tokens: Count,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(super) struct Units {
    input_tokens: Count,
    output_tokens: Count,
    image_tokens: Count,
}

impl Units {
    /// Prompt and answer; `None` where the numbers are missing or not to be believed.
    fn both(&self) -> Option<(u64, u64)> {
        match (self.input_tokens, self.output_tokens) {
            (Count::Of(input), Count::Of(output)) => Some((input, output)),
            // Embeddings have none.
            (Count::Of(input), Count::Absent) => Some((input, 0)),
            _ => None,
        }
    }
}

impl Units {
    /// What embeddings were billed, which is all that is said of them.
    pub fn usage(&self) -> Option<Usage> {
        let (input, output) = self.both().or(match self.image_tokens {
            Count::Of(tokens) => Some((tokens, 0)),
            Count::Absent | Count::Absurd => None,
        })?;
        Some(Usage {
            input,
            output,
            image: self.image_tokens.or_zero().min(input),
            ..Usage::default()
        })
    }
}

impl Counts {
    /// The disjoint buckets; `None` where the numbers are missing or not to be believed.
    pub fn usage(&self) -> Option<Usage> {
        let billed = self.billed_units.both();
        let (input, output) = self.tokens.both().or(billed)?;
        let cached = self.cached_tokens.or_zero().min(input);
        Some(Usage {
            input: input - cached,
            cache_read: cached,
            output,
            image: self.tokens.image_tokens.or_zero().min(input),
            billed: billed.filter(|billed| *billed != (input, output)),
            ..Usage::default()
        })
    }
}

/// Writes a `usage` object.
pub fn write(usage: &Usage) -> Value {
    let (input, output) = (usage.prompt(), usage.completion());
    let (paid_in, paid_out) = usage.billed.unwrap_or((input, output));
    json!({
        "billed_units": {"input_tokens": paid_in, "output_tokens": paid_out},
        "tokens": {"input_tokens": input, "output_tokens": output},
        "cached_tokens": usage.cache_read,
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
    fn what_is_billed_stands_beside_what_was_read() {
        let given = json!({"billed_units": {"input_tokens": 41, "output_tokens": 28},
            "tokens": {"input_tokens": 1442, "output_tokens": 29}, "cached_tokens": 1040});
        let usage = read(&given).unwrap();
        let expected = Usage {
            input: 402,
            cache_read: 1040,
            output: 29,
            billed: Some((41, 28)),
            ..Usage::default()
        };
        assert_eq!((usage, write(&usage)), (expected, given));
    }

    #[test]
    fn other_spellings_of_the_same() {
        let billed = read(&json!({"billed_units": {"input_tokens": 2}})).unwrap();
        assert_eq!((billed.input, billed.billed), (2, None));
        let seen = json!({"tokens": {"input_tokens": 502, "output_tokens": 1, "image_tokens": 259}, "cached_tokens": null});
        assert_eq!(read(&seen).unwrap().image, 259);
        for none in [
            json!({}),
            json!({"tokens": {"input_tokens": -1, "output_tokens": 1}}),
        ] {
            assert_eq!(read(&none), None, "{none}");
        }
    }
}
