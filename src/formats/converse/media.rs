//! Images, documents, sound and films, both directions: bytes with a format's short name, or a file in Amazon's S3.
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html>

use super::document::{self, Names};
use crate::chat::{Media, MediaKind, Source};
use crate::error::Result;
use crate::formats::Dropped;
use crate::formats::fields::{Fields, adapted, missing, unsupported, wrong};
use crate::formats::written::Tree;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Each format with its media type; further types of it, which are read and never written, come behind.
type Types = &'static [(&'static str, &'static str)];

const IMAGES: Types = &[
    ("png", "image/png"),
    ("jpeg", "image/jpeg"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("jpeg", "image/jpg"),
];

const DOCUMENTS: Types = &[
    ("pdf", "application/pdf"),
    ("csv", "text/csv"),
    ("doc", "application/msword"),
    (
        "docx",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ),
    ("xls", "application/vnd.ms-excel"),
    (
        "xlsx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
    ("html", "text/html"),
    ("txt", "text/plain"),
    ("md", "text/markdown"),
    ("md", "text/x-markdown"),
];

const FILMS: Types = &[
    ("mp4", "video/mp4"),
    ("mov", "video/quicktime"),
    ("mkv", "video/x-matroska"),
    ("webm", "video/webm"),
    ("flv", "video/x-flv"),
    ("mpeg", "video/mpeg"),
    ("mpg", "video/mpeg"),
    ("wmv", "video/x-ms-wmv"),
    ("three_gp", "video/3gpp"),
];

const SOUNDS: Types = &[
    ("mp3", "audio/mpeg"),
    ("wav", "audio/wav"),
    ("aac", "audio/aac"),
    ("flac", "audio/flac"),
    ("ogg", "audio/ogg"),
    ("opus", "audio/opus"),
    ("m4a", "audio/mp4"),
    ("webm", "audio/webm"),
    ("pcm", "audio/pcm"),
    ("mka", "audio/x-matroska"),
    ("mp3", "audio/mp3"),
    ("wav", "audio/x-wav"),
    ("m4a", "audio/m4a"),
    ("aac", "audio/x-aac"),
    ("flac", "audio/x-flac"),
    ("m4a", "audio/x-m4a"),
];

/// The member that holds media of a kind, what it may be, and the field that is named where it may not be sent.
fn row(kind: MediaKind) -> (&'static str, Types, &'static str) {
    match kind {
        MediaKind::Image => ("image", IMAGES, "messages.content.image_url.url"),
        MediaKind::Document => ("document", DOCUMENTS, "messages.content.file.file_data"),
        MediaKind::Audio => ("audio", SOUNDS, "messages.content.input_audio"),
        MediaKind::Video => ("video", FILMS, "messages.content.video_url"),
    }
}

/// The kind of media that a member holds.
pub fn kind(member: &str) -> Option<MediaKind> {
    use MediaKind::{Audio, Document, Image, Video};
    [Image, Document, Audio, Video]
        .into_iter()
        .find(|kind| row(*kind).0 == member)
}

/// The media type of an image in an answer.
pub fn image_type(format: &str) -> Option<&'static str> {
    media_type(IMAGES, format)
}

fn media_type(types: Types, format: &str) -> Option<&'static str> {
    let mut named = types.iter().filter(|(name, _)| *name == format);
    named.next().map(|(_, mime)| *mime)
}

fn format(types: Types, mime: &str) -> Option<&'static str> {
    let plain = mime.split(';').next().unwrap_or_default().trim();
    let mut named = types
        .iter()
        .filter(|(_, known)| known.eq_ignore_ascii_case(plain));
    named.next().map(|(name, _)| *name)
}

/// Takes media of a caller's.
pub fn read(kind: MediaKind, fields: &mut Fields, lost: &mut Vec<String>) -> Result<Media> {
    let (_, types, _) = row(kind);
    let (at, of_format) = (fields.path("source"), fields.path("format"));
    let format = fields.text("format")?;
    let name = match kind {
        MediaKind::Document => document::given(fields.need("name")?),
        _ => None,
    };
    let mut source = fields.object("source")?.ok_or_else(|| missing(&at))?;
    let source = if let Some(data) = source.text("bytes")? {
        let format = format.ok_or_else(|| missing(&of_format))?;
        let mime = media_type(types, &format)
            .ok_or_else(|| wrong(&of_format, "a format that the API knows"))?;
        match plain_text(mime, &data) {
            Some(text) => Source::Text(text),
            None => Source::Base64 {
                mime: mime.to_owned(),
                data,
            },
        }
    } else if let Some(text) = source.text("text")? {
        Source::Text(text)
    } else if let Some(pieces) = source.objects("content")? {
        lost.push(adapted("messages.content.document.source.content"));
        let mut texts = Vec::new();
        for mut piece in pieces {
            texts.push(piece.need("text")?);
        }
        Source::Text(texts.join("\n"))
    } else if source.take("s3Location").is_some() {
        return Err(unsupported(
            &source.path("s3Location"),
            "a file in Amazon's S3 cannot be sent to another provider",
        ));
    } else {
        return Err(wrong(&at, "one with `bytes`"));
    };
    Ok(Media {
        kind,
        source,
        name,
        detail: None,
    })
}

/// The words of a document that is nothing else.
fn plain_text(mime: &str, data: &str) -> Option<String> {
    let bytes = (mime == "text/plain").then(|| STANDARD.decode(data).ok())??;
    String::from_utf8(bytes).ok()
}

/// Media of a request.
pub fn write<'a>(media: &'a Media, names: &mut Names, dropped: &mut Dropped) -> Result<Tree<'a>> {
    let (member, types, field) = row(media.kind);
    if media
        .detail
        .as_deref()
        .is_some_and(|detail| detail != "auto")
    {
        dropped.push("messages.content.image_url.detail".into());
    }
    let refused = |what: String| Err(unsupported(field, &what));
    let mut block = match &media.source {
        Source::Base64 { mime, data } => {
            let known = format(types, mime);
            // Text of any kind is text.
            let text =
                (media.kind == MediaKind::Document && mime.starts_with("text/")).then_some("txt");
            let Some(format) = known.or(text) else {
                return refused(format!(
                    "Amazon Bedrock takes no {member} of type `{}`",
                    mime.escape_debug()
                ));
            };
            sourced(format, "bytes", data)
        }
        Source::Text(text) if media.kind == MediaKind::Document => {
            sourced("txt", "bytes", STANDARD.encode(text))
        }
        Source::Url(url) if url.starts_with("s3://") => {
            let end = url.rsplit_once('.').map_or("", |(_, end)| end);
            let known = types.iter().find(|(name, _)| *name == end);
            let first = types.first().map_or("", |(name, _)| name);
            let format = known.map_or(first, |(name, _)| name);
            sourced(format, "s3Location", Tree::said(None, "uri", url))
        }
        Source::Url(_) => {
            return refused(format!(
                "Amazon Bedrock fetches no URLs: {member} content must be sent as its data"
            ));
        }
        Source::Text(_) | Source::File(_) => {
            return Err(unsupported(
                "messages.content.file.file_id",
                "a file uploaded to another provider cannot be sent to Amazon Bedrock",
            ));
        }
    };
    if media.kind == MediaKind::Document {
        block.push("name", names.name(media.name.as_deref(), dropped));
    }
    Ok(Tree::object([(member, block)]))
}

/// Data, and how it is given.
pub fn sourced<'a>(
    format: &'static str,
    member: &'static str,
    data: impl Into<Tree<'a>>,
) -> Tree<'a> {
    let source = Tree::object([(member, data.into())]);
    Tree::object([("format", format.into()), ("source", source)])
}

/// An image of an answer: its format and its bytes in base64; `None`: it has no place in one.
pub fn shown(media: &Media) -> Option<(&'static str, &str)> {
    match &media.source {
        Source::Base64 { mime, data } if media.kind == MediaKind::Image => {
            Some((format(IMAGES, mime)?, data))
        }
        _ => None,
    }
}
