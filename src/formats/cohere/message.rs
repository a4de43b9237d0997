//! The conversation, both directions. The neutral model keeps results of tool calls in the user's turn; here each is a
//! message of its own.

use super::{HOME, document, tool};
use crate::chat::{
    CallResult, Chat, Media, MediaKind, Message, Part, Role, Seal, SealKind, Source, Thought,
};
use crate::error::Result;
use crate::formats::document::Raw;
use crate::formats::fields::{Fields, items, missing, unsupported, words, wrong};
use crate::formats::written::Tree;
use crate::formats::{Dropped, seal};

/// Reads every message into `chat`.
pub fn read(messages: Vec<Fields>, chat: &mut Chat) -> Result<()> {
    for mut fields in messages {
        let role = fields.need("role")?;
        let at = fields.path("content");
        let mut parts = match fields.take("content") {
            Some(raw) => content(raw, &at, &mut chat.lost)?,
            None => Vec::new(),
        };
        match role.as_str() {
            "system" => chat.messages.push(Message {
                role: Role::System,
                parts,
                id: None,
            }),
            "user" => chat.user_says(parts),
            "tool" => chat.user_says(vec![Part::Result(CallResult {
                id: fields.need("tool_call_id")?,
                parts,
                ..CallResult::default()
            })]),
            "assistant" => {
                let plan = fields.text("tool_plan")?.filter(|plan| !plan.is_empty());
                if let Some(plan) = plan {
                    parts.insert(0, Part::Thought(planned(plan)));
                }
                parts.extend(tool::calls(&mut fields, &mut chat.lost)?);
                // What an answer rested on is said again by what it rests on.
                fields.take("citations");
                chat.messages.push(Message {
                    role: Role::Assistant,
                    parts,
                    id: None,
                });
            }
            _ => {
                return Err(wrong(
                    &fields.path("role"),
                    "`system`, `user`, `assistant` or `tool`",
                ));
            }
        }
        fields.rest(&mut chat.lost);
    }
    Ok(())
}

/// The plan in front of calls, as it travels.
pub fn planned(plan: String) -> Thought {
    Thought::sealed("", Seal::encrypted(HOME, plan))
}

/// A string or a list of parts.
fn content(raw: Raw<'_>, path: &str, lost: &mut Vec<String>) -> Result<Vec<Part>> {
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
        parts.push(part(&mut fields, lost)?);
        fields.rest(lost);
    }
    Ok(parts)
}

fn part(fields: &mut Fields, lost: &mut Vec<String>) -> Result<Part> {
    let kind = fields.need("type")?;
    match kind.as_str() {
        "text" => fields.need_words("text").map(Part::text),
        "thinking" => thought(fields).map(Part::Thought),
        "image_url" => {
            let at = fields.path("image_url");
            let mut image = fields.object("image_url")?.ok_or_else(|| missing(&at))?;
            let part = Part::Media(Media {
                kind: MediaKind::Image,
                source: Source::of_url(image.need("url")?),
                name: None,
                detail: image.text("detail")?,
            });
            image.rest(lost);
            Ok(part)
        }
        "document" => document::in_result(fields, lost),
        other => Err(unsupported(
            &fields.path("type"),
            &format!(
                "content parts of type `{}` are not known",
                other.escape_debug()
            ),
        )),
    }
}

/// A thought; another provider's seal stands beside it.
pub fn thought(fields: &mut Fields) -> Result<Thought> {
    let text = fields.text("thinking")?.unwrap_or_default();
    let sealed = fields.text("signature")?.filter(|seal| !seal.is_empty());
    let kind = kind_of(&text);
    Ok(Thought {
        text,
        seal: sealed.map(|data| seal::read(data, HOME, kind)),
        ..Thought::default()
    })
}

/// What a seal without a mark is.
pub fn kind_of(text: &str) -> SealKind {
    match text.is_empty() {
        true => SealKind::Encrypted,
        false => SealKind::Signature,
    }
}

/// Writes every message, and the documents that stand in them.
pub fn write<'a>(
    messages: &'a [Message],
    dropped: &mut Dropped,
) -> Result<(Vec<Tree<'a>>, Vec<Tree<'a>>)> {
    let (mut out, mut documents) = (Vec::new(), Vec::new());
    for message in messages {
        match message.role {
            Role::System => {
                let said = unmarked(&message.parts, "system.cache_control", dropped);
                out.push(turn("system", content_of(&said, dropped)?));
            }
            Role::User => user(message, &mut out, &mut documents, dropped)?,
            Role::Assistant => out.push(assistant(message, dropped)?),
        }
    }
    Ok((out, documents))
}

fn turn<'a>(role: &'static str, content: Tree<'a>) -> Tree<'a> {
    Tree::object([("role", role.into()), ("content", content)])
}

/// The parts without the marks for caches: prompts are cached unasked here.
fn unmarked<'a>(parts: &'a [Part], path: &str, dropped: &mut Dropped) -> Vec<&'a Part> {
    let said: Vec<&Part> = parts
        .iter()
        .filter(|part| !matches!(part, Part::CachePoint(_)))
        .collect();
    if said.len() < parts.len() {
        dropped.push(path.to_owned());
    }
    said
}

/// Where marks for caches stand in turns.
const MARK: &str = "messages.content.cache_control";

/// Results first: they must follow the calls directly.
fn user<'a>(
    message: &'a Message,
    out: &mut Vec<Tree<'a>>,
    documents: &mut Vec<Tree<'a>>,
    dropped: &mut Dropped,
) -> Result<()> {
    let parts = unmarked(&message.parts, MARK, dropped);
    let (results, said): (Vec<&Part>, Vec<&Part>) = parts
        .into_iter()
        .partition(|part| matches!(part, Part::Result(_)));
    for part in &results {
        if let Part::Result(result) = part {
            out.push(answered(result, dropped)?);
        }
    }
    let (given, mut said): (Vec<&Part>, Vec<&Part>) =
        said.into_iter().partition(|part| document::is_one(part));
    // A turn must say something.
    match said.is_empty() && results.is_empty() {
        true => said = given,
        false => documents.extend(
            given
                .into_iter()
                .filter_map(|part| document::beside(part, dropped)),
        ),
    }
    if !said.is_empty() || message.parts.is_empty() {
        out.push(turn("user", content_of(&said, dropped)?));
    }
    Ok(())
}

/// What a call came to.
fn answered<'a>(result: &'a CallResult, dropped: &mut Dropped) -> Result<Tree<'a>> {
    if result.error {
        dropped.push("messages.content.is_error".into());
    }
    let parts = unmarked(&result.parts, MARK, dropped);
    let content = match parts.as_slice() {
        [] => "".into(),
        [Part::Text(text)] => Tree::from(&text.text),
        // Nothing but text and documents can stand there.
        many => many
            .iter()
            .map(|part| match part {
                Part::Media(media) if media.kind != MediaKind::Document => Err(refused(
                    "messages.content",
                    "an image, a sound or a film in a tool's result",
                )),
                part => match document::of_result(part) {
                    Some(document) => Ok(document),
                    None => written(part, dropped),
                },
            })
            .collect::<Result<_>>()
            .map(Tree::List)?,
    };
    Ok(Tree::object([
        ("role", "tool".into()),
        ("tool_call_id", Tree::from(&result.id)),
        ("content", content),
    ]))
}

/// One text is a string, everything else a list.
fn content_of<'a>(parts: &[&'a Part], dropped: &mut Dropped) -> Result<Tree<'a>> {
    match parts {
        [] => Ok("".into()),
        [Part::Text(text)] => Ok(Tree::from(&text.text)),
        many => many
            .iter()
            .map(|part| match document::as_text(part, dropped) {
                Some(text) => Ok(text),
                None => written(part, dropped),
            })
            .collect::<Result<_>>()
            .map(Tree::List),
    }
}

/// Writes one text or media part.
fn written<'a>(part: &'a Part, dropped: &mut Dropped) -> Result<Tree<'a>> {
    match part {
        Part::Text(text) => Ok(Tree::said(Some("text"), "text", &text.text)),
        Part::Refusal(text) => Ok(Tree::said(Some("text"), "text", text)),
        Part::Media(media) => shown(media, dropped),
        Part::Native(native) => Err(refused(
            "messages.content",
            &format!(
                "`{}` of {}",
                native.json["type"]
                    .as_str()
                    .unwrap_or_default()
                    .escape_debug(),
                native.format
            ),
        )),
        Part::Call(_) | Part::Result(_) | Part::Thought(_) | Part::CachePoint(_) => Err(refused(
            "messages",
            "a tool call, a tool result or a thought where only text and media can stand",
        )),
    }
}

/// How closely an image may be asked to be looked at.
const DETAILS: [&str; 3] = ["auto", "low", "high"];

fn shown<'a>(media: &'a Media, dropped: &mut Dropped) -> Result<Tree<'a>> {
    let url = match (media.kind, &media.source) {
        (MediaKind::Image, Source::Url(url)) => Tree::from(url),
        (MediaKind::Image, Source::Base64 { mime, data }) => {
            format!("data:{mime};base64,{data}").into()
        }
        (MediaKind::Audio, _) => return Err(refused("messages.content.input_audio", "sound")),
        (MediaKind::Video, _) => return Err(refused("messages.content.video_url", "a film")),
        (_, Source::File(_)) => {
            return Err(refused(
                "messages.content.file.file_id",
                "a file uploaded elsewhere",
            ));
        }
        (MediaKind::Document | MediaKind::Image, _) => {
            return Err(refused(
                "messages.content.file.file_data",
                "a document that is not plain text",
            ));
        }
    };
    let mut image = Tree::object([("url", url)]);
    match &media.detail {
        Some(detail) if DETAILS.contains(&&**detail) => image.push("detail", detail),
        Some(_) => dropped.push("messages.content.image_url.detail".into()),
        None => {}
    }
    Ok(Tree::object([
        ("type", "image_url".into()),
        ("image_url", image),
    ]))
}

fn refused(path: &str, what: &str) -> crate::error::Error {
    unsupported(path, &format!("{what} cannot be sent to a Cohere model"))
}

/// What nobody sealed goes back as a thought, Cohere's own plan as a plan, and other providers' seals to nobody.
fn assistant<'a>(message: &'a Message, dropped: &mut Dropped) -> Result<Tree<'a>> {
    let (mut said, mut calls, mut plan) = (Vec::new(), Vec::new(), String::new());
    // One text is a string.
    let mut alone = None;
    for part in unmarked(&message.parts, MARK, dropped) {
        if said.is_empty() {
            alone = text_alone(part);
        }
        match part {
            Part::Call(call) => calls.push(tool::call(call)),
            Part::Thought(Thought {
                text, seal: None, ..
            }) => {
                said.push(Tree::said(Some("thinking"), "thinking", text));
            }
            Part::Thought(Thought {
                seal: Some(seal), ..
            }) if seal.issuer == HOME && seal.kind == SealKind::Encrypted => {
                plan.push_str(&seal.data);
            }
            Part::Thought(_) => dropped.push("messages.content.thinking".into()),
            Part::Media(_) => {
                return Err(refused(
                    "messages.content",
                    "what the model itself has shown",
                ));
            }
            other => said.push(written(other, dropped)?),
        }
    }
    let mut out = Tree::object([("role", "assistant".into())]);
    if !plan.is_empty() {
        out.push("tool_plan", plan);
    }
    match (said.len(), alone) {
        (0, _) if !calls.is_empty() => {}
        (0, _) => out.push("content", ""),
        (1, Some(text)) => out.push("content", text),
        _ => out.push("content", said),
    }
    if !calls.is_empty() {
        out.push("tool_calls", calls);
    }
    Ok(out)
}

/// A part of words as these alone.
fn text_alone(part: &Part) -> Option<Tree<'_>> {
    match part {
        Part::Text(text) => Some(Tree::from(&text.text)),
        Part::Refusal(text) => Some(Tree::from(text)),
        _ => None,
    }
}
