//! What a provider of the other format gets, and what the caller is told was carried otherwise or left out.

use crate::harness::http::Answer;
use crate::kit::{Bench, chat, plan};
use serde_json::{Value, json};

/// Targets by what their models take, each at a path of its own: `/NAME`.
fn bench() -> Bench {
    plan()
        .at("old", &["a/claude-sonnet-4-5"])
        .at("new", &["a/claude-opus-4-8"])
        .at("newest", &["a/claude-opus-5-5"])
        .at("gpt", &["m/gpt-4o"])
        .at("thinker", &["m/o3"])
        .at("falls", &["a/mock-500", "m/mock"])
        .at("both", &["a/claude-sonnet-4-5", "m/mock"])
        .start()
}

/// The body that reached the upstream last, and what the answer says was dropped.
fn sent(bench: &Bench, path: &str, body: &Value) -> (Value, String) {
    let answer = bench.post(path, body);
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    let seen = bench.mock.requests().pop().unwrap();
    (serde_json::from_str(&seen.body).unwrap(), dropped(&answer))
}

fn dropped(answer: &Answer) -> String {
    answer.header("x-gw-dropped").unwrap_or_default().to_owned()
}

/// An OpenAI request with these further members.
fn openai(more: Value) -> Value {
    merged(
        json!({"model": "any", "messages": [{"role": "user", "content": "hi"}]}),
        more,
    )
}

/// An Anthropic request with these further members.
fn anthropic(more: Value) -> Value {
    merged(
        json!({"model": "any", "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]}),
        more,
    )
}

fn merged(mut body: Value, more: Value) -> Value {
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    body
}

const OPENAI: &str = "/v1/chat/completions";
const ANTHROPIC: &str = "/v1/messages";

#[test]
fn late_system_messages_stay_in_place_or_are_marked_and_listed() {
    let bench = bench();
    let body = openai(json!({"messages": [
        {"role": "system", "content": "A"}, {"role": "user", "content": "hi"},
        {"role": "developer", "content": "B"}, {"role": "assistant", "content": "yes"},
        {"role": "user", "content": "more"}
    ]}));
    let text = |text: &str| json!({"type": "text", "text": text});
    let roles = |sent: &Value| -> Vec<String> {
        let turns = sent["messages"].as_array().unwrap().iter();
        turns
            .map(|turn| turn["role"].as_str().unwrap().to_owned())
            .collect()
    };
    let (new, lost) = sent(&bench, &format!("/new{OPENAI}"), &body);
    assert_eq!(
        (&new["system"], roles(&new).join(" "), lost.as_str()),
        (&json!("A"), "user system assistant user".to_owned(), "")
    );
    assert_eq!(new["messages"][1]["content"], json!([text("B")]));
    let (old, lost) = sent(&bench, &format!("/old{OPENAI}"), &body);
    assert_eq!(
        (&old["system"], roles(&old).join(" "), lost.as_str()),
        (
            &json!("A"),
            "user assistant user".to_owned(),
            "messages.role (adapted)"
        )
    );
    assert_eq!(
        old["messages"][0]["content"],
        json!([text("hi"), text("<system>\nB\n</system>")])
    );
}

#[test]
fn what_is_refused_elsewhere_is_carried_or_listed() {
    let bench = bench();
    let path = format!("/old{OPENAI}");
    let (body, lost) = sent(&bench, &path, &openai(json!({"stop": ["\n", "END"]})));
    assert_eq!(
        (&body["stop_sequences"], lost.as_str()),
        (&json!(["END"]), "stop")
    );
    // Sampling that a model refuses is a fact of the model.
    let sampling = json!({"temperature": 0.2, "top_p": 0.5});
    let (body, lost) = sent(&bench, &path, &openai(sampling.clone()));
    assert_eq!(
        (&body["temperature"], body.get("top_p"), lost.as_str()),
        (&json!(0.2), None, "top_p")
    );
    let (body, lost) = sent(&bench, &format!("/new{OPENAI}"), &openai(sampling.clone()));
    assert_eq!(
        (body.get("temperature"), body.get("top_p"), lost.as_str()),
        (None, None, "temperature, top_p")
    );
    let (body, lost) = sent(
        &bench,
        &format!("/thinker{ANTHROPIC}"),
        &anthropic(merged(sampling, json!({"stop_sequences": ["END"]}))),
    );
    assert_eq!(
        body,
        json!({"model": "o3", "messages": [{"role": "user", "content": "hi"}], "max_completion_tokens": 50})
    );
    assert_eq!(lost, "temperature, top_p, stop_sequences");
    // A tool that cannot be forced is asked for.
    let tools = json!({"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "required"});
    let (body, lost) = sent(&bench, &format!("/newest{OPENAI}"), &openai(tools));
    assert_eq!(
        (&body["tool_choice"], &body["tools"], lost.as_str()),
        (
            &json!({"type": "auto"}),
            &json!([{"name": "f", "input_schema": {"type": "object", "properties": {}}}]),
            "tool_choice (adapted)"
        )
    );
}

#[test]
fn arguments_and_schemas_are_objects() {
    let bench = bench();
    let path = format!("/old{OPENAI}");
    for arguments in [json!(null), json!(""), json!("null")] {
        let call = json!({"id": "a", "type": "function", "function": {"name": "f", "arguments": arguments}});
        let messages = json!([{"role": "user", "content": "hi"}, {"role": "assistant", "content": null, "tool_calls": [call]}, {"role": "tool", "tool_call_id": "a", "content": "1"}]);
        let tools = json!([{"type": "function", "function": {"name": "f", "parameters": {"properties": {}}}}]);
        let (body, lost) = sent(
            &bench,
            &path,
            &openai(json!({"messages": messages, "tools": tools})),
        );
        assert_eq!(
            (
                &body["messages"][1]["content"][0]["input"],
                &body["tools"][0]["input_schema"]["type"],
                lost.as_str()
            ),
            (&json!({}), &json!("object"), ""),
            "{arguments}"
        );
    }
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}, "required": ["n"]});
    let held = json!({"type": "object", "properties": {"n": {"type": "integer", "description": "{minimum: 1}"}}, "required": ["n"], "additionalProperties": false});
    for format in [
        json!({"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}),
        json!({"type": "json_schema", "schema": schema}),
        json!({"type": "json_object", "schema": schema}),
    ] {
        let (body, lost) = sent(&bench, &path, &openai(json!({"response_format": format})));
        assert_eq!(
            (&body["output_config"], lost.as_str()),
            (
                &json!({"format": {"type": "json_schema", "schema": held}}),
                "response_format.json_schema.schema (adapted)"
            ),
            "{format}"
        );
    }
}

#[test]
fn cache_marks_in_chat_content_reach_the_provider() {
    let bench = bench();
    let mark = json!({"type": "ephemeral", "ttl": "1h"});
    let part = json!({"type": "text", "text": "hi", "cache_control": mark});
    let body = openai(json!({"messages": [
        {"role": "system", "content": [part]}, {"role": "user", "content": [part]}
    ]}));
    let (body, lost) = sent(&bench, &format!("/old{OPENAI}"), &body);
    assert_eq!(
        (&body["system"], &body["messages"], lost.as_str()),
        (
            &json!([part]),
            &json!([{"role": "user", "content": [part]}]),
            ""
        )
    );
}

#[test]
fn tools_that_the_caller_runs_reach_other_models_as_functions() {
    let bench = bench();
    let tools = json!([{"type": "bash_20250124", "name": "bash"}, {"type": "text_editor_20250728", "name": "str_replace_based_edit_tool"}]);
    let (body, lost) = sent(
        &bench,
        &format!("/gpt{ANTHROPIC}"),
        &anthropic(json!({"tools": tools})),
    );
    let names: Vec<&str> = body["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["function"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        (names, lost.as_str()),
        (
            vec!["bash", "str_replace_based_edit_tool"],
            "tools.type (adapted)"
        )
    );
    let theirs =
        anthropic(json!({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}));
    let refused = bench.post(&format!("/gpt{ANTHROPIC}"), &theirs);
    assert_eq!(refused.status, 400, "{refused:?}");
    assert!(refused.body.contains("web_search_20250305"), "{refused:?}");
}

#[test]
fn history_goes_without_another_vendors_thoughts() {
    let bench = bench();
    let answer = json!({"role": "assistant", "content": [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "yes"}
    ]});
    let turns =
        json!([{"role": "user", "content": "hi"}, answer, {"role": "user", "content": "more"}]);
    let (body, lost) = sent(
        &bench,
        &format!("/old{OPENAI}"),
        &openai(json!({"messages": turns, "reasoning_effort": "default"})),
    );
    assert_eq!(
        (
            &body["messages"][1]["content"],
            body.get("thinking"),
            lost.as_str()
        ),
        (
            &json!([{"type": "text", "text": "yes"}]),
            None,
            "messages.reasoning_content"
        )
    );
    let sealed = json!({"role": "assistant", "content": [
        {"type": "thinking", "thinking": "hm", "signature": "SEAL"}, {"type": "text", "text": "yes"}
    ]});
    let turns =
        json!([{"role": "user", "content": "hi"}, sealed, {"role": "user", "content": "more"}]);
    let (body, lost) = sent(
        &bench,
        &format!("/gpt{ANTHROPIC}"),
        &anthropic(json!({"messages": turns})),
    );
    assert_eq!(
        (&body["messages"][1], lost.as_str()),
        (
            &json!({"role": "assistant", "content": "yes"}),
            "messages.content.thinking"
        )
    );
}

#[test]
fn what_was_dropped_is_of_the_attempt_that_answered() {
    let bench = bench();
    let mut body = chat("any", "hello", false);
    body["seed"] = json!(1);
    let answer = bench.post(&format!("/falls{OPENAI}"), &body);
    assert_eq!(
        (
            answer.status,
            answer.header("x-gw-attempts"),
            answer.header("x-gw-dropped")
        ),
        (200, Some("2"), None),
        "{answer:?}"
    );
    assert_eq!(
        bench
            .row(&answer)
            .get("dropped")
            .cloned()
            .unwrap_or(json!([])),
        json!([])
    );
    let answer = bench.post(&format!("/old{OPENAI}"), &body);
    assert_eq!(dropped(&answer), "seed", "{answer:?}");
    assert_eq!(bench.row(&answer)["dropped"], json!(["seed"]));
}

#[test]
fn a_refusal_to_translate_names_the_field() {
    let bench = bench();
    for (more, field) in [
        (json!({"n": 2}), "n"),
        (json!({"web_search_options": {}}), "web_search_options"),
        (json!({"audio": {}}), "audio.voice"),
        (json!({"modalities": ["text", "audio"]}), "modalities"),
        (
            json!({"response_format": {"type": "grammar"}}),
            "response_format.type",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}]}]}),
            "messages.content.input_audio",
        ),
    ] {
        let answer = bench.post(&format!("/old{OPENAI}"), &openai(more.clone()));
        assert_eq!(
            (answer.status, &answer.json()["error"]["param"]),
            (400, &json!(field)),
            "{answer:?}"
        );
        // Another target that can is tried.
        let answer = bench.post(&format!("/both{OPENAI}"), &openai(more));
        assert_eq!(
            (answer.status, answer.header("x-gw-provider")),
            (200, Some("m")),
            "{answer:?}"
        );
    }
}
