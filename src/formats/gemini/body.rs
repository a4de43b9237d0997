//! Writes the request for an upstream: its top level. Turns, tools and the configuration have their own files.

use super::part::Written;
use super::turns::{self, Content};
use super::{config, tool};
use crate::chat::Chat;
use crate::error::Result;
use crate::formats::fields::{dedup, unsupported};
use crate::formats::names::{self, Knows};
use crate::formats::written::{Object, write_list};
use crate::formats::{self, Dropped, Target};
use serde_json::{Map, Value, json};

/// Writes the request for an upstream. Its model and whether it streams stand in the path.
pub fn write(chat: &Chat, target: &Target<'_>) -> Result<formats::Written> {
    if chat.count.is_some_and(|count| count > 1) {
        return Err(unsupported(
            "n",
            "only one answer of a Gemini model can be translated, so `n` must be 1",
        ));
    }
    let mut dropped: Dropped = chat.lost.clone();
    let chat = &*names::plain(chat, Knows::FUNCTIONS, &mut dropped);
    let mut rest = Map::new();
    let (system, contents) = turns::write(chat, target.takes, &mut dropped)?;
    tool::write(chat, &mut rest, &mut dropped)?;
    let config = config::write(chat, target.takes, &mut dropped);
    if !config.is_empty() {
        rest.insert("generationConfig".into(), Value::Object(config));
    }
    others(chat, &mut rest, &mut dropped);
    let mut out = Vec::with_capacity(chat.room());
    let mut body = Object::begin(&mut out);
    write_list(&contents, body.key("contents"), Content::put);
    if !system.is_empty() {
        let mut instruction = Object::begin(body.key("systemInstruction"));
        write_list(&system, instruction.key("parts"), Written::put);
        instruction.end();
    }
    for (name, value) in &rest {
        body.member(name, value);
    }
    body.end();
    dedup(&mut dropped);
    Ok(formats::Written { body: out, dropped })
}

fn others(chat: &Chat, rest: &mut Map<String, Value>, dropped: &mut Dropped) {
    match chat.tier.as_deref() {
        None | Some("auto") => {}
        Some("default" | "standard" | "standard_only") => {
            rest.insert("serviceTier".into(), json!("standard"));
        }
        Some(tier @ ("flex" | "priority")) => {
            rest.insert("serviceTier".into(), json!(tier));
        }
        Some(_) => dropped.push("service_tier".into()),
    }
    if let Some(store) = chat.store {
        rest.insert("store".into(), json!(store));
    }
    for (name, given) in [
        ("user", chat.user.is_some()),
        ("metadata", chat.metadata.is_some()),
        ("verbosity", chat.verbosity.is_some()),
        ("prompt_cache_key", chat.cache_key.is_some()),
    ] {
        if given {
            dropped.push(name.to_owned());
        }
    }
}
