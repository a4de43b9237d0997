//! The subset of OpenAPI's schemas that this format had first, as the JSON Schema that all others know:
//! <https://ai.google.dev/api/caching#Schema>.

use serde_json::{Map, Value, json};

/// Types in the order of their numbers.
const TYPES: [&str; 8] = [
    "", "string", "number", "integer", "boolean", "array", "object", "null",
];

/// The same schema as JSON Schema spells it.
pub fn widened(schema: &Value) -> Value {
    let Some(given) = schema.as_object() else {
        return schema.clone();
    };
    let mut out = Map::new();
    let mut nullable = false;
    for (key, value) in given {
        let (key, value) = match (key.as_str(), value) {
            (_, Value::Null) => continue,
            ("type", value) => match kind(value) {
                Some(kind) => ("type", json!(kind)),
                None => continue,
            },
            ("nullable", value) => {
                nullable = value == &Value::Bool(true);
                continue;
            }
            // The order in which properties are written, and a word for a string with choices.
            ("propertyOrdering" | "property_ordering", _) => continue,
            ("format", Value::String(format)) if format == "enum" => continue,
            ("properties", Value::Object(all)) => {
                let each = all
                    .iter()
                    .map(|(name, schema)| (name.clone(), widened(schema)));
                ("properties", Value::Object(each.collect()))
            }
            ("items", value) => ("items", widened(value)),
            ("anyOf" | "any_of", Value::Array(all)) => ("anyOf", all.iter().map(widened).collect()),
            ("example", value) => ("examples", json!([value])),
            // Numbers of 64 bits are texts there.
            (bound, value) => match camel(bound) {
                Some(name) => (name, number(value)),
                None => (bound, value.clone()),
            },
        };
        out.insert(key.to_owned(), value);
    }
    if nullable {
        if let Some(kind) = out.remove("type") {
            out.insert("type".into(), json!([kind, "null"]));
        }
        if let Some(Value::Array(choices)) = out.get_mut("enum") {
            choices.push(Value::Null);
        }
    }
    Value::Object(out)
}

fn kind(value: &Value) -> Option<String> {
    let name = match value {
        Value::String(name) => name.to_ascii_lowercase(),
        number => (*TYPES.get(usize::try_from(number.as_u64()?).ok()?)?).to_owned(),
    };
    (!name.is_empty() && name != "type_unspecified").then_some(name)
}

/// The bounds that are whole numbers.
fn camel(bound: &str) -> Option<&'static str> {
    Some(match bound {
        "minItems" | "min_items" => "minItems",
        "maxItems" | "max_items" => "maxItems",
        "minLength" | "min_length" => "minLength",
        "maxLength" | "max_length" => "maxLength",
        "minProperties" | "min_properties" => "minProperties",
        "maxProperties" | "max_properties" => "maxProperties",
        _ => return None,
    })
}

fn number(value: &Value) -> Value {
    let text = value.as_str().and_then(|text| text.parse::<u64>().ok());
    text.map_or_else(|| value.clone(), Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_subset_is_a_json_schema() {
        let given = json!({"type": "OBJECT", "propertyOrdering": ["a"], "required": ["a"], "properties": {
            "a": {"type": 1, "format": "enum", "enum": ["x"], "nullable": true},
            "type": {"type": "ARRAY", "min_items": "2", "items": {"type": "NUMBER", "minimum": 1.5}},
            "c": {"any_of": [{"type": "STRING", "format": "date-time"}], "description": null}
        }});
        let want = json!({"type": "object", "required": ["a"], "properties": {
            "a": {"type": ["string", "null"], "enum": ["x", null]},
            "type": {"type": "array", "minItems": 2, "items": {"type": "number", "minimum": 1.5}},
            "c": {"anyOf": [{"type": "string", "format": "date-time"}]}
        }});
        assert_eq!(widened(&given), want);
    }
}
