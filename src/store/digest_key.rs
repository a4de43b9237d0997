//! That the digest key is the one this state's keys were made with. A check value of it is a record of the state, so
//! that it is exported, logged and restored with the keys: a changed or foreign `digest.key` stops the start, where
//! otherwise every caller would be turned away as unknown.

use super::records::{Actor, Change, OWN_KIND, Records};
use super::token::Hasher;
use crate::error::{Error, Kind, Result};
use crate::resources::{Record, Stamp};
use serde_json::{Map, Value};
use std::path::Path;

/// The record's name, and its field in `system`.
const NAME: &str = "digest-key";
const FIELD: &str = "check";

/// Reads or makes the digest key, and checks it against the state.
pub fn open(data_dir: &Path, records: &dyn Records) -> Result<Hasher> {
    let state = records.state();
    let keys_exist = state.names("key").next().is_some();
    let known = state.get(OWN_KIND, NAME);
    let hasher = Hasher::open(data_dir, keys_exist)?;
    let check = hasher.check();
    match known.as_ref().and_then(|record| record.system.get(FIELD)) {
        Some(found) if *found == *check => return Ok(hasher),
        Some(_) if keys_exist => return Err(changed(data_dir)),
        // Nothing was made with another one, or this state is older than the check.
        _ => {}
    }
    let now = Stamp::now();
    let record = Record {
        kind: OWN_KIND.to_owned(),
        name: NAME.to_owned(),
        version: 0,
        created: known.as_ref().map_or(now, |record| record.created),
        updated: now,
        spec: Map::new(),
        system: Map::from_iter([(FIELD.to_owned(), Value::from(check))]),
    };
    let actor = Actor {
        who: "gw".into(),
        request: String::new(),
    };
    let expected = known.as_ref().map_or(0, |record| record.version);
    match records.commit(&actor, state.revision, &[Change::Put { expected, record }]) {
        Ok(_) => {}
        // A full disk must not keep what there is from being served; the next start tries again.
        Err(error) if matches!(error.kind, Kind::StorageFull | Kind::Unavailable) => {
            tracing::warn!(target: "gw::store", "the digest key's check value is not stored: {error}");
        }
        Err(error) => return Err(error),
    }
    Ok(hasher)
}

fn changed(data_dir: &Path) -> Error {
    let shown = data_dir.join("digest.key");
    let shown = shown.display();
    Error::new(
        Kind::Internal,
        format!("`{shown}` is not the key that this gateway's keys were made with: it was damaged or replaced"),
    )
    .hint(format!(
        "restore `{shown}` from a backup of the data directory (32 bytes, mode 0600); nothing was changed, and with this one no gateway key would be recognised"
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::store::records::Memory;

    fn key(records: &Memory) {
        let record = serde_json::from_value(
            serde_json::json!({"kind": "key", "name": "k", "version": 0, "created": 0, "updated": 0, "spec": {}}),
        )
        .unwrap();
        records
            .commit(
                &Actor::default(),
                records.state().revision,
                &[Change::Put {
                    expected: 0,
                    record,
                }],
            )
            .unwrap();
    }

    #[test]
    fn any_flipped_bit_is_refused_once_there_are_keys() {
        let (dir, records) = (tempfile::tempdir().unwrap(), Memory::new());
        let path = dir.path().join("digest.key");
        open(dir.path(), &records).unwrap();
        // No keys yet: another one is as good.
        std::fs::remove_file(&path).unwrap();
        let digest = open(dir.path(), &records).unwrap().digest("sk-x");
        key(&records);
        let good = std::fs::read(&path).unwrap();
        for bit in 0..256 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, bad).unwrap();
            let error = open(dir.path(), &records).unwrap_err();
            assert!(error.message.contains("digest.key"), "{error}");
            assert!(error.hint.unwrap().contains("backup"));
        }
        std::fs::write(&path, good).unwrap();
        let revision = records.state().revision;
        assert_eq!(open(dir.path(), &records).unwrap().digest("sk-x"), digest);
        assert_eq!(records.state().revision, revision, "nothing is written");
    }

    #[test]
    fn a_state_from_before_the_check_gets_one() {
        let (dir, records) = (tempfile::tempdir().unwrap(), Memory::new());
        Hasher::open(dir.path(), false).unwrap();
        key(&records);
        open(dir.path(), &records).unwrap();
        assert_eq!(records.state().len(), 2);
    }
}
