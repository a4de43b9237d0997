//! However a caller spells a text: what goes out of it says what it would say if nobody had kept the spelling.

use super::{rows, target};
use crate::chat::{Call, CallResult, Chat, Message, Part, Role, Tool, Words};
use crate::formats::peek;
use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

/// A conversation in which this is said wherever a text can stand.
fn conversation(text: &str) -> Chat {
    let message = |role, parts| Message {
        role,
        parts,
        id: None,
    };
    let call = Call {
        id: "call_1".into(),
        name: "f".into(),
        arguments: "{}".into(),
        ..Call::default()
    };
    let result = CallResult {
        id: "call_1".into(),
        name: Some("f".into()),
        parts: vec![Part::text(text)],
        ..CallResult::default()
    };
    Chat {
        model: "claude-3-5-haiku".into(),
        max_tokens: Some(100),
        messages: vec![
            message(Role::System, vec![Part::text(text)]),
            message(Role::User, vec![Part::text(text), Part::text(text)]),
            message(Role::Assistant, vec![Part::text(text), Part::Call(call)]),
            message(Role::User, vec![Part::Result(result), Part::text(text)]),
            message(Role::System, vec![Part::text(text)]),
            message(Role::User, vec![Part::text(text)]),
            message(Role::Assistant, vec![Part::text(text)]),
        ],
        tools: vec![Tool {
            name: "f".into(),
            description: Some("Does it.".into()),
            parameters: Some(json!({"type": "object", "properties": {}})),
            ..Tool::default()
        }],
        ..Chat::default()
    }
}

/// The text as JSON in one of many spellings.
fn spelt(text: &str, every: usize) -> String {
    let mut units = [0; 2];
    let one = |(at, c): (usize, char)| match c {
        '/' if at % 2 == 0 => "\\/".to_owned(),
        _ if at % every == 0 || c < ' ' || "\"\\".contains(c) => c
            .encode_utf16(&mut units)
            .iter()
            .map(|unit| format!("\\u{unit:04x}"))
            .collect(),
        _ => c.to_string(),
    };
    let inside: String = text.chars().enumerate().map(one).collect();
    format!("\"{inside}\"")
}

/// How many texts are kept as they were spelt; then none is any more.
fn forget(parts: &mut [Part]) -> usize {
    let each = parts.iter_mut().map(|part| match part {
        Part::Text(text) => {
            let kept = text.spelling().is_some();
            text.text = Words::from(text.as_str());
            usize::from(kept)
        }
        Part::Result(result) => forget(&mut result.parts),
        _ => 0,
    });
    each.sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn a_text_says_the_same_however_it_is_spelt(blank in "[ \n\t]{0,3}", text in "[ -~\n\té😀\u{2028}]{0,150}", every in 1_usize..60) {
        let text = format!("{blank}Q#{text}");
        for from in rows() {
            let chat = conversation(&text);
            let body = from.codec.write_request(&chat, &target(&chat)).unwrap().body;
            let own = serde_json::to_string(&text).unwrap();
            let body = String::from_utf8(body).unwrap().replace(&own, &spelt(&text, every));
            let body = Bytes::from(body);
            let peek = peek::peek(&body, from.format.looks, 64).unwrap();
            let read = from.codec.read(&peek.document(&body)).unwrap();
            let mut plain = read.clone();
            let kept: usize = plain.messages.iter_mut().map(|message| forget(&mut message.parts)).sum();
            // Halves of characters have to be looked at.
            if text.len() > 64 && text.is_ascii() {
                prop_assert!(kept > 2, "{}: {} {:?}", from.format.name, kept, body);
            }
            prop_assert_eq!(&read, &plain);
            for to in rows() {
                let write = |chat: &Chat| {
                    let written = to.codec.write_request(chat, &target(&conversation(""))).unwrap();
                    (serde_json::from_slice::<Value>(&written.body).unwrap(), written.dropped)
                };
                prop_assert_eq!(write(&read), write(&plain), "{} to {}", from.format.name, to.format.name);
            }
        }
    }
}
