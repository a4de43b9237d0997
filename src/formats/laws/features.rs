//! What requests and replies can say beyond the core, one by one: which format can say what is asked of its codec, with
//! a request or reply of nothing else, and what it cannot is taken out of what is drawn. No format is named here.

#![allow(clippy::unwrap_used)]

use super::{Row, context, plain, read_reply, rows, target, through_request, through_stream};
use crate::chat::Usage;
use crate::chat::{
    Call, CallResult, Chat, Issuer, Media, MediaKind, Message, Part, Reply, Role, Seal, SealKind,
    Source, Stop, Text, Thought, Tool, ToolChoice,
};
use crate::formats::fields::adapted;
use serde_json::json;
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

/// Something a request may say.
pub struct Feature {
    pub name: &'static str,
    /// Adds it to a request without it.
    pub say: fn(&mut Chat),
    /// Takes it out of a request.
    pub unsay: fn(&mut Chat),
}

/// What becomes of it on the way into a format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Carried,
    /// In another form, under these names.
    Adapted(Vec<String>),
    Dropped(Vec<String>),
    /// Refused, naming the field.
    Refused(String),
}

impl Outcome {
    /// Of a translation that listed these, or refused.
    pub fn of(written: Result<&[String], &crate::error::Error>) -> Outcome {
        let names = match written {
            Err(error) => return Outcome::Refused(error.param.clone().unwrap_or_default()),
            Ok(names) => names.to_vec(),
        };
        let mark = adapted("");
        match names.iter().all(|name| name.ends_with(&mark)) {
            _ if names.is_empty() => Outcome::Carried,
            true => Outcome::Adapted(names),
            false => Outcome::Dropped(names),
        }
    }
}

macro_rules! features {
    ($($name:literal: $say:expr, $unsay:expr;)*) => {
        /// What some formats can say and others cannot.
        pub static FEATURES: &[Feature] = &[$(Feature { name: $name, say: $say, unsay: $unsay }),*];
    };
}

features! {
    "stop sequences": |chat| chat.stop = vec!["END".into()], |chat| chat.stop.clear();
    "temperature": |chat| chat.temperature = Some(0.5), |chat| chat.temperature = None;
    "user": |chat| chat.user = Some("u".into()), |chat| chat.user = None;
    "strict tool": |chat| chat.tools = vec![tool(Some(true))], |chat| loosen(chat, true);
    "strict tool beside another": |chat| chat.tools = vec![tool(Some(true)), Tool { name: "g".into(), ..tool(None) }], alike;
    "loose tool": |chat| chat.tools = vec![tool(Some(false))], |chat| loosen(chat, false);
    "one call at a time": |chat| calls(chat, false), |chat| several(chat, false);
    "several calls at a time": |chat| calls(chat, true), |chat| several(chat, true);
    "no call": |chat| choose(chat, ToolChoice::None), |chat| chat.tool_choice = None;
    "tool by its name": |chat| choose(chat, ToolChoice::Named("f".into())),
        |chat| chat.tool_choice = chat.tool_choice.take().filter(|choice| !matches!(choice, ToolChoice::Named(_)));
    "image by URL": |chat| show(chat, image(Source::Url("https://example.com/a.png".into()))),
        |chat| keep(chat, |part| !matches!(part, Part::Media(Media { source: Source::Url(_), .. })));
    "image by its data": |chat| show(chat, image(data("image/png"))),
        |chat| keep(chat, |part| !matches!(part, Part::Media(Media { kind: MediaKind::Image, source: Source::Base64 { .. }, .. })));
    "document alone": |chat| chat.messages[0].parts = vec![Part::Media(document(None))], accompany;
    "document": |chat| show(chat, document(None)),
        |chat| keep(chat, |part| !matches!(part, Part::Media(Media { kind: MediaKind::Document, .. })));
    "name of a document": |chat| show(chat, document(Some("a.pdf"))), unname;
    "calls of tools that are not offered": |chat| called(chat), offer;
    "open thought": |chat| think(chat, Thought::open("hm")), |chat| keep(chat, |part| !matches!(part, Part::Thought(Thought { seal: None, .. })));
    "thought signed by Anthropic": |chat| sealed(chat, Issuer::Anthropic, SealKind::Signature), |chat| unseal(chat, Issuer::Anthropic, SealKind::Signature);
    "thought signed by Google": |chat| sealed(chat, Issuer::Google, SealKind::Signature), |chat| unseal(chat, Issuer::Google, SealKind::Signature);
    "thought signed by OpenAI": |chat| sealed(chat, Issuer::Openai, SealKind::Signature), |chat| unseal(chat, Issuer::Openai, SealKind::Signature);
    "thought signed by Cohere": |chat| sealed(chat, Issuer::Cohere, SealKind::Signature), |chat| unseal(chat, Issuer::Cohere, SealKind::Signature);
    "thought encrypted by Cohere": |chat| sealed(chat, Issuer::Cohere, SealKind::Encrypted), |chat| unseal(chat, Issuer::Cohere, SealKind::Encrypted);
    "thought encrypted by Anthropic": |chat| sealed(chat, Issuer::Anthropic, SealKind::Encrypted), |chat| unseal(chat, Issuer::Anthropic, SealKind::Encrypted);
    "thought encrypted by Google": |chat| sealed(chat, Issuer::Google, SealKind::Encrypted), |chat| unseal(chat, Issuer::Google, SealKind::Encrypted);
    "thought encrypted by OpenAI": |chat| sealed(chat, Issuer::Openai, SealKind::Encrypted), |chat| unseal(chat, Issuer::Openai, SealKind::Encrypted);
}

/// A request of nothing but a word.
pub fn bare() -> Chat {
    Chat {
        model: "m".into(),
        max_tokens: Some(100),
        messages: vec![Message::text(Role::User, "hi")],
        ..Chat::default()
    }
}

fn tool(strict: Option<bool>) -> Tool {
    Tool {
        name: "f".into(),
        parameters: Some(
            json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": false}),
        ),
        strict,
        ..Tool::default()
    }
}

fn loosen(chat: &mut Chat, strict: bool) {
    let said = chat
        .tools
        .iter_mut()
        .filter(|tool| tool.strict == Some(strict));
    said.for_each(|tool| tool.strict = None);
}

/// All strict, or none.
fn alike(chat: &mut Chat) {
    if chat.tools.iter().any(|tool| tool.strict != Some(true)) {
        loosen(chat, true);
    }
}

fn choose(chat: &mut Chat, choice: ToolChoice) {
    chat.tools = vec![tool(None)];
    chat.tool_choice = Some(choice);
}

fn calls(chat: &mut Chat, parallel: bool) {
    choose(chat, ToolChoice::Auto);
    chat.parallel_calls = Some(parallel);
}

fn several(chat: &mut Chat, parallel: bool) {
    chat.parallel_calls = chat.parallel_calls.filter(|said| *said != parallel);
}

fn data(mime: &str) -> Source {
    Source::Base64 {
        mime: mime.into(),
        data: "aGk=".into(),
    }
}

fn image(source: Source) -> Media {
    Media {
        kind: MediaKind::Image,
        source,
        name: None,
        detail: None,
    }
}

fn document(name: Option<&str>) -> Media {
    Media {
        kind: MediaKind::Document,
        source: data("application/pdf"),
        name: name.map(str::to_owned),
        detail: None,
    }
}

fn show(chat: &mut Chat, media: Media) {
    chat.messages[0].parts.push(Part::Media(media));
}

fn unname(chat: &mut Chat) {
    let parts = chat
        .messages
        .iter_mut()
        .flat_map(|message| &mut message.parts);
    for part in parts {
        if let Part::Media(media) = part {
            media.name = None;
        }
    }
}

/// A word beside documents that stand alone.
fn accompany(chat: &mut Chat) {
    for message in &mut chat.messages {
        let has = |which: fn(&Part) -> bool| message.parts.iter().any(which);
        let document = |part: &Part| {
            matches!(
                part,
                Part::Media(Media {
                    kind: MediaKind::Document,
                    ..
                })
            )
        };
        if has(document) && !has(|part| matches!(part, Part::Text(_))) {
            message.parts.push(Part::text("so"));
        }
    }
}

/// The model called a tool that the request does not offer.
fn called(chat: &mut Chat) {
    let call = Call {
        id: "call_a".into(),
        name: "f".into(),
        arguments: "{}".into(),
        ..Call::default()
    };
    chat.messages.push(Message {
        role: Role::Assistant,
        parts: vec![Part::Call(call)],
        id: None,
    });
    let result = CallResult {
        id: "call_a".into(),
        parts: vec![Part::text("1")],
        ..CallResult::default()
    };
    chat.messages.push(Message {
        role: Role::User,
        parts: vec![Part::Result(result)],
        id: None,
    });
}

fn offer(chat: &mut Chat) {
    let mut parts = chat.messages.iter().flat_map(|message| &message.parts);
    let calls = parts.any(|part| matches!(part, Part::Call(_) | Part::Result(_)));
    if calls && chat.tools.is_empty() {
        chat.tools = vec![tool(None)];
    }
}

/// The model thought this, said something and was asked again.
fn think(chat: &mut Chat, thought: Thought) {
    chat.messages.push(Message {
        role: Role::Assistant,
        parts: vec![Part::Thought(thought), Part::text("yes")],
        id: None,
    });
    chat.messages.push(Message::text(Role::User, "more"));
}

fn sealed(chat: &mut Chat, issuer: Issuer, kind: SealKind) {
    think(chat, seal(issuer, kind));
}

fn seal(issuer: Issuer, kind: SealKind) -> Thought {
    match kind {
        SealKind::Signature => Thought::sealed("hm", Seal::signature(issuer, "c2VhbA")),
        SealKind::Encrypted => Thought::sealed("", Seal::encrypted(issuer, "c2VhbA")),
    }
}

fn unseal(chat: &mut Chat, issuer: Issuer, kind: SealKind) {
    for message in &mut chat.messages {
        message.parts.retain(|part| !is_sealed(part, issuer, kind));
    }
    refill(chat);
}

fn is_sealed(part: &Part, issuer: Issuer, kind: SealKind) -> bool {
    matches!(part, Part::Thought(Thought { seal: Some(seal), .. }) if (seal.issuer, seal.kind) == (issuer, kind))
}

fn keep(chat: &mut Chat, which: fn(&Part) -> bool) {
    for message in &mut chat.messages {
        message.parts.retain(which);
    }
    refill(chat);
}

/// A turn that has lost everything says something, so that its neighbours stay apart.
fn refill(chat: &mut Chat) {
    let empty = chat
        .messages
        .iter_mut()
        .filter(|message| message.parts.is_empty());
    empty.for_each(|message| message.parts.push(Part::text("so")));
}

/// What becomes of a feature alone in a format.
pub fn outcome(feature: &Feature, row: &Row) -> Outcome {
    let mut chat = bare();
    (feature.say)(&mut chat);
    let written = row.codec.write_request(&chat, &target(&chat));
    Outcome::of(written.as_ref().map(|written| written.dropped.as_slice()))
}

/// The request without what one of these formats cannot say.
pub fn common(mut chat: Chat, rows: &[&Row]) -> Chat {
    static SAYS: LazyLock<Mutex<HashMap<(&str, &str), bool>>> = LazyLock::new(Mutex::default);
    let mut says = SAYS.lock().unwrap();
    for feature in FEATURES {
        let can = |row: &&Row| {
            let at = (feature.name, row.format.name);
            *says
                .entry(at)
                .or_insert_with(|| outcome(feature, row) == Outcome::Carried)
        };
        if !rows.iter().all(can) {
            (feature.unsay)(&mut chat);
        }
    }
    chat
}

/// Whether a format shows its callers a reply as it is, whole and streamed.
pub fn shows(row: &Row, reply: &Reply) -> bool {
    let reply = &named(reply.clone(), row);
    let whole = read_reply(row.codec, &row.codec.write_reply(reply, &context()));
    let streamed = through_stream(row.codec, &reply.events());
    matches!(whole, Ok(whole) if whole == *reply) && streamed == *reply
}

/// A reply of one part.
pub fn reply_of(part: Part) -> Reply {
    Reply {
        id: "r-1".into(),
        model: "m".into(),
        stop: Some(match part {
            Part::Call(_) => Stop::Tool,
            _ => Stop::End,
        }),
        parts: vec![part, Part::Text(Text::from("yes".to_owned()))],
        ..Reply::default()
    }
}

/// The reply without the thoughts that a format has no place for, and with what it does not tell apart of the prompt.
pub fn shown(reply: Reply, row: &Row) -> Reply {
    let mut reply = named(reply, row);
    if let Some(usage) = &mut reply.usage
        && !tells_reasoning(row)
    {
        usage.output += std::mem::take(&mut usage.reasoning);
    }
    if let Some(usage) = &mut reply.usage
        && !tells_cache_writes(row)
    {
        usage.input += std::mem::take(&mut usage.cache_write_5m);
        usage.input += std::mem::take(&mut usage.cache_write);
    }
    /// By format and kind of seal.
    type Shows = HashMap<(&'static str, Option<(Issuer, bool)>), bool>;
    static SHOWS: LazyLock<Mutex<Shows>> = LazyLock::new(Mutex::default);
    let mut shows_it = SHOWS.lock().unwrap();
    reply.parts.retain(|part| {
        let Part::Thought(thought) = part else {
            return true;
        };
        let kind = thought
            .seal
            .as_ref()
            .map(|seal| (seal.issuer, seal.kind == SealKind::Encrypted));
        let alone = || match kind {
            None => Thought::open("hm"),
            Some((issuer, false)) => seal(issuer, SealKind::Signature),
            Some((issuer, true)) => seal(issuer, SealKind::Encrypted),
        };
        *shows_it
            .entry((row.format.name, kind))
            .or_insert_with(|| shows(row, &reply_of(Part::Thought(alone()))))
    });
    reply
}

/// The reply without its id and the name of the model, where a format does not tell them.
pub fn named(mut reply: Reply, row: &Row) -> Reply {
    let told = back(row, &reply_of(Part::text("a")));
    if told.as_ref().is_none_or(|back| back.id.is_empty()) {
        reply.id.clear();
    }
    if told.is_none_or(|back| back.model.is_empty()) {
        reply.model.clear();
    }
    reply
}

fn tells_cache_writes(row: &Row) -> bool {
    let written = Usage {
        cache_write_5m: 1,
        ..Usage::default()
    };
    counted(row, written).is_some_and(|usage| usage.input == 0)
}

fn tells_reasoning(row: &Row) -> bool {
    let reasoned = Usage {
        reasoning: 1,
        ..Usage::default()
    };
    counted(row, reasoned).is_some_and(|usage| usage.reasoning == 1)
}

/// What callers of a format make of this usage.
fn counted(row: &Row, usage: Usage) -> Option<Usage> {
    let reply = Reply {
        usage: Some(usage),
        ..reply_of(Part::text("a"))
    };
    back(row, &reply)?.usage
}

fn back(row: &Row, reply: &Reply) -> Option<Reply> {
    read_reply(row.codec, &row.codec.write_reply(reply, &context())).ok()
}

#[test]
fn what_a_format_cannot_say_it_names_and_what_it_says_comes_back() {
    for row in rows() {
        for feature in FEATURES {
            let mut chat = bare();
            (feature.say)(&mut chat);
            let cell = format!("{} in {}", feature.name, row.format.name);
            match outcome(feature, &row) {
                Outcome::Refused(field) => assert!(!field.is_empty(), "{cell}"),
                Outcome::Carried => {
                    assert_eq!(
                        plain(through_request(&row, &chat)),
                        plain(chat.clone()),
                        "{cell}"
                    )
                }
                Outcome::Adapted(_) | Outcome::Dropped(_) => {}
            }
            (feature.unsay)(&mut chat);
            let mut said = chat.clone();
            (feature.say)(&mut said);
            assert_ne!(said, chat, "{cell} is taken out");
        }
    }
}
