//! Why a request's content is not there.

use serde_json::Value;

/// Why content that was to be kept is not there.
const WHY: [(&str, &str); 3] = [
    ("removed", "removed by retention"),
    ("left_out", "left out: there was no room for it"),
    ("damaged", "damaged: it cannot be read"),
];

/// In a few words.
pub(super) fn why_none(row: &Value) -> &'static str {
    let state = row.get("content_state").and_then(Value::as_str);
    let why = WHY.iter().find(|(known, _)| state == Some(known));
    why.map_or("not kept", |(_, why)| why)
}

/// Whether this is the state of content that was to be kept and is not there.
pub(super) fn is_gone(state: &Value) -> bool {
    WHY.iter().any(|(known, _)| state == *known)
}
