//! Writes the request for an upstream: its top level. Turns, tools and the configuration have their own files.

use super::part::Written as Part;
use super::turns::{self, Content};
use super::{config, tool};
use crate::chat::Chat;
use crate::error::{Error, Result};
use crate::formats::fields::{dedup, unsupported};
use crate::formats::names::{self, Knows};
use crate::formats::{Dropped, Target, Written};
use serde::Serialize;
use serde_json::{Map, Value, json};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    contents: Vec<Content>,
    #[serde(skip_serializing_if = "Option::is_none")]
    system_instruction: Option<Instruction>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Serialize)]
struct Instruction {
    parts: Vec<Part>,
}

/// Writes the request for an upstream. Its model and whether it streams stand in the path.
pub fn write(chat: &Chat, target: &Target<'_>) -> Result<Written> {
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
    let body = Body {
        contents,
        system_instruction: (!system.is_empty()).then_some(Instruction { parts: system }),
        rest,
    };
    dedup(&mut dropped);
    let body = serde_json::to_vec(&body).map_err(|cause| {
        Error::internal("the translated request cannot be written").cause(cause)
    })?;
    Ok(Written { body, dropped })
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
