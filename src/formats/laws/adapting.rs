//! What a provider refuses is carried in a form it takes, or listed: whole bodies compared, model by model.

use super::pairs::{param, plain, to_anthropic, to_openai};
use serde_json::{Value, json};

/// A request in OpenAI's format for this model, with these messages.
fn said(model: &str, messages: Value) -> Value {
    json!({"model": model, "max_tokens": 100, "messages": messages})
}

fn user(text: &str) -> Value {
    json!({"role": "user", "content": text})
}

fn system(text: &str) -> Value {
    json!({"role": "system", "content": text})
}

fn assistant(text: &str) -> Value {
    json!({"role": "assistant", "content": text})
}

/// A turn of texts as Anthropic has it.
fn turn(role: &str, texts: &[&str]) -> Value {
    let blocks: Vec<Value> = texts
        .iter()
        .map(|text| json!({"type": "text", "text": text}))
        .collect();
    json!({"role": role, "content": blocks})
}

#[test]
fn late_instructions_stay_where_the_model_takes_them() {
    let messages = json!([
        system("A"),
        user("hi"),
        system("B"),
        system("C"),
        assistant("yes"),
        user("more"),
        system("D")
    ]);
    for model in ["claude-opus-4-8", "claude-sonnet-5", "claude-opus-5-5"] {
        let (body, dropped) = to_anthropic(said(model, messages.clone())).unwrap();
        assert_eq!(
            (&body["system"], &body["messages"], dropped),
            (
                &json!("A"),
                &json!([
                    turn("user", &["hi"]),
                    turn("system", &["B", "C"]),
                    turn("assistant", &["yes"]),
                    turn("user", &["more"]),
                    turn("system", &["D"])
                ]),
                vec![]
            ),
            "{model}"
        );
    }
}

#[test]
fn late_instructions_are_said_by_the_user_where_the_model_does_not_take_them() {
    let adapted = vec!["messages.role (adapted)".to_owned()];
    let messages = json!([user("hi"), system("B"), assistant("yes"), user("more")]);
    for model in ["claude-sonnet-4-5", "claude-opus-4-7", "some-other"] {
        let (body, dropped) = to_anthropic(said(model, messages.clone())).unwrap();
        assert_eq!(
            (&body["messages"], &dropped),
            (
                &json!([
                    turn("user", &["hi", "<system>\nB\n</system>"]),
                    turn("assistant", &["yes"]),
                    turn("user", &["more"])
                ]),
                &adapted
            ),
            "{model}"
        );
    }
    // Where no model takes them: behind the model's turn, or with the user's behind them.
    let messages = json!([user("hi"), assistant("yes"), system("B"), user("more")]);
    let (body, dropped) = to_anthropic(said("claude-opus-5", messages)).unwrap();
    assert_eq!(
        (&body["messages"], dropped),
        (
            &json!([
                turn("user", &["hi"]),
                turn("assistant", &["yes"]),
                turn("user", &["<system>\nB\n</system>", "more"])
            ]),
            adapted.clone()
        )
    );
    // A conversation of nothing but instructions has a first turn all the same.
    let (body, dropped) = to_anthropic(said("m", json!([system("A")]))).unwrap();
    assert_eq!(
        (&body["system"], &body["messages"], dropped),
        (&Value::Null, &json!([turn("user", &["A"])]), adapted)
    );
}

#[test]
fn results_come_first_whatever_is_said_between() {
    let call = json!({"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]});
    let messages = json!([user("hi"), call, system("B"), {"role": "tool", "tool_call_id": "a", "content": "1"}]);
    let (body, _) = to_anthropic(said("m", messages)).unwrap();
    assert_eq!(
        body["messages"][2],
        json!({"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "a", "content": "1"},
            {"type": "text", "text": "<system>\nB\n</system>"}
        ]})
    );
}

#[test]
fn blank_stop_sequences_are_listed() {
    let (body, dropped) = to_anthropic(plain(json!({"stop": ["\n", "END", " "]}))).unwrap();
    assert_eq!(
        (&body["stop_sequences"], dropped),
        (&json!(["END"]), vec!["stop".to_owned()])
    );
    let (body, dropped) = to_anthropic(plain(json!({"stop": "\n\n"}))).unwrap();
    assert_eq!(
        (body.get("stop_sequences"), dropped),
        (None, vec!["stop".to_owned()])
    );
}

#[test]
fn more_stop_sequences_than_the_model_takes_are_listed() {
    let stops = |model: &str| {
        let (body, dropped) = to_openai(plain(
            json!({"model": model, "stop_sequences": ["a", "b", "c", "d", "e"]}),
        ))
        .unwrap();
        (body.get("stop").cloned(), dropped)
    };
    let all = json!(["a", "b", "c", "d", "e"]);
    assert_eq!(stops("llama"), (Some(all), vec![]));
    assert_eq!(
        stops("gpt-4o"),
        (
            Some(json!(["a", "b", "c", "d"])),
            vec!["stop (adapted)".to_owned()]
        )
    );
    assert_eq!(stops("o3"), (None, vec!["stop".to_owned()]));
}

#[test]
fn an_answer_begun_by_the_caller_goes_on_as_the_model_takes_it() {
    let messages = json!([user("hi"), assistant("Once upon ")]);
    let ended = |model: &str| {
        let (body, dropped) = to_anthropic(said(model, messages.clone())).unwrap();
        (body["messages"].clone(), dropped)
    };
    assert_eq!(
        ended("claude-sonnet-4-5"),
        (
            json!([turn("user", &["hi"]), turn("assistant", &["Once upon"])]),
            vec![]
        )
    );
    assert_eq!(
        ended("claude-opus-4-6"),
        (
            json!([
                turn("user", &["hi"]),
                turn("assistant", &["Once upon "]),
                turn(
                    "user",
                    &["Continue from exactly where your last message ends."]
                )
            ]),
            vec!["messages (adapted)".to_owned()]
        )
    );
}

#[test]
fn sampling_goes_where_the_model_takes_it() {
    let names = ["temperature", "top_p", "top_k"];
    let sent = |model: &str, more: Value| {
        let mut body = plain(more);
        body["model"] = json!(model);
        let (body, dropped) = to_anthropic(body).unwrap();
        let sent: Vec<&str> = names
            .into_iter()
            .filter(|name| body.get(name).is_some())
            .collect();
        (sent.join(" "), dropped.join(" "))
    };
    let all = json!({"temperature": 0.5, "top_p": 0.9, "top_k": 5});
    for (model, want, lost) in [
        ("some-other", "temperature top_p top_k", ""),
        ("claude-3-5-haiku-latest", "temperature top_p top_k", ""),
        ("claude-sonnet-4-5", "temperature top_k", "top_p"),
        ("claude-opus-4-7", "", "temperature top_p top_k"),
        ("claude-of-next-year", "", "temperature top_p top_k"),
    ] {
        assert_eq!(
            sent(model, all.clone()),
            (want.to_owned(), lost.to_owned()),
            "{model}"
        );
    }
    // Defaults say nothing and are not missed.
    let defaults = json!({"temperature": 1, "top_p": 1});
    assert_eq!(
        sent("claude-opus-5", defaults),
        (String::new(), String::new())
    );
    let sent = |model: &str, more: Value| {
        let mut body = plain(more);
        body["model"] = json!(model);
        let (body, dropped) = to_openai(body).unwrap();
        let sent = (
            body.get("temperature").is_some(),
            body.get("top_p").is_some(),
        );
        (sent, dropped.join(" "), body["reasoning_effort"].clone())
    };
    let both = json!({"temperature": 0.5, "top_p": 0.9, "thinking": {"type": "disabled"}});
    for (model, want) in [
        ("gpt-4o", ((true, true), "", Value::Null)),
        (
            "o3",
            (
                (false, false),
                "thinking (adapted) temperature top_p",
                json!("low"),
            ),
        ),
        (
            "gpt-5-mini",
            (
                (false, false),
                "thinking (adapted) temperature top_p",
                json!("minimal"),
            ),
        ),
        ("gpt-5.1", ((true, true), "", json!("none"))),
        (
            "gpt-5.6-sol",
            ((false, false), "temperature top_p", json!("none")),
        ),
        ("llama", ((true, true), "thinking", Value::Null)),
    ] {
        let (sent, dropped, effort) = sent(model, both.clone());
        assert_eq!((sent, dropped.as_str(), effort), want, "{model}");
    }
    let (_, dropped, _) = sent("gpt-5.1", json!({"temperature": 0.5}));
    assert_eq!(dropped, "temperature");
}

#[test]
fn the_longest_answer_is_called_what_the_model_insists_on() {
    let name = |model: &str| {
        let chat = crate::formats::anthropic::CODEC
            .read_request(plain(json!({"model": model})).to_string().as_bytes())
            .unwrap();
        let target = crate::formats::Target {
            quirks: &crate::formats::Quirks::COMPATIBLE,
            ..super::target(&chat)
        };
        let written = crate::formats::openai::CODEC
            .write_request(&chat, &target)
            .unwrap();
        let body: Value = serde_json::from_slice(&written.body).unwrap();
        body.get("max_completion_tokens").is_some()
    };
    assert_eq!(
        ["llama", "gpt-4o", "gpt-5", "o3"].map(name),
        [false, false, true, true]
    );
}

#[test]
fn amounts_of_thinking_are_those_the_model_knows() {
    let effort = |model: &str, thinking: Value| {
        let (body, dropped) = to_openai(plain(
            json!({"model": model, "thinking": thinking, "max_tokens": 90_000}),
        ))
        .unwrap();
        (body["reasoning_effort"].clone(), dropped.join(" "))
    };
    let of = |tokens: u64| json!({"type": "enabled", "budget_tokens": tokens});
    for (model, tokens, want, lost) in [
        ("gpt-4o", 2000, Value::Null, "thinking"),
        ("o3", 1024, json!("low"), ""),
        ("o3", 64_000, json!("high"), ""),
        ("gpt-5", 1024, json!("minimal"), ""),
        ("gpt-5.2", 64_000, json!("xhigh"), ""),
        ("llama", 64_000, json!("max"), ""),
    ] {
        assert_eq!(
            effort(model, of(tokens)),
            (want, lost.to_owned()),
            "{model}"
        );
    }
    let asked = |model: &str, more: Value| {
        let mut body = plain(more);
        body["model"] = json!(model);
        let (body, dropped) = to_anthropic(body).unwrap();
        (
            body.get("thinking").cloned(),
            body["output_config"]["effort"].clone(),
            dropped.join(" "),
        )
    };
    let adaptive = || Some(json!({"type": "adaptive"}));
    let budget = json!({"thinking": {"type": "enabled", "budget_tokens": 8000}});
    assert_eq!(
        asked("claude-opus-4-7", budget),
        (
            adaptive(),
            json!("medium"),
            "thinking.budget_tokens (adapted)".to_owned()
        )
    );
    let off = json!({"reasoning_effort": "none"});
    for (model, want) in [
        ("claude-opus-4-8", (Some("disabled"), Value::Null, "")),
        (
            "claude-sonnet-5-5",
            (Some("between_tools"), Value::Null, ""),
        ),
        (
            "claude-opus-5-5",
            (None, json!("low"), "reasoning_effort (adapted)"),
        ),
    ] {
        let (thinking, effort, dropped) = asked(model, off.clone());
        let want_type = want.0.map(|kind| json!({"type": kind}));
        assert_eq!(
            (thinking, effort, dropped.as_str()),
            (want_type, want.1, want.2),
            "{model}"
        );
    }
    // What says to leave it to the model is taken as that.
    for spelled in [
        json!({"reasoning_effort": "default"}),
        json!({"reasoning": {"effort": "default"}}),
    ] {
        assert_eq!(
            asked("claude-opus-5", spelled),
            (None, Value::Null, String::new())
        );
    }
    for (spelled, want) in [
        (
            json!({"reasoning": {"max_tokens": 2000}}),
            json!({"type": "enabled", "budget_tokens": 2000}),
        ),
        (
            json!({"reasoning": {"enabled": true}}),
            json!({"type": "adaptive"}),
        ),
        (
            json!({"reasoning": {"enabled": false}}),
            json!({"type": "disabled"}),
        ),
    ] {
        assert_eq!(asked("m", spelled).0, Some(want));
    }
}

#[test]
fn a_tool_that_cannot_be_forced_is_asked_for_in_words() {
    let tools = json!([{"type": "function", "function": {"name": "f"}}]);
    let named = json!({"type": "function", "function": {"name": "f"}});
    for (choice, words) in [
        (
            json!("required"),
            "Call one of the tools now; do not answer with text alone.",
        ),
        (named, "Call the tool `f` now."),
    ] {
        let (body, dropped) = to_anthropic(plain(
            json!({"model": "claude-opus-5-5", "tools": tools, "tool_choice": choice}),
        ))
        .unwrap();
        assert_eq!(
            (&body["tool_choice"], &body["system"], dropped),
            (
                &json!({"type": "auto"}),
                &json!(words),
                vec!["tool_choice (adapted)".to_owned()]
            )
        );
    }
}

#[test]
fn arguments_of_nothing_are_an_empty_object() {
    let call = |arguments: Value| {
        let call = json!({"id": "a", "type": "function", "function": {"name": "f", "arguments": arguments}});
        to_anthropic(plain(json!({"messages": [user("hi"), {"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "a", "content": "1"}]})))
            .map(|(body, _)| body["messages"][1]["content"][0]["input"].clone())
    };
    for nothing in [
        json!(null),
        json!(""),
        json!(" "),
        json!("null"),
        json!({}),
        json!("{}"),
    ] {
        assert_eq!(call(nothing.clone()).unwrap(), json!({}), "{nothing}");
    }
    assert_eq!(call(json!({"x": 1})).unwrap(), json!({"x": 1}));
    assert_eq!(
        call(json!([1])).unwrap_err().param.as_deref(),
        Some("messages[1].tool_calls[0].function.arguments")
    );
    let used = json!({"type": "tool_use", "id": "a", "name": "f", "input": null});
    let (body, _) = to_openai(plain(
        json!({"messages": [user("hi"), {"role": "assistant", "content": [used]}]}),
    ))
    .unwrap();
    assert_eq!(
        body["messages"][1]["tool_calls"][0]["function"]["arguments"],
        "{}"
    );
}

#[test]
fn tools_without_a_type_are_objects() {
    let tool = |parameters: Value| {
        let tools = json!([{"type": "function", "function": {"name": "f", "description": "Does", "parameters": parameters}}]);
        let (body, dropped) = to_anthropic(plain(json!({"tools": tools}))).unwrap();
        (body["tools"][0].clone(), dropped)
    };
    let object = json!({"type": "object", "properties": {}});
    for nothing in [json!(null), json!({})] {
        assert_eq!(tool(nothing).0["input_schema"], object);
    }
    let (tool, dropped) = tool(
        json!({"type": "object", "properties": {"a": {}, "b": {}}, "anyOf": [{"required": ["a"]}]}),
    );
    assert_eq!(
        (tool, dropped),
        (
            json!({"name": "f", "description": "Does\n\n{anyOf: [{\"required\":[\"a\"]}]}", "input_schema": {"type": "object", "properties": {"a": {}, "b": {}}}}),
            vec!["tools.function.parameters (adapted)".to_owned()]
        )
    );
    let (body, _) =
        to_openai(plain(json!({"tools": [{"name": "f", "input_schema": {}}]}))).unwrap();
    assert_eq!(body["tools"][0]["function"]["parameters"], object);
}

#[test]
fn strict_tools_are_what_the_other_side_holds_to() {
    let half = json!({"type": "object", "properties": {"a": {"type": "integer", "minimum": 1}}});
    let tools = json!([{"type": "function", "function": {"name": "f", "strict": true, "parameters": half}}]);
    let (body, dropped) = to_anthropic(plain(json!({"tools": tools}))).unwrap();
    assert_eq!(
        (&body["tools"][0]["input_schema"], dropped),
        (
            &json!({"type": "object", "properties": {"a": {"type": "integer", "description": "{minimum: 1}"}}, "additionalProperties": false}),
            vec!["tools.function.parameters (adapted)".to_owned()]
        )
    );
    let (body, dropped) = to_openai(plain(
        json!({"tools": [{"name": "f", "strict": true, "input_schema": half}]}),
    ))
    .unwrap();
    assert_eq!(
        (&body["tools"][0]["function"], dropped),
        (
            &json!({"name": "f", "parameters": half}),
            vec!["tools.strict".to_owned()]
        )
    );
}

#[test]
fn answers_are_held_to_what_anthropic_can_hold_them_to() {
    let asked = |schema: Value| {
        let format = json!({"type": "json_schema", "json_schema": {"name": "x", "schema": schema}});
        let (body, dropped) = to_anthropic(plain(json!({"response_format": format}))).unwrap();
        let sent = body["output_config"]["format"]["schema"].clone();
        (sent, body["system"].clone(), dropped.join(" "))
    };
    let closed = json!({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": false});
    assert_eq!(
        asked(json!({"type": "object", "properties": {"a": {"type": "string"}}})),
        (closed, Value::Null, String::new())
    );
    let (schema, _, dropped) =
        asked(json!({"type": "object", "properties": {"a": {"type": "string", "maxLength": 5}}}));
    assert_eq!(
        (&schema["properties"]["a"], dropped.as_str()),
        (
            &json!({"type": "string", "description": "{maxLength: 5}"}),
            "response_format.json_schema.schema (adapted)"
        )
    );
    let map = json!({"type": "object", "additionalProperties": {"type": "string"}});
    assert_eq!(
        asked(map.clone()),
        (
            Value::Null,
            json!(format!(
                "Answer with a single JSON value that fits this JSON Schema, and nothing else:\n{map}"
            )),
            "response_format (adapted)".to_owned()
        )
    );
}

#[test]
fn models_that_hold_answers_to_nothing_are_asked_in_words() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": false});
    let tool = json!({"type": "function", "function": {"name": "f", "strict": true, "parameters": schema}});
    let more = json!({"model": "claude-opus-4-1", "tools": [tool], "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}});
    let (body, dropped) = to_anthropic(plain(more)).unwrap();
    assert_eq!(
        (
            body.get("output_config"),
            &body["tools"],
            &body["system"],
            dropped
        ),
        (
            None,
            &json!([{"name": "f", "input_schema": schema}]),
            &json!(format!(
                "Answer with a single JSON value that fits this JSON Schema, and nothing else:\n{schema}"
            )),
            vec![
                "tools.function.strict".to_owned(),
                "response_format (adapted)".to_owned()
            ]
        )
    );
}

#[test]
fn response_schemas_are_taken_in_every_spelling() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": false});
    for spelled in [
        json!({"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}),
        json!({"type": "json_schema", "json_schema": {"name": "", "schema": schema}}),
        json!({"type": "json_schema", "json_schema": schema}),
        json!({"type": "json_schema", "name": "x", "schema": schema, "strict": true}),
        json!({"type": "json_object", "schema": schema}),
    ] {
        let (body, dropped) = to_anthropic(plain(json!({"response_format": spelled}))).unwrap();
        assert_eq!(
            (&body["output_config"]["format"]["schema"], dropped),
            (&schema, vec![]),
            "{spelled}"
        );
    }
    for (wrong, field) in [
        (json!({"type": "json_schema"}), "response_format.schema"),
        (
            json!({"type": "json_schema", "json_schema": {"name": "x"}}),
            "response_format.json_schema.schema",
        ),
        (json!({"type": "xml"}), "response_format.type"),
    ] {
        assert_eq!(
            param(to_anthropic(plain(json!({"response_format": wrong})))),
            field
        );
    }
}

#[test]
fn cache_marks_in_chat_content_reach_anthropic() {
    let mark = json!({"type": "ephemeral"});
    let hour = json!({"type": "ephemeral", "ttl": "1h"});
    let text =
        |text: &str, mark: &Value| json!({"type": "text", "text": text, "cache_control": mark});
    let chat = json!({"model": "m", "max_tokens": 10, "messages": [
        {"role": "system", "content": [text("A", &hour), {"type": "text", "text": "B"}]},
        {"role": "user", "content": "hi", "cache_control": mark},
        {"role": "assistant", "content": "", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}], "cache_control": mark},
        {"role": "tool", "tool_call_id": "a", "content": "1"}
    ], "tools": [{"type": "function", "function": {"name": "f"}, "cache_control": mark}]});
    let (body, dropped) = to_anthropic(chat).unwrap();
    assert_eq!(dropped, Vec::<String>::new());
    assert_eq!(
        body,
        json!({"model": "m", "max_tokens": 10,
            "system": [text("A", &hour), {"type": "text", "text": "B"}],
            "messages": [
                {"role": "user", "content": [text("hi", &mark)]},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}, "cache_control": mark}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "1"}]}
            ],
            "tools": [{"name": "f", "input_schema": {"type": "object", "properties": {}}, "cache_control": mark}]
        })
    );
}

#[test]
fn tools_that_the_caller_runs_are_the_callers_own() {
    let tools = json!([
        {"type": "bash_20250124", "name": "bash"},
        {"type": "text_editor_20250728", "name": "str_replace_based_edit_tool", "max_characters": 100},
        {"type": "computer_20251124", "name": "computer", "display_width_px": 1024, "display_height_px": 768},
        {"type": "memory_20250818", "name": "memory"}
    ]);
    let (body, dropped) = to_openai(plain(json!({"tools": tools}))).unwrap();
    assert_eq!(dropped, ["tools.type (adapted)", "tools.max_characters"]);
    let shown: Vec<(&str, &str, Vec<&String>)> = body["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| {
            assert_eq!(tool["type"], "function");
            let function = &tool["function"];
            let inputs = function["parameters"]["properties"].as_object().unwrap();
            (
                function["name"].as_str().unwrap(),
                function["description"].as_str().unwrap(),
                inputs.keys().take(2).collect(),
            )
        })
        .collect();
    let names: Vec<&str> = shown.iter().map(|(name, ..)| *name).collect();
    assert_eq!(
        names,
        ["bash", "str_replace_based_edit_tool", "computer", "memory"]
    );
    assert_eq!(shown[0].2, ["command", "restart"]);
    assert_eq!(shown[1].2, ["command", "path"]);
    assert!(shown[2].1.ends_with("The screen is 1024x768 pixels."));
    for theirs in [
        "web_search_20250305",
        "code_execution_20260521",
        "computer_toolset_20260801",
        "bash",
    ] {
        let tools = json!([{"type": theirs, "name": "x"}]);
        assert_eq!(
            param(to_openai(plain(json!({"tools": tools})))),
            "tools[0].type",
            "{theirs}"
        );
    }
}

#[test]
fn thoughts_of_another_vendor_are_left_out_and_listed() {
    let answers = [
        json!({"role": "assistant", "content": "yes", "reasoning_content": "hm"}),
        json!({"role": "assistant", "content": "yes", "reasoning": "hm"}),
        json!({"role": "assistant", "content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "yes"}]}),
        json!({"role": "assistant", "content": [{"type": "reasoning", "text": "hm"}, {"type": "text", "text": "yes"}]}),
    ];
    for answer in answers {
        let (body, dropped) = to_anthropic(plain(
            json!({"messages": [user("hi"), answer, user("more")]}),
        ))
        .unwrap();
        assert_eq!(
            (&body["messages"][1], dropped),
            (
                &turn("assistant", &["yes"]),
                vec!["messages.reasoning_content".to_owned()]
            ),
            "{answer}"
        );
    }
    // Sealed ones go back to where seals are known, from wherever the client keeps them; twice the same is once.
    let sealed = json!({"type": "thinking", "thinking": "hm", "signature": "SEAL"});
    for answer in [
        json!({"role": "assistant", "content": [sealed, {"type": "text", "text": "yes"}]}),
        json!({"role": "assistant", "content": [sealed, {"type": "text", "text": "yes"}], "thinking_blocks": [sealed]}),
    ] {
        let (body, dropped) = to_anthropic(plain(
            json!({"messages": [user("hi"), answer, user("more")]}),
        ))
        .unwrap();
        assert_eq!(
            (&body["messages"][1]["content"], dropped),
            (&json!([sealed, {"type": "text", "text": "yes"}]), vec![])
        );
    }
}

#[test]
fn thoughts_go_back_in_the_field_that_the_vendor_takes() {
    let body = plain(
        json!({"messages": [user("hi"), {"role": "assistant", "content": [
        {"type": "thinking", "thinking": "hm", "signature": ""}, {"type": "text", "text": "yes"}
    ]}, user("more")]}),
    );
    let chat = crate::formats::anthropic::CODEC
        .read_request(body.to_string().as_bytes())
        .unwrap();
    for (vendor, field) in [
        ("deepseek", Some("reasoning_content")),
        ("vllm", Some("reasoning_content")),
        ("cerebras", Some("reasoning")),
        ("openai", None),
        ("groq", None),
        ("mistral", None),
    ] {
        let target = crate::formats::Target {
            quirks: &crate::vendors::vendor(vendor).unwrap().quirks,
            ..super::target(&chat)
        };
        let written = crate::formats::openai::CODEC
            .write_request(&chat, &target)
            .unwrap();
        let sent: Value = serde_json::from_slice(&written.body).unwrap();
        let mut want = assistant("yes");
        if let Some(field) = field {
            want[field] = json!("hm");
        }
        assert_eq!(sent["messages"][1], want, "{vendor}");
        assert_eq!(written.dropped.is_empty(), field.is_some(), "{vendor}");
    }
}

#[test]
fn only_the_last_four_cache_marks_are_sent() {
    let text =
        |name: &str| json!({"type": "text", "text": name, "cache_control": {"type": "ephemeral"}});
    let (body, dropped) = to_anthropic(plain(json!({
        "tools": [{"type": "function", "function": {"name": "f"}, "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "system", "content": [text("a")]},
            {"role": "user", "content": [text("b"), text("c")]},
            {"role": "assistant", "content": [text("d")]},
            {"role": "user", "content": [text("e")]}
        ]
    })))
    .unwrap();
    assert_eq!(dropped, ["cache_control (adapted)"]);
    assert_eq!(
        (&body["tools"][0].get("cache_control"), &body["system"]),
        (&None, &json!("a"))
    );
    assert_eq!(
        body["messages"],
        json!([
            {"role": "user", "content": [text("b"), text("c")]},
            {"role": "assistant", "content": [text("d")]},
            {"role": "user", "content": [text("e")]}
        ])
    );
}
