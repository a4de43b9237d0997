//! `generationConfig`: how the answer is drawn and what it is, both directions.

use super::{proto, schema, thinking};
use crate::chat::{Answer, Audio, Chat, Takes};
use crate::error::Result;
use crate::formats::Dropped;
use crate::formats::fields::{Fields, adapted, unsupported, wrong};
use crate::formats::schema::closed;
use serde_json::{Map, Value, json};

/// The most stop sequences: <https://ai.google.dev/api/generate-content#generationconfig>.
const MOST_STOPS: usize = 5;
/// The most tokens beside each.
const MOST_LIKELY: u64 = 20;

pub fn write(chat: &Chat, takes: &Takes, dropped: &mut Dropped) -> Map<String, Value> {
    let mut config = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            config.insert(name.to_owned(), value);
        }
    };
    put("maxOutputTokens", chat.max_tokens.map(Value::from));
    put("temperature", chat.temperature.map(Value::from));
    put("topP", chat.top_p.map(Value::from));
    put("topK", chat.top_k.map(Value::from));
    put("frequencyPenalty", chat.frequency_penalty.map(Value::from));
    put("presencePenalty", chat.presence_penalty.map(Value::from));
    let seed = chat.seed.filter(|seed| i32::try_from(*seed).is_ok());
    if seed != chat.seed {
        dropped.push("seed".into());
    }
    put("seed", seed.map(Value::from));
    let stops: Vec<&String> = chat.stop.iter().take(MOST_STOPS.min(takes.stops)).collect();
    if stops.len() < chat.stop.len() {
        dropped.push("stop".into());
    }
    put("stopSequences", (!stops.is_empty()).then(|| json!(stops)));
    if let Some(top) = chat.logprobs {
        if top > MOST_LIKELY {
            dropped.push(adapted("top_logprobs"));
        }
        put("responseLogprobs", Some(json!(true)));
        put("logprobs", (top > 0).then(|| json!(top.min(MOST_LIKELY))));
    }
    match &chat.answer {
        None => {}
        Some(Answer::Json) => put("responseMimeType", Some(json!("application/json"))),
        Some(Answer::Schema { schema, .. }) => {
            put("responseMimeType", Some(json!("application/json")));
            put("responseJsonSchema", Some(schema.clone()));
        }
    }
    match (&chat.audio, chat.images) {
        (Some(_), _) => {
            // Its voices have other names, and the sound is of one kind.
            dropped.push(adapted("audio"));
            put("responseModalities", Some(json!(["AUDIO"])));
        }
        (None, true) => put("responseModalities", Some(json!(["TEXT", "IMAGE"]))),
        (None, false) => {}
    }
    put("thinkingConfig", thinking::write(chat, takes, dropped));
    config
}

/// Takes what the configuration says.
pub fn read(fields: &mut Fields, chat: &mut Chat) -> Result<()> {
    let Some(mut config) = proto::object(fields, "generationConfig")? else {
        return Ok(());
    };
    let config = &mut config;
    chat.max_tokens = proto::count(config, "maxOutputTokens")?;
    chat.temperature = config.number("temperature")?;
    chat.top_p = config.number("topP")?;
    chat.top_k = proto::count(config, "topK")?;
    chat.seed = proto::whole(config, "seed")?;
    chat.frequency_penalty = config
        .number("frequencyPenalty")?
        .filter(|penalty| *penalty != 0.0);
    chat.presence_penalty = config
        .number("presencePenalty")?
        .filter(|penalty| *penalty != 0.0);
    chat.count = proto::count(config, "candidateCount")?.filter(|count| *count > 1);
    if let Some(stops) = config.value("stopSequences")? {
        chat.stop = serde_json::from_value(stops)
            .map_err(|_| wrong(&config.path("stopSequences"), "a list of strings"))?;
    }
    let top = proto::count(config, "logprobs")?;
    if config.flag("responseLogprobs")? == Some(true) {
        chat.logprobs = Some(top.unwrap_or(0));
    }
    chat.answer = answer(config)?;
    modalities(config, chat)?;
    thinking::read(config, chat)?;
    config.rest(&mut chat.lost);
    Ok(())
}

/// The shape of the answer. The subset of schemas that this format had first is widened to what all others know.
fn answer(config: &mut Fields) -> Result<Option<Answer>> {
    let narrow = config
        .value("responseSchema")?
        .map(|schema| schema::widened(&schema));
    let wide = config.value("responseJsonSchema")?;
    let wide = wide.or(config.value("_responseJsonSchema")?);
    let at = config.path("responseMimeType");
    let answer = |schema: Option<Value>| {
        schema.map_or(Answer::Json, |schema| Answer::Schema {
            name: None,
            description: None,
            // What answers are held to here can be held to elsewhere where it is closed.
            strict: closed(&schema).then_some(true),
            schema,
        })
    };
    match config.text("responseMimeType")?.as_deref() {
        None | Some("" | "text/plain") => Ok(None),
        Some("application/json") => Ok(Some(answer(wide.or(narrow)))),
        Some(other) => Err(unsupported(
            &at,
            &format!(
                "answers of type `{}` are of Gemini alone",
                other.escape_debug()
            ),
        )),
    }
}

fn modalities(config: &mut Fields, chat: &mut Chat) -> Result<()> {
    let kinds = ["MODALITY_UNSPECIFIED", "TEXT", "IMAGE", "AUDIO"];
    let at = config.path("responseModalities");
    for raw in proto::list(config, "responseModalities")?.unwrap_or_default() {
        let word = serde_json::from_str::<String>(raw.get()).ok();
        let number = raw.get().parse::<usize>().ok();
        let word =
            word.or_else(|| number.and_then(|number| Some((*kinds.get(number)?).to_owned())));
        match word.unwrap_or_default().to_ascii_uppercase().as_str() {
            "TEXT" | "MODALITY_UNSPECIFIED" => {}
            "IMAGE" => chat.images = true,
            "AUDIO" => {
                chat.audio = Some(Audio {
                    voice: "alloy".to_owned(),
                    format: "pcm16".to_owned(),
                });
            }
            _ => return Err(wrong(&at, "a list of `TEXT`, `IMAGE` and `AUDIO`")),
        }
    }
    if chat.audio.is_some() || chat.images {
        return Err(unsupported(
            &at,
            "answers other than text cannot be translated to another format",
        ));
    }
    Ok(())
}
