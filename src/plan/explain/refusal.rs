//! Why a key is not let in, in words for whoever runs the gateway.

use crate::error::{Error, Kind};
use crate::plan::{Caller, Snapshot};
use crate::resources::{Record, key::KeySystem};
use serde_json::Value;

/// Why requests with this key are refused before anything else, in words for whoever runs the gateway; callers hear
/// the same 401 whatever it is.
pub(super) fn not_admitted(snapshot: &Snapshot, caller: &Caller, now: i64) -> Option<Error> {
    if caller.admitted(now) {
        return None;
    }
    let (key, user) = (&caller.key, &caller.user);
    let record = snapshot.record("key", key)?;
    let off = |record: &Record| record.spec.get("enabled") == Some(&Value::Bool(false));
    let (why, fix) = match () {
        () if KeySystem::of(&record).revoked.is_some() => (
            format!("key `{key}` is revoked, which is final"),
            format!("gw key create {key}-2 --user {user}"),
        ),
        () if off(&record) => (
            format!("key `{key}` is disabled"),
            format!("gw key enable {key}"),
        ),
        () if caller.active => (
            format!("key `{key}` has expired"),
            format!("gw key set {key} --expires 90d"),
        ),
        () => (
            format!("user `{user}` of key `{key}` is disabled"),
            format!("gw user enable {user}"),
        ),
    };
    Some(Error::new(Kind::Unauthenticated, why).hint(fix))
}
