//! Content blocks of a conversation, both directions: each is an object with one member that says what it is.

use super::document::Names;
use super::family::Family;
use super::{NAME, citation, media, seals};
use crate::chat::{CachePoint, Call, CallResult, Native, Part, SealKind, Text, Thought};
use crate::error::{Error, Result};
use crate::formats::document::Raw;
use crate::formats::fields::{Fields, adapted, missing, unsupported, wrong};
use crate::formats::{Dropped, call_id};
use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};
use serde_json::{Value, json, value::RawValue};

/// A block as it is written; the input of a call keeps the text the model wrote.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Said {
    Plain(Value),
    Call {
        #[serde(rename = "toolUse")]
        call: ToolUse,
    },
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolUse {
    pub tool_use_id: String,
    pub name: String,
    pub input: Box<RawValue>,
}

/// A block with the mark behind it up to which a prompt may be cached.
#[derive(Debug)]
pub struct Block {
    pub said: Said,
    cache: Option<Value>,
}

impl From<Value> for Block {
    fn from(plain: Value) -> Block {
        Block {
            said: Said::Plain(plain),
            cache: None,
        }
    }
}

impl Block {
    pub fn text(text: &str) -> Block {
        Block::from(json!({"text": text}))
    }

    pub fn is_call(&self) -> bool {
        matches!(self.said, Said::Call { .. })
    }

    /// Whether it is of this kind.
    pub fn is(&self, member: &str) -> bool {
        matches!(&self.said, Said::Plain(block) if block.get(member).is_some())
    }

    /// Shows whose words these are where only the user may speak.
    pub fn mark_as_system(&mut self) {
        self.edit_text(|text| format!("<system>\n{text}\n</system>"));
    }

    pub fn trim_end(&mut self) {
        self.edit_text(|text| text.trim_end().to_owned());
    }

    fn edit_text(&mut self, edit: impl FnOnce(&str) -> String) {
        if let Said::Plain(block) = &mut self.said
            && let Some(Value::String(text)) = block.get_mut("text")
        {
            *text = edit(text);
        }
    }
}

/// A list of blocks with the marks between them.
pub fn listed<S: Serializer>(blocks: &[Block], to: S) -> std::result::Result<S::Ok, S::Error> {
    let marks = blocks.iter().filter(|block| block.cache.is_some()).count();
    let mut list = to.serialize_seq(Some(blocks.len() + marks))?;
    for Block { said, cache } in blocks {
        list.serialize_element(said)?;
        if let Some(point) = cache {
            list.serialize_element(point)?;
        }
    }
    list.end()
}

/// A mark of the prompt cache; lifetimes that the API does not know are its own affair.
pub fn cache_point(point: &CachePoint, dropped: &mut Dropped) -> Value {
    let mut mark = json!({"type": "default"});
    match point.ttl.as_deref() {
        None => {}
        Some(ttl @ ("5m" | "1h")) => mark["ttl"] = json!(ttl),
        Some(_) => dropped.push(adapted("messages.content.cache_control")),
    }
    json!({"cachePoint": mark})
}

/// What is needed to write blocks.
pub struct Pen<'a> {
    pub family: Family,
    pub names: Names,
    pub dropped: &'a mut Dropped,
}

/// Writes the blocks of one message. Text that is blank is left out: the API refuses it.
pub fn write(parts: &[Part], pen: &mut Pen<'_>) -> Result<Vec<Block>> {
    let mut blocks: Vec<Block> = Vec::new();
    for part in parts {
        match part {
            Part::Text(text) if text.is_blank() => {}
            Part::Text(text) => blocks.push(Block::text(text)),
            Part::Refusal(text) => blocks.push(Block::text(text)),
            Part::CachePoint(point) => mark(&mut blocks, point, pen),
            Part::Media(media) => {
                let block = media::write(media, &mut pen.names, pen.dropped)?;
                blocks.push(block.into());
            }
            Part::Call(call) => blocks.push(Block {
                said: Said::Call {
                    call: written(call)?,
                },
                cache: None,
            }),
            Part::Result(result) => self::result(result, &mut blocks, pen)?,
            Part::Thought(Thought {
                text,
                seal: Some(seal),
                ..
            }) if seal.issuer == seals::HOME && pen.family.may_be_claude() => {
                blocks.push(thought(text, seal).into());
            }
            // Without its seal a thought is refused, and another's is none.
            Part::Thought(_) => pen.dropped.push("messages.reasoning_content".into()),
            Part::Native(native) if native.format == NAME => {
                blocks.push(native.json.clone().into());
            }
            Part::Native(native) => return Err(foreign(native)),
        }
    }
    Ok(blocks)
}

/// Marks the end of what may be cached; thoughts cannot be marked, nor prompts of those who have no cache.
fn mark(blocks: &mut [Block], point: &CachePoint, pen: &mut Pen<'_>) {
    match blocks.last_mut() {
        Some(last) if pen.family.caches() && !last.is("reasoningContent") => {
            last.cache = Some(cache_point(point, pen.dropped));
        }
        _ => pen.dropped.push("messages.content.cache_control".into()),
    }
}

/// A sealed thought; one that is nothing but encrypted has no text.
pub fn thought(text: &str, seal: &crate::chat::Seal) -> Value {
    match seal.kind {
        SealKind::Encrypted if text.is_empty() => {
            json!({"reasoningContent": {"redactedContent": seals::write_redacted(seal)}})
        }
        _ => {
            json!({"reasoningContent": {"reasoningText": {"text": text, "signature": seals::write(seal)}}})
        }
    }
}

/// Ids may hold letters, digits and a few marks here, and are short.
fn id(id: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_.:-".contains(c);
    call_id::fitting(id, fits, 64)
}

fn written(call: &Call) -> Result<ToolUse> {
    let input = object(&call.arguments).ok_or_else(|| {
        Error::invalid(format!(
            "the arguments of the call of `{}` are not a JSON object",
            call.name
        ))
        .param("messages.tool_calls.function.arguments")
        .hint("give the arguments as the text of one JSON object")
    })?;
    Ok(ToolUse {
        tool_use_id: id(&call.id),
        name: call.name.clone(),
        input,
    })
}

/// The text as raw JSON where it is an object; nothing and `null` are an empty one.
pub fn object(text: &str) -> Option<Box<RawValue>> {
    let text = match text.trim() {
        "" | "null" => "{}",
        text => text,
    };
    RawValue::from_string(text.to_owned())
        .ok()
        .filter(|raw| raw.get().starts_with('{'))
}

fn result(result: &CallResult, blocks: &mut Vec<Block>, pen: &mut Pen<'_>) -> Result<()> {
    let (mut content, mut cached) = (Vec::new(), None);
    for part in &result.parts {
        match part {
            Part::Text(text) if text.is_empty() => {}
            Part::Text(text) => content.push(json!({"text": text.text})),
            Part::Refusal(text) => content.push(json!({"text": text})),
            Part::Media(media) if media.kind != crate::chat::MediaKind::Audio => {
                content.push(media::write(media, &mut pen.names, pen.dropped)?);
            }
            // Only behind the result.
            Part::CachePoint(point) => cached = Some(point),
            Part::Native(native) if native.format == NAME => content.push(native.json.clone()),
            Part::Native(native) => return Err(foreign(native)),
            Part::Media(_) | Part::Call(_) | Part::Result(_) | Part::Thought(_) => {
                return Err(unsupported(
                    "messages.content",
                    "a tool's result can hold text, images, documents and films for Amazon Bedrock, nothing else",
                ));
            }
        }
    }
    let mut block = json!({"toolUseId": id(&result.id), "content": content});
    if result.error {
        block["status"] = json!("error");
    }
    blocks.push(json!({"toolResult": block}).into());
    if let Some(point) = cached {
        pen.dropped.push(adapted("messages.content.cache_control"));
        mark(blocks, point, pen);
    }
    Ok(())
}

/// What only another format knows.
fn foreign(native: &Native) -> Error {
    let kind = native.json["type"].as_str().unwrap_or_default();
    unsupported(
        "messages.content",
        &format!(
            "`{}` of {} cannot be sent to Amazon Bedrock",
            kind.escape_debug(),
            native.format
        ),
    )
}

/// Reads the blocks of a list, each a `content` member's or of `system`.
pub fn read(list: Vec<Raw<'_>>, path: &str, lost: &mut Vec<String>) -> Result<Vec<Part>> {
    blocks(list, path, false, lost)
}

/// Inside a result there are no further results: nesting would have no end.
fn blocks(
    list: Vec<Raw<'_>>,
    path: &str,
    in_result: bool,
    lost: &mut Vec<String>,
) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    for (i, raw) in list.into_iter().enumerate() {
        let mut fields = Fields::of(raw, format!("{path}[{i}]"))?;
        match part(&mut fields, in_result, lost)? {
            // Sources of the text in front of them.
            Some(Part::Text(text)) if text.is_empty() && !text.citations.is_empty() => {
                if let Some(Part::Text(before)) = parts.last_mut() {
                    before.citations.extend(text.citations);
                }
            }
            Some(part) => parts.push(part),
            None => {
                parts.push(Part::Native(native(raw)));
                continue;
            }
        }
        fields.rest(lost);
    }
    Ok(parts)
}

/// What only this format knows: what a provider's own tools did, and whatever is added later.
fn native(raw: Raw<'_>) -> Native {
    Native {
        format: NAME,
        // Raw JSON is JSON.
        json: raw.typed().unwrap_or_default(),
    }
}

/// `None`: only this format knows it.
fn part(fields: &mut Fields, in_result: bool, lost: &mut Vec<String>) -> Result<Option<Part>> {
    if let Some(text) = fields.words("text")? {
        return Ok(Some(Part::text(text)));
    }
    for member in ["image", "document", "video", "audio"] {
        if let Some(mut given) = fields.object(member)?
            && let Some(kind) = media::kind(member)
        {
            let media = media::read(kind, &mut given, lost)?;
            given.rest(lost);
            return Ok(Some(Part::Media(media)));
        }
    }
    if in_result {
        // A result of JSON is the text of it.
        return Ok(fields.take("json").map(|raw| Part::text(raw.get())));
    }
    if let Some(mut mark) = fields.object("cachePoint")? {
        mark.take("type");
        let ttl = mark.text("ttl")?;
        return Ok(Some(Part::CachePoint(CachePoint { ttl })));
    }
    if let Some(mut reasoning) = fields.object("reasoningContent")? {
        return thought_of(&mut reasoning);
    }
    if let Some(mut cited) = fields.object("citationsContent")? {
        return Ok(Some(Part::Text(self::cited(&mut cited))));
    }
    if let Some(mut guarded) = fields.object("guardContent")? {
        // Without the guardrail it is text like any other.
        let Some(mut text) = guarded.object("text")? else {
            return Ok(None);
        };
        lost.push(adapted("messages.content.guardContent"));
        return Ok(Some(Part::text(text.need("text")?)));
    }
    let own = |raw: Option<Raw<'_>>| match raw {
        Some(raw) => Fields::of(raw, "").is_ok_and(|mut block| {
            // Calls and results of tools that the provider runs say which.
            let kind = block.lenient("type", Fields::text);
            matches!(
                kind.as_deref(),
                None | Some("" | "tool_use" | "tool_result")
            )
        }),
        None => false,
    };
    if own(fields.peek("toolUse"))
        && let Some(mut call) = fields.object("toolUse")?
    {
        let at = call.path("input");
        let input = call.take("input").map_or("{}", Raw::get);
        if !input.starts_with('{') {
            return Err(wrong(&at, "an object"));
        }
        call.take("type");
        let read = Call {
            id: call.need("toolUseId")?,
            name: call.need("name")?,
            arguments: input.to_owned(),
            ..Call::default()
        };
        call.rest(lost);
        return Ok(Some(Part::Call(read)));
    }
    if own(fields.peek("toolResult"))
        && let Some(mut result) = fields.object("toolResult")?
    {
        let at = result.path("content");
        let content = result.list("content")?.unwrap_or_default();
        result.take("type");
        let read = CallResult {
            id: result.need("toolUseId")?,
            parts: blocks(content, &at, true, lost)?,
            error: result.text("status")?.as_deref() == Some("error"),
            ..CallResult::default()
        };
        result.rest(lost);
        return Ok(Some(Part::Result(read)));
    }
    Ok(None)
}

fn thought_of(reasoning: &mut Fields) -> Result<Option<Part>> {
    if let Some(mut told) = reasoning.object("reasoningText")? {
        let at = told.path("text");
        return Ok(Some(Part::Thought(Thought {
            text: told.text("text")?.ok_or_else(|| missing(&at))?,
            seal: told.text("signature")?.and_then(seals::signature),
            ..Thought::default()
        })));
    }
    let blob = reasoning.text("redactedContent")?.unwrap_or_default();
    let seal = seals::redacted(&blob);
    Ok(seal.map(|seal| Part::Thought(Thought::sealed("", seal))))
}

/// Text with what it rests on.
pub fn cited(cited: &mut Fields) -> Text {
    let pieces = cited.lenient("content", Fields::objects);
    let said = pieces.unwrap_or_default();
    let text: String = said
        .into_iter()
        .filter_map(|mut piece| piece.lenient("text", Fields::text))
        .collect();
    let sources = cited.lenient("citations", Fields::objects);
    Text {
        citations: sources
            .unwrap_or_default()
            .iter_mut()
            .map(citation::read)
            .collect(),
        ..Text::from(text)
    }
}
