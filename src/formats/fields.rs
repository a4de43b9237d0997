//! A JSON object taken apart lazily: every value stays the raw text it was, every complaint names its path, and what
//! nobody took can be listed.

use super::lenient::Text;
use crate::error::{Error, Result};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::{Value, value::RawValue};
use std::{borrow::Cow, fmt};

/// How many lost fields are named: a request made of thousands of unknown ones must not become a list of them.
const MOST_LOST: usize = 64;

/// How much of a lost field's name is, in characters.
const LONGEST_LOST: usize = 64;

/// One object's members.
#[derive(Debug, Default)]
pub struct Fields<'a> {
    path: String,
    members: Vec<Member<'a>>,
}

/// A name, borrowed where it has no escapes, and its value.
type Member<'a> = (Cow<'a, str>, &'a RawValue);

/// Members in order; a map would need a hash and forget the order.
struct Members<'a>(Vec<Member<'a>>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some((Text(name), value)) = map.next_entry()? {
                    members.push((name.unwrap_or_default(), value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Each)
    }
}

/// The members of an object, and apart from them those of the objects that its one member of this name lists.
struct Apart<'k>(&'k str);

impl<'de> DeserializeSeed<'de> for Apart<'_> {
    type Value = (Vec<Member<'de>>, Option<Vec<Members<'de>>>);
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Apart<'_> {
    type Value = (Vec<Member<'de>>, Option<Vec<Members<'de>>>);
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut members, mut list) = (Vec::new(), None);
        while let Some(Text(name)) = map.next_key()? {
            let name = name.unwrap_or_default();
            if name != self.0 {
                members.push((name, map.next_value()?));
            } else if list.replace(map.next_value()?).is_some() {
                return Err(serde::de::Error::custom("there are two of them"));
            }
        }
        Ok((members, list))
    }
}

/// The objects of a list with the paths they have in it.
fn numbered<'a>(path: &str, objects: Vec<Members<'a>>) -> Vec<Fields<'a>> {
    let object = |(i, Members(members))| Fields {
        path: format!("{path}[{i}]"),
        members,
    };
    objects.into_iter().enumerate().map(object).collect()
}

impl<'a> Fields<'a> {
    /// A whole body.
    pub fn body(body: &'a [u8]) -> Result<Fields<'a>> {
        let Members(members) = serde_json::from_slice(body).map_err(|cause| {
            let what = if cause.is_data() {
                "the body is not a JSON object"
            } else {
                "the body is not valid JSON"
            };
            Error::invalid(what)
                .cause(cause)
                .hint("send one JSON object")
        })?;
        Ok(Fields {
            path: String::new(),
            members,
        })
    }

    /// A whole body, and apart from it the objects that its member `list` holds, which is nearly all of it: one pass, where
    /// taking it apart level by level would look at every text once a level. `None`: that member is still in the body, of
    /// another shape or not at all.
    pub fn body_apart(body: &'a [u8], list: &str) -> Result<(Fields<'a>, Option<Vec<Fields<'a>>>)> {
        let mut from = serde_json::Deserializer::from_slice(body);
        let apart = Apart(list)
            .deserialize(&mut from)
            .and_then(|apart| from.end().map(|()| apart));
        let Ok((members, Some(objects))) = apart else {
            return Ok((Fields::body(body)?, None));
        };
        let path = String::new();
        Ok((Fields { path, members }, Some(numbered(list, objects))))
    }

    /// The objects of a list that must be there, and that [`Fields::body_apart`] may have taken apart already.
    pub fn listed(
        &mut self,
        apart: Option<Vec<Fields<'a>>>,
        list: &str,
    ) -> Result<Vec<Fields<'a>>> {
        match apart {
            Some(objects) => Ok(objects),
            None => self.objects(list)?.ok_or_else(|| missing(&self.path(list))),
        }
    }

    /// A value that must be an object.
    pub fn of(raw: &'a RawValue, path: impl Into<String>) -> Result<Fields<'a>> {
        let path = path.into();
        match serde_json::from_str(raw.get()) {
            Ok(Members(members)) => Ok(Fields { path, members }),
            Err(_) => Err(wrong(&path, "an object")),
        }
    }

    /// The same members under other names, where `name` gives one.
    pub fn renamed(mut self, name: impl Fn(&str) -> Option<String>) -> Fields<'a> {
        for (key, _) in &mut self.members {
            if let Some(other) = name(key) {
                *key = other.into();
            }
        }
        self
    }

    /// Path of a member, as complaints name it.
    pub fn path(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// Takes a member out. `null` counts as absent, and of duplicates the last one counts, as in every other parser.
    pub fn take(&mut self, key: &str) -> Option<&'a RawValue> {
        let found = self
            .members
            .iter()
            .rev()
            .find(|(name, _)| name == key)
            .map(|(_, raw)| *raw)?;
        self.members.retain(|(name, _)| name != key);
        Some(found).filter(|raw| raw.get() != "null")
    }

    /// Looks at a member and leaves it.
    pub fn peek(&self, key: &str) -> Option<&'a RawValue> {
        let mut named = self.members.iter().rev().filter(|(name, _)| name == key);
        named
            .next()
            .map(|(_, raw)| *raw)
            .filter(|raw| raw.get() != "null")
    }

    fn typed<T: Deserialize<'a>>(&mut self, key: &str, what: &str) -> Result<Option<T>> {
        match self.take(key) {
            None => Ok(None),
            Some(raw) => serde_json::from_str(raw.get())
                .map(Some)
                .map_err(|_| wrong(&self.path(key), what)),
        }
    }

    pub fn text(&mut self, key: &str) -> Result<Option<String>> {
        match self.take(key) {
            None => Ok(None),
            Some(raw) => match text(raw) {
                Some(text) => Ok(Some(text)),
                None => Err(wrong(&self.path(key), "a string")),
            },
        }
    }

    pub fn flag(&mut self, key: &str) -> Result<Option<bool>> {
        self.typed(key, "true or false")
    }

    pub fn number(&mut self, key: &str) -> Result<Option<f64>> {
        self.typed(key, "a number")
    }

    pub fn count(&mut self, key: &str) -> Result<Option<u64>> {
        self.typed(key, "a whole number of at least 0")
    }

    pub fn whole(&mut self, key: &str) -> Result<Option<i64>> {
        self.typed(key, "a whole number")
    }

    pub fn value(&mut self, key: &str) -> Result<Option<Value>> {
        self.typed(key, "valid JSON")
    }

    pub fn list(&mut self, key: &str) -> Result<Option<Vec<&'a RawValue>>> {
        self.typed(key, "a list")
    }

    /// A list of objects; each knows its path.
    pub fn objects(&mut self, key: &str) -> Result<Option<Vec<Fields<'a>>>> {
        let path = self.path(key);
        let Some(raw) = self.take(key) else {
            return Ok(None);
        };
        if let Ok(objects) = serde_json::from_str(raw.get()) {
            return Ok(Some(numbered(&path, objects)));
        }
        let list: Vec<&RawValue> =
            serde_json::from_str(raw.get()).map_err(|_| wrong(&path, "a list"))?;
        list.into_iter()
            .enumerate()
            .map(|(i, raw)| Fields::of(raw, format!("{path}[{i}]")))
            .collect::<Result<_>>()
            .map(Some)
    }

    pub fn object(&mut self, key: &str) -> Result<Option<Fields<'a>>> {
        let path = self.path(key);
        self.take(key).map(|raw| Fields::of(raw, path)).transpose()
    }

    /// A string that must be there.
    pub fn need(&mut self, key: &str) -> Result<String> {
        self.text(key)?.ok_or_else(|| missing(&self.path(key)))
    }

    /// What `read` gives, or nothing where it complains: for upstream replies, which are taken as they come.
    pub fn lenient<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&mut Self, &str) -> Result<Option<T>>,
    ) -> Option<T> {
        read(self, key).ok().flatten()
    }

    /// What nobody took, as it was.
    pub fn json(&self) -> Value {
        let member =
            |(name, raw): &Member| Some((name.to_string(), serde_json::from_str(raw.get()).ok()?));
        Value::Object(self.members.iter().filter_map(member).collect())
    }

    /// Adds the paths of what nobody took, each once: without numbers, so that a long conversation has a short list.
    pub fn rest(&self, lost: &mut Vec<String>) {
        for (key, _) in self.members.iter().filter(|(_, raw)| raw.get() != "null") {
            if lost.len() >= MOST_LOST {
                return;
            }
            // A caller chooses it; what it is called shows in its beginning.
            let key: String = key.chars().take(LONGEST_LOST).collect();
            let path = self
                .path(&key)
                .split('.')
                .map(|step| step.split('[').next().unwrap_or(step))
                .collect::<Vec<_>>()
                .join(".");
            if !lost.contains(&path) {
                lost.push(path);
            }
        }
    }
}

/// Keeps the first of equal names.
pub fn dedup(names: &mut Vec<String>) {
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
}

/// What stands behind a listed field that was carried in another form.
pub const ADAPTED: &str = " (adapted)";

/// How a field is listed that was carried in another form than the caller gave it.
pub fn adapted(path: &str) -> String {
    format!("{path}{ADAPTED}")
}

/// A field of the wrong type.
pub fn wrong(path: &str, what: &str) -> Error {
    Error::invalid(format!("`{path}` must be {what}"))
        .param(path)
        .hint(format!("correct `{path}`"))
}

/// A field that is not there.
pub fn missing(path: &str) -> Error {
    Error::invalid(format!("`{path}` is missing"))
        .param(path)
        .hint(format!("add `{path}`"))
}

/// A field whose meaning the translation cannot carry.
pub fn unsupported(path: &str, what: &str) -> Error {
    Error::invalid(what).param(path).hint(format!(
        "leave out `{path}`, or use a route whose target speaks the same format as the request"
    ))
}

/// Whether raw JSON is a string.
pub fn is_string(raw: &RawValue) -> bool {
    raw.get().starts_with('"')
}

/// The text of a raw JSON string.
pub fn string(raw: &RawValue, path: &str) -> Result<String> {
    text(raw).ok_or_else(|| wrong(path, "a string"))
}

/// The same without a complaint.
fn text(raw: &RawValue) -> Option<String> {
    plainly(raw.get()).or_else(|| serde_json::from_str(raw.get()).ok())
}

/// The text of a JSON string whose escapes are single letters, as line ends and quotes are: in texts full of those it takes
/// half as long as with a parser for all of them. `None`: it is another one, or no string.
fn plainly(raw: &str) -> Option<String> {
    const ONES: u64 = u64::MAX / 255;
    let given = raw.strip_prefix('"')?.strip_suffix('"')?.as_bytes();
    let meant = |at: usize| {
        Some(match given.get(at)? {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'b' => 0x8,
            b'f' => 0xc,
            same @ (b'"' | b'\\' | b'/') => *same,
            _ => return None,
        })
    };
    let (mut text, mut at) = (Vec::with_capacity(given.len() + size_of::<u64>()), 0);
    // Eight bytes at a time are written before it is known whether all of them belong there.
    while let Some(block) = given.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*block) ^ (ONES * u64::from(b'\\'));
        // A byte is zero where subtracting one borrows into its high bit, and only bytes behind one can be mistaken for it.
        let escapes = word.wrapping_sub(ONES) & !word & (ONES * 0x80);
        text.extend_from_slice(block);
        at += block.len();
        if escapes != 0 {
            let behind = block.len() - (escapes.trailing_zeros() / 8) as usize;
            text.truncate(text.len() - behind);
            at -= behind;
            text.push(meant(at + 1)?);
            at += 2;
        }
    }
    while let Some(byte) = given.get(at) {
        let escape = *byte == b'\\';
        text.push(if escape { meant(at + 1)? } else { *byte });
        at += if escape { 2 } else { 1 };
    }
    String::from_utf8(text).ok()
}

/// The text of a raw JSON string in a stream. Some services cut between the two halves of a `\uD83D\uDE00` escape: the
/// first half is kept in `carry` for the next piece. `None`: not a string.
pub fn text_across(raw: &RawValue, carry: &mut Option<u16>) -> Option<String> {
    if carry.is_none()
        && let Ok(text) = serde_json::from_str(raw.get())
    {
        return Some(text);
    }
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    let mut units: Vec<u16> = carry.take().into_iter().collect();
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        let meant = match (c, if c == '\\' { chars.next() } else { None }) {
            (_, Some('u')) => {
                let digits: String = chars.by_ref().take(4).collect();
                units.push(u16::from_str_radix(&digits, 16).unwrap_or(0xFFFD));
                continue;
            }
            (_, Some('n')) => '\n',
            (_, Some('r')) => '\r',
            (_, Some('t')) => '\t',
            (_, Some('b')) => '\u{8}',
            (_, Some('f')) => '\u{c}',
            (_, Some(escaped)) => escaped,
            (plain, None) => plain,
        };
        units.extend_from_slice(meant.encode_utf16(&mut [0; 2]));
    }
    *carry = units.pop_if(|last| (0xD800..0xDC00).contains(last));
    Some(String::from_utf16_lossy(&units))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_keep_their_text_and_complaints_their_path() {
        let mut body = Fields::body(br#"{"a":{"b":[{"c":1.50}]},"d":null,"e":1}"#).unwrap();
        let mut a = body.object("a").unwrap().unwrap();
        let mut b = a.objects("b").unwrap().unwrap();
        assert_eq!(b[0].take("c").unwrap().get(), "1.50");
        assert_eq!(b[0].need("x").unwrap_err().param.unwrap(), "a.b[0].x");
        assert!(body.text("d").unwrap().is_none());
        let mut lost = Vec::new();
        body.rest(&mut lost);
        assert_eq!(lost, ["e"]);
        assert_eq!(body.text("e").unwrap_err().param.unwrap(), "e");
    }

    #[test]
    fn a_body_and_its_list_are_the_same_in_one_pass() {
        let read = |body: &str| {
            let both = |error: Error| (error.message, error.param);
            let (mut fields, list) = Fields::body_apart(body.as_bytes(), "m").map_err(both)?;
            let mut list = match list {
                Some(list) => list,
                None => fields.objects("m").map_err(both)?.unwrap_or_default(),
            };
            let given: Vec<_> = list
                .iter_mut()
                .map(|one| (one.path("a"), one.take("a").map(|raw| raw.get().to_owned())))
                .collect();
            let left = fields.take("m").map(|raw| raw.get().to_owned());
            Ok((fields.number("n").ok().flatten(), given, left))
        };
        let level_by_level = |body: &str| {
            let both = |error: Error| (error.message, error.param);
            let mut fields = Fields::body(body.as_bytes()).map_err(both)?;
            let mut list = fields.objects("m").map_err(both)?.unwrap_or_default();
            let given: Vec<_> = list
                .iter_mut()
                .map(|one| (one.path("a"), one.take("a").map(|raw| raw.get().to_owned())))
                .collect();
            let left = fields.take("m").map(|raw| raw.get().to_owned());
            Ok((fields.number("n").ok().flatten(), given, left))
        };
        for body in [
            r#"{"n":1,"m":[{"a":1.50},{"b":"x\ny"}, {"a":{"c":[1]}}],"k":"v"}"#,
            r#"{"m":[]}"#,
            r#"{"n":2}"#,
            r#"{"m":null,"n":2}"#,
            r#"{"m":[{"a":1}],"m":[{"a":2}]}"#,
            r#"{"m":[{"a":1}],"m":null}"#,
            r#"{"m":[{"a":1},2]}"#,
            r#"{"m":"text"}"#,
            r#"{"m":[{"a":1}]} x"#,
            r#"{"m":[{"a":1}"#,
            "[]",
        ] {
            let told: Result<_, (String, Option<String>)> = read(body);
            assert_eq!(told, level_by_level(body), "{body}");
        }
    }

    proptest! {
        #[test]
        fn texts_are_what_a_parser_makes_of_them(text in ".{0,80}", pieces in proptest::collection::vec(prop_oneof![Just("\\n"), Just("\\\""), Just("\\\\"), Just("\\u0041"), Just("\\ud800"), Just("\\/é"), Just("abcdefgh")], 0..12)) {
            for raw in [serde_json::to_string(&text).unwrap(), format!("\"{}\"", pieces.concat())] {
                let given = RawValue::from_string(raw.clone()).unwrap();
                prop_assert_eq!(super::text(&given), serde_json::from_str::<String>(&raw).ok(), "{}", raw);
            }
        }
    }

    #[test]
    fn characters_cut_in_two_are_joined() {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        let mut carry = None;
        assert_eq!(
            text_across(&raw(r#""a\n\ud83d""#), &mut carry).unwrap(),
            "a\n"
        );
        assert_eq!(text_across(&raw(r#""""#), &mut carry).unwrap(), "");
        assert_eq!(
            text_across(&raw(r#""\ude00é\"""#), &mut carry).unwrap(),
            "😀é\""
        );
        assert_eq!(
            (
                text_across(&raw(r#""\ude00b""#), &mut carry).unwrap(),
                carry
            ),
            ("\u{fffd}b".to_owned(), None)
        );
        assert_eq!(text_across(&raw("{}"), &mut carry), None);
    }

    #[test]
    fn only_an_object_is_a_body() {
        for body in ["[]", "", "{", "3", "{\"a\":}"] {
            assert!(Fields::body(body.as_bytes()).is_err(), "{body}");
        }
    }
}
