//! What messages and outputs of tools are made of, both directions.

use crate::chat::{Media, MediaKind, Part, Source};
use crate::error::{Error, Result};
use crate::formats::Dropped;
use crate::formats::document::Raw;
use crate::formats::fields::{Fields, items, unsupported, words};
use crate::formats::written::Tree;
use serde_json::Value;

/// Reads a `content` or an `output`: a string or a list of parts.
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
        fields.rest(lost);
    }
    Ok(parts)
}

fn part(fields: &mut Fields) -> Result<Part> {
    match fields.need("type")?.as_str() {
        "input_text" | "text" => fields.need_words("text").map(Part::text),
        "output_text" => {
            // What an answer carried beside its text says nothing to another model.
            fields.take("annotations");
            fields.take("logprobs");
            fields.need_words("text").map(Part::text)
        }
        "refusal" => fields.need("refusal").map(Part::Refusal),
        "input_image" => image(fields),
        "input_file" => file(fields),
        "input_audio" => {
            let at = fields.path("input_audio");
            let mut audio = fields
                .object("input_audio")?
                .ok_or_else(|| crate::formats::fields::missing(&at))?;
            let (data, format) = (audio.need("data")?, audio.need("format")?);
            let mime = format!("audio/{format}");
            Ok(media(
                MediaKind::Audio,
                Source::Base64 { mime, data },
                None,
                None,
            ))
        }
        other => Err(unsupported(
            &fields.path("type"),
            &format!(
                "content parts of type `{}` cannot be translated to another format",
                other.escape_debug()
            ),
        )),
    }
}

fn media(kind: MediaKind, source: Source, name: Option<String>, detail: Option<String>) -> Part {
    Part::Media(Media {
        kind,
        source,
        name,
        detail,
    })
}

fn image(fields: &mut Fields) -> Result<Part> {
    // Which is what it is without being asked.
    let detail = fields.text("detail")?.filter(|detail| detail != "auto");
    let source = match fields.text("file_id")? {
        Some(id) => Source::File(id),
        None => Source::of_url(fields.need("image_url")?),
    };
    Ok(media(MediaKind::Image, source, None, detail))
}

fn file(fields: &mut Fields) -> Result<Part> {
    let (name, detail) = (fields.text("filename")?, fields.text("detail")?);
    if let Some(id) = fields.text("file_id")? {
        return Ok(media(MediaKind::Document, Source::File(id), name, detail));
    }
    if let Some(url) = fields.text("file_url")? {
        return Ok(media(MediaKind::Document, Source::Url(url), name, detail));
    }
    let source = match Source::of_url(fields.need("file_data")?) {
        // Bare base64 without a `data:` head is a PDF: nothing else is accepted in that spelling.
        Source::Url(data) if !data.contains(':') => Source::Base64 {
            mime: "application/pdf".into(),
            data,
        },
        source => source,
    };
    let kind = match &source {
        Source::Base64 { mime, .. } => match mime.split('/').next() {
            Some("image") => MediaKind::Image,
            Some("audio") => MediaKind::Audio,
            Some("video") => MediaKind::Video,
            _ => MediaKind::Document,
        },
        _ => MediaKind::Document,
    };
    Ok(media(kind, source, name, detail))
}

/// One text is a string, everything else a list.
pub fn write<'a>(parts: &[&'a Part], dropped: &mut Dropped) -> Result<Tree<'a>> {
    match parts {
        [] => Ok("".into()),
        [Part::Text(text)] => Ok(Tree::from(&text.text)),
        many => many
            .iter()
            .map(|part| write_part(part, dropped))
            .collect::<Result<_>>()
            .map(Tree::List),
    }
}

const TEXT: Option<&str> = Some("input_text");

/// One part of what a user or a tool says.
fn write_part<'a>(part: &'a Part, dropped: &mut Dropped) -> Result<Tree<'a>> {
    match part {
        Part::Text(text) => Ok(Tree::said(TEXT, "text", &text.text)),
        Part::Refusal(text) => Ok(Tree::said(TEXT, "text", text)),
        Part::Media(media) => write_media(media, dropped),
        Part::Native(native) => Err(foreign(&native.json, native.format)),
        Part::Call(_) | Part::Result(_) | Part::Thought(_) | Part::CachePoint(_) => {
            Err(unsupported(
                "messages",
                "a tool call, a tool result or a thought stands where only text and media can be sent",
            ))
        }
    }
}

/// What only another format knows.
pub fn foreign(json: &Value, format: &str) -> Error {
    let kind = json["type"].as_str().unwrap_or_default();
    unsupported(
        "messages.content",
        &format!(
            "`{}` of {format} cannot be sent as an item of OpenAI's Responses",
            kind.escape_debug()
        ),
    )
}

fn write_media<'a>(media: &'a Media, dropped: &mut Dropped) -> Result<Tree<'a>> {
    let (image, file) = (Some("input_image"), Some("input_file"));
    let url = |mime: &str, data: &str| format!("data:{mime};base64,{data}");
    let mut out = match (media.kind, &media.source) {
        (MediaKind::Image, Source::File(id)) => Tree::said(image, "file_id", id),
        (MediaKind::Document, Source::File(id)) => Tree::said(file, "file_id", id),
        (MediaKind::Image, Source::Url(url)) => Tree::said(image, "image_url", url),
        (MediaKind::Image, Source::Base64 { mime, data }) => {
            Tree::said(image, "image_url", url(mime, data))
        }
        (MediaKind::Document, Source::Url(url)) => Tree::said(file, "file_url", url),
        (MediaKind::Document, Source::Base64 { mime, data }) => {
            let name = media.name.as_deref().unwrap_or("document");
            let mut out = Tree::said(file, "filename", name);
            out.push("file_data", url(mime, data));
            out
        }
        (_, Source::Text(text)) => {
            if media.name.is_some() {
                dropped.push("messages.content.title".into());
            }
            return Ok(Tree::said(TEXT, "text", text));
        }
        (MediaKind::Audio, _) => return Err(refused("messages.content.input_audio", "sound")),
        (MediaKind::Video, _) => return Err(refused("messages.content.video_url", "a film")),
    };
    if media.kind == MediaKind::Image {
        out.push("detail", media.detail.as_deref().unwrap_or("auto"));
    }
    Ok(out)
}

fn refused(path: &str, what: &str) -> Error {
    unsupported(
        path,
        &format!("{what} cannot be sent in the format of OpenAI's Responses"),
    )
}
