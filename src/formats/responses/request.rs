//! Reads a caller's request: its top level. Items and tools have their own files.

use super::{items, tool};
use crate::chat::{Answer, Chat, Effort, Message, Role, Thinking};
use crate::error::Result;
use crate::formats::document::Document;
use crate::formats::fields::{Fields, missing, unsupported, wrong};

/// What an upstream would have to keep or run, and what is then refused.
const HELD: [(&str, &str); 4] = [
    (
        "previous_response_id",
        "the response before this one is not kept by the provider; send its items as `input`",
    ),
    (
        "conversation",
        "the conversation is not kept by the provider; send its items as `input`",
    ),
    (
        "prompt",
        "a prompt that OpenAI keeps cannot be translated to another format",
    ),
    (
        "context_management",
        "context that is managed on OpenAI's side cannot be translated to another format",
    ),
];

/// Reads a caller's request.
pub fn read(document: &Document<'_>) -> Result<Chat> {
    let mut fields = Fields::document(document)?;
    for (name, why) in HELD {
        if fields.take(name).is_some() {
            return Err(unsupported(name, why));
        }
    }
    if fields.flag("background")? == Some(true) {
        return Err(unsupported(
            "background",
            "a response in the background cannot be translated to another format",
        ));
    }
    let mut chat = Chat {
        model: fields.text("model")?.unwrap_or_default(),
        stream: fields.flag("stream")?.unwrap_or(false),
        ..Chat::default()
    };
    if let Some(text) = fields
        .words("instructions")?
        .filter(|text| !text.is_empty())
    {
        chat.messages.push(Message::text(Role::System, text));
    }
    tool::read(
        fields.objects("tools")?.unwrap_or_default(),
        None,
        &mut chat,
    )?;
    let input = fields.take("input").ok_or_else(|| missing("input"))?;
    items::read(input, &mut chat)?;
    chat.tool_choice = tool::choice(&mut fields)?;
    chat.parallel_calls = fields.flag("parallel_tool_calls")?;
    text(&mut fields, &mut chat)?;
    reasoning(&mut fields, &mut chat)?;
    chat.max_tokens = fields.count("max_output_tokens")?;
    chat.temperature = fields.number("temperature")?;
    chat.top_p = fields.number("top_p")?;
    include(&mut fields, &mut chat)?;
    let (user, safety) = (fields.text("user")?, fields.text("safety_identifier")?);
    chat.user = user.or(safety);
    chat.metadata = fields
        .value("metadata")?
        .filter(|given| given.as_object().is_none_or(|given| !given.is_empty()));
    chat.tier = fields.text("service_tier")?.filter(|tier| tier != "auto");
    chat.cache_key = fields.text("prompt_cache_key")?;
    // Nothing is kept on the way; what says no more than that is not missed.
    if fields.flag("store")? == Some(true) {
        chat.lost.push("store".into());
    }
    if fields
        .text("truncation")?
        .is_some_and(|how| how != "disabled")
    {
        chat.lost.push("truncation".into());
    }
    fields.take("stream_options");
    fields.rest(&mut chat.lost);
    Ok(chat)
}

/// What the answer is to look like.
fn text(fields: &mut Fields, chat: &mut Chat) -> Result<()> {
    let Some(mut text) = fields.object("text")? else {
        return Ok(());
    };
    chat.verbosity = text.text("verbosity")?;
    if let Some(mut format) = text.object("format")? {
        chat.answer = match format.need("type")?.as_str() {
            "text" => None,
            "json_object" => Some(Answer::Json),
            "json_schema" => {
                let at = format.path("schema");
                Some(Answer::Schema {
                    name: format.text("name")?.filter(|name| !name.is_empty()),
                    description: format.text("description")?,
                    schema: format.value("schema")?.ok_or_else(|| missing(&at))?,
                    strict: format.flag("strict")?,
                })
            }
            other => {
                return Err(unsupported(
                    &format.path("type"),
                    &format!(
                        "`text.format.type` `{}` is not known; known are `text`, `json_object` and `json_schema`",
                        other.escape_debug()
                    ),
                ));
            }
        };
        format.rest(&mut chat.lost);
    }
    text.rest(&mut chat.lost);
    Ok(())
}

/// How much the model thinks, and whether that is shown.
fn reasoning(fields: &mut Fields, chat: &mut Chat) -> Result<()> {
    let Some(mut reasoning) = fields.object("reasoning")? else {
        return Ok(());
    };
    chat.thinking = match reasoning.text("effort")?.as_deref() {
        None => None,
        Some("none") => Some(Thinking::Off),
        Some(name) => Some(Thinking::Effort(Effort::named(name).ok_or_else(|| {
            wrong(
                "reasoning.effort",
                "one of `none`, `minimal`, `low`, `medium`, `high`, `xhigh`, `max`",
            )
        })?)),
    };
    let old = reasoning.text("generate_summary")?;
    chat.show_thoughts = reasoning.text("summary")?.or(old).map(|how| how != "none");
    reasoning.rest(&mut chat.lost);
    Ok(())
}

/// What is wanted beside the answer. Thoughts are always sealed where they can be.
fn include(fields: &mut Fields, chat: &mut Chat) -> Result<()> {
    let wanted: Vec<String> = match fields.value("include")? {
        None => Vec::new(),
        Some(list) => {
            serde_json::from_value(list).map_err(|_| wrong("include", "a list of strings"))?
        }
    };
    let top = fields.count("top_logprobs")?;
    for name in wanted {
        match name.as_str() {
            "reasoning.encrypted_content" => {}
            "message.output_text.logprobs" => chat.logprobs = Some(top.unwrap_or(0)),
            _ => chat.lost.push("include".into()),
        }
    }
    if chat.logprobs.is_none() && top.is_some_and(|top| top > 0) {
        chat.logprobs = top;
    }
    Ok(())
}
