//! What each format makes of each concept, written down for a reader's eyes: `golden/requests` has a file a concept with
//! how every format says it and what comes out upstream, `golden/replies` a file a concept of answers, and the tables in
//! docs/formats.md the outcomes alone. All three are written with `GW_BLESS=1` and compared otherwise.
//!
//! How a format says its concepts stands in `concepts/NAME.json`: a merge patch a concept over `plain`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod answers;
mod blessed;
mod page;

use super::features::Outcome;
use super::{Row, rows, target};
use crate::formats::spelling;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Concepts that ask for what happens anyway, or for nothing, so that nothing of them is in what is sent.
const IDLE: &[(&str, &str)] = &[
    ("plain", "the request that all others are held against"),
    ("stream", "of some formats the path says it"),
    ("choice auto", "what everybody does unasked"),
    (
        "shown thoughts",
        "OpenAI Chat has no word for it: who shows them does so unasked",
    ),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/formats/laws")
}

/// How callers of a format say each concept.
fn sayings(row: &Row) -> Map<String, Value> {
    let path = folder().join(format!("concepts/{}.json", row.format.name));
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}: write how it says things", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A request as a caller sends it.
fn request(sayings: &Map<String, Value>, concept: &str) -> Value {
    let mut body = sayings["plain"].clone();
    merge(&mut body, &sayings[concept]);
    body
}

/// RFC 7396.
fn merge(into: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *into = patch.clone();
        return;
    };
    if !into.is_object() {
        *into = json!({});
    }
    for (name, value) in patch {
        match (value, into.as_object_mut().unwrap()) {
            (Value::Null, members) => _ = members.remove(name),
            (value, members) => merge(members.entry(name).or_insert(Value::Null), value),
        }
    }
}

/// What an upstream gets of a request.
fn translated(from: &Row, to: &Row, body: &Value) -> (Outcome, Value) {
    let chat = from.codec.read_request(body.to_string().as_bytes());
    let written = chat.and_then(|chat| to.codec.write_request(&chat, &target(&chat)));
    let written = spelling::in_words_of(from.format, written);
    let outcome = Outcome::of(written.as_ref().map(|written| &written.dropped[..]));
    let body = written.map_or(Value::Null, |written| {
        serde_json::from_slice(&written.body).unwrap()
    });
    (outcome, body)
}

/// The members that are not as in the plain request.
fn changed(body: &Value, plain: &Value) -> Map<String, Value> {
    let (Some(body), Some(plain)) = (body.as_object(), plain.as_object()) else {
        return Map::new();
    };
    let mut changed: Map<String, Value> = body
        .iter()
        .filter(|(name, value)| plain.get(*name) != Some(value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let gone = plain.keys().filter(|name| !body.contains_key(*name));
    changed.extend(gone.map(|name| (name.clone(), Value::Null)));
    changed
}

/// Every concept that some format can say, in the order of the files.
fn concepts() -> Vec<String> {
    let mut known = BTreeSet::new();
    let all = rows().into_iter().flat_map(|row| sayings(&row).into_iter());
    all.map(|(name, _)| name)
        .filter(|name| known.insert(name.clone()))
        .collect()
}

/// One concept: how each format says it, and what the others are sent.
fn told(concept: &str) -> Value {
    let mut told = Map::new();
    for from in rows() {
        let sayings = sayings(&from);
        let Some(says) = sayings.get(concept) else {
            continue;
        };
        let mut cells = Map::new();
        for to in rows().iter().filter(|to| to.format.id != from.format.id) {
            let (outcome, body) = translated(&from, to, &request(&sayings, concept));
            let (_, plain) = translated(&from, to, &sayings["plain"]);
            let sent = match concept {
                "plain" => body,
                _ => changed(&body, &plain).into(),
            };
            let mut cell = Map::new();
            cell.insert("outcome".into(), json!(page::cell(&outcome)));
            if !matches!(outcome, Outcome::Refused(_)) {
                cell.insert("sent".into(), sent);
            }
            cells.insert(format!("to {}", to.format.name), cell.into());
        }
        told.insert(
            from.format.name.to_owned(),
            json!({"says": says, "becomes": cells}),
        );
    }
    told.into()
}

#[test]
fn every_format_makes_of_each_concept_what_is_written_down() {
    let files = concepts().into_iter().map(|concept| {
        let text = serde_json::to_string_pretty(&told(&concept)).unwrap();
        (format!("{}.json", blessed::file(&concept)), text + "\n")
    });
    blessed::files(&folder().join("golden/requests"), files.collect());
}

/// Every way of each concept from one format to another, with what is sent beyond the plain request.
fn cells() -> Vec<(String, String, Outcome, Map<String, Value>)> {
    let mut cells = Vec::new();
    for from in rows() {
        let sayings = sayings(&from);
        for to in rows().iter().filter(|to| to.format.id != from.format.id) {
            let (_, plain) = translated(&from, to, &sayings["plain"]);
            for concept in sayings.keys() {
                let (outcome, body) = translated(&from, to, &request(&sayings, concept));
                let way = format!("{concept} from {} to {}", from.format.name, to.format.name);
                cells.push((concept.clone(), way, outcome, changed(&body, &plain)));
            }
        }
    }
    cells
}

#[test]
fn no_concept_is_lost_without_being_named() {
    let mut lost = Vec::new();
    for (concept, way, outcome, sent) in cells() {
        let idle = IDLE.iter().any(|(idle, _)| *idle == concept);
        if !idle && outcome == Outcome::Carried && sent.is_empty() {
            lost.push(format!("{way}: nothing of it is sent, and nobody is told"));
        }
        if matches!(&outcome, Outcome::Refused(field) if field.is_empty()) {
            lost.push(format!("{way}: refused without a field's name"));
        }
    }
    assert!(lost.is_empty(), "{}", lost.join("\n"));
}

/// What a document is called is not the document.
fn is_name(field: &str) -> bool {
    ["filename", "title", "document.name"]
        .iter()
        .any(|name| field.ends_with(name))
}

/// Tools, what is shown and the shape of answers are never dropped; what they have beside them may be.
#[test]
fn tools_media_and_schemas_are_carried_or_refused() {
    const KEPT: &[&str] = &[
        "tool",
        "image",
        "document",
        "schema",
        "JSON",
        "call",
        "sound",
        "film",
        "web search",
    ];
    const BESIDE: &[&str] = &[
        "image in detail",
        "one call at a time",
        "most calls",
        "strict tool",
        "examples of a tool",
        "deferred tool",
        "document to cite from",
    ];
    let mut dropped = Vec::new();
    for (concept, way, outcome, _) in cells() {
        let kept = KEPT.iter().any(|word| concept.contains(word));
        if kept
            && !BESIDE.contains(&&*concept)
            && matches!(&outcome, Outcome::Dropped(names) if !names.iter().all(|name| is_name(name)))
        {
            dropped.push(format!("{way}: {outcome:?}"));
        }
    }
    assert!(dropped.is_empty(), "{}", dropped.join("\n"));
}
