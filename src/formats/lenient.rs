//! Reading what providers really send: values of the wrong type are noticed or ignored, never an error,
//! and nothing is allocated for what is only looked at.

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::{borrow::Cow, fmt, marker::PhantomData};

/// No request has more tokens than this; larger numbers are not counts.
const MOST_TOKENS: u64 = 1_000_000_000;

/// Bytes as text, for a look at them or a translation: broken UTF-8 shows as U+FFFD.
pub(super) fn as_text(data: &[u8]) -> Cow<'_, str> {
    // Nearly all of it is good, and this way is found to be so at several times the speed.
    std::str::from_utf8(data).map_or_else(|_| String::from_utf8_lossy(data), Cow::Borrowed)
}

/// JSON that no parser takes for its characters alone, mended: broken UTF-8, and halves of a character that a provider
/// cut in two between events. `None`: that is not what is wrong with it.
pub(super) fn mended(data: &[u8]) -> Option<String> {
    let text = as_text(data);
    let mut out = String::with_capacity(text.len());
    let mut left = &*text;
    while let Some(at) = left.find('\\') {
        let (before, escape) = left.split_at(at);
        out.push_str(before);
        let high = unit(escape).is_some_and(|unit| (0xD800..0xDC00).contains(&unit));
        let low = |text: &str| unit(text).is_some_and(|unit| (0xDC00..0xE000).contains(&unit));
        // Six bytes, `\uXXXX`, all of them ASCII where `unit` found a number.
        let taken = match high {
            true if low(escape.get(6..).unwrap_or_default()) => 12,
            true => 0,
            false if low(escape) => 0,
            false => {
                1 + escape
                    .get(1..)
                    .and_then(|rest| rest.chars().next())
                    .map_or(0, char::len_utf8)
            }
        };
        match taken {
            0 => {
                out.push('\u{fffd}');
                left = escape.get(6..).unwrap_or_default();
            }
            taken => {
                out.push_str(escape.get(..taken).unwrap_or_default());
                left = escape.get(taken..).unwrap_or_default();
            }
        }
    }
    out.push_str(left);
    (out.as_bytes() != data).then_some(out)
}

/// The code unit of an escape `\uXXXX` that the text begins with.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok()
}

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

/// The same, where an object in place of an array is the only item of one.
pub(super) fn items<'de, T: Deserialize<'de>, F: Fold<T>, D: Deserializer<'de>>(
    from: D,
) -> Result<F, D::Error> {
    from.deserialize_any(ItemsVisitor(PhantomData::<(T, F)>))
}

/// An object's fields; any other value gives the default. For `deserialize_with`.
pub(super) fn object<'de, T: Deserialize<'de> + Default, D: Deserializer<'de>>(
    from: D,
) -> Result<T, D::Error> {
    maybe(from).map(Option::unwrap_or_default)
}

/// An object's fields; any other value is none. For `deserialize_with`.
pub(super) fn maybe<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
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

struct ItemsVisitor<T, F>(PhantomData<(T, F)>);

impl<'de, T: Deserialize<'de>, F: Fold<T>> Visitor<'de> for ItemsVisitor<T, F> {
    type Value = F;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        any(f)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<F, A::Error> {
        FoldVisitor(PhantomData::<(T, F)>).visit_seq(seq)
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<F, A::Error> {
        let mut folded = F::default();
        folded.item(T::deserialize(
            serde::de::value::MapAccessDeserializer::new(map),
        )?);
        Ok(folded)
    }
    ignore!(F::default() => visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Option<T>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        any(f)
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Option<T>, A::Error> {
        T::deserialize(serde::de::value::MapAccessDeserializer::new(map)).map(Some)
    }
    ignore!(None => visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);
    skip_seq!(None);
}

/// An object, or words in its place.
pub(super) enum Either<T> {
    Object(T),
    Words,
    Neither,
}

/// Reads one; other values are neither.
pub(super) fn either<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
) -> Result<Either<T>, D::Error> {
    from.deserialize_any(EitherVisitor(PhantomData::<T>))
}

struct EitherVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for EitherVisitor<T> {
    type Value = Either<T>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        any(f)
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Either<T>, A::Error> {
        T::deserialize(serde::de::value::MapAccessDeserializer::new(map)).map(Either::Object)
    }
    fn visit_str<E>(self, text: &str) -> Result<Either<T>, E> {
        Ok(match text.is_empty() {
            true => Either::Neither,
            false => Either::Words,
        })
    }
    ignore!(Either::Neither => visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64);
    skip_seq!(Either::Neither);
}

/// Whether a value says anything: not `null`, `false`, 0, or empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Given(pub bool);

struct GivenVisitor;

impl<'de> Visitor<'de> for GivenVisitor {
    type Value = Given;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        any(f)
    }
    fn visit_unit<E>(self) -> Result<Given, E> {
        Ok(Given(false))
    }
    fn visit_bool<E>(self, value: bool) -> Result<Given, E> {
        Ok(Given(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Given, E> {
        Ok(Given(value != 0))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Given, E> {
        Ok(Given(value != 0))
    }
    fn visit_f64<E>(self, _: f64) -> Result<Given, E> {
        Ok(Given(true))
    }
    fn visit_str<E>(self, text: &str) -> Result<Given, E> {
        Ok(Given(!text.is_empty()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Given, A::Error> {
        let mut given = Given(false);
        while seq.next_element::<IgnoredAny>()?.is_some() {
            given.0 = true;
        }
        Ok(given)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Given, A::Error> {
        let mut given = Given(false);
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            given.0 = true;
        }
        Ok(given)
    }
}

impl<'de> Deserialize<'de> for Given {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Given, D::Error> {
        from.deserialize_any(GivenVisitor)
    }
}

/// How much text a message's content says: a string, a part with `text` or `thinking`, or a list of such. Media and
/// the parts' own labels are no text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub any: bool,
    pub bytes: u64,
}

impl Said {
    pub fn add(&mut self, other: Said) {
        self.any |= other.any;
        self.bytes = self.bytes.saturating_add(other.bytes);
    }
}

struct SaidVisitor;

impl<'de> Visitor<'de> for SaidVisitor {
    type Value = Said;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        any(f)
    }
    fn visit_str<E>(self, text: &str) -> Result<Said, E> {
        Ok(Said {
            any: !text.is_empty(),
            bytes: text.len() as u64,
        })
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Said, A::Error> {
        let mut said = Said::default();
        while let Some(part) = seq.next_element::<Said>()? {
            said.any = true;
            said.add(part);
        }
        Ok(said)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Said, A::Error> {
        let mut said = Said::default();
        while let Some(key) = map.next_key::<Text<'de>>()? {
            said.any = true;
            match key.as_str() {
                "text" | "thinking" => said.add(map.next_value()?),
                _ => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        Ok(said)
    }
    ignore!(Said::default() => visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64);
}

impl<'de> Deserialize<'de> for Said {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Said, D::Error> {
        from.deserialize_any(SaidVisitor)
    }
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
    fn text_is_counted_without_labels_and_media() {
        for (raw, any, bytes) in [
            ("null", false, 0),
            ("\"\"", false, 0),
            ("\"\\u00e9\"", true, 2),
            ("[]", false, 0),
            ("{}", false, 0),
            ("7", false, 0),
            (r#"[{"type":"text","text":"xy"},"z"]"#, true, 3),
            (
                r#"[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]}]"#,
                true,
                2,
            ),
            (
                r#"[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]"#,
                true,
                0,
            ),
        ] {
            assert_eq!(
                serde_json::from_str::<Said>(raw).unwrap(),
                Said { any, bytes },
                "{raw}"
            );
        }
    }

    #[test]
    fn only_what_is_broken_is_mended() {
        for (given, want) in [
            (&br#"{"a":"b\n\\ud83e"}"#[..], None),
            (br#""\ud83e\udd80""#, None),
            (br#""\ud83e""#, Some("\"\u{fffd}\"")),
            (br#""\udd80 b\ud83ex""#, Some("\"\u{fffd} b\u{fffd}x\"")),
            (b"\"\xff\"", Some("\"\u{fffd}\"")),
            (b"\\", None),
            ("\\é".as_bytes(), None),
        ] {
            assert_eq!(mended(given).as_deref(), want, "{given:?}");
        }
    }

    #[test]
    fn empty_values_say_nothing() {
        for (raw, given) in [
            ("null", false),
            ("false", false),
            ("0", false),
            ("\"\"", false),
            ("[]", false),
            ("{}", false),
            ("true", true),
            ("5", true),
            ("-0.5", true),
            ("\"x\"", true),
            ("[null]", true),
            ("{\"a\":null}", true),
        ] {
            assert_eq!(
                serde_json::from_str::<Given>(raw).unwrap(),
                Given(given),
                "{raw}"
            );
        }
    }
}
