//! The conversation as this format has it: instructions in front, then turns that alternate and begin with the user's,
//! results of calls first.

use super::block::{self, Block, Pen};
use crate::chat::{Chat, Message, Part, Role, Takes};
use crate::error::Result;
use crate::formats::fields::{adapted, unsupported};
use crate::formats::written::Object;

/// One message.
#[derive(Debug)]
pub struct Turn<'a> {
    role: &'static str,
    content: Vec<Block<'a>>,
}

impl Turn<'_> {
    /// Writes it.
    pub fn put(&self, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        object.text("role", self.role);
        block::put(&self.content, object.key("content"));
        object.end();
    }
}

const USER: &str = "user";
const ASSISTANT: &str = "assistant";

/// What an answer that was broken off is continued with, where the model does not go on with its own turn.
const CONTINUE: &str = "Continue from exactly where your last message ends.";
/// In front of a conversation that begins with the model's words.
const BEGIN: &str = "Begin.";
/// Beside documents, which must not stand alone:
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html>.
const BESIDE: &str = "See the document.";

/// Writes the instructions in front and the turns behind them.
pub fn write<'a>(
    chat: &'a Chat,
    takes: &Takes,
    pen: &mut Pen<'_>,
) -> Result<(Vec<Block<'a>>, Vec<Turn<'a>>)> {
    let leading = chat
        .messages
        .iter()
        .take_while(|message| message.role == Role::System)
        .count();
    let (front, rest) = chat.messages.split_at(leading);
    if front.iter().any(|message| !only_text(message)) {
        return Err(unsupported(
            "messages",
            "instructions to a model on Amazon Bedrock can only be text",
        ));
    }
    let mut system = Vec::new();
    for message in front {
        system.extend(block::write(&message.parts, pen)?);
    }
    let mut turns: Vec<Turn<'a>> = Vec::new();
    for message in rest {
        add(message, &mut turns, pen)?;
    }
    // A conversation cannot be empty: what is nothing but instructions is said by the user.
    if turns.is_empty() && !system.is_empty() {
        pen.dropped.push(adapted("messages.role"));
        turns.push(Turn {
            role: USER,
            content: std::mem::take(&mut system),
        });
    }
    if turns.first().is_some_and(|first| first.role == ASSISTANT) {
        pen.dropped.push(adapted("messages"));
        turns.insert(0, said(BEGIN));
    }
    for turn in turns.iter_mut().filter(|turn| turn.role == USER) {
        turn.content.sort_by_key(|block| !block.is("toolResult"));
        let has = |member| turn.content.iter().any(|block| block.is(member));
        if has("document") && !has("text") {
            pen.dropped.push(adapted("messages.content"));
            turn.content.push(Block::text(BESIDE));
        }
    }
    end(&mut turns, takes, pen);
    Ok((system, turns))
}

fn said(text: &'static str) -> Turn<'static> {
    Turn {
        role: USER,
        content: vec![Block::text(text)],
    }
}

fn only_text(message: &Message) -> bool {
    message
        .parts
        .iter()
        .all(|part| matches!(part, Part::Text(_) | Part::CachePoint(_)))
}

/// Neighbours of one role become one turn, and turns without content vanish: both are refused otherwise.
fn add<'a>(message: &'a Message, turns: &mut Vec<Turn<'a>>, pen: &mut Pen<'_>) -> Result<()> {
    let mut content = block::write(&message.parts, pen)?;
    let role = match message.role {
        Role::User => USER,
        Role::Assistant => ASSISTANT,
        // Said by the user, in the same place, marked as what it is.
        Role::System => {
            if !content.is_empty() {
                pen.dropped.push(adapted("messages.role"));
            }
            content.iter_mut().for_each(Block::mark_as_system);
            USER
        }
    };
    match turns.last_mut() {
        Some(last) if last.role == role => last.content.extend(content),
        _ if content.is_empty() => {}
        _ => turns.push(Turn { role, content }),
    }
    Ok(())
}

/// The end of a conversation is the user's, or the beginning of an answer without blanks behind it.
fn end(turns: &mut Vec<Turn<'_>>, takes: &Takes, pen: &mut Pen<'_>) {
    let Some(last) = turns.last_mut().filter(|last| last.role == ASSISTANT) else {
        return;
    };
    match last.content.last_mut() {
        Some(block) if takes.prefill => block.trim_end(),
        // Calls without their results are the caller's mistake, and said so upstream.
        Some(block) if block.is_call() => {}
        _ => {
            pen.dropped.push(adapted("messages"));
            turns.push(said(CONTINUE));
        }
    }
}
