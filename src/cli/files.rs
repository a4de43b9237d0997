//! Resource files: TOML with typed arrays (`[[user]]`), JSON or YAML of the same shape, or a list of
//! `items` with `kind`; many files, many documents, standard input as `-`.

use super::credential;
use crate::error::{Error, Result};
use crate::resources::{self, KINDS, Kind};
use serde_json::{Map, Value};
use std::io::Read;

/// One record as a file has it.
#[derive(Clone)]
pub(crate) struct Item {
    pub kind: &'static Kind,
    pub body: Map<String, Value>,
    /// The file it came from.
    pub file: String,
}

/// The body may hold secrets, so it is not shown.
impl std::fmt::Debug for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} in {}", self.kind.name, self.file)
    }
}

impl Item {
    pub fn name(&self) -> Result<&str> {
        let name = self.body.get("name").and_then(Value::as_str);
        name.filter(|name| !name.is_empty()).ok_or_else(|| {
            Error::invalid(format!(
                "a {} in `{}` has no name",
                self.kind.name, self.file
            ))
            .param("name")
        })
    }
}

/// The largest file taken.
const LARGEST: u64 = 16 << 20;

/// Reads files in order; records keep the order of [`KINDS`], so that what others refer to comes first.
pub(crate) fn read(files: &[&String]) -> Result<Vec<Item>> {
    let mut items = Vec::new();
    for file in files {
        let text = if file.as_str() == "-" {
            slurp(std::io::stdin(), "standard input")?
        } else {
            slurp(open(file)?, file)?
        };
        items.extend(parse(file, &text)?);
    }
    in_order(&mut items);
    Ok(items)
}

fn open(file: &str) -> Result<std::fs::File> {
    std::fs::File::open(file)
        .map_err(|error| Error::invalid(format!("cannot read `{file}`")).cause(error))
}

fn slurp(from: impl Read, name: &str) -> Result<String> {
    let mut text = String::new();
    from.take(LARGEST + 1)
        .read_to_string(&mut text)
        .map_err(|error| Error::invalid(format!("cannot read `{name}` as text")).cause(error))?;
    match text.len() as u64 > LARGEST {
        true => Err(Error::invalid(format!("`{name}` is larger than 16 MiB"))),
        false => Ok(text),
    }
}

/// One file's records. The format follows from the name, else from the text itself.
pub(crate) fn parse(file: &str, text: &str) -> Result<Vec<Item>> {
    let mut items = Vec::new();
    for document in documents(file, text)? {
        collect(file, document, &mut items)?;
    }
    in_order(&mut items);
    Ok(items)
}

/// What others refer to comes first.
fn in_order(items: &mut [Item]) {
    items.sort_by_key(|item| KINDS.iter().position(|kind| kind.name == item.kind.name));
}

fn documents(file: &str, text: &str) -> Result<Vec<Value>> {
    let wrong = |what: &str, error: String| {
        Error::invalid(format!(
            "`{file}` is not valid {what}: {}",
            error.trim_end()
        ))
    };
    let ends = |suffix: &str| file.to_ascii_lowercase().ends_with(suffix);
    let json = ends(".json")
        || ends(".jsonl")
        || (!ends(".toml") && !ends("ml") && text.trim_start().starts_with('{'));
    if json {
        return serde_json::Deserializer::from_str(text)
            .into_iter::<Value>()
            .collect::<Result<_, _>>()
            .map_err(|error| wrong("JSON", error.to_string()));
    }
    let yaml = || -> Result<Vec<Value>> {
        let documents =
            yaml_serde::Deserializer::from_str(text).map(serde::Deserialize::deserialize);
        documents
            .collect::<Result<Vec<Value>, _>>()
            .map_err(|error| wrong("YAML", error.to_string()))
    };
    if ends(".yaml") || ends(".yml") {
        return yaml();
    }
    match toml::from_str::<Value>(text) {
        Ok(value) => Ok(vec![value]),
        Err(error) if ends(".toml") => Err(wrong("TOML", error.to_string())),
        // Without a telling name: whichever reads it; TOML's complaint is the one to show.
        Err(error) => match yaml() {
            Ok(documents)
                if documents
                    .iter()
                    .all(|document| document.is_object() || document.is_null()) =>
            {
                Ok(documents)
            }
            _ => Err(wrong("TOML", error.to_string())),
        },
    }
}

fn collect(file: &str, document: Value, items: &mut Vec<Item>) -> Result<()> {
    let mut map = match document {
        Value::Null => return Ok(()),
        Value::Object(map) => map,
        _ => {
            return Err(Error::invalid(format!("`{file}` does not hold records"))
                .hint("write [[user]], [[key]] and so on"));
        }
    };
    // One record as `-o json` prints it.
    if let Some(said) = map.get("kind").and_then(Value::as_str) {
        let kind = resources::kind(said)?;
        map.shift_remove("kind");
        items.push(item(file, kind, Value::Object(map))?);
        return Ok(());
    }
    for (word, value) in map {
        if word == "apiVersion" {
            continue;
        }
        let Value::Array(list) = value else {
            return Err(
                Error::invalid(format!("`{word}` in `{file}` is not a list of records"))
                    .hint(format!("write [[{word}]], with two brackets")),
            );
        };
        match word.as_str() {
            "items" => list
                .into_iter()
                .try_for_each(|value| collect(file, value, items))?,
            word => {
                let kind = resources::kind(word).map_err(|error| {
                    Error::invalid(format!("{} (in `{file}`)", error.message))
                        .hint(error.hint.unwrap_or_default())
                })?;
                for value in list {
                    items.push(item(file, kind, value)?);
                }
            }
        }
    }
    Ok(())
}

fn item(file: &str, kind: &'static Kind, value: Value) -> Result<Item> {
    let Value::Object(mut body) = value else {
        return Err(Error::invalid(format!(
            "a {} in `{file}` is not a table",
            kind.name
        )));
    };
    for field in resources::Record::ENVELOPE {
        if field != "name" {
            body.shift_remove(field);
        }
    }
    // What `-o json` adds to a new record is no part of it.
    body.shift_remove("result");
    Ok(Item {
        kind,
        body,
        file: file.to_owned(),
    })
}

/// Reads what `secret_from` and `credential_from` point at: by this process, here and now.
pub(crate) fn resolve(items: &mut [Item]) -> Result<()> {
    for item in items {
        let (from, into) = match item.kind.name {
            "key" => ("secret_from", "secret"),
            "provider" => ("credential_from", "credential_value"),
            _ => continue,
        };
        let Some(source) = item.body.shift_remove(from) else {
            continue;
        };
        let name = item.name()?.to_owned();
        let bad = || {
            let error = Error::invalid(format!(
                "`{from}` of {} `{name}` in `{}` is not a source",
                item.kind.name, item.file
            ));
            error.param(from).hint(format!(
                "write {from} = {{ env = \"NAME\" }} or {{ file = \"PATH\" }}"
            ))
        };
        let Value::Object(source) = source else {
            return Err(bad());
        };
        let secret = match source.iter().next() {
            Some((word, Value::String(place))) if source.len() == 1 && word == "env" => {
                credential::variable_value(place)?
            }
            Some((word, Value::String(place))) if source.len() == 1 && word == "file" => {
                credential::file_value(place)?
            }
            _ => return Err(bad()),
        };
        item.body
            .insert(into.into(), Value::String(secret.to_string()));
        if item.kind.name == "provider" {
            item.body.insert("credential".into(), "managed".into());
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
