//! Reads a caller's request.

use super::{block, tool};
use crate::chat::{Answer, Chat, Effort, Message, Part, Role, Thinking};
use crate::error::Result;
use crate::formats::document::Document;
use crate::formats::fields::{Fields, missing, unsupported, wrong};
use crate::formats::schema;

pub fn read(document: &Document<'_>) -> Result<Chat> {
    let mut fields = Fields::document(document)?;
    let mut chat = Chat {
        model: fields.text("model")?.unwrap_or_default(),
        stream: fields.flag("stream")?.unwrap_or(false),
        ..Chat::default()
    };
    messages(&mut fields, &mut chat)?;
    tool::read(&mut fields, &mut chat)?;
    thinking(&mut fields, &mut chat)?;
    chat.max_tokens = Some(
        fields
            .count("max_tokens")?
            .ok_or_else(|| missing("max_tokens"))?,
    );
    chat.temperature = fields.number("temperature")?;
    chat.top_p = fields.number("top_p")?;
    chat.top_k = fields.count("top_k")?;
    if let Some(stop) = fields.value("stop_sequences")? {
        chat.stop = serde_json::from_value(stop)
            .map_err(|_| wrong("stop_sequences", "a list of strings"))?;
    }
    if let Some(mut metadata) = fields.object("metadata")? {
        chat.user = metadata.text("user_id")?;
        metadata.rest(&mut chat.lost);
    }
    if fields
        .text("service_tier")?
        .is_some_and(|tier| tier != "auto")
    {
        chat.lost.push("service_tier".into());
    }
    // Without these the rest would mean something else: a thread's further turns hold only what is new, a compaction
    // wants the conversation summed up and not continued.
    for theirs in ["mcp_servers", "container", "thread", "compaction"] {
        if fields.take(theirs).is_some() {
            let what = format!(
                "`{theirs}` runs on Anthropic's side and cannot be translated to another format"
            );
            return Err(unsupported(theirs, &what));
        }
    }
    fields.rest(&mut chat.lost);
    Ok(chat)
}

fn messages(fields: &mut Fields, chat: &mut Chat) -> Result<()> {
    if let Some(system) = fields.take("system") {
        let parts = block::read(system, "system", &mut chat.lost)?;
        if parts
            .iter()
            .any(|part| !matches!(part, Part::Text(_) | Part::CachePoint(_)))
        {
            return Err(wrong("system", "a string or a list of text blocks"));
        }
        if !parts.is_empty() {
            chat.messages.push(Message {
                role: Role::System,
                parts,
                id: None,
            });
        }
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
        let content = message.take("content").ok_or_else(|| missing(&at))?;
        chat.messages.push(Message {
            role,
            parts: block::read(content, &at, &mut chat.lost)?,
            id: None,
        });
        message.rest(&mut chat.lost);
    }
    Ok(())
}

/// `thinking`, and the effort and answer format beside it.
fn thinking(fields: &mut Fields, chat: &mut Chat) -> Result<()> {
    if let Some(mut thinking) = fields.object("thinking")? {
        let at = thinking.path("budget_tokens");
        let budget = thinking.count("budget_tokens")?;
        chat.show_thoughts = thinking.text("display")?.map(|shown| shown != "omitted");
        chat.thinking = Some(match thinking.need("type")?.as_str() {
            "disabled" | "between_tools" => Thinking::Off,
            "adaptive" => Thinking::Adaptive,
            "enabled" => Thinking::Budget(budget.ok_or_else(|| missing(&at))?),
            _ => {
                return Err(wrong(
                    "thinking.type",
                    "`enabled`, `adaptive` or `disabled`",
                ));
            }
        });
        thinking.rest(&mut chat.lost);
    }
    let mut format = fields.object("output_format")?;
    if let Some(mut output) = fields.object("output_config")? {
        if let Some(effort) = output.text("effort")? {
            let effort = Effort::named(&effort).ok_or_else(|| {
                wrong(
                    "output_config.effort",
                    "one of `low`, `medium`, `high`, `xhigh`, `max`",
                )
            })?;
            // Without thinking the effort is about the length of the answer, which others cannot be told.
            match chat.thinking {
                None | Some(Thinking::Adaptive) => chat.thinking = Some(Thinking::Effort(effort)),
                Some(_) => chat.lost.push("output_config.effort".into()),
            }
        }
        format = output.object("format")?.or(format);
        output.rest(&mut chat.lost);
    }
    if let Some(mut format) = format {
        match format.need("type")?.as_str() {
            "json_schema" => {}
            _ => return Err(wrong(&format.path("type"), "`json_schema`")),
        }
        let at = format.path("schema");
        let schema = format.value("schema")?.ok_or_else(|| missing(&at))?;
        let strict = schema::closed(&schema).then_some(true);
        chat.answer = Some(Answer::Schema {
            name: format.text("name")?,
            description: None,
            schema,
            strict,
        });
    }
    Ok(())
}
