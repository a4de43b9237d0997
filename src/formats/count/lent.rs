//! JSON that is only looked at: names and texts are lent from the bytes where nothing in them is escaped, and members lie
//! in a row. Must not know what is looked for.

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use std::{borrow::Cow, fmt};

/// A value. Of numbers and truths nobody asks here.
pub enum Lent<'a> {
    Null,
    Text(Cow<'a, str>),
    List(Vec<Lent<'a>>),
    Members(Members<'a>),
    Other,
}

/// The members of an object.
pub struct Members<'a>(Vec<(Name<'a>, Lent<'a>)>);

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Lent<'a> {
    pub fn is_null(&self) -> bool {
        matches!(self, Lent::Null)
    }

    pub fn text(&self) -> Option<&str> {
        match self {
            Lent::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn list(&self) -> Option<&[Lent<'a>]> {
        match self {
            Lent::List(list) => Some(list),
            _ => None,
        }
    }

    pub fn members(&self) -> Option<&Members<'a>> {
        match self {
            Lent::Members(members) => Some(members),
            _ => None,
        }
    }

    /// The member of this name, where it has members.
    pub fn get(&self, name: &str) -> Option<&Lent<'a>> {
        self.members()?.get(name)
    }
}

impl<'a> Members<'a> {
    /// The member of this name, of several the last.
    pub fn get(&self, name: &str) -> Option<&Lent<'a>> {
        let found = self.0.iter().rfind(|(own, _)| own.0 == name);
        found.map(|(_, value)| value)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Lent<'a>)> {
        self.0.iter().map(|(name, value)| (&*name.0, value))
    }
}

impl<'de> Deserialize<'de> for Lent<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Lent<'de>, D::Error> {
        from.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Lent<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_bool<E>(self, _: bool) -> Result<Lent<'de>, E> {
        Ok(Lent::Other)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Lent<'de>, E> {
        Ok(Lent::Other)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Lent<'de>, E> {
        Ok(Lent::Other)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Lent<'de>, E> {
        Ok(Lent::Other)
    }
    fn visit_unit<E>(self) -> Result<Lent<'de>, E> {
        Ok(Lent::Null)
    }
    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Lent<'de>, E> {
        Ok(Lent::Text(text.into()))
    }
    fn visit_str<E>(self, text: &str) -> Result<Lent<'de>, E> {
        Ok(Lent::Text(text.to_owned().into()))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Lent<'de>, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = values.next_element()? {
            list.push(value);
        }
        Ok(Lent::List(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Lent<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            members.push(entry);
        }
        Ok(Lent::Members(Members(members)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_not_escaped_is_lent() {
        let bytes = r#"{"a":"plain","b\u0063":["es\ncaped",null,1,-1,0.5,true],"a":{"x":{}}}"#;
        let read: Lent<'_> = serde_json::from_str(bytes).unwrap();
        let members = read.members().unwrap();
        let names: Vec<&str> = members.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["a", "bc", "a"]);
        let first = members.iter().next().map(|(_, value)| value);
        assert!(matches!(first, Some(Lent::Text(Cow::Borrowed("plain")))));
        // The last of a name counts, as everywhere.
        assert!(read.get("a").and_then(|a| a.get("x")?.members()).is_some());
        let list = read.get("bc").and_then(Lent::list).unwrap();
        assert_eq!(list.first().and_then(Lent::text), Some("es\ncaped"));
        assert!(list.get(1).is_some_and(Lent::is_null));
        assert!(list.iter().skip(2).all(|it| matches!(it, Lent::Other)));
        assert!(serde_json::from_str::<Lent<'_>>("{").is_err());
    }
}
