//! Laws every codec keeps: what is written is read back the same, in one piece and as a stream. Requests and replies are
//! drawn from what both directions of a format can say; what only one can is in the golden tests.

#![allow(clippy::unwrap_used)]

mod adapting;
mod golden;
mod readings;
pub(crate) mod recorded;
mod streams;
mod telling;
mod wire;

use super::{Codec, Mark, Quirks, ReplyContext, Seen, Target, anthropic, openai};
use crate::chat::{
    Answer, Call, CallResult, Chat, Effort, Event, Issuer, Media, MediaKind, Message, Part, Reply,
    Role, Seal, Source, Stop, Thinking, Thought, Tool, ToolChoice, Usage,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::json;

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["\\PC{1,12}", "[a-z\"\\\\\n\r\u{0}\u{2028}é漢🦀]{1,12}"]
        .prop_filter("blank text is left out", |text| !text.trim().is_empty())
}

fn id() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9_-]{1,12}"
}

/// Raw arguments, spelled as no serializer would.
fn arguments() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("{}".to_owned()),
        Just("{ \"b\": 1.50, \"a\":[1e5, 12345678901234567890123] }".to_owned()),
        text().prop_map(|text| json!({"q": text, "nested": {"x": null}}).to_string()),
    ]
}

fn call() -> impl Strategy<Value = Part> {
    (id(), id(), arguments()).prop_map(|(id, name, arguments)| {
        Part::Call(Call {
            id,
            name,
            arguments,
            ..Call::default()
        })
    })
}

fn image() -> impl Strategy<Value = Part> {
    let source = prop_oneof![
        "[a-z]{1,8}".prop_map(|name| Source::Url(format!("https://example.com/{name}.png"))),
        "[A-Za-z0-9+/]{4}".prop_map(|data| Source::Base64 {
            mime: "image/png".into(),
            data
        }),
    ];
    source.prop_map(|source| {
        Part::Media(Media {
            kind: MediaKind::Image,
            source,
            name: None,
            detail: None,
        })
    })
}

fn document() -> impl Strategy<Value = Part> {
    ("[A-Za-z0-9+/]{4}", "[a-z]{1,5}[.]pdf").prop_map(|(data, name)| {
        let source = Source::Base64 {
            mime: "application/pdf".into(),
            data,
        };
        Part::Media(Media {
            kind: MediaKind::Document,
            source,
            name: Some(name),
            detail: None,
        })
    })
}

fn result() -> impl Strategy<Value = Part> {
    (id(), vec(text().prop_map(Part::text), 0..3)).prop_map(|(id, parts)| {
        Part::Result(CallResult {
            id,
            parts,
            ..CallResult::default()
        })
    })
}

fn thought(sealed: bool) -> impl Strategy<Value = Part> {
    (text(), text()).prop_map(move |(text, seal)| {
        Part::Thought(Thought {
            seal: sealed.then(|| Seal::signature(Issuer::Anthropic, seal)),
            ..Thought::open(text)
        })
    })
}

fn user() -> impl Strategy<Value = Message> {
    let said = || {
        vec(
            prop_oneof![text().prop_map(Part::text), image(), document()],
            1..4,
        )
    };
    let answered = (vec(result(), 1..4), vec(text().prop_map(Part::text), 0..2))
        .prop_map(|(results, said)| [results, said].concat());
    prop_oneof![said(), answered].prop_map(|parts| Message {
        role: Role::User,
        parts,
        id: None,
    })
}

/// OpenAI's own models seal nothing and Anthropic refuses what is not sealed, so each format keeps one kind.
fn assistant(sealed: bool) -> impl Strategy<Value = Message> {
    (
        option::of(thought(sealed)),
        option::of(text().prop_map(Part::text)),
        vec(call(), 0..4),
        text(),
    )
        .prop_map(|(thought, said, calls, instead)| {
            let mut parts: Vec<Part> = thought.into_iter().chain(said).chain(calls).collect();
            if parts.is_empty() {
                parts.push(Part::text(instead));
            }
            Message {
                role: Role::Assistant,
                parts,
                id: None,
            }
        })
}

fn tool() -> impl Strategy<Value = Tool> {
    (id(), option::of(text()), option::of(any::<bool>())).prop_map(|(name, description, strict)| {
        let mut parameters = json!({"type": "object", "properties": {"z": {"type": "string"}, "a": {"type": "integer"}}, "required": ["z"]});
        // What both hold tools to.
        if strict == Some(true) {
            parameters["required"] = json!(["z", "a"]);
            parameters["additionalProperties"] = json!(false);
        }
        let parameters = Some(parameters);
        Tool { name, description, parameters, strict, ..Tool::default() }
    })
}

fn tools() -> impl Strategy<Value = (Vec<Tool>, Option<ToolChoice>, Option<bool>)> {
    let choice = prop_oneof![
        Just(ToolChoice::Auto),
        Just(ToolChoice::Required),
        id().prop_map(ToolChoice::Named)
    ];
    prop_oneof![
        Just((Vec::new(), None, None)),
        (vec(tool(), 1..3), Just(None), Just(None)),
        (vec(tool(), 1..3), Just(Some(ToolChoice::None)), Just(None)),
        (
            vec(tool(), 1..3),
            choice.prop_map(Some),
            option::of(any::<bool>())
        ),
    ]
}

fn schema() -> impl Strategy<Value = Answer> {
    Just(json!({"type": "object", "properties": {"z": {"type": "string"}, "a": {"type": "integer"}}, "required": ["z", "a"], "additionalProperties": false}))
        .prop_map(|schema| Answer::Schema { name: None, description: None, schema, strict: Some(true) })
}

/// The portable core of requests.
fn chat(sealed: bool) -> impl Strategy<Value = Chat> {
    let system = option::of(
        vec(text().prop_map(Part::text), 1..3).prop_map(|parts| Message {
            role: Role::System,
            parts,
            id: None,
        }),
    );
    let turns = vec((user(), assistant(sealed)), 0..4);
    let sampling = (
        1_u64..100_000,
        option::of((0_u32..=100).prop_map(|n| f64::from(n) / 100.0)),
        vec(text(), 0..3),
        option::of(id()),
        any::<bool>(),
    );
    (
        system,
        turns,
        user(),
        tools(),
        option::of(schema()),
        sampling,
    )
        .prop_map(
            |(
                system,
                turns,
                last,
                tools,
                answer,
                (max_tokens, temperature, stop, user, stream),
            )| Chat {
                model: "m".into(),
                stream,
                messages: system
                    .into_iter()
                    .chain(
                        turns
                            .into_iter()
                            .flat_map(|(user, assistant)| [user, assistant]),
                    )
                    .chain([last])
                    .collect(),
                tools: tools.0,
                tool_choice: tools.1,
                parallel_calls: tools.2,
                answer,
                max_tokens: Some(max_tokens),
                temperature,
                stop,
                user,
                ..Chat::default()
            },
        )
}

fn usage() -> impl Strategy<Value = Usage> {
    (
        0_u64..1000,
        0_u64..1000,
        0_u64..1000,
        0_u64..1000,
        0_u64..1000,
    )
        .prop_map(
            |(input, cache_read, cache_write_5m, output, reasoning)| Usage {
                input,
                cache_read,
                cache_write_5m,
                output,
                reasoning,
                ..Usage::default()
            },
        )
}

/// The portable core of replies: thoughts, text, calls, in the order models give them.
fn reply() -> impl Strategy<Value = Reply> {
    let redacted = || {
        text().prop_map(|data| {
            Part::Thought(Thought::sealed(
                "",
                Seal::encrypted(Issuer::Anthropic, data),
            ))
        })
    };
    let thoughts = prop_oneof![
        vec(thought(false), 0..2),
        vec(prop_oneof![thought(true), redacted()], 0..4)
    ];
    let stop = prop_oneof![Just(Stop::End), Just(Stop::Length), Just(Stop::Filter)];
    (
        id(),
        id(),
        thoughts,
        option::of(text().prop_map(Part::text)),
        vec(call(), 0..4),
        stop,
        usage(),
    )
        .prop_map(|(id, model, thoughts, said, calls, stop, usage)| {
            let stop = if calls.is_empty() || stop != Stop::End {
                stop
            } else {
                Stop::Tool
            };
            let parts = thoughts.into_iter().chain(said).chain(calls).collect();
            Reply {
                id,
                model,
                parts,
                stop: Some(stop),
                sequence: None,
                raw: None,
                usage: Some(usage),
            }
        })
}

fn context() -> ReplyContext {
    ReplyContext {
        request_id: "req-1".into(),
        model: "shown".into(),
        include_usage: true,
        created: 1,
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
    codec
        .read_reply(body, &mut Seen::default())
        .map(without_raw)
}

/// The provider's own word is each format's own.
fn without_raw(reply: Reply) -> Reply {
    Reply { raw: None, ..reply }
}

/// `fold(reader(writer(events)))`.
fn through_stream(codec: &dyn Codec, events: &[Event]) -> Reply {
    let (mut writer, mut bytes) = (codec.writer(&context()), Vec::new());
    events
        .iter()
        .for_each(|event| writer.write(event, &mut bytes));
    let (out, _) = read_stream(codec, std::str::from_utf8(&bytes).unwrap()).unwrap();
    without_raw(Reply::fold(&out).unwrap())
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

fn through_request(codec: &dyn Codec, chat: &Chat) -> Chat {
    let written = codec.write_request(chat, &target(chat)).unwrap();
    assert!(written.dropped.is_empty(), "{:?}", written.dropped);
    codec.read_request(&written.body).unwrap()
}

/// What names and defaults the writer had to add.
fn named(mut chat: Chat) -> Chat {
    if let Some(Answer::Schema { name, .. }) = &mut chat.answer {
        *name = Some("response".into());
    }
    chat
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn openai_requests_come_back(chat in chat(false), effort in option::of(proptest::sample::select(&Effort::ALL[..]))) {
        let chat = Chat { thinking: effort.map(Thinking::Effort), seed: Some(7), ..chat };
        prop_assert_eq!(through_request(openai::CODEC, &chat), named(chat));
    }

    #[test]
    fn anthropic_requests_come_back(chat in chat(true), top_k in option::of(1_u64..100)) {
        let chat = Chat { top_k, ..chat };
        prop_assert_eq!(through_request(anthropic::CODEC, &chat), chat);
    }

    /// Tools, images and calls survive the way over the other format.
    #[test]
    fn a_request_survives_both_formats(chat in chat(false)) {
        let strip = |mut chat: Chat| {
            chat.messages.iter_mut().for_each(|message| message.parts.retain(|part| !matches!(part, Part::Thought(_))));
            chat.messages.retain(|message| !message.parts.is_empty());
            chat
        };
        // A turn that was only a thought vanishes, and its neighbours become one.
        prop_assume!(strip(chat.clone()).messages.len() == chat.messages.len());
        let chat = strip(chat);
        let over = through_request(anthropic::CODEC, &through_request(openai::CODEC, &chat));
        prop_assert_eq!(over, chat);
    }

    #[test]
    fn replies_come_back(reply in reply()) {
        for codec in [openai::CODEC, anthropic::CODEC] {
            prop_assert_eq!(&read_reply(codec, &codec.write_reply(&reply, &context())).unwrap(), &reply);
            prop_assert_eq!(&through_stream(codec, &reply.events()), &reply);
        }
    }

    /// However finely an upstream cuts its deltas.
    #[test]
    fn streams_come_back_however_they_are_cut(reply in reply()) {
        let fine: Vec<Event> = reply.events().iter().flat_map(cut).collect();
        for codec in [openai::CODEC, anthropic::CODEC] {
            prop_assert_eq!(&through_stream(codec, &fine), &reply);
        }
    }

    /// Nothing a caller or an upstream sends makes a reader panic.
    #[test]
    fn readers_survive_anything(body in prop_oneof![any::<String>(), broken()]) {
        for codec in [openai::CODEC, anthropic::CODEC] {
            _ = codec.read_request(body.as_bytes());
            _ = read_reply(codec, body.as_bytes());
            let (mut reader, mut out) = (codec.reader(), Vec::new());
            reader.read("message_delta", body.as_bytes(), &mut Seen::default(), &mut out);
            reader.end(&mut out);
        }
    }
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

/// Bodies with the right names and the wrong values.
fn broken() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just(json!(null)),
        Just(json!([])),
        Just(json!({})),
        Just(json!("x")),
        Just(json!(-1)),
        Just(
            json!([{"type": "text"}, {"type": "tool_use", "input": 3}, {"role": "assistant", "content": [{}]}, 5])
        ),
        Just(
            json!([{"index": 0, "delta": {"tool_calls": [{"index": 9}, {"function": {"arguments": "{"}}], "content": [1]}, "message": {"content": {}}}])
        ),
        Just(
            json!({"type": "tool_use", "content": [], "usage": {"input_tokens": -1}, "delta": {"type": "text_delta"}})
        ),
    ];
    const KEYS: [&str; 16] = [
        "type",
        "messages",
        "content",
        "choices",
        "delta",
        "index",
        "content_block",
        "message",
        "usage",
        "tools",
        "stop",
        "system",
        "error",
        "model",
        "max_tokens",
        "thinking",
    ];
    vec((proptest::sample::select(&KEYS[..]), value), 0..6)
        .prop_map(|members| {
            members
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect::<serde_json::Map<_, _>>()
        })
        .prop_map(|map| serde_json::Value::Object(map).to_string())
}
