//! What a model costs: a rate for each bucket, at each tier of service and from each length of prompt on. Settled when it
//! is made, so that pricing a request looks nothing up. Must not know where prices come from.

use crate::chat::{Bucket, Tier};
use crate::resources::price::{Price, PriceOf};

/// Prices of one tier from one length of prompt on: picodollars for one token, one piece, or an hour of sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rates([u64; Bucket::ALL.len()]);

/// No price is known.
const UNKNOWN: u64 = u64::MAX;

impl Rates {
    const NONE: Rates = Rates([UNKNOWN; Bucket::ALL.len()]);

    pub fn get(&self, bucket: Bucket) -> Option<u64> {
        Some(self.0[bucket as usize]).filter(|pico| *pico != UNKNOWN)
    }

    fn set(&mut self, bucket: Bucket, pico: u64) {
        // The one price that stands for none is higher than any that can be.
        self.0[bucket as usize] = pico.min(UNKNOWN - 1);
    }

    /// Prices that are not known are those of what a bucket is a kind of. Sound and pictures that are made have none, and
    /// neither has what is heard: they cost several times what words do.
    fn complete(&mut self) {
        for (bucket, kinds) in [
            (Bucket::CacheRead, &[Bucket::Input][..]),
            // Where five minutes have a price of their own, an hour has another one that is not known.
            (
                Bucket::CacheWrite1h,
                match self.get(Bucket::CacheWrite5m) {
                    Some(_) => &[],
                    None => &[Bucket::Input],
                },
            ),
            // OpenAI's own writes cost what Anthropic's shorter ones do: a quarter more than input.
            (Bucket::CacheWrite, &[Bucket::CacheWrite5m, Bucket::Input]),
            (Bucket::CacheWrite5m, &[Bucket::Input]),
            (Bucket::Reasoning, &[Bucket::Output]),
            (Bucket::Image, &[Bucket::Input]),
            (Bucket::AudioCached, &[Bucket::Audio]),
        ] {
            if self.get(bucket).is_none()
                && let Some(pico) = kinds.iter().find_map(|kind| self.get(*kind))
            {
                self.set(bucket, pico);
            }
        }
    }

    fn is_free(&self) -> bool {
        let mut known = self.0.iter().filter(|pico| **pico != UNKNOWN).peekable();
        known.peek().is_some() && known.all(|pico| *pico == 0)
    }
}

/// What holds at a tier from one length of prompt on.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    tier: Tier,
    above: u64,
    rates: Rates,
}

/// What a model costs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prices {
    /// As they were given: by tier, length of prompt and bucket.
    given: Box<[Price]>,
    /// What follows from them, by tier, then by length of prompt.
    steps: Box<[Step]>,
}

/// What holds for a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holding<'a> {
    pub rates: &'a Rates,
    /// Every price that is known is 0.
    pub free: bool,
}

impl FromIterator<Price> for Prices {
    /// Later prices take the place of earlier ones of the same.
    fn from_iter<I: IntoIterator<Item = Price>>(prices: I) -> Prices {
        let order = |of: &PriceOf| (of.tier, of.above, of.bucket);
        let mut given: Vec<Price> = Vec::new();
        for price in prices {
            let at = order(&price.of);
            match given.binary_search_by_key(&at, |known| order(&known.of)) {
                Ok(place) => given[place] = price,
                Err(place) => given.insert(place, price),
            }
        }
        Prices {
            steps: steps(&given).into(),
            given: given.into(),
        }
    }
}

/// What holds at each tier for each length of prompt that prices are given for. What is not given for a longer prompt holds
/// from a shorter one, and what is not given at a tier is as usual. Where a bucket usually costs more in a longer prompt and a
/// tier has its own price for shorter ones alone, nobody knows what the tier takes.
fn steps(given: &[Price]) -> Vec<Step> {
    let mut places: Vec<(Tier, u64)> = given.iter().map(|it| (it.of.tier, it.of.above)).collect();
    let tiers: Vec<Tier> = given.iter().map(|price| price.of.tier).collect();
    let usual = given.iter().filter(|price| price.of.tier.is_standard());
    let lengths: Vec<u64> = usual.map(|price| price.of.above).chain([0]).collect();
    for tier in tiers {
        places.extend(lengths.iter().map(|above| (tier, *above)));
    }
    places.sort_unstable();
    places.dedup();
    let rates = |(tier, above): (Tier, u64)| {
        let mut rates = Rates::NONE;
        // For each bucket the longest prompt that its usual price is given for.
        let mut longest = [0; Bucket::ALL.len()];
        for at in [Tier::Standard, tier] {
            let of = |price: &&Price| price.of.tier == at && price.of.above <= above;
            // In the order of lengths: the longest that is given holds.
            for Price { of, pico } in given.iter().filter(of) {
                let usual = &mut longest[of.bucket as usize];
                if of.tier.is_standard() {
                    *usual = of.above;
                }
                match of.above < *usual {
                    true => rates.0[of.bucket as usize] = UNKNOWN,
                    false => rates.set(of.bucket, *pico),
                }
            }
        }
        rates.complete();
        rates
    };
    let step = |place: (Tier, u64)| Step {
        tier: place.0,
        above: place.1,
        rates: rates(place),
    };
    places.into_iter().map(step).collect()
}

impl Prices {
    /// The usual price of a bucket as it is given: picodollars for one token, one piece, or an hour of sound.
    pub fn get(&self, bucket: Bucket) -> Option<u64> {
        let usual = PriceOf::usual(bucket);
        let found = self.given.iter().find(|price| price.of == usual);
        found.map(|price| price.pico)
    }

    /// Every price that is given.
    pub fn list(&self) -> &[Price] {
        &self.given
    }

    /// What holds for a prompt of this many tokens at a tier; `None`: nothing is known of this tier.
    pub(super) fn holding(&self, tier: Tier, prompt: u64) -> Option<Holding<'_>> {
        let at = |tier: Tier| {
            let holds = |step: &&Step| step.tier == tier && step.above < prompt.max(1);
            self.steps.iter().rev().find(holds)
        };
        let step = match at(tier) {
            Some(step) => step,
            // What costs nothing costs nothing at any tier.
            None => at(Tier::Standard).filter(|step| step.rates.is_free())?,
        };
        Some(Holding {
            rates: &step.rates,
            free: step.rates.is_free(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn prices(given: &[(&str, &str)]) -> Prices {
        let read = |(of, dollars): &(&str, &str)| Price::read(of, dollars).unwrap();
        given.iter().map(read).collect()
    }

    fn rate(prices: &Prices, tier: Tier, prompt: u64, bucket: Bucket) -> Option<u64> {
        prices.holding(tier, prompt)?.rates.get(bucket)
    }

    #[test]
    fn what_a_tier_does_not_say_is_as_usual() {
        let prices = prices(&[
            ("input", "5"),
            ("cache_read", "0.5"),
            ("output", "30"),
            ("input@above-272000", "10"),
            ("cache_read@above-272000", "1"),
            ("output@above-272000", "45"),
            ("input@batch", "2.5"),
            ("input@batch@above-272000", "5"),
            ("input@priority", "12.5"),
        ]);
        for (tier, prompt, input, read) in [
            (Tier::Standard, 0, 5_000_000, 500_000),
            (Tier::Standard, 272_000, 5_000_000, 500_000),
            (Tier::Standard, 272_001, 10_000_000, 1_000_000),
            (Tier::Batch, 272_000, 2_500_000, 500_000),
            // What batches do not change of a long prompt is what a long prompt costs.
            (Tier::Batch, 272_001, 5_000_000, 1_000_000),
            (Tier::Priority, 272_000, 12_500_000, 500_000),
        ] {
            let got = [Bucket::Input, Bucket::CacheRead]
                .map(|bucket| rate(&prices, tier, prompt, bucket).unwrap());
            assert_eq!(got, [input, read], "{tier:?} {prompt}");
        }
        assert_eq!(rate(&prices, Tier::Flex, 1, Bucket::Input), None);
        // Usually a long prompt costs more: by how much at this tier is not known.
        assert_eq!(rate(&prices, Tier::Priority, 272_001, Bucket::Input), None);
        assert_eq!(prices.get(Bucket::Input), Some(5_000_000));
        assert_eq!(prices.get(Bucket::CacheWrite5m), None);
        let again: Prices = prices.list().iter().copied().collect();
        assert_eq!(again, prices);
    }

    #[test]
    fn buckets_fall_back_to_what_they_are_a_kind_of() {
        let plain = prices(&[("input", "2"), ("output", "3")]);
        for (bucket, want) in [
            (Bucket::CacheRead, Some(2_000_000)),
            (Bucket::CacheWrite5m, Some(2_000_000)),
            (Bucket::CacheWrite1h, Some(2_000_000)),
            (Bucket::CacheWrite, Some(2_000_000)),
            (Bucket::Image, Some(2_000_000)),
            (Bucket::Reasoning, Some(3_000_000)),
            (Bucket::Audio, None),
            (Bucket::AudioCached, None),
            (Bucket::AudioOutput, None),
            (Bucket::ImageOutput, None),
            (Bucket::Searches, None),
            (Bucket::SearchUnits, None),
            (Bucket::Seconds, None),
        ] {
            assert_eq!(rate(&plain, Tier::Standard, 1, bucket), want, "{bucket:?}");
        }
        // Where writing for five minutes costs more than input, an hour costs more still: nobody knows how much.
        let written = prices(&[("input", "2"), ("cache_write_5m", "2.5"), ("audio", "9")]);
        let of = |bucket| rate(&written, Tier::Standard, 1, bucket);
        assert_eq!(
            [
                Bucket::CacheWrite,
                Bucket::CacheWrite1h,
                Bucket::AudioCached
            ]
            .map(of),
            [Some(2_500_000), None, Some(9_000_000)]
        );
    }

    #[test]
    fn the_last_price_of_the_same_holds_and_nothing_is_free_at_every_tier() {
        let twice = prices(&[("input", "2"), ("input", "3")]);
        assert_eq!(twice, prices(&[("input", "3")]));
        let free = prices(&[("input", "0"), ("output", "0")]);
        assert!(free.holding(Tier::Other, 5).unwrap().free);
        assert!(Prices::default().holding(Tier::Standard, 5).is_none());
    }
}
