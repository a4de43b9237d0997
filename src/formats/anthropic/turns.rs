//! The conversation as this format has it: instructions in front, then turns that alternate, results of calls first.

use super::block::{self, Block};
use crate::chat::{Chat, Message, Part, Role, Takes};
use crate::error::Result;
use crate::formats::Dropped;
use crate::formats::fields::{adapted, unsupported};
use crate::formats::written::{Object, write_list};

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
        write_list(&self.content, object.key("content"), Block::put);
        object.end();
    }
}

/// What an answer that was broken off is continued with, where the model does not go on with its own turn.
const CONTINUE: &str = "Continue from exactly where your last message ends.";

/// Writes the instructions in front and the turns behind them.
pub fn write<'a>(
    chat: &'a Chat,
    takes: &Takes,
    dropped: &mut Dropped,
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
            "instructions to an Anthropic model can only be text",
        ));
    }
    let mut system = Vec::new();
    for message in front {
        system.extend(block::write(&message.parts, dropped)?);
    }
    let mut turns = Turns(Vec::new());
    for (at, message) in rest.iter().enumerate() {
        turns.add(message, &rest[at + 1..], takes, dropped)?;
    }
    let Turns(mut turns) = turns;
    // A conversation cannot be empty: what is nothing but instructions is said by the user.
    if turns.is_empty() && !system.is_empty() {
        dropped.push(adapted("messages.role"));
        turns.push(Turn {
            role: "user",
            content: std::mem::take(&mut system),
        });
    }
    for turn in turns.iter_mut().filter(|turn| turn.role == "user") {
        turn.content.sort_by_key(|block| !block.is_result());
    }
    end(&mut turns, takes, dropped);
    Ok((system, turns))
}

fn only_text(message: &Message) -> bool {
    message
        .parts
        .iter()
        .all(|part| matches!(part, Part::Text(_) | Part::CachePoint(_)))
}

struct Turns<'a>(Vec<Turn<'a>>);

impl<'a> Turns<'a> {
    /// Neighbours of one role become one turn, and turns without content vanish: both are refused otherwise.
    fn add(
        &mut self,
        message: &'a Message,
        after: &[Message],
        takes: &Takes,
        dropped: &mut Dropped,
    ) -> Result<()> {
        let mut content = block::write(&message.parts, dropped)?;
        let role = match message.role {
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::System if takes.late_system && self.takes_system(message, after) => "system",
            // Said by the user, in the same place, marked as what it is.
            Role::System => {
                if !content.is_empty() {
                    dropped.push(adapted("messages.role"));
                }
                content.iter_mut().for_each(Block::mark_as_system);
                "user"
            }
        };
        match self.0.last_mut() {
            Some(last) if last.role == role => last.content.extend(content),
            _ if content.is_empty() => {}
            _ => self.0.push(Turn { role, content }),
        }
        Ok(())
    }

    /// Late instructions are text, stand right behind the user's turn and are the last or followed by the model's:
    /// <https://platform.claude.com/docs/en/build-with-claude/mid-conversation-system-messages>.
    fn takes_system(&self, message: &Message, after: &[Message]) -> bool {
        let behind_user = matches!(self.0.last(), Some(turn) if turn.role != "assistant");
        let next = after.iter().find(|message| message.role != Role::System);
        behind_user
            && only_text(message)
            && next.is_none_or(|next| next.role == Role::Assistant && !next.parts.is_empty())
    }
}

/// The end of a conversation is the user's, or the beginning of an answer without blanks behind it.
fn end(turns: &mut Vec<Turn<'_>>, takes: &Takes, dropped: &mut Dropped) {
    let Some(last) = turns.last_mut().filter(|last| last.role == "assistant") else {
        return;
    };
    match last.content.last_mut() {
        Some(block) if takes.prefill => block.trim_end(),
        // Calls without their results are the caller's mistake, and said so upstream.
        Some(block) if block.is_call() => {}
        _ => {
            dropped.push(adapted("messages"));
            turns.push(Turn {
                role: "user",
                content: vec![Block::text(CONTINUE)],
            });
        }
    }
}
