//! What keys need beyond other records: minting, digests, rotation, revocation, telling whose a secret is.

use super::item::Item;
use crate::error::{Error, Kind, Result};
use crate::resources::{
    Millis, Record, Spec, Stamp,
    key::{GRACE_SECRETS, KeySystem},
};
use crate::store::records::State;
use crate::store::{
    secret::Secret,
    token::{self, Hasher},
};
use serde_json::Value;
use std::sync::Arc;
use subtle::ConstantTimeEq;

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
    same(&KeySystem::of(record).digest, &digest(hasher, secret))
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
    hasher: &Hasher,
    item: &Item,
    old: Option<&Record>,
    into: &mut Spec,
    spec: &Spec,
) -> Result<Option<Secret>> {
    let mut state = old.map(KeySystem::of).unwrap_or_default();
    if state.revoked.is_some() {
        if spec.get("enabled").and_then(Value::as_bool) == Some(true) || item.secret.is_some() {
            return Err(revoked(&item.name));
        }
        return Ok(None);
    }
    let minted = match (&item.secret, old) {
        (None, Some(_)) => return Ok(None),
        (Some(secret), Some(record)) if matches(hasher, record, secret) => return Ok(None),
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
            fill(&mut state, hasher, secret);
            None
        }
        (None, None) => {
            let secret = token::mint()?;
            fill(&mut state, hasher, &secret);
            Some(secret)
        }
    };
    *into = write(&state)?;
    Ok(minted)
}

/// The server's part of a key with a new secret, and that secret. The old one stays good for `grace`, and so do
/// those of earlier rotations as long as they were promised to.
pub fn rotated(
    hasher: &Hasher,
    record: &Record,
    grace: Millis,
    brought_along: Option<Secret>,
) -> Result<(Spec, Secret)> {
    let mut state = KeySystem::of(record);
    if state.revoked.is_some() {
        return Err(revoked(&record.name));
    }
    let secret = match brought_along {
        Some(secret) => {
            brought(&secret, false)?;
            secret
        }
        None => token::mint()?,
    };
    let now = Stamp::now();
    state.previous.retain(|(_, until)| *until > now);
    let old = std::mem::take(&mut state.digest);
    if grace.0 > 0 && !old.is_empty() {
        if state.previous.len() >= GRACE_SECRETS {
            return Err(too_many(&record.name, &state));
        }
        let grace = i64::try_from(grace.0).unwrap_or(i64::MAX);
        state
            .previous
            .push((old, Stamp(now.0.saturating_add(grace))));
    }
    fill(&mut state, hasher, &secret);
    Ok((write(&state)?, secret))
}

fn too_many(name: &str, state: &KeySystem) -> Error {
    let first = state.previous.iter().map(|(_, until)| *until).min();
    let first = first.unwrap_or_default().rfc3339();
    Error::new(
        Kind::Conflict,
        format!("key `{name}` has {GRACE_SECRETS} rotated-out secrets that are still good"),
    )
    .hint(format!(
        "wait until {first}, when the first of them ends; or end the present one at once: gw key rotate {name} --grace 0s"
    ))
}

/// Spec and server's part of a key that is ended for ever; `None` where it is already.
pub fn ended(record: &Record) -> Result<Option<(Spec, Spec)>> {
    let mut state = KeySystem::of(record);
    if state.revoked.is_some() {
        return Ok(None);
    }
    state.revoked = Some(Stamp::now());
    state.previous = Vec::new();
    let mut spec = record.spec.clone();
    spec.insert("enabled".into(), false.into());
    Ok(Some((spec, write(&state)?)))
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

/// The key a secret belongs to, also by a secret rotated out while that is still good.
pub fn identify(records: &State, hasher: &Hasher, secret: &Secret) -> Option<Arc<Record>> {
    let wanted = digest(hasher, secret);
    let record = records.at(records.claimed(&wanted)?)?;
    let now = Stamp::now();
    let system = KeySystem::of(&record);
    let mut good = system
        .digests()
        .filter(|(_, until)| until.is_none_or(|until| until > now));
    good.any(|(digest, _)| same(digest, &wanted))
        .then_some(record)
}

/// `active`, `disabled`, `expired` or `revoked`: what serving makes of it. A key is disabled with its user.
pub fn state(key: &Record, user: Option<&Record>) -> &'static str {
    let off = |record: &Record| record.spec.get("enabled") == Some(&Value::Bool(false));
    // A time nobody can read has passed.
    let over = |text: &str| Stamp::parse(text).map_or(true, |at| at <= Stamp::now());
    let expires = key.spec.get("expires").and_then(Value::as_str);
    match () {
        () if KeySystem::of(key).revoked.is_some() => "revoked",
        () if expires.is_some_and(over) => "expired",
        () if off(key) || user.is_none_or(off) => "disabled",
        () => "active",
    }
}
