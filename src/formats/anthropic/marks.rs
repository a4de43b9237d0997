//! No more marks for the prompt cache than are taken: the last 4, since each covers all that stands before it.
//! <https://platform.claude.com/docs/en/build-with-claude/prompt-caching>

use crate::chat::{Chat, Part};
use std::borrow::Cow;

const MOST: usize = 4;

/// The request without the marks that are too many, counted in the order in which a prompt is cached.
pub fn within(chat: &Chat) -> Cow<'_, Chat> {
    let tools = chat.tools.iter().filter(|tool| tool.cache.is_some());
    let parts = chat.messages.iter().flat_map(|message| &message.parts);
    let over = (tools.count() + parts.map(marks).sum::<usize>()).saturating_sub(MOST);
    if over == 0 {
        return Cow::Borrowed(chat);
    }
    let (mut chat, mut over) = (chat.clone(), over);
    let marked = |tool: &&mut crate::chat::Tool| tool.cache.is_some();
    for tool in chat.tools.iter_mut().filter(marked) {
        if over > 0 {
            tool.cache = None;
            over -= 1;
        }
    }
    for message in &mut chat.messages {
        take_off(&mut message.parts, &mut over);
    }
    Cow::Owned(chat)
}

fn marks(part: &Part) -> usize {
    match part {
        Part::CachePoint(_) => 1,
        Part::Result(result) => result.parts.iter().map(marks).sum(),
        _ => 0,
    }
}

fn take_off(parts: &mut Vec<Part>, over: &mut usize) {
    parts.retain_mut(|part| match part {
        Part::CachePoint(_) if *over > 0 => {
            *over -= 1;
            false
        }
        Part::Result(result) => {
            take_off(&mut result.parts, over);
            true
        }
        _ => true,
    });
}
