//! The estimate of a count: a walk over the request's JSON, by the names that all formats share. Must not know vendors;
//! what a family of models makes of a prompt is given.

use super::lent::{Lent, Members};
use super::size;
use crate::chat::{Weights, tokens};
use base64::Engine;

/// Tokens of a request's prompt; 0 where it is not JSON.
pub fn estimate(body: &[u8], weights: &Weights) -> u64 {
    // Looked at once for being text, and not string by string.
    let text = std::str::from_utf8(body).unwrap_or_default();
    let Ok(Lent::Members(body)) = serde_json::from_str(text) else {
        return 0;
    };
    // Gemini's may wrap the request.
    let body = match body.get("generateContentRequest") {
        Some(Lent::Members(inner)) => inner,
        _ => &body,
    };
    let mut count = weights.prompt;
    for name in ["messages", "input", "contents"] {
        count += match body.get(name) {
            Some(Lent::List(turns)) => {
                let turns = turns.iter();
                turns.map(|turn| weights.turn + part(turn, weights)).sum()
            }
            Some(turn) => weights.turn + part(turn, weights),
            None => 0.0,
        };
    }
    for name in [
        "system",
        "instructions",
        "systemInstruction",
        "system_instruction",
    ] {
        if let Some(told) = body.get(name).filter(|told| !told.is_null()) {
            count += weights.turn + part(told, weights);
        }
    }
    count += tools(body, weights);
    if let Some(schema) = schema(body).filter(|_| weights.schema > 0.0) {
        count += weights.schema + definition(schema);
    }
    // `as` saturates.
    count.ceil() as u64
}

fn tools(body: &Members<'_>, weights: &Weights) -> f64 {
    let Some(tools) = body.get("tools").and_then(Lent::list) else {
        return 0.0;
    };
    let mut all = Vec::new();
    for tool in tools {
        let declared = ["functionDeclarations", "function_declarations"];
        match declared.iter().find_map(|name| tool.get(name)?.list()) {
            Some(declared) => all.extend(declared),
            None => all.push(tool),
        }
    }
    if all.is_empty() {
        return 0.0;
    }
    let each = all
        .iter()
        .map(|tool| weights.tool + weights.definition * definition(tool));
    weights.tools + each.sum::<f64>()
}

/// The schema the answer is to have.
fn schema<'m, 'a>(body: &'m Members<'a>) -> Option<&'m Lent<'a>> {
    let places: [&[&str]; 6] = [
        &["response_format", "json_schema"],
        &["text", "format", "schema"],
        &["output_config", "format"],
        &["output_format"],
        &["generationConfig", "responseSchema"],
        &["generationConfig", "responseJsonSchema"],
    ];
    places.iter().find_map(|place| {
        let (first, rest) = place.split_first()?;
        let found = rest
            .iter()
            .try_fold(body.get(first)?, |at, name| at.get(name))?;
        (!found.is_null()).then_some(found)
    })
}

/// Names and texts of a definition.
fn definition(value: &Lent<'_>) -> f64 {
    match value {
        Lent::Members(members) => members
            .iter()
            .map(|(name, value)| tokens(name) + definition(value))
            .sum(),
        Lent::List(values) => values.iter().map(definition).sum(),
        Lent::Text(text) => tokens(text),
        _ => 0.0,
    }
}

/// What of a turn is no text of it: kinds, ids, marks, and what only its maker can read.
const SILENT: [&str; 14] = [
    "type",
    "role",
    "id",
    "status",
    "tool_use_id",
    "tool_call_id",
    "call_id",
    "cache_control",
    "signature",
    "thoughtSignature",
    "thought_signature",
    "encrypted_content",
    "mimeType",
    "media_type",
];

/// A turn or a part of one.
fn part(value: &Lent<'_>, weights: &Weights) -> f64 {
    match value {
        Lent::Text(text) => tokens(text),
        Lent::List(parts) => parts.iter().map(|inner| part(inner, weights)).sum(),
        Lent::Members(members) => match medium(members, weights) {
            Some(count) => count,
            None => members
                .iter()
                .filter(|(name, _)| !SILENT.contains(name))
                .map(|(_, value)| part(value, weights))
                .sum(),
        },
        _ => 0.0,
    }
}

/// What is not text: an image, a document, sound.
fn medium(members: &Members<'_>, weights: &Weights) -> Option<f64> {
    let kind = members.get("type").and_then(Lent::text).unwrap_or("");
    let inline = ["inlineData", "inline_data", "fileData", "file_data"];
    let inline = inline
        .iter()
        .filter_map(|name| members.get(name)?.members())
        .next();
    let mime = |holder: &Members<'_>| {
        let names = ["mimeType", "mime_type", "media_type"];
        let found = names.iter().find_map(|name| holder.get(name)?.text());
        found.unwrap_or_default().to_owned()
    };
    match kind {
        "image" | "image_url" | "input_image" => {
            let bytes = data(members);
            let size = bytes.as_deref().and_then(size::pixels);
            Some(weights.image.tokens(size))
        }
        "document" | "file" | "input_file" => match members.get("source") {
            Some(source)
                if source
                    .get("type")
                    .is_some_and(|kind| matches!(kind.text(), Some("text" | "content"))) =>
            {
                Some(part(source, weights))
            }
            _ => Some(document(members, weights)),
        },
        "input_audio" | "audio" => Some(sound(data(members).as_deref(), weights)),
        _ => {
            let inline = inline?;
            let mime = mime(inline);
            let bytes = data(inline);
            Some(match mime.split('/').next() {
                Some("image") => {
                    let size = bytes.as_deref().and_then(size::pixels);
                    weights.image.tokens(size)
                }
                Some("audio" | "video") => sound(bytes.as_deref(), weights),
                Some("text") => bytes.map_or(0.0, |bytes| tokens(&String::from_utf8_lossy(&bytes))),
                _ => document(inline, weights),
            })
        }
    }
}

fn document(members: &Members<'_>, weights: &Weights) -> f64 {
    let pages = data(members).map_or(1, |bytes| size::pages(&bytes));
    weights.page * u32::try_from(pages).map_or(f64::MAX, f64::from)
}

/// Sound at about 32 kB a second, which is what most of it is sent at.
fn sound(bytes: Option<&[u8]>, weights: &Weights) -> f64 {
    let seconds = bytes.map_or(10, |bytes| bytes.len().div_ceil(32_000));
    weights.second * u32::try_from(seconds).map_or(f64::MAX, f64::from)
}

/// The bytes that some member of it holds in base64, bare or as a `data:` address.
fn data(members: &Members<'_>) -> Option<Vec<u8>> {
    members.iter().find_map(|(_, value)| match value {
        Lent::Members(inner) => data(inner),
        Lent::Text(text) => {
            let text = &**text;
            let encoded = match text.strip_prefix("data:") {
                Some(rest) => rest.split_once("base64,")?.1,
                None if text.len() > 64 && !text.contains(':') => text,
                None => return None,
            };
            base64::engine::general_purpose::STANDARD
                .decode(encoded)
                .ok()
        }
        _ => None,
    })
}
