//! Embeddings, both directions: <https://platform.openai.com/docs/api-reference/embeddings>.

use super::observe::observe_embeddings;
use crate::chat::{Embed, Encoding, Input, Purpose, Vectors};
use crate::error::{Error, Kind, Result};
use crate::formats::document::Raw;
use crate::formats::fields::{Fields, dedup, items, missing, string, unsupported, wrong};
use crate::formats::{Dropped, Embeds, ReplyContext, Seen, Written, fault, vectors};
use serde_json::{Map, Value, json};

/// Both directions of the format.
pub static EMBEDS: &dyn Embeds = &OpenaiEmbeddings;

struct OpenaiEmbeddings;

/// What several compatible services call what vectors are for, beside Cohere's own words:
/// <https://docs.voyageai.com/reference/embeddings-api>, <https://docs.api.nvidia.com/nim/reference/nvidia-nv-embedqa-e5-v5-infer>
const PURPOSES: [(&str, Purpose); 7] = [
    ("query", Purpose::Query),
    ("document", Purpose::Document),
    ("passage", Purpose::Document),
    ("search_query", Purpose::Query),
    ("search_document", Purpose::Document),
    ("classification", Purpose::Classification),
    ("clustering", Purpose::Clustering),
];

impl Embeds for OpenaiEmbeddings {
    fn read_request(&self, body: &[u8]) -> Result<Embed> {
        let mut fields = Fields::body(body)?;
        let given = fields.take("input").ok_or_else(|| missing("input"))?;
        let mut embed = Embed {
            model: fields.text("model")?.unwrap_or_default(),
            inputs: inputs(given)?,
            dimensions: fields.count("dimensions")?,
            user: fields.text("user")?,
            ..Embed::default()
        };
        embed.encodings = encoding(&mut fields)?.into_iter().collect();
        if let Some(word) = fields.text("input_type")? {
            let known = PURPOSES.iter().find(|(name, _)| *name == word);
            match known {
                Some((_, purpose)) => embed.purpose = Some(*purpose),
                None => embed.lost.push("input_type".into()),
            }
        }
        fields.rest(&mut embed.lost);
        Ok(embed)
    }

    fn write_request(&self, embed: &Embed, model: &str) -> Result<Written> {
        let mut dropped: Dropped = embed.lost.clone();
        let inputs = embed.inputs.iter().map(|input| match input {
            Input::Text(text) => Ok(json!(text)),
            Input::Tokens(tokens) => Ok(json!(tokens)),
            Input::Mixed(_) => Err(unsupported(
                "images",
                "vectors of images cannot be asked of an OpenAI model",
            )),
        });
        let mut body = Map::new();
        body.insert("model".into(), json!(model));
        body.insert("input".into(), inputs.collect::<Result<Value>>()?);
        // Whatever is wanted is made of plain numbers, but for what only the provider could round.
        if let Some(Encoding::Rounded(name)) = embed
            .encodings
            .iter()
            .find(|one| matches!(one, Encoding::Rounded(_)))
        {
            return Err(unsupported(
                "encoding_format",
                &format!("an OpenAI model gives no vectors of type `{name}`"),
            ));
        }
        body.insert("encoding_format".into(), json!("float"));
        body.extend(
            embed
                .dimensions
                .map(|length| ("dimensions".to_owned(), json!(length))),
        );
        body.extend(
            embed
                .user
                .as_ref()
                .map(|user| ("user".to_owned(), json!(user))),
        );
        if embed.purpose.is_some() {
            dropped.push("input_type".into());
        }
        dedup(&mut dropped);
        Ok(Written {
            body: Value::Object(body).to_string().into_bytes(),
            dropped,
        })
    }

    fn read_reply(&self, body: &[u8], seen: &mut Seen) -> Result<Vectors> {
        observe_embeddings(body, seen);
        if seen.fault.is_some() {
            return Err(fault::in_place(seen));
        }
        let odd = |what: &str| Error::new(Kind::Upstream, format!("the provider's answer {what}"));
        let mut fields = Fields::body(body).map_err(|_| odd("is not a JSON object"))?;
        let data = fields.lenient("data", Fields::objects);
        let data = data.ok_or_else(|| odd("has no vectors"))?;
        let mut numbered = Vec::with_capacity(data.len());
        for (at, mut one) in data.into_iter().enumerate() {
            let index = one.lenient("index", Fields::count).unwrap_or(at as u64);
            let vector = one.take("embedding").and_then(vector);
            numbered.push((
                index,
                vector.ok_or_else(|| odd("has a vector of no numbers"))?,
            ));
        }
        numbered.sort_by_key(|(index, _)| *index);
        Ok(Vectors {
            id: String::new(),
            model: fields.lenient("model", Fields::text).unwrap_or_default(),
            vectors: numbered.into_iter().map(|(_, vector)| vector).collect(),
            usage: seen.usage,
        })
    }

    fn write_reply(&self, given: &Vectors, context: &ReplyContext) -> Vec<u8> {
        let asked = Fields::body(&context.request).ok();
        let wanted = asked.and_then(|mut asked| encoding(&mut asked).ok()?);
        let data = given.vectors.iter().enumerate().map(|(index, vector)| {
            let embedding = match wanted {
                Some(Encoding::Base64) => json!(vectors::write(vector)),
                _ => json!(vector),
            };
            json!({"object": "embedding", "index": index, "embedding": embedding})
        });
        let model = super::reply::or(&given.model, &context.model);
        let mut body = json!({"object": "list", "data": data.collect::<Value>(), "model": model});
        if let Some(used) = &given.usage {
            body["usage"] = json!({"prompt_tokens": used.prompt(), "total_tokens": used.total()});
        }
        body.to_string().into_bytes()
    }
}

fn encoding(fields: &mut Fields) -> Result<Option<Encoding>> {
    match fields.text("encoding_format")?.as_deref() {
        None => Ok(None),
        Some("float") => Ok(Some(Encoding::Float)),
        Some("base64") => Ok(Some(Encoding::Base64)),
        Some(_) => Err(wrong("encoding_format", "`float` or `base64`")),
    }
}

/// A text, the numbers of its tokens, or a list of either.
fn inputs(raw: Raw<'_>) -> Result<Vec<Input>> {
    const WHAT: &str = "a string, a list of strings, or tokens";
    if raw.is_string() {
        return string(raw, "input").map(|text| vec![Input::Text(text)]);
    }
    if let Some(tokens) = raw.typed::<Vec<u64>>()
        && !tokens.is_empty()
    {
        return Ok(vec![Input::Tokens(tokens)]);
    }
    let list = items(raw, "input", WHAT)?;
    let each = list.into_iter().enumerate().map(|(i, raw)| {
        let path = format!("input[{i}]");
        match raw.is_string() {
            true => string(raw, &path).map(Input::Text),
            false => raw
                .typed()
                .map(Input::Tokens)
                .ok_or_else(|| wrong(&path, "a string or a list of tokens")),
        }
    });
    each.collect()
}

/// Numbers, or their bytes in base64.
fn vector(raw: Raw<'_>) -> Option<Vec<f64>> {
    match raw.is_string() {
        true => vectors::read(&string(raw, "embedding").ok()?),
        false => raw.typed(),
    }
}
