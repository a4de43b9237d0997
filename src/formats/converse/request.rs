//! Reads a caller's request.

use super::{block, config, tool};
use crate::chat::{Chat, Message, Part, Role};
use crate::error::Result;
use crate::formats::document::Document;
use crate::formats::fields::{Fields, missing, unsupported, wrong};

/// The model and whether the answer is streamed stand in the path.
pub fn read(document: &Document<'_>) -> Result<Chat> {
    let mut fields = Fields::document(document)?;
    let mut chat = Chat::default();
    // What stands in for words, and what watches over them, is kept in the caller's account there.
    for (theirs, what) in [
        ("promptVariables", "a prompt that Amazon Bedrock keeps"),
        ("guardrailConfig", "a guardrail of Amazon Bedrock"),
    ] {
        let idle = fields.peek(theirs).is_none_or(|raw| raw.get() == "{}");
        fields.take(theirs).filter(|_| !idle).map_or(Ok(()), |_| {
            let what = format!("{what} cannot be applied by another provider");
            Err(unsupported(theirs, &what))
        })?;
    }
    messages(&mut fields, &mut chat)?;
    tool::read(&mut fields, &mut chat)?;
    config::read(&mut fields, &mut chat)?;
    fields.rest(&mut chat.lost);
    Ok(chat)
}

fn messages(fields: &mut Fields, chat: &mut Chat) -> Result<()> {
    if let Some(system) = fields.list("system")? {
        let parts = block::read(system, "system", &mut chat.lost)?;
        if parts
            .iter()
            .any(|part| !matches!(part, Part::Text(_) | Part::CachePoint(_)))
        {
            return Err(wrong("system", "a list of text blocks"));
        }
        push(chat, Role::System, parts);
    }
    for mut message in fields.need_objects("messages")? {
        let role = match message.need("role")?.as_str() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" => Role::System,
            _ => {
                return Err(wrong(
                    &message.path("role"),
                    "`user`, `assistant` or `system`",
                ));
            }
        };
        let at = message.path("content");
        let content = message.list("content")?.ok_or_else(|| missing(&at))?;
        let parts = block::read(content, &at, &mut chat.lost)?;
        push(chat, role, parts);
        message.rest(&mut chat.lost);
    }
    Ok(())
}

fn push(chat: &mut Chat, role: Role, parts: Vec<Part>) {
    if !parts.is_empty() {
        chat.messages.push(Message {
            role,
            parts,
            id: None,
        });
    }
}
