//! Writes the request for an upstream: its top level. Turns, documents and tools have their own files.

use super::{message, tool};
use crate::chat::{Answer, Chat, Takes, Thinking};
use crate::error::Result;
use crate::formats::fields::{adapted, dedup, unsupported};
use crate::formats::names::{self, Knows};
use crate::formats::written::{Object, Tree, write_list};
use crate::formats::{Dropped, Target, Written};
use serde_json::{Map, Value, json};

/// The most stop sequences: <https://docs.cohere.com/reference/chat>.
const STOPS: usize = 5;

/// Writes the request for an upstream.
pub fn write(chat: &Chat, target: &Target<'_>) -> Result<Written> {
    refuse(chat)?;
    let mut dropped: Dropped = chat.lost.clone();
    let chat = &*names::plain(chat, Knows::FUNCTIONS, &mut dropped);
    let mut body = Map::new();
    let (messages, documents) = message::write(&chat.messages, &mut dropped)?;
    tool::write(chat, &mut body, &mut dropped)?;
    let mut put = |key: &str, value: Option<Value>| {
        value.and_then(|value| body.insert(key.to_owned(), value))
    };
    put("response_format", chat.answer.as_ref().map(response_format));
    put("max_tokens", chat.max_tokens.map(Value::from));
    put("seed", chat.seed.map(Value::from));
    put("logprobs", chat.logprobs.map(|_| json!(true)));
    put("stream", chat.stream.then(|| json!(true)));
    if chat.logprobs.is_some_and(|top| top > 0) {
        dropped.push(adapted("top_logprobs"));
    }
    thinking(chat.thinking, target.takes, &mut body, &mut dropped);
    sampling(chat, &mut body, &mut dropped);
    others(chat, &mut dropped);
    dedup(&mut dropped);
    let mut out = Vec::with_capacity(chat.room());
    let mut written = Object::begin(&mut out);
    written.text("model", target.model);
    write_list(&messages, written.key("messages"), Tree::put);
    if !documents.is_empty() {
        write_list(&documents, written.key("documents"), Tree::put);
    }
    for (name, value) in &body {
        written.member(name, value);
    }
    written.end();
    Ok(Written { body: out, dropped })
}

/// What an answer of a Cohere model cannot be.
fn refuse(chat: &Chat) -> Result<()> {
    if chat.count.is_some_and(|count| count > 1) {
        return Err(unsupported(
            "n",
            "a Cohere model gives one answer at a time, so `n` must be 1",
        ));
    }
    for (name, wanted, what) in [
        ("audio", chat.audio.is_some(), "a spoken answer"),
        ("modalities", chat.images, "images in an answer"),
    ] {
        if wanted {
            let what = format!("{what} cannot be asked of a Cohere model");
            return Err(unsupported(name, &what));
        }
    }
    Ok(())
}

fn response_format(answer: &Answer) -> Value {
    match answer {
        Answer::Json => json!({"type": "json_object"}),
        Answer::Schema { schema, .. } => json!({"type": "json_object", "json_schema": schema}),
    }
}

/// How much is thought is a number of tokens: <https://docs.cohere.com/docs/reasoning>.
fn thinking(
    wanted: Option<Thinking>,
    takes: &Takes,
    body: &mut Map<String, Value>,
    dropped: &mut Dropped,
) {
    let budget = match wanted {
        None => return,
        // It does not think.
        Some(Thinking::Off) if takes.efforts.is_empty() => return,
        Some(_) if takes.efforts.is_empty() => return dropped.push("thinking".into()),
        Some(Thinking::Off) => {
            body.insert("thinking".into(), json!({"type": "disabled"}));
            return;
        }
        Some(Thinking::Adaptive) => None,
        Some(Thinking::Budget(budget)) => Some(budget),
        Some(Thinking::Effort(effort)) => {
            dropped.push(adapted("reasoning_effort"));
            Some(effort.budget())
        }
    };
    let mut thinking = json!({"type": "enabled"});
    // It must be positive.
    if let Some(budget) = budget.filter(|budget| *budget > 0) {
        thinking["token_budget"] = json!(budget);
    }
    body.insert("thinking".into(), thinking);
}

/// What shapes the draw of words, and where it stops. What is beyond what can be said becomes the nearest that can be;
/// <https://docs.cohere.com/reference/chat>, for temperatures <https://docs.cohere.com/docs/temperature>.
fn sampling(chat: &Chat, body: &mut Map<String, Value>, dropped: &mut Dropped) {
    for (name, own, value, range) in [
        ("temperature", "temperature", chat.temperature, 0.0..=1.0),
        ("top_p", "p", chat.top_p, 0.01..=0.99),
        (
            "frequency_penalty",
            "frequency_penalty",
            chat.frequency_penalty,
            0.0..=1.0,
        ),
        (
            "presence_penalty",
            "presence_penalty",
            chat.presence_penalty,
            0.0..=1.0,
        ),
    ] {
        let Some(value) = value else {
            continue;
        };
        if !range.contains(&value) {
            dropped.push(adapted(name));
        }
        let near = value.clamp(*range.start(), *range.end());
        body.insert(own.into(), json!(near));
    }
    if let Some(top_k) = chat.top_k {
        const MOST: u64 = 500;
        if top_k > MOST {
            dropped.push(adapted("top_k"));
        }
        body.insert("k".into(), json!(top_k.min(MOST)));
    }
    let stop = &chat.stop[..chat.stop.len().min(STOPS)];
    if stop.len() < chat.stop.len() {
        dropped.push(adapted("stop"));
    }
    if !stop.is_empty() {
        body.insert("stop_sequences".into(), json!(stop));
    }
}

/// What there is no word for.
fn others(chat: &Chat, dropped: &mut Dropped) {
    for (name, given) in [
        ("user", chat.user.is_some()),
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
}
