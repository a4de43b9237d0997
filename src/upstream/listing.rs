//! Model ids out of a provider's list of models, in one pass that builds no tree and ends at the bound: a list is the
//! provider's word, and may be of any length.

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use std::fmt;

/// What a list came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Listed {
    /// Sorted, each once.
    Models(Vec<String>),
    /// More than the bound.
    TooMany,
    /// Something that is no list of models.
    NoList,
}

/// The longest id taken.
const LONGEST: usize = 200;

/// Ids out of `{data: [{id}]}` (OpenAI, Anthropic), `{models: [{name|id}]}` or a bare list, `most` at most.
pub(super) fn ids(body: &[u8], most: usize) -> Listed {
    let mut ids = Ids {
        most,
        count: 0,
        found: None,
    };
    let mut json = serde_json::Deserializer::from_slice(body);
    let read = Whole(&mut ids)
        .deserialize(&mut json)
        .and_then(|()| json.end());
    match (read, ids.found) {
        _ if ids.count > most => Listed::TooMany,
        (Ok(()), Some(mut found)) => {
            found.sort();
            found.dedup();
            Listed::Models(found)
        }
        _ => Listed::NoList,
    }
}

struct Ids {
    most: usize,
    count: usize,
    found: Option<Vec<String>>,
}

/// The whole answer.
struct Whole<'a>(&'a mut Ids);

impl<'de> DeserializeSeed<'de> for Whole<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Whole<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of models")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<(), A::Error> {
        List(self.0).visit_seq(list)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "data" | "models" if self.0.found.is_none() => {
                    map.next_value_seed(List(&mut *self.0))?
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// The list within it.
struct List<'a>(&'a mut Ids);

impl<'de> DeserializeSeed<'de> for List<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("models")
    }
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let mut found = Vec::new();
        while let Some(Entry(id)) = list.next_element()? {
            self.0.count += 1;
            if self.0.count > self.0.most {
                return Err(A::Error::custom("too many"));
            }
            let id = id.filter(|id| id.len() <= LONGEST);
            // Google's ids are names of resources; its requests have the rest of them.
            found.extend(id.map(|id| match id.strip_prefix("models/") {
                Some(model) => model.to_owned(),
                None => id,
            }));
        }
        self.0.found = Some(found);
        Ok(())
    }
}

/// The id of one entry: a text, or a field of an object; `None`: it has none.
struct Entry(Option<String>);

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Entry, D::Error> {
        json.deserialize_any(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a model")
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Entry, E> {
        Ok(Entry(Some(text.to_owned())))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entry, A::Error> {
        const FIELDS: [&str; 3] = ["id", "name", "model"];
        let mut best: Option<(usize, String)> = None;
        while let Some(key) = map.next_key::<String>()? {
            let Some(rank) = FIELDS.iter().position(|field| *field == key) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            // Whatever is no text is as if it were not there.
            let Entry(text) = map.next_value()?;
            if let Some(text) = text
                && best.as_ref().is_none_or(|(known, _)| rank < *known)
            {
                best = Some((rank, text));
            }
        }
        Ok(Entry(best.map(|(_, text)| text)))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Entry, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Entry(None))
    }
    fn visit_unit<E: Error>(self) -> Result<Entry, E> {
        Ok(Entry(None))
    }
    fn visit_bool<E: Error>(self, _: bool) -> Result<Entry, E> {
        Ok(Entry(None))
    }
    fn visit_i64<E: Error>(self, _: i64) -> Result<Entry, E> {
        Ok(Entry(None))
    }
    fn visit_u64<E: Error>(self, _: u64) -> Result<Entry, E> {
        Ok(Entry(None))
    }
    fn visit_f64<E: Error>(self, _: f64) -> Result<Entry, E> {
        Ok(Entry(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_is_read_and_none_beyond_the_bound() {
        let models = |ids: &[&str]| Listed::Models(ids.iter().map(|id| (*id).into()).collect());
        for (body, listed) in [
            (
                r#"{"object":"list","data":[{"id":"b"},{"id":"a","x":[1,{}]},{},{"id":7,"name":"c"},{"id":"a"}]}"#,
                models(&["a", "b", "c"]),
            ),
            (r#"{"models":[{"name":"n","id":"i"}]}"#, models(&["i"])),
            (r#"{"data":null,"models":["x"]}"#, models(&["x"])),
            (
                r#"{"models":[{"name":"models/gemini-3-flash","baseModelId":"","version":"3"},{"name":"tunedModels/t"}],"nextPageToken":""}"#,
                models(&["gemini-3-flash", "tunedModels/t"]),
            ),
            (r#"["b","a",null,1,[2]]"#, models(&["a", "b"])),
            ("[]", models(&[])),
            (r#"{"data":"x"}"#, Listed::NoList),
            ("{}", Listed::NoList),
            ("7", Listed::NoList),
            (r#"{"data":[{"id":"a"}]"#, Listed::NoList),
            (r#"["1","2","3","4","5","6"]"#, Listed::TooMany),
            // What comes behind the bound is not looked at.
            (r#"{"data":["1","2","3","4","5","6",x"#, Listed::TooMany),
        ] {
            assert_eq!(ids(body.as_bytes(), 5), listed, "{body}");
        }
    }
}
