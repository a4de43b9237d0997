//! Reads a caller's request.

use super::{config, part, proto, tool};
use crate::chat::{Chat, Message, Part, Role};
use crate::error::Result;
use crate::formats::document::Document;
use crate::formats::fields::{Fields, missing, unsupported, wrong};

/// The model and whether the answer is streamed stand in the path.
pub fn read(document: &Document<'_>) -> Result<Chat> {
    let mut fields = proto::document(document)?;
    let mut chat = Chat::default();
    fields.take("model");
    if fields.take("cachedContent").is_some() {
        return Err(unsupported(
            "cachedContent",
            "what Google keeps cannot be sent to another provider",
        ));
    }
    messages(&mut fields, &mut chat)?;
    tool::read(&mut fields, &mut chat)?;
    config::read(&mut fields, &mut chat)?;
    chat.store = fields.flag("store")?;
    let tiers = ["unspecified", "standard", "flex", "priority"];
    let tier = proto::word(&mut fields, "serviceTier", &tiers)?;
    chat.tier = tier
        .map(|tier| tier.to_ascii_lowercase())
        .filter(|tier| tier != "unspecified");
    // Settings that say nothing.
    for list in ["safetySettings", "toolConfig", "labels"] {
        if fields
            .peek(list)
            .is_some_and(|raw| matches!(raw.get(), "[]" | "{}"))
        {
            fields.take(list);
        }
    }
    fields.rest(&mut chat.lost);
    Ok(chat)
}

fn messages(fields: &mut Fields, chat: &mut Chat) -> Result<()> {
    let mut calls = part::Calls::default();
    if let Some(mut system) = proto::object(fields, "systemInstruction")? {
        let mut parts = parts(&mut system, &mut calls, &mut chat.lost)?;
        // Clients mark what is none as no thought, or as one.
        for part in &mut parts {
            if let Part::Thought(thought) = part {
                *part = Part::text(std::mem::take(&mut thought.text));
            }
        }
        if parts.iter().any(|part| !matches!(part, Part::Text(_))) {
            return Err(wrong("systemInstruction", "text"));
        }
        push(chat, Role::System, parts);
        system.take("role");
        system.rest(&mut chat.lost);
    }
    let contents = proto::objects(fields, "contents")?.ok_or_else(|| missing("contents"))?;
    for mut content in contents {
        let role = match content.text("role")?.as_deref() {
            None | Some("" | "user" | "function") => Role::User,
            Some("model") => Role::Assistant,
            Some("system") => Role::System,
            Some(_) => return Err(wrong(&content.path("role"), "`user` or `model`")),
        };
        let parts = parts(&mut content, &mut calls, &mut chat.lost)?;
        push(chat, role, parts);
        content.rest(&mut chat.lost);
    }
    Ok(())
}

fn parts(
    content: &mut Fields,
    calls: &mut part::Calls,
    lost: &mut Vec<String>,
) -> Result<Vec<Part>> {
    let at = content.path("parts");
    let mut parts = Vec::new();
    for (i, raw) in proto::list(content, "parts")?
        .unwrap_or_default()
        .into_iter()
        .enumerate()
    {
        parts.extend(part::read(raw, format!("{at}[{i}]"), calls, lost)?);
    }
    Ok(parts)
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
