//! Writes the request for an upstream: its top level. Items and tools have their own files.

use super::{items, tool};
use crate::chat::{Answer, Chat};
use crate::error::Result;
use crate::formats::fields::{adapted, dedup, unsupported};
use crate::formats::names::{self, Knows};
use crate::formats::openai::{effort, sampling};
use crate::formats::written::{Object, Tree, write_list};
use crate::formats::{Dropped, Target, Written};
use serde_json::{Map, Value, json};

/// The shortest limit that is taken: <https://platform.openai.com/docs/api-reference/responses/create>.
const LEAST_TOKENS: u64 = 16;

/// Writes the request for an upstream. Nothing is kept there: the conversation is the caller's to bring.
pub fn write(chat: &Chat, target: &Target<'_>) -> Result<Written> {
    refuse(chat)?;
    let (quirks, takes) = (target.quirks, target.takes);
    let mut dropped: Dropped = chat.lost.clone();
    let knows = Knows {
        free: quirks.extras,
        namespaces: quirks.extras,
        any_name: true,
    };
    let chat = &*names::plain(chat, knows, &mut dropped);
    let mut body = Map::new();
    let input = items::write(&chat.messages, quirks.thoughts.is_some(), &mut dropped)?;
    tool::write(chat, &mut body, &mut dropped)?;
    text(chat, &mut body);
    if let Some(limit) = chat.max_tokens {
        if limit < LEAST_TOKENS {
            dropped.push(adapted("max_tokens"));
        }
        body.insert("max_output_tokens".into(), json!(limit.max(LEAST_TOKENS)));
    }
    reasoning(chat, target, &mut body, &mut dropped);
    drawn(chat, target, &mut body, &mut dropped);
    for (name, given) in [
        ("user", &chat.user),
        ("service_tier", &chat.tier),
        ("prompt_cache_key", &chat.cache_key),
    ] {
        body.extend(given.as_ref().map(|given| (name.to_owned(), json!(given))));
    }
    body.extend(
        chat.metadata
            .as_ref()
            .map(|given| ("metadata".to_owned(), given.clone())),
    );
    let mut include = Vec::new();
    // So that a thought can go back with the next turn.
    if quirks.seals_reasoning && !takes.efforts.is_empty() {
        include.push("reasoning.encrypted_content");
    }
    if let Some(top) = chat.logprobs {
        include.push("message.output_text.logprobs");
        body.insert("top_logprobs".into(), json!(top));
    }
    if !include.is_empty() {
        body.insert("include".into(), json!(include));
    }
    if chat.store == Some(true) {
        dropped.push("store".into());
    }
    body.insert("store".into(), json!(false));
    if chat.stream {
        body.insert("stream".into(), json!(true));
    }
    dedup(&mut dropped);
    let mut out = Vec::with_capacity(chat.room());
    let mut written = Object::begin(&mut out);
    written.text("model", target.model);
    write_list(&input, written.key("input"), Tree::put);
    for (name, value) in &body {
        written.member(name, value);
    }
    written.end();
    Ok(Written { body: out, dropped })
}

/// What would change the answer if it were left out.
fn refuse(chat: &Chat) -> Result<()> {
    let refused = |path: &str, what: &str| {
        Err(unsupported(
            path,
            &format!("{what} in the format of OpenAI's Responses"),
        ))
    };
    if chat.count.is_some_and(|count| count > 1) {
        return refused("n", "there is one answer at a time, so `n` must be 1,");
    }
    if !chat.stop.is_empty() {
        return refused("stop", "there are no stop sequences");
    }
    if chat.audio.is_some() {
        return refused("audio", "there are no spoken answers");
    }
    if chat.images {
        return refused("modalities", "there are no images without a tool for them");
    }
    Ok(())
}

/// What the answer is to look like.
fn text(chat: &Chat, body: &mut Map<String, Value>) {
    let mut text = Map::new();
    match &chat.answer {
        None => {}
        Some(Answer::Json) => _ = text.insert("format".into(), json!({"type": "json_object"})),
        Some(Answer::Schema {
            name,
            description,
            schema,
            strict,
        }) => {
            let mut format = json!({"type": "json_schema", "name": name.as_deref().unwrap_or("response"), "schema": schema});
            if let Some(description) = description {
                format["description"] = json!(description);
            }
            format["strict"] = json!(strict.unwrap_or(false));
            text.insert("format".into(), format);
        }
    }
    text.extend(
        chat.verbosity
            .as_ref()
            .map(|given| ("verbosity".to_owned(), json!(given))),
    );
    if !text.is_empty() {
        body.insert("text".into(), Value::Object(text));
    }
}

/// How much the model thinks, and whether that is shown.
fn reasoning(
    chat: &Chat,
    target: &Target<'_>,
    body: &mut Map<String, Value>,
    dropped: &mut Dropped,
) {
    let mut asked = Map::new();
    effort(chat.thinking, target.takes, &mut asked, dropped);
    let mut reasoning = Map::new();
    reasoning.extend(
        asked
            .remove("reasoning_effort")
            .map(|effort| ("effort".to_owned(), effort)),
    );
    if chat.show_thoughts == Some(true) && !target.takes.efforts.is_empty() {
        reasoning.insert("summary".into(), json!("auto"));
    }
    if !reasoning.is_empty() {
        body.insert("reasoning".into(), Value::Object(reasoning));
    }
}

/// What shapes the draw of words: as in the chat format, without what this one does not have.
fn drawn(chat: &Chat, target: &Target<'_>, body: &mut Map<String, Value>, dropped: &mut Dropped) {
    let mut all = Map::new();
    sampling(chat, target.takes, &mut all, dropped);
    for (name, value) in all {
        match name.as_str() {
            "temperature" | "top_p" => _ = body.insert(name, value),
            _ => dropped.push(name),
        }
    }
    if chat.seed.is_some() {
        dropped.push("seed".into());
    }
}
