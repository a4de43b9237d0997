//! A value that fits a JSON schema: the same one every time, every property filled.

use serde_json::{Map, Value, json};

/// Deeper than this, or beyond so many values in all, `null`: schemas may refer to themselves.
const DEPTH: usize = 16;
const VALUES: usize = 10_000;

/// An instance of `schema`; `name` gives strings something to say.
pub fn instance(schema: &Value, name: &str) -> Value {
    build(
        &mut Build {
            root: schema,
            left: VALUES,
        },
        schema,
        name,
        0,
    )
}

struct Build<'a> {
    root: &'a Value,
    /// Values that may still be made.
    left: usize,
}

fn build(root: &mut Build<'_>, schema: &Value, name: &str, depth: usize) -> Value {
    if depth > DEPTH || root.left == 0 {
        return Value::Null;
    }
    root.left -= 1;
    if let Some(pointer) = schema["$ref"]
        .as_str()
        .and_then(|reference| reference.strip_prefix('#'))
    {
        return root
            .root
            .pointer(pointer)
            .map_or(Value::Null, |target| build(root, target, name, depth + 1));
    }
    if let Some(value) = schema
        .get("const")
        .or_else(|| schema["enum"].get(0))
        .or_else(|| schema.get("default"))
    {
        return value.clone();
    }
    for key in ["anyOf", "oneOf"] {
        if let Some(first) = schema[key].get(0) {
            return build(root, first, name, depth + 1);
        }
    }
    if let Some(all) = schema["allOf"].as_array() {
        let mut merged = Map::new();
        for part in all {
            if let Value::Object(fields) = build(root, part, name, depth + 1) {
                merged.extend(fields);
            }
        }
        return Value::Object(merged);
    }
    // Gemini's own schemas shout their types.
    let kind = schema["type"].as_str().or(schema["type"][0].as_str());
    let kind = kind.map(str::to_ascii_lowercase);
    match kind.as_deref() {
        Some("string") => text(schema, name),
        Some("integer") => json!(bounded(schema, 1.0).ceil() as i64),
        Some("number") => json!(bounded(schema, 1.5)),
        Some("boolean") => json!(true),
        Some("null") => Value::Null,
        Some("array") => {
            let count = schema["minItems"]
                .as_u64()
                .unwrap_or(1)
                .clamp(schema["maxItems"].as_u64().unwrap_or(1).min(1), 64);
            (0..count)
                .map(|_| build(root, &schema["items"], name, depth + 1))
                .collect()
        }
        _ => {
            let properties = schema["properties"].as_object();
            properties
                .into_iter()
                .flatten()
                .map(|(key, value)| (key.clone(), build(root, value, key, depth + 1)))
                .collect::<Map<_, _>>()
                .into()
        }
    }
}

fn bounded(schema: &Value, wanted: f64) -> f64 {
    let low = schema["minimum"]
        .as_f64()
        .or(schema["exclusiveMinimum"].as_f64().map(|low| low + 1.0));
    let high = schema["maximum"]
        .as_f64()
        .or(schema["exclusiveMaximum"].as_f64().map(|high| high - 1.0));
    wanted
        .max(low.unwrap_or(wanted))
        .min(high.unwrap_or(f64::MAX))
}

fn text(schema: &Value, name: &str) -> Value {
    let text = match schema["format"].as_str() {
        Some("date-time") => "2026-01-01T00:00:00Z".to_owned(),
        Some("date") => "2026-01-01".to_owned(),
        Some("email") => "mock@example.com".to_owned(),
        Some("uri") => "https://example.com/mock".to_owned(),
        Some("uuid") => "00000000-0000-4000-8000-000000000000".to_owned(),
        _ => format!("mock {name}"),
    };
    let most = schema["maxLength"].as_u64().unwrap_or(u64::MAX) as usize;
    let least = (schema["minLength"].as_u64().unwrap_or(0) as usize).min(1 << 16);
    let mut text: String = text.chars().take(most).collect();
    let missing = least.saturating_sub(text.chars().count());
    text.extend(std::iter::repeat_n('.', missing));
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_fills_every_property() {
        let schema = json!({"type": "object", "required": ["city"], "properties": {
            "city": {"type": "string"}, "unit": {"enum": ["c", "f"]}, "days": {"type": "integer", "minimum": 3}, "ratio": {"type": "number", "maximum": 1},
            "tags": {"type": "array", "items": {"type": "string", "maxLength": 4}}, "at": {"$ref": "#/$defs/at"}, "maybe": {"type": ["string", "null"]},
            "one": {"anyOf": [{"type": "boolean"}, {"type": "null"}]}
        }, "$defs": {"at": {"type": "object", "properties": {"lat": {"type": "number"}}}}});
        let expected = json!({"city": "mock city", "unit": "c", "days": 3, "ratio": 1.0, "tags": ["mock"], "at": {"lat": 1.5}, "maybe": "mock maybe", "one": true});
        assert_eq!(instance(&schema, "x"), expected);
    }

    #[test]
    fn a_schema_that_refers_to_itself_ends() {
        let itself = json!({"$ref": "#"});
        let schema = json!({"type": "object", "properties": {"a": itself, "b": itself, "c": itself, "d": itself}});
        assert!(instance(&schema, "x").to_string().len() < 40 * VALUES);
    }

    #[test]
    fn anything_goes_without_a_schema() {
        assert_eq!(instance(&json!(true), "x"), json!({}));
    }
}
