//! Documents, both directions: a model answers out of them and cites them. They stand beside the conversation, and in
//! results of tools. <https://docs.cohere.com/docs/retrieval-augmented-generation-rag>

use crate::chat::{Chat, Media, MediaKind, Message, Part, Role, Source};
use crate::error::Result;
use crate::formats::Dropped;
use crate::formats::document::Raw;
use crate::formats::fields::{Fields, adapted, missing, string};
use crate::formats::written::Tree;
use serde_json::Value;

/// How a document that stands beside the conversation is called where callers have it in a turn.
const FIELD: &str = "documents";

/// Takes the request's documents into the turn that asks about them, in front of what is asked.
pub fn read(fields: &mut Fields, chat: &mut Chat) -> Result<()> {
    let mut parts = Vec::new();
    for (i, raw) in fields
        .list(FIELD)?
        .unwrap_or_default()
        .into_iter()
        .enumerate()
    {
        parts.push(given(raw, &format!("{FIELD}[{i}]"), &mut chat.lost)?);
    }
    if parts.is_empty() {
        return Ok(());
    }
    let asks = |message: &Message| {
        let result = |part: &Part| matches!(part, Part::Result(_));
        message.role == Role::User && !message.parts.iter().all(result)
    };
    match chat.messages.iter_mut().rev().find(|message| asks(message)) {
        Some(message) => {
            // Results of calls stay in front.
            let said = |part: &Part| !matches!(part, Part::Result(_));
            let at = message.parts.iter().position(said).unwrap_or_default();
            message.parts.splice(at..at, parts);
        }
        None => chat.messages.push(Message {
            role: Role::User,
            parts,
            id: None,
        }),
    }
    Ok(())
}

/// A string, or an object of what the model is told of it.
fn given(raw: Raw<'_>, path: &str, lost: &mut Vec<String>) -> Result<Part> {
    let (text, name) = match raw.is_string() {
        true => (string(raw, path)?, None),
        false => {
            let mut fields = Fields::of(raw, path)?;
            let at = fields.path("data");
            let data = fields.value("data")?.ok_or_else(|| missing(&at))?;
            let id = fields.text("id")?;
            fields.rest(lost);
            let (text, title) = plain(data);
            (text, title.or(id))
        }
    };
    Ok(Part::Media(Media {
        kind: MediaKind::Document,
        source: Source::Text(text),
        name,
        detail: None,
    }))
}

/// The text of a document that is one with a title; of any other, all that it holds.
fn plain(data: Value) -> (String, Option<String>) {
    match data {
        Value::String(text) => (text, None),
        Value::Object(members) => {
            let text = ["text", "snippet"]
                .into_iter()
                .find_map(|key| members.get(key)?.as_str());
            let title = members.get("title").and_then(Value::as_str);
            match text {
                Some(text) if members.len() == 1 + usize::from(title.is_some()) => {
                    (text.to_owned(), title.map(str::to_owned))
                }
                _ => (Value::Object(members).to_string(), None),
            }
        }
        other => (other.to_string(), None),
    }
}

/// A document in a tool's result. The format itself takes such an object as text, too, so it is one for everybody.
pub fn in_result(fields: &mut Fields, lost: &mut Vec<String>) -> Result<Part> {
    let at = fields.path("document");
    let mut document = fields.object("document")?.ok_or_else(|| missing(&at))?;
    let at = document.path("data");
    let data = document.value("data")?.ok_or_else(|| missing(&at))?;
    document.rest(lost);
    Ok(Part::text(match data {
        Value::String(text) => text,
        other => other.to_string(),
    }))
}

/// A document that is text, and what it is called.
fn text_of(part: &Part) -> Option<(&str, Option<&str>)> {
    match part {
        Part::Media(Media {
            kind: MediaKind::Document,
            source: Source::Text(text),
            name,
            ..
        }) => Some((text, name.as_deref())),
        _ => None,
    }
}

/// Whether it is a document that is text.
pub fn is_one(part: &Part) -> bool {
    text_of(part).is_some()
}

fn data<'a>(text: &'a str, title: Option<&'a str>) -> Tree<'a> {
    let title = title.map(|title| ("title", title.into()));
    let text = ("text", text.into());
    Tree::object([(
        "data",
        Tree::Object([text].into_iter().chain(title).collect()),
    )])
}

/// A document of a turn as it stands beside the conversation.
pub fn beside<'a>(part: &'a Part, dropped: &mut Dropped) -> Option<Tree<'a>> {
    let (text, title) = text_of(part)?;
    dropped.push(adapted(FIELD));
    Some(data(text, title))
}

/// A document of a tool's result.
pub fn of_result(part: &Part) -> Option<Tree<'_>> {
    let (text, title) = text_of(part)?;
    Some(Tree::object([
        ("type", "document".into()),
        ("document", data(text, title)),
    ]))
}

/// A document as what is said, where nothing else is.
pub fn as_text<'a>(part: &'a Part, dropped: &mut Dropped) -> Option<Tree<'a>> {
    let (text, _) = text_of(part)?;
    dropped.push(adapted(FIELD));
    Some(Tree::said(Some("text"), "text", text))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::CohereChat;
    use super::*;
    use crate::formats::{Codec, Quirks, Target};
    use serde_json::json;

    fn said(body: &Value) -> Value {
        let chat = CohereChat
            .read_request(body.to_string().as_bytes())
            .unwrap();
        let target = Target {
            model: "m",
            quirks: &Quirks::NONE,
            takes: &crate::chat::Takes::UNKNOWN,
        };
        let written = CohereChat.write_request(&chat, &target).unwrap();
        serde_json::from_slice(&written.body).unwrap()
    }

    #[test]
    fn documents_come_back_to_where_they_stood() {
        let body = json!({"model": "m", "messages": [
            {"role": "user", "content": "Who?"},
            {"role": "assistant", "tool_plan": "I look.", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "a", "content": [{"type": "document", "document": {"data": {"output": "5"}}}]}],
            "documents": ["One.", {"id": "d2", "data": {"text": "Two.", "title": "T"}}, {"id": "d3", "data": {"snippet": "Three."}}, {"data": {"a": 1}}]});
        let mut expected = body.clone();
        expected["messages"][2]["content"] = json!("{\"output\":\"5\"}");
        expected["documents"] = json!([
            {"data": {"text": "One."}},
            {"data": {"text": "Two.", "title": "T"}},
            {"data": {"text": "Three.", "title": "d3"}},
            {"data": {"text": "{\"a\":1}"}},
        ]);
        assert_eq!(said(&body), expected);
    }

    #[test]
    fn documents_alone_are_what_is_said() {
        let body = json!({"model": "m", "messages": [], "documents": ["One."]});
        let expected = json!({"model": "m", "messages": [{"role": "user", "content": [{"type": "text", "text": "One."}]}]});
        assert_eq!(said(&body), expected);
    }
}
