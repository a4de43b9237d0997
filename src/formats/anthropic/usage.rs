//! `usage` objects: cached tokens are counted beside the input here, thinking inside the output. The one place that knows
//! what a provider's counts mean, for answers that are forwarded and for those that are translated.

use crate::chat::{Tier, Usage};
use crate::formats::lenient::{Count, Fold, Given, Text, fold, object};
use crate::formats::tier::Served;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

/// A `usage` object as a provider spelt it.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(super) struct Counts {
    input_tokens: Count,
    output_tokens: Count,
    cache_read_input_tokens: Count,
    cache_creation_input_tokens: Count,
    #[serde(deserialize_with = "object")]
    cache_creation: Written,
    #[serde(deserialize_with = "object")]
    output_tokens_details: OutputDetails,
    #[serde(deserialize_with = "object")]
    server_tool_use: Tools,
    service_tier: Served,
    speed: Served,
    inference_geo: Place,
    #[serde(deserialize_with = "fold")]
    iterations: Iterations,
}

/// The rounds an answer took: those of another model, an advisor's, are not in the totals.
/// <https://platform.claude.com/docs/en/agents-and-tools/tool-use/advisor-tool>
#[derive(Clone, Copy, Default)]
struct Iterations {
    others: u64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Iteration {
    model: Given,
    input_tokens: Count,
    output_tokens: Count,
    cache_read_input_tokens: Count,
    cache_creation_input_tokens: Count,
}

impl Fold<Iteration> for Iterations {
    fn item(&mut self, round: Iteration) {
        let counts = [
            round.input_tokens,
            round.output_tokens,
            round.cache_read_input_tokens,
            round.cache_creation_input_tokens,
        ];
        if round.model.0 {
            let tokens = counts.iter().map(|count| count.or_zero());
            self.others = tokens.fold(self.others, u64::saturating_add);
        }
    }
}

/// Whether the answer had to stay in one country, which costs more:
/// <https://platform.claude.com/docs/en/build-with-claude/data-residency>
#[derive(Clone, Copy, Default)]
struct Place {
    kept: bool,
}

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Place, D::Error> {
        let word = Text::deserialize(from)?;
        let kept = !matches!(word.as_str(), "" | "global" | "not_available");
        Ok(Place { kept })
    }
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct Tools {
    web_search_requests: Count,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct Written {
    ephemeral_5m_input_tokens: Count,
    ephemeral_1h_input_tokens: Count,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
struct OutputDetails {
    thinking_tokens: Count,
}

impl Counts {
    /// The tier it was given at. Prices are known of one thing that changes them at a time.
    pub fn served(&self) -> Served {
        match (self.service_tier.or(self.speed), self.inference_geo.kept) {
            (served, false) => served,
            (Served(None | Some(Tier::Standard)), true) => Served(Some(Tier::Regional)),
            (_, true) => Served(Some(Tier::Other)),
        }
    }

    /// Adds these counts to what is known. They are running totals: of the output the last one holds, of the
    /// input the largest, since some servers send zeros first and the truth last, or the other way round.
    /// Counts that cannot be believed end it all: then the usage is estimated.
    pub fn merge(&self, known: &mut Option<Usage>) {
        if [self.input_tokens, self.output_tokens].contains(&Count::Absurd) {
            *known = None;
            return;
        }
        // Without the input's size there is nothing to add to.
        if known.is_none() && self.input_tokens == Count::Absent {
            return;
        }
        let usage = known.get_or_insert_default();
        let long = self.cache_creation.ephemeral_1h_input_tokens.or_zero();
        let short = self.cache_creation.ephemeral_5m_input_tokens.or_zero().max(
            self.cache_creation_input_tokens
                .or_zero()
                .saturating_sub(long),
        );
        usage.input = usage.input.max(self.input_tokens.or_zero());
        usage.cache_read = usage.cache_read.max(self.cache_read_input_tokens.or_zero());
        usage.cache_write_1h = usage.cache_write_1h.max(long);
        // A later total without its split says nothing new about the split that is known.
        usage.cache_write_5m = usage.cache_write_5m.max(if long == 0 {
            short.saturating_sub(usage.cache_write_1h)
        } else {
            short
        });
        let output = match self.output_tokens {
            Count::Of(tokens) => tokens,
            Count::Absent | Count::Absurd => usage.completion(),
        };
        usage.reasoning = usage
            .reasoning
            .max(self.output_tokens_details.thinking_tokens.or_zero())
            .min(output);
        usage.output = output - usage.reasoning;
        let searches = self.server_tool_use.web_search_requests.or_zero();
        usage.searches = usage.searches.max(searches);
        usage.other_models = usage.other_models.max(self.iterations.others);
    }
}

/// Writes a `usage` object.
pub fn write(usage: &Usage) -> Value {
    let mut out = json!({
        "input_tokens": usage.input,
        "cache_creation_input_tokens": usage.written(),
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation": {"ephemeral_5m_input_tokens": usage.cache_write_5m.saturating_add(usage.cache_write), "ephemeral_1h_input_tokens": usage.cache_write_1h},
        "output_tokens": usage.completion(),
    });
    if usage.searches > 0 {
        out["server_tool_use"] = json!({"web_search_requests": usage.searches});
    }
    if usage.reasoning > 0 {
        out["output_tokens_details"] = json!({"thinking_tokens": usage.reasoning});
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(later: &[Value]) -> Option<Usage> {
        let mut known = None;
        for usage in later {
            serde_json::from_value::<Counts>(usage.clone())
                .unwrap()
                .merge(&mut known);
        }
        known
    }

    #[test]
    fn buckets_are_disjoint_and_come_back() {
        let given = json!({"input_tokens": 3, "cache_creation_input_tokens": 30, "cache_read_input_tokens": 7,
            "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20}, "output_tokens": 9, "output_tokens_details": {"thinking_tokens": 4}});
        let usage = read(std::slice::from_ref(&given)).unwrap();
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
        let given =
            json!({"input_tokens": 1, "cache_creation_input_tokens": 5, "cache_creation": null});
        assert_eq!(read(&[given]).unwrap().cache_write_5m, 5);
        assert_eq!(read(&[json!({"output_tokens": null})]), None);
    }

    #[test]
    fn an_advisors_tokens_are_beside_the_totals() {
        let given = json!({"input_tokens": 2390, "output_tokens": 121, "iterations": [
            {"input_tokens": 1128, "output_tokens": 110, "type": "message"},
            {"input_tokens": 2518, "output_tokens": 22, "cache_read_input_tokens": 5, "type": "advisor_message", "model": "m"},
            {"input_tokens": 1262, "output_tokens": 11, "type": "message"}]});
        let usage = read(&[given]).unwrap();
        assert_eq!((usage.total(), usage.other_models), (2511, 2545));
    }

    #[test]
    fn tier_speed_and_place_change_what_it_costs() {
        let served = |usage: Value| serde_json::from_value::<Counts>(usage).unwrap().served().0;
        for (usage, tier) in [
            (json!({}), None),
            (json!({"service_tier": null, "inference_geo": null}), None),
            (
                json!({"service_tier": "standard", "inference_geo": "global", "speed": "standard"}),
                Some(Tier::Standard),
            ),
            (json!({"service_tier": "batch"}), Some(Tier::Batch)),
            (
                json!({"service_tier": "standard", "speed": "fast"}),
                Some(Tier::Fast),
            ),
            (
                json!({"service_tier": "standard", "inference_geo": "us"}),
                Some(Tier::Regional),
            ),
            (
                json!({"service_tier": "batch", "inference_geo": "us"}),
                Some(Tier::Other),
            ),
        ] {
            assert_eq!(served(usage.clone()), tier, "{usage}");
        }
    }

    #[test]
    fn null_does_not_undo_what_is_known() {
        let given = [
            json!({"input_tokens": 5, "output_tokens": 1}),
            json!({"input_tokens": null, "output_tokens": 8}),
        ];
        assert_eq!(
            read(&given).unwrap(),
            Usage {
                input: 5,
                output: 8,
                ..Usage::default()
            }
        );
    }
}
