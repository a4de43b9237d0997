//! Content parts of a message: text, images, files, sound.

use crate::chat::{Issuer, Media, MediaKind, Part, SealKind, Source, Thought};
use crate::error::Result;
use crate::formats::document::Raw;
use crate::formats::fields::{Fields, items, missing, string, unsupported, words};
use crate::formats::written::Tree;
use crate::formats::{Dropped, cache, seal};

/// Reads a `content` field: a string or a list of parts.
pub fn read(raw: Raw<'_>, path: &str, lost: &mut Vec<String>) -> Result<Vec<Part>> {
    if raw.is_string() {
        let text = words(raw, path)?;
        return Ok(if text.is_empty() {
            Vec::new()
        } else {
            vec![Part::text(text)]
        });
    }
    let list = items(raw, path, "a string or a list of parts")?;
    let mut parts = Vec::new();
    for (i, raw) in list.into_iter().enumerate() {
        let mut fields = Fields::of(raw, format!("{path}[{i}]"))?;
        parts.push(part(&mut fields)?);
        parts.extend(cache::read(&mut fields, lost)?.map(Part::CachePoint));
        fields.rest(lost);
    }
    Ok(parts)
}

fn part(fields: &mut Fields) -> Result<Part> {
    let kind = fields.need("type")?;
    match kind.as_str() {
        "text" | "input_text" | "output_text" => fields.need_words("text").map(Part::text),
        "refusal" => fields.need("refusal").map(Part::Refusal),
        "thinking" | "redacted_thinking" | "reasoning" | "reasoning_text" => {
            thought(&kind, fields).map(Part::Thought)
        }
        "image_url" => {
            let (url, detail) = address(fields, "image_url")?;
            Ok(Part::Media(Media {
                kind: MediaKind::Image,
                source: Source::of_url(url),
                name: None,
                detail,
            }))
        }
        "video_url" => address(fields, "video_url")
            .map(|(url, _)| media(MediaKind::Video, Source::of_url(url), None)),
        "document_url" => address(fields, "document_url")
            .map(|(url, _)| media(MediaKind::Document, Source::of_url(url), None)),
        "input_audio" => {
            let at = fields.path("input_audio");
            let mut audio = fields.object("input_audio")?.ok_or_else(|| missing(&at))?;
            let (data, format) = (audio.need("data")?, audio.need("format")?);
            Ok(media(
                MediaKind::Audio,
                Source::Base64 {
                    mime: format!("audio/{format}"),
                    data,
                },
                None,
            ))
        }
        "file" => file(fields),
        other => Err(unsupported(
            &fields.path("type"),
            &format!("content parts of type `{other}` are not known"),
        )),
    }
}

/// Whose seals `thinking_blocks` carry by themselves: they are spelt as Anthropic spells them.
pub const HOME: Issuer = Issuer::Anthropic;

/// A thought as vendors spell it: `thinking` with a text or a list of texts, sealed or not; `reasoning` with a text.
pub fn thought(kind: &str, fields: &mut Fields) -> Result<Thought> {
    if kind == "redacted_thinking" {
        let seal = seal::read(fields.need("data")?, HOME, SealKind::Encrypted);
        return Ok(Thought::sealed("", seal));
    }
    let mut text = String::new();
    for key in ["thinking", "text", "reasoning"] {
        let at = fields.path(key);
        match fields.take(key) {
            None => {}
            Some(raw) if raw.is_string() => text.push_str(&string(raw, &at)?),
            Some(raw) => {
                for raw in items(raw, &at, "a string or a list of parts")? {
                    let mut part = Fields::of(raw, at.clone())?;
                    text.push_str(&part.text("text")?.unwrap_or_default());
                }
            }
        }
    }
    let signature = fields.text("signature")?.filter(|seal| !seal.is_empty());
    Ok(Thought {
        text,
        seal: signature.map(|data| seal::read(data, HOME, SealKind::Signature)),
        ..Thought::default()
    })
}

fn media(kind: MediaKind, source: Source, name: Option<String>) -> Part {
    Part::Media(Media {
        kind,
        source,
        name,
        detail: None,
    })
}

/// `{"url": …, "detail": …}`, or the bare URL that some services take.
fn address(fields: &mut Fields, key: &str) -> Result<(String, Option<String>)> {
    let path = fields.path(key);
    let raw = fields.take(key).ok_or_else(|| missing(&path))?;
    if raw.is_string() {
        return Ok((string(raw, &path)?, None));
    }
    let mut object = Fields::of(raw, path)?;
    Ok((object.need("url")?, object.text("detail")?))
}

fn file(fields: &mut Fields) -> Result<Part> {
    let at = fields.path("file");
    let mut file = fields.object("file")?.ok_or_else(|| missing(&at))?;
    let name = file.text("filename")?;
    if let Some(id) = file.text("file_id")? {
        return Ok(media(MediaKind::Document, Source::File(id), name));
    }
    let source = match Source::of_url(file.need("file_data")?) {
        // Bare base64 without a `data:` head is a PDF: nothing else was accepted in that spelling.
        Source::Url(data) if !data.contains(':') => Source::Base64 {
            mime: "application/pdf".into(),
            data,
        },
        source => source,
    };
    let kind = match &source {
        Source::Base64 { mime, .. } => kind_of(mime),
        _ => MediaKind::Document,
    };
    Ok(media(kind, source, name))
}

fn kind_of(mime: &str) -> MediaKind {
    match mime.split('/').next() {
        Some("image") => MediaKind::Image,
        Some("audio") => MediaKind::Audio,
        Some("video") => MediaKind::Video,
        _ => MediaKind::Document,
    }
}

/// Writes one text or media part.
pub fn write<'a>(part: &'a Part, dropped: &mut Dropped) -> Result<Tree<'a>> {
    match part {
        Part::Text(text) => Ok(Tree::said(Some("text"), "text", &text.text)),
        Part::Refusal(text) => Ok(Tree::said(Some("refusal"), "refusal", text)),
        Part::Media(media) => write_media(media, dropped),
        Part::Native(native) => Err(unsupported(
            "messages.content",
            &format!(
                "`{}` of {} cannot be sent to an OpenAI model",
                native.json["type"]
                    .as_str()
                    .unwrap_or_default()
                    .escape_debug(),
                native.format
            ),
        )),
        Part::Call(_) | Part::Result(_) | Part::Thought(_) | Part::CachePoint(_) => {
            Err(unsupported(
                "messages",
                "a tool call, a tool result or a thought stands where only text and media can be sent to an OpenAI model",
            ))
        }
    }
}

fn write_media<'a>(media: &'a Media, dropped: &mut Dropped) -> Result<Tree<'a>> {
    let typed =
        |kind: &'static str, of: Tree<'a>| Ok(Tree::object([("type", kind.into()), (kind, of)]));
    let url = match &media.source {
        Source::Url(url) => Tree::from(url),
        Source::Base64 { mime, data } if media.kind != MediaKind::Audio => {
            format!("data:{mime};base64,{data}").into()
        }
        Source::Base64 { data, .. } => Tree::from(data),
        Source::Text(text) => {
            if media.name.is_some() {
                dropped.push("messages.content.title".into());
            }
            return Ok(Tree::said(Some("text"), "text", text));
        }
        Source::File(id) if media.kind == MediaKind::Document => {
            return typed("file", Tree::object([("file_id", Tree::from(id))]));
        }
        Source::File(_) => {
            return Err(refused(
                "messages.content.file.file_id",
                "a file uploaded elsewhere",
            ));
        }
    };
    match (media.kind, &media.source) {
        (MediaKind::Image, _) => {
            let mut image = Tree::object([("url", url)]);
            if let Some(detail) = &media.detail {
                image.push("detail", detail);
            }
            typed("image_url", image)
        }
        (MediaKind::Audio, Source::Base64 { mime, .. }) => {
            // https://platform.openai.com/docs/api-reference/chat/create
            let format = match mime.split('/').nth(1).unwrap_or(mime) {
                "wav" | "x-wav" | "wave" | "vnd.wave" => "wav",
                "mp3" | "mpeg" | "mpga" => "mp3",
                _ => {
                    let what = "sound of another kind than WAV and MP3";
                    return Err(refused("messages.content.input_audio", what));
                }
            };
            let sound = Tree::object([("data", url), ("format", format.into())]);
            typed("input_audio", sound)
        }
        (MediaKind::Document, Source::Base64 { .. }) => {
            let name = media.name.as_deref().unwrap_or("document");
            let file = Tree::object([("filename", name.into()), ("file_data", url)]);
            typed("file", file)
        }
        (MediaKind::Document, _) => Err(refused(
            "messages.content.file.file_data",
            "a document given by URL",
        )),
        (MediaKind::Audio, _) => Err(refused(
            "messages.content.input_audio",
            "sound given by URL",
        )),
        (MediaKind::Video, _) => Err(refused("messages.content.video_url", "a film")),
    }
}

fn refused(path: &str, what: &str) -> crate::error::Error {
    unsupported(path, &format!("{what} cannot be sent to an OpenAI model"))
}
