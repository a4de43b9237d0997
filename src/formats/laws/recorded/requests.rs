//! Recorded requests: each translates into every other format, or is refused by the name of a field; and what was
//! written, translated back, says what its caller said, but for what was listed as dropped or adapted.

use super::{exchanges, spoken, translating};
use crate::chat::{Answer, CallResult, Chat, Message, Part, Role, Source, Tool, ToolChoice};
use crate::formats::Codec;
use crate::formats::laws::target;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What every format can say of a request, in one spelling.
fn core(chat: &Chat) -> Value {
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
    json!([tool.name, description, tool.parameters.as_ref().map(schema)])
}

/// What a schema allows, without what says nothing: its own dialect, no properties, the type of what is listed.
fn schema(of: &Value) -> Value {
    match of {
        Value::Object(members) => {
            let idle = |name: &str, value: &Value| match name {
                "$schema" => true,
                "properties" => *value == json!({}),
                "type" => members.contains_key("enum"),
                _ => false,
            };
            let kept = members.iter().filter(|(name, value)| !idle(name, value));
            kept.map(|(name, value)| (name.clone(), schema(value)))
                .collect()
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
    format!("{source:?}")
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
            Some(Value::String(before)) => {
                before.push_str(text);
                before.retain(|c| !c.is_whitespace());
            }
            _ => out.push(part),
        }
    }
    json!(out)
}

/// Which parts of the core a translation said that it changed.
fn told(dropped: &[String], name: &str) -> bool {
    let words: &[&str] = match name {
        // A schema that a model cannot be held to is asked for in words.
        "system" => &["messages", "system", "response_format", "output_config"],
        "turns" => &["messages", "system"],
        "tools" => &["tools", "functions"],
        "choice" => &["tool_choice", "tools", "toolConfig"],
        "answer" => &[
            "response_format",
            "output_config",
            "text",
            "generationConfig",
        ],
        _ => &[],
    };
    dropped
        .iter()
        .any(|path| words.iter().any(|word| path.starts_with(word)))
}

/// There and back again; `Err`: refused, and why.
fn there_and_back(
    from: &dyn Codec,
    to: &dyn Codec,
    body: &[u8],
) -> Result<(Chat, Chat, Vec<String>), crate::error::Error> {
    let asked = from.read_request(body)?;
    let there = to.write_request(&asked, &target(&asked))?;
    let read = to.read_request(&there.body)?;
    // What was understood but cannot go back, such as a document by its URL, is held as it was understood.
    let Ok(back) = from.write_request(&read, &target(&read)) else {
        return Ok((asked, read, there.dropped));
    };
    Ok((
        asked,
        from.read_request(&back.body)?,
        [there.dropped, back.dropped].concat(),
    ))
}

#[test]
fn recorded_requests_come_back_from_every_other_format_or_are_refused_by_a_field() {
    let Some(exchanges) = exchanges() else { return };
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    let (mut counts, mut wrong) = (BTreeMap::<_, [usize; 2]>::new(), Vec::new());
    for exchange in exchanges
        .iter()
        .filter(|exchange| exchange["request_body"].is_object())
    {
        let Some((format, from)) = spoken(exchange) else {
            continue;
        };
        let body = exchange["request_body"].to_string();
        for (other, to) in translating().filter(|(other, _)| other.id != format.id) {
            let pair = format!("{} -> {}", format.name, other.name);
            let count = counts.entry(pair.clone()).or_default();
            match there_and_back(from, to, body.as_bytes()) {
                Ok((asked, back, dropped)) => {
                    count[0] += 1;
                    let (want, got) = (core(&asked), core(&back));
                    for (name, value) in want.as_object().unwrap() {
                        if *value != got[name] && !told(&dropped, name) {
                            wrong.push(format!(
                                "{pair} {} {name}:\n    {value}\n    {}",
                                exchange["id"], got[name]
                            ));
                        }
                    }
                }
                Err(error) => {
                    count[1] += 1;
                    assert!(
                        error.param.is_some() && error.hint.is_some(),
                        "{pair} {}: {error:?} names no field",
                        exchange["id"]
                    );
                    *reasons.entry(format!("{pair}: {error}")).or_default() += 1;
                }
            }
        }
    }
    for (pair, [back, refused]) in counts {
        eprintln!("{pair}: {back} come back, {refused} are refused");
    }
    eprintln!("{reasons:#?}");
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}
