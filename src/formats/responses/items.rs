//! The conversation as items: what each is, both directions. The neutral model has turns; here calls, their outputs and
//! thoughts stand beside messages.

use super::content;
use super::tool::{self, TOOL_SEARCH};
use crate::chat::{Call, CallResult, Chat, Issuer, Message, Part, Role, Seal, SealKind, Thought};
use crate::error::Result;
use crate::formats::document::Raw;
use crate::formats::fields::{Fields, adapted, items, missing, unsupported, words, wrong};
use crate::formats::written::{Told, Tree};
use crate::formats::{Dropped, seal};
use serde_json::{Value, json};
use std::borrow::Cow;

/// Whose seals items carry by themselves.
pub const HOME: Issuer = Issuer::Openai;

/// Reads `input` into `chat`.
pub fn read(raw: Raw<'_>, chat: &mut Chat) -> Result<()> {
    if raw.is_string() {
        chat.messages
            .push(Message::text(Role::User, words(raw, "input")?));
        return Ok(());
    }
    let items = items(raw, "input", "a string or a list of items")?;
    for (i, raw) in items.into_iter().enumerate() {
        let mut item = Fields::of(raw, format!("input[{i}]"))?;
        read_item(&mut item, chat)?;
        // What an answer's items have, which are given back as they came.
        for told in ["id", "status"] {
            item.take(told);
        }
        item.rest(&mut chat.lost);
    }
    Ok(())
}

fn read_item(item: &mut Fields, chat: &mut Chat) -> Result<()> {
    let kind = item.text("type")?.unwrap_or_else(|| "message".to_owned());
    match kind.as_str() {
        "message" => message(item, chat)?,
        "function_call" | "custom_tool_call" => {
            let free = kind == "custom_tool_call";
            let call = Call {
                id: item.need("call_id")?,
                item: item.text("id")?,
                name: item.need("name")?,
                arguments: item.need(if free { "input" } else { "arguments" })?,
                free,
                namespace: item.text("namespace")?,
                seal: None,
            };
            said(&mut chat.messages, Part::Call(call));
        }
        "function_call_output" | "custom_tool_call_output" => {
            let at = item.path("output");
            let parts = match item.take("output") {
                Some(raw) => content::read(raw, &at, &mut chat.lost)?,
                None => Vec::new(),
            };
            item.take("name");
            answered(item, parts, kind.starts_with("custom"), chat)?;
        }
        "reasoning" => thoughts(item, chat)?,
        "additional_tools" => {
            item.take("role");
            chat.lost.push(adapted("input.tools"));
            tool::read(item.objects("tools")?.unwrap_or_default(), None, chat)?;
        }
        "tool_search_call" => {
            clients(item)?;
            let call = Call {
                id: item.need("call_id")?,
                name: TOOL_SEARCH.to_owned(),
                arguments: item
                    .take("arguments")
                    .map_or_else(|| "{}".to_owned(), |raw| raw.get().to_owned()),
                ..Call::default()
            };
            said(&mut chat.messages, Part::Call(call));
        }
        "tool_search_output" => {
            clients(item)?;
            let found = item.peek("tools").map_or("[]", Raw::get).to_owned();
            tool::read(item.objects("tools")?.unwrap_or_default(), None, chat)?;
            answered(item, vec![Part::text(found)], false, chat)?;
        }
        "item_reference" => {
            return Err(unsupported(
                &item.path("id"),
                "a reference to an item that OpenAI keeps cannot be translated to another format",
            ));
        }
        other => {
            return Err(unsupported(
                &item.path("type"),
                &format!(
                    "items of type `{}` cannot be translated to another format",
                    other.escape_debug()
                ),
            ));
        }
    }
    Ok(())
}

/// Whether a search for tools is the caller's own; the provider's cannot be translated.
fn clients(item: &mut Fields) -> Result<()> {
    match item.text("execution")?.as_deref() {
        Some("client") => Ok(()),
        _ => Err(unsupported(
            &item.path("execution"),
            "a search for tools that runs on OpenAI's side cannot be translated to another format",
        )),
    }
}

fn message(item: &mut Fields, chat: &mut Chat) -> Result<()> {
    let role = match item.need("role")?.as_str() {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" | "developer" => Role::System,
        _ => {
            return Err(wrong(
                &item.path("role"),
                "`user`, `assistant`, `system` or `developer`",
            ));
        }
    };
    let at = item.path("content");
    let raw = item.take("content").ok_or_else(|| missing(&at))?;
    let parts = content::read(raw, &at, &mut chat.lost)?;
    match role {
        Role::Assistant => parts
            .into_iter()
            .for_each(|part| said(&mut chat.messages, part)),
        Role::User => chat.user_says(parts),
        Role::System => chat.messages.push(Message {
            role,
            parts,
            id: None,
        }),
    }
    Ok(())
}

/// Items of the model that follow each other are one turn of its.
fn said(messages: &mut Vec<Message>, part: Part) {
    match messages.last_mut() {
        Some(last) if last.role == Role::Assistant => last.parts.push(part),
        _ => messages.push(Message {
            role: Role::Assistant,
            parts: vec![part],
            id: None,
        }),
    }
}

fn answered(item: &mut Fields, parts: Vec<Part>, free: bool, chat: &mut Chat) -> Result<()> {
    let result = CallResult {
        id: item.need("call_id")?,
        parts,
        free,
        ..CallResult::default()
    };
    chat.user_says(vec![Part::Result(result)]);
    Ok(())
}

/// A thought: its summary or its words, and its seal.
fn thoughts(item: &mut Fields, chat: &mut Chat) -> Result<()> {
    let id = item.text("id")?;
    let mut words = |key: &str| -> Result<String> {
        let mut texts = Vec::new();
        for mut part in item.objects(key)?.unwrap_or_default() {
            texts.push(part.text("text")?.unwrap_or_default());
        }
        Ok(texts.join("\n\n"))
    };
    let (summary, raw) = (words("summary")?, words("content")?);
    let seal = item
        .text("encrypted_content")?
        .filter(|data| !data.is_empty())
        .map(|data| seal::read(data, HOME, SealKind::Encrypted));
    let is_summary = raw.is_empty() && !summary.is_empty();
    let text = if is_summary { summary } else { raw };
    if text.is_empty() && seal.is_none() {
        // It is kept at OpenAI, if anywhere: https://github.com/maximhq/bifrost/issues/5410
        chat.lost.push("input.reasoning".into());
        return Ok(());
    }
    let thought = Thought {
        id,
        text,
        summary: is_summary,
        seal,
    };
    said(&mut chat.messages, Part::Thought(thought));
    Ok(())
}

/// Writes every message. `open`: whether thoughts that nobody sealed go back.
pub fn write<'a>(
    messages: &'a [Message],
    open: bool,
    dropped: &mut Dropped,
) -> Result<Vec<Tree<'a>>> {
    let mut out = Vec::new();
    for message in messages {
        match message.role {
            Role::System => spoken("system", &message.parts, &mut out, dropped)?,
            Role::User => spoken("user", &message.parts, &mut out, dropped)?,
            Role::Assistant => model(message, open, &mut out, dropped)?,
        }
    }
    Ok(out)
}

/// Instructions, or a user's turn: outputs first, they follow their calls directly.
fn spoken<'a>(
    role: &'static str,
    parts: &'a [Part],
    out: &mut Vec<Tree<'a>>,
    dropped: &mut Dropped,
) -> Result<()> {
    let mut rest = Vec::new();
    for part in parts {
        match part {
            Part::Result(result) => out.push(output(result, dropped)?),
            // Prompts are cached unasked here.
            Part::CachePoint(_) => dropped.push("messages.content.cache_control".into()),
            Part::Native(native) if native.format == super::NAME => {
                out.push(Tree::from(&native.json))
            }
            other => rest.push(other),
        }
    }
    if !rest.is_empty() || parts.is_empty() {
        out.push(message_of(role, content::write(&rest, dropped)?));
    }
    Ok(())
}

fn message_of<'a>(role: &'static str, content: impl Into<Tree<'a>>) -> Tree<'a> {
    Tree::object([("role", role.into()), ("content", content.into())])
}

fn output<'a>(result: &'a CallResult, dropped: &mut Dropped) -> Result<Tree<'a>> {
    if result.error {
        dropped.push("messages.content.is_error".into());
    }
    let marked = |part: &&Part| matches!(part, Part::CachePoint(_));
    if result.parts.iter().any(|part| marked(&part)) {
        dropped.push("messages.content.cache_control".into());
    }
    let parts: Vec<&Part> = result.parts.iter().filter(|part| !marked(part)).collect();
    let kind = match result.free {
        true => "custom_tool_call_output",
        false => "function_call_output",
    };
    Ok(Tree::object([
        ("type", kind.into()),
        ("call_id", Told::Text(fitting(&result.id)).into()),
        ("output", content::write(&parts, dropped)?),
    ]))
}

/// A turn of the model's.
fn model<'a>(
    message: &'a Message,
    open: bool,
    out: &mut Vec<Tree<'a>>,
    dropped: &mut Dropped,
) -> Result<()> {
    for part in &message.parts {
        match part {
            Part::Text(text) => out.push(message_of("assistant", &text.text)),
            Part::Refusal(text) => {
                let refusal = Tree::said(Some("refusal"), "refusal", text);
                out.push(message_of("assistant", vec![refusal]));
            }
            Part::Call(call) => out.push(write_call(call)),
            Part::Thought(thought) => match write_thought(thought, open) {
                Some(item) => out.push(item.into()),
                None => dropped.push("messages.content.thinking".into()),
            },
            Part::CachePoint(_) => dropped.push("messages.content.cache_control".into()),
            Part::Native(native) if native.format == super::NAME => {
                out.push(Tree::from(&native.json))
            }
            Part::Native(native) => return Err(content::foreign(&native.json, native.format)),
            // Only a message of the user's can show them.
            Part::Media(_) => {
                dropped.push(adapted("messages.role"));
                out.push(message_of("user", content::write(&[part], dropped)?));
            }
            Part::Result(result) => out.push(output(result, dropped)?),
        }
    }
    Ok(())
}

/// A call, in a conversation. Its id as an item only where this format gave it one.
fn write_call(call: &Call) -> Tree<'_> {
    let (kind, key) = match call.free {
        true => ("custom_tool_call", "input"),
        false => ("function_call", "arguments"),
    };
    let mut item = Tree::object([("type", kind.into())]);
    if let Some(id) = &call.item {
        item.push("id", id);
    }
    item.push("call_id", Told::Text(fitting(&call.id)));
    item.push("name", &call.name);
    if let Some(namespace) = &call.namespace {
        item.push("namespace", namespace);
    }
    item.push(key, &call.arguments);
    item
}

/// A thought goes back under its own seal, or as the words of a server that seals nothing. Another's seal is none here,
/// and a bare id would be looked up and not be found: <https://github.com/zed-industries/zed/pull/60132>.
fn write_thought(thought: &Thought, open: bool) -> Option<Value> {
    let mut item = json!({"type": "reasoning"});
    if let Some(id) = &thought.id {
        item["id"] = json!(id);
    }
    let text = &thought.text;
    let summary = match text.is_empty() {
        true => json!([]),
        false => json!([{"type": "summary_text", "text": text}]),
    };
    match &thought.seal {
        Some(Seal {
            issuer: HOME,
            kind: SealKind::Encrypted,
            data,
        }) => {
            item["summary"] = summary;
            item["encrypted_content"] = json!(data);
        }
        Some(_) => return None,
        None if !open || text.is_empty() => return None,
        None if thought.summary => item["summary"] = summary,
        None => {
            item["summary"] = json!([]);
            item["content"] = json!([{"type": "reasoning_text", "text": text}]);
        }
    }
    Some(item)
}

/// The longest id of a call that is taken: <https://platform.openai.com/docs/api-reference/responses/create>.
const LONGEST_ID: usize = 64;

/// An id of a call: others make longer ones. A call and its output are cut alike, and different ones stay different.
fn fitting(id: &str) -> Cow<'_, str> {
    if id.len() <= LONGEST_ID {
        return Cow::Borrowed(id);
    }
    let mark = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let start = &id[..id.floor_char_boundary(LONGEST_ID - 17)];
    Cow::Owned(format!("{start}_{mark:016x}"))
}
