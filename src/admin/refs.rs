//! References between records: what is named must exist, what is referred to must not vanish, and what only
//! one record may have is had by one.

use crate::error::{Error, Kind, Result};
use crate::resources::{KindId, kind};
use crate::store::records::{At, State};
use std::collections::BTreeSet;

/// The line that makes what is missing.
fn create_line(kind: KindId, name: &str) -> String {
    match kind {
        KindId::User => format!("gw user create {name}"),
        KindId::Key => format!("gw key create {name} --user USER"),
        KindId::Provider => {
            format!("gw provider create {name} --vendor VENDOR --credential-stdin")
        }
        KindId::Model => format!("gw model create {name} --provider PROVIDER"),
        KindId::Route => format!("gw route create {name} --user USER --to PROVIDER"),
    }
}

/// The error for a record that is not there.
pub fn missing(word: &str, name: &str) -> Error {
    let error = Error::not_found(format!("no {word} `{}`", name.escape_debug()));
    match kind(word) {
        Ok(kind) if safe(name) => error.hint(create_line(kind.id, name)),
        _ => error.hint(format!("list them with: gw {word} get")),
    }
}

/// Whether a name can stand in a command line as it is.
fn safe(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 200
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_./:@+=".contains(c))
}

/// Checks what a change touched: records put must find what they name and share nothing that is one record's
/// alone, those deleted must be named by none.
pub fn check(before: &State, after: &State, touched: &BTreeSet<At>) -> Result<()> {
    for at in touched {
        match after.at(at) {
            Some(record) => {
                if let Some((kind, name)) = record.refs().find(|to| !after.has(to)) {
                    let mut error = missing(&kind, &name).param(kind.clone());
                    error.message = format!(
                        "{} `{}` names {kind} `{}`, which does not exist",
                        record.kind,
                        record.name,
                        name.escape_debug()
                    );
                    return Err(error);
                }
                for claim in record.claims() {
                    let others = [after.claimed(&claim), before.claimed(&claim)];
                    let holds = |other: &&At| {
                        *other != at
                            && after
                                .at(other)
                                .is_some_and(|record| record.claims().contains(&claim))
                    };
                    if let Some(other) = others.into_iter().flatten().find(holds) {
                        return Err(shared(other, at));
                    }
                }
            }
            None => {
                let by: Vec<String> = after
                    .referrers(at)
                    .take(6)
                    .map(|(kind, name)| format!("{kind} `{name}`"))
                    .collect();
                if !by.is_empty() {
                    return Err(referred(at, by, after.referrers(at).count()));
                }
            }
        }
    }
    Ok(())
}

fn referred((kind, name): &At, mut by: Vec<String>, all: usize) -> Error {
    by.truncate(5);
    let rest = match all.saturating_sub(by.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Error::new(
        Kind::Conflict,
        format!("{kind} `{name}` is referred to by {}{rest}", by.join(", ")),
    )
    .hint(format!(
        "delete those too with: gw {kind} delete {name} --cascade"
    ))
}

/// Two keys with one secret: which of them a caller is would be chance.
fn shared(other: &At, at: &At) -> Error {
    let (one, two) = if other < at { (other, at) } else { (at, other) };
    Error::new(
        Kind::Conflict,
        format!(
            "{}s `{}` and `{}` would have the same secret",
            at.0, one.1, two.1
        ),
    )
    .param("secret")
    .hint("bring another secret, or leave it out and gw makes one")
}
