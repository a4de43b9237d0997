//! What a request would cost at a model before it is sent: its prompt alone, and with the longest answer it allows. What is
//! not known is left out, and is never 0.

use super::{Facts, Pico, cost, dollars};
use crate::chat::{Tier, Usage, UsageSource};
use serde_json::{Map, Value, json};

/// What a request is like, as far as its price goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Tokens of the prompt.
    pub input: u64,
    /// They were counted, and not estimated.
    pub exact: bool,
    /// The longest answer it asks for; `None`: the model's longest.
    pub max_output: Option<u64>,
    /// How much of the prompt is read from a cache, of a hundred.
    pub cached: Option<u8>,
}

/// A request of this size at a model of which this is known: `{input, counted, cached?, max_output?, cost_input?, cost?,
/// context_window?, too_long?}`, costs in dollars.
fn forecast(size: Size, facts: &Facts) -> Map<String, Value> {
    let read = size
        .cached
        .map(|share| size.input.saturating_mul(u64::from(share.min(100))) / 100);
    let longest = size.max_output.or(facts.max_output);
    let pico = |output: u64| -> Option<Pico> {
        let usage = Usage {
            input: size.input - read.unwrap_or(0),
            cache_read: read.unwrap_or(0),
            output,
            ..Usage::default()
        };
        cost(
            &usage,
            Tier::Standard,
            UsageSource::Estimated,
            &facts.prices,
        )
        .pico
    };
    let shown = |pico: Option<Pico>| pico.map(|pico| Value::from(dollars(pico)));
    let counted = if size.exact { "exact" } else { "estimated" };
    let window = facts.context_window;
    [
        ("input", Some(size.input.into())),
        ("counted", Some(counted.into())),
        ("cached", read.map(Value::from)),
        ("max_output", longest.map(Value::from)),
        ("cost_input", shown(pico(0))),
        ("cost", shown(longest.and_then(pico))),
        ("context_window", window.map(Value::from)),
        (
            "too_long",
            window
                .filter(|most| size.input > *most)
                .map(|_| true.into()),
        ),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name.to_owned(), value?)))
    .collect()
}

/// The same as a row of an answer: `asked` is the name it was asked about, `at` the provider and its model, where there is
/// one.
pub fn row(asked: &str, at: Option<(&str, &str)>, size: Size, facts: &Facts) -> Value {
    let mut row = json!({ "asked": asked });
    if let Some((provider, model)) = at {
        row["provider"] = provider.into();
        row["model"] = model.into();
        row["price_source"] = facts.priced.word().into();
    }
    if let Value::Object(row) = &mut row {
        row.extend(forecast(size, facts));
    }
    row
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::facts;
    use super::*;

    fn at(spec: Value, size: Size) -> Value {
        let own = serde_json::from_value(spec).unwrap();
        Value::Object(forecast(size, &facts(Some(&own), None)))
    }

    #[test]
    fn what_is_known_is_said_and_nothing_is_free_that_is_not_known() {
        let size = Size {
            input: 1000,
            ..Size::default()
        };
        let priced = json!({"provider": "p", "price_input": "2", "price_output": "10", "max_output": 100, "context_window": 999});
        assert_eq!(
            at(priced.clone(), size),
            json!({"input": 1000, "counted": "estimated", "max_output": 100, "cost_input": "0.002", "cost": "0.003", "context_window": 999, "too_long": true})
        );
        let asked = Size {
            max_output: Some(50),
            exact: true,
            cached: Some(80),
            ..size
        };
        let mut cached = priced;
        cached["price_cache_read"] = json!("0.2");
        assert_eq!(
            at(cached, asked),
            json!({"input": 1000, "counted": "exact", "cached": 800, "max_output": 50, "cost_input": "0.00056", "cost": "0.00106", "context_window": 999, "too_long": true})
        );
        // A prompt's price alone says nothing of an answer's; and how long an answer gets may not be known.
        assert_eq!(
            at(json!({"provider": "p", "price_input": "2"}), asked),
            json!({"input": 1000, "counted": "exact", "cached": 800, "max_output": 50, "cost_input": "0.002"})
        );
        assert_eq!(
            at(json!({"provider": "p"}), size),
            json!({"input": 1000, "counted": "estimated"})
        );
    }
}
