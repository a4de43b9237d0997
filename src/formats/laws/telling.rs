//! What the writers of streams and replies say to callers, whatever a provider tells.

use super::streams::{chunks, write};
use super::wire::events;
use crate::chat::{Call, Delta, Event, Opening, Stop};
use crate::formats::{anthropic, openai};
use serde_json::{Value, json};

/// Events of a reply whose parts are these, as a provider might tell them.
fn reply_of(parts: &[(Opening, &[Delta])], stop: Stop) -> Vec<Event> {
    let mut told = vec![Event::Begin {
        id: "c".into(),
        model: "m".into(),
    }];
    for (index, (part, deltas)) in parts.iter().enumerate() {
        told.push(Event::Open {
            index,
            part: part.clone(),
        });
        told.extend(deltas.iter().map(|delta| Event::Delta {
            index,
            delta: delta.clone(),
        }));
        told.push(Event::Close { index });
    }
    told.push(Event::End {
        stop: Some(stop),
        sequence: None,
        raw: None,
    });
    told
}

fn call(id: &str) -> Opening {
    Opening::Call(Call {
        id: id.into(),
        name: "f".into(),
        ..Call::default()
    })
}

fn more(text: &str) -> Delta {
    Delta::Arguments(text.into())
}

#[test]
fn no_empty_text_is_sent_before_a_call() {
    let empty = || Delta::Text(String::new());
    let told = reply_of(
        &[
            (Opening::Text, &[empty()]),
            (
                Opening::Thought {
                    id: None,
                    summary: false,
                },
                &[],
            ),
            (call("a"), &[more("{\"x\""), more(":1}")]),
            (Opening::Text, &[]),
            (Opening::Text, &[empty(), Delta::Text("yes".into())]),
        ],
        Stop::Tool,
    );
    let start = |index: u64, block: Value| json!({"type": "content_block_start", "index": index, "content_block": block});
    let delta = |index: u64, delta: Value| json!({"type": "content_block_delta", "index": index, "delta": delta});
    let stop = |index: u64| json!({"type": "content_block_stop", "index": index});
    let written = write(anthropic::CODEC, &told, false);
    let shown: Vec<Value> = events(&written)
        .iter()
        .map(|(_, data)| serde_json::from_str(data).unwrap())
        .collect();
    assert_eq!(
        shown[1..shown.len() - 2],
        [
            start(
                0,
                json!({"type": "tool_use", "id": "a", "name": "f", "input": {}})
            ),
            delta(
                0,
                json!({"type": "input_json_delta", "partial_json": "{\"x\""})
            ),
            delta(
                0,
                json!({"type": "input_json_delta", "partial_json": ":1}"})
            ),
            stop(0),
            start(1, json!({"type": "text", "text": ""})),
            delta(1, json!({"type": "text_delta", "text": "yes"})),
            stop(1),
        ]
    );
    let called = json!({"role": "assistant", "content": null, "tool_calls": [{"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}]});
    let more = |text: &str| json!({"tool_calls": [{"index": 0, "function": {"arguments": text}}]});
    assert_eq!(
        write(openai::CODEC, &told, false),
        chunks(
            &[
                called,
                more("{\"x\""),
                more(":1}"),
                json!({"content": "yes"})
            ],
            "tool_calls"
        )
    );
}

#[test]
fn a_tool_is_only_said_to_be_wanted_where_one_was_called() {
    for (parts, openai_says, anthropic_says) in [
        (
            vec![(Opening::Text, [Delta::Text("yes".into())])],
            "stop",
            "end_turn",
        ),
        (vec![(call("a"), [more("{}")])], "tool_calls", "tool_use"),
    ] {
        let parts: Vec<(Opening, &[Delta])> = parts
            .iter()
            .map(|(part, deltas)| (part.clone(), deltas.as_slice()))
            .collect();
        let told = reply_of(&parts, Stop::Tool);
        let reply = crate::chat::Reply::fold(told.iter().cloned()).unwrap();
        for (codec, says) in [
            (openai::CODEC, openai_says),
            (anthropic::CODEC, anthropic_says),
        ] {
            let reason = format!("_reason\":\"{says}\"");
            assert!(write(codec, &told, false).contains(&reason), "{says}");
            let whole = codec.write_reply(&reply, &super::context());
            assert!(
                String::from_utf8(whole).unwrap().contains(&reason),
                "{says}"
            );
        }
    }
}

#[test]
fn arguments_of_null_are_none() {
    for (pieces, want) in [
        (vec!["null"], vec![]),
        (vec!["nu", "ll", " "], vec![]),
        (vec!["", "  "], vec![]),
        (vec!["nu", "mber"], vec!["number"]),
        (vec!["", "{}"], vec!["{}"]),
    ] {
        let deltas: Vec<Delta> = pieces.iter().map(|piece| more(piece)).collect();
        let told = reply_of(&[(call("a"), &deltas)], Stop::Tool);
        let written = write(anthropic::CODEC, &told, false);
        let shown: Vec<String> = events(&written)
            .iter()
            .map(|(_, data)| serde_json::from_str::<Value>(data).unwrap())
            .filter_map(|event| Some(event["delta"]["partial_json"].as_str()?.to_owned()))
            .collect();
        assert_eq!(shown, want, "{pieces:?}");
    }
}
