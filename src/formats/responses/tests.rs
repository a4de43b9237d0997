//! What servers leave out and get wrong, and what clients break on: each under the name of what it says.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::chat::{Call, Delta, Event, Fault, Issuer, Opening, Part, Seal, Stop, Thought, Usage};
use crate::formats::{Mark, Quirks};
use serde_json::{Value, json};

/// What a reader makes of these events.
fn read(events: &[Value]) -> (Vec<Event>, Seen) {
    let (mut reader, mut seen, mut out) = (CODEC.reader(), Seen::default(), Vec::new());
    for event in events {
        let name = event["type"].as_str().unwrap();
        let mark = reader.read(name, event.to_string().as_bytes(), &mut seen, &mut out);
        assert_ne!(mark, Mark::Malformed);
    }
    reader.end(&mut out);
    (out, seen)
}

fn folded(events: &[Value]) -> Reply {
    Reply::fold(read(events).0).unwrap()
}

fn context() -> ReplyContext {
    ReplyContext {
        request_id: "req_1".into(),
        model: "m".into(),
        request: "{\"model\":\"x\",\"instructions\":\"be brief\",\"tools\":[{\"type\":\"function\",\n\"name\":\"f\"}]}"
            .into(),
        ..ReplyContext::default()
    }
}

/// The events a caller gets, each held to what every client relies on.
fn written(events: &[Event]) -> Vec<Value> {
    let (mut writer, mut bytes) = (CODEC.writer(&context()), Vec::new());
    events
        .iter()
        .for_each(|event| writer.write(event, &mut bytes));
    let text = String::from_utf8(bytes).unwrap();
    let events: Vec<Value> = text
        .split_terminator("\n\n")
        .map(|frame| {
            let (name, data) = frame.split_once('\n').unwrap();
            let event: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
            assert_eq!(name.strip_prefix("event: ").unwrap(), event["type"]);
            event
        })
        .collect();
    hold(&events);
    events
}

/// Gapless count, dense places, one id for each item from its beginning to its end, one end.
fn hold(events: &[Value]) {
    assert_eq!(events[0]["type"], "response.created");
    assert_eq!(events[1]["type"], "response.in_progress");
    let (mut added, mut done) = (Vec::new(), Vec::new());
    for (at, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], at);
        match event["type"].as_str().unwrap() {
            "response.output_item.added" => {
                assert_eq!(event["output_index"], added.len());
                added.push(event["item"].clone());
            }
            "response.output_item.done" => done.push((
                event["output_index"].as_u64().unwrap(),
                event["item"].clone(),
            )),
            _ if event.get("item_id").is_some() => {
                let place = event["output_index"].as_u64().unwrap() as usize;
                assert_eq!(event["item_id"], added[place]["id"]);
            }
            _ => {}
        }
    }
    done.sort_by_key(|(place, _)| *place);
    let done: Vec<Value> = done.into_iter().map(|(_, item)| item).collect();
    for (begun, ended) in added.iter().zip(&done) {
        assert_eq!(
            (&begun["id"], &begun["type"]),
            (&ended["id"], &ended["type"])
        );
    }
    let ends = events.iter().filter(|event| {
        matches!(
            event["type"].as_str(),
            Some("response.completed" | "response.incomplete" | "response.failed")
        )
    });
    assert_eq!(ends.count(), 1);
    let response = &events.last().unwrap()["response"];
    assert_eq!(response["output"], json!(done));
    assert_eq!(response["id"], events[0]["response"]["id"]);
    for field in [
        "id",
        "object",
        "created_at",
        "model",
        "output",
        "parallel_tool_calls",
        "tool_choice",
        "tools",
        "instructions",
        "metadata",
        "temperature",
        "text",
        "reasoning",
        "usage",
        "store",
        "error",
        "incomplete_details",
        "status",
        "background",
        "truncation",
        "top_p",
    ] {
        assert!(response.get(field).is_some(), "{field}");
    }
    assert_eq!(response["instructions"], "be brief");
    assert_eq!(response["tools"][0]["name"], "f");
}

fn begin() -> Event {
    Event::Begin {
        id: "r".into(),
        model: "m".into(),
    }
}

fn open(index: usize, part: Opening) -> Event {
    Event::Open { index, part }
}

fn call(id: &str) -> Opening {
    Opening::Call(Call {
        id: id.into(),
        name: "f".into(),
        ..Call::default()
    })
}

fn more(index: usize, delta: Delta) -> Event {
    Event::Delta { index, delta }
}

fn end(stop: Stop) -> Event {
    Event::End {
        stop: Some(stop),
        sequence: None,
        raw: None,
    }
}

#[test]
fn a_stream_without_places_and_counts_is_read_by_its_ids() {
    // As llama.cpp's own server sends it.
    let reply = folded(&[
        json!({"type": "response.created", "response": {"id": "r", "object": "response", "status": "in_progress"}}),
        json!({"type": "response.output_item.added", "item": {"id": "msg_1", "type": "message", "role": "assistant", "content": [], "status": "in_progress"}}),
        json!({"type": "response.content_part.added", "item_id": "msg_1", "part": {"type": "output_text", "text": ""}}),
        json!({"type": "response.output_text.delta", "item_id": "msg_1", "delta": "He"}),
        json!({"type": "response.output_item.added", "item": {"id": "fc_1", "type": "function_call", "call_id": "c1", "name": "f", "arguments": ""}}),
        json!({"type": "response.output_text.delta", "item_id": "msg_1", "delta": "y"}),
        json!({"type": "response.function_call_arguments.delta", "item_id": "fc_1", "delta": "{}"}),
        json!({"type": "response.output_item.done", "item": {"id": "msg_1", "type": "message", "content": [{"type": "output_text", "text": "Hey"}]}}),
        json!({"type": "response.completed", "response": {"id": "r", "model": "m", "status": "completed", "output": [
            {"id": "msg_1", "type": "message", "content": [{"type": "output_text", "text": "Hey"}]},
            {"id": "fc_1", "type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"}], "usage": {"input_tokens": 3, "output_tokens": 2}}}),
    ]);
    let function = Call {
        id: "c1".into(),
        item: Some("fc_1".into()),
        name: "f".into(),
        arguments: "{}".into(),
        ..Call::default()
    };
    assert_eq!(reply.parts, [Part::text("Hey"), Part::Call(function)]);
    assert_eq!(
        (reply.stop, reply.usage.map(|used| used.total())),
        (Some(Stop::Tool), Some(5))
    );
}

#[test]
fn items_that_come_only_with_the_end_are_read_and_an_end_may_be_called_done() {
    let reply = folded(&[
        json!({"type": "response.created", "response": {"id": "r", "model": "m"}}),
        json!({"type": "response.done", "response": {"status": "completed", "output": [
            {"id": "m1", "type": "message", "content": [{"type": "output_text", "text": "a", "annotations": [{"type": "url_citation", "url": "u", "title": "t", "start_index": 0, "end_index": 1}]}, {"type": "refusal", "refusal": "no"}]}]}}),
    ]);
    let Part::Text(text) = &reply.parts[0] else {
        panic!("{reply:?}")
    };
    assert_eq!((&*text.text, text.citations[0].span), ("a", Some((0, 1))));
    assert_eq!(reply.parts[1], Part::Refusal("no".into()));
    assert_eq!(reply.stop, Some(Stop::End));
}

#[test]
fn arguments_only_in_done_are_told_once() {
    let (events, _) = read(&[
        json!({"type": "response.output_item.added", "output_index": 0, "item": {"id": "fc", "type": "function_call", "call_id": "c", "name": "f", "arguments": ""}}),
        json!({"type": "response.function_call_arguments.done", "output_index": 0, "item_id": "fc", "arguments": "{\"a\":1}"}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": {"id": "fc", "type": "function_call", "call_id": "c", "name": "f", "arguments": "{\"a\":1}"}}),
        json!({"type": "response.completed", "response": {"status": "completed", "output": [{"id": "fc", "type": "function_call", "call_id": "c", "name": "f", "arguments": "{\"a\":1}"}]}}),
    ]);
    let told: Vec<&Event> = events
        .iter()
        .filter(|event| matches!(event, Event::Delta { .. }))
        .collect();
    assert_eq!(told, [&more(0, Delta::Arguments("{\"a\":1}".into()))]);
}

#[test]
fn a_thought_is_its_summaries_and_the_seal_that_comes_last() {
    let reply = folded(&[
        json!({"type": "response.output_item.added", "output_index": 0, "item": {"id": "rs_1", "type": "reasoning", "summary": []}}),
        json!({"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 0, "delta": "one"}),
        json!({"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 1, "delta": "two"}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "one"}, {"type": "summary_text", "text": "two"}], "encrypted_content": "S"}}),
        // Nothing but a seal, and nothing at all.
        json!({"type": "response.output_item.done", "output_index": 1, "item": {"id": "rs_2", "type": "reasoning", "summary": [], "encrypted_content": "T"}}),
        json!({"type": "response.output_item.done", "output_index": 2, "item": {"id": "rs_3", "type": "reasoning", "summary": []}}),
        json!({"type": "response.incomplete", "response": {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}, "output": []}}),
    ]);
    let thought = |id: &str, text: &str, seal: &str| {
        Part::Thought(Thought {
            id: Some(id.into()),
            text: text.into(),
            summary: true,
            seal: Some(Seal::encrypted(Issuer::Openai, seal)),
        })
    };
    // An answer of nothing but thoughts that was cut off.
    assert_eq!(
        reply.parts,
        [thought("rs_1", "one\n\ntwo", "S"), thought("rs_2", "", "T")]
    );
    assert_eq!(
        (reply.stop, reply.raw.as_deref()),
        (Some(Stop::Length), Some("max_output_tokens"))
    );
}

#[test]
fn text_beside_a_call_has_a_place_of_its_own() {
    // As an upstream interleaves them that numbers its calls.
    let events = written(&[
        begin(),
        open(0, Opening::Text),
        more(0, Delta::Text("a".into())),
        open(1, call("c1")),
        more(1, Delta::Arguments("{\"x\"".into())),
        open(2, call("c2")),
        more(1, Delta::Arguments(":1}".into())),
        more(0, Delta::Text("b".into())),
        Event::Close { index: 0 },
        open(
            3,
            Opening::Native(crate::chat::Native {
                format: "gemini",
                json: json!({}),
            }),
        ),
        open(4, Opening::Text),
        more(4, Delta::Text("c".into())),
        Event::Usage(Usage {
            input: 3,
            output: 2,
            ..Usage::default()
        }),
        end(Stop::Tool),
    ]);
    let output = &events.last().unwrap()["response"]["output"];
    let told: Vec<(&Value, &Value)> = output
        .as_array()
        .unwrap()
        .iter()
        .map(|item| match item["type"] == "message" {
            true => (&item["type"], &item["content"][0]["text"]),
            false => (&item["call_id"], &item["arguments"]),
        })
        .collect();
    assert_eq!(
        told,
        [
            (&json!("message"), &json!("ab")),
            (&json!("c1"), &json!("{\"x\":1}")),
            (&json!("c2"), &json!("{}")),
            (&json!("message"), &json!("c")),
        ]
    );
    assert_eq!(
        events.last().unwrap()["response"]["usage"]["total_tokens"],
        5
    );
}

#[test]
fn arguments_that_are_nothing_null_or_empty_are_one_and_told_in_a_delta() {
    for given in [&[][..], &[""], &["nu", "ll"], &["{", "}"]] {
        let mut events = vec![begin(), open(0, call("c"))];
        events.extend(
            given
                .iter()
                .map(|text| more(0, Delta::Arguments((*text).into()))),
        );
        events.extend([Event::Close { index: 0 }, end(Stop::Tool)]);
        let events = written(&events);
        let told: String = events
            .iter()
            .filter(|event| event["type"] == "response.function_call_arguments.delta")
            .map(|event| event["delta"].as_str().unwrap())
            .collect();
        assert_eq!(told, "{}", "{given:?}");
        assert_eq!(
            events.last().unwrap()["response"]["output"][0]["arguments"],
            "{}"
        );
    }
}

#[test]
fn what_was_cut_off_is_never_told_as_completed() {
    for (stop, kind, reason) in [
        (Stop::Length, "incomplete", json!("max_output_tokens")),
        (Stop::Filter, "incomplete", json!("content_filter")),
        (Stop::Pause, "incomplete", json!("pause_turn")),
        (Stop::Fault, "failed", Value::Null),
        (Stop::Sequence, "completed", Value::Null),
    ] {
        let thought = Opening::Thought {
            id: None,
            summary: false,
        };
        let given = [
            begin(),
            open(0, thought),
            more(0, Delta::Text("hm".into())),
            end(stop),
        ];
        let events = written(&given);
        let last = events.last().unwrap();
        assert_eq!(last["type"], format!("response.{kind}"));
        assert_eq!(last["response"]["status"], kind);
        assert_eq!(last["response"]["incomplete_details"]["reason"], reason);
        let reply = Reply::fold(given.iter().cloned()).unwrap();
        let whole: Value = serde_json::from_slice(&CODEC.write_reply(&reply, &context())).unwrap();
        assert_eq!(whole["status"], kind);
        assert_eq!(whole["output"], last["response"]["output"]);
    }
}

#[test]
fn a_failure_behind_the_head_ends_the_response_in_the_words_that_clients_act_on() {
    let fault = |status, code: Option<&str>, message: &str| Fault {
        status,
        kind: String::new(),
        message: message.into(),
        code: code.map(str::to_owned),
        param: None,
    };
    for (given, code) in [
        (fault(429, None, "try again in 3s"), "rate_limit_exceeded"),
        (
            fault(429, Some("insufficient_quota"), "pay"),
            "insufficient_quota",
        ),
        (
            fault(400, None, "prompt is too long: 3 tokens > 2 maximum"),
            "context_length_exceeded",
        ),
        (fault(529, None, "busy"), "server_is_overloaded"),
        (fault(502, None, "gone"), "server_error"),
    ] {
        let events = written(&[
            begin(),
            open(0, Opening::Text),
            more(0, Delta::Text("a".into())),
            Event::Error(given.clone()),
        ]);
        let [.., error, _, _, _, failed] = events.as_slice() else {
            panic!("{events:?}")
        };
        // Flat as the specification has it, and nested as it is really sent.
        for shape in [error, &error["error"]] {
            assert_eq!(
                (&shape["code"], &shape["message"]),
                (&json!(code), &json!(given.message))
            );
        }
        assert_eq!(failed["type"], "response.failed");
        assert_eq!(
            failed["response"]["error"],
            json!({"code": code, "message": given.message})
        );
        assert_eq!(failed["response"]["output"][0]["status"], "incomplete");
    }
}

#[test]
fn a_foreign_seal_goes_home_and_to_nobody_else() {
    let sealed = Part::Thought(Thought::sealed(
        "hm",
        Seal::signature(Issuer::Anthropic, "SIG"),
    ));
    let reply = Reply {
        parts: vec![sealed.clone(), Part::text("a")],
        stop: Some(Stop::End),
        ..Reply::default()
    };
    let whole: Value = serde_json::from_slice(&CODEC.write_reply(&reply, &context())).unwrap();
    // What a client brings back, without the ids and without what it does not keep.
    let item = &whole["output"][0];
    let input = json!([{"role": "user", "content": "hi"}, {"type": "reasoning", "summary": item["summary"], "encrypted_content": item["encrypted_content"]}, whole["output"][1]]);
    let body = json!({"model": "m", "input": input}).to_string();
    let chat = CODEC.read_request(body.as_bytes()).unwrap();
    let Part::Thought(back) = &chat.messages[1].parts[0] else {
        panic!("{chat:?}")
    };
    assert_eq!(
        (&*back.text, &back.seal),
        ("hm", &Some(Seal::signature(Issuer::Anthropic, "SIG")))
    );
    let target = Target {
        model: "m",
        quirks: &Quirks::NONE,
        takes: &crate::chat::Takes::UNKNOWN,
    };
    let there = CODEC.write_request(&chat, &target).unwrap();
    assert!(!String::from_utf8(there.body).unwrap().contains("SIG"));
    assert!(!there.dropped.is_empty());
}

#[test]
fn what_openai_would_keep_or_run_is_refused_by_name() {
    for (extra, param) in [
        (json!({"previous_response_id": "r"}), "previous_response_id"),
        (json!({"conversation": "c"}), "conversation"),
        (json!({"prompt": {"id": "p"}}), "prompt"),
        (json!({"background": true}), "background"),
        (json!({"tools": [{"type": "web_search"}]}), "tools[0].type"),
        (json!({"tools": [{"type": "tool_search"}]}), "tools[0].type"),
        (
            json!({"tool_choice": {"type": "file_search"}}),
            "tool_choice.type",
        ),
        (
            json!({"input": [{"type": "item_reference", "id": "i"}]}),
            "input[0].id",
        ),
        (
            json!({"input": [{"type": "compaction", "encrypted_content": "x"}]}),
            "input[0].type",
        ),
        (
            json!({"input": [{"role": "user", "content": [{"type": "x"}]}]}),
            "input[0].content[0].type",
        ),
    ] {
        let mut body = json!({"model": "m", "input": "hi"});
        body.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        let error = CODEC.read_request(body.to_string().as_bytes()).unwrap_err();
        assert_eq!(error.param.as_deref(), Some(param));
        assert!(error.hint.is_some());
    }
    // A bare id of a thought is listed; that nothing is kept is no news unless it was asked for.
    let body = json!({"model": "m", "background": false, "store": true, "truncation": "disabled", "input": [{"type": "reasoning", "id": "rs_1", "summary": []}, {"role": "user", "content": "hi"}]});
    let chat = CODEC.read_request(body.to_string().as_bytes()).unwrap();
    assert_eq!(chat.lost, ["input.reasoning", "store"]);
}

#[test]
fn an_upstream_keeps_nothing_and_is_asked_for_seals_where_models_think() {
    let chat = Chat {
        stream: true,
        max_tokens: Some(1),
        ..crate::formats::openai::CODEC
            .read_request(br#"{"messages":[{"role":"user","content":"hi"}],"reasoning_effort":"low","tools":[{"type":"function","function":{"name":"f"}}]}"#)
            .unwrap()
    };
    let target = Target {
        model: "m",
        quirks: &Quirks::NONE,
        takes: &crate::chat::Takes::UNKNOWN,
    };
    let written = CODEC.write_request(&chat, &target).unwrap();
    assert_eq!(
        serde_json::from_slice::<Value>(&written.body).unwrap(),
        json!({"model": "m", "input": [{"role": "user", "content": "hi"}],
            "tools": [{"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}, "strict": false}],
            "max_output_tokens": 16, "reasoning": {"effort": "low"}, "include": ["reasoning.encrypted_content"], "store": false, "stream": true})
    );
    assert_eq!(written.dropped, ["max_tokens (adapted)"]);
}
