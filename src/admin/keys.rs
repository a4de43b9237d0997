//! What keys need beyond other records: minting, digests, rotation, revocation, telling whose a secret is.

use super::{desk::Book, draft::Draft, item::Item};
use crate::error::{Error, Kind, Result};
use crate::resources::{Millis, Record, Spec, Stamp, key::KeySystem};
use crate::store::{
    secret::Secret,
    token::{self, Hasher},
};
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use subtle::ConstantTimeEq;

/// The server's part of a key record.
pub fn system(record: &Record) -> KeySystem {
    serde_json::from_value(Value::Object(record.system.clone())).unwrap_or_default()
}

fn write(system: &KeySystem) -> Result<Spec> {
    match serde_json::to_value(system) {
        Ok(Value::Object(map)) => Ok(map),
        _ => Err(Error::internal("the key's digest cannot be written")),
    }
}

/// Hex of the keyed digest of a secret.
pub fn digest(hasher: &Hasher, secret: &Secret) -> String {
    token::hex(&hasher.digest(secret.expose()))
}

fn same(a: &str, b: &str) -> bool {
    !a.is_empty() && a.as_bytes().ct_eq(b.as_bytes()).into()
}

/// Whether a secret is this key's present one.
pub fn matches(hasher: &Hasher, record: &Record, secret: &Secret) -> bool {
    same(&system(record).digest, &digest(hasher, secret))
}

fn fill(system: &mut KeySystem, hasher: &Hasher, secret: &Secret) {
    system.digest = digest(hasher, secret);
    system.prefix = token::prefix_of(secret.expose());
    system.last4 = token::last4_of(secret.expose());
}

/// Refuses what callers could never use, and what could be guessed unless that is wanted.
fn brought(secret: &Secret, weak: bool) -> Result<()> {
    match weak && token::well_formed(secret.expose()) {
        true => Ok(()),
        false => token::strong_enough(secret.expose()),
    }
}

/// Fills in the digest of a new key, or of a secret brought along; gives a minted secret for its one showing.
pub fn put(
    draft: &Draft<'_>,
    item: &Item,
    old: Option<&Record>,
    into: &mut Spec,
    spec: &Spec,
) -> Result<Option<Secret>> {
    let mut state = old.map(system).unwrap_or_default();
    if state.revoked.is_some() {
        if spec.get("enabled").and_then(Value::as_bool) == Some(true) || item.secret.is_some() {
            return Err(revoked(&item.name));
        }
        return Ok(None);
    }
    let minted = match (&item.secret, old) {
        (None, Some(_)) => return Ok(None),
        (Some(secret), Some(record)) if matches(draft.hasher, record, secret) => return Ok(None),
        (Some(_), Some(_)) if !item.replace_secret => {
            return Err(Error::new(
                Kind::Conflict,
                format!("key `{}` exists with another secret", item.name),
            )
            .param("secret")
            .hint(format!(
                "replace it with --replace-secret, or make a new one: gw key rotate {}",
                item.name
            )));
        }
        (Some(secret), _) => {
            brought(secret, item.allow_weak)?;
            fill(&mut state, draft.hasher, secret);
            None
        }
        (None, None) => {
            let secret = token::mint()?;
            fill(&mut state, draft.hasher, &secret);
            Some(secret)
        }
    };
    *into = write(&state)?;
    Ok(minted)
}

/// A new secret for the key; the old one stays good for `grace`.
pub fn rotate(
    draft: &mut Draft<'_>,
    name: &str,
    grace: Millis,
    brought_along: Option<Secret>,
) -> Result<Secret> {
    let record = draft.get("key", name)?.clone();
    let mut state = system(&record);
    if state.revoked.is_some() {
        return Err(revoked(name));
    }
    let secret = match brought_along {
        Some(secret) => {
            brought(&secret, false)?;
            secret
        }
        None => token::mint()?,
    };
    let until = Stamp(
        Stamp::now()
            .0
            .saturating_add(i64::try_from(grace.0).unwrap_or(i64::MAX)),
    );
    let old = std::mem::take(&mut state.digest);
    state.previous = (grace.0 > 0 && !old.is_empty()).then_some((old, until));
    fill(&mut state, draft.hasher, &secret);
    draft.set(&(record.kind, record.name), record.spec, write(&state)?);
    Ok(secret)
}

/// Ends the key for ever; doing it twice changes nothing.
pub fn revoke(draft: &mut Draft<'_>, name: &str) -> Result<()> {
    let record = draft.get("key", name)?.clone();
    let mut state = system(&record);
    if state.revoked.is_none() {
        state.revoked = Some(Stamp::now());
        state.previous = None;
        let mut spec = record.spec;
        spec.insert("enabled".into(), false.into());
        draft.set(&(record.kind, record.name), spec, write(&state)?);
    }
    Ok(())
}

fn revoked(name: &str) -> Error {
    Error::new(
        Kind::Conflict,
        format!("key `{name}` is revoked, which is final"),
    )
    .hint(format!(
        "make another one: gw key create {name}-2 --user USER"
    ))
}

/// The key a secret belongs to, also by the secret before a rotation while that is still good.
pub fn identify<'a>(
    keys: impl Iterator<Item = &'a Record>,
    hasher: &Hasher,
    secret: &Secret,
) -> Option<&'a Record> {
    let wanted = digest(hasher, secret);
    let now = Stamp::now();
    keys.filter(|record| {
        let state = system(record);
        same(&state.digest, &wanted)
            || state
                .previous
                .is_some_and(|(old, until)| until > now && same(&old, &wanted))
    })
    .last()
}

/// Refuses two keys with one secret: which of them a caller is would be chance.
pub fn check_unique(records: &Book, touched: &BTreeSet<(String, String)>) -> Result<()> {
    if !touched.iter().any(|(kind, _)| kind == "key") {
        return Ok(());
    }
    let mut seen: HashMap<String, &str> = HashMap::new();
    for record in records.values().filter(|record| record.kind == "key") {
        let state = system(record);
        for digest in [Some(state.digest), state.previous.map(|(old, _)| old)]
            .into_iter()
            .flatten()
        {
            if let Some(other) = seen.insert(digest, &record.name) {
                return Err(Error::new(
                    Kind::Conflict,
                    format!(
                        "keys `{other}` and `{}` would have the same secret",
                        record.name
                    ),
                )
                .param("secret")
                .hint("bring another secret, or leave it out and gw makes one"));
            }
        }
    }
    Ok(())
}

/// `active`, `disabled`, `expired` or `revoked`.
pub fn state(record: &Record) -> &'static str {
    if system(record).revoked.is_some() {
        return "revoked";
    }
    let expired = |text: &str| Stamp::parse(text).is_ok_and(|at| at <= Stamp::now());
    if record
        .spec
        .get("expires")
        .and_then(Value::as_str)
        .is_some_and(expired)
    {
        return "expired";
    }
    match record.spec.get("enabled").and_then(Value::as_bool) {
        Some(false) => "disabled",
        _ => "active",
    }
}
