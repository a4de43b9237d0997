//! Parts of a content, both directions. How conversations are made of them is the turns' affair.

use super::{NAME, proto, seals};
use crate::chat::{Call, CallResult, Media, MediaKind, Native, Part, Source, Text, Thought};
use crate::error::{Error, Result};
use crate::formats::Dropped;
use crate::formats::document::Raw;
use crate::formats::fields::{Fields, missing, unsupported, wrong};
use base64::Engine;
use serde::Serialize;
use serde_json::{Value, json, value::RawValue};

/// A part as it is written; the arguments of a call keep the text the model wrote.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Written {
    Plain(Value),
    Call {
        #[serde(rename = "functionCall")]
        call: FunctionCall,
        #[serde(rename = "thoughtSignature", skip_serializing_if = "Option::is_none")]
        seal: Option<String>,
    },
}

#[derive(Clone, Debug, Serialize)]
pub struct FunctionCall {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub id: String,
    pub name: String,
    pub args: Box<RawValue>,
}

impl Written {
    pub fn text(text: &str) -> Written {
        Written::Plain(json!({"text": text}))
    }

    pub fn is_result(&self) -> bool {
        matches!(self, Written::Plain(part) if part.get("functionResponse").is_some())
    }

    /// Whether it is text, a thought or not, that has no seal yet.
    fn goes_on(&self, thought: bool) -> bool {
        matches!(self, Written::Plain(part) if part.get("text").is_some()
            && part.get("thoughtSignature").is_none()
            && (part.get("thought") == Some(&Value::Bool(true))) == thought)
    }
}

/// What a part of an answer says goes behind what is there of it.
pub fn add_text(parts: &mut Vec<Written>, text: &str, thought: bool) {
    if let Some(Written::Plain(part)) = parts.last_mut().filter(|part| part.goes_on(thought))
        && let Some(Value::String(said)) = part.get_mut("text")
    {
        return said.push_str(text);
    }
    let mut part = json!({"text": text});
    if thought {
        part["thought"] = json!(true);
    }
    parts.push(Written::Plain(part));
}

/// Seals the text at the end, or nothing at all, which clients take for what came before.
pub fn seal(parts: &mut Vec<Written>, seal: String, thought: bool) {
    if !parts.last().is_some_and(|part| part.goes_on(thought)) {
        add_text(parts, "", thought);
    }
    if let Some(Written::Plain(part)) = parts.last_mut() {
        part["thoughtSignature"] = json!(seal);
    }
}

/// Whether it is a whole JSON object.
pub fn whole(arguments: &str) -> bool {
    object(arguments).is_some()
}

fn object(text: &str) -> Option<Box<RawValue>> {
    let text = text.trim();
    let raw = RawValue::from_string(text.to_owned()).ok();
    raw.filter(|raw| raw.get().starts_with('{'))
}

/// A call of an answer. Arguments that the model garbled are shown as what they are, under a name that no schema accepts.
pub fn call(call: &Call) -> Written {
    let args = match call.is_bare() {
        true => object("{}"),
        false => object(&call.arguments),
    };
    let args = args.or_else(|| {
        let garbled = match call.free {
            true => json!({"input": call.arguments}),
            false => json!({"_malformed_arguments": call.arguments}),
        };
        RawValue::from_string(garbled.to_string()).ok()
    });
    Written::Call {
        call: FunctionCall {
            id: call.id.clone(),
            name: call.name.clone(),
            args: args.unwrap_or_else(|| RawValue::NULL.to_owned()),
        },
        seal: call.seal.as_ref().map(seals::write),
    }
}

/// Media of an answer; `None`: it is a file of another provider's.
pub fn shown(media: &Media) -> Option<Written> {
    let part = match &media.source {
        Source::Base64 { mime, data } => json!({"inlineData": {"mimeType": mime, "data": data}}),
        Source::Url(url) => json!({"fileData": {"fileUri": url}}),
        Source::Text(text) => return Some(Written::text(text)),
        Source::File(_) => return None,
    };
    Some(Written::Plain(part))
}

/// What only this format knows.
pub fn native(native: &Native) -> Option<Written> {
    (native.format == NAME).then(|| Written::Plain(native.json.clone()))
}

/// `inlineData`.
pub fn blob(blob: &mut Fields) -> Result<Media> {
    let (at, mime) = (blob.path("data"), blob.need("mimeType")?);
    let data = blob.text("data")?.ok_or_else(|| missing(&at))?;
    Ok(Media {
        kind: kind(&mime),
        source: Source::Base64 {
            mime,
            // Clients of Protobuf may send either alphabet of base64, others take one.
            data: data.replace('-', "+").replace('_', "/"),
        },
        name: blob.text("displayName")?,
        detail: None,
    })
}

/// `fileData`, as it stands.
pub fn file(file: &mut Fields) -> Option<Media> {
    let mime = file.lenient("mimeType", Fields::text).unwrap_or_default();
    Some(Media {
        kind: kind(&mime),
        source: Source::Url(file.lenient("fileUri", Fields::text)?),
        name: file.lenient("displayName", Fields::text),
        detail: None,
    })
}

fn kind(mime: &str) -> MediaKind {
    match mime.split('/').next() {
        Some("image") => MediaKind::Image,
        Some("audio") => MediaKind::Audio,
        Some("video") => MediaKind::Video,
        _ => MediaKind::Document,
    }
}

/// Whether the URL is of a file that this API takes: its own, of Cloud Storage, or a film of YouTube's.
/// <https://ai.google.dev/gemini-api/docs/video-understanding>
pub fn is_googles(url: &str) -> bool {
    [
        "gs://",
        "https://generativelanguage.googleapis.com/",
        "https://storage.googleapis.com/",
        "https://storage.cloud.google.com/",
        "https://www.youtube.com/",
        "https://youtube.com/",
        "https://youtu.be/",
    ]
    .iter()
    .any(|start| url.starts_with(start))
}

/// Reads a part of a caller's. `turn`: names calls without ids and finds the calls that results answer.
pub fn read(
    raw: Raw<'_>,
    path: String,
    calls: &mut Calls,
    lost: &mut Vec<String>,
) -> Result<Option<Part>> {
    let mut fields = proto::of(raw, path)?;
    let thought = fields.flag("thought")?.unwrap_or(false);
    let seal = fields.text("thoughtSignature")?.and_then(seals::read);
    for theirs in [
        "executableCode",
        "codeExecutionResult",
        "toolCall",
        "toolResponse",
    ] {
        if fields.peek(theirs).is_some() {
            let what = format!(
                "`{theirs}` is of a tool that Google runs and cannot be translated to another format"
            );
            return Err(unsupported(&fields.path(theirs), &what));
        }
    }
    let part = if let Some(text) = fields.words("text")? {
        match thought {
            true => Some(Part::Thought(Thought {
                text: text.into_string(),
                seal,
                ..Thought::default()
            })),
            false if text.is_empty() && seal.is_none() => None,
            false => Some(Part::Text(Text {
                seal,
                ..Text::from(text)
            })),
        }
    } else if let Some(mut call) = proto::object(&mut fields, "functionCall")? {
        let at = call.path("args");
        let arguments = call.take("args").map_or("{}", Raw::get);
        if !arguments.starts_with('{') {
            return Err(wrong(&at, "an object"));
        }
        let name = call.need("name")?;
        let id = calls.called(call.text("id")?, &name);
        call.rest(lost);
        Some(Part::Call(Call {
            id,
            name,
            arguments: arguments.to_owned(),
            seal,
            ..Call::default()
        }))
    } else if let Some(mut response) = proto::object(&mut fields, "functionResponse")? {
        let result = result(&mut response, calls, lost)?;
        response.rest(lost);
        Some(Part::Result(result))
    } else if let Some(mut inline) = proto::object(&mut fields, "inlineData")? {
        Some(Part::Media(blob(&mut inline)?))
    } else if let Some(mut given) = proto::object(&mut fields, "fileData")? {
        let at = given.path("fileUri");
        let media = file(&mut given).ok_or_else(|| missing(&at))?;
        if let Source::Url(url) = &media.source
            && is_googles(url)
        {
            return Err(unsupported(
                &at,
                "a file that Google holds cannot be sent to another provider",
            ));
        }
        Some(Part::Media(media))
    } else {
        // Nothing but a seal, or nothing.
        seal.map(|seal| {
            Part::Text(Text {
                seal: Some(seal),
                ..Text::default()
            })
        })
    };
    fields.rest(lost);
    Ok(part)
}

/// The calls of a conversation that have no answer yet.
#[derive(Debug, Default)]
pub struct Calls {
    open: Vec<(String, String)>,
    count: usize,
}

impl Calls {
    /// A call's id, made where it has none: by its place, so that it is the same in every turn.
    fn called(&mut self, id: Option<String>, name: &str) -> String {
        let id = id.filter(|id| !id.is_empty());
        let id = id.unwrap_or_else(|| format!("call_{}", self.count));
        self.count += 1;
        self.open.push((id.clone(), name.to_owned()));
        id
    }

    /// The id of the call that this answers: by its own, else the first of its name, else the first.
    fn answered(&mut self, id: Option<String>, name: &str) -> String {
        let by_id = id
            .as_ref()
            .and_then(|id| self.open.iter().position(|open| open.0 == *id));
        let by_name = || self.open.iter().position(|open| open.1 == name);
        match by_id.or_else(by_name) {
            Some(at) => self.open.remove(at).0,
            None => id.unwrap_or_else(|| format!("call_{name}")),
        }
    }
}

/// What is in an object with these names alone is the tool's word; anything else is its whole answer:
/// <https://ai.google.dev/api/caching#FunctionResponse>, `result` as the Python client's own loop writes it.
fn result(response: &mut Fields, calls: &mut Calls, lost: &mut Vec<String>) -> Result<CallResult> {
    let name = response.need("name")?;
    let id = calls.answered(response.text("id")?, &name);
    let (mut parts, mut error) = (Vec::new(), false);
    let at = response.path("response");
    if let Some(raw) = response.take("response") {
        let mut given = Fields::of(raw, at)?;
        let one = given.names().len() == 1;
        let words = |fields: &mut Fields, key: &str| fields.lenient(key, Fields::words);
        let said = match one {
            true => words(&mut given, "output")
                .or_else(|| words(&mut given, "result"))
                .or_else(|| {
                    let said = words(&mut given, "error");
                    error = said.is_some();
                    said
                }),
            false => None,
        };
        let said = said.unwrap_or_else(|| raw.get().into());
        if !said.is_empty() {
            parts.push(Part::text(said));
        }
    }
    for mut part in proto::objects(response, "parts")?.unwrap_or_default() {
        match proto::object(&mut part, "inlineData")? {
            Some(mut inline) => parts.push(Part::Media(blob(&mut inline)?)),
            None => part.rest(lost),
        }
    }
    Ok(CallResult {
        id,
        name: Some(name),
        parts,
        error,
        ..CallResult::default()
    })
}

/// Media of a request.
pub fn write_media(media: &Media, dropped: &mut Dropped) -> Result<Value> {
    let field = match media.kind {
        MediaKind::Image => "messages.content.image_url.url",
        MediaKind::Document => "messages.content.file.file_data",
        MediaKind::Audio => "messages.content.input_audio",
        MediaKind::Video => "messages.content.video_url",
    };
    if media
        .detail
        .as_deref()
        .is_some_and(|detail| detail != "auto")
    {
        dropped.push("messages.content.image_url.detail".into());
    }
    if media.name.is_some() {
        dropped.push("messages.content.title".into());
    }
    Ok(match &media.source {
        Source::Base64 { mime, data } => json!({"inlineData": {"mimeType": mime, "data": data}}),
        Source::Url(url) | Source::File(url) if is_googles(url) => {
            json!({"fileData": {"fileUri": url}})
        }
        Source::Url(_) => {
            return Err(unsupported(
                field,
                "a Gemini model reads no URLs but those of files that Google holds",
            ));
        }
        Source::Text(text) => {
            let data = base64::engine::general_purpose::STANDARD.encode(text);
            json!({"inlineData": {"mimeType": "text/plain", "data": data}})
        }
        Source::File(_) => {
            return Err(unsupported(
                "messages.content.file.file_id",
                "a file uploaded to another provider cannot be sent to a Gemini model",
            ));
        }
    })
}

/// The arguments of a call in history.
pub fn args(call: &Call) -> Result<Box<RawValue>> {
    let text = match call.is_bare() {
        true => "{}",
        false => &call.arguments,
    };
    object(text).ok_or_else(|| {
        Error::invalid(format!(
            "the arguments of the call of `{}` are not a JSON object",
            call.name
        ))
        .param("messages.tool_calls.function.arguments")
        .hint("give the arguments as the text of one JSON object")
    })
}
