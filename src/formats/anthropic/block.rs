//! Content blocks of a conversation, both directions.

use super::citation;
use crate::chat::{
    CachePoint, Call, CallResult, Issuer, Media, MediaKind, Native, Part, Seal, SealKind, Source,
    Text, Thought,
};
use crate::error::{Error, Result};
use crate::formats::document::Raw;
use crate::formats::fields::{Fields, adapted, items, missing, unsupported, words, wrong};
use crate::formats::written::{Object, Told, write_json, write_list};
use crate::formats::{Dropped, arguments, cache, call_id, seal};
use serde_json::{Map, Value, json, value::RawValue};
use std::borrow::Cow;

/// Whose seals these blocks carry by themselves.
pub const HOME: Issuer = Issuer::Anthropic;

/// A block as it is written; texts are borrowed, and the input of a call keeps the text the model wrote.
#[derive(Debug)]
pub enum Block<'a> {
    Text {
        text: Told<'a>,
        citations: Vec<Value>,
        cache_control: Option<Value>,
    },
    Call {
        id: Cow<'a, str>,
        name: &'a str,
        input: Cow<'a, RawValue>,
        cache_control: Option<Value>,
    },
    Result {
        tool_use_id: String,
        content: Content<'a>,
        error: bool,
        cache_control: Option<Value>,
    },
    Plain(Value),
}

/// What a result holds.
#[derive(Debug)]
pub enum Content<'a> {
    Text(Told<'a>),
    Blocks(Vec<Block<'a>>),
}

impl<'a> Block<'a> {
    pub fn text(text: impl Into<Told<'a>>) -> Block<'a> {
        Block::Text {
            text: text.into(),
            citations: Vec::new(),
            cache_control: None,
        }
    }

    /// Text with what it rests on.
    pub fn cited(text: &'a Text) -> Block<'a> {
        Block::Text {
            text: Told::Words(&text.text),
            citations: text.citations.iter().map(citation::write).collect(),
            cache_control: None,
        }
    }

    pub fn call(id: Cow<'a, str>, name: &'a str, input: Cow<'a, RawValue>) -> Block<'a> {
        Block::Call {
            id,
            name,
            input,
            cache_control: None,
        }
    }

    /// Writes it.
    pub fn put(&self, out: &mut Vec<u8>) {
        let mut object = match self {
            Block::Plain(block) => return write_json(block, out),
            _ => Object::begin(out),
        };
        match self {
            Block::Text {
                text,
                citations,
                cache_control,
            } => {
                let cited = Some(citations).filter(|all| !all.is_empty());
                text.put(object.text("type", "text").key("text"));
                object.may("citations", cited);
                object.may("cache_control", cache_control.as_ref());
            }
            Block::Call {
                id,
                name,
                input,
                cache_control,
            } => {
                object.text("type", "tool_use").text("id", id);
                object.text("name", name).member("input", input);
                object.may("cache_control", cache_control.as_ref());
            }
            Block::Result {
                tool_use_id,
                content,
                error,
                cache_control,
            } => {
                object.text("type", "tool_result");
                object.text("tool_use_id", tool_use_id);
                match content {
                    Content::Text(text) => text.put(object.key("content")),
                    Content::Blocks(blocks) => {
                        write_list(blocks, object.key("content"), Block::put)
                    }
                }
                object.may("is_error", error.then_some(&true));
                object.may("cache_control", cache_control.as_ref());
            }
            Block::Plain(_) => {}
        }
        object.end();
    }

    pub fn is_call(&self) -> bool {
        matches!(self, Block::Call { .. })
    }

    pub fn is_result(&self) -> bool {
        matches!(self, Block::Result { .. })
    }

    /// The text of a block that is nothing but that.
    pub fn only_text(&self) -> Option<&Told<'a>> {
        match self {
            Block::Text {
                text,
                cache_control: None,
                ..
            } => Some(text),
            _ => None,
        }
    }

    /// Shows whose words these are where only the user may speak.
    pub fn mark_as_system(&mut self) {
        if let Block::Text { text, .. } = self {
            *text = format!("<system>\n{}\n</system>", text.as_str()).into();
        }
    }

    pub fn trim_end(&mut self) {
        if let Block::Text { text, .. } = self {
            text.trim_end();
        }
    }

    /// Marks the end of what may be cached. `false`: thoughts cannot be marked.
    fn cache(&mut self, point: &CachePoint) -> bool {
        match self {
            Block::Plain(block)
                if block["type"] == "thinking" || block["type"] == "redacted_thinking" =>
            {
                return false;
            }
            Block::Plain(block) => block["cache_control"] = cache::write(point),
            Block::Text { cache_control, .. }
            | Block::Call { cache_control, .. }
            | Block::Result { cache_control, .. } => *cache_control = Some(cache::write(point)),
        }
        true
    }
}

/// Reads a `content` field: a string or a list of blocks.
pub fn read(raw: Raw<'_>, path: &str, lost: &mut Vec<String>) -> Result<Vec<Part>> {
    blocks(raw, path, false, lost)
}

/// Inside a result there are no further results: nesting would have no end.
fn blocks(raw: Raw<'_>, path: &str, in_result: bool, lost: &mut Vec<String>) -> Result<Vec<Part>> {
    if raw.is_string() {
        let text = words(raw, path)?;
        return Ok(if text.is_empty() {
            Vec::new()
        } else {
            vec![Part::text(text)]
        });
    }
    let list = items(raw, path, "a string or a list of content blocks")?;
    let mut parts = Vec::new();
    for (i, raw) in list.into_iter().enumerate() {
        let mut fields = Fields::of(raw, format!("{path}[{i}]"))?;
        match part(&mut fields, in_result, lost)? {
            Some(part) => parts.push(part),
            None => {
                parts.push(Part::Native(native(raw)));
                continue;
            }
        }
        parts.extend(cache::read(&mut fields, lost)?.map(Part::CachePoint));
        fields.rest(lost);
    }
    Ok(parts)
}

/// What only this format knows: what a provider's own tools did, and whatever is added later.
pub fn native(raw: Raw<'_>) -> Native {
    Native {
        format: super::NAME,
        // Raw JSON is JSON.
        json: raw.typed().unwrap_or_default(),
    }
}

/// `None`: only this format knows it.
fn part(fields: &mut Fields, in_result: bool, lost: &mut Vec<String>) -> Result<Option<Part>> {
    let part = match fields.need("type")?.as_str() {
        "text" => {
            let citations = fields
                .lenient("citations", Fields::objects)
                .unwrap_or_default();
            fields.need_words("text").map(|text| {
                Part::Text(Text {
                    citations: citations
                        .into_iter()
                        .map(|mut one| citation::read(&mut one))
                        .collect(),
                    ..Text::from(text)
                })
            })
        }
        "image" => media(MediaKind::Image, fields),
        "document" => media(MediaKind::Document, fields),
        "tool_use" | "tool_result" | "thinking" | "redacted_thinking" if in_result => Err(wrong(
            &fields.path("type"),
            "`text`, `image` or `document` inside a tool result",
        )),
        "tool_use" => {
            let at = fields.path("input");
            let input = fields.take("input").map_or("{}", Raw::get);
            if !input.starts_with('{') {
                return Err(wrong(&at, "an object"));
            }
            fields.take("caller");
            Ok(Part::Call(Call {
                id: fields.need("id")?,
                name: fields.need("name")?,
                arguments: input.to_owned(),
                ..Call::default()
            }))
        }
        "tool_result" => {
            let at = fields.path("content");
            let parts = match fields.take("content") {
                Some(raw) => blocks(raw, &at, true, lost)?,
                None => Vec::new(),
            };
            Ok(Part::Result(CallResult {
                id: fields.need("tool_use_id")?,
                parts,
                error: fields.flag("is_error")?.unwrap_or(false),
                ..CallResult::default()
            }))
        }
        // A search for tools that are loaded later. Elsewhere all of them are on offer from the beginning.
        "tool_reference" if in_result => {
            lost.push(adapted("messages.content.tool_reference"));
            let name = fields.need("tool_name")?;
            Ok(Part::text(format!("The tool `{name}` is there.")))
        }
        "thinking" => {
            let signature = fields.text("signature")?.filter(|seal| !seal.is_empty());
            Ok(Part::Thought(Thought {
                text: fields.text("thinking")?.unwrap_or_default(),
                seal: signature.map(|data| seal::read(data, HOME, SealKind::Signature)),
                ..Thought::default()
            }))
        }
        "redacted_thinking" => {
            let seal = seal::read(fields.need("data")?, HOME, SealKind::Encrypted);
            Ok(Part::Thought(Thought::sealed("", seal)))
        }
        _ => return Ok(None),
    };
    part.map(Some)
}

fn media(kind: MediaKind, fields: &mut Fields) -> Result<Part> {
    let at = fields.path("source");
    let mut source = fields.object("source")?.ok_or_else(|| missing(&at))?;
    let source = match source.need("type")?.as_str() {
        "url" => Source::Url(source.need("url")?),
        "base64" => Source::Base64 {
            mime: source.need("media_type")?,
            data: source.need("data")?,
        },
        "text" => Source::Text(source.need("data")?),
        "file" => Source::File(source.need("file_id")?),
        other => {
            return Err(unsupported(
                &source.path("type"),
                &format!("sources of type `{other}` cannot be translated to another format"),
            ));
        }
    };
    Ok(Part::Media(Media {
        kind,
        source,
        name: fields.text("title")?,
        detail: None,
    }))
}

/// Writes the blocks of one message. Text that is blank is left out: the API refuses it.
pub fn write<'a>(parts: &'a [Part], dropped: &mut Dropped) -> Result<Vec<Block<'a>>> {
    let mut blocks: Vec<Block<'a>> = Vec::with_capacity(parts.len());
    for part in parts {
        match part {
            Part::Text(text) if text.is_blank() => {}
            Part::Text(text) => blocks.push(Block::text(&text.text)),
            Part::CachePoint(point) => {
                if !blocks.last_mut().is_some_and(|last| last.cache(point)) {
                    dropped.push("messages.content.cache_control".into());
                }
            }
            Part::Media(media) => blocks.push(Block::Plain(write_media(media, dropped)?)),
            Part::Call(call) => blocks.push(Block::call(
                safe_id(&call.id).into(),
                &call.name,
                Cow::Borrowed(arguments::asked(call)?),
            )),
            Part::Result(result) => blocks.push(write_result(result, dropped)?),
            Part::Refusal(text) => blocks.push(Block::text(text.as_str())),
            Part::Thought(Thought {
                text,
                seal: Some(seal),
                ..
            }) if seal.issuer == HOME => blocks.push(thought(text, seal)),
            // Without its seal a thought is refused, and another's is none.
            Part::Thought(_) => dropped.push("messages.reasoning_content".into()),
            Part::Native(native) if native.format == super::NAME => {
                blocks.push(Block::Plain(native.json.clone()));
            }
            Part::Native(native) => return Err(foreign(native)),
        }
    }
    Ok(blocks)
}

/// A sealed thought; one that is nothing but encrypted has no text.
pub fn thought(text: &str, seal: &Seal) -> Block<'static> {
    let data = seal::write(seal, HOME);
    Block::Plain(match seal.kind {
        SealKind::Encrypted if text.is_empty() => {
            json!({"type": "redacted_thinking", "data": data})
        }
        _ => json!({"type": "thinking", "thinking": text, "signature": data}),
    })
}

/// Ids may hold letters, digits, `_` and `-` here and anything elsewhere.
pub fn safe_id(id: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    call_id::fitting(id, fits, usize::MAX)
}

fn write_result<'a>(result: &'a CallResult, dropped: &mut Dropped) -> Result<Block<'a>> {
    let content = match result.parts.as_slice() {
        [] => Content::Text("".into()),
        [Part::Text(text)] => Content::Text(Told::Words(&text.text)),
        parts => Content::Blocks(write(parts, dropped)?),
    };
    Ok(Block::Result {
        tool_use_id: safe_id(&result.id),
        content,
        error: result.error,
        cache_control: None,
    })
}

fn write_media(media: &Media, dropped: &mut Dropped) -> Result<Value> {
    let kind = match media.kind {
        MediaKind::Image => "image",
        MediaKind::Document => "document",
        MediaKind::Audio => {
            return Err(unsupported(
                "messages.content.input_audio",
                "sound cannot be sent to an Anthropic model",
            ));
        }
        MediaKind::Video => {
            return Err(unsupported(
                "messages.content.video_url",
                "films cannot be sent to an Anthropic model",
            ));
        }
    };
    if media
        .detail
        .as_deref()
        .is_some_and(|detail| detail != "auto")
    {
        dropped.push("messages.content.image_url.detail".into());
    }
    let source = match &media.source {
        Source::Url(url) if url.starts_with("data:") => {
            return Err(unsupported(
                "messages.content.image_url.url",
                "a `data:` URL must be base64 to be sent to an Anthropic model",
            ));
        }
        Source::Url(url) => json!({"type": "url", "url": url}),
        Source::Base64 { mime, data }
            if media.kind == MediaKind::Document && mime != "application/pdf" =>
        {
            plain_text(mime, data)?
        }
        Source::Base64 { mime, data } => {
            json!({"type": "base64", "media_type": mime, "data": data})
        }
        Source::Text(text) => json!({"type": "text", "media_type": "text/plain", "data": text}),
        Source::File(_) => {
            return Err(unsupported(
                "messages.content.file.file_id",
                "a file uploaded to another provider cannot be sent to an Anthropic model",
            ));
        }
    };
    let mut block = Map::new();
    block.insert("type".into(), json!(kind));
    block.insert("source".into(), source);
    if let (Some(name), MediaKind::Document) = (&media.name, media.kind) {
        block.insert("title".into(), json!(name));
    }
    Ok(Value::Object(block))
}

/// What only another format knows.
fn foreign(native: &Native) -> Error {
    let kind = native.json["type"].as_str().unwrap_or_default();
    unsupported(
        "messages.content",
        &format!(
            "`{}` of {} cannot be sent to an Anthropic model",
            kind.escape_debug(),
            native.format
        ),
    )
}

/// Documents are PDF or plain text.
fn plain_text(mime: &str, data: &str) -> Result<Value> {
    use base64::Engine;
    let refused = || {
        unsupported(
            "messages.content.file.file_data",
            &format!(
                "a document of type `{mime}` cannot be sent to an Anthropic model, only PDF and text"
            ),
        )
    };
    if !mime.starts_with("text/") {
        return Err(refused());
    }
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(data)
        .map_err(|_| refused())?;
    let text = String::from_utf8(bytes).map_err(|_| refused())?;
    Ok(json!({"type": "text", "media_type": "text/plain", "data": text}))
}
