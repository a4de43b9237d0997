//! Resource files: TOML with typed arrays (`[[user]]`), JSON or YAML of the same shape, or a list of records
//! with `kind`, at the top or as `items`; many files, directories of them, many documents, standard input as
//! `-`. Everything is read before anything is complained about.

mod mistakes;
mod parse;
mod place;
mod secrets;

use crate::error::{Error, Result};
use crate::resources::{self, KINDS, Kind};
use mistakes::{Mistakes, placed};
use place::{Place, Step};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

/// One record as a file has it.
#[derive(Clone)]
pub(crate) struct Item {
    pub kind: &'static Kind,
    pub name: String,
    pub body: Map<String, Value>,
    /// A variable that may hold its credential and is not set here; the gateway may have the credential.
    pub unset: Option<String>,
    /// Where it is.
    place: Place,
}

/// The body may hold secrets, so it is not shown.
impl std::fmt::Debug for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} `{}`", self.kind.name, self.name)
    }
}

/// The largest file taken.
const LARGEST: u64 = 64 << 20;

/// The records of files with their secrets filled in, checked as far as that goes without a gateway; what
/// others refer to comes first.
pub(crate) fn read(files: &[&String]) -> Result<Vec<Item>> {
    let mut mistakes = Mistakes::default();
    let mut items = gather(files, &mut mistakes);
    for item in &mut items {
        check(item, &mut mistakes);
    }
    mistakes.end()?;
    Ok(items)
}

/// Only whom files name, whatever else they say.
pub(crate) fn named(files: &[&String]) -> Result<Vec<(&'static Kind, String)>> {
    let mut mistakes = Mistakes::default();
    let items = gather(files, &mut mistakes);
    mistakes.end()?;
    match items.is_empty() && !files.is_empty() {
        true => Err(empty()),
        false => Ok(items
            .into_iter()
            .map(|item| (item.kind, item.name))
            .collect()),
    }
}

/// Files that name nothing are rather a mistake than a wish to do nothing.
pub(crate) fn empty() -> Error {
    Error::invalid("the files hold no records").hint("write [[user]], [[key]] and so on")
}

fn gather(files: &[&String], mistakes: &mut Mistakes) -> Vec<Item> {
    let mut items = Vec::new();
    let mut order = 0;
    for file in files {
        order += 1;
        match below(file) {
            Ok(files) => {
                for file in files {
                    order += 1;
                    one(&file, order, mistakes, &mut items);
                }
            }
            Err(error) => mistakes.unread(order, error),
        }
    }
    in_order(&mut items);
    let mut seen: HashMap<(&str, &str), &Item> = HashMap::new();
    for item in &items {
        if let Some(first) = seen.insert((item.kind.name, &item.name), item) {
            let (kind, name) = (item.kind.name, &item.name);
            mistakes.of(
                &item.place,
                Error::invalid(format!("{kind} `{name}` is given twice"))
                    .hint(format!("it is also at {}", first.place.shown())),
            );
        }
    }
    items
}

/// What others refer to comes first.
fn in_order(items: &mut [Item]) {
    items.sort_by_key(|item| KINDS.iter().position(|kind| kind.name == item.kind.name));
}

/// The file itself, or the files of a directory that are named like one of the formats, by name.
fn below(file: &str) -> Result<Vec<String>> {
    if file == "-" || !Path::new(file).is_dir() {
        return Ok(vec![file.to_owned()]);
    }
    let unread =
        |error| Error::invalid(format!("cannot read `{}`", parse::called(file))).cause(error);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(file).map_err(unread)? {
        let path = entry.map_err(unread)?.path();
        let fits = path
            .extension()
            .and_then(|end| end.to_str())
            .is_some_and(|end| ["toml", "json", "yaml", "yml"].contains(&end));
        if let Some(path) = path.to_str().filter(|_| fits && path.is_file()) {
            files.push(path.to_owned());
        }
    }
    files.sort();
    match files.is_empty() {
        true => Err(Error::invalid(format!(
            "`{}` holds no .toml, .json, .yaml or .yml file",
            parse::called(file)
        ))
        .hint("directories below it are not read; name them too")),
        false => Ok(files),
    }
}

fn one(file: &str, order: usize, mistakes: &mut Mistakes, items: &mut Vec<Item>) {
    let text = match file {
        "-" => slurp(std::io::stdin(), file),
        file => open(file).and_then(|open| slurp(open, file)),
    };
    match text {
        Ok(text) => parsed(file, order, text, mistakes, items),
        Err(error) => mistakes.unread(order, error),
    }
}

fn open(file: &str) -> Result<std::fs::File> {
    std::fs::File::open(file).map_err(|error| {
        Error::invalid(format!("cannot read `{}`", parse::called(file))).cause(error)
    })
}

fn slurp(from: impl Read, file: &str) -> Result<String> {
    let name = parse::called(file);
    let mut text = String::new();
    from.take(LARGEST + 1)
        .read_to_string(&mut text)
        .map_err(|error| Error::invalid(format!("cannot read `{name}` as text")).cause(error))?;
    match text.len() as u64 > LARGEST {
        true => Err(Error::invalid(format!("`{name}` is larger than 64 MiB"))
            .hint("split it; -f may be repeated")),
        false => Ok(text),
    }
}

/// One file's records.
fn parsed(file: &str, order: usize, text: String, mistakes: &mut Mistakes, items: &mut Vec<Item>) {
    let (source, documents) = parse::documents(file, order, text);
    let source = Arc::new(source);
    match documents {
        Ok(documents) => {
            for (index, document) in documents.into_iter().enumerate() {
                collect(&Place::new(&source, index), document, mistakes, items);
            }
        }
        Err(errors) => {
            for (offset, error) in errors {
                mistakes.at(&source, offset, error);
            }
        }
    }
}

fn collect(place: &Place, document: Value, mistakes: &mut Mistakes, items: &mut Vec<Item>) {
    let mut map = match document {
        Value::Null => return,
        Value::Array(list) => return records(place, list, mistakes, items),
        Value::Object(map) => map,
        _ => {
            let error =
                Error::invalid("this holds no records").hint("write [[user]], [[key]] and so on");
            return mistakes.of(place, error);
        }
    };
    // One record as `-o json` prints it.
    if let Some(said) = map.get("kind").and_then(Value::as_str) {
        return match resources::kind(said) {
            Ok(kind) => {
                map.shift_remove("kind");
                item(place.clone(), kind, Value::Object(map), mistakes, items);
            }
            Err(error) => mistakes.of(&place.param("kind"), error),
        };
    }
    for (word, value) in map {
        if word == "apiVersion" {
            continue;
        }
        let at = place.below(Step::Key(word.clone()));
        let kind = match word.as_str() {
            "items" => None,
            word => match resources::kind(word) {
                Ok(kind) => Some(kind),
                Err(error) => {
                    mistakes.of(&at, error);
                    continue;
                }
            },
        };
        match (value, kind) {
            (Value::Array(list), None) => records(&at, list, mistakes, items),
            (Value::Array(list), Some(kind)) => {
                for (index, value) in list.into_iter().enumerate() {
                    item(at.below(Step::Index(index)), kind, value, mistakes, items);
                }
            }
            _ => mistakes.of(
                &at,
                Error::invalid(format!("`{word}` is not a list of records"))
                    .hint(format!("write [[{word}]], with two brackets")),
            ),
        }
    }
}

/// A list of records that say their kind themselves.
fn records(place: &Place, list: Vec<Value>, mistakes: &mut Mistakes, items: &mut Vec<Item>) {
    for (index, value) in list.into_iter().enumerate() {
        let at = place.below(Step::Index(index));
        match value.get("kind").is_some_and(Value::is_string) {
            true => collect(&at, value, mistakes, items),
            false => mistakes.of(
                &at,
                Error::invalid("a record in a list says its `kind`, and this does not"),
            ),
        }
    }
}

fn item(
    place: Place,
    kind: &'static Kind,
    value: Value,
    mistakes: &mut Mistakes,
    items: &mut Vec<Item>,
) {
    let Value::Object(mut body) = value else {
        let error = Error::invalid(format!("a {} is a table of fields", kind.name));
        return mistakes.of(&place, error);
    };
    let name = match body.get("name") {
        Some(Value::String(name)) => name.clone(),
        Some(_) => {
            let error = Error::invalid(format!("the name of a {} is text", kind.name));
            return mistakes.of(&place, error.param("name"));
        }
        None => {
            let error = Error::invalid(format!("a {} has a name, and this has none", kind.name));
            return mistakes.of(&place, error);
        }
    };
    if let Err(error) = resources::name::check(kind, &name) {
        mistakes.of(&place, error);
    }
    for field in resources::Record::ENVELOPE {
        if field != "name" {
            body.shift_remove(field);
        }
    }
    // What `-o json` adds to a new record is no part of it.
    body.shift_remove("result");
    items.push(Item {
        kind,
        name,
        body,
        unset: None,
        place,
    });
}

/// What can be said without a gateway: sources of secrets that are not there, fields that no record has.
fn check(item: &mut Item, mistakes: &mut Mistakes) {
    if let Err(error) = secrets::resolve(item) {
        mistakes.of(&item.place, error);
    }
    let mut spec = item.body.clone();
    for field in [
        "name",
        "secret",
        "replace_secret",
        "allow_weak",
        "if_not_exists",
        "credential_value",
    ] {
        spec.shift_remove(field);
    }
    for error in resources::mistakes(item.kind, &spec) {
        mistakes.of(&item.place, error);
    }
}

/// The gateway's error about one of these records, with the line that record is at.
pub(crate) fn located(items: &[Item], error: Error) -> Error {
    let at = |item: &Item| {
        error
            .message
            .find(&format!("{} `{}`", item.kind.name, item.name))
    };
    let first = items
        .iter()
        .filter_map(|item| Some((at(item)?, item)))
        .min_by_key(|(at, _)| *at);
    let Some((_, item)) = first else {
        return error;
    };
    let unset: Vec<&str> = items
        .iter()
        .filter_map(|item| item.unset.as_deref())
        .collect();
    let needed = item.unset.is_some() && error.param.as_deref() == Some("credential");
    match needed {
        true => placed(&item.place, error).hint(format!(
            "set {}, as far as the gateway has no credential yet",
            unset.join(", ")
        )),
        false => placed(&item.place, error),
    }
}

#[cfg(test)]
mod tests;
