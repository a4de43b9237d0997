//! The conversation, both directions. The neutral model keeps results of tool calls in the user's turn; here each is
//! a message of its own.

use super::content;
use crate::chat::{Call, CallResult, Chat, Message, Part, Role, Thought};
use crate::error::Result;
use crate::formats::fields::{Fields, missing, string, unsupported, wrong};
use crate::formats::written::Tree;
use crate::formats::{Dropped, cache};
use serde_json::Value;

/// Reads every message into `chat`.
pub fn read(messages: Vec<Fields>, chat: &mut Chat) -> Result<()> {
    // The call an old `function` message answers has no id of its own.
    let mut old_calls = 0;
    for mut fields in messages {
        let role = fields.need("role")?;
        let at = fields.path("content");
        let mut parts = match fields.take("content") {
            Some(raw) => content::read(raw, &at, &mut chat.lost)?,
            None => Vec::new(),
        };
        // A mark of the message stands behind all that is in it.
        let mark = cache::read(&mut fields, &mut chat.lost)?.map(Part::CachePoint);
        let mark = match role.as_str() {
            "assistant" => mark,
            _ => {
                parts.extend(mark);
                None
            }
        };
        match role.as_str() {
            "system" | "developer" => chat.messages.push(Message {
                role: Role::System,
                parts,
                id: None,
            }),
            "user" => chat.user_says(parts),
            "tool" => chat.user_says(vec![Part::Result(CallResult {
                id: fields.need("tool_call_id")?,
                parts,
                ..CallResult::default()
            })]),
            "function" => chat.user_says(vec![Part::Result(CallResult {
                id: old_id(old_calls),
                parts,
                ..CallResult::default()
            })]),
            "assistant" => {
                let mut all = thoughts(&mut fields)?;
                // Some give the same thoughts in two places.
                if !all.is_empty() {
                    parts.retain(|part| !matches!(part, Part::Thought(_)));
                }
                all.extend(parts);
                all.extend(fields.text("refusal")?.map(Part::Refusal));
                all.extend(calls(&mut fields, &mut chat.lost)?);
                if let Some(mut old) = fields.object("function_call")? {
                    old_calls += 1;
                    all.push(Part::Call(Call {
                        id: old_id(old_calls),
                        name: old.need("name")?,
                        arguments: arguments(&mut old)?,
                        ..Call::default()
                    }));
                }
                if fields.take("audio").is_some() {
                    return Err(unsupported(
                        &fields.path("audio"),
                        "spoken answers cannot be translated to another format",
                    ));
                }
                all.extend(mark);
                chat.messages.push(Message {
                    role: Role::Assistant,
                    parts: all,
                    id: None,
                });
            }
            _ => {
                return Err(wrong(
                    &fields.path("role"),
                    "`system`, `developer`, `user`, `assistant` or `tool`",
                ));
            }
        }
        fields.take("annotations");
        if role == "tool" || role == "function" {
            fields.take("name");
        }
        fields.rest(&mut chat.lost);
    }
    Ok(())
}

fn old_id(count: usize) -> String {
    format!("call_{count}")
}

/// Sealed thoughts from `thinking_blocks`, else the plain text some services send and want back.
fn thoughts(fields: &mut Fields) -> Result<Vec<Part>> {
    let plain = match (fields.text("reasoning_content")?, fields.text("reasoning")?) {
        (Some(text), _) | (None, Some(text)) if !text.is_empty() => Some(text),
        _ => None,
    };
    match fields.objects("thinking_blocks")? {
        Some(blocks) if !blocks.is_empty() => blocks
            .into_iter()
            .map(|mut block| thought(&mut block).map(Part::Thought))
            .collect(),
        _ => Ok(plain
            .map(|text| Part::Thought(Thought::open(text)))
            .into_iter()
            .collect()),
    }
}

/// One entry of `thinking_blocks`, spelled as Anthropic spells it.
pub fn thought(block: &mut Fields) -> Result<Thought> {
    match block.need("type")?.as_str() {
        kind @ ("thinking" | "redacted_thinking") => content::thought(kind, block),
        _ => Err(wrong(
            &block.path("type"),
            "`thinking` or `redacted_thinking`",
        )),
    }
}

fn calls(fields: &mut Fields, lost: &mut Vec<String>) -> Result<Vec<Part>> {
    let mut calls = Vec::new();
    for mut call in fields.objects("tool_calls")?.unwrap_or_default() {
        match call.text("type")?.as_deref() {
            None | Some("function") => {}
            Some("custom") => {
                let at = call.path("custom");
                let mut custom = call.object("custom")?.ok_or_else(|| missing(&at))?;
                calls.push(Part::Call(Call {
                    id: call.need("id")?,
                    name: custom.need("name")?,
                    arguments: custom.text("input")?.unwrap_or_default(),
                    free: true,
                    ..Call::default()
                }));
                continue;
            }
            Some(kind) => {
                return Err(unsupported(
                    &call.path("type"),
                    &format!(
                        "tool calls of type `{}` cannot be translated to another format, only `function` and `custom`",
                        kind.escape_debug()
                    ),
                ));
            }
        }
        let at = call.path("function");
        let mut function = call.object("function")?.ok_or_else(|| missing(&at))?;
        calls.push(Part::Call(Call {
            id: call.need("id")?,
            name: function.need("name")?,
            arguments: arguments(&mut function)?,
            seal: super::tool::seal(&mut call)?,
            ..Call::default()
        }));
        call.take("index");
        call.rest(lost);
    }
    Ok(calls)
}

/// The text of a JSON object; some services give the object itself. Nothing and `null` are an empty one.
fn arguments(function: &mut Fields) -> Result<String> {
    let at = function.path("arguments");
    let text = match function.take("arguments") {
        None => String::new(),
        Some(raw) if raw.is_string() => string(raw, &at)?,
        Some(raw) if raw.get().starts_with('{') => raw.get().to_owned(),
        Some(_) => return Err(wrong(&at, "a string")),
    };
    Ok(match text.trim() {
        "" | "null" => "{}".to_owned(),
        _ => text,
    })
}

/// What somebody says.
fn said<'a>(role: &'static str, content: Tree<'a>) -> Tree<'a> {
    Tree::object([("role", role.into()), ("content", content)])
}

/// Writes every message. `thoughts`: the field in which those that nobody sealed go back.
pub fn write<'a>(
    messages: &'a [Message],
    thoughts: Option<&'static str>,
    dropped: &mut Dropped,
) -> Result<Vec<Tree<'a>>> {
    let mut out = Vec::with_capacity(messages.len());
    for message in messages {
        match message.role {
            Role::System => {
                let parts = unmarked(&message.parts, "system.cache_control", dropped);
                out.push(said("system", content_of(&parts, dropped)?));
            }
            Role::User => write_user(message, &mut out, dropped)?,
            Role::Assistant => out.push(write_assistant(message, thoughts, dropped)?),
        }
    }
    Ok(out)
}

/// The parts without the marks for caches: prompts are cached unasked here.
fn unmarked<'a>(parts: &'a [Part], path: &str, dropped: &mut Dropped) -> Vec<&'a Part> {
    let said: Vec<&Part> = parts
        .iter()
        .filter(|part| !matches!(part, Part::CachePoint(_)))
        .collect();
    if said.len() < parts.len() {
        dropped.push(path.to_owned());
    }
    said
}

/// Where marks for caches stand in turns.
const MARK: &str = "messages.content.cache_control";

/// One text is a string, everything else a list.
fn content_of<'a>(parts: &[&'a Part], dropped: &mut Dropped) -> Result<Tree<'a>> {
    match parts {
        [] => Ok("".into()),
        [Part::Text(text)] => Ok(Tree::from(&text.text)),
        many => many
            .iter()
            .map(|part| content::write(part, dropped))
            .collect::<Result<_>>()
            .map(Tree::List),
    }
}

/// Results first: they must follow the calls directly.
fn write_user<'a>(
    message: &'a Message,
    out: &mut Vec<Tree<'a>>,
    dropped: &mut Dropped,
) -> Result<()> {
    let mut shown = Vec::new();
    let parts = unmarked(&message.parts, MARK, dropped);
    for part in &parts {
        if let Part::Result(result) = part {
            if result.error {
                dropped.push("messages.content.is_error".into());
            }
            let (text, media): (Vec<&Part>, Vec<&Part>) = unmarked(&result.parts, MARK, dropped)
                .into_iter()
                .partition(|part| matches!(part, Part::Text(_)));
            let silent = match text.as_slice() {
                [] => true,
                [Part::Text(text)] => text.is_empty(),
                _ => false,
            };
            // Tool messages take text alone; what a tool shows is handed over by the user's turn right behind them.
            let content = match silent && !media.is_empty() {
                true => "(see the attachment in the next message)".into(),
                false => content_of(&text, dropped)?,
            };
            out.push(Tree::object([
                ("role", "tool".into()),
                ("tool_call_id", Tree::from(&result.id)),
                ("content", content),
            ]));
            shown.extend(media);
        }
    }
    let rest = parts
        .into_iter()
        .filter(|part| !matches!(part, Part::Result(_)));
    let rest: Vec<&Part> = shown.into_iter().chain(rest).collect();
    if !rest.is_empty() || message.parts.is_empty() {
        out.push(said("user", content_of(&rest, dropped)?));
    }
    Ok(())
}

/// Thoughts go back only where no other provider sealed them: a seal means nothing here and the field is refused by many.
fn write_assistant<'a>(
    message: &'a Message,
    thoughts: Option<&'static str>,
    dropped: &mut Dropped,
) -> Result<Tree<'a>> {
    let (mut parts, mut calls, mut thought) = (Vec::new(), Vec::new(), String::new());
    for part in unmarked(&message.parts, MARK, dropped) {
        match part {
            Part::Call(call) => calls.push(super::tool::call(call)),
            Part::Thought(Thought {
                text, seal: None, ..
            }) if thoughts.is_some() => thought.push_str(text),
            Part::Thought(_) => dropped.push("messages.content.thinking".into()),
            other => parts.push(other),
        }
    }
    let content = match parts.is_empty() && !calls.is_empty() {
        true => Value::Null.into(),
        false => content_of(&parts, dropped)?,
    };
    let mut written = said("assistant", content);
    if let Some(field) = thoughts.filter(|_| !thought.is_empty()) {
        written.push(field, thought);
    }
    if !calls.is_empty() {
        written.push("tool_calls", calls);
    }
    Ok(written)
}
