//! What a change does to a record, field by field. Of secrets only that they change, never what they are.

use super::credentials;
use crate::resources::{KindId, Record, key::KeySystem, kind};
use serde_json::{Value, json};

/// `[{field, old?, new?}]`; of a secret `{field, secret: new|another|removed}`.
pub fn between(old: Option<&Record>, new: Option<&Record>) -> Value {
    let field = |record: Option<&Record>, name: &str| -> Option<Value> {
        record.and_then(|record| record.spec.get(name)).cloned()
    };
    let mut list = Vec::new();
    let names = [old, new]
        .into_iter()
        .flatten()
        .flat_map(|record| record.spec.keys());
    let mut seen: Vec<&String> = Vec::new();
    for name in names {
        if seen.contains(&name) {
            continue;
        }
        seen.push(name);
        let (before, after) = (field(old, name), field(new, name));
        if before != after {
            let mut change = json!({ "field": name });
            for (side, value) in [("old", before), ("new", after)] {
                if let Some(value) = value {
                    change[side] = value;
                }
            }
            list.push(change);
        }
    }
    let secret = match (secret(old), secret(new)) {
        (before, after) if before == after => None,
        (_, None) if new.is_none() => None,
        (None, Some(_)) => Some("new"),
        (Some(_), Some(_)) => Some("another"),
        (Some(_), None) => Some("removed"),
        (None, None) => None,
    };
    let field = new.or(old).and_then(|record| kind(&record.kind).ok());
    if let (Some(what), Some(field)) = (secret, field.and_then(|kind| kind.id.secret_field())) {
        list.push(json!({ "field": field, "secret": what }));
    }
    Value::Array(list)
}

/// What tells one secret of a record from another.
fn secret(record: Option<&Record>) -> Option<String> {
    let record = record?;
    match kind(&record.kind).ok()?.id {
        KindId::Key => Some(KeySystem::of(record).digest).filter(|digest| !digest.is_empty()),
        KindId::Provider => record
            .system
            .get(credentials::FINGERPRINT)
            .and_then(Value::as_str)
            .map(str::to_owned),
        KindId::User | KindId::Model | KindId::Route => None,
    }
}
