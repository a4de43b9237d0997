//! Fields of an answer as people read them.

use super::super::print::{clean, text};
use crate::resources::Millis;
use serde_json::Value;

/// A field, `-` where there is none.
pub(super) fn field(value: &Value, name: &str) -> String {
    value
        .get(name)
        .map(text)
        .map(|text| clean(&text))
        .filter(|text| !text.is_empty())
        .unwrap_or_else(|| "-".into())
}

/// A field, where there is one.
pub(super) fn given(value: &Value, name: &str) -> Option<String> {
    Some(field(value, name)).filter(|text| text != "-")
}

pub(super) fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    let items = value.get(name).and_then(Value::as_array);
    items.map_or(&[], Vec::as_slice)
}

/// A list's items with commas between.
pub(super) fn joined(value: &Value, name: &str) -> String {
    let items = list(value, name).iter().map(|item| clean(&text(item)));
    items.collect::<Vec<_>>().join(", ")
}

/// `PROVIDER/MODEL`, or the provider where there is no model.
pub(super) fn target(value: &Value) -> String {
    match field(value, "model").as_str() {
        "-" => field(value, "provider"),
        model => format!("{}/{model}", field(value, "provider")),
    }
}

/// Milliseconds as a duration.
pub(super) fn duration(value: &Value, name: &str) -> Option<String> {
    let ms = value.get(name).and_then(Value::as_u64)?;
    Some(Millis(ms).to_string())
}
