//! JSON written straight into what goes out, without a tree of it. Must not know any format.

use super::scan::plain;
use serde::ser::{Serialize, SerializeMap, Serializer};

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

    /// Begins a member: its value is written next.
    pub fn key(&mut self, name: &str) -> &mut Vec<u8> {
        if !std::mem::replace(&mut self.empty, false) {
            self.out.push(b',');
        }
        write_text(name, self.out);
        self.out.push(b':');
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

/// An object of one member.
#[derive(Debug)]
pub(super) struct Member<T>(pub &'static str, pub T);

impl<T: Serialize> Serialize for Member<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(1))?;
        map.serialize_entry(self.0, &self.1)?;
        map.end()
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
