//! What a usage costs, in integers.

use super::Prices;
use crate::chat::{Bucket, Per, Tier, Usage, UsageSource};
use crate::resources::price::decimal;
use serde::{Deserialize, Serialize};

/// Picodollars (10^-12 dollars): every price per token is a whole number of them.
pub type Pico = i128;

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

impl CostStatus {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            CostStatus::Calculated => "calculated",
            CostStatus::Estimated => "estimated",
            CostStatus::Unpriced => "unpriced",
            CostStatus::Free => "free",
        }
    }
}

/// What a request cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    pub status: CostStatus,
    /// `None` exactly where the status is `Unpriced`.
    pub pico: Option<Pico>,
    /// Which bucket was used and has no price.
    pub unpriced: Option<Bucket>,
}

/// What a usage at a tier of service costs at these prices.
///
/// Each bucket is priced by itself, at the tier, and for the whole request at the price for prompts as long as its own:
/// cached tokens count towards that as all others do. Where a bucket that was used has no price, the request is
/// unpriced, whatever the others come to.
pub fn cost(usage: &Usage, tier: Tier, source: UsageSource, prices: &Prices) -> Cost {
    let holding = prices.holding(tier, usage.prompt());
    let mut pico: Pico = 0;
    for (bucket, count) in usage.buckets() {
        match holding.and_then(|holding| holding.rates.get(bucket)) {
            _ if count == 0 => {}
            // What is too much stays at the most: it never wraps.
            Some(rate) => pico = pico.saturating_add(part(bucket, count, rate)),
            None => {
                return Cost {
                    unpriced: Some(bucket),
                    ..Cost::default()
                };
            }
        }
    }
    let Some(holding) = holding else {
        return Cost::default();
    };
    let status = match source {
        _ if holding.free => CostStatus::Free,
        UsageSource::Estimated => CostStatus::Estimated,
        UsageSource::Reported | UsageSource::None => CostStatus::Calculated,
    };
    Cost {
        status,
        pico: Some(pico),
        unpriced: None,
    }
}

/// What a bucket costs: seconds by the hour, to the nearest picodollar.
fn part(bucket: Bucket, count: u64, rate: u64) -> Pico {
    let product = Pico::from(count).saturating_mul(Pico::from(rate));
    match bucket.per() {
        Per::Hour => {
            let seconds = Pico::from(Per::Hour.count());
            product.saturating_add(seconds / 2) / seconds
        }
        Per::Million | Per::Thousand => product,
    }
}

/// What a request would cost at the usual tier, before it is sent: so many tokens of a prompt, so many of an answer.
pub fn estimate(prices: &Prices, input: u64, output: u64) -> Cost {
    let usage = Usage {
        input,
        output,
        ..Usage::default()
    };
    cost(&usage, Tier::Standard, UsageSource::Estimated, prices)
}

/// The most a request would cost at any of these; `None`: what it costs is known of none.
pub fn dearest<'a>(
    prices: impl IntoIterator<Item = &'a Prices>,
    input: u64,
    output: u64,
) -> Option<Pico> {
    let costs = prices
        .into_iter()
        .filter_map(|prices| estimate(prices, input, output).pico);
    costs.max()
}

/// Picodollars as decimal dollars without trailing zeros, such as `0.000075`.
pub fn dollars(pico: Pico) -> String {
    let dollars = decimal(pico.unsigned_abs(), 12);
    match pico < 0 {
        true => format!("-{dollars}"),
        false => dollars,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::resources::price::Price;

    const SONNET: [(&str, &str); 5] = [
        ("input", "3"),
        ("output", "15"),
        ("cache_read", "0.3"),
        ("cache_write_5m", "3.75"),
        ("cache_write_1h", "6"),
    ];

    fn prices(given: &[(&str, &str)]) -> Prices {
        let read = |(of, dollars): &(&str, &str)| Price::read(of, dollars).unwrap();
        given.iter().map(read).collect()
    }

    fn costs(usage: &Usage, given: &[(&str, &str)]) -> Cost {
        let source = UsageSource::Reported;
        cost(usage, Tier::Standard, source, &prices(given))
    }

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
        let cost = costs(&usage, &SONNET);
        let pico =
            3_000_000_000 + 600_000_000 + 1_125_000_000 + 240_000_000 + 7_500_000_000 + 900_000_000;
        let expected = Cost {
            status: CostStatus::Calculated,
            pico: Some(pico),
            unpriced: None,
        };
        assert_eq!(cost, expected);
        assert_eq!(dollars(pico), "0.013365");
    }

    #[test]
    fn sound_and_pictures_are_taken_out_of_what_they_are_part_of() {
        let usage = Usage {
            input: 100,
            audio: 30,
            image: 20,
            cache_read: 50,
            audio_cached: 40,
            output: 60,
            audio_output: 5,
            image_output: 7,
            searches: 2,
            search_units: 3,
            seconds: 7,
            ..Usage::default()
        };
        let given = [
            ("input", "1"),
            ("audio", "10"),
            ("image", "2"),
            ("cache_read", "0.5"),
            ("audio_cached", "5"),
            ("output", "3"),
            ("audio_output", "50"),
            ("image_output", "40"),
            ("searches", "10"),
            ("search_units", "2"),
            ("seconds", "0.36"),
        ];
        let tokens = 50 + 30 * 10 + 20 * 2 + 5 + 40 * 5 + 48 * 3 + 5 * 50 + 7 * 40;
        let pieces = 2 * 10_000_000_000 + 3 * 2_000_000_000 + 7 * 100_000_000;
        assert_eq!(
            costs(&usage, &given).pico,
            Some(tokens * 1_000_000 + pieces)
        );
        // More of a part than of the whole is no more than the whole.
        let absurd = Usage {
            input: 1,
            audio: u64::MAX,
            image: 9,
            ..Usage::default()
        };
        assert_eq!(costs(&absurd, &given).pico, Some(10_000_000));
    }

    #[test]
    fn a_used_bucket_without_a_price_is_never_free() {
        let usage = Usage {
            input: 10,
            output: 1,
            ..Usage::default()
        };
        let unpriced = |bucket| Cost {
            status: CostStatus::Unpriced,
            pico: None,
            unpriced: Some(bucket),
        };
        assert_eq!(costs(&usage, &[]), unpriced(Bucket::Input));
        assert_eq!(costs(&usage, &[("input", "1")]), unpriced(Bucket::Output));
        assert_eq!(costs(&usage, &[("input", "0")]), unpriced(Bucket::Output));
        assert_eq!(costs(&Usage::default(), &[]), Cost::default());
        let silent = Usage { output: 0, ..usage };
        assert_eq!(
            costs(&silent, &[("input", "1")]).status,
            CostStatus::Calculated
        );
        let status = costs(&usage, &[("input", "0"), ("output", "0")]).status;
        assert_eq!(status, CostStatus::Free);
        let estimated = cost(
            &usage,
            Tier::Standard,
            UsageSource::Estimated,
            &prices(&SONNET),
        );
        assert_eq!(estimated.status, CostStatus::Estimated);
        for (bucket, used) in [
            (
                Bucket::Audio,
                Usage {
                    input: 1,
                    audio: 1,
                    ..Usage::default()
                },
            ),
            (
                Bucket::ImageOutput,
                Usage {
                    output: 1,
                    image_output: 1,
                    ..Usage::default()
                },
            ),
            (
                Bucket::Searches,
                Usage {
                    searches: 1,
                    ..Usage::default()
                },
            ),
        ] {
            assert_eq!(costs(&used, &SONNET), unpriced(bucket));
        }
        let billed = Usage {
            billed: Some((3, 2)),
            cache_read: 100,
            ..usage
        };
        assert_eq!(
            costs(&billed, &[("input", "1"), ("output", "1")]).pico,
            Some(5_000_000)
        );
    }

    #[test]
    fn long_prompts_and_tiers_have_their_own_prices() {
        let given = prices(&[
            ("input", "1"),
            ("cache_read", "0.1"),
            ("output", "10"),
            ("input@above-1000", "2"),
            ("cache_read@above-1000", "0.2"),
            ("output@above-1000", "15"),
            ("input@flex", "0.5"),
        ]);
        let usage = |input| Usage {
            input,
            cache_read: 900,
            output: 10,
            ..Usage::default()
        };
        let costs = |input, tier| cost(&usage(input), tier, UsageSource::Reported, &given).pico;
        assert_eq!(
            costs(100, Tier::Standard),
            Some(100_000_000 + 90_000_000 + 100_000_000)
        );
        // All of it is dearer, not what is beyond.
        assert_eq!(
            costs(101, Tier::Standard),
            Some(202_000_000 + 180_000_000 + 150_000_000)
        );
        assert_eq!(
            costs(100, Tier::Flex),
            Some(50_000_000 + 90_000_000 + 100_000_000)
        );
        let unknown = cost(&usage(1), Tier::Priority, UsageSource::Reported, &given);
        assert_eq!(unknown.unpriced, Some(Bucket::Input));
        assert_eq!(unknown.status, CostStatus::Unpriced);
    }

    #[test]
    fn estimates_are_of_the_usual_tier_and_the_dearest_is_known_where_any_is() {
        let given = [
            prices(&[("input", "1"), ("output", "10"), ("input@above-1000", "20")]),
            prices(&[("input", "2"), ("output", "9")]),
            prices(&[("input", "500")]),
        ];
        let cost = estimate(&given[0], 1000, 100);
        assert_eq!(
            (cost.status, cost.pico),
            (CostStatus::Estimated, Some(2_000_000_000))
        );
        assert_eq!(dearest(&given, 1000, 100), Some(2_900_000_000));
        assert_eq!(dearest(&given, 1001, 100), Some(21_020_000_000));
        assert_eq!(dearest(&given[2..], 1000, 100), None);
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
            seconds: u64::MAX,
            ..Usage::default()
        };
        let dear: Prices = ["input", "output", "seconds"]
            .into_iter()
            .map(|of| Price {
                of: of.parse().unwrap(),
                pico: u64::MAX,
            })
            .collect();
        let cost = cost(&most, Tier::Standard, UsageSource::Reported, &dear);
        assert!(cost.pico.unwrap() > 0);
        assert!(dollars(Pico::MAX).starts_with("1701") && dollars(Pico::MIN).starts_with("-1701"));
    }

    #[test]
    fn dollars_are_exact() {
        let dollar = 1_000_000_000_000;
        for (pico, want) in [
            (0, "0"),
            (75_000_000, "0.000075"),
            (dollar, "1"),
            (-dollar / 2, "-0.5"),
            (1, "0.000000000001"),
            (12 * dollar + dollar / 4, "12.25"),
        ] {
            assert_eq!(dollars(pico), want);
        }
    }
}
