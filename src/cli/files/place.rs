//! Where in a file something is: a path through the parsed value, turned into a line and a column by
//! reading the text again up to there. Only mistakes pay for that.

use super::parse::{Format, Source};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::sync::Arc;

/// One step down a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Key(String),
    Index(usize),
}

/// A value in a file.
#[derive(Clone)]
pub(crate) struct Place {
    source: Arc<Source>,
    document: usize,
    path: Vec<Step>,
}

impl Place {
    /// The whole of one document of a file.
    pub fn new(source: &Arc<Source>, document: usize) -> Place {
        Place {
            source: source.clone(),
            document,
            path: Vec::new(),
        }
    }

    pub fn below(&self, step: Step) -> Place {
        let mut place = self.clone();
        place.path.push(step);
        place
    }

    /// What a parameter such as `targets[1].model` says of the record here.
    pub fn param(&self, param: &str) -> Place {
        let mut place = self.clone();
        for part in param.split('.') {
            let (key, rest) = part.split_once('[').unwrap_or((part, ""));
            place.path.push(Step::Key(key.to_owned()));
            let indices = rest.split(['[', ']']).filter_map(|text| text.parse().ok());
            place.path.extend(indices.map(Step::Index));
        }
        place
    }

    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The byte it begins at; of what is not there, where it would be.
    pub fn find(&self) -> Option<usize> {
        (0..=self.path.len())
            .rev()
            .find_map(|length| self.offset(&self.path[..length]))
    }

    /// `FILE:LINE:COLUMN`, as exact as the text allows.
    pub fn shown(&self) -> String {
        self.source.shown(self.find())
    }

    fn offset(&self, path: &[Step]) -> Option<usize> {
        let text = self.source.text.as_str();
        let seek = Seek { path };
        let end = |step: Option<&Step>, after: usize| {
            // JSON says where reading stopped, which is after the key or the bracket.
            let before = text.get(..after)?;
            let cut = match step {
                Some(Step::Key(key)) => before.strip_suffix(&format!("\"{key}\"")),
                _ => before.strip_suffix(['{', '[']),
            };
            Some(cut.map_or(after, str::len))
        };
        match self.source.format {
            Format::Toml => {
                let reader = toml::Deserializer::parse(text).ok()?;
                Some(seek.deserialize(reader).err()?.span()?.start)
            }
            Format::Yaml => {
                let reader = yaml_serde::Deserializer::from_str(text).nth(self.document)?;
                Some(seek.deserialize(reader).err()?.location()?.index())
            }
            Format::Json => {
                let mut reader = serde_json::Deserializer::from_str(text);
                for _ in 0..self.document {
                    IgnoredAny::deserialize(&mut reader).ok()?;
                }
                let error = seek.deserialize(&mut reader).err()?;
                end(
                    path.last(),
                    self.source.offset(error.line(), error.column())?,
                )
            }
        }
    }
}

/// Reads down a path and stops there with an error, which knows its position.
#[derive(Clone, Copy)]
struct Seek<'p> {
    path: &'p [Step],
}

/// The error that stops.
fn here<E: Error>() -> E {
    E::custom("here")
}

impl<'de> DeserializeSeed<'de> for Seek<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seek<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("anything")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((Step::Key(key), rest)) = self.path.split_first() else {
            return Err(here());
        };
        let last = rest.is_empty();
        while let Some(found) = map.next_key_seed(Key { key, last })? {
            if found {
                map.next_value_seed(Seek { path: rest })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Some((Step::Index(index), rest)) = self.path.split_first() else {
            return Err(here());
        };
        for _ in 0..*index {
            list.next_element::<IgnoredAny>()?;
        }
        list.next_element_seed(Seek { path: rest })?;
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Err(here())
    }
    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Err(here())
    }
    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Err(here())
    }
    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Err(here())
    }
    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Err(here())
    }
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Err(here())
    }
    fn visit_none<E: Error>(self) -> Result<(), E> {
        Err(here())
    }
    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

/// Compares a key; stops at it where the path ends with it.
struct Key<'p> {
    key: &'p str,
    last: bool,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = bool;
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<bool, D::Error> {
        from.deserialize_any(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = bool;
    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a key")
    }
    fn visit_str<E: Error>(self, key: &str) -> Result<bool, E> {
        match key == self.key {
            true if self.last => Err(here()),
            found => Ok(found),
        }
    }
    fn visit_bool<E: Error>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }
    fn visit_i64<E: Error>(self, _: i64) -> Result<bool, E> {
        Ok(false)
    }
    fn visit_u64<E: Error>(self, _: u64) -> Result<bool, E> {
        Ok(false)
    }
    fn visit_f64<E: Error>(self, _: f64) -> Result<bool, E> {
        Ok(false)
    }
    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn shown(file: &str, text: &str, document: usize, path: &[Step]) -> String {
        let (source, _) = super::super::parse::documents(file, 0, text.to_owned());
        let mut place = Place::new(&Arc::new(source), document);
        place.path = path.to_vec();
        place.shown()
    }

    #[test]
    fn paths_lead_to_lines_and_columns() {
        let key = |name: &str| Step::Key(name.into());
        let toml = "[[user]]\nname = \"a\"\n\n[[user]]\nname = \"b\"\nemial = \"x\"\n[[route]]\ntargets = [{ provider = \"p\" },\n  { provdier = \"q\" }]\n";
        let yaml = "user:\n- name: a\n- name: b\n  emial: x\nroute:\n- targets:\n  - provider: p\n  - provdier: q\n";
        let json = "{\"user\": [{\"name\": \"a\"},\n {\"name\": \"b\",\n  \"emial\": \"x\"}],\n \"route\": [{\"targets\": [{\"provider\": \"p\"},\n  {\"provdier\": \"q\"}]}]}";
        let second = vec![key("user"), Step::Index(1)];
        let field = [&second[..], &[key("emial")]].concat();
        let target = vec![
            key("route"),
            Step::Index(0),
            key("targets"),
            Step::Index(1),
            key("provdier"),
        ];
        for (file, text, places) in [
            ("a.toml", toml, ["a.toml:4:1", "a.toml:6:1", "a.toml:9:5"]),
            ("a.yaml", yaml, ["a.yaml:3:3", "a.yaml:4:3", "a.yaml:8:5"]),
            ("a.json", json, ["a.json:2:2", "a.json:3:3", "a.json:5:4"]),
        ] {
            for (path, place) in [&second, &field, &target].into_iter().zip(places) {
                assert_eq!(shown(file, text, 0, path), place, "{path:?}");
            }
        }
        // What is not there is where it would be.
        let missing = [&second[..], &[key("team")]].concat();
        assert_eq!(shown("a.toml", toml, 0, &missing), "a.toml:4:1");
        assert_eq!(
            shown(
                "a.yml",
                "user: []\n---\nuser:\n- name: ä\n  x: 1\n",
                1,
                &[key("user"), Step::Index(0), key("x")]
            ),
            "a.yml:5:3"
        );
        assert_eq!(
            shown(
                "-",
                "{\"kind\":\"user\"}\n{\"kind\":\"user\",\"x\":1}\n",
                1,
                &[key("x")]
            ),
            "standard input:2:16"
        );
    }

    #[test]
    fn parameters_are_paths() {
        let (source, _) = super::super::parse::documents("a.toml", 0, String::new());
        let place = Place::new(&Arc::new(source), 0).param("targets[1].model");
        assert_eq!(
            place.path,
            [
                Step::Key("targets".into()),
                Step::Index(1),
                Step::Key("model".into())
            ]
        );
    }
}
