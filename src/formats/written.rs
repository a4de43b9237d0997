//! JSON written straight into what goes out, without a tree of it. Must not know any format.

use serde::ser::{Serialize, SerializeMap, Serializer};

/// Writes a value behind what is there. For such as cannot fail: texts, numbers and JSON that was checked.
pub(super) fn write_json(value: &impl Serialize, out: &mut Vec<u8>) {
    let before = out.len();
    if serde_json::to_writer(&mut *out, value).is_err() {
        out.truncate(before);
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
