//! Reading what providers really send: values of the wrong type are noticed or ignored, never an error,
//! and nothing is allocated for what is only looked at.

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::{borrow::Cow, fmt, marker::PhantomData};

/// No request has more tokens than this; larger numbers are not counts.
const MOST_TOKENS: u64 = 1_000_000_000;

/// A string; `None`: any other value.
#[derive(Clone, Debug, Default)]
pub(super) struct Text<'a>(pub Option<Cow<'a, str>>);

impl Text<'_> {
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }
}

/// A token count as a provider spelt it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Count {
    /// Not given, or null.
    #[default]
    Absent,
    /// A negative, fractional or impossibly large number, or not a number: not to be believed.
    Absurd,
    Of(u64),
}

impl Count {
    /// The count, 0 where there is none.
    pub fn or_zero(self) -> u64 {
        match self {
            Count::Of(tokens) => tokens,
            Count::Absent | Count::Absurd => 0,
        }
    }
}

/// How much is in a value: whether anything is, and the bytes of all texts in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Weight {
    pub any: bool,
    pub bytes: u64,
}

impl Weight {
    pub fn add(&mut self, other: Weight) {
        self.any |= other.any;
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

/// The items of an array folded one by one, so that no list is built; any other value is empty.
pub(super) trait Fold<T>: Default {
    fn item(&mut self, item: T);
}

/// Reads an array by folding it; other values give the fold of nothing. For `deserialize_with`.
pub(super) fn fold<'de, T: Deserialize<'de>, F: Fold<T>, D: Deserializer<'de>>(
    from: D,
) -> Result<F, D::Error> {
    from.deserialize_any(FoldVisitor(PhantomData::<(T, F)>))
}

/// An object's fields; any other value gives the default. For `deserialize_with`.
pub(super) fn object<'de, T: Deserialize<'de> + Default, D: Deserializer<'de>>(
    from: D,
) -> Result<T, D::Error> {
    from.deserialize_any(ObjectVisitor(PhantomData::<T>))
}

macro_rules! ignore {
    ($value:expr => $($visit:ident: $kind:ty),*) => {
        $(fn $visit<E>(self, _: $kind) -> Result<Self::Value, E> { Ok($value) })*
        fn visit_unit<E>(self) -> Result<Self::Value, E> { Ok($value) }
    };
}

macro_rules! skip_map {
    ($value:expr) => {
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok($value)
        }
    };
}

macro_rules! skip_seq {
    ($value:expr) => {
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            Ok($value)
        }
    };
}

fn any(f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("any value")
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        any(f)
    }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Some(Cow::Borrowed(text))))
    }
    fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(Text(Some(Cow::Owned(text.to_owned()))))
    }
    ignore!(Text(None) => visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64);
    skip_map!(Text(None));
    skip_seq!(Text(None));
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Text<'a>, D::Error> {
        from.deserialize_any(TextVisitor)
    }
}

struct CountVisitor;

impl<'de> Visitor<'de> for CountVisitor {
    type Value = Count;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        any(f)
    }
    fn visit_unit<E>(self) -> Result<Count, E> {
        Ok(Count::Absent)
    }
    fn visit_u64<E>(self, tokens: u64) -> Result<Count, E> {
        Ok(if tokens <= MOST_TOKENS {
            Count::Of(tokens)
        } else {
            Count::Absurd
        })
    }
    fn visit_i64<E>(self, _: i64) -> Result<Count, E> {
        Ok(Count::Absurd)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Count, E> {
        Ok(Count::Absurd)
    }
    fn visit_bool<E>(self, _: bool) -> Result<Count, E> {
        Ok(Count::Absurd)
    }
    fn visit_str<E>(self, _: &str) -> Result<Count, E> {
        Ok(Count::Absurd)
    }
    skip_map!(Count::Absurd);
    skip_seq!(Count::Absurd);
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Count, D::Error> {
        from.deserialize_any(CountVisitor)
    }
}

struct WeightVisitor;

impl<'de> Visitor<'de> for WeightVisitor {
    type Value = Weight;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        any(f)
    }
    fn visit_unit<E>(self) -> Result<Weight, E> {
        Ok(Weight::default())
    }
    fn visit_str<E>(self, text: &str) -> Result<Weight, E> {
        Ok(Weight {
            any: !text.is_empty(),
            bytes: text.len() as u64,
        })
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Weight, A::Error> {
        let mut weight = Weight::default();
        while let Some(item) = seq.next_element::<Weight>()? {
            weight.add(Weight { any: true, ..item });
        }
        Ok(weight)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Weight, A::Error> {
        let mut weight = Weight::default();
        while let Some((_, item)) = map.next_entry::<IgnoredAny, Weight>()? {
            weight.add(Weight { any: true, ..item });
        }
        Ok(weight)
    }
    fn visit_bool<E>(self, _: bool) -> Result<Weight, E> {
        Ok(Weight {
            any: true,
            bytes: 0,
        })
    }
    fn visit_u64<E>(self, _: u64) -> Result<Weight, E> {
        Ok(Weight {
            any: true,
            bytes: 0,
        })
    }
    fn visit_i64<E>(self, _: i64) -> Result<Weight, E> {
        Ok(Weight {
            any: true,
            bytes: 0,
        })
    }
    fn visit_f64<E>(self, _: f64) -> Result<Weight, E> {
        Ok(Weight {
            any: true,
            bytes: 0,
        })
    }
}

impl<'de> Deserialize<'de> for Weight {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Weight, D::Error> {
        from.deserialize_any(WeightVisitor)
    }
}

struct FoldVisitor<T, F>(PhantomData<(T, F)>);

impl<'de, T: Deserialize<'de>, F: Fold<T>> Visitor<'de> for FoldVisitor<T, F> {
    type Value = F;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        any(f)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<F, A::Error> {
        let mut folded = F::default();
        while let Some(item) = seq.next_element::<T>()? {
            folded.item(item);
        }
        Ok(folded)
    }
    ignore!(F::default() => visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);
    skip_map!(F::default());
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + Default> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        any(f)
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(serde::de::value::MapAccessDeserializer::new(map))
    }
    ignore!(T::default() => visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);
    skip_seq!(T::default());
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn counts_are_believed_only_where_they_can_be() {
        for (raw, want) in [
            ("0", Count::Of(0)),
            ("25", Count::Of(25)),
            ("null", Count::Absent),
            ("-1", Count::Absurd),
            ("1e18", Count::Absurd),
        ] {
            assert_eq!(serde_json::from_str::<Count>(raw).unwrap(), want, "{raw}");
        }
        for raw in [
            "1000000000000000000",
            "99999999999999999999999",
            "\"7\"",
            "1.5",
            "{\"a\":1}",
            "[1]",
            "true",
        ] {
            assert_eq!(
                serde_json::from_str::<Count>(raw).unwrap(),
                Count::Absurd,
                "{raw}"
            );
        }
    }

    #[test]
    fn weight_is_what_a_reader_would_see() {
        for (raw, any, bytes) in [
            ("null", false, 0),
            ("\"\"", false, 0),
            ("\"é\"", true, 2),
            ("[]", false, 0),
            ("{}", false, 0),
            ("[{\"a\":\"xy\",\"b\":1}]", true, 2),
        ] {
            assert_eq!(
                serde_json::from_str::<Weight>(raw).unwrap(),
                Weight { any, bytes },
                "{raw}"
            );
        }
    }
}
