//! Parts of a content, both directions. How conversations are made of them is the turns' affair.

use super::{NAME, proto, seals};
use crate::chat::{Call, CallResult, Media, MediaKind, Native, Part, Source, Text, Thought};
use crate::error::Result;
use crate::formats::document::Raw;
use crate::formats::fields::{Fields, missing, unsupported, wrong};
use crate::formats::written::{Object, Told, Tree};
use crate::formats::{Dropped, arguments};
use base64::Engine;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A part as it is written; the arguments of a call keep the text the model wrote.
#[derive(Clone, Debug)]
pub enum Written<'a> {
    Text {
        text: Told<'a>,
        thought: bool,
        seal: Option<String>,
    },
    Call {
        id: Cow<'a, str>,
        name: Cow<'a, str>,
        args: Cow<'a, RawValue>,
        seal: Option<String>,
    },
    /// The result of a call.
    Result(Tree<'a>),
    Plain(Tree<'a>),
}

impl<'a> Written<'a> {
    pub fn text(text: impl Into<Told<'a>>) -> Written<'a> {
        Written::Text {
            text: text.into(),
            thought: false,
            seal: None,
        }
    }

    pub fn is_result(&self) -> bool {
        match self {
            Written::Result(_) => true,
            Written::Plain(part) => part.has("functionResponse"),
            Written::Text { .. } | Written::Call { .. } => false,
        }
    }

    /// Writes it.
    pub fn put(&self, out: &mut Vec<u8>) {
        let (mut part, seal) = match self {
            Written::Text {
                text,
                thought,
                seal,
            } => {
                let mut part = Object::begin(out);
                text.put(part.key("text"));
                part.may("thought", thought.then_some(&true));
                (part, seal)
            }
            Written::Call {
                id,
                name,
                args,
                seal,
            } => {
                let mut part = Object::begin(out);
                let mut call = Object::begin(part.key("functionCall"));
                if !id.is_empty() {
                    call.text("id", id);
                }
                call.text("name", name).member("args", args).end();
                (part, seal)
            }
            Written::Result(result) => {
                let mut part = Object::begin(out);
                result.put(part.key("functionResponse"));
                return part.end();
            }
            Written::Plain(part) => return part.put(out),
        };
        part.may("thoughtSignature", seal.as_ref()).end();
    }

    /// The text of it, thought or not, that has no seal yet.
    fn goes_on(&mut self, wanted: bool) -> Option<(&mut Told<'a>, &mut Option<String>)> {
        match self {
            Written::Text {
                text,
                thought,
                seal: seal @ None,
            } if *thought == wanted => Some((text, seal)),
            _ => None,
        }
    }
}

/// What a part of an answer says goes behind what is there of it.
pub fn add_text<'a>(parts: &mut Vec<Written<'a>>, text: impl Into<Told<'a>>, thought: bool) {
    let text = text.into();
    match parts.last_mut().and_then(|part| part.goes_on(thought)) {
        Some((said, _)) => said.push(text.as_str()),
        None => parts.push(Written::Text {
            text,
            thought,
            seal: None,
        }),
    }
}

/// Seals the text at the end, or nothing at all, which clients take for what came before.
pub fn seal(parts: &mut Vec<Written<'_>>, data: String, thought: bool) {
    match parts.last_mut().and_then(|part| part.goes_on(thought)) {
        Some((_, seal)) => *seal = Some(data),
        None => parts.push(Written::Text {
            text: "".into(),
            thought,
            seal: Some(data),
        }),
    }
}

/// Whether it is a whole JSON object.
pub fn whole(text: &str) -> bool {
    text.trim_start().starts_with('{') && arguments::object(text).is_some()
}

/// A call of an answer. Arguments that the model garbled are shown as what they are, under a name that no schema accepts.
pub fn call(call: &Call) -> Written<'static> {
    let args = match call.free {
        true if !whole(&call.arguments) => arguments::one_member("input", &call.arguments),
        _ => Cow::Owned(arguments::shown(&call.arguments).into_owned()),
    };
    Written::Call {
        id: call.id.clone().into(),
        name: call.name.clone().into(),
        args,
        seal: call.seal.as_ref().map(seals::write),
    }
}

/// Media of an answer; `None`: it is a file of another provider's.
pub fn shown(media: &Media) -> Option<Written<'static>> {
    let part = match &media.source {
        Source::Base64 { mime, data } => inline(mime.clone(), data.clone()),
        Source::Url(url) => of_file(url.clone()),
        Source::Text(text) => return Some(Written::text(text.clone())),
        Source::File(_) => return None,
    };
    Some(Written::Plain(part))
}

fn inline<'a>(mime: impl Into<Tree<'a>>, data: impl Into<Tree<'a>>) -> Tree<'a> {
    let data = Tree::object([("mimeType", mime.into()), ("data", data.into())]);
    Tree::object([("inlineData", data)])
}

fn of_file<'a>(url: impl Into<Told<'a>>) -> Tree<'a> {
    Tree::object([("fileData", Tree::said(None, "fileUri", url))])
}

/// What only this format knows.
pub fn native(native: &Native) -> Option<Tree<'_>> {
    (native.format == NAME).then(|| Tree::from(&native.json))
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
pub fn write_media<'a>(media: &'a Media, dropped: &mut Dropped) -> Result<Tree<'a>> {
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
        Source::Base64 { mime, data } => inline(mime, data),
        Source::Url(url) | Source::File(url) if is_googles(url) => of_file(url),
        Source::Url(_) => {
            return Err(unsupported(
                field,
                "a Gemini model reads no URLs but those of files that Google holds",
            ));
        }
        Source::Text(text) => {
            let data = base64::engine::general_purpose::STANDARD.encode(text);
            inline("text/plain", data)
        }
        Source::File(_) => {
            return Err(unsupported(
                "messages.content.file.file_id",
                "a file uploaded to another provider cannot be sent to a Gemini model",
            ));
        }
    })
}
