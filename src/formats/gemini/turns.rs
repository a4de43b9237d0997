//! The conversation as this format has it: instructions apart, turns of user and model, the results of one turn's calls in
//! one content of their own.

use super::part::{self, Written};
use super::seals::{self, HOME};
use crate::chat::{Call, CallResult, Chat, Message, Part, Role, SealKind, Takes, Thought};
use crate::error::{Error, Result};
use crate::formats::fields::{adapted, unsupported};
use crate::formats::{Dropped, seal};
use serde::Serialize;
use serde_json::{Value, json};

/// One turn.
#[derive(Debug, Serialize)]
pub struct Content {
    pub role: &'static str,
    pub parts: Vec<Written>,
}

const USER: &str = "user";
const MODEL: &str = "model";

/// Writes the instructions in front and the turns behind them.
pub fn write(
    chat: &Chat,
    takes: &Takes,
    dropped: &mut Dropped,
) -> Result<(Vec<Written>, Vec<Content>)> {
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
fn sign(content: &mut Content) {
    let first = content.parts.iter_mut().find_map(|part| match part {
        Written::Call { seal, .. } => Some(seal),
        Written::Plain(_) => None,
    });
    if let Some(seal @ None) = first {
        *seal = Some(seals::UNSIGNED.to_owned());
    }
}

struct Turns<'a> {
    calls: Vec<(&'a str, &'a str)>,
    media_in_results: bool,
    contents: Vec<Content>,
    /// What the user said around results, and what came of those that is no text: behind them all.
    behind: Vec<Written>,
}

impl Turns<'_> {
    fn add(&mut self, message: &Message, dropped: &mut Dropped) -> Result<()> {
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
                    if let Written::Plain(Value::Object(part)) = part
                        && let Some(Value::String(text)) = part.get_mut("text")
                    {
                        *text = format!("<system>\n{text}\n</system>");
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
    fn push(&mut self, role: &'static str, parts: Vec<Written>) {
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
        message: &Message,
        out: &mut Vec<Written>,
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
                        out.push(Written::text(text));
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
                        call: part::FunctionCall {
                            id: call.id.clone(),
                            name: call.name.clone(),
                            args: part::args(call)?,
                        },
                        seal: own.map(|seal| seal.data.clone()).or(carried.take()),
                    });
                }
                Part::Result(result) => self.result(result, out, dropped)?,
                Part::Thought(thought) => thought_of(thought, out, &mut carried, dropped),
                Part::Native(native) => out.push(part::native(native).ok_or_else(|| {
                    unsupported(
                        "messages.content",
                        &format!(
                            "a part that only {} knows cannot be sent to a Gemini model",
                            native.format
                        ),
                    )
                })?),
            }
        }
        Ok(())
    }

    /// Its name is the call's. What a tool said is text, whatever it looks like: objects may hold what means something here.
    fn result(
        &mut self,
        result: &CallResult,
        out: &mut Vec<Written>,
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
        let (mut said, mut media) = (String::new(), Vec::new());
        for part in &result.parts {
            match part {
                Part::Text(text) => said.push_str(text),
                Part::Refusal(text) => said.push_str(text),
                Part::Media(one) => media.push(part::write_media(one, dropped)?),
                Part::CachePoint(_) => dropped.push("messages.content.cache_control".into()),
                Part::Call(_) | Part::Result(_) | Part::Thought(_) | Part::Native(_) => {
                    return Err(unsupported(
                        "messages.content",
                        "a tool's result can hold text and media for a Gemini model, nothing else",
                    ));
                }
            }
        }
        let key = if result.error { "error" } else { "output" };
        let mut response = json!({"id": result.id, "name": name, "response": {key: said}});
        let inline = media.iter().all(|part| part.get("inlineData").is_some());
        match self.media_in_results && inline {
            true if media.is_empty() => {}
            true => response["parts"] = json!(media),
            // Beside the results it would count as one.
            false => {
                if !media.is_empty() {
                    dropped.push(adapted("messages.content"));
                }
                self.behind.extend(media.into_iter().map(Written::Plain));
            }
        }
        out.push(Written::Plain(json!({"functionResponse": response})));
        Ok(())
    }
}

/// A thought with a seal of Google's goes back, and so does a seal that stands apart; nobody else's is shown to it.
fn thought_of(
    thought: &Thought,
    out: &mut Vec<Written>,
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
