//! Laws every format keeps whose row translates, alone and with every other: what is written is read back the same, in
//! one piece and as a stream, however it is cut; a seal goes to its issuer and to nobody else; nothing is lost without being
//! named. Requests and replies are drawn; what a format cannot say is found out by asking it. What each makes of each
//! concept stands in `golden/`, for a reader's eyes.

#![allow(clippy::unwrap_used)]

mod adapting;
mod concepts;
mod core;
mod drawn;
mod embeddings;
mod features;
mod pairs;
mod readings;
pub(crate) mod recorded;
mod replies;
mod requests;
mod seals;
mod spelt;
mod streams;
mod survival;
mod telling;
mod wire;

use super::{Codec, FORMATS, Format, Mark, Quirks, ReplyContext, Seen, Target};
use crate::chat::{Answer, Chat, Event, Part, Reply, ToolChoice, Usage};

/// A format that translates.
struct Row {
    format: &'static Format,
    codec: &'static dyn Codec,
}

/// Every one.
fn rows() -> Vec<Row> {
    let translating = |format: &'static Format| {
        // Other forms of a format are held to what they change of it, where they stand.
        let codec = format.codec.filter(|_| format.hosted.is_none())?;
        Some(Row { format, codec })
    };
    FORMATS.into_iter().filter_map(translating).collect()
}

fn context() -> ReplyContext {
    ReplyContext {
        request_id: "req-1".into(),
        model: "shown".into(),
        include_usage: true,
        created: 1,
        ..ReplyContext::default()
    }
}

/// What a reader makes of a stream, as the gateway drives it; the text says why it is none.
fn read_stream(codec: &dyn Codec, stream: &str) -> Result<(Vec<Event>, Seen), String> {
    let (mut reader, mut seen, mut out) = (codec.reader(), Seen::default(), Vec::new());
    let mut done = false;
    for (event, data) in wire::events(stream) {
        match reader.read(&event, data.as_bytes(), &mut seen, &mut out) {
            Mark::Malformed => return Err("malformed".to_owned()),
            mark => done |= matches!(mark, Mark::Done | Mark::Error),
        }
    }
    if !done && !seen.finished {
        return Err("not complete".to_owned());
    }
    reader.end(&mut out);
    Ok((out, seen))
}

fn read_reply(codec: &dyn Codec, body: &[u8]) -> crate::error::Result<Reply> {
    codec.read_reply(body, &mut Seen::default()).map(portable)
}

/// The provider's own word is each format's own, and so are the ids of items and what a thought that is shown is called.
fn portable(mut reply: Reply) -> Reply {
    for part in &mut reply.parts {
        match part {
            Part::Call(call) => call.item = None,
            Part::Thought(thought) => (thought.id, thought.summary) = (None, false),
            _ => {}
        }
    }
    // For how long something is kept in a cache not every format says.
    let usage = reply.usage.map(|usage| Usage {
        cache_write: usage.written(),
        cache_write_5m: 0,
        cache_write_1h: 0,
        ..usage
    });
    Reply {
        raw: None,
        usage,
        ..reply
    }
}

/// The stream a caller gets of these events.
fn written(codec: &dyn Codec, events: &[Event]) -> String {
    let (mut writer, mut bytes) = (codec.writer(&context()), Vec::new());
    events
        .iter()
        .for_each(|event| writer.write(event, &mut bytes));
    String::from_utf8(bytes).unwrap()
}

/// `fold(reader(writer(events)))`.
fn through_stream(codec: &dyn Codec, events: &[Event]) -> Reply {
    let (out, _) = read_stream(codec, &written(codec, events)).unwrap();
    portable(Reply::fold(out.iter().cloned()).unwrap())
}

/// A vendor that takes thoughts back, so that nothing of a conversation is missing.
const TAKES_THOUGHTS: Quirks = Quirks {
    thoughts: Some("reasoning_content"),
    ..Quirks::NONE
};

/// The model that the request names, with nothing special about it or its vendor.
fn target(chat: &Chat) -> Target<'_> {
    Target {
        model: &chat.model,
        quirks: &TAKES_THOUGHTS,
        takes: crate::catalog::takes(&chat.model),
    }
}

/// `read(write(chat))`, of a request of which this format can say everything.
fn through_request(row: &Row, chat: &Chat) -> Chat {
    let written = row.codec.write_request(chat, &target(chat)).unwrap();
    assert!(
        written.dropped.is_empty(),
        "{}: {:?}",
        row.format.name,
        written.dropped
    );
    let mut read = row.codec.read_request(&written.body).unwrap();
    if row
        .format
        .entries
        .iter()
        .all(|entry| entry.path.contains("{model}"))
    {
        // The path says these.
        (read.model, read.stream) = (chat.model.clone(), chat.stream);
    }
    read
}

/// The same request without the names that a format demands and a writer makes up.
fn plain(mut chat: Chat) -> Chat {
    if let Some(Answer::Schema { name, .. }) = &mut chat.answer {
        *name = None;
    }
    // What everybody does unasked.
    chat.tool_choice = chat
        .tool_choice
        .filter(|choice| *choice != ToolChoice::Auto);
    // What is not strict need not say so.
    for tool in &mut chat.tools {
        tool.strict = tool.strict.filter(|strict| *strict);
    }
    let parts = chat
        .messages
        .iter_mut()
        .flat_map(|message| &mut message.parts);
    for part in parts {
        match part {
            Part::Media(media) => {
                media.name = media.name.take().filter(|name| name != "document");
            }
            Part::Result(result) => {
                result.name = None;
                // Some hold one text.
                let parts = std::mem::take(&mut result.parts);
                for part in parts {
                    match (result.parts.last_mut(), &part) {
                        (Some(Part::Text(said)), Part::Text(more)) => {
                            said.text.push(more.to_string())
                        }
                        _ => result.parts.push(part),
                    }
                }
            }
            _ => {}
        }
    }
    // Results may be a turn of their own.
    let messages = std::mem::take(&mut chat.messages);
    for message in messages {
        match chat.messages.last_mut() {
            Some(last) if last.role == message.role => last.parts.extend(message.parts),
            _ => chat.messages.push(message),
        }
    }
    chat
}

/// One delta a character.
fn cut(event: &Event) -> Vec<Event> {
    use crate::chat::Delta;
    let each = |text: &str, delta: fn(String) -> Delta, index| {
        text.chars()
            .map(|c| Event::Delta {
                index,
                delta: delta(c.to_string()),
            })
            .collect()
    };
    match event {
        Event::Delta {
            index,
            delta: Delta::Text(text),
        } => each(text, Delta::Text, *index),
        Event::Delta {
            index,
            delta: Delta::Arguments(text),
        } => each(text, Delta::Arguments, *index),
        other => vec![other.clone()],
    }
}
