//! A price: of which bucket, at which tier of service, from which length of prompt on, and how much: `input@batch=1.25`.
//! Decimals to whole picodollars and back. Must not know what anything costs.

use crate::chat::{Bucket, Per, Tier};
use crate::error::{Error, Result, nearest};
use std::{fmt, str::FromStr};

/// What a price is for: `BUCKET[@TIER][@above-TOKENS]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PriceOf {
    pub bucket: Bucket,
    pub tier: Tier,
    /// It holds for the whole of a request whose prompt has more tokens than this; 0: for every request.
    pub above: u64,
}

impl PriceOf {
    /// Of a bucket in requests of any length at the usual tier.
    pub fn usual(bucket: Bucket) -> PriceOf {
        PriceOf {
            bucket,
            tier: Tier::Standard,
            above: 0,
        }
    }
}

/// A price: picodollars for one token or piece; for an hour where seconds are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    pub of: PriceOf,
    pub pico: u64,
}

/// Decimals that a quoted price may have, so that it comes to whole picodollars for each.
fn decimals(per: Per) -> usize {
    match per {
        Per::Million => 6,
        Per::Thousand => 9,
        Per::Hour => 12,
    }
}

/// A quoted price (dollars in decimal, for a million tokens, a thousand pieces or an hour) in picodollars for one
/// token, one piece or an hour. `None`: not a plain decimal, negative, finer than a picodollar, or too large.
pub fn amount(dollars: &str, per: Per) -> Option<u64> {
    let (whole, part) = dollars.split_once('.').unwrap_or((dollars, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) {
        return None;
    }
    let places = decimals(per);
    let part = part.trim_end_matches('0');
    if part.len() > places {
        return None;
    }
    let scale = 10_u64.checked_pow(u32::try_from(places).ok()?)?;
    let whole = whole.parse::<u64>().ok()?.checked_mul(scale)?;
    whole.checked_add(format!("{part:0<places$}").parse().ok()?)
}

/// The quoted price that comes to this many picodollars for one token, one piece or an hour.
pub fn quoted(pico: u64, per: Per) -> String {
    decimal(pico.into(), decimals(per))
}

/// A number with this many decimals behind its point, of which there are 12 at most, without trailing zeros. By hand: the cost
/// of an answer is in its headers.
pub fn decimal(number: u128, places: usize) -> String {
    const MOST: usize = 12;
    let places = places.min(MOST);
    let scale = 10_u64.pow(places as u32);
    let (whole, mut part) = match u64::try_from(number) {
        Ok(number) => (u128::from(number / scale), number % scale),
        Err(_) => {
            let scale = u128::from(scale);
            (number / scale, (number % scale) as u64)
        }
    };
    let mut text = String::with_capacity(24);
    match whole {
        0 => text.push('0'),
        _ => text.push_str(&whole.to_string()),
    }
    let mut digits = [b'0'; MOST];
    let digits = &mut digits[..places];
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (part % 10) as u8;
        part /= 10;
    }
    let end = digits.iter().rposition(|digit| *digit != b'0');
    if let Some(end) = end {
        text.push('.');
        text.extend(digits[..=end].iter().map(|digit| char::from(*digit)));
    }
    text
}

impl fmt::Display for PriceOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.bucket.name())?;
        if !self.tier.is_standard() {
            write!(f, "@{}", self.tier.name())?;
        }
        match self.above {
            0 => Ok(()),
            above => write!(f, "@above-{above}"),
        }
    }
}

impl FromStr for PriceOf {
    type Err = Error;
    fn from_str(text: &str) -> Result<PriceOf> {
        let unknown = |what: &str, word: &str, known: &[&'static str]| {
            let error = Error::invalid(format!("`{}` is not a {what}", word.escape_debug()));
            error.hint(match nearest(word, known.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("one of: {}", known.join(", ")),
            })
        };
        let mut words = text.split('@');
        let word = words.next().unwrap_or_default();
        let bucket = Bucket::ALL.into_iter().find(|known| known.name() == word);
        let bucket =
            bucket.ok_or_else(|| unknown("bucket", word, &Bucket::ALL.map(Bucket::name)))?;
        let mut of = PriceOf::usual(bucket);
        let mut words = words.peekable();
        if let Some(word) = words.peek()
            && !word.starts_with("above-")
        {
            of.tier = Tier::named(word).ok_or_else(|| unknown("tier", word, &Tier::names()))?;
            words.next();
        }
        if let Some(word) = words.next() {
            let above = word.strip_prefix("above-").and_then(|it| it.parse().ok());
            of.above = above.filter(|above| *above > 0).ok_or_else(|| {
                Error::invalid(format!(
                    "`{}` is no length of a prompt",
                    word.escape_debug()
                ))
                .hint("write above-TOKENS, such as above-200000")
            })?;
        }
        match words.next() {
            None => Ok(of),
            Some(_) => Err(
                Error::invalid(format!("`{}` says too much", text.escape_debug()))
                    .hint("write BUCKET, BUCKET@TIER or BUCKET@TIER@above-TOKENS"),
            ),
        }
    }
}

impl Price {
    /// A price from what it is of and the dollars it is quoted at.
    pub fn read(of: &str, dollars: &str) -> Result<Price> {
        let of: PriceOf = of.parse()?;
        let per = of.bucket.per();
        let pico = amount(dollars, per).ok_or_else(|| {
            Error::invalid(format!("`{}` is not a price", dollars.escape_debug())).hint(match per {
                Per::Million => "write dollars per million tokens, such as 2.50",
                Per::Thousand => "write dollars per thousand, such as 10",
                Per::Hour => "write dollars per hour of sound, such as 0.36",
            })
        })?;
        Ok(Price { of, pico })
    }

    /// As it is quoted, in dollars.
    pub fn dollars(&self) -> String {
        quoted(self.pico, self.of.bucket.per())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use proptest::prelude::*;

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
            assert_eq!(amount(text, Per::Million), want, "{text}");
        }
        assert_eq!(amount("10", Per::Thousand), Some(10_000_000_000));
        assert_eq!(amount("0.36", Per::Hour), Some(360_000_000_000));
    }

    #[test]
    fn names_of_prices_are_read_and_written_alike() {
        for text in [
            "input",
            "cache_write_1h@batch",
            "output@above-200000",
            "audio_cached@flex@above-272000",
        ] {
            assert_eq!(text.parse::<PriceOf>().unwrap().to_string(), text);
        }
        for (text, message) in [
            ("", "`` is not a bucket"),
            ("inputs", "`inputs` is not a bucket"),
            ("input@bulk", "`bulk` is not a tier"),
            ("input@above-many", "`above-many` is no length of a prompt"),
            ("input@above-0", "`above-0` is no length of a prompt"),
            ("input@batch@flex", "`flex` is no length of a prompt"),
            (
                "input@batch@above-1@above-2",
                "`input@batch@above-1@above-2` says too much",
            ),
        ] {
            let error = text.parse::<PriceOf>().unwrap_err();
            assert_eq!(error.message, message);
            assert!(error.hint.is_some());
        }
        let price = Price::read("searches@batch", "14.50").unwrap();
        assert_eq!(
            (price.pico, price.dollars()),
            (14_500_000_000, "14.5".into())
        );
        let error = Price::read("seconds", "-1").unwrap_err();
        assert_eq!(error.message, "`-1` is not a price");
    }

    proptest! {
        #[test]
        fn amounts_are_read_as_they_are_quoted(pico: u64) {
            for per in [Per::Million, Per::Thousand, Per::Hour] {
                prop_assert_eq!(amount(&quoted(pico, per), per), Some(pico));
            }
        }

        #[test]
        fn never_panics(of in ".{0,30}", dollars in ".{0,30}") {
            let _ = Price::read(&of, &dollars);
            let _ = amount(&dollars, Per::Hour);
        }
    }
}
