//! The admin interface as an OpenAPI 3.1 document, made from the routes table and the resource kinds.

use super::paths::{Endpoint, Input, OPEN, expanded};
use crate::resources::{KINDS, Kind, Shape};
use serde_json::{Map, Value, json};

/// The whole document.
pub fn document() -> Value {
    let mut paths = Map::new();
    for (endpoint, kind, path) in expanded() {
        let item = paths.entry(path.clone()).or_insert_with(|| json!({}));
        item[endpoint.method.to_ascii_lowercase()] = operation(endpoint, kind, &path);
    }
    let schemas: Map<String, Value> = KINDS
        .iter()
        .map(|kind| (kind.name.to_owned(), record(kind)))
        .chain([("error".to_owned(), error())])
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {"title": "gw admin API", "version": "v1", "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "admin.token of the data directory; not needed on the Unix socket"}},
            "schemas": schemas,
        },
    })
}

fn operation(endpoint: &Endpoint, kind: Option<&Kind>, path: &str) -> Value {
    let text = json!({"type": "string"});
    let mut parameters: Vec<Value> = Vec::new();
    if path.contains("{name}") {
        parameters.push(json!({"name": "name", "in": "path", "required": true, "schema": text}));
    }
    parameters.extend(
        endpoint
            .query
            .iter()
            .map(|name| json!({"name": name, "in": "query", "schema": text})),
    );
    // `get_models_name_enable`: the path is unique, so this is.
    let words = path
        .trim_start_matches("/api/v1/")
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let id = std::iter::once(endpoint.method.to_ascii_lowercase().as_str())
        .chain(words)
        .collect::<Vec<_>>()
        .join("_");
    let mut operation = json!({
        "operationId": id,
        "summary": endpoint.summary,
        "parameters": parameters,
        "responses": {
            "200": {"description": "done", "content": {"application/json": {"schema": result(endpoint, kind)}}},
            "default": {"description": "refused or failed", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/error"}}}},
        },
    });
    let body = match (endpoint.input, kind) {
        (Input::Record, Some(kind)) => {
            Some(json!({"$ref": format!("#/components/schemas/{}", kind.name)}))
        }
        (Input::None, _) => None,
        _ => Some(json!({"type": "object"})),
    };
    if let Some(schema) = body {
        operation["requestBody"] = json!({"content": {"application/json": {"schema": schema}}});
    }
    if path == OPEN {
        operation["security"] = json!([]);
    }
    operation
}

/// Lists have `items`; what reads or changes one record gives that record.
fn result(endpoint: &Endpoint, kind: Option<&Kind>) -> Value {
    let Some(kind) = kind else {
        return json!({"type": "object"});
    };
    let one = json!({"$ref": format!("#/components/schemas/{}", kind.name)});
    match (endpoint.method, endpoint.input) {
        ("GET", _) if endpoint.path.ends_with("{kinds}") => json!({
            "type": "object",
            "properties": {"items": {"type": "array", "items": one}, "cursor": {"type": ["string", "null"]}},
        }),
        ("GET", _) if endpoint.path.ends_with("{name}") => one,
        (_, Input::Record) => one,
        _ => json!({"type": "object"}),
    }
}

fn record(kind: &Kind) -> Value {
    let read = |schema: Value| {
        let mut schema = schema;
        schema["readOnly"] = true.into();
        schema
    };
    let mut properties = Map::new();
    properties.insert("kind".into(), json!({"type": "string", "const": kind.name}));
    properties.insert("name".into(), json!({"type": "string"}));
    for field in kind.fields {
        let mut schema = shape(field.shape);
        schema["description"] = field.help.into();
        properties.insert(field.name.into(), schema);
    }
    properties.insert(
        "enabled".into(),
        json!({"type": "boolean", "default": true}),
    );
    if kind.name == "provider" {
        properties.insert("credential".into(), json!({"type": "string", "description": "managed, env:NAME, file:/PATH, keyring:NAME, aws, aws:PROFILE, google, azure, passthrough or none"}));
        properties.insert("credential_value".into(), json!({"type": "string", "writeOnly": true, "description": "The secret itself, kept in the vault"}));
    }
    if kind.name == "key" {
        properties.insert("secret".into(), json!({"type": "string", "description": "Brought along when creating; shown once in the answer when gw made it"}));
    }
    properties.insert("version".into(), read(json!({"type": "integer"})));
    properties.insert(
        "created".into(),
        read(json!({"type": "string", "format": "date-time"})),
    );
    properties.insert(
        "updated".into(),
        read(json!({"type": "string", "format": "date-time"})),
    );
    properties.insert("status".into(), read(json!({"type": "object"})));
    json!({"type": "object", "description": kind.about, "required": ["name"], "properties": properties})
}

fn shape(shape: Shape) -> Value {
    match shape {
        Shape::Text | Shape::Duration => json!({"type": "string"}),
        Shape::Decimal => json!({"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?$"}),
        Shape::Time => json!({"type": "string", "format": "date-time"}),
        Shape::Bool => json!({"type": "boolean"}),
        Shape::Number => json!({"type": "integer", "minimum": 0}),
        Shape::Texts | Shape::Only | Shape::Limits => {
            json!({"type": "array", "items": {"type": "string"}})
        }
        Shape::Map => json!({"type": "object", "additionalProperties": {"type": "string"}}),
        Shape::Targets => json!({"type": "array", "items": target()}),
        Shape::Rules => json!({"type": "array", "items": {
            "type": "object",
            "required": ["when", "targets"],
            "properties": {
                "when": {"type": "string"}, "strategy": {"type": "string"},
                "targets": {"type": "array", "items": target()},
            },
        }}),
    }
}

fn target() -> Value {
    json!({
        "type": "object",
        "required": ["provider"],
        "properties": {
            "provider": {"type": "string"}, "model": {"type": "string"},
            "weight": {"type": "integer", "minimum": 0}, "tier": {"type": "integer", "minimum": 0},
        },
    })
}

fn error() -> Value {
    json!({"type": "object", "properties": {"error": {
        "type": "object",
        "required": ["code", "message", "request_id"],
        "properties": {
            "code": {"type": "string", "enum": crate::error::TABLE.iter().map(|row| row.code).collect::<Vec<_>>()},
            "message": {"type": "string"}, "fix": {"type": "string"}, "param": {"type": "string"}, "request_id": {"type": "string"},
        },
    }}})
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn operation_ids_are_unique() {
        let document = document();
        let mut ids: Vec<&str> = document["paths"]
            .as_object()
            .unwrap()
            .values()
            .flat_map(|item| item.as_object().unwrap().values())
            .map(|one| one["operationId"].as_str().unwrap())
            .collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all);
    }

    /// `docs/openapi.json` is this document; written anew with `GW_BLESS=1`.
    #[test]
    fn the_written_document_is_current() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
        let now = serde_json::to_string_pretty(&document()).unwrap() + "\n";
        if std::env::var_os("GW_BLESS").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &now).unwrap();
        }
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            written == now,
            "docs/openapi.json is out of date; write it with: GW_BLESS=1 cargo test --lib admin::openapi"
        );
    }
}
