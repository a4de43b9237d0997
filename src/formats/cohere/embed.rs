//! Cohere Embed v2, both directions: <https://docs.cohere.com/reference/embed>.

use super::observe::{observe, observe_embed};
use super::write_fault_event;
use crate::chat::{Embed, Encoding, Input, Media, MediaKind, Op, Part, Purpose, Source, Vectors};
use crate::error::{Error, Kind, Result};
use crate::formats::fields::{Fields, adapted, dedup, missing, unsupported, wrong};
use crate::formats::peek::{Look, Looks};
use crate::formats::{
    Api, Dropped, Embeds, Format, FormatId, Framed, Passes, ReplyContext, Seen, Written, entry,
    fault, vectors,
};
use serde_json::{Map, Value, json};

/// The row of embeddings.
pub static EMBED: Format = Format {
    id: FormatId::CohereEmbed,
    name: "cohere-embed",
    op: Op::Embeddings,
    api: Api::Message,
    entries: &[entry::in_body("/v2/embed")],
    looks: LOOKS,
    codec: None,
    embeds: Some(&CohereEmbed),
    media: false,
    observe,
    observe_reply: observe_embed,
    write_fault_event,
    ping: b": ping\n\n",
    end_mark: b"",
    framed: Framed::EVENTS,
    hosted: None,
    usage_on_request: false,
    keeps: false,
    passes: Passes::COHERE,
};

/// What of a body gw reads.
const LOOKS: Looks = &[
    ("model", Look::Model),
    ("texts", Look::Turns),
    ("images", Look::Turns),
    ("inputs", Look::Turns),
    // What it is for says nothing to gw, but that the body is one of these.
    ("input_type", Look::Turns),
];

/// Both directions of the format.
struct CohereEmbed;

const PURPOSES: [(&str, Purpose); 5] = [
    ("search_document", Purpose::Document),
    ("search_query", Purpose::Query),
    ("classification", Purpose::Classification),
    ("clustering", Purpose::Clustering),
    ("image", Purpose::Image),
];

const ENCODINGS: [(&str, Encoding); 6] = [
    ("float", Encoding::Float),
    ("base64", Encoding::Base64),
    ("int8", Encoding::Rounded("int8")),
    ("uint8", Encoding::Rounded("uint8")),
    ("binary", Encoding::Rounded("binary")),
    ("ubinary", Encoding::Rounded("ubinary")),
];

impl Embeds for CohereEmbed {
    fn read_request(&self, body: &[u8]) -> Result<Embed> {
        let mut fields = Fields::body(body)?;
        let mut embed = Embed {
            model: fields.text("model")?.unwrap_or_default(),
            dimensions: fields.count("output_dimension")?,
            ..Embed::default()
        };
        embed.inputs = inputs(&mut fields, &mut embed.lost)?;
        let word = fields.need("input_type")?;
        let known = PURPOSES.iter().find(|(name, _)| *name == word);
        let (_, purpose) = known.ok_or_else(|| {
            wrong(
                "input_type",
                "`search_document`, `search_query`, `classification`, `clustering` or `image`",
            )
        })?;
        embed.purpose = Some(*purpose);
        embed.encodings = encodings(&mut fields)?;
        for (name, default) in [("truncate", "\"END\""), ("priority", "0")] {
            if fields.peek(name).is_some_and(|raw| raw.get() == default) {
                fields.take(name);
            }
        }
        fields.rest(&mut embed.lost);
        Ok(embed)
    }

    fn write_request(&self, embed: &Embed, model: &str) -> Result<Written> {
        let mut dropped: Dropped = embed.lost.clone();
        let mut body = Map::new();
        body.insert("model".into(), json!(model));
        let texts: Option<Vec<&str>> = embed
            .inputs
            .iter()
            .map(|input| match input {
                Input::Text(text) => Some(text.as_str()),
                _ => None,
            })
            .collect();
        match texts {
            Some(texts) => body.insert("texts".into(), json!(texts)),
            None => body.insert(
                "inputs".into(),
                embed.inputs.iter().map(mixed).collect::<Result<Value>>()?,
            ),
        };
        let purpose = embed.purpose.unwrap_or_else(|| {
            // It must be said; what is searched in is what most vectors are made of.
            dropped.push(adapted("input_type"));
            Purpose::Document
        });
        let named = PURPOSES.iter().find(|(_, known)| *known == purpose);
        body.extend(named.map(|(name, _)| ("input_type".to_owned(), json!(name))));
        // Whatever is wanted is made of plain numbers, but for what only the provider could round.
        let mut types = vec!["float"];
        types.extend(embed.encodings.iter().filter_map(|one| match one {
            Encoding::Rounded(name) => Some(*name),
            Encoding::Float | Encoding::Base64 => None,
        }));
        body.insert("embedding_types".into(), json!(types));
        body.extend(
            embed
                .dimensions
                .map(|length| ("output_dimension".to_owned(), json!(length))),
        );
        if embed.user.is_some() {
            dropped.push("user".into());
        }
        dedup(&mut dropped);
        Ok(Written {
            body: Value::Object(body).to_string().into_bytes(),
            dropped,
        })
    }

    fn read_reply(&self, body: &[u8], seen: &mut Seen) -> Result<Vectors> {
        observe_embed(body, seen);
        if seen.fault.is_some() {
            return Err(fault::in_place(seen));
        }
        let odd = |what: &str| Error::new(Kind::Upstream, format!("the provider's answer {what}"));
        let mut fields = Fields::body(body).map_err(|_| odd("is not a JSON object"))?;
        let mut given = fields
            .lenient("embeddings", Fields::object)
            .ok_or_else(|| odd("has no vectors"))?;
        let floats = given.take("float");
        let floats = floats.and_then(|raw| serde_json::from_str::<Vec<Vec<f64>>>(raw.get()).ok());
        Ok(Vectors {
            id: fields.lenient("id", Fields::text).unwrap_or_default(),
            model: String::new(),
            vectors: floats.ok_or_else(|| odd("has no vectors of plain numbers"))?,
            usage: seen.usage,
        })
    }

    fn write_reply(&self, given: &Vectors, context: &ReplyContext) -> Vec<u8> {
        let mut asked = Fields::body(&context.request).unwrap_or_default();
        let wanted = encodings(&mut asked).unwrap_or_default();
        let all = |each: fn(&Vec<f64>) -> Value| given.vectors.iter().map(each).collect::<Value>();
        let mut embeddings = Map::new();
        if wanted.contains(&Encoding::Base64) {
            embeddings.insert("base64".into(), all(|vector| json!(vectors::write(vector))));
        }
        if embeddings.is_empty() || wanted.contains(&Encoding::Float) {
            embeddings.insert("float".into(), all(|vector| json!(vector)));
        }
        let mut meta = json!({"api_version": {"version": "2"}});
        if let Some(used) = &given.usage {
            meta["billed_units"] = json!({"input_tokens": used.prompt()});
        }
        let mut body = json!({
            "id": super::reply::or(&given.id, &context.request_id),
            "embeddings": embeddings,
            "meta": meta,
            "response_type": "embeddings_by_type",
        });
        if let Some(texts) = asked.lenient("texts", Fields::value) {
            body["texts"] = texts;
        }
        body.to_string().into_bytes()
    }
}

/// The inputs, in whichever of three ways they are given.
fn inputs(fields: &mut Fields, lost: &mut Vec<String>) -> Result<Vec<Input>> {
    let strings = |fields: &mut Fields, key: &str| -> Result<Vec<String>> {
        let given = fields.value(key)?.unwrap_or(Value::Array(Vec::new()));
        serde_json::from_value(given).map_err(|_| wrong(key, "a list of strings"))
    };
    let texts = strings(fields, "texts")?.into_iter().map(Input::Text);
    let mut inputs: Vec<Input> = texts.collect();
    let images = strings(fields, "images")?.into_iter();
    inputs.extend(images.map(|url| Input::Mixed(vec![image(url)])));
    for mut input in fields.objects("inputs")?.unwrap_or_default() {
        let at = input.path("content");
        let content = input.objects("content")?.ok_or_else(|| missing(&at))?;
        let mut parts = Vec::new();
        for mut part in content {
            parts.push(self::part(&mut part)?);
            part.rest(lost);
        }
        input.rest(lost);
        inputs.push(match &mut parts[..] {
            [Part::Text(text)] => Input::Text(std::mem::take(&mut text.text).into_string()),
            _ => Input::Mixed(parts),
        });
    }
    match inputs.is_empty() {
        true => Err(missing("texts")),
        false => Ok(inputs),
    }
}

fn part(fields: &mut Fields) -> Result<Part> {
    match fields.need("type")?.as_str() {
        "text" => fields.need("text").map(Part::text),
        "image_url" => {
            let at = fields.path("image_url");
            let mut given = fields.object("image_url")?.ok_or_else(|| missing(&at))?;
            given.need("url").map(image)
        }
        _ => Err(wrong(&fields.path("type"), "`text` or `image_url`")),
    }
}

fn image(url: String) -> Part {
    Part::Media(Media {
        kind: MediaKind::Image,
        source: Source::of_url(url),
        name: None,
        detail: None,
    })
}

/// One input where not all are texts.
fn mixed(input: &Input) -> Result<Value> {
    let text = |text: &str| json!({"type": "text", "text": text});
    let content = match input {
        Input::Text(said) => json!([text(said)]),
        Input::Tokens(_) => {
            return Err(unsupported(
                "input",
                "tokens mean something to the model alone that they were made for, and cannot be sent to a Cohere model",
            ));
        }
        Input::Mixed(parts) => parts
            .iter()
            .map(|part| match part {
                Part::Text(said) => Ok(text(said)),
                Part::Media(Media {
                    source: Source::Url(url),
                    ..
                }) => Ok(json!({"type": "image_url", "image_url": {"url": url}})),
                Part::Media(Media {
                    source: Source::Base64 { mime, data },
                    ..
                }) => Ok(
                    json!({"type": "image_url", "image_url": {"url": format!("data:{mime};base64,{data}")}}),
                ),
                _ => Err(unsupported(
                    "input",
                    "vectors of this cannot be asked of a Cohere model",
                )),
            })
            .collect::<Result<Value>>()?,
    };
    Ok(json!({"content": content}))
}

fn encodings(fields: &mut Fields) -> Result<Vec<Encoding>> {
    let given = fields.value("embedding_types")?.unwrap_or_default();
    let all = given.as_array().map_or(&[][..], Vec::as_slice);
    let each = all.iter().map(|word| {
        let known = ENCODINGS.iter().find(|(name, _)| word == name);
        known.map(|(_, encoding)| *encoding).ok_or_else(|| {
            wrong(
                "embedding_types",
                "a list of `float`, `int8`, `uint8`, `binary`, `ubinary` or `base64`",
            )
        })
    });
    each.collect()
}
