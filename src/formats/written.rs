//! JSON written straight into what goes out, without a tree of it. Must not know any format.

use super::scan::plain;
use crate::chat::Words;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Value, value::RawValue};
use std::borrow::Cow;

/// Writes a value behind what is there. For such as cannot fail: texts, numbers and JSON that was checked.
pub(super) fn write_json(value: &impl Serialize, out: &mut Vec<u8>) {
    let before = out.len();
    if serde_json::to_writer(&mut *out, value).is_err() {
        out.truncate(before);
    }
}

/// Writes a text as a JSON string, spelt as [`write_json`] spells it and, where it is long, in a fraction of the time.
pub(super) fn write_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let (run, behind) = rest.split_at(plain(rest));
        out.extend_from_slice(run);
        let Some((byte, behind)) = behind.split_first() else {
            break;
        };
        rest = behind;
        let escape = match byte {
            b'"' => b'"',
            b'\\' => b'\\',
            0x08 => b'b',
            0x09 => b't',
            0x0a => b'n',
            0x0c => b'f',
            0x0d => b'r',
            control => {
                let digit = |half: u8| b"0123456789abcdef".get(usize::from(half)).copied();
                let digits =
                    [digit(control >> 4), digit(control & 15)].map(Option::unwrap_or_default);
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&digits);
                continue;
            }
        };
        out.extend_from_slice(&[b'\\', escape]);
    }
    out.push(b'"');
}

/// Writes words as they came, or as a text.
pub(super) fn write_words(words: &Words, out: &mut Vec<u8>) {
    match words.spelling() {
        Some(spelling) => out.extend_from_slice(spelling),
        None => write_text(words, out),
    }
}

/// A text on its way out.
#[derive(Clone, Debug)]
pub(super) enum Told<'a> {
    Words(&'a Words),
    Text(Cow<'a, str>),
}

impl<'a> Told<'a> {
    pub fn put(&self, out: &mut Vec<u8>) {
        match self {
            Told::Words(words) => write_words(words, out),
            Told::Text(text) => write_text(text, out),
        }
    }

    pub fn as_str(&self) -> &str {
        match self {
            Told::Words(words) => words,
            Told::Text(text) => text,
        }
    }

    /// Says more.
    pub fn push(&mut self, more: &str) {
        *self = Told::Text(match std::mem::replace(self, Told::Text("".into())) {
            Told::Words(words) => format!("{}{more}", words.as_str()).into(),
            Told::Text(text) => (text.into_owned() + more).into(),
        });
    }

    /// Without the blanks behind it.
    pub fn trim_end(&mut self) {
        let kept = self.as_str().trim_end().len();
        match self {
            Told::Words(words) if kept == words.len() => {}
            Told::Words(words) => *self = Told::Text(words.get(..kept).unwrap_or_default().into()),
            Told::Text(Cow::Borrowed(text)) => *text = text.trim_end(),
            Told::Text(Cow::Owned(text)) => text.truncate(kept),
        }
    }
}

impl<'a> From<&'a Words> for Told<'a> {
    fn from(words: &'a Words) -> Told<'a> {
        Told::Words(words)
    }
}

impl<'a> From<&'a str> for Told<'a> {
    fn from(text: &'a str) -> Told<'a> {
        Told::Text(text.into())
    }
}

impl<'a> From<&'a String> for Told<'a> {
    fn from(text: &'a String) -> Told<'a> {
        Told::Text(text.into())
    }
}

impl<'a> From<String> for Told<'a> {
    fn from(text: String) -> Told<'a> {
        Told::Text(text.into())
    }
}

/// JSON on its way out: what is long in it is lent.
#[derive(Clone, Debug)]
pub(super) enum Tree<'a> {
    Value(Cow<'a, Value>),
    /// JSON that was checked, as it is spelt.
    Raw(Cow<'a, RawValue>),
    Text(Told<'a>),
    List(Vec<Tree<'a>>),
    Object(Vec<(&'static str, Tree<'a>)>),
}

impl<'a> Tree<'a> {
    pub fn object<const N: usize>(members: [(&'static str, Tree<'a>); N]) -> Tree<'a> {
        Tree::Object(members.into())
    }

    /// A text under this name, alone or behind what kind of part it is.
    pub fn said(kind: Option<&'static str>, name: &'static str, text: impl Into<Told<'a>>) -> Self {
        let kind = kind.map(|kind| ("type", Tree::from(kind)));
        let said = (name, Tree::Text(text.into()));
        Tree::Object(kind.into_iter().chain([said]).collect())
    }

    /// Adds a member to an object.
    pub fn push(&mut self, name: &'static str, value: impl Into<Tree<'a>>) {
        if let Tree::Object(members) = self {
            members.push((name, value.into()));
        }
    }

    /// Whether it is an object with this member.
    pub fn has(&self, name: &str) -> bool {
        match self {
            Tree::Value(value) => value.get(name).is_some(),
            Tree::Object(members) => members.iter().any(|(known, _)| *known == name),
            _ => false,
        }
    }

    pub fn put(&self, out: &mut Vec<u8>) {
        match self {
            Tree::Value(value) => write_json(value, out),
            Tree::Raw(raw) => out.extend_from_slice(raw.get().as_bytes()),
            Tree::Text(text) => text.put(out),
            Tree::List(items) => write_list(items, out, Tree::put),
            Tree::Object(members) => {
                let mut object = Object::begin(out);
                for (name, value) in members {
                    value.put(object.key(name));
                }
                object.end();
            }
        }
    }
}

impl Serialize for Tree<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Tree::Value(value) => value.serialize(to),
            Tree::Raw(raw) => raw.serialize(to),
            Tree::Text(text) => to.serialize_str(text.as_str()),
            Tree::List(items) => to.collect_seq(items),
            Tree::Object(members) => {
                to.collect_map(members.iter().map(|(name, value)| (name, value)))
            }
        }
    }
}

macro_rules! trees {
    ($($from:ty => $of:expr),* $(,)?) => {
        $(impl<'a> From<$from> for Tree<'a> {
            fn from(given: $from) -> Tree<'a> {
                let of: fn($from) -> Tree<'a> = $of;
                of(given)
            }
        })*
    };
}

trees! {
    Value => |value| Tree::Value(Cow::Owned(value)),
    &'a Value => |value| Tree::Value(Cow::Borrowed(value)),
    Told<'a> => Tree::Text,
    &'a Words => |words| Tree::Text(words.into()),
    &'a str => |text| Tree::Text(text.into()),
    &'a String => |text| Tree::Text(text.into()),
    String => |text| Tree::Text(text.into()),
    Cow<'a, str> => |text| Tree::Text(Told::Text(text)),
    Vec<Tree<'a>> => Tree::List,
}

/// Writes a list.
pub(super) fn write_list<T>(
    items: impl IntoIterator<Item = T>,
    out: &mut Vec<u8>,
    mut each: impl FnMut(T, &mut Vec<u8>),
) {
    out.push(b'[');
    for (at, item) in items.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        each(item, out);
    }
    out.push(b']');
}

/// An object that is being written.
pub(super) struct Object<'o> {
    out: &'o mut Vec<u8>,
    empty: bool,
}

impl Object<'_> {
    pub fn begin(out: &mut Vec<u8>) -> Object<'_> {
        out.push(b'{');
        Object { out, empty: true }
    }

    /// Begins a member: its value is written next. Names are a format's own, of letters and `_`, and never a caller's.
    pub fn key(&mut self, name: &str) -> &mut Vec<u8> {
        if !std::mem::replace(&mut self.empty, false) {
            self.out.push(b',');
        }
        debug_assert!(
            name.bytes()
                .all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
        );
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    pub fn member(&mut self, name: &str, value: &impl Serialize) -> &mut Self {
        write_json(value, self.key(name));
        self
    }

    pub fn text(&mut self, name: &str, text: &str) -> &mut Self {
        write_text(text, self.key(name));
        self
    }

    /// A member that is there only where it has a value.
    pub fn may(&mut self, name: &str, value: Option<&impl Serialize>) -> &mut Self {
        if let Some(value) = value {
            self.member(name, value);
        }
        self
    }

    pub fn end(&mut self) {
        self.out.push(b'}');
    }
}

/// An object of a `type` and one more member.
#[derive(Debug)]
pub(super) struct Typed<T>(pub &'static str, pub &'static str, pub T);

impl<T: Serialize> Serialize for Typed<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(2))?;
        map.serialize_entry("type", self.0)?;
        map.serialize_entry(self.1, &self.2)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn an_object_is_written_as_its_tree_is() {
        let mut out = Vec::new();
        let mut object = Object::begin(&mut out);
        object
            .text("a", "\"x\"")
            .may("b", None::<&u8>)
            .may("c", Some(&1));
        write_list(["y", "z"], object.key("d"), write_text);
        object.end();
        let tree = json!({"a": "\"x\"", "c": 1, "d": ["y", "z"]});
        assert_eq!(out, tree.to_string().into_bytes());
    }

    proptest! {
        #[test]
        fn a_text_is_written_as_serde_writes_it(text in proptest::collection::vec(prop_oneof![any::<char>(), (0_u8..0x21).prop_map(char::from), Just('"'), Just('\\'), Just('\u{7f}')], 0..100)) {
            let text: String = text.into_iter().collect();
            let mut out = Vec::new();
            write_text(&text, &mut out);
            prop_assert_eq!(out, serde_json::to_vec(&text).unwrap());
        }
    }
}
