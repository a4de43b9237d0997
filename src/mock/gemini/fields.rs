//! Fields of JSON as protocol buffers have it: names in camel or in snake case, one object for a list of it.

use crate::mock::shape::snake;
use serde_json::Value;

/// A field under either of its spellings.
pub fn field<'a>(value: &'a Value, camel: &str) -> &'a Value {
    let camels = &value[camel];
    if !camels.is_null() {
        return camels;
    }
    &value[snake(camel).as_str()]
}

/// The elements of a list; one object stands for a list of it.
pub fn list(value: &Value) -> &[Value] {
    match value {
        Value::Array(list) => list,
        Value::Null => &[],
        one => std::slice::from_ref(one),
    }
}
