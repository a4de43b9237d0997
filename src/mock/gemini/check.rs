//! Refusing what Gemini refuses: unknown fields first, then what its fields have to do with each other.

use super::fields::{field, list};
use super::shapes::{COUNT_REQUEST, DATA, REQUEST};
use crate::mock::ask::Refusal;
use crate::mock::shape::{Manner, What, Wrong};
use serde_json::Value;

/// Looks at a request for an answer of `model`.
pub fn request(model: &str, body: &Value) -> Result<(), Refusal> {
    Manner::Proto.check(REQUEST, body, "").map_err(told)?;
    together(model, body)
}

/// Looks at a request to count tokens.
pub fn count(model: &str, body: &Value) -> Result<(), Refusal> {
    Manner::Proto.check(COUNT_REQUEST, body, "").map_err(told)?;
    let inner = field(body, "generateContentRequest");
    if inner.is_null() {
        return Ok(());
    }
    together(model, inner)
}

/// In Google's words.
fn told(wrong: Wrong) -> Refusal {
    let Wrong { path, what } = wrong;
    let message = match what {
        What::Unknown(name) => {
            let place = match path.as_str() {
                "" => String::new(),
                path => format!(" at '{path}'"),
            };
            format!(
                "Invalid JSON payload received. Unknown name \"{name}\"{place}: Cannot find field."
            )
        }
        What::Missing(name) => {
            let dot = if path.is_empty() { "" } else { "." };
            format!("* GenerateContentRequest.{path}{dot}{name}: required field is not set\n")
        }
        What::Type(name) => format!("Invalid value at '{path}' ({name})"),
        What::Value(value, _) => format!("Invalid value at '{path}' (enum), \"{value}\""),
        What::Long(_, most) => format!("Invalid value at '{path}': longer than {most}"),
        What::Range(low, high) => {
            format!("Invalid value at '{path}': it must be between {low} and {high}")
        }
        What::Several(count) => format!("Invalid value at '{path}' (oneof), {count} fields set"),
    };
    Refusal::new(message, path)
}

fn together(model: &str, body: &Value) -> Result<(), Refusal> {
    for (at, content) in list(&body["contents"]).iter().enumerate() {
        for (index, part) in list(&content["parts"]).iter().enumerate() {
            let given = DATA.iter().filter(|name| !field(part, name).is_null());
            let message = match given.count() {
                1 => continue,
                0 => "required oneof field 'data' must have one initialized field",
                _ => "oneof field 'data' is already set",
            };
            let path = format!("contents[{at}].parts[{index}].data");
            return Err(Refusal::new(
                format!("* GenerateContentRequest.{path}: {message}\n"),
                path,
            ));
        }
    }
    turns(model, list(&body["contents"]))?;
    tools(body)?;
    config(body)
}

/// Every turn with calls is followed by one with as many responses, to the same functions.
fn turns(model: &str, contents: &[Value]) -> Result<(), Refusal> {
    let of = |content: &'_ Value, kind: &str| -> Vec<Value> {
        let parts = list(&content["parts"]).iter();
        let of = parts
            .map(|part| field(part, kind))
            .filter(|part| part.is_object());
        of.cloned().collect()
    };
    let mut open: Vec<Value> = Vec::new();
    for content in contents {
        let (calls, responses) = (of(content, "functionCall"), of(content, "functionResponse"));
        if responses.len() != open.len() {
            return Err(Refusal::new(
                "Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.",
                "contents",
            ));
        }
        for response in &responses {
            let answers = |call: &Value| {
                call["name"] == response["name"]
                    && (call["id"].is_null()
                        || response["id"].is_null()
                        || call["id"] == response["id"])
            };
            let Some(at) = open.iter().position(answers) else {
                let message = format!(
                    "a function response answers no function call: {}",
                    response["name"]
                );
                return Err(Refusal::new(message, "contents"));
            };
            open.remove(at);
        }
        open = calls;
    }
    if !open.is_empty() {
        return Err(Refusal::new(
            "Please ensure that function call turn is followed by a function response turn.",
            "contents",
        ));
    }
    signed(model, contents)
}

/// From its third generation on the first call of each step of the current turn has to carry its seal.
fn signed(model: &str, contents: &[Value]) -> Result<(), Refusal> {
    if !model.contains("gemini-3") {
        return Ok(());
    }
    let asks = |content: &Value| {
        content["role"] != "model"
            && list(&content["parts"])
                .iter()
                .any(|part| part["text"].is_string())
    };
    let current = contents.iter().rposition(asks).unwrap_or(0);
    for (at, content) in contents.iter().enumerate().skip(current) {
        let first = list(&content["parts"])
            .iter()
            .find(|part| field(part, "functionCall").is_object());
        if first.is_some_and(|part| field(part, "thoughtSignature").is_null()) {
            return Err(Refusal::new(
                format!(
                    "Function call in the {at}. content block is missing a thought_signature in functionCall parts."
                ),
                "contents",
            ));
        }
    }
    Ok(())
}

fn tools(body: &Value) -> Result<(), Refusal> {
    let mut names = Vec::new();
    for (at, tool) in list(&body["tools"]).iter().enumerate() {
        for (index, function) in list(field(tool, "functionDeclarations")).iter().enumerate() {
            let path = format!("tools[{at}].function_declarations[{index}]");
            let name = function["name"].as_str().unwrap_or_default();
            let known = |letter: char| letter.is_ascii_alphanumeric() || "_:.-".contains(letter);
            let first = |letter: char| letter.is_ascii_alphabetic() || letter == '_';
            if !name.starts_with(first) || !name.chars().all(known) {
                let message = format!(
                    "* GenerateContentRequest.{path}.name: Invalid function name. Must start with a letter or an underscore. Must be alphanumeric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or dashes (-), with a maximum length of 128.\n"
                );
                return Err(Refusal::new(message, path));
            }
            if names.contains(&name) {
                return Err(Refusal::new(
                    format!("Duplicate function declaration found: {name}"),
                    path,
                ));
            }
            names.push(name);
            let parameters = &function["parameters"];
            if !parameters.is_null() && !field(function, "parametersJsonSchema").is_null() {
                let message = format!(
                    "* GenerateContentRequest.{path}: parameters and parameters_json_schema are both set\n"
                );
                return Err(Refusal::new(message, path));
            }
            schema(parameters, &format!("{path}.parameters"))?;
        }
    }
    let calling = field(field(body, "toolConfig"), "functionCallingConfig");
    let allowed = list(field(calling, "allowedFunctionNames"));
    let mode = calling["mode"].as_str().unwrap_or("AUTO");
    if !allowed.is_empty() && !matches!(mode, "ANY" | "VALIDATED") {
        return Err(Refusal::new(
            "Function calling config is set without mode ANY or VALIDATED, but allowed_function_names is set.",
            "tool_config.function_calling_config",
        ));
    }
    let unknown = allowed
        .iter()
        .find(|name| !name.as_str().is_some_and(|name| names.contains(&name)));
    match unknown {
        Some(name) => Err(Refusal::new(
            format!("allowed_function_names: {name} is not declared"),
            "tool_config.function_calling_config",
        )),
        None => Ok(()),
    }
}

fn config(body: &Value) -> Result<(), Refusal> {
    let config = field(body, "generationConfig");
    let given = |name| !field(config, name).is_null();
    let refuse = |message: &str| Err(Refusal::new(message, "generation_config"));
    if list(field(config, "stopSequences")).len() > 5 {
        return refuse("The maximum number of stop sequences is 5.");
    }
    if given("responseSchema") && given("responseJsonSchema") {
        return refuse("response_schema and response_json_schema are both set");
    }
    let asked = given("responseSchema") || given("responseJsonSchema");
    let kind = field(config, "responseMimeType")
        .as_str()
        .unwrap_or("text/plain");
    if asked && kind == "text/plain" {
        return refuse(
            "Function calling or response schema needs response_mime_type application/json",
        );
    }
    let thinking = field(config, "thinkingConfig");
    if !field(thinking, "thinkingBudget").is_null() && !field(thinking, "thinkingLevel").is_null() {
        return refuse("You can only set only one of thinking budget and thinking level.");
    }
    schema(
        field(config, "responseSchema"),
        "generation_config.response_schema",
    )
}

/// What a schema's fields have to do with each other.
fn schema(schema: &Value, path: &str) -> Result<(), Refusal> {
    let refuse = |field: &str, why: &str| {
        let message = format!("* GenerateContentRequest.{path}.{field}: {why}\n");
        Err(Refusal::new(message, format!("{path}.{field}")))
    };
    let kind = schema["type"]
        .as_str()
        .unwrap_or_default()
        .to_ascii_uppercase();
    if kind == "ARRAY" && schema["items"].is_null() {
        return refuse("items", "missing field.");
    }
    if !list(&schema["enum"]).is_empty() && kind != "STRING" {
        return refuse("enum", "only allowed for STRING type");
    }
    let properties = schema["properties"].as_object();
    for (at, name) in list(&schema["required"]).iter().enumerate() {
        let known = name
            .as_str()
            .is_some_and(|name| properties.is_some_and(|known| known.contains_key(name)));
        if !known {
            return refuse(&format!("required[{at}]"), "property is not defined");
        }
    }
    for (name, property) in properties.into_iter().flatten() {
        self::schema(property, &format!("{path}.properties[{name}]"))?;
    }
    if schema["items"].is_object() {
        self::schema(&schema["items"], &format!("{path}.items"))?;
    }
    for (at, choice) in list(field(schema, "anyOf")).iter().enumerate() {
        self::schema(choice, &format!("{path}.any_of[{at}]"))?;
    }
    Ok(())
}
