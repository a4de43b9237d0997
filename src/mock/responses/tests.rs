//! Responses as a caller sees them, over a bare socket.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::mock::tests::{events, exchange, json_of, sent};
use crate::mock::{GREETING, Mock, Settings};
use serde_json::{Value, json};

const PATH: &str = "/v1/responses";

fn ask(fields: Value) -> Value {
    let mut body = json!({"model": "mock", "input": "hello"});
    body.as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    body
}

/// The events of a stream; checks what all of them have in common.
fn stream(mock: &Mock, body: &Value) -> Vec<Value> {
    let (answer, _) = exchange(mock, PATH, "", body);
    let names: Vec<&str> = answer
        .lines()
        .filter_map(|line| line.strip_prefix("event: "))
        .collect();
    let events: Vec<Value> = events(&answer)
        .iter()
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    let kinds: Vec<&str> = kinds(&events);
    assert_eq!(names, kinds);
    for (at, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], at, "{event}");
    }
    events
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .collect()
}

/// Kinds without their repetitions.
fn course(events: &[Value]) -> Vec<String> {
    let mut kinds: Vec<String> = kinds(events)
        .into_iter()
        .map(|kind| kind.trim_start_matches("response.").to_owned())
        .collect();
    kinds.dedup();
    kinds
}

fn function(name: &str) -> Value {
    json!({"type": "function", "name": name, "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}})
}

#[test]
fn a_streamed_text_is_the_whole_answer_in_events() {
    let mock = Mock::start(Settings::default()).unwrap();
    let events = stream(&mock, &ask(json!({"stream": true, "store": false})));
    assert_eq!(
        course(&events),
        [
            "created",
            "in_progress",
            "output_item.added",
            "content_part.added",
            "output_text.delta",
            "output_text.done",
            "content_part.done",
            "output_item.done",
            "completed"
        ]
    );
    let text: String = events
        .iter()
        .filter(|event| event["type"] == "response.output_text.delta")
        .map(|event| event["delta"].as_str().unwrap())
        .collect();
    assert_eq!(text, format!("{GREETING} You said: hello"));
    let response = &events.last().unwrap()["response"];
    let id = response["id"].as_str().unwrap();
    assert!(id.starts_with("resp_") && id.len() <= 64, "{id}");
    assert_eq!(events[0]["response"]["id"], id);
    let item = &response["output"][0];
    assert_eq!(item["content"][0]["text"], text);
    assert!(item["id"].as_str().unwrap().starts_with("msg_"));
    for event in &events {
        let named = [&event["item_id"], &event["item"]["id"]];
        assert!(
            named
                .into_iter()
                .all(|id| id.is_null() || *id == item["id"])
        );
    }
    let whole = json_of(&exchange(&mock, PATH, "", &ask(json!({"store": false}))).0);
    assert_eq!(whole["output"][0]["content"], item["content"]);
    assert_eq!(whole["usage"], response["usage"]);
    assert_eq!(
        whole["usage"],
        json!({"input_tokens": 2, "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": 12, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 14})
    );
}

#[test]
fn thoughts_calls_and_custom_calls_have_their_own_events() {
    let mock = Mock::start(Settings::default()).unwrap();
    let custom = json!({"type": "custom", "name": "apply_patch", "format": {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"}});
    let inside = json!({"type": "namespace", "name": "repo", "description": "", "tools": [function("find")]});
    let body = ask(
        json!({"stream": true, "input": "call weather, apply_patch and find", "tools": [function("weather"), custom, inside],
        "reasoning": {"summary": "auto"}, "include": ["reasoning.encrypted_content"]}),
    );
    let events = stream(&mock, &body);
    assert_eq!(
        course(&events),
        [
            "created",
            "in_progress",
            "output_item.added",
            "reasoning_summary_part.added",
            "reasoning_summary_text.delta",
            "reasoning_summary_text.done",
            "reasoning_summary_part.done",
            "output_item.done",
            "output_item.added",
            "function_call_arguments.delta",
            "function_call_arguments.done",
            "output_item.done",
            "output_item.added",
            "custom_tool_call_input.delta",
            "custom_tool_call_input.done",
            "output_item.done",
            "output_item.added",
            "function_call_arguments.delta",
            "function_call_arguments.done",
            "output_item.done",
            "completed"
        ]
    );
    let output = events.last().unwrap()["response"]["output"].clone();
    let told: Vec<Value> = output
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            json!([
                item["type"],
                item["name"],
                item["namespace"],
                item["call_id"],
                item["arguments"],
                item["input"]
            ])
        })
        .collect();
    let none = Value::Null;
    assert_eq!(
        told,
        [
            json!(["reasoning", none, none, none, none, none]),
            json!([
                "function_call",
                "weather",
                none,
                "call_mock_0",
                "{\"city\":\"mock city\"}",
                none
            ]),
            json!([
                "custom_tool_call",
                "apply_patch",
                none,
                "call_mock_1",
                none,
                "mock apply_patch"
            ]),
            json!([
                "function_call",
                "find",
                "repo",
                "call_mock_2",
                "{\"city\":\"mock city\"}",
                none
            ]),
        ]
    );
    assert!(output[0]["encrypted_content"].is_string());
    let prefixes: Vec<&str> = output
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["id"].as_str().unwrap().split('_').next().unwrap())
        .collect();
    assert_eq!(prefixes, ["rs", "fc", "ctc", "fc"]);
    let mut input = vec![json!({"role": "user", "content": "call weather"})];
    input.extend(output.as_array().unwrap().iter().cloned());
    for (kind, id, text) in [
        ("function_call_output", "call_mock_0", json!("sunny")),
        (
            "custom_tool_call_output",
            "call_mock_1",
            json!([{"type": "input_text", "text": "done"}]),
        ),
        ("function_call_output", "call_mock_2", json!("a.rs")),
    ] {
        input.push(json!({"type": kind, "call_id": id, "output": text}));
    }
    let answer = json_of(
        &exchange(
            &mock,
            PATH,
            "",
            &ask(json!({"input": input, "tools": [function("weather")]})),
        )
        .0,
    );
    let text = answer["output"][0]["content"][0]["text"].as_str().unwrap();
    assert!(
        text.contains("3 tool results: sunny | done | a.rs."),
        "{text}"
    );
}

#[test]
fn a_response_is_kept_continued_and_forgotten() {
    let mock = Mock::start(Settings::default()).unwrap();
    let first = json_of(
        &exchange(
            &mock,
            PATH,
            "",
            &ask(json!({"input": "call weather", "tools": [function("weather")]})),
        )
        .0,
    );
    let id = first["id"].as_str().unwrap();
    let one = format!("{PATH}/{id}");
    assert_eq!(json_of(&exchange(&mock, &one, "", &Value::Null).0), first);
    let inputs = json_of(&exchange(&mock, &format!("{one}/input_items"), "", &Value::Null).0);
    assert_eq!(inputs["data"][0]["content"][0]["text"], "call weather");
    let output =
        json!([{"type": "function_call_output", "call_id": "call_mock_0", "output": "sunny"}]);
    let next = ask(json!({"previous_response_id": id, "input": output}));
    let second = json_of(&exchange(&mock, PATH, "", &next).0);
    let text = second["output"][0]["content"][0]["text"].as_str().unwrap();
    assert!(text.contains("1 tool results: sunny.") && text.contains("You said: call weather"));
    let (answer, _) = exchange(&mock, &format!("{one}/cancel"), "", &json!({}));
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    let gone = json_of(&sent(&mock, "DELETE", &one, ""));
    assert_eq!(
        gone,
        json!({"id": id, "object": "response", "deleted": true})
    );
    assert!(
        exchange(&mock, &one, "", &Value::Null)
            .0
            .starts_with("HTTP/1.1 404")
    );
    let (answer, _) = exchange(&mock, PATH, "", &next);
    assert_eq!(
        json_of(&answer)["error"]["code"],
        "previous_response_not_found"
    );
    let unkept = json_of(&exchange(&mock, PATH, "", &ask(json!({"store": false}))).0);
    let path = format!("{PATH}/{}", unkept["id"].as_str().unwrap());
    assert!(
        exchange(&mock, &path, "", &Value::Null)
            .0
            .starts_with("HTTP/1.1 404")
    );
    let lost = ask(json!({"input": [{"type": "item_reference", "id": unkept["output"][0]["id"]}]}));
    assert!(
        exchange(&mock, PATH, "", &lost)
            .0
            .starts_with("HTTP/1.1 404")
    );
}

#[test]
fn a_background_response_is_queued_and_can_be_cancelled() {
    let mock = Mock::start(Settings::default()).unwrap();
    let queued = json_of(&exchange(&mock, PATH, "", &ask(json!({"background": true}))).0);
    assert_eq!(queued["status"], "queued");
    let one = format!("{PATH}/{}", queued["id"].as_str().unwrap());
    assert_eq!(
        json_of(&exchange(&mock, &one, "", &Value::Null).0)["status"],
        "completed"
    );
    let cancelled = json_of(&exchange(&mock, &format!("{one}/cancel"), "", &json!({})).0);
    assert_eq!(cancelled["status"], "cancelled");
}

#[test]
fn counting_and_compacting_answer_in_their_shapes() {
    let mock = Mock::start(Settings::default()).unwrap();
    let counted = json_of(&exchange(&mock, "/v1/responses/input_tokens", "", &ask(json!({}))).0);
    assert_eq!(
        counted,
        json!({"object": "response.input_tokens", "input_tokens": 2})
    );
    let input =
        json!([{"role": "user", "content": "hello"}, {"role": "assistant", "content": "hi"}]);
    let compacted = json_of(
        &exchange(
            &mock,
            "/v1/responses/compact",
            "",
            &ask(json!({"input": input})),
        )
        .0,
    );
    assert_eq!(compacted["object"], "response.compaction");
    let kinds: Vec<&Value> = compacted["output"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["type"])
        .collect();
    assert_eq!(kinds, ["message", "compaction"]);
    let asked = json!([{"role": "user", "content": "hello"}, {"type": "compaction_trigger"}]);
    let events = stream(&mock, &ask(json!({"input": asked, "stream": true})));
    assert_eq!(
        course(&events),
        [
            "created",
            "in_progress",
            "output_item.added",
            "output_item.done",
            "completed"
        ]
    );
    let output = &events[4]["response"]["output"];
    assert_eq!(
        (output.as_array().unwrap().len(), &output[0]["type"]),
        (1, &json!("compaction"))
    );
}

#[test]
fn faults_have_the_form_of_the_api() {
    let mock = Mock::start(Settings::default()).unwrap();
    let at = |model: &str| stream(&mock, &ask(json!({"model": model, "stream": true})));
    let limited = stream(
        &mock,
        &ask(json!({"stream": true, "max_output_tokens": 16, "input": "a long story ".repeat(9)})),
    );
    let last = limited.last().unwrap();
    assert_eq!(last["type"], "response.incomplete");
    assert_eq!(
        last["response"]["incomplete_details"],
        json!({"reason": "max_output_tokens"})
    );
    let failed = at("mock-error-after-1");
    assert_eq!(
        *failed.last().unwrap(),
        json!({"type": "error", "code": "server_error", "message": "the mock was asked to fail in its stream", "param": null, "sequence_number": 5,
            "error": {"type": "server_error", "code": "server_error", "message": "the mock was asked to fail in its stream", "param": null}})
    );
    let failed = at("mock?failed-after=1&code=rate_limit_exceeded");
    let last = failed.last().unwrap();
    assert_eq!(last["type"], "response.failed");
    assert_eq!(last["response"]["status"], "failed");
    assert_eq!(last["response"]["error"]["code"], "rate_limit_exceeded");
    let whole = json_of(&exchange(&mock, PATH, "x-mock: failed-after\r\n", &ask(json!({}))).0);
    assert_eq!(
        (&whole["status"], &whole["object"]),
        (&json!("failed"), &json!("response"))
    );
    let (answer, _) = exchange(&mock, PATH, "", &ask(json!({"model": "mock-429"})));
    assert_eq!(json_of(&answer)["error"]["code"], "rate_limit_exceeded");
    let (answer, _) = exchange(
        &mock,
        PATH,
        "",
        &ask(json!({"model": "mock-close-after-2", "stream": true})),
    );
    assert_eq!(
        (
            answer.matches("output_text.delta").count(),
            answer.contains("response.completed")
        ),
        (4, false)
    );
    let (answer, _) = exchange(&mock, PATH, "upgrade: websocket\r\n", &Value::Null);
    assert!(answer.starts_with("HTTP/1.1 426 "), "{answer}");
}

#[test]
fn what_openai_refuses_is_refused() {
    let mock = Mock::start(Settings::default()).unwrap();
    let items = |items: Value| json!({"input": items});
    let tools = |tool: Value| json!({"tools": [tool]});
    let strict = |parameters: Value| {
        tools(json!({"type": "function", "name": "a", "strict": true, "parameters": parameters}))
    };
    let call =
        |id: &str| json!({"type": "function_call", "call_id": id, "name": "a", "arguments": "{}"});
    let output = |id: &str| json!({"type": "function_call_output", "call_id": id, "output": "x"});
    let long = "c".repeat(65);
    for (fields, code, param) in [
        (
            json!({"max_tokens": 20}),
            json!("unknown_parameter"),
            "max_tokens",
        ),
        (
            json!({"max_output_tokens": 5}),
            json!("number_out_of_range"),
            "max_output_tokens",
        ),
        (
            json!({"reasoning": {"effort": "much"}}),
            json!("invalid_value"),
            "reasoning.effort",
        ),
        (
            json!({"include": ["all"]}),
            json!("invalid_value"),
            "include[0]",
        ),
        (json!({"input": 1}), json!("invalid_type"), "input"),
        (
            json!({"input": null}),
            json!("missing_required_parameter"),
            "input",
        ),
        (json!({"stream_options": {}}), Value::Null, "stream_options"),
        (
            items(json!([{"role": "user"}])),
            json!("missing_required_parameter"),
            "input[0].content",
        ),
        (
            items(json!([{"role": "tool", "content": "x"}])),
            json!("invalid_value"),
            "input[0].role",
        ),
        (
            items(json!([{"type": "tool_use"}])),
            json!("invalid_value"),
            "input[0].type",
        ),
        (
            items(json!([{"role": "user", "content": [{"type": "text", "text": "x"}]}])),
            json!("invalid_value"),
            "input[0].content[0].type",
        ),
        (
            items(json!([{"role": "user", "content": [{"type": "input_image"}]}])),
            json!("missing_required_parameter"),
            "input[0].content[0].image_url",
        ),
        (
            items(json!([{"role": "assistant", "content": [{"type": "input_text", "text": "x"}]}])),
            json!("invalid_value"),
            "input[0].content[0].type",
        ),
        (
            items(json!([{"role": "user", "content": "x", "id": "call_1"}])),
            json!("invalid_value"),
            "input[0].id",
        ),
        (
            items(json!([call(&long), output(&long)])),
            json!("string_above_max_length"),
            "input[0].call_id",
        ),
        (items(json!([call("c"), output("d")])), Value::Null, "input"),
        (items(json!([call("c")])), Value::Null, "input"),
        (
            items(
                json!([{"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"}, {"role": "user", "content": "x"}]),
            ),
            Value::Null,
            "input",
        ),
        (
            tools(json!({"type": "function", "function": {"name": "a"}})),
            json!("unknown_parameter"),
            "tools[0].function",
        ),
        (
            tools(json!({"type": "function", "name": "a b"})),
            json!("invalid_value"),
            "tools[0].name",
        ),
        (
            tools(json!({"type": "bash"})),
            json!("invalid_value"),
            "tools[0].type",
        ),
        (
            tools(json!({"type": "custom", "name": "a", "format": {"type": "grammar"}})),
            json!("missing_required_parameter"),
            "tools[0].format.syntax",
        ),
        (
            strict(json!({"type": "object", "properties": {}})),
            json!("invalid_function_parameters"),
            "tools[0].parameters",
        ),
        (
            json!({"tool_choice": {"type": "function", "name": "b"}}),
            Value::Null,
            "tool_choice",
        ),
        (
            json!({"text": {"format": {"type": "json_schema", "schema": {}}}}),
            json!("missing_required_parameter"),
            "text.format.name",
        ),
    ] {
        let answer = json_of(&exchange(&mock, PATH, "", &ask(fields.clone())).0);
        let told = (&answer["error"]["code"], &answer["error"]["param"]);
        assert_eq!(told, (&code, &json!(param)), "{fields}\n{answer}");
        assert_eq!(answer["error"]["type"], "invalid_request_error");
    }
}
