//! Writes the request for an upstream.

use super::block::{self, Block};
use crate::chat::{Answer, Chat, Effort, Message, Part, Role, Thinking, Thought, Tool, ToolChoice};
use crate::error::{Error, Result};
use crate::formats::fields::{dedup, unsupported};
use crate::formats::{Dropped, Target, Written};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// `max_tokens` must be given; this where the caller set no limit.
const MAX_TOKENS: u64 = 4096;
/// The smallest thinking budget that is accepted.
const MIN_BUDGET: u64 = 1024;

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    max_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<Value>,
    messages: Vec<Turn>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Serialize)]
struct Turn {
    role: &'static str,
    content: Vec<Block>,
}

/// Writes the request for an upstream.
pub fn write(chat: &Chat, target: &Target<'_>) -> Result<Written> {
    let mut dropped: Dropped = chat.lost.clone();
    if chat.count.is_some_and(|count| count > 1) {
        return Err(unsupported(
            "n",
            "an Anthropic model gives one answer at a time, so `n` must be 1",
        ));
    }
    let mut rest = Map::new();
    tools(chat, &mut rest);
    let (max_tokens, thinks) = thinking(chat, target.model, &mut rest, &mut dropped);
    sampling(chat, thinks, &mut rest, &mut dropped);
    let mut system = system(chat);
    match &chat.answer {
        Some(Answer::Schema { schema, .. }) => output(
            &mut rest,
            "format",
            json!({"type": "json_schema", "schema": schema}),
        ),
        // Any object at all cannot be asked for with a schema (it must be closed), only with words.
        Some(Answer::Json) => {
            system.push("Answer with a single JSON object and nothing else.");
            dropped.push("response_format".into());
        }
        None => {}
    }
    if chat.stream {
        rest.insert("stream".into(), json!(true));
    }
    let system = match system.as_slice() {
        [] => None,
        [one] => Some(json!(one)),
        many => Some(
            many.iter()
                .map(|text| json!({"type": "text", "text": text}))
                .collect(),
        ),
    };
    let body = Body {
        model: target.model,
        max_tokens,
        system,
        messages: turns(chat, &mut dropped)?,
        rest,
    };
    dedup(&mut dropped);
    let body = serde_json::to_vec(&body).map_err(|cause| {
        Error::internal("the translated request cannot be written").cause(cause)
    })?;
    Ok(Written { body, dropped })
}

/// How many messages at the front are instructions.
fn leading(chat: &Chat) -> usize {
    chat.messages
        .iter()
        .take_while(|message| message.role == Role::System)
        .count()
}

fn system(chat: &Chat) -> Vec<&str> {
    let parts = chat
        .messages
        .iter()
        .take(leading(chat))
        .flat_map(|message| &message.parts);
    parts
        .filter_map(|part| {
            if let Part::Text(text) = part {
                Some(text.as_str())
            } else {
                None
            }
        })
        .filter(|text| !text.trim().is_empty())
        .collect()
}

/// Neighbours of one role become one turn, and turns without content vanish: both are refused otherwise.
fn turns(chat: &Chat, dropped: &mut Dropped) -> Result<Vec<Turn>> {
    let mut turns: Vec<Turn> = Vec::new();
    if chat
        .messages
        .iter()
        .take(leading(chat))
        .flat_map(|message| &message.parts)
        .any(|part| !matches!(part, Part::Text(_)))
    {
        return Err(unsupported(
            "messages",
            "instructions to an Anthropic model can only be text",
        ));
    }
    for message in chat.messages.iter().skip(leading(chat)) {
        let role = match message.role {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        let content = block::write(&message.parts, dropped)?;
        match turns.last_mut() {
            Some(last) if last.role == role => last.content.extend(content),
            _ if content.is_empty() => {}
            _ => turns.push(Turn { role, content }),
        }
    }
    Ok(turns)
}

fn tools(chat: &Chat, rest: &mut Map<String, Value>) {
    if chat.tools.is_empty() {
        return;
    }
    rest.insert("tools".into(), chat.tools.iter().map(declaration).collect());
    let mut choice = match &chat.tool_choice {
        None if chat.parallel_calls.is_none() => return,
        None | Some(ToolChoice::Auto) => json!({"type": "auto"}),
        Some(ToolChoice::None) => json!({"type": "none"}),
        Some(ToolChoice::Required) => json!({"type": "any"}),
        Some(ToolChoice::Named(name)) => json!({"type": "tool", "name": name}),
    };
    if let (Some(parallel), false) = (
        chat.parallel_calls,
        chat.tool_choice == Some(ToolChoice::None),
    ) {
        choice["disable_parallel_tool_use"] = json!(!parallel);
    }
    rest.insert("tool_choice".into(), choice);
}

fn declaration(tool: &Tool) -> Value {
    let mut out = Map::new();
    out.insert("name".into(), json!(tool.name));
    out.extend(
        tool.description
            .as_ref()
            .map(|text| ("description".to_owned(), json!(text))),
    );
    out.insert(
        "input_schema".into(),
        tool.parameters
            .clone()
            .unwrap_or_else(|| json!({"type": "object", "properties": {}})),
    );
    out.extend(
        tool.strict
            .map(|strict| ("strict".to_owned(), json!(strict))),
    );
    Value::Object(out)
}

/// Adds to `output_config`.
fn output(rest: &mut Map<String, Value>, key: &str, value: Value) {
    rest.entry("output_config").or_insert_with(|| json!({}))[key] = value;
}

/// Decides `max_tokens` and the thinking that fits into it, and whether there is any.
fn thinking(
    chat: &Chat,
    model: &str,
    rest: &mut Map<String, Value>,
    dropped: &mut Dropped,
) -> (u64, bool) {
    let limit = chat.max_tokens.unwrap_or(MAX_TOKENS);
    let budget = match chat.thinking {
        None => return (limit, false),
        Some(Thinking::Off) => {
            rest.insert("thinking".into(), json!({"type": "disabled"}));
            return (limit, false);
        }
        Some(Thinking::Adaptive | Thinking::Effort(_)) if !may_think(chat) => {
            return (limit, forgo(dropped));
        }
        Some(Thinking::Adaptive) => {
            rest.insert("thinking".into(), json!({"type": "adaptive"}));
            return (limit, true);
        }
        Some(Thinking::Effort(effort)) if adaptive_only(model) => {
            rest.insert("thinking".into(), json!({"type": "adaptive"}));
            output(rest, "effort", json!(effort.max(Effort::Low).name()));
            return (limit, true);
        }
        Some(Thinking::Effort(effort)) => effort.budget(),
        Some(Thinking::Budget(_)) if !may_think(chat) => return (limit, forgo(dropped)),
        Some(Thinking::Budget(budget)) => budget,
    };
    // The budget is part of the limit; without a limit of the caller's the answer keeps its own room.
    let limit = chat
        .max_tokens
        .unwrap_or_else(|| MAX_TOKENS.saturating_add(budget));
    let budget = if budget < limit { budget } else { limit / 2 };
    if budget < MIN_BUDGET {
        return (limit, forgo(dropped));
    }
    rest.insert(
        "thinking".into(),
        json!({"type": "enabled", "budget_tokens": budget}),
    );
    (limit, true)
}

fn forgo(dropped: &mut Dropped) -> bool {
    dropped.push("reasoning_effort".into());
    false
}

/// Thinking is refused together with a forced tool, and in the middle of a tool loop whose calls came without sealed thoughts.
fn may_think(chat: &Chat) -> bool {
    let forced = matches!(
        chat.tool_choice,
        Some(ToolChoice::Required | ToolChoice::Named(_))
    ) && !chat.tools.is_empty();
    let last = chat
        .messages
        .iter()
        .rev()
        .find(|message| message.role == Role::Assistant);
    let in_loop = matches!(chat.messages.last(), Some(Message { role: Role::User, parts }) if parts.iter().any(|part| matches!(part, Part::Result(_))));
    let sealed = |part: &Part| {
        matches!(
            part,
            Part::Thought(Thought::Open { seal: Some(_), .. } | Thought::Redacted(_))
        )
    };
    !forced && (!in_loop || last.is_some_and(|message| message.parts.iter().any(sealed)))
}

/// Claude models after 4.6 decide on the amount by themselves and refuse a budget; the older ones are a closed list.
fn adaptive_only(model: &str) -> bool {
    const WITH_BUDGET: [&str; 8] = [
        "claude-3", "-4-0", "-4-1", "-4-2", "-4-5", "-4-6", "-4@", "-4.5",
    ];
    model.contains("claude-")
        && !model.ends_with("-4")
        && !WITH_BUDGET.iter().any(|old| model.contains(old))
}

fn sampling(chat: &Chat, thinks: bool, rest: &mut Map<String, Value>, dropped: &mut Dropped) {
    let mut lose = |name: &str| dropped.push(name.to_owned());
    match chat.temperature {
        // Thinking allows no other temperature than 1.
        Some(1.0) if thinks => {}
        Some(_) if thinks => lose("temperature"),
        Some(temperature) if temperature > 1.0 => {
            lose("temperature");
            rest.insert("temperature".into(), json!(1.0));
        }
        Some(temperature) => _ = rest.insert("temperature".into(), json!(temperature)),
        None => {}
    }
    match chat.top_p {
        // Many models refuse the two together.
        Some(top_p) if chat.temperature.is_some() && top_p < 1.0 => lose("top_p"),
        Some(top_p) if thinks && top_p < 0.95 => lose("top_p"),
        Some(top_p) if chat.temperature.is_none() => _ = rest.insert("top_p".into(), json!(top_p)),
        _ => {}
    }
    match chat.top_k {
        Some(_) if thinks => lose("top_k"),
        Some(top_k) => _ = rest.insert("top_k".into(), json!(top_k)),
        None => {}
    }
    for (name, given) in [
        ("seed", chat.seed.is_some()),
        ("frequency_penalty", chat.frequency_penalty.is_some()),
        ("presence_penalty", chat.presence_penalty.is_some()),
    ] {
        if given {
            lose(name);
        }
    }
    if !chat.stop.is_empty() {
        rest.insert("stop_sequences".into(), json!(chat.stop));
    }
    if let Some(user) = &chat.user {
        rest.insert("metadata".into(), json!({"user_id": user}));
    }
}
