//! Reads a caller's request: its top level. Turns, documents and tools have their own files.

use super::{document, message, tool};
use crate::chat::{Answer, Chat, Thinking};
use crate::error::Result;
use crate::formats::document::Document;
use crate::formats::fields::{Fields, unsupported, wrong};
use crate::formats::schema::closed;

/// Reads a caller's request.
pub fn read(document: &Document<'_>) -> Result<Chat> {
    let mut fields = Fields::document(document)?;
    let mut chat = Chat {
        model: fields.text("model")?.unwrap_or_default(),
        stream: fields.flag("stream")?.unwrap_or(false),
        ..Chat::default()
    };
    let messages = fields.need_objects("messages")?;
    message::read(messages, &mut chat)?;
    document::read(&mut fields, &mut chat)?;
    tool::read(&mut fields, &mut chat)?;
    chat.answer = answer(&mut fields, &mut chat.lost)?;
    chat.thinking = thinking(&mut fields, &mut chat.lost)?;
    chat.max_tokens = fields.count("max_tokens")?;
    chat.temperature = fields.number("temperature")?;
    chat.top_p = fields.number("p")?;
    // 0 is all of them.
    chat.top_k = fields.count("k")?.filter(|k| *k > 0);
    chat.seed = fields.whole("seed")?;
    let penalty = |given: Option<f64>| given.filter(|penalty| *penalty != 0.0);
    chat.frequency_penalty = penalty(fields.number("frequency_penalty")?);
    chat.presence_penalty = penalty(fields.number("presence_penalty")?);
    chat.stop = stop(&mut fields)?;
    chat.logprobs = fields.flag("logprobs")?.filter(|wanted| *wanted).map(|_| 0);
    ignore(&mut fields);
    fields.rest(&mut chat.lost);
    Ok(chat)
}

/// What says nothing when it holds its default.
fn ignore(fields: &mut Fields) {
    for (name, default) in [("safety_mode", "\"CONTEXTUAL\""), ("priority", "0")] {
        if fields.peek(name).is_some_and(|raw| raw.get() == default) {
            fields.take(name);
        }
    }
}

fn stop(fields: &mut Fields) -> Result<Vec<String>> {
    let given = fields.value("stop_sequences")?.unwrap_or_default();
    let all = match given.as_array() {
        None if given.is_null() => return Ok(Vec::new()),
        all => all.and_then(|all| {
            all.iter()
                .map(|one| one.as_str().map(str::to_owned))
                .collect()
        }),
    };
    all.ok_or_else(|| wrong("stop_sequences", "a list of strings"))
}

fn answer(fields: &mut Fields, lost: &mut Vec<String>) -> Result<Option<Answer>> {
    let Some(mut format) = fields.object("response_format")? else {
        return Ok(None);
    };
    let answer = match format.need("type")?.as_str() {
        "text" => None,
        "json_object" => {
            let (new, old) = (format.value("json_schema")?, format.value("schema")?);
            Some(match new.or(old) {
                Some(schema) => Answer::Schema {
                    name: None,
                    description: None,
                    // Answers are held to it here; elsewhere only what is closed can be.
                    strict: closed(&schema).then_some(true),
                    schema,
                },
                None => Answer::Json,
            })
        }
        other => {
            return Err(unsupported(
                "response_format.type",
                &format!(
                    "`response_format.type` `{}` is not known; known are `text` and `json_object`",
                    other.escape_debug()
                ),
            ));
        }
    };
    format.rest(lost);
    Ok(answer)
}

fn thinking(fields: &mut Fields, lost: &mut Vec<String>) -> Result<Option<Thinking>> {
    let Some(mut thinking) = fields.object("thinking")? else {
        return Ok(None);
    };
    let (kind, budget) = (thinking.need("type")?, thinking.count("token_budget")?);
    let wanted = match (kind.as_str(), budget) {
        ("disabled", _) => Thinking::Off,
        ("enabled", Some(budget)) => Thinking::Budget(budget),
        ("enabled", None) => Thinking::Adaptive,
        _ => return Err(wrong(&thinking.path("type"), "`enabled` or `disabled`")),
    };
    thinking.rest(lost);
    Ok(Some(wanted))
}
