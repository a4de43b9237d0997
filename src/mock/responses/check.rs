//! Refusing what OpenAI refuses: unknown fields first, then what items and tools have to do with each other.

use super::shapes;
use crate::mock::ask::Refusal;
use crate::mock::shape::{Manner, Shape, What, Wrong};
use serde_json::Value;

/// Looks at a request whose items are `items`: those of earlier responses and then its own.
pub fn request(body: &Value, items: &[Value]) -> Result<(), Refusal> {
    fits(shapes::REQUEST, body, "")?;
    let sources = ["input", "previous_response_id", "prompt", "conversation"];
    if sources.iter().all(|name| body[*name].is_null()) {
        return Err(missing("input"));
    }
    for (at, tool) in list(&body["tools"]).iter().enumerate() {
        self::tool(tool, &format!("tools[{at}]"))?;
    }
    choice(body)?;
    format(&body["text"]["format"])?;
    if !body["stream_options"].is_null() && body["stream"] != Value::Bool(true) {
        let message = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
        return Err(Refusal::new(message, "stream_options"));
    }
    for (at, item) in list(&body["input"]).iter().enumerate() {
        self::item(item, &format!("input[{at}]"))?;
    }
    paired(items)?;
    followed(items)
}

/// In OpenAI's words.
fn told(wrong: Wrong) -> Refusal {
    let Wrong { path, what } = wrong;
    let inside = |name: &str| match path.as_str() {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    };
    match what {
        What::Unknown(name) => {
            let param = inside(&name);
            Refusal::new(format!("Unknown parameter: '{param}'."), param).code("unknown_parameter")
        }
        What::Missing(name) => missing(&inside(name)),
        What::Type(name) => Refusal::new(
            format!("Invalid type for '{path}': expected {name}."),
            path,
        )
        .code("invalid_type"),
        What::Value(value, known) => unsupported(&value, known, path),
        What::Long(is, most) => Refusal::new(
            format!("Invalid '{path}': string too long. Expected a string with maximum length {most}, but got a string with length {is} instead."),
            path,
        )
        .code("string_above_max_length"),
        What::Range(low, high) => Refusal::new(
            format!("Invalid '{path}': number out of range. Expected a value between {low} and {high}."),
            path,
        )
        .code("number_out_of_range"),
        What::Several(count) => Refusal::new(
            format!("Invalid '{path}': {count} fields where exactly one is expected."),
            path,
        ),
    }
}

fn missing(param: &str) -> Refusal {
    Refusal::new(format!("Missing required parameter: '{param}'."), param)
        .code("missing_required_parameter")
}

fn unsupported(value: &str, known: &[&str], param: String) -> Refusal {
    let known: Vec<String> = known.iter().map(|known| format!("'{known}'")).collect();
    let message = format!(
        "Invalid value: '{value}'. Supported values are: {}.",
        known.join(", ")
    );
    Refusal::new(message, param).code("invalid_value")
}

fn fits(shape: Shape, value: &Value, path: &str) -> Result<(), Refusal> {
    Manner::Json.check(shape, value, path).map_err(told)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn kind(item: &Value) -> &str {
    let bare = if item["role"].is_string() {
        "message"
    } else {
        "item_reference"
    };
    item["type"].as_str().unwrap_or(bare)
}

fn item(item: &Value, path: &str) -> Result<(), Refusal> {
    let (kind, role) = (kind(item), item["role"].as_str().unwrap_or_default());
    let Some(shape) = shapes::item(kind, role) else {
        return Err(unsupported(kind, shapes::HOSTED, format!("{path}.type")));
    };
    fits(shape, item, path)?;
    let prefix = match kind {
        "message" => "msg",
        "function_call" => "fc",
        "custom_tool_call" => "ctc",
        "reasoning" => "rs",
        _ => "",
    };
    if let Some(id) = item["id"].as_str().filter(|id| !id.starts_with(prefix)) {
        let message =
            format!("Invalid '{path}.id': '{id}'. Expected an ID that begins with '{prefix}'.");
        return Err(Refusal::new(message, format!("{path}.id")).code("invalid_value"));
    }
    if kind == "message" {
        let shape = if role == "assistant" {
            shapes::SAID_PART
        } else {
            shapes::PART
        };
        for (at, part) in list(&item["content"]).iter().enumerate() {
            let path = format!("{path}.content[{at}]");
            fits(shape, part, &path)?;
            self::part(part, &path)?;
        }
    }
    Ok(())
}

/// A part has what its type stands for.
fn part(part: &Value, path: &str) -> Result<(), Refusal> {
    let one_of: &[&str] = match part["type"].as_str() {
        Some("input_text" | "output_text") => &["text"],
        Some("refusal") => &["refusal"],
        Some("input_image") => &["image_url", "file_id"],
        Some("input_file") => &["file_data", "file_id", "file_url"],
        _ => return Ok(()),
    };
    match one_of.iter().any(|name| !part[*name].is_null()) {
        true => Ok(()),
        false => Err(missing(&format!("{path}.{}", one_of[0]))),
    }
}

/// Calls of the caller's tools and their outputs belong together by their ids.
fn paired(items: &[Value]) -> Result<(), Refusal> {
    let id = |item: &Value| item["call_id"].as_str().map(str::to_owned);
    let called = |item: &&Value| matches!(kind(item), "function_call" | "custom_tool_call");
    let mut open: Vec<String> = Vec::new();
    for item in items {
        if called(&item) {
            open.extend(id(item));
        } else if let "function_call_output" | "custom_tool_call_output" = kind(item) {
            let wanted = id(item).unwrap_or_default();
            let Some(at) = open.iter().position(|open| *open == wanted) else {
                let what = kind(item).replace('_', " ");
                let message = format!("No tool call found for {what} with call_id {wanted}.");
                return Err(Refusal::new(message, "input"));
            };
            open.remove(at);
        }
    }
    match open.first() {
        Some(id) => {
            let message = format!("No tool output found for function call {id}.");
            Err(Refusal::new(message, "input"))
        }
        None => Ok(()),
    }
}

/// A thought belongs to what the model did next.
fn followed(items: &[Value]) -> Result<(), Refusal> {
    for (at, item) in items.iter().enumerate() {
        let id = item["id"].as_str();
        let (Some(id), "reasoning") = (id, kind(item)) else {
            continue;
        };
        let follows = |next: &Value| match kind(next) {
            "message" => next["role"] == "assistant",
            kind => kind == "reasoning" || kind.ends_with("_call") || kind == "compaction",
        };
        if !items.get(at + 1).is_some_and(follows) {
            let message = format!(
                "Item '{id}' of type 'reasoning' was provided without its required following item."
            );
            return Err(Refusal::new(message, "input"));
        }
    }
    Ok(())
}

fn tool(tool: &Value, path: &str) -> Result<(), Refusal> {
    let Some(kind) = tool["type"].as_str() else {
        return Err(missing(&format!("{path}.type")));
    };
    let Some(shape) = shapes::tool(kind) else {
        return Err(unsupported(
            kind,
            shapes::HOSTED_TOOLS,
            format!("{path}.type"),
        ));
    };
    fits(shape, tool, path)?;
    for (at, inside) in list(&tool["tools"])
        .iter()
        .enumerate()
        .filter(|_| kind == "namespace")
    {
        self::tool(inside, &format!("{path}.tools[{at}]"))?;
    }
    let name = tool["name"].as_str().unwrap_or_default();
    let known = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
    if !name.chars().all(known) {
        let param = format!("{path}.name");
        let message = format!(
            "Invalid '{param}': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."
        );
        return Err(Refusal::new(message, param).code("invalid_value"));
    }
    if tool["format"]["type"] == "grammar" {
        for field in ["syntax", "definition"] {
            if tool["format"][field].is_null() {
                return Err(missing(&format!("{path}.format.{field}")));
            }
        }
    }
    if kind == "function" && tool["strict"] == Value::Bool(true) {
        closed(&tool["parameters"], "()").map_err(|why| {
            let message = format!("Invalid schema for function '{name}': {why}");
            Refusal::new(message, format!("{path}.parameters")).code("invalid_function_parameters")
        })?;
    }
    Ok(())
}

fn choice(body: &Value) -> Result<(), Refusal> {
    let choice = &body["tool_choice"];
    let kind = choice["type"].as_str().unwrap_or_default();
    let offered = |name: &Value| {
        let inside = list(&body["tools"])
            .iter()
            .flat_map(|tool| list(&tool["tools"]));
        list(&body["tools"])
            .iter()
            .chain(inside)
            .any(|tool| tool["name"] == *name)
    };
    let named: Vec<&Value> = match kind {
        "function" | "custom" => vec![&choice["name"]],
        "allowed_tools" => list(&choice["tools"])
            .iter()
            .map(|tool| &tool["name"])
            .filter(|name| !name.is_null())
            .collect(),
        _ => Vec::new(),
    };
    match named.into_iter().find(|name| !offered(name)) {
        Some(name) => {
            let message = format!("Tool choice {name} not found in 'tools' parameter.");
            Err(Refusal::new(message, "tool_choice"))
        }
        None => Ok(()),
    }
}

fn format(format: &Value) -> Result<(), Refusal> {
    if format["type"] != "json_schema" {
        return Ok(());
    }
    for field in ["name", "schema"] {
        if format[field].is_null() {
            return Err(missing(&format!("text.format.{field}")));
        }
    }
    if format["strict"] != Value::Bool(true) {
        return Ok(());
    }
    closed(&format["schema"], "()").map_err(|why| {
        let message = format!(
            "Invalid schema for response_format {}: {why}",
            format["name"]
        );
        Refusal::new(message, "text.format.schema").code("invalid_json_schema")
    })
}

/// What `strict` asks of a schema: objects are closed, and all their properties required.
fn closed(schema: &Value, context: &str) -> Result<(), String> {
    let object = schema["type"] == "object"
        || schema["type"]
            .as_array()
            .is_some_and(|kinds| kinds.iter().any(|kind| kind == "object"));
    if object && schema["additionalProperties"] != Value::Bool(false) {
        return Err(format!(
            "In context={context}, 'additionalProperties' is required to be supplied and to be false."
        ));
    }
    let required = list(&schema["required"]);
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        if !required.iter().any(|required| required == name) {
            return Err(format!(
                "In context={context}, 'required' is required to be supplied and to be an array including every key in properties. Missing '{name}'."
            ));
        }
        closed(property, &format!("{context}.{name}"))?;
    }
    for key in ["$defs", "definitions"] {
        for (name, inside) in schema[key].as_object().into_iter().flatten() {
            closed(inside, &format!("{context}.{name}"))?;
        }
    }
    for inside in list(&schema["anyOf"]).iter().chain(schema.get("items")) {
        closed(inside, context)?;
    }
    Ok(())
}
