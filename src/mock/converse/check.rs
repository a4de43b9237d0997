//! Refusing what Amazon refuses: what its service model does not know first, then what the parts of a conversation have
//! to do with each other.

use super::shapes;
use crate::mock::ask::Refusal;
use crate::mock::shape::{Manner, Shape, What, Wrong};
use serde_json::Value;

/// Looks at a request for an answer.
pub fn request(body: &Value) -> Result<(), Refusal> {
    known(shapes::REQUEST, body)?;
    together(body)
}

/// Looks at a request to count tokens.
pub fn count(body: &Value) -> Result<(), Refusal> {
    known(shapes::COUNT, body)?;
    match &body["input"]["converse"] {
        Value::Null => Ok(()),
        inner => together(inner),
    }
}

fn known(shape: Shape, body: &Value) -> Result<(), Refusal> {
    let told = |Wrong { path, what }: Wrong| {
        let why = match what {
            What::Unknown(name) => format!("Member {name} is not known"),
            What::Missing(name) => format!("Member {name} must not be null"),
            What::Type(name) => format!("Member must be of type: {name}"),
            What::Value(_, known) => {
                format!("Member must satisfy enum value set: [{}]", known.join(", "))
            }
            What::Long(_, most) => {
                format!("Member must have length less than or equal to {most}")
            }
            What::Range(low, high) => {
                format!("Member must have value between {low} and {high}")
            }
            What::Several(count) => {
                format!("Member must have exactly one member set, it has {count}")
            }
        };
        let message = format!(
            "1 validation error detected: Value at '{path}' failed to satisfy constraint: {why}"
        );
        Refusal::new(message, path)
    };
    Manner::Json.check(shape, body, "").map_err(told)
}

fn refuse<T>(message: impl Into<String>, param: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::new(message, param))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn together(body: &Value) -> Result<(), Refusal> {
    let messages = list(&body["messages"]);
    if messages.is_empty() {
        return refuse(
            "The messages field must not be empty. Add a message and try again.",
            "messages",
        );
    }
    if messages[0]["role"] == "assistant" {
        return refuse(
            "A conversation must start with a user message. Try again with a conversation that starts with a user message.",
            "messages",
        );
    }
    system(body)?;
    tools(body)?;
    let schema = body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"].as_str();
    if schema.is_some_and(|text| serde_json::from_str::<Value>(text).is_err()) {
        return refuse("The JSON schema is not valid JSON.", "outputConfig");
    }
    if body["requestMetadata"]
        .as_object()
        .is_some_and(|map| map.is_empty() || map.len() > 16)
    {
        return refuse(
            "requestMetadata holds between 1 and 16 pairs.",
            "requestMetadata",
        );
    }
    documents(messages)?;
    turns(body, messages)
}

fn system(body: &Value) -> Result<(), Refusal> {
    let blank = |block: &Value| {
        block["text"]
            .as_str()
            .is_some_and(|text| text.trim().is_empty())
    };
    match list(&body["system"]).iter().position(blank) {
        Some(at) => {
            let path = format!("system.{at}");
            refuse(
                format!(
                    "The text field in the SystemContentBlock object at {path} is blank. Add text to the text field, and try again."
                ),
                path,
            )
        }
        None => Ok(()),
    }
}

fn tools(body: &Value) -> Result<(), Refusal> {
    let config = &body["toolConfig"];
    let tools = list(&config["tools"]);
    if config.is_object() && tools.is_empty() {
        return refuse(
            "toolConfig.tools: at least one tool is needed.",
            "toolConfig.tools",
        );
    }
    for (at, tool) in tools.iter().enumerate() {
        let path = format!("toolConfig.tools.{at}.toolSpec");
        let spec = &tool["toolSpec"];
        if spec["description"] == "" {
            return refuse(
                format!("{path}.description: valid min length: 1"),
                format!("{path}.description"),
            );
        }
        if spec.is_object() && spec["inputSchema"]["json"]["type"] != "object" {
            return refuse(
                format!(
                    "The value at {path}.inputSchema.json.type must be one of the following: object."
                ),
                format!("{path}.inputSchema"),
            );
        }
    }
    let chosen = &config["toolChoice"]["tool"]["name"];
    let known = tools.iter().any(|tool| &tool["toolSpec"]["name"] == chosen);
    match chosen.as_str() {
        Some(name) if !known => refuse(
            format!("toolConfig.toolChoice.tool.name: {name} is not one of the tools."),
            "toolConfig.toolChoice",
        ),
        _ => Ok(()),
    }
}

fn documents(messages: &[Value]) -> Result<(), Refusal> {
    let mut names = Vec::new();
    for block in messages
        .iter()
        .flat_map(|message| list(&message["content"]))
    {
        let Some(name) = block["document"]["name"].as_str() else {
            continue;
        };
        if name.contains("  ") {
            return refuse(
                "The document file name can only contain alphanumeric characters, whitespace characters, hyphens, parentheses, and square brackets. The name can't contain more than one consecutive whitespace character.",
                "document.name",
            );
        }
        if names.contains(&name) {
            return refuse(
                format!("The conversation has several documents of the name {name}."),
                "document.name",
            );
        }
        names.push(name);
    }
    Ok(())
}

/// Every call is answered in the very next turn of the user's, nothing else is; neighbours of one role are one turn.
fn turns(body: &Value, messages: &[Value]) -> Result<(), Refusal> {
    let mut open: Vec<&str> = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        let assistant = message["role"] == "assistant";
        for (index, block) in list(&message["content"]).iter().enumerate() {
            let path = format!("messages.{at}.content.{index}");
            if block["text"]
                .as_str()
                .is_some_and(|text| text.trim().is_empty())
            {
                return refuse(
                    format!(
                        "The text field in the ContentBlock object at {path} is blank. Add text to the text field, and try again."
                    ),
                    path,
                );
            }
            let (used, result) = (&block["toolUse"], &block["toolResult"]);
            if (used.is_object() || result.is_object()) && !body["toolConfig"].is_object() {
                return refuse(
                    "The toolConfig field must be defined when using toolUse and toolResult content blocks.",
                    "toolConfig",
                );
            }
            if used["input"].is_string() {
                return refuse(
                    format!(
                        "The format of the value at {path}.toolUse.input is invalid. Provide a json object for the field and try again."
                    ),
                    path,
                );
            }
            if used["type"] != "server_tool_use" {
                open.extend(used["toolUseId"].as_str());
            }
            if let Some(id) = result["toolUseId"].as_str() {
                let Some(place) = open.iter().position(|open| *open == id) else {
                    return refuse(
                        format!(
                            "The number of toolResult blocks at messages.{at}.content exceeds the number of toolUse blocks of previous turn."
                        ),
                        path,
                    );
                };
                open.remove(place);
            }
        }
        if !assistant && !open.is_empty() {
            return unanswered(at, &open);
        }
    }
    match open.is_empty() {
        true => Ok(()),
        false => unanswered(messages.len(), &open),
    }
}

fn unanswered(at: usize, open: &[&str]) -> Result<(), Refusal> {
    let path = format!("messages.{at}.content");
    refuse(
        format!(
            "Expected toolResult blocks at {path} for the following Ids: {}",
            open.join(", ")
        ),
        path,
    )
}
