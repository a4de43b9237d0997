//! What every format can say of a request, in one spelling: what may not get lost between any two.

use crate::chat::{Answer, CallResult, Chat, Message, Part, Role, Source, Tool, ToolChoice};
use serde_json::{Value, json};

/// What every format can say of a request, in one spelling.
pub fn core(chat: &Chat) -> Value {
    let system: Vec<Value> = chat
        .messages
        .iter()
        .filter(|message| message.role == Role::System)
        .flat_map(said)
        .collect();
    let mut turns: Vec<(Role, Vec<Value>)> = Vec::new();
    for message in chat
        .messages
        .iter()
        .filter(|message| message.role != Role::System)
    {
        let parts = said(message);
        match turns.last_mut() {
            _ if parts.is_empty() => {}
            // Neighbours of one role are one turn.
            Some((role, turn)) if *role == message.role => turn.extend(parts),
            _ => turns.push((message.role, parts)),
        }
    }
    let turns: Vec<Value> = turns
        .into_iter()
        .map(|(role, mut parts)| {
            // Results come first in a turn.
            parts.sort_by_key(|part| part.get("result").is_none());
            json!([format!("{role:?}"), joined(parts)])
        })
        .collect();
    json!({
        "system": joined(system),
        "turns": turns,
        "tools": chat.tools.iter().map(tool).collect::<Vec<_>>(),
        "choice": match chat.tools.is_empty() {
            true => Value::Null,
            // What everybody does unasked.
            false => json!(format!("{:?}", chat.tool_choice.as_ref().unwrap_or(&ToolChoice::Auto))),
        },
        "answer": match &chat.answer {
            None => Value::Null,
            Some(Answer::Json) => json!("json"),
            Some(Answer::Schema { schema: asked, .. }) => schema(asked),
        },
    })
}

fn tool(tool: &Tool) -> Value {
    let description = tool.description.as_deref().filter(|text| !text.is_empty());
    // A tool without parameters takes an object.
    let mut parameters = tool.parameters.clone().unwrap_or_else(|| json!({}));
    if let Value::Object(schema) = &mut parameters {
        schema.entry("type").or_insert_with(|| json!("object"));
    }
    json!([tool.name, description, schema(&parameters)])
}

/// What a schema allows, without what says nothing: its own dialect, no properties, the type of what is listed, that
/// objects are closed, which models write anyway.
fn schema(of: &Value) -> Value {
    match of {
        Value::Object(members) => {
            let idle = |name: &str, value: &Value| match name {
                "$schema" => true,
                "properties" => *value == json!({}),
                "additionalProperties" => *value == json!(false),
                "type" => members.contains_key("enum"),
                _ => false,
            };
            let kept = members.iter().filter(|(name, value)| !idle(name, value));
            let each = kept.map(|(name, value)| match (name.as_str(), value) {
                // One of several types, in the other of its two spellings.
                ("type", Value::Array(types)) => (
                    "anyOf".to_owned(),
                    types.iter().map(|one| json!({"type": one})).collect(),
                ),
                _ => (name.clone(), schema(value)),
            });
            each.collect()
        }
        Value::Array(items) => items.iter().map(schema).collect(),
        other => other.clone(),
    }
}

fn said(message: &Message) -> Vec<Value> {
    parts(&message.parts)
}

fn parts(of: &[Part]) -> Vec<Value> {
    of.iter().filter_map(part).collect()
}

fn part(part: &Part) -> Option<Value> {
    match part {
        Part::Text(text) => (!text.trim().is_empty()).then(|| json!({"text": text.text})),
        Part::Refusal(text) => Some(json!({"text": text})),
        Part::Media(media) => {
            Some(json!({"media": [format!("{:?}", media.kind), source(&media.source)]}))
        }
        Part::Call(call) => {
            let arguments =
                serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!(call.arguments));
            let arguments = if call.is_bare() { json!({}) } else { arguments };
            Some(json!({"call": [call.id, call.name, arguments]}))
        }
        Part::Result(result) => Some(json!({"result": [result.id, answered(result)]})),
        // Kept for their issuer, or for a provider that knows them.
        Part::Thought(_) | Part::CachePoint(_) | Part::Native(_) => None,
    }
}

fn answered(result: &CallResult) -> Value {
    joined(parts(&result.parts))
}

fn source(source: &Source) -> String {
    // Two names of one type of sound.
    format!("{source:?}").replace("\"audio/mpeg\"", "\"audio/mp3\"")
}

/// Texts that follow each other read as one.
fn joined(parts: Vec<Value>) -> Value {
    let mut out: Vec<Value> = Vec::new();
    for part in parts {
        let (Some(Value::Object(last)), Some(text)) = (out.last_mut(), part["text"].as_str())
        else {
            out.push(part);
            continue;
        };
        match last.get_mut("text") {
            Some(Value::String(before)) => before.push_str(text),
            _ => out.push(part),
        }
    }
    // However it was cut, without the blanks that joining may add.
    for part in &mut out {
        if let Some(Value::String(text)) = part.get_mut("text") {
            text.retain(|c| !c.is_whitespace());
        }
    }
    json!(out)
}
