//! The request's top level, both directions; messages, content and tools have their own files.

use super::{message, tool};
use crate::chat::{Answer, Audio, Chat, Effort, Off, Sampling, Takes, Thinking};
use crate::error::Result;
use crate::formats::document::Document;
use crate::formats::fields::{Fields, adapted, dedup, missing, unsupported, wrong};
use crate::formats::names::{self, Knows};
use crate::formats::written::{Object, Tree, write_list};
use crate::formats::{Dropped, StreamUsage, Target, Written};
use serde_json::{Map, Value, json};

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
    tool::read(&mut fields, &mut chat)?;
    chat.answer = answer(&mut fields, &mut chat.lost)?;
    chat.thinking = thinking(&mut fields, &mut chat.lost)?;
    let old_limit = fields.count("max_tokens")?;
    chat.max_tokens = fields.count("max_completion_tokens")?.or(old_limit);
    chat.temperature = fields.number("temperature")?;
    chat.top_p = fields.number("top_p")?;
    chat.top_k = fields.count("top_k")?;
    chat.seed = fields.whole("seed")?;
    chat.frequency_penalty = fields
        .number("frequency_penalty")?
        .filter(|penalty| *penalty != 0.0);
    chat.presence_penalty = fields
        .number("presence_penalty")?
        .filter(|penalty| *penalty != 0.0);
    chat.stop = stop(&mut fields)?;
    chat.count = fields.count("n")?.filter(|n| *n != 1);
    let (user, safety) = (fields.text("user")?, fields.text("safety_identifier")?);
    chat.user = user.or(safety);
    media_out(&mut fields, &mut chat)?;
    chat.logprobs = match (fields.flag("logprobs")?, fields.count("top_logprobs")?) {
        (Some(true), top) => Some(top.unwrap_or(0)),
        _ => None,
    };
    chat.metadata = fields
        .value("metadata")?
        .filter(|given| given != &json!({}));
    chat.tier = fields.text("service_tier")?.filter(|tier| tier != "auto");
    chat.verbosity = fields.text("verbosity")?;
    chat.cache_key = fields.text("prompt_cache_key")?;
    chat.store = fields.flag("store")?;
    ignore(&mut fields, &mut chat.lost)?;
    Ok(chat)
}

/// Answers in more than text: <https://platform.openai.com/docs/guides/audio>, and images as OpenRouter has them asked
/// for: <https://openrouter.ai/docs/features/multimodal/image-generation>.
fn media_out(fields: &mut Fields, chat: &mut Chat) -> Result<()> {
    if fields.take("web_search_options").is_some() {
        return Err(unsupported(
            "web_search_options",
            "`web_search_options` is a tool of OpenAI's own and cannot be translated to another format",
        ));
    }
    if let Some(mut audio) = fields.object("audio")? {
        let at = audio.path("voice");
        chat.audio = Some(Audio {
            // A name, or an object that names one of the caller's own.
            voice: match audio.value("voice")? {
                Some(Value::String(name)) => name,
                Some(other) => other["id"].as_str().unwrap_or_default().to_owned(),
                None => return Err(missing(&at)),
            },
            format: audio.need("format")?,
        });
    }
    let Some(Value::Array(kinds)) = fields.value("modalities")? else {
        return Ok(());
    };
    for kind in &kinds {
        match kind.as_str() {
            Some("text") => {}
            Some("audio") if chat.audio.is_some() => {}
            Some("image") => chat.images = true,
            _ => {
                return Err(unsupported(
                    "modalities",
                    "answers of this kind cannot be translated to another format",
                ));
            }
        }
    }
    Ok(())
}

/// What says nothing when it holds its default; everything else left over is reported as lost.
fn ignore(fields: &mut Fields, lost: &mut Vec<String>) -> Result<()> {
    // The gateway asks for usage by itself, and knows from its own look at the body whether the caller did.
    fields.take("stream_options");
    if fields
        .take("logit_bias")
        .is_some_and(|raw| raw.get() != "{}")
    {
        lost.push("logit_bias".to_owned());
    }
    fields.rest(lost);
    Ok(())
}

fn stop(fields: &mut Fields) -> Result<Vec<String>> {
    match fields.value("stop")? {
        None => Ok(Vec::new()),
        Some(Value::String(one)) => Ok(vec![one]),
        Some(Value::Array(many)) => many
            .into_iter()
            .map(|one| {
                one.as_str()
                    .map(str::to_owned)
                    .ok_or_else(|| wrong("stop", "a string or a list of strings"))
            })
            .collect(),
        Some(_) => Err(wrong("stop", "a string or a list of strings")),
    }
}

fn answer(fields: &mut Fields, lost: &mut Vec<String>) -> Result<Option<Answer>> {
    let Some(mut format) = fields.object("response_format")? else {
        return Ok(None);
    };
    let answer = match format.need("type")?.as_str() {
        "text" => None,
        "json_object" => match format.value("schema")? {
            // As Fireworks, Together and llama.cpp take it.
            Some(schema) => Some(Answer::Schema {
                name: None,
                description: None,
                schema,
                strict: None,
            }),
            None => Some(Answer::Json),
        },
        "json_schema" => {
            // Some take what belongs into the wrapper beside the type.
            match format.take("json_schema") {
                Some(raw) => Some(schema(
                    &mut Fields::of(raw, format.path("json_schema"))?,
                    raw.typed(),
                )?),
                None => Some(schema(&mut format, None)?),
            }
        }
        other => {
            return Err(unsupported(
                "response_format.type",
                &format!(
                    "`response_format.type` `{}` is not known; known are `text`, `json_object` and `json_schema`",
                    other.escape_debug()
                ),
            ));
        }
    };
    format.rest(lost);
    Ok(answer)
}

/// The members of `json_schema`, or the schema itself in their place.
fn schema(given: &mut Fields, itself: Option<Value>) -> Result<Answer> {
    let is_schema = |value: &Value| {
        ["type", "properties", "anyOf", "$ref"]
            .into_iter()
            .any(|key| value.get(key).is_some())
    };
    if let (None, Some(schema)) = (given.peek("schema"), itself.filter(is_schema)) {
        return Ok(Answer::Schema {
            name: None,
            description: None,
            schema,
            strict: None,
        });
    }
    Ok(Answer::Schema {
        schema: given
            .value("schema")?
            .ok_or_else(|| missing(&given.path("schema")))?,
        name: given.text("name")?.filter(|name| !name.is_empty()),
        description: given.text("description")?,
        strict: given.flag("strict")?,
    })
}

/// `reasoning_effort`, or `reasoning: {"effort": …}` and `thinking: {"type": …}` as compatible services spell it.
fn thinking(fields: &mut Fields, lost: &mut Vec<String>) -> Result<Option<Thinking>> {
    let mut path = "reasoning_effort";
    let mut effort = fields.text(path)?;
    let mut otherwise = None;
    if let Some(mut reasoning) = fields.object("reasoning")? {
        if effort.is_none() {
            (path, effort) = ("reasoning.effort", reasoning.text("effort")?);
        }
        otherwise = match (reasoning.count("max_tokens")?, reasoning.flag("enabled")?) {
            (_, Some(false)) => Some(Thinking::Off),
            (Some(budget), _) => Some(Thinking::Budget(budget)),
            (None, Some(true)) => Some(Thinking::Adaptive),
            (None, None) => None,
        };
        reasoning.rest(lost);
    }
    if let Some(mut thinking) = fields.object("thinking")? {
        let (kind, budget) = (thinking.text("type")?, thinking.count("budget_tokens")?);
        otherwise = match (kind.as_deref(), budget) {
            (Some("disabled"), _) => Some(Thinking::Off),
            (_, Some(budget)) => Some(Thinking::Budget(budget)),
            _ => Some(Thinking::Adaptive),
        };
        thinking.rest(lost);
    }
    match effort.as_deref() {
        None => Ok(otherwise),
        // What Groq and others call the model's own amount: https://console.groq.com/docs/reasoning
        Some("default" | "auto") => Ok(otherwise),
        Some("none") => Ok(Some(Thinking::Off)),
        Some(name) => {
            let effort = Effort::named(name).ok_or_else(|| {
                wrong(
                    path,
                    "one of `none`, `minimal`, `low`, `medium`, `high`, `xhigh`, `max`",
                )
            })?;
            Ok(Some(Thinking::Effort(effort)))
        }
    }
}

/// Asks for an amount of thinking, as far as the model can be asked.
pub fn effort(
    wanted: Option<Thinking>,
    takes: &Takes,
    body: &mut Map<String, Value>,
    dropped: &mut Dropped,
) {
    let wanted = match wanted {
        Some(Thinking::Effort(effort)) => effort,
        Some(Thinking::Budget(budget)) => Effort::covering(budget),
        Some(Thinking::Off) => return unthinking(takes, body, dropped),
        // Models that think decide by themselves.
        Some(Thinking::Adaptive) | None => return,
    };
    match takes.effort(wanted) {
        Some(effort) => _ = body.insert("reasoning_effort".into(), json!(effort.name())),
        None => dropped.push("thinking".into()),
    }
}

/// Turns thinking off, or as low as the model goes.
fn unthinking(takes: &Takes, body: &mut Map<String, Value>, dropped: &mut Dropped) {
    match (takes.off, takes.efforts.first()) {
        // It does not think.
        (_, None) => {}
        // Models that do not think refuse the field even with `none`.
        (Off::Unknown | Off::Type(_), Some(_)) => dropped.push("thinking".into()),
        (Off::Effort, Some(_)) => _ = body.insert("reasoning_effort".into(), json!("none")),
        (Off::Never, Some(least)) => {
            dropped.push(adapted("thinking"));
            body.insert("reasoning_effort".into(), json!(least.name()));
        }
    }
}

/// What shapes the draw of words, and where it stops.
pub fn sampling(chat: &Chat, takes: &Takes, body: &mut Map<String, Value>, dropped: &mut Dropped) {
    let fixed = match takes.sampling {
        Sampling::Fixed => true,
        Sampling::Unthinking => chat.thinking != Some(Thinking::Off),
        Sampling::Free | Sampling::Either => false,
    };
    for (name, value, default) in [
        ("temperature", chat.temperature, 1.0),
        ("top_p", chat.top_p, 1.0),
        ("frequency_penalty", chat.frequency_penalty, 0.0),
        ("presence_penalty", chat.presence_penalty, 0.0),
    ] {
        match value {
            Some(value) if !fixed => _ = body.insert(name.into(), json!(value)),
            Some(value) if value != default => dropped.push(name.into()),
            _ => {}
        }
    }
    if chat.top_k.is_some() {
        dropped.push("top_k".into());
    }
    let stop = &chat.stop[..chat.stop.len().min(takes.stops)];
    if stop.len() < chat.stop.len() {
        dropped.push(if stop.is_empty() {
            "stop".into()
        } else {
            adapted("stop")
        });
    }
    if !stop.is_empty() {
        body.insert("stop".into(), json!(stop));
    }
}

/// Writes the request for an upstream. Usage is asked for wherever it may be: the gateway hides it where the caller did not.
pub fn write(chat: &Chat, target: &Target<'_>) -> Result<Written> {
    let (quirks, takes) = (target.quirks, target.takes);
    let mut dropped: Dropped = chat.lost.clone();
    let knows = Knows {
        free: quirks.extras,
        namespaces: false,
        any_name: true,
    };
    let chat = &*names::plain(chat, knows, &mut dropped);
    let mut body = Map::new();
    let messages = message::write(&chat.messages, quirks.thoughts, &mut dropped)?;
    let tools = tool::write(chat, &mut body, &mut dropped);
    let mut put = |key: &str, value: Option<Value>| {
        value.and_then(|value| body.insert(key.to_owned(), value))
    };
    put("response_format", chat.answer.as_ref().map(response_format));
    put(
        takes.limit.unwrap_or(quirks.max_tokens),
        chat.max_tokens.map(Value::from),
    );
    put(quirks.seed, chat.seed.map(Value::from));
    put("n", chat.count.map(Value::from));
    put("user", chat.user.as_ref().map(|user| json!(user)));
    put("logprobs", chat.logprobs.map(|_| json!(true)));
    put(
        "top_logprobs",
        chat.logprobs.filter(|top| *top > 0).map(Value::from),
    );
    put(
        "audio",
        chat.audio
            .as_ref()
            .map(|audio| json!({"voice": audio.voice, "format": audio.format})),
    );
    put("modalities", modalities(chat));
    if chat.stream {
        put("stream", Some(json!(true)));
        put(
            "stream_options",
            (quirks.stream_usage == StreamUsage::Asked).then(|| json!({"include_usage": true})),
        );
    }
    extras(chat, quirks.extras, &mut body, &mut dropped);
    effort(chat.thinking, takes, &mut body, &mut dropped);
    sampling(chat, takes, &mut body, &mut dropped);
    for name in quirks.refuses {
        if body.remove(*name).is_some() {
            dropped.push((*name).into());
        }
    }
    dedup(&mut dropped);
    let mut out = Vec::with_capacity(chat.room());
    let mut written = Object::begin(&mut out);
    written.text("model", target.model);
    write_list(&messages, written.key("messages"), Tree::put);
    if let Some(tools) = &tools {
        write_list(tools, written.key("tools"), Tree::put);
    }
    for (name, value) in &body {
        written.member(name, value);
    }
    written.end();
    Ok(Written { body: out, dropped })
}

/// What is wanted in an answer beside text; `None`: nothing.
fn modalities(chat: &Chat) -> Option<Value> {
    let wanted = [
        ("text", true),
        ("audio", chat.audio.is_some()),
        ("image", chat.images),
    ];
    let wanted: Vec<&str> = wanted
        .iter()
        .filter(|(_, wanted)| *wanted)
        .map(|(kind, _)| *kind)
        .collect();
    (wanted.len() > 1).then(|| json!(wanted))
}

/// What OpenAI's own service takes and few others do.
fn extras(chat: &Chat, taken: bool, body: &mut Map<String, Value>, dropped: &mut Dropped) {
    for (name, value) in [
        ("metadata", chat.metadata.clone()),
        ("service_tier", chat.tier.as_ref().map(|tier| json!(tier))),
        ("verbosity", chat.verbosity.as_ref().map(|text| json!(text))),
        (
            "prompt_cache_key",
            chat.cache_key.as_ref().map(|key| json!(key)),
        ),
        ("store", chat.store.map(Value::from)),
    ] {
        match value {
            Some(value) if taken => _ = body.insert(name.into(), value),
            // Nothing is kept where nobody can be asked to.
            Some(Value::Bool(false)) | None => {}
            Some(_) => dropped.push(name.into()),
        }
    }
}

fn response_format(answer: &Answer) -> Value {
    match answer {
        Answer::Json => json!({"type": "json_object"}),
        Answer::Schema {
            name,
            description,
            schema,
            strict,
        } => {
            let mut given = Map::new();
            given.insert("name".into(), json!(name.as_deref().unwrap_or("response")));
            given.extend(
                description
                    .as_ref()
                    .map(|text| ("description".to_owned(), json!(text))),
            );
            given.insert("schema".into(), schema.clone());
            given.extend(strict.map(|strict| ("strict".to_owned(), json!(strict))));
            json!({"type": "json_schema", "json_schema": given})
        }
    }
}
