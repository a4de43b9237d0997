//! Records as `gw apply` takes them: typed arrays, `[[user]]` and so on, without what only the server writes.

use crate::error::{Error, Result};
use crate::resources::{KINDS, Record};
use serde_json::{Map, Value, json};

/// Any JSON value as TOML; nulls, which TOML lacks, are left out.
pub(crate) fn toml(value: &Value) -> Result<String> {
    let mut value = value.clone();
    without_nulls(&mut value);
    let table = match value {
        Value::Object(_) => value,
        other => json!({ "items": other }),
    };
    toml::to_string_pretty(&table)
        .map_err(|error| Error::internal("cannot write this as TOML").cause(error))
}

/// Records grouped by kind, in the order of [`KINDS`], as `apply` reads them back.
pub(crate) fn grouped(items: &[Value]) -> Value {
    let mut all = Map::new();
    for kind in KINDS {
        let of_kind: Vec<Value> = items
            .iter()
            .filter(|item| item.get("kind").and_then(Value::as_str) == Some(kind.name))
            .map(bare)
            .collect();
        if !of_kind.is_empty() {
            all.insert(kind.name.into(), Value::Array(of_kind));
        }
    }
    Value::Object(all)
}

/// A shown record without its envelope, the name kept.
fn bare(item: &Value) -> Value {
    let mut map = item.as_object().cloned().unwrap_or_default();
    map.retain(|field, _| field == "name" || !Record::ENVELOPE.contains(&field.as_str()));
    Value::Object(map)
}

/// Records as a TOML file for `gw apply`.
pub(crate) fn toml_records(items: &[Value]) -> Result<String> {
    toml(&grouped(items))
}

fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, value| !value.is_null());
            map.values_mut().for_each(without_nulls);
        }
        Value::Array(items) => {
            items.retain(|value| !value.is_null());
            items.iter_mut().for_each(without_nulls);
        }
        _ => {}
    }
}
