//! Requests and replies drawn at random, of what the field's formats can say in common and of what some can. What one of
//! them cannot is taken out by [`super::features`], not here.

#![allow(clippy::unwrap_used)]

use crate::chat::{
    Answer, Call, CallResult, Chat, Issuer, Media, MediaKind, Message, Part, Reply, Role, Seal,
    Source, Stop, Thought, Tool, ToolChoice, Usage,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::json;

pub fn text() -> impl Strategy<Value = String> {
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

pub fn call() -> impl Strategy<Value = Part> {
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

/// What a tool says, under an id that is set when it is known which call it answers.
fn result() -> impl Strategy<Value = CallResult> {
    vec(text().prop_map(Part::text), 0..3).prop_map(|parts| CallResult {
        parts,
        ..CallResult::default()
    })
}

/// What nobody sealed.
fn open_thought() -> impl Strategy<Value = Part> {
    text().prop_map(|text| Part::Thought(Thought::open(text)))
}

/// What somebody signed or encrypted.
fn sealed_thought() -> impl Strategy<Value = Part> {
    let issuer = || proptest::sample::select(&Issuer::ALL[..]);
    prop_oneof![
        (text(), issuer(), seal()).prop_map(|(text, issuer, data)| {
            Part::Thought(Thought::sealed(text, Seal::signature(issuer, data)))
        }),
        (issuer(), seal()).prop_map(|(issuer, data)| {
            Part::Thought(Thought::sealed("", Seal::encrypted(issuer, data)))
        }),
    ]
}

/// The words of a seal: opaque, and in no alphabet that JSON would have to escape.
fn seal() -> impl Strategy<Value = String> {
    "[A-Za-z0-9+/]{8,20}"
}

/// What a user says, and what tools would answer if they were called before.
fn user() -> impl Strategy<Value = (Vec<Part>, Vec<CallResult>)> {
    let said = vec(
        prop_oneof![text().prop_map(Part::text), image(), document()],
        1..4,
    );
    (said, vec(result(), 3))
}

fn assistant() -> impl Strategy<Value = Message> {
    (
        option::of(prop_oneof![open_thought(), sealed_thought()]),
        option::of(text().prop_map(Part::text)),
        vec(call(), 0..=3),
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
        Just(None),
        Just(Some(ToolChoice::Auto)),
        Just(Some(ToolChoice::None)),
        Just(Some(ToolChoice::Required)),
        Just(Some(ToolChoice::Named(String::new()))),
    ];
    let drawn = (vec(tool(), 0..3), choice, option::of(any::<bool>()));
    drawn.prop_map(|(mut tools, choice, parallel)| {
        for (at, tool) in tools.iter_mut().enumerate() {
            tool.name += &at.to_string();
        }
        match (tools.first().map(|tool| tool.name.clone()), choice) {
            (None, _) => (tools, None, None),
            (Some(name), Some(ToolChoice::Named(_))) => {
                (tools, Some(ToolChoice::Named(name)), parallel)
            }
            // How many are called is said with a choice that lets some be called.
            (_, choice @ (None | Some(ToolChoice::None))) => (tools, choice, None),
            (_, choice) => (tools, choice, parallel),
        }
    })
}

fn schema() -> impl Strategy<Value = Answer> {
    Just(json!({"type": "object", "properties": {"z": {"type": "string"}, "a": {"type": "integer"}}, "required": ["z", "a"], "additionalProperties": false}))
        .prop_map(|schema| Answer::Schema { name: None, description: None, schema, strict: Some(true) })
}

/// A request.
pub fn chat() -> impl Strategy<Value = Chat> {
    let system = option::of(
        vec(text().prop_map(Part::text), 1..3).prop_map(|parts| Message {
            role: Role::System,
            parts,
            id: None,
        }),
    );
    let turns = vec((user(), assistant()), 0..4);
    let sampling = (
        // Less is not taken everywhere.
        16_u64..100_000,
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
                    .chain(conversation(turns, last))
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

/// What a user says, and answers to calls.
type Said = (Vec<Part>, Vec<CallResult>);

/// The turns, with an answer to every call right behind it.
fn conversation(turns: Vec<(Said, Message)>, last: Said) -> Vec<Message> {
    let (mut messages, mut calls, mut count) = (Vec::new(), Vec::<String>::new(), 0);
    let user = |calls: Vec<String>, (said, results): Said| {
        let answers = calls.into_iter().zip(results);
        let mut parts: Vec<Part> = answers
            .map(|(id, result)| Part::Result(CallResult { id, ..result }))
            .collect();
        // Behind results only text is said: where media may stand there differs.
        let alone = parts.is_empty();
        parts.extend(
            said.into_iter()
                .filter(|part| alone || matches!(part, Part::Text(_))),
        );
        Message {
            role: Role::User,
            parts,
            id: None,
        }
    };
    for (said, mut assistant) in turns {
        messages.push(user(std::mem::take(&mut calls), said));
        for part in &mut assistant.parts {
            if let Part::Call(call) = part {
                count += 1;
                call.id += &format!("-{count}");
                calls.push(call.id.clone());
            }
        }
        messages.push(assistant);
    }
    messages.push(user(calls, last));
    messages
}

pub fn usage() -> impl Strategy<Value = Usage> {
    (
        0_u64..1000,
        0_u64..1000,
        0_u64..1000,
        0_u64..1000,
        0_u64..1000,
    )
        .prop_map(
            |(input, cache_read, cache_write, output, reasoning)| Usage {
                input,
                cache_read,
                cache_write,
                output,
                reasoning,
                ..Usage::default()
            },
        )
}

/// A reply: thoughts, text, calls, in the order models give them.
pub fn reply() -> impl Strategy<Value = Reply> {
    let stop = prop_oneof![Just(Stop::End), Just(Stop::Length), Just(Stop::Filter)];
    (
        id(),
        id(),
        // Of open ones there is one: formats that have a field for them run them together.
        prop_oneof![vec(open_thought(), 0..2), vec(sealed_thought(), 0..4)],
        option::of(text().prop_map(Part::text)),
        vec(call(), 0..=3),
        stop,
        usage(),
    )
        .prop_map(|(id, model, thoughts, said, calls, stop, usage)| {
            let stop = if calls.is_empty() || stop != Stop::End {
                stop
            } else {
                Stop::Tool
            };
            let calls = calls.into_iter().enumerate().map(|(at, mut part)| {
                if let Part::Call(call) = &mut part {
                    call.id += &format!("-{at}");
                }
                part
            });
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
