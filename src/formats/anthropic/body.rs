//! Writes the request for an upstream: its top level. Turns, tools and thinking have their own files.

use super::block::Block;
use super::marks;
use super::thinking::{self, output};
use super::tool::{self, Declaration};
use super::turns::{self, Turn};
use crate::chat::{Answer, Chat};
use crate::error::Result;
use crate::formats::fields::{adapted, dedup, unsupported};
use crate::formats::names::{self, Knows};
use crate::formats::written::{Object, write_list};
use crate::formats::{Dropped, Target, Written, schema};
use serde_json::{Map, Value, json};
use std::borrow::Cow;

/// The longest `metadata.user_id`: <https://platform.claude.com/docs/en/api/messages>.
const LONGEST_USER: usize = 512;

/// Writes the request for an upstream.
pub fn write(chat: &Chat, target: &Target<'_>) -> Result<Written> {
    if chat.count.is_some_and(|count| count > 1) {
        return Err(unsupported(
            "n",
            "an Anthropic model gives one answer at a time, so `n` must be 1",
        ));
    }
    for (name, wanted, what) in [
        ("logprobs", chat.logprobs.is_some(), "likelihoods of tokens"),
        ("audio", chat.audio.is_some(), "a spoken answer"),
        ("modalities", chat.images, "images in an answer"),
    ] {
        if wanted {
            let what = format!("{what} cannot be asked of an Anthropic model");
            return Err(unsupported(name, &what));
        }
    }
    let takes = target.takes;
    let mut dropped: Dropped = chat.lost.clone();
    let chat = &*names::plain(chat, Knows::FUNCTIONS, &mut dropped);
    let within = marks::within(chat);
    if matches!(within, Cow::Owned(_)) {
        dropped.push(adapted("cache_control"));
    }
    let chat = &*within;
    let mut rest = Map::new();
    let (mut system, messages) = turns::write(chat, takes, &mut dropped)?;
    let (tools, said) = tool::write(chat, takes, &mut rest, &mut dropped);
    let forced = takes.forced_tool && tool::forced(chat).is_some();
    let (max_tokens, thinks) = thinking::write(chat, takes, forced, &mut rest, &mut dropped);
    thinking::sampling(chat, takes, thinks, &mut rest, &mut dropped);
    stop(chat, &mut rest, &mut dropped);
    others(chat, &mut rest, &mut dropped);
    let answer = answer(chat, takes.schemas, &mut rest, &mut dropped);
    system.extend(said.into_iter().chain(answer).map(Block::text));
    if chat.stream {
        rest.insert("stream".into(), json!(true));
    }
    let mut out = Vec::with_capacity(chat.room());
    let mut body = Object::begin(&mut out);
    body.text("model", target.model);
    body.member("max_tokens", &max_tokens);
    let alone = match &*system {
        [one] => one.only_text(),
        _ => None,
    };
    match alone {
        Some(text) => text.put(body.key("system")),
        None if system.is_empty() => {}
        None => write_list(&system, body.key("system"), Block::put),
    }
    write_list(&messages, body.key("messages"), Turn::put);
    if let Some(tools) = &tools {
        write_list(tools, body.key("tools"), Declaration::put);
    }
    for (name, value) in &rest {
        body.member(name, value);
    }
    body.end();
    dedup(&mut dropped);
    Ok(Written { body: out, dropped })
}

/// The shape of the answer. Gives what has to be asked for in words.
fn answer(
    chat: &Chat,
    schemas: bool,
    rest: &mut Map<String, Value>,
    dropped: &mut Dropped,
) -> Option<String> {
    match chat.answer.as_ref()? {
        // Any object at all cannot be asked for with a schema (it must be closed), only with words.
        Answer::Json => {
            dropped.push(adapted("response_format"));
            Some("Answer with a single JSON object and nothing else.".to_owned())
        }
        Answer::Schema { schema, .. } => match schemas.then(|| schema::held(schema)).flatten() {
            Some(held) => {
                if held.adapted {
                    dropped.push(adapted("response_format.json_schema.schema"));
                }
                let format = json!({"type": "json_schema", "schema": held.schema});
                output(rest, "format", format);
                None
            }
            None => {
                dropped.push(adapted("response_format"));
                Some(format!(
                    "Answer with a single JSON value that fits this JSON Schema, and nothing else:\n{schema}"
                ))
            }
        },
    }
}

/// Stop sequences of nothing but blanks are refused: <https://github.com/BerriAI/litellm/issues/3286>.
fn stop(chat: &Chat, rest: &mut Map<String, Value>, dropped: &mut Dropped) {
    let seen = |stop: &&String| !stop.trim().is_empty();
    let stops: Vec<&String> = chat.stop.iter().filter(seen).collect();
    if stops.len() < chat.stop.len() {
        dropped.push("stop".into());
    }
    if !stops.is_empty() {
        rest.insert("stop_sequences".into(), json!(stops));
    }
}

fn others(chat: &Chat, rest: &mut Map<String, Value>, dropped: &mut Dropped) {
    for (name, given) in [
        ("seed", chat.seed.is_some()),
        ("frequency_penalty", chat.frequency_penalty.is_some()),
        ("presence_penalty", chat.presence_penalty.is_some()),
        ("metadata", chat.metadata.is_some()),
        ("service_tier", chat.tier.is_some()),
        ("verbosity", chat.verbosity.is_some()),
        ("prompt_cache_key", chat.cache_key.is_some()),
        ("store", chat.store == Some(true)),
    ] {
        if given {
            dropped.push(name.to_owned());
        }
    }
    match &chat.user {
        Some(user) if user.chars().count() > LONGEST_USER => dropped.push("user".into()),
        Some(user) => _ = rest.insert("metadata".into(), json!({"user_id": user})),
        None => {}
    }
}
