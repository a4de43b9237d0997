//! Content blocks of a conversation, both directions: each is an object with one member that says what it is.

use super::document::Names;
use super::family::Family;
use super::{NAME, citation, media, seals};
use crate::chat::{CachePoint, Call, CallResult, Native, Part, SealKind, Text, Thought};
use crate::error::{Error, Result};
use crate::formats::document::Raw;
use crate::formats::fields::{Fields, adapted, missing, unsupported, wrong};
use crate::formats::written::{Object, Told, Tree, write_json};
use crate::formats::{Dropped, arguments, call_id};
use serde_json::{Value, json, value::RawValue};
use std::borrow::Cow;

/// A block with the mark behind it up to which a prompt may be cached; the input of a call keeps the text the model wrote.
#[derive(Debug)]
pub struct Block<'a> {
    said: Said<'a>,
    cache: Option<Value>,
}

#[derive(Debug)]
enum Said<'a> {
    Text(Told<'a>),
    Plain(Tree<'a>),
}

impl<'a> From<Tree<'a>> for Block<'a> {
    fn from(plain: Tree<'a>) -> Block<'a> {
        Block {
            said: Said::Plain(plain),
            cache: None,
        }
    }
}

impl<'a> Block<'a> {
    pub fn text(text: impl Into<Told<'a>>) -> Block<'a> {
        Block {
            said: Said::Text(text.into()),
            cache: None,
        }
    }

    pub fn is_call(&self) -> bool {
        self.is(CALL)
    }

    /// Whether it is of this kind.
    pub fn is(&self, member: &str) -> bool {
        match &self.said {
            Said::Text(_) => member == TEXT,
            Said::Plain(block) => block.has(member),
        }
    }

    /// Shows whose words these are where only the user may speak.
    pub fn mark_as_system(&mut self) {
        if let Said::Text(text) = &mut self.said {
            *text = format!("<system>\n{}\n</system>", text.as_str()).into();
        }
    }

    pub fn trim_end(&mut self) {
        if let Said::Text(text) = &mut self.said {
            text.trim_end();
        }
    }
}

const TEXT: &str = "text";
const CALL: &str = "toolUse";

/// Writes a list of blocks with the marks between them.
pub fn put(blocks: &[Block<'_>], out: &mut Vec<u8>) {
    let mut first = true;
    let mut next = |out: &mut Vec<u8>| {
        if !std::mem::replace(&mut first, false) {
            out.push(b',');
        }
    };
    out.push(b'[');
    for Block { said, cache } in blocks {
        next(out);
        match said {
            Said::Text(text) => {
                let mut object = Object::begin(out);
                text.put(object.key(TEXT));
                object.end();
            }
            Said::Plain(block) => block.put(out),
        }
        if let Some(point) = cache {
            next(out);
            write_json(point, out);
        }
    }
    out.push(b']');
}

/// A call. Its input is JSON that was checked.
pub fn call<'a>(id: Cow<'a, str>, name: &'a str, input: Cow<'a, RawValue>) -> Tree<'a> {
    let call = Tree::object([
        ("toolUseId", Told::Text(id).into()),
        ("name", name.into()),
        ("input", Tree::Raw(input)),
    ]);
    Tree::object([(CALL, call)])
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
pub fn write<'a>(parts: &'a [Part], pen: &mut Pen<'_>) -> Result<Vec<Block<'a>>> {
    let mut blocks: Vec<Block<'a>> = Vec::new();
    for part in parts {
        match part {
            Part::Text(text) if text.is_blank() => {}
            Part::Text(text) => blocks.push(Block::text(&text.text)),
            Part::Refusal(text) => blocks.push(Block::text(text)),
            Part::CachePoint(point) => mark(&mut blocks, point, pen),
            Part::Media(media) => {
                let block = media::write(media, &mut pen.names, pen.dropped)?;
                blocks.push(block.into());
            }
            Part::Call(call) => blocks.push(written(call)?.into()),
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
                blocks.push(Tree::from(&native.json).into());
            }
            Part::Native(native) => return Err(foreign(native)),
        }
    }
    Ok(blocks)
}

/// Marks the end of what may be cached; thoughts cannot be marked, nor prompts of those who have no cache.
fn mark(blocks: &mut [Block<'_>], point: &CachePoint, pen: &mut Pen<'_>) {
    match blocks.last_mut() {
        Some(last) if pen.family.caches() && !last.is("reasoningContent") => {
            last.cache = Some(cache_point(point, pen.dropped));
        }
        _ => pen.dropped.push("messages.content.cache_control".into()),
    }
}

/// A sealed thought; one that is nothing but encrypted has no text.
pub fn thought<'a>(text: &'a str, seal: &crate::chat::Seal) -> Tree<'a> {
    let told = match seal.kind {
        SealKind::Encrypted if text.is_empty() => {
            json!({"redactedContent": seals::write_redacted(seal)}).into()
        }
        _ => {
            let mut told = Tree::said(None, TEXT, text);
            told.push("signature", seals::write(seal));
            Tree::object([("reasoningText", told)])
        }
    };
    Tree::object([("reasoningContent", told)])
}

/// Ids may hold letters, digits and a few marks here, and are short.
fn id(id: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_.:-".contains(c);
    call_id::fitting(id, fits, 64)
}

fn written(call: &Call) -> Result<Tree<'_>> {
    let input = Cow::Borrowed(arguments::asked(call)?);
    Ok(self::call(id(&call.id).into(), &call.name, input))
}

fn result<'a>(
    result: &'a CallResult,
    blocks: &mut Vec<Block<'a>>,
    pen: &mut Pen<'_>,
) -> Result<()> {
    let (mut content, mut cached) = (Vec::new(), None);
    for part in &result.parts {
        match part {
            Part::Text(text) if text.is_empty() => {}
            Part::Text(text) => content.push(Tree::said(None, TEXT, &text.text)),
            Part::Refusal(text) => content.push(Tree::said(None, TEXT, text)),
            Part::Media(media) if media.kind != crate::chat::MediaKind::Audio => {
                content.push(media::write(media, &mut pen.names, pen.dropped)?);
            }
            // Only behind the result.
            Part::CachePoint(point) => cached = Some(point),
            Part::Native(native) if native.format == NAME => content.push(Tree::from(&native.json)),
            Part::Native(native) => return Err(foreign(native)),
            Part::Media(_) | Part::Call(_) | Part::Result(_) | Part::Thought(_) => {
                return Err(unsupported(
                    "messages.content",
                    "a tool's result can hold text, images, documents and films for Amazon Bedrock, nothing else",
                ));
            }
        }
    }
    let mut block = Tree::object([
        ("toolUseId", id(&result.id).into()),
        ("content", content.into()),
    ]);
    if result.error {
        block.push("status", "error");
    }
    blocks.push(Tree::object([("toolResult", block)]).into());
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
