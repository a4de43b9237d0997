//! JSON Schemas as providers demand them. What a provider demands is said by its writer; here is how a schema gets there.

use serde_json::{Map, Value, json};

/// A tool's schema as an object that says so, with the properties some refuse to miss:
/// <https://github.com/github/copilot-cli/issues/2223>.
pub fn of_arguments(schema: Option<&Value>) -> Value {
    let mut schema = schema
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    if schema.get("type").is_none_or(Value::is_null) {
        schema.insert("type".into(), json!("object"));
    }
    if schema["type"] == "object" {
        schema.entry("properties").or_insert_with(|| json!({}));
    }
    Value::Object(schema)
}

/// What choices stand under.
const CHOICES: [&str; 3] = ["anyOf", "oneOf", "allOf"];

/// Whether both [`of_arguments`] and [`without_choices`] leave a schema as it is.
pub fn untouched(schema: &Value) -> bool {
    let whole = |members: &Map<String, Value>| match members.get("type") {
        None | Some(Value::Null) => false,
        Some(kind) => kind != "object" || members.contains_key("properties"),
    };
    let chooses =
        |members: &Map<String, Value>| CHOICES.into_iter().any(|key| members.contains_key(key));
    let members = schema.as_object();
    members.is_some_and(|members| whole(members) && !chooses(members))
}

/// Takes the choices (`anyOf`, …) off the root of a tool's schema, where some refuse them, and gives them back as words.
/// What only the choices name becomes properties that may be there.
pub fn without_choices(schema: &mut Value) -> Option<String> {
    let root = schema.as_object_mut()?;
    let choices: Map<String, Value> = CHOICES
        .into_iter()
        .filter_map(|key| Some((key.to_owned(), root.remove(key)?)))
        .collect();
    let named: Vec<(String, Value)> = choices
        .values()
        .filter_map(Value::as_array)
        .flatten()
        .filter_map(|choice| choice.get("properties")?.as_object())
        .flatten()
        .map(|(name, schema)| (name.clone(), schema.clone()))
        .collect();
    if let Some(Value::Object(properties)) = root.get_mut("properties") {
        for (name, schema) in named {
            properties.entry(name).or_insert(schema);
        }
    }
    (!choices.is_empty()).then(|| words(&choices))
}

/// Whether every object of a schema names all its properties and requires them: what OpenAI demands of strict ones.
pub fn closed(schema: &Value) -> bool {
    match schema {
        Value::Object(map) => {
            let object = map.get("type").is_some_and(|kind| {
                kind == "object"
                    || kind
                        .as_array()
                        .is_some_and(|kinds| kinds.iter().any(|kind| kind == "object"))
            });
            let required = |name: &String| {
                map.get("required")
                    .and_then(Value::as_array)
                    .is_some_and(|all| all.iter().any(|one| one == name.as_str()))
            };
            let names = map.get("properties").and_then(Value::as_object);
            let fits = !object
                || (map.get("additionalProperties") == Some(&Value::Bool(false))
                    && names.is_some_and(|names| names.keys().all(required)));
            fits && map.values().all(closed)
        }
        Value::Array(list) => list.iter().all(closed),
        _ => true,
    }
}

/// A schema that answers can be held to.
#[derive(Debug, PartialEq)]
pub struct Held {
    pub schema: Value,
    /// Something of it was turned into words, or an object was closed that had been left open on purpose.
    pub adapted: bool,
}

/// The schema as Anthropic holds answers to one, made as its own client libraries make it: every object closed, what is
/// not supported moved to the description. `None`: it says what cannot be said so, such as objects with any names.
/// <https://platform.claude.com/docs/en/build-with-claude/structured-outputs>
pub fn held(schema: &Value) -> Option<Held> {
    let mut adapted = false;
    let schema = hold(schema, &mut adapted)?;
    (!refers_to_itself(&schema)).then_some(Held { schema, adapted })
}

/// Formats of strings that are held to.
const FORMATS: [&str; 10] = [
    "date-time",
    "time",
    "date",
    "duration",
    "email",
    "hostname",
    "uri",
    "ipv4",
    "ipv6",
    "uuid",
];

fn hold(schema: &Value, adapted: &mut bool) -> Option<Value> {
    let given = schema.as_object()?;
    let literal = ["enum", "const"]
        .into_iter()
        .any(|key| given.contains_key(key));
    if let (Some(Value::Array(kinds)), false) = (given.get("type"), literal) {
        return one_of_kinds(given, kinds, adapted);
    }
    let kind = kind(given);
    let (mut out, mut rest) = (Map::new(), Map::new());
    for (key, value) in given {
        let kept = match (key.as_str(), value) {
            ("$schema" | "$id" | "$comment" | "additionalProperties", _) => continue,
            ("type", _) if literal => continue,
            ("type", Value::String(_)) => value.clone(),
            ("$ref", Value::String(to)) if to.starts_with("#/") => value.clone(),
            ("$ref", _) => return None,
            ("$defs" | "definitions" | "properties", Value::Object(all)) => {
                let each = all
                    .iter()
                    .map(|(name, schema)| Some((name.clone(), hold(schema, adapted)?)));
                Value::Object(each.collect::<Option<_>>()?)
            }
            ("anyOf" | "allOf" | "oneOf", Value::Array(all)) => {
                let each = all.iter().map(|schema| hold(schema, adapted));
                Value::Array(each.collect::<Option<_>>()?)
            }
            ("items", Value::Object(_)) => hold(value, adapted)?,
            ("enum", Value::Array(all)) if all.iter().all(is_primitive) => value.clone(),
            ("const", _) if is_primitive(value) => value.clone(),
            ("enum" | "const", _) => return None,
            ("title" | "description" | "required", _) => value.clone(),
            ("format", Value::String(format)) if FORMATS.contains(&format.as_str()) => {
                value.clone()
            }
            ("minItems", _) if value == 0 || value == 1 => value.clone(),
            _ => {
                rest.insert(key.clone(), value.clone());
                continue;
            }
        };
        // Exactly one of several is not held to, one of them is.
        let key = if key == "oneOf" { "anyOf" } else { key };
        out.insert(key.to_owned(), kept);
    }
    if kind == Some("object") {
        let named = matches!(out.get("properties"), Some(Value::Object(all)) if !all.is_empty());
        let open = given
            .get("additionalProperties")
            .filter(|more| **more != false);
        if !named && given.get("additionalProperties") != Some(&Value::Bool(false)) {
            return None;
        }
        *adapted |= open.is_some();
        out.entry("properties").or_insert_with(|| json!({}));
        out.insert("additionalProperties".into(), json!(false));
    }
    let said = ["$ref", "anyOf", "allOf"]
        .into_iter()
        .any(|key| out.contains_key(key));
    match kind {
        Some(kind) if !literal => _ = out.entry("type").or_insert_with(|| json!(kind)),
        None if !literal && !said => return None,
        _ => {}
    }
    if !rest.is_empty() {
        *adapted = true;
        let before = out.get("description").and_then(Value::as_str);
        let before = before.map(|text| format!("{text}\n\n")).unwrap_or_default();
        let text = format!("{before}{}", words(&rest));
        out.insert("description".into(), json!(text));
    }
    Some(Value::Object(out))
}

/// What kind of value a schema describes, also where only its other members tell.
fn kind(given: &Map<String, Value>) -> Option<&str> {
    let told = || {
        [("properties", "object"), ("items", "array")]
            .into_iter()
            .find(|(member, _)| given.contains_key(*member))
            .map(|(_, kind)| kind)
    };
    given.get("type").and_then(Value::as_str).or_else(told)
}

/// A list of types becomes a choice among them.
fn one_of_kinds(given: &Map<String, Value>, kinds: &[Value], adapted: &mut bool) -> Option<Value> {
    let mut out = Map::new();
    let mut inner = given.clone();
    for key in ["title", "description", "$defs", "definitions"] {
        if let Some(value) = inner.shift_remove(key) {
            out.insert(key.to_owned(), value);
        }
    }
    let each = kinds.iter().map(|kind| {
        if kind == "null" {
            return Some(json!({"type": "null"}));
        }
        let mut one = inner.clone();
        one.insert("type".into(), kind.clone());
        hold(&Value::Object(one), adapted)
    });
    let each: Vec<Value> = each.collect::<Option<_>>()?;
    out.insert("anyOf".into(), Value::Array(each));
    Some(Value::Object(out))
}

fn is_primitive(value: &Value) -> bool {
    !value.is_object() && !value.is_array()
}

/// Members of a schema as words for the model.
fn words(members: &Map<String, Value>) -> String {
    let each: Vec<String> = members
        .iter()
        .map(|(key, value)| format!("{key}: {value}"))
        .collect();
    format!("{{{}}}", each.join(", "))
}

/// Whether a definition leads back to itself; such schemas have no end that could be held to.
fn refers_to_itself(schema: &Value) -> bool {
    let definitions: Vec<(String, &Value)> = ["$defs", "definitions"]
        .into_iter()
        .filter_map(|place| Some((place, schema.get(place)?.as_object()?)))
        .flat_map(|(place, all)| {
            all.iter()
                .map(move |(name, schema)| (format!("#/{place}/{name}"), schema))
        })
        .collect();
    // Whoever is reached from each: grown until nothing is added.
    definitions.iter().any(|(start, schema)| {
        let mut reached = Vec::new();
        references(schema, &mut reached);
        let mut at = 0;
        while let Some(next) = reached.get(at).copied() {
            if next == start {
                return true;
            }
            if let Some((_, schema)) = definitions.iter().find(|(name, _)| name == next) {
                references(schema, &mut reached);
            }
            at += 1;
        }
        false
    })
}

/// The references in a schema that are not in the list yet.
fn references<'a>(schema: &'a Value, found: &mut Vec<&'a str>) {
    match schema {
        Value::Object(map) => {
            if let Some(Value::String(to)) = map.get("$ref")
                && !found.contains(&to.as_str())
            {
                found.push(to);
            }
            map.values().for_each(|value| references(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(schema: Value) -> Option<(Value, bool)> {
        held(&schema).map(|held| (held.schema, held.adapted))
    }

    #[test]
    fn arguments_are_an_object() {
        for (given, want) in [
            (None, json!({"type": "object", "properties": {}})),
            (Some(json!({})), json!({"type": "object", "properties": {}})),
            (
                Some(json!({"type": null, "properties": {"a": {}}})),
                json!({"type": "object", "properties": {"a": {}}}),
            ),
            (
                Some(json!({"properties": {"a": {}}, "required": ["a"]})),
                json!({"type": "object", "properties": {"a": {}}, "required": ["a"]}),
            ),
            (Some(json!({"type": "string"})), json!({"type": "string"})),
        ] {
            assert_eq!(of_arguments(given.as_ref()), want);
        }
    }

    #[test]
    fn choices_leave_the_root_and_their_names_stay() {
        let mut schema = of_arguments(Some(
            &json!({"anyOf": [{"properties": {"a": {"type": "string"}}}, {"required": ["b"]}]}),
        ));
        let said = without_choices(&mut schema).unwrap();
        assert_eq!(
            schema,
            json!({"type": "object", "properties": {"a": {"type": "string"}}})
        );
        assert_eq!(
            said,
            r#"{anyOf: [{"properties":{"a":{"type":"string"}}},{"required":["b"]}]}"#
        );
        assert_eq!(without_choices(&mut schema), None);
    }

    #[test]
    fn objects_are_closed_and_what_is_not_supported_becomes_words() {
        let given = json!({"$schema": "x", "type": "object", "required": ["n"], "properties": {
            "n": {"type": "integer", "minimum": 1, "maximum": 10, "description": "A number"},
            "s": {"type": ["string", "null"], "format": "date"},
            "e": {"type": "string", "enum": ["a", "b"]},
            "l": {"type": "array", "minItems": 1, "maxItems": 3, "items": {"oneOf": [{"$ref": "#/$defs/x"}, {"const": 3}]}}
        }, "$defs": {"x": {"properties": {"y": {"type": "boolean"}}}}});
        let want = json!({"type": "object", "required": ["n"], "additionalProperties": false, "properties": {
            "n": {"type": "integer", "description": "A number\n\n{minimum: 1, maximum: 10}"},
            "s": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
            "e": {"enum": ["a", "b"]},
            "l": {"type": "array", "minItems": 1, "description": "{maxItems: 3}", "items": {"anyOf": [{"$ref": "#/$defs/x"}, {"const": 3}]}}
        }, "$defs": {"x": {"type": "object", "properties": {"y": {"type": "boolean"}}, "additionalProperties": false}}});
        assert_eq!(of(given), Some((want, true)));
    }

    #[test]
    fn what_is_closed_already_stays_as_it_is() {
        let given = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": false});
        assert_eq!(of(given.clone()), Some((given, false)));
        let open = json!({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": true});
        assert!(of(open).unwrap().1);
    }

    #[test]
    fn what_cannot_be_held_to_is_said() {
        for schema in [
            json!(true),
            json!({}),
            json!({"type": "object"}),
            json!({"type": "object", "properties": {}}),
            json!({"type": "object", "additionalProperties": {"type": "string"}}),
            json!({"type": "object", "properties": {"a": {"type": "object"}}}),
            json!({"$ref": "https://example.com/schema"}),
            json!({"enum": [{"a": 1}]}),
            json!({"$ref": "#/$defs/a", "$defs": {"a": {"properties": {"b": {"$ref": "#/$defs/b"}}}, "b": {"type": "array", "items": {"$ref": "#/$defs/a"}}}}),
        ] {
            assert_eq!(of(schema.clone()), None, "{schema}");
        }
    }
}
