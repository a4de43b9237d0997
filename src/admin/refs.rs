//! References between records: what is named must exist, and what is referred to must not vanish.

use super::desk::Book;
use crate::error::{Error, Kind, Result};
use crate::resources::{self, Record};
use std::collections::{BTreeMap, BTreeSet};

/// The line that makes what is missing.
fn create_line(kind: &str, name: &str) -> String {
    match kind {
        "user" => format!("gw user create {name}"),
        "key" => format!("gw key create {name} --user USER"),
        "provider" => format!("gw provider create {name} --vendor VENDOR --credential-stdin"),
        "model" => format!("gw model create {name} --provider PROVIDER"),
        "route" => format!("gw route create {name} --user USER --to PROVIDER"),
        other => format!("gw {other} create {name}"),
    }
}

/// The error for a record that is not there.
pub fn missing(kind: &str, name: &str) -> Error {
    Error::not_found(format!("no {kind} `{}`", name.escape_debug())).hint(match safe(name) {
        true => create_line(kind, name),
        false => format!("list them with: gw {kind} get"),
    })
}

/// Whether a name can stand in a command line as it is.
fn safe(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 200
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_./:@+=".contains(c))
}

/// What a record refers to, as (kind, name).
pub fn of(record: &Record) -> Vec<(&'static str, String)> {
    resources::kind(&record.kind)
        .map(|kind| (kind.refs)(&record.spec))
        .unwrap_or_default()
}

/// Checks every touched record: those put must find what they name, those deleted must be named by none.
pub fn check(records: &Book, touched: &BTreeSet<(String, String)>) -> Result<()> {
    for record in touched.iter().filter_map(|at| records.get(at)) {
        for (kind, name) in of(record) {
            if !records.contains_key(&(kind.to_owned(), name.clone())) {
                let mut error = missing(kind, &name).param(kind);
                error.message = format!(
                    "{} `{}` names {kind} `{}`, which does not exist",
                    record.kind,
                    record.name,
                    name.escape_debug()
                );
                return Err(error);
            }
        }
    }
    let gone: BTreeSet<&(String, String)> = touched
        .iter()
        .filter(|at| !records.contains_key(*at))
        .collect();
    if gone.is_empty() {
        return Ok(());
    }
    // One pass over everything, however much is deleted.
    let mut named: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for record in records.values() {
        for (kind, name) in of(record) {
            let at = (kind.to_owned(), name);
            if gone.contains(&at) {
                named
                    .entry(at)
                    .or_default()
                    .push(format!("{} `{}`", record.kind, record.name));
            }
        }
    }
    match named.pop_first() {
        None => Ok(()),
        Some(((kind, name), mut by)) => {
            let more = by.len().saturating_sub(5);
            by.truncate(5);
            let rest = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            Err(Error::new(
                Kind::Conflict,
                format!("{kind} `{name}` is referred to by {}{rest}", by.join(", ")),
            )
            .hint(format!(
                "delete those too with: gw {kind} delete {name} --cascade"
            )))
        }
    }
}
