//! A record as bytes at rest: schema version, checksum, JSON. The checksum covers the key too, so that a value
//! found under another key counts as damaged.

use crate::error::{Error, Kind, Result};
use crate::resources::Record;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

/// The schema this gw writes. Raise it when an older gw could not read what is written.
pub const SCHEMA: u16 = 1;
/// The largest value, header included: sled keeps these inline and stays small in memory.
pub const LIMIT: usize = 8 * 1024;
const HEADER: usize = 10;

/// Key of a record: kind and name, apart by a byte neither can hold.
pub fn key(kind: &str, name: &str) -> Vec<u8> {
    [b"r", kind.as_bytes(), &[0], name.as_bytes()].concat()
}

/// Frames any JSON under a key.
pub fn frame(key: &[u8], json: &[u8]) -> Vec<u8> {
    let schema = SCHEMA.to_be_bytes();
    [&schema, &sum(key, schema, json)[..], json].concat()
}

/// Takes a frame apart again. Damaged: [`Kind::Internal`]. Written by a newer gw: [`Kind::Conflict`].
pub fn unframe<'a>(key: &[u8], value: &'a [u8]) -> Result<&'a [u8]> {
    let damaged = || Error::internal(format!("the value of `{}` is damaged", key.escape_ascii()));
    let (head, json) = value.split_at_checked(HEADER).ok_or_else(damaged)?;
    let schema = [head[0], head[1]];
    if head[2..] != sum(key, schema, json) {
        return Err(damaged());
    }
    // Only now: in a damaged value the schema means nothing.
    check_schema(u16::from_be_bytes(schema), "the store")?;
    Ok(json)
}

/// The framed value of a record, refused where it is too large to be stored.
pub fn encode(record: &Record) -> Result<Vec<u8>> {
    if record.kind.contains('\0') || record.name.contains('\0') {
        return Err(Error::invalid("a name cannot hold a zero byte").hint("choose another name"));
    }
    let json = serde_json::to_vec(record)
        .map_err(|error| Error::internal("a record cannot be written as JSON").cause(error))?;
    let value = frame(&key(&record.kind, &record.name), &json);
    if value.len() > LIMIT {
        let message = format!(
            "{} `{}` takes {} bytes, {LIMIT} at most are stored",
            record.kind,
            record.name,
            value.len()
        );
        return Err(Error::new(Kind::TooLarge, message)
            .hint("make it smaller: fewer labels, headers or targets, or split it in two"));
    }
    Ok(value)
}

/// The record in a value, which must be the one its key names.
pub fn decode(at: &[u8], value: &[u8]) -> Result<Record> {
    let record: Record = parse(unframe(at, value)?).map_err(|error| {
        Error::internal(format!("the value of `{}` is damaged", at.escape_ascii())).cause(error)
    })?;
    if key(&record.kind, &record.name) == at {
        Ok(record)
    } else {
        Err(Error::internal(format!(
            "the value of `{}` belongs to another key",
            at.escape_ascii()
        )))
    }
}

/// The JSON in a framed value, as far as somebody wants it. Its checksum was looked at when it came in.
pub fn read<T: DeserializeOwned>(value: &[u8]) -> serde_json::Result<T> {
    parse(value.get(HEADER..).unwrap_or_default())
}

/// Looked at once for being text, and not each string in it by itself.
fn parse<T: DeserializeOwned>(json: &[u8]) -> serde_json::Result<T> {
    match str::from_utf8(json) {
        Ok(json) => serde_json::from_str(json),
        // It says where.
        Err(_) => serde_json::from_slice(json),
    }
}

/// Refuses what a newer gw wrote, naming both versions.
pub fn check_schema(found: u16, what: &str) -> Result<()> {
    if found <= SCHEMA {
        return Ok(());
    }
    let message = format!(
        "{what} was written in schema {found} by a newer gw; this gw {} reads schema {SCHEMA} and older",
        env!("CARGO_PKG_VERSION")
    );
    Err(Error::new(Kind::Conflict, message)
        .hint("run the newer gw, or give this one another --data-dir; nothing was changed"))
}

/// Eight bytes that tell whether a value is what was written; also what a state's summary adds up.
pub fn sum(key: &[u8], schema: [u8; 2], json: &[u8]) -> [u8; 8] {
    let hash = Sha256::new()
        .chain_update(schema)
        .chain_update((key.len() as u64).to_be_bytes())
        .chain_update(key)
        .chain_update(json)
        .finalize();
    let mut sum = [0; 8];
    sum.copy_from_slice(&hash[..8]);
    sum
}

/// The checksum a framed value carries.
pub fn sum_of(value: &[u8]) -> u64 {
    value
        .get(2..HEADER)
        .and_then(|sum| sum.try_into().ok())
        .map_or(0, u64::from_be_bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use proptest::prelude::*;

    fn record(name: &str, size: usize) -> Record {
        let spec = serde_json::json!({"display": "x".repeat(size)});
        serde_json::from_value(serde_json::json!({"kind": "user", "name": name, "version": 1, "created": 0, "updated": 0, "spec": spec})).unwrap()
    }

    proptest! {
        #[test]
        fn any_changed_bit_is_seen(name in "[a-z/:.]{1,20}", bit in 0usize..800) {
            let record = record(&name, 30);
            let key = key("user", &name);
            let mut value = encode(&record).unwrap();
            prop_assert_eq!(decode(&key, &value).unwrap(), record);
            let bit = bit % (value.len() * 8);
            value[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(decode(&key, &value).is_err());
        }
    }

    #[test]
    fn a_value_under_another_key_is_damaged() {
        assert_eq!(
            decode(&key("user", "bob"), &encode(&record("ann", 3)).unwrap())
                .unwrap_err()
                .kind,
            Kind::Internal
        );
    }

    #[test]
    fn newer_schemas_are_refused_by_number() {
        let json = b"{}";
        let newer = (SCHEMA + 1).to_be_bytes();
        let value = [&newer, &sum(b"k", newer, json)[..], json].concat();
        let error = unframe(b"k", &value).unwrap_err();
        assert_eq!(error.kind, Kind::Conflict);
        assert!(
            error.message.contains("schema 2") && error.message.contains("schema 1"),
            "{error}"
        );
    }

    #[test]
    fn the_limit_is_on_the_whole_value() {
        let room = LIMIT - encode(&record("ann", 0)).unwrap().len();
        assert_eq!(encode(&record("ann", room)).unwrap().len(), LIMIT);
        assert_eq!(
            encode(&record("ann", room + 1)).unwrap_err().kind,
            Kind::TooLarge
        );
    }
}
