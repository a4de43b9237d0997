//! Streams from one format into the other, byte for byte, and the odd streams that services send.

use super::wire::{events, outcome};
use crate::chat::{Delta, Event, Fault, Opening, Part, Reply, Stop};
use crate::formats::{Codec, ReplyContext, anthropic, openai};
use serde_json::{Value, json};

fn read(codec: &dyn Codec, stream: &str) -> Result<Vec<Event>, String> {
    super::read_stream(codec, stream).map(|(told, _)| told)
}

pub fn write(codec: &dyn Codec, given: &[Event], include_usage: bool) -> String {
    let context = ReplyContext {
        include_usage,
        ..super::context()
    };
    let (mut writer, mut out) = (codec.writer(&context), Vec::new());
    given.iter().for_each(|event| writer.write(event, &mut out));
    String::from_utf8(out).unwrap()
}

/// Chunks with these deltas, a finish reason and the end mark.
pub fn chunks(deltas: &[Value], finish: &str) -> String {
    let chunk = |delta: &Value, finish: Value| {
        let chunk = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]});
        format!("data: {chunk}\n\n")
    };
    let body: String = deltas
        .iter()
        .map(|delta| chunk(delta, Value::Null))
        .collect();
    body + &chunk(&json!({}), json!(finish)) + "data: [DONE]\n\n"
}

fn anthropic_events(list: &[Value]) -> String {
    list.iter()
        .map(|event| {
            format!(
                "event: {}\ndata: {event}\n\n",
                event["type"].as_str().unwrap()
            )
        })
        .collect()
}

#[test]
fn anthropic_into_openai() {
    let start = json!({"id": "c", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": {"input_tokens": 5, "cache_read_input_tokens": 2, "output_tokens": 1}});
    let tool = |index: u64, id: &str| json!({"type": "content_block_start", "index": index, "content_block": {"type": "tool_use", "id": id, "name": "f", "input": {}}});
    let delta = |index: u64, delta: Value| json!({"type": "content_block_delta", "index": index, "delta": delta});
    let stop = |index: u64| json!({"type": "content_block_stop", "index": index});
    let stream = anthropic_events(&[
        json!({"type": "message_start", "message": start}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}}),
        json!({"type": "ping"}),
        delta(0, json!({"type": "thinking_delta", "thinking": "h漢"})),
        delta(0, json!({"type": "signature_delta", "signature": "SEAL"})),
        stop(0),
        json!({"type": "content_block_start", "index": 1, "content_block": {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}}),
        delta(1, json!({"type": "input_json_delta", "partial_json": "{}"})),
        stop(1),
        json!({"type": "content_block_start", "index": 2, "content_block": {"type": "text", "text": ""}}),
        delta(2, json!({"type": "text_delta", "text": "é🦀"})),
        stop(2),
        tool(3, "a"),
        delta(3, json!({"type": "input_json_delta", "partial_json": ""})),
        stop(3),
        tool(4, "b"),
        delta(
            4,
            json!({"type": "input_json_delta", "partial_json": "{\"x\": \"h"}),
        ),
        delta(
            4,
            json!({"type": "input_json_delta", "partial_json": "漢\"}"}),
        ),
        stop(4),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": null}, "usage": {"output_tokens": 9}}),
        json!({"type": "message_stop"}),
    ]);
    let given = read(anthropic::CODEC, &stream).unwrap();
    let call = |index: u64, id: &str| json!({"tool_calls": [{"index": index, "id": id, "type": "function", "function": {"name": "f", "arguments": ""}}]});
    let more = |index: u64, text: &str| json!({"tool_calls": [{"index": index, "function": {"arguments": text}}]});
    let expected = chunks(
        &[
            json!({"role": "assistant", "content": null, "reasoning_content": "h漢"}),
            json!({"thinking_blocks": [{"type": "thinking", "thinking": "h漢", "signature": "SEAL"}]}),
            json!({"content": "é🦀"}),
            call(0, "a"),
            more(0, "{}"),
            call(1, "b"),
            more(1, "{\"x\": \"h"),
            more(1, "漢\"}"),
        ],
        "tool_calls",
    );
    assert_eq!(write(openai::CODEC, &given, false), expected);
    let with_usage = write(openai::CODEC, &given, true);
    let usage: Value =
        serde_json::from_str(&events(&with_usage)[events(&with_usage).len() - 2].1).unwrap();
    assert_eq!(usage["choices"], json!([]));
    assert_eq!(
        (
            &usage["usage"]["prompt_tokens"],
            &usage["usage"]["completion_tokens"]
        ),
        (&json!(7), &json!(9))
    );
}

#[test]
fn openai_into_anthropic() {
    let call = |index: u64, id: &str| json!({"tool_calls": [{"index": index, "id": id, "type": "function", "function": {"name": "f", "arguments": ""}}]});
    let more = |index: u64, text: &str| json!({"tool_calls": [{"index": index, "function": {"arguments": text}}]});
    let deltas = [
        json!({"role": "assistant", "content": ""}),
        json!({"reasoning": "hm"}),
        json!({"content": "é"}),
        json!({"content": "🦀"}),
        call(0, "a"),
        more(0, "{\"x\":"),
        more(0, "1}"),
        call(1, "b"),
    ];
    let usage = json!({"id": "c", "model": "m", "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 9, "prompt_tokens_details": {"cached_tokens": 2}}});
    let stream = chunks(&deltas, "tool_calls")
        .replace("data: [DONE]", &format!("data: {usage}\n\ndata: [DONE]"));
    let written = write(
        anthropic::CODEC,
        &read(openai::CODEC, &stream).unwrap(),
        false,
    );
    let usage = |input: u64, read: u64, output: u64| {
        json!({"input_tokens": input, "cache_creation_input_tokens": 0, "cache_read_input_tokens": read,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0}, "output_tokens": output})
    };
    let start = |index: u64, block: Value| json!({"type": "content_block_start", "index": index, "content_block": block});
    let delta = |index: u64, delta: Value| json!({"type": "content_block_delta", "index": index, "delta": delta});
    let stop = |index: u64| json!({"type": "content_block_stop", "index": index});
    let message = json!({"id": "c", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": null, "stop_sequence": null, "usage": usage(0, 0, 0)});
    let expected = anthropic_events(&[
        json!({"type": "message_start", "message": message}),
        start(
            0,
            json!({"type": "thinking", "thinking": "", "signature": ""}),
        ),
        delta(0, json!({"type": "thinking_delta", "thinking": "hm"})),
        stop(0),
        start(1, json!({"type": "text", "text": ""})),
        delta(1, json!({"type": "text_delta", "text": "é"})),
        delta(1, json!({"type": "text_delta", "text": "🦀"})),
        stop(1),
        start(
            2,
            json!({"type": "tool_use", "id": "a", "name": "f", "input": {}}),
        ),
        delta(
            2,
            json!({"type": "input_json_delta", "partial_json": "{\"x\":"}),
        ),
        delta(2, json!({"type": "input_json_delta", "partial_json": "1}"})),
        stop(2),
        start(
            3,
            json!({"type": "tool_use", "id": "b", "name": "f", "input": {}}),
        ),
        stop(3),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": null}, "usage": usage(5, 2, 9)}),
        json!({"type": "message_stop"}),
    ]);
    assert_eq!(written, expected);
}

#[test]
fn a_stream_that_stops_early_is_an_error() {
    let whole = chunks(&[json!({"content": "a"})], "stop");
    let (cut, _) = whole
        .split_once("data: {\"id\":\"c\"")
        .map(|(_, rest)| rest.split_once("\n\n").unwrap())
        .unwrap();
    assert!(read(openai::CODEC, &format!("data: {{\"id\":\"c\"{cut}\n\n")).is_err());
    // A finish reason is enough.
    let given = read(
        openai::CODEC,
        whole.trim_end().strip_suffix("data: [DONE]").unwrap(),
    )
    .unwrap();
    assert_eq!(
        given.last(),
        Some(&Event::End {
            stop: Some(Stop::End),
            sequence: None,
            raw: Some("stop".into())
        })
    );
    let start = json!({"type": "message_start", "message": {"id": "c", "model": "m"}});
    let ended = json!({"type": "message_delta", "delta": {"stop_reason": "stop_sequence", "stop_sequence": "END"}});
    assert!(
        read(
            anthropic::CODEC,
            &anthropic_events(std::slice::from_ref(&start))
        )
        .is_err()
    );
    let given = read(anthropic::CODEC, &anthropic_events(&[start, ended])).unwrap();
    assert_eq!(
        given.last(),
        Some(&Event::End {
            stop: Some(Stop::Sequence),
            sequence: Some("END".into()),
            raw: Some("stop_sequence".into())
        })
    );
    assert!(read(openai::CODEC, "").is_err() && read(anthropic::CODEC, "").is_err());
    assert!(read(openai::CODEC, "data: <html>\n\n").is_err());
}

#[test]
fn an_error_event_crosses_over() {
    let overloaded = anthropic_events(&[
        json!({"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}),
    ]);
    let given = read(anthropic::CODEC, &overloaded).unwrap();
    assert_eq!(
        given,
        [Event::Error(Fault {
            status: 529,
            kind: "overloaded_error".into(),
            message: "busy".into(),
            code: None,
            param: None
        })]
    );
    assert_eq!(
        write(openai::CODEC, &given, false),
        "data: {\"error\":{\"message\":\"busy\",\"type\":\"service_unavailable\",\"param\":null,\"code\":null}}\n\n"
    );
    assert_eq!(write(anthropic::CODEC, &given, false), overloaded);
    let given = read(openai::CODEC, "data: {\"error\":{\"message\":\"slow down\",\"type\":\"rate_limit_error\",\"code\":\"429\"}}\n\n").unwrap();
    assert!(matches!(
        given.as_slice(),
        [Event::Error(Fault { status: 429, .. })]
    ));
    assert_eq!(
        write(anthropic::CODEC, &given, false),
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"slow down\"}}\n\n"
    );
}

/// The calls a stream of these deltas makes.
fn calls(deltas: &[Value]) -> Vec<(String, String, String)> {
    let given = read(openai::CODEC, &chunks(deltas, "stop")).unwrap();
    let reply = Reply::fold(given.iter().cloned()).unwrap();
    assert_eq!(reply.stop, Some(Stop::Tool));
    outcome(
        "anthropic-messages",
        true,
        &write(anthropic::CODEC, &given, false),
    );
    reply
        .parts
        .into_iter()
        .filter_map(|part| {
            if let Part::Call(call) = part {
                Some((call.id, call.name, call.arguments))
            } else {
                None
            }
        })
        .collect()
}

#[test]
fn calls_however_a_service_numbers_them() {
    let expected = |ids: [&str; 2]| {
        ids.map(|id| {
            (
                id.to_owned(),
                "f".to_owned(),
                format!("{{\"{}\":1}}", if id == ids[0] { "x" } else { "y" }),
            )
        })
    };
    let call = |call: Value| json!({"tool_calls": [call]});
    let whole = |id: Value, index: Value, arguments: &str| {
        call(json!({"index": index, "id": id, "function": {"name": "f", "arguments": arguments}}))
    };
    // Several under one number.
    assert_eq!(
        calls(&[
            whole(json!("a"), json!(0), "{\"x\":1}"),
            whole(json!("b"), json!(0), "{\"y\":1}")
        ]),
        expected(["a", "b"])
    );
    // No number; the rest of the arguments has no id either.
    let rest = |text: &str| call(json!({"function": {"arguments": text}}));
    assert_eq!(
        calls(&[
            whole(json!("a"), Value::Null, "{\"x\""),
            rest(":1}"),
            whole(json!("b"), Value::Null, "{\"y\":"),
            rest("1}")
        ]),
        expected(["a", "b"])
    );
    // The id in every piece, the name too.
    assert_eq!(
        calls(&[
            whole(json!("a"), json!(0), "{\"x\":"),
            whole(json!("a"), json!(0), "1}"),
            whole(json!("b"), json!(1), "{\"y\":1}")
        ]),
        expected(["a", "b"])
    );
    // Several at once, by turns.
    let more =
        |index: u64, text: &str| call(json!({"index": index, "function": {"arguments": text}}));
    let (a, b) = (
        whole(json!("a"), json!(0), ""),
        whole(json!("b"), json!(1), ""),
    );
    assert_eq!(
        calls(&[
            a,
            b,
            more(0, "{\"x\""),
            more(1, "{\"y\":"),
            more(0, ":1}"),
            more(1, "1}")
        ]),
        expected(["a", "b"])
    );
    // No id at all.
    assert_eq!(
        calls(&[
            whole(Value::Null, json!(0), "{\"x\":1}"),
            whole(Value::Null, json!(1), "{\"y\":1}")
        ]),
        expected(["call_c_0", "call_c_1"])
    );
    // The name only after the first arguments.
    let late = [
        call(json!({"index": 0, "id": "a", "function": {"arguments": "{\"x\":"}})),
        whole(Value::Null, json!(0), "1}"),
    ];
    assert_eq!(calls(&late), expected(["a", ""])[..1]);
    // The spelling of old.
    let old = [
        json!({"function_call": {"name": "f", "arguments": "{\"x\":"}}),
        json!({"function_call": {"arguments": "1}"}}),
    ];
    assert_eq!(calls(&old), expected(["call_c_0", ""])[..1]);
}

#[test]
fn a_character_cut_in_two_is_whole_again() {
    let cut = |text: &str| text.replace("HIGH", "\\ud83e").replace("LOW", "\\udd80");
    let given = read(
        openai::CODEC,
        &cut(&chunks(
            &[json!({"content": "a HIGH"}), json!({"content": "LOW b"})],
            "stop",
        )),
    )
    .unwrap();
    assert_eq!(
        Reply::fold(given.iter().cloned()).unwrap().parts,
        [Part::text("a 🦀 b")]
    );
    let delta = |text: &str| json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}});
    let start = json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}});
    let given = read(
        anthropic::CODEC,
        &cut(&anthropic_events(&[
            start,
            delta("a HIGH"),
            delta("LOW b"),
            json!({"type": "message_stop"}),
        ])),
    )
    .unwrap();
    assert_eq!(
        Reply::fold(given.iter().cloned()).unwrap().parts,
        [Part::text("a 🦀 b")]
    );
}

#[test]
fn whole_replies_of_odd_services() {
    let reply = |message: Value| {
        let body = json!({"id": null, "choices": [{"message": message, "finish_reason": null}], "usage": null});
        super::read_reply(openai::CODEC, body.to_string().as_bytes())
    };
    let thinking = json!([{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "a"}, {"type": "text", "text": "b"}]);
    let shown = anthropic::CODEC.write_reply(
        &reply(json!({"content": thinking})).unwrap(),
        &super::context(),
    );
    let shown: Value = serde_json::from_slice(&shown).unwrap();
    assert_eq!(
        shown["content"],
        json!([{"type": "thinking", "thinking": "hm", "signature": ""}, {"type": "text", "text": "ab"}])
    );
    assert_eq!(
        (&shown["id"], &shown["model"], &shown["stop_reason"]),
        (&json!("req-1"), &json!("shown"), &json!("end_turn"))
    );
    let refused = reply(json!({"content": null, "refusal": "no"})).unwrap();
    assert_eq!(refused.parts, [Part::Refusal("no".into())]);
    let calls = reply(json!({"tool_calls": [{"function": {"name": "f", "arguments": {"x": 1}}}, {"function": {"name": "f"}}]})).unwrap();
    let shown: Value =
        serde_json::from_slice(&anthropic::CODEC.write_reply(&calls, &super::context())).unwrap();
    let inputs: Vec<&Value> = shown["content"]
        .as_array()
        .unwrap()
        .iter()
        .map(|block| &block["input"])
        .collect();
    assert_eq!(inputs, [&json!({"x": 1}), &json!({})]);
    for no_answer in [
        "{}",
        "[]",
        "<html>",
        "{\"choices\":[]}",
        "{\"error\":{\"message\":\"x\"}}",
    ] {
        assert!(
            super::read_reply(openai::CODEC, no_answer.as_bytes()).is_err(),
            "{no_answer}"
        );
        assert!(
            super::read_reply(anthropic::CODEC, no_answer.as_bytes()).is_err(),
            "{no_answer}"
        );
    }
}

/// Events that are alike are not read anew.
#[test]
fn text_in_many_pieces_is_the_text_in_every_format() {
    let pieces = [
        "Once",
        " upon",
        "\n\"a\"",
        " \u{e9}",
        "\u{1f980}",
        "\\",
        " time",
        ".",
        " Once",
        " upon",
    ];
    for row in super::rows() {
        let begin = Event::Begin {
            id: "c".into(),
            model: "m".into(),
        };
        let part = Opening::Text;
        let mut given = vec![begin, Event::Open { index: 0, part }];
        given.extend(pieces.map(|piece| Event::Delta {
            index: 0,
            delta: Delta::Text(piece.to_owned()),
        }));
        let end = Event::End {
            stop: Some(Stop::End),
            sequence: None,
            raw: None,
        };
        given.extend([Event::Close { index: 0 }, end]);
        let reply = super::through_stream(row.codec, &given);
        assert_eq!(
            reply.parts,
            [Part::text(pieces.concat())],
            "{}",
            row.format.name
        );
    }
}
