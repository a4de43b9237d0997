//! A seal goes to the provider that made it and to nobody else, whatever lies between: a caller of any format is shown it,
//! sends it back as its clients do, and it is sent on only where it came from.

use super::{context, rows, target, wire};
use crate::chat::{
    Call, Chat, Issuer, Message, Part, Reply, Role, Seal, SealKind, Stop, Text, Thought,
};
use serde_json::Value;

/// Whose seals each format sends upstream. OpenAI's chat format is spoken by many; of them Google takes the seals of calls
/// back.
const HOMES: &[(&str, &[Issuer])] = &[
    ("openai-chat", &[Issuer::Google]),
    ("openai-responses", &[Issuer::Openai]),
    ("anthropic-messages", &[Issuer::Anthropic]),
    ("gemini", &[Issuer::Google]),
    ("cohere-chat", &[Issuer::Cohere]),
    ("bedrock-converse", &[Issuer::Anthropic]),
];

/// The seal's words, which occur nowhere else.
const WORDS: &str = "c2VhbGVkd29yZHM";

/// The same where a seal is bytes and so in base64 once more.
const WRAPPED: &str = "YzJWaGJHVmtkMjl5WkhN";

/// Whether a seal is in it.
fn has_seal(body: &str) -> bool {
    body.contains(WORDS) || body.contains(WRAPPED)
}

fn home(format: &str) -> &'static [Issuer] {
    let found = HOMES.iter().find(|(name, _)| *name == format);
    found.map_or_else(
        || panic!("whose seals does `{format}` send?"),
        |(_, home)| *home,
    )
}

/// Every part that may be sealed, with the seals it may have.
fn sealed() -> Vec<(Issuer, Part)> {
    let mut parts = Vec::new();
    for issuer in Issuer::ALL {
        let signed = || Seal::signature(issuer, WORDS);
        parts.push((issuer, Part::Thought(Thought::sealed("hm", signed()))));
        let hidden = Seal {
            kind: SealKind::Encrypted,
            ..signed()
        };
        parts.push((issuer, Part::Thought(Thought::sealed("", hidden))));
    }
    // Only Google seals these.
    let seal = Some(Seal::signature(Issuer::Google, WORDS));
    let text = Text {
        seal: seal.clone(),
        ..Text::from("yes".to_owned())
    };
    parts.push((Issuer::Google, Part::Text(text)));
    parts.push((Issuer::Google, Part::Call(Call { seal, ..call() })));
    parts
}

fn call() -> Call {
    Call {
        id: "call_a".into(),
        name: "f".into(),
        arguments: "{}".into(),
        ..Call::default()
    }
}

fn reply(part: &Part) -> Reply {
    Reply {
        id: "r".into(),
        model: "m".into(),
        parts: match part {
            Part::Call(_) => vec![part.clone()],
            part => vec![part.clone(), Part::Call(call())],
        },
        stop: Some(Stop::Tool),
        ..Reply::default()
    }
}

/// The bodies upstreams get of this conversation, with the name of each one's format.
fn sent(chat: &Chat) -> Vec<(&'static str, String)> {
    let written = rows().into_iter().filter_map(|row| {
        let written = row.codec.write_request(chat, &target(chat)).ok()?;
        Some((row.format.name, String::from_utf8(written.body).unwrap()))
    });
    written.collect()
}

#[test]
fn nobody_is_sent_a_seal_of_somebody_elses() {
    for (issuer, part) in sealed() {
        let mut chat = super::features::bare();
        chat.messages.push(Message {
            role: Role::Assistant,
            parts: vec![part.clone(), Part::text("so")],
            id: None,
        });
        chat.messages.push(Message::text(Role::User, "more"));
        for (name, body) in sent(&chat) {
            let may = home(name).contains(&issuer);
            assert!(may || !has_seal(&body), "{name} is sent {part:?}: {body}");
        }
    }
}

#[test]
fn a_seal_comes_home_over_callers_of_every_format() {
    for caller in rows() {
        for (issuer, part) in sealed() {
            let shown: Value =
                serde_json::from_slice(&caller.codec.write_reply(&reply(&part), &context()))
                    .unwrap();
            let follow_up = wire::follow_up(caller.format.name, &shown);
            let chat = caller
                .codec
                .read_request(follow_up.to_string().as_bytes())
                .unwrap();
            for (name, body) in sent(&chat) {
                let cell = format!("{part:?} over {} to {name}", caller.format.name);
                let thought = matches!(part, Part::Thought(_));
                let own = home(name).contains(&issuer) && !(thought && name == "openai-chat");
                assert!(own || !has_seal(&body), "{cell}: {body}");
                // What nobody of that issuer makes it has no place for either.
                let made = home_made(issuer, &part) && placed(caller.format.name, name, &part);
                assert!(
                    !own || !made || has_seal(&body),
                    "{cell} is lost: {follow_up} {body}"
                );
            }
        }
    }
}

/// Whether a seal of this part has a place on the whole way. A text of Chat's is one, with nothing behind it; and its
/// service at Google takes seals where its own callers have them.
fn placed(caller: &str, upstream: &str, part: &Part) -> bool {
    match part {
        Part::Text(_) => caller != "openai-chat" && upstream == "gemini",
        Part::Call(_) => upstream == "gemini" || caller == "openai-chat",
        _ => true,
    }
}

/// Whether the issuer seals such a part so.
fn home_made(issuer: Issuer, part: &Part) -> bool {
    let Part::Thought(Thought {
        seal: Some(seal), ..
    }) = part
    else {
        return issuer == Issuer::Google;
    };
    match issuer {
        Issuer::Anthropic => true,
        Issuer::Openai | Issuer::Cohere => seal.kind == SealKind::Encrypted,
        Issuer::Google => seal.kind == SealKind::Signature,
    }
}

#[test]
fn calls_keep_their_ids_over_callers_of_every_format() {
    for caller in rows() {
        let reply = reply(&Part::Call(call()));
        let shown: Value =
            serde_json::from_slice(&caller.codec.write_reply(&reply, &context())).unwrap();
        let follow_up = wire::follow_up(caller.format.name, &shown);
        let chat = caller
            .codec
            .read_request(follow_up.to_string().as_bytes())
            .unwrap();
        let parts = chat.messages.iter().flat_map(|message| &message.parts);
        let ids: Vec<&str> = parts
            .filter_map(|part| match part {
                Part::Call(call) => Some(&*call.id),
                Part::Result(result) => Some(&*result.id),
                _ => None,
            })
            .collect();
        assert_eq!(
            ids,
            ["call_a", "call_a"],
            "{}: {follow_up}",
            caller.format.name
        );
    }
}
