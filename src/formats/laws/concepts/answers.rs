//! What callers of each format are shown of each thing that an answer may hold, whole and as a stream.

use super::super::features::named;
use super::super::{Row, context, read_stream, rows, written};
use super::{blessed, folder};
use crate::chat::{
    Call, Citation, Issuer, Logprob, Media, MediaKind, Native, Part, Reply, Seal, Source, Stop,
    Text, Thought, Usage,
};
use crate::formats::Seen;
use serde_json::{Value, json};

fn of(parts: Vec<Part>) -> Reply {
    let called = parts.iter().any(|part| matches!(part, Part::Call(_)));
    Reply {
        id: "r-1".into(),
        model: "m".into(),
        stop: Some(if called { Stop::Tool } else { Stop::End }),
        usage: Some(Usage {
            input: 5,
            output: 3,
            ..Usage::default()
        }),
        parts,
        ..Reply::default()
    }
}

fn stopped(stop: Stop) -> Reply {
    Reply {
        stop: Some(stop),
        ..of(vec![Part::text("yes")])
    }
}

fn thought(thought: Thought) -> Reply {
    of(vec![Part::Thought(thought), Part::text("yes")])
}

fn call(id: &str) -> Call {
    Call {
        id: id.into(),
        name: "weather".into(),
        arguments: "{ \"city\": \"Köln\" }".into(),
        ..Call::default()
    }
}

fn said(text: Text) -> Reply {
    of(vec![Part::Text(text)])
}

fn media(kind: MediaKind, mime: &str) -> Reply {
    let source = Source::Base64 {
        mime: mime.into(),
        data: "aGk=".into(),
    };
    of(vec![Part::Media(Media {
        kind,
        source,
        name: None,
        detail: None,
    })])
}

fn native(format: &'static str, json: Value) -> Reply {
    of(vec![
        Part::Native(Native { format, json }),
        Part::text("yes"),
    ])
}

fn used(usage: Usage) -> Reply {
    Reply {
        usage: Some(usage),
        ..of(vec![Part::text("yes")])
    }
}

/// Every concept of an answer.
pub fn answers() -> Vec<(&'static str, Reply)> {
    let yes = || Text::from("yes".to_owned());
    let signed = |issuer| Seal::signature(issuer, "c2VhbA");
    let encrypted = |issuer| Seal::encrypted(issuer, "c2VhbA");
    let plain = Usage {
        input: 5,
        output: 3,
        ..Usage::default()
    };
    vec![
        ("text", said(yes())),
        ("no text", of(vec![])),
        ("refusal", of(vec![Part::Refusal("no".into())])),
        (
            "citation",
            said(Text {
                citations: vec![Citation {
                    url: "https://example.com".into(),
                    title: Some("t".into()),
                    quote: Some("words".into()),
                    span: Some((0, 3)),
                }],
                ..yes()
            }),
        ),
        (
            "logprobs",
            said(Text {
                logprobs: vec![Logprob {
                    token: "yes".into(),
                    logprob: -0.5,
                    bytes: Some(b"yes".to_vec()),
                    top: vec![Logprob {
                        token: "no".into(),
                        logprob: -1.5,
                        ..Logprob::default()
                    }],
                }],
                ..yes()
            }),
        ),
        ("open thought", thought(Thought::open("hm"))),
        (
            "summary of a thought",
            thought(Thought {
                id: Some("rs_1".into()),
                summary: true,
                ..Thought::open("hm")
            }),
        ),
        (
            "thought signed by Anthropic",
            thought(Thought::sealed("hm", signed(Issuer::Anthropic))),
        ),
        (
            "thought signed by Google",
            thought(Thought::sealed("hm", signed(Issuer::Google))),
        ),
        (
            "thought encrypted by Anthropic",
            thought(Thought::sealed("", encrypted(Issuer::Anthropic))),
        ),
        (
            "thought encrypted by OpenAI",
            thought(Thought::sealed("", encrypted(Issuer::Openai))),
        ),
        (
            "plan of Cohere's",
            thought(Thought::sealed("", encrypted(Issuer::Cohere))),
        ),
        (
            "text signed by Google",
            said(Text {
                seal: Some(signed(Issuer::Google)),
                ..yes()
            }),
        ),
        ("call", of(vec![Part::Call(call("call_a"))])),
        (
            "text and calls",
            of(vec![
                Part::text("Looking."),
                Part::Call(call("call_a")),
                Part::Call(call("call_b")),
            ]),
        ),
        (
            "call without arguments",
            of(vec![Part::Call(Call {
                arguments: "{}".into(),
                ..call("call_a")
            })]),
        ),
        (
            "call signed by Google",
            of(vec![Part::Call(Call {
                seal: Some(signed(Issuer::Google)),
                ..call("call_a")
            })]),
        ),
        (
            "call of free text",
            of(vec![Part::Call(Call {
                arguments: "*** Begin".into(),
                free: true,
                ..call("call_a")
            })]),
        ),
        (
            "call of a tool in a group",
            of(vec![Part::Call(Call {
                namespace: Some("geo".into()),
                ..call("call_a")
            })]),
        ),
        ("image", media(MediaKind::Image, "image/png")),
        ("sound", media(MediaKind::Audio, "audio/wav")),
        (
            "server tool of Anthropic's",
            native(
                "anthropic-messages",
                json!({"type": "server_tool_use", "id": "srvtoolu_a", "name": "web_search", "input": {"query": "q"}}),
            ),
        ),
        (
            "server tool of OpenAI's",
            Reply {
                usage: Some(Usage {
                    searches: 1,
                    ..plain
                }),
                ..native(
                    "openai-responses",
                    json!({"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "q"}}),
                )
            },
        ),
        (
            "server tool of Google's",
            native(
                "gemini",
                json!({"executableCode": {"language": "PYTHON", "code": "1"}}),
            ),
        ),
        ("stop at the limit", stopped(Stop::Length)),
        ("stop by a filter", stopped(Stop::Filter)),
        (
            "stop at a sequence",
            Reply {
                sequence: Some("END".into()),
                ..stopped(Stop::Sequence)
            },
        ),
        ("stop for a pause", stopped(Stop::Pause)),
        ("stop for a fault", stopped(Stop::Fault)),
        (
            "usage with a cache read",
            used(Usage {
                cache_read: 7,
                ..plain
            }),
        ),
        (
            "usage with cache writes",
            used(Usage {
                cache_write_5m: 7,
                cache_write_1h: 9,
                ..plain
            }),
        ),
        (
            "usage with a cache write of unknown lifetime",
            used(Usage {
                cache_write: 7,
                ..plain
            }),
        ),
        (
            "usage with reasoning",
            used(Usage {
                reasoning: 7,
                ..plain
            }),
        ),
        (
            "usage with sound",
            used(Usage {
                audio: 2,
                audio_output: 1,
                ..plain
            }),
        ),
        (
            "usage with searches",
            used(Usage {
                searches: 2,
                ..plain
            }),
        ),
    ]
}

fn streamed(row: &Row, reply: &Reply) -> Option<Reply> {
    let (told, _) = read_stream(row.codec, &written(row.codec, &reply.events())).ok()?;
    Reply::fold(told.iter().cloned()).ok().map(without_raw)
}

fn whole(row: &Row, reply: &Reply) -> Option<Reply> {
    let body = row.codec.write_reply(reply, &context());
    let read = row.codec.read_reply(&body, &mut Seen::default());
    read.ok().map(without_raw)
}

/// The provider's own word for why it ended is each format's own.
fn without_raw(reply: Reply) -> Reply {
    Reply { raw: None, ..reply }
}

/// The same without what it is about: the least of it that can be shown.
fn without(reply: &Reply) -> Reply {
    let call = |part: &Part| match part {
        Part::Call(call) if call.seal.is_some() || call.namespace.is_some() => {
            Some(Part::Call(Call {
                seal: None,
                namespace: None,
                ..call.clone()
            }))
        }
        Part::Text(text) => Some(Part::text(text.text.clone())),
        _ => None,
    };
    Reply {
        parts: reply.parts.iter().filter_map(call).collect(),
        usage: reply.usage.map(|usage| Usage {
            input: usage.input,
            output: usage.output,
            ..Usage::default()
        }),
        ..reply.clone()
    }
}

/// Without the ids of items, which a format that has them makes where there are none.
fn unnumbered(mut reply: Reply) -> Reply {
    for part in &mut reply.parts {
        match part {
            Part::Call(call) => call.item = None,
            Part::Thought(thought) => thought.id = None,
            _ => {}
        }
    }
    reply
}

/// What becomes of it: it comes back as it is, not at all, or in another form.
pub fn outcome(row: &Row, reply: &Reply) -> &'static str {
    let backs = [whole(row, reply), streamed(row, reply)].map(|back| back.map(unnumbered));
    let reply = unnumbered(named(reply.clone(), row));
    let bare = without(&reply);
    let gone =
        |back: &Reply| bare != reply && (&back.parts, back.usage) == (&bare.parts, bare.usage);
    if backs.iter().all(|back| back.as_ref() == Some(&reply)) {
        "carried"
    } else if backs.iter().flatten().any(gone) {
        "dropped"
    } else {
        "adapted"
    }
}

#[test]
fn every_format_shows_of_each_answer_what_is_written_down() {
    let files = answers().into_iter().map(|(name, reply)| {
        let mut text = String::new();
        for row in rows() {
            let whole: Value =
                serde_json::from_slice(&row.codec.write_reply(&reply, &context())).unwrap();
            text += &format!("== {}: {}\n", row.format.name, outcome(&row, &reply));
            text += &format!("{}\n", serde_json::to_string_pretty(&whole).unwrap());
            text += &format!(
                "-- streamed\n{}",
                written(row.codec, &reply.events()).replace('\r', "")
            );
        }
        (format!("{}.txt", blessed::file(name)), text)
    });
    blessed::files(&folder().join("golden/replies"), files.collect());
}
