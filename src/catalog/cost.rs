//! What a usage costs, in integers.

use super::Prices;
use crate::chat::{Usage, UsageSource};
use serde::{Deserialize, Serialize};

/// Picodollars (10^-12 dollars): every price per token is a whole number of them.
pub type Pico = i128;

const PER_DOLLAR: Pico = 1_000_000_000_000;

/// How sure a cost is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CostStatus {
    Calculated,
    /// From estimated usage.
    Estimated,
    /// A price of a bucket that was used is not known. Never shown as 0.
    #[default]
    Unpriced,
    /// Every price is 0.
    Free,
}

/// What a request cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    pub status: CostStatus,
    /// `None` exactly where the status is `Unpriced`.
    pub pico: Option<Pico>,
}

/// What a usage costs at these prices.
///
/// A used bucket falls back to the price it is a kind of: cache reads and five-minute cache writes to the input
/// price, one-hour cache writes to the five-minute price and then the input price, reasoning to the output price.
/// Where that is not known either, or audio or images were counted apart (no prices are kept for them), the
/// request is unpriced.
pub fn cost(usage: &Usage, source: UsageSource, prices: &Prices) -> Cost {
    let known = [
        prices.input,
        prices.output,
        prices.cache_read,
        prices.cache_write_5m,
        prices.cache_write_1h,
    ];
    if known.iter().all(Option::is_none) {
        return Cost::default();
    }
    let usage = match usage.billed {
        None => *usage,
        Some((input, output)) => Usage {
            input,
            output,
            ..Usage::default()
        },
    };
    let buckets = [
        (usage.input, prices.input),
        (usage.cache_read, prices.cache_read.or(prices.input)),
        (usage.cache_write_5m, prices.cache_write_5m.or(prices.input)),
        // OpenAI's own writes cost what Anthropic's shorter ones do: a quarter more than input.
        (usage.cache_write, prices.cache_write_5m.or(prices.input)),
        (
            usage.cache_write_1h,
            prices
                .cache_write_1h
                .or(prices.cache_write_5m)
                .or(prices.input),
        ),
        (usage.output, prices.output),
        (usage.reasoning, prices.output),
        (usage.audio, None),
        (usage.image, None),
        (usage.audio_output, None),
        (usage.image_output, None),
        (usage.searches, None),
        (usage.seconds, None),
        (usage.search_units, None),
    ];
    let mut pico: Pico = 0;
    for (tokens, price) in buckets {
        match price {
            // A product of two u64 fits an i128 with room; the sum of them saturates rather than wraps.
            Some(price) => {
                pico = pico.saturating_add(Pico::from(tokens).saturating_mul(Pico::from(price)))
            }
            None if tokens > 0 => return Cost::default(),
            None => {}
        }
    }
    let status = match source {
        _ if known.iter().flatten().all(|price| *price == 0) => CostStatus::Free,
        UsageSource::Estimated => CostStatus::Estimated,
        UsageSource::Reported | UsageSource::None => CostStatus::Calculated,
    };
    Cost {
        status,
        pico: Some(pico),
    }
}

/// Dollars per million tokens (decimal text, checked by the model resource) as picodollars per token.
/// `None`: not a plain decimal, negative, finer than a picodollar a token, or too large.
pub fn per_token(dollars_per_million: &str) -> Option<u64> {
    let (whole, fraction) = dollars_per_million
        .split_once('.')
        .unwrap_or((dollars_per_million, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    // A dollar per million tokens is a million picodollars per token: six decimals.
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > 6 {
        return None;
    }
    let whole = whole.parse::<u64>().ok()?.checked_mul(1_000_000)?;
    whole.checked_add(format!("{fraction:0<6}").parse().ok()?)
}

/// Picodollars as decimal dollars without trailing zeros, such as `0.000075`.
pub fn dollars(pico: Pico) -> String {
    let sign = if pico < 0 { "-" } else { "" };
    let pico = pico.unsigned_abs();
    let per_dollar = PER_DOLLAR.unsigned_abs();
    let fraction = format!("{:012}", pico % per_dollar);
    match fraction.trim_end_matches('0') {
        "" => format!("{sign}{}", pico / per_dollar),
        fraction => format!("{sign}{}.{fraction}", pico / per_dollar),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use proptest::prelude::*;

    const SONNET: Prices = Prices {
        input: Some(3_000_000),
        output: Some(15_000_000),
        cache_read: Some(300_000),
        cache_write_5m: Some(3_750_000),
        cache_write_1h: Some(6_000_000),
    };

    #[test]
    fn buckets_are_priced_one_by_one() {
        let usage = Usage {
            input: 1000,
            cache_read: 2000,
            cache_write_5m: 300,
            cache_write_1h: 40,
            output: 500,
            reasoning: 60,
            ..Usage::default()
        };
        let cost = cost(&usage, UsageSource::Reported, &SONNET);
        assert_eq!(
            cost,
            Cost {
                status: CostStatus::Calculated,
                pico: Some(
                    3_000_000_000
                        + 600_000_000
                        + 1_125_000_000
                        + 240_000_000
                        + 7_500_000_000
                        + 900_000_000
                )
            }
        );
        assert_eq!(dollars(cost.pico.unwrap()), "0.013365");
    }

    #[test]
    fn a_used_bucket_without_a_price_is_never_free() {
        let usage = Usage {
            input: 10,
            output: 1,
            ..Usage::default()
        };
        let status =
            |usage: &Usage, prices: Prices| cost(usage, UsageSource::Reported, &prices).status;
        assert_eq!(
            cost(&usage, UsageSource::Reported, &Prices::default()),
            Cost {
                status: CostStatus::Unpriced,
                pico: None
            }
        );
        assert_eq!(
            status(
                &usage,
                Prices {
                    output: None,
                    ..SONNET
                }
            ),
            CostStatus::Unpriced
        );
        assert_eq!(
            status(
                &Usage { output: 0, ..usage },
                Prices {
                    output: None,
                    ..SONNET
                }
            ),
            CostStatus::Calculated
        );
        assert_eq!(
            status(&Usage { audio: 1, ..usage }, SONNET),
            CostStatus::Unpriced
        );
        assert_eq!(
            status(
                &usage,
                Prices {
                    input: Some(0),
                    output: Some(0),
                    ..Prices::default()
                }
            ),
            CostStatus::Free
        );
        assert_eq!(
            status(
                &usage,
                Prices {
                    input: Some(0),
                    ..Prices::default()
                }
            ),
            CostStatus::Unpriced
        );
        assert_eq!(
            cost(&usage, UsageSource::Estimated, &SONNET).status,
            CostStatus::Estimated
        );
        let plain = Prices {
            input: Some(2),
            output: Some(3),
            ..Prices::default()
        };
        let cached = Usage {
            cache_read: 1,
            cache_write_5m: 1,
            cache_write_1h: 1,
            reasoning: 1,
            ..Usage::default()
        };
        assert_eq!(
            cost(&cached, UsageSource::Reported, &plain).pico,
            Some(2 + 2 + 2 + 3)
        );
    }

    #[test]
    fn nothing_overflows() {
        let most = Usage {
            input: u64::MAX,
            cache_read: u64::MAX,
            cache_write_5m: u64::MAX,
            cache_write_1h: u64::MAX,
            output: u64::MAX,
            reasoning: u64::MAX,
            ..Usage::default()
        };
        let prices = Prices {
            input: Some(u64::MAX),
            output: Some(u64::MAX),
            ..Prices::default()
        };
        assert!(cost(&most, UsageSource::Reported, &prices).pico.unwrap() > 0);
        assert!(dollars(Pico::MAX).starts_with("1701") && dollars(Pico::MIN).starts_with("-1701"));
    }

    #[test]
    fn money_is_decimal_text() {
        for (text, want) in [
            ("2.5", Some(2_500_000)),
            ("0", Some(0)),
            ("0.000001", Some(1)),
            ("0.0375000", Some(37_500)),
            ("10", Some(10_000_000)),
            ("0.0000001", None),
            ("-1", None),
            ("1e3", None),
            ("", None),
            (".5", None),
            ("1.", None),
            ("1.2.3", None),
            ("99999999999999999999", None),
            ("18446744073709", Some(18_446_744_073_709_000_000)),
            ("18446744073710", None),
        ] {
            assert_eq!(per_token(text), want, "{text}");
        }
        for (pico, want) in [
            (0, "0"),
            (75_000_000, "0.000075"),
            (PER_DOLLAR, "1"),
            (-PER_DOLLAR / 2, "-0.5"),
            (1, "0.000000000001"),
            (12 * PER_DOLLAR + PER_DOLLAR / 4, "12.25"),
        ] {
            assert_eq!(dollars(pico), want);
        }
    }

    proptest! {
        #[test]
        fn per_token_reads_what_dollars_writes(price in 0..u64::MAX) {
            // Per million tokens, shifted by six decimals: the same digits.
            prop_assert_eq!(per_token(&dollars(Pico::from(price) * 1_000_000)), Some(price));
        }

        #[test]
        fn never_panics(text in ".{0,30}") {
            let _ = per_token(&text);
        }
    }
}
