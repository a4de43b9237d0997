//! The conversation as this format has it: instructions apart, turns of user and model, the results of one turn's calls in
//! one content of their own.

use super::part::{self, Written};
use super::seals::{self, HOME};
use crate::chat::{Call, CallResult, Chat, Message, Part, Role, SealKind, Takes, Thought};
use crate::error::{Error, Result};
use crate::formats::fields::{adapted, unsupported};
use crate::formats::written::{Object, Told, Tree, write_list};
use crate::formats::{Dropped, arguments, seal};
use std::borrow::Cow;

/// One turn.
#[derive(Debug)]
pub struct Content<'a> {
    role: &'static str,
    parts: Vec<Written<'a>>,
}

impl Content<'_> {
    /// Writes it.
    pub fn put(&self, out: &mut Vec<u8>) {
        let mut content = Object::begin(out);
        content.text("role", self.role);
        write_list(&self.parts, content.key("parts"), Written::put);
        content.end();
    }
}

const USER: &str = "user";
const MODEL: &str = "model";

/// Writes the instructions in front and the turns behind them.
pub fn write<'a>(
    chat: &'a Chat,
    takes: &Takes,
    dropped: &mut Dropped,
) -> Result<(Vec<Written<'a>>, Vec<Content<'a>>)> {
    let leading = chat
        .messages
        .iter()
        .take_while(|message| message.role == Role::System)
        .count();
    let (front, rest) = chat.messages.split_at(leading);
    let only_text = |part: &Part| matches!(part, Part::Text(_) | Part::CachePoint(_));
    if !front
        .iter()
        .flat_map(|message| &message.parts)
        .all(only_text)
    {
        return Err(unsupported(
            "messages",
            "instructions to a Gemini model can only be text",
        ));
    }
    let mut turns = Turns {
        calls: calls(&chat.messages),
        media_in_results: takes.result_media,
        contents: Vec::new(),
        behind: Vec::new(),
    };
    let mut system = Vec::new();
    for message in front {
        turns.parts(message, &mut system, dropped)?;
    }
    for message in rest {
        turns.add(message, dropped)?;
    }
    turns.settle();
    let mut contents = turns.contents;
    // A conversation cannot be empty: what is nothing but instructions is said by the user.
    if contents.is_empty() && !system.is_empty() {
        dropped.push(adapted("messages.role"));
        contents.push(Content {
            role: USER,
            parts: std::mem::take(&mut system),
        });
    }
    if takes.signed_calls {
        contents.iter_mut().for_each(sign);
    }
    Ok((system, contents))
}

/// Every call's id and name: a result is told by both.
fn calls(messages: &[Message]) -> Vec<(&str, &str)> {
    let parts = messages.iter().flat_map(|message| &message.parts);
    let call = |part| match part {
        &Part::Call(Call {
            ref id, ref name, ..
        }) => Some((id.as_str(), name.as_str())),
        _ => None,
    };
    parts.filter_map(call).collect()
}

/// Of the calls of one turn the first is signed; history that another model wrote is not.
fn sign(content: &mut Content<'_>) {
    let first = content.parts.iter_mut().find_map(|part| match part {
        Written::Call { seal, .. } => Some(seal),
        _ => None,
    });
    if let Some(seal @ None) = first {
        *seal = Some(seals::UNSIGNED.to_owned());
    }
}

struct Turns<'a> {
    calls: Vec<(&'a str, &'a str)>,
    media_in_results: bool,
    contents: Vec<Content<'a>>,
    /// What the user said around results, and what came of those that is no text: behind them all.
    behind: Vec<Written<'a>>,
}

impl<'a> Turns<'a> {
    fn add(&mut self, message: &'a Message, dropped: &mut Dropped) -> Result<()> {
        let mut parts = Vec::new();
        self.parts(message, &mut parts, dropped)?;
        match message.role {
            Role::Assistant => {
                self.settle();
                self.push(MODEL, parts);
            }
            Role::User => {
                let (results, said): (Vec<_>, Vec<_>) =
                    parts.into_iter().partition(Written::is_result);
                let answers = !results.is_empty();
                // As many results as calls, in one content right behind them.
                self.push(USER, results);
                self.behind.extend(said);
                if !answers && !self.after_results() {
                    self.settle();
                }
            }
            // Said by the user, in the same place, marked as what it is.
            Role::System => {
                for part in &mut parts {
                    if let Written::Text { text, .. } = part {
                        *text = format!("<system>\n{}\n</system>", text.as_str()).into();
                    }
                }
                if !parts.is_empty() {
                    dropped.push(adapted("messages.role"));
                }
                self.behind.extend(parts);
            }
        }
        Ok(())
    }

    fn after_results(&self) -> bool {
        self.contents
            .last()
            .is_some_and(|content| content.parts.iter().any(Written::is_result))
    }

    /// What waited for the results is said.
    fn settle(&mut self) {
        let said = std::mem::take(&mut self.behind);
        match self.contents.last_mut() {
            Some(last) if last.role == USER && !last.parts.iter().any(Written::is_result) => {
                last.parts.extend(said);
            }
            _ if said.is_empty() => {}
            _ => self.contents.push(Content {
                role: USER,
                parts: said,
            }),
        }
    }

    /// Neighbours of one role are one turn, results apart.
    fn push(&mut self, role: &'static str, parts: Vec<Written<'a>>) {
        if parts.is_empty() {
            return;
        }
        let results = parts.iter().all(Written::is_result);
        match self.contents.last_mut() {
            Some(last)
                if last.role == role && last.parts.iter().all(Written::is_result) == results =>
            {
                last.parts.extend(parts);
            }
            _ => self.contents.push(Content { role, parts }),
        }
    }

    fn parts(
        &mut self,
        message: &'a Message,
        out: &mut Vec<Written<'a>>,
        dropped: &mut Dropped,
    ) -> Result<()> {
        // A seal that another format carried for the call behind it.
        let mut carried = None;
        for part in &message.parts {
            // One that stands in front of something else is of nothing that is known.
            if !matches!(part, Part::Call(_)) && carried.take().is_some() {
                dropped.push("messages.reasoning_content".into());
            }
            match part {
                Part::Text(text) => {
                    let seal = text.seal.as_ref().filter(|seal| seal.issuer == HOME);
                    if !text.is_empty() {
                        out.push(Written::text(&text.text));
                    }
                    if let Some(seal) = seal {
                        part::seal(out, seal.data.clone(), false);
                    }
                }
                Part::Refusal(text) => out.push(Written::text(text)),
                Part::CachePoint(_) => dropped.push("messages.content.cache_control".into()),
                Part::Media(media) => out.push(Written::Plain(part::write_media(media, dropped)?)),
                Part::Call(call) => {
                    let own = call.seal.as_ref().filter(|seal| seal.issuer == HOME);
                    out.push(Written::Call {
                        id: Cow::Borrowed(&call.id),
                        name: Cow::Borrowed(&call.name),
                        args: Cow::Borrowed(arguments::asked(call)?),
                        seal: own.map(|seal| seal.data.clone()).or(carried.take()),
                    });
                }
                Part::Result(result) => self.result(result, out, dropped)?,
                Part::Thought(thought) => thought_of(thought, out, &mut carried, dropped),
                Part::Native(native) => {
                    out.push(part::native(native).map(Written::Plain).ok_or_else(|| {
                        unsupported(
                            "messages.content",
                            &format!(
                                "a part that only {} knows cannot be sent to a Gemini model",
                                native.format
                            ),
                        )
                    })?)
                }
            }
        }
        Ok(())
    }

    /// Its name is the call's. What a tool said is text, whatever it looks like: objects may hold what means something here.
    fn result(
        &mut self,
        result: &'a CallResult,
        out: &mut Vec<Written<'a>>,
        dropped: &mut Dropped,
    ) -> Result<()> {
        let called = self.calls.iter().rev().find(|(id, _)| *id == result.id);
        let name = called.map(|(_, name)| *name).or(result.name.as_deref());
        let name = name.ok_or_else(|| {
            Error::invalid(format!(
                "there is no call `{}` that a tool's result could answer",
                result.id.escape_debug()
            ))
            .param("messages.tool_call_id")
            .hint("send the message with the call in front of its result")
        })?;
        let (mut said, mut media): (Option<Told>, _) = (None, Vec::new());
        for part in &result.parts {
            let text = match part {
                Part::Text(text) => Told::Words(&text.text),
                Part::Refusal(text) => Told::from(text),
                other => {
                    media.extend(shown_in_result(other, dropped)?);
                    continue;
                }
            };
            match &mut said {
                None => said = Some(text),
                Some(said) => said.push(text.as_str()),
            }
        }
        let key = if result.error { "error" } else { "output" };
        let said = said.unwrap_or_else(|| "".into());
        let mut response = Tree::object([
            ("id", Tree::from(&result.id)),
            ("name", name.into()),
            ("response", Tree::said(None, key, said)),
        ]);
        let inline = media.iter().all(|part| part.has("inlineData"));
        match self.media_in_results && inline {
            true if media.is_empty() => {}
            true => response.push("parts", media),
            // Beside the results it would count as one.
            false => {
                if !media.is_empty() {
                    dropped.push(adapted("messages.content"));
                }
                self.behind.extend(media.into_iter().map(Written::Plain));
            }
        }
        out.push(Written::Result(response));
        Ok(())
    }
}

/// What a tool shows beside what it says.
fn shown_in_result<'a>(part: &'a Part, dropped: &mut Dropped) -> Result<Option<Tree<'a>>> {
    match part {
        Part::Media(media) => part::write_media(media, dropped).map(Some),
        Part::CachePoint(_) => {
            dropped.push("messages.content.cache_control".into());
            Ok(None)
        }
        _ => Err(unsupported(
            "messages.content",
            "a tool's result can hold text and media for a Gemini model, nothing else",
        )),
    }
}

/// A thought with a seal of Google's goes back, and so does a seal that stands apart; nobody else's is shown to it.
fn thought_of<'a>(
    thought: &'a Thought,
    out: &mut Vec<Written<'a>>,
    carried: &mut Option<String>,
    dropped: &mut Dropped,
) {
    match &thought.seal {
        Some(own) if own.issuer == HOME && own.kind == SealKind::Encrypted => {
            match seal::carried(own) {
                seal::Carried::Behind(data) => part::seal(out, data.to_owned(), false),
                seal::Carried::Before(data) => *carried = Some(data.to_owned()),
            }
        }
        Some(own) if own.issuer == HOME => {
            part::add_text(out, &thought.text, true);
            part::seal(out, own.data.clone(), true);
        }
        _ => dropped.push("messages.reasoning_content".into()),
    }
}
