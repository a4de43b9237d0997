//! Requests from one format into the other, whole bodies compared.

use crate::error::Error;
use crate::formats::{Codec, Target, anthropic, openai};
use serde_json::{Value, json};

fn translate(from: &dyn Codec, to: &dyn Codec, body: Value) -> Result<(Value, Vec<String>), Error> {
    let chat = from.read_request(body.to_string().as_bytes())?;
    let written = to.write_request(&chat, &super::target(&chat))?;
    Ok((
        serde_json::from_slice(&written.body).unwrap(),
        written.dropped,
    ))
}

pub fn to_anthropic(body: Value) -> Result<(Value, Vec<String>), Error> {
    translate(openai::CODEC, anthropic::CODEC, body)
}

pub fn to_openai(body: Value) -> Result<(Value, Vec<String>), Error> {
    translate(anthropic::CODEC, openai::CODEC, body)
}

/// A minimal request with more members.
pub fn plain(more: Value) -> Value {
    let mut body =
        json!({"model": "m", "max_tokens": 4000, "messages": [{"role": "user", "content": "hi"}]});
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    body
}

pub fn param(outcome: Result<(Value, Vec<String>), Error>) -> String {
    outcome.unwrap_err().param.unwrap()
}

const PIXEL: &str = "iVBORw0KGgo=";

fn openai_conversation() -> Value {
    let call = |id: &str, arguments: &str| json!({"id": id, "type": "function", "function": {"name": "weather", "arguments": arguments}});
    json!({
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [
                {"type": "text", "text": "Compare."},
                {"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{PIXEL}")}},
                {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
            ]},
            {"role": "assistant", "content": "Looking.", "tool_calls": [call("a", "{\"city\":\"Köln\",\"n\":1.5}"), call("b", "{}"), call("c", "{\"city\":\"Rom\"}")]},
            {"role": "tool", "tool_call_id": "a", "content": "rain"},
            {"role": "tool", "tool_call_id": "b", "content": "sun"},
            {"role": "tool", "tool_call_id": "c", "content": ""},
            {"role": "user", "content": "And now?"}
        ],
        "tools": [{"type": "function", "function": {"name": "weather", "description": "Tells it", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}],
        "tool_choice": "required",
        "parallel_tool_calls": false,
        "max_completion_tokens": 100,
        "stop": ["END"],
        "user": "u-1"
    })
}

fn anthropic_conversation() -> Value {
    json!({
        "model": "m",
        "max_tokens": 100,
        "system": "Be brief.",
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "Compare."},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
                {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
            ]},
            {"role": "assistant", "content": [
                {"type": "text", "text": "Looking."},
                {"type": "tool_use", "id": "a", "name": "weather", "input": {"city": "Köln", "n": 1.5}},
                {"type": "tool_use", "id": "b", "name": "weather", "input": {}},
                {"type": "tool_use", "id": "c", "name": "weather", "input": {"city": "Rom"}}
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "a", "content": "rain"},
                {"type": "tool_result", "tool_use_id": "b", "content": "sun"},
                {"type": "tool_result", "tool_use_id": "c", "content": ""},
                {"type": "text", "text": "And now?"}
            ]}
        ],
        "tools": [{"name": "weather", "description": "Tells it", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": true},
        "stop_sequences": ["END"],
        "metadata": {"user_id": "u-1"}
    })
}

#[test]
fn a_tool_conversation_there_and_back() {
    assert_eq!(
        to_anthropic(openai_conversation()).unwrap(),
        (anthropic_conversation(), vec![])
    );
    let (back, dropped) = to_openai(anthropic_conversation()).unwrap();
    assert!(dropped.is_empty());
    assert_eq!(back, openai_conversation());
}

#[test]
fn raw_arguments_keep_their_spelling() {
    let arguments = "{ \"big\": 12345678901234567890123, \"n\":1.50 }";
    let body = plain(
        json!({"messages": [{"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": arguments}}]}]}),
    );
    let chat = openai::CODEC
        .read_request(body.to_string().as_bytes())
        .unwrap();
    let written = String::from_utf8(
        anthropic::CODEC
            .write_request(&chat, &super::target(&chat))
            .unwrap()
            .body,
    )
    .unwrap();
    assert!(
        written.contains(&format!("\"input\":{arguments}")),
        "{written}"
    );
}

#[test]
fn what_a_tool_shows_follows_its_result() {
    let image = json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}});
    let result = json!({"type": "tool_result", "tool_use_id": "a", "is_error": true, "content": [{"type": "text", "text": "see"}, image]});
    let (body, dropped) = to_openai(plain(
        json!({"messages": [{"role": "user", "content": [result]}]}),
    ))
    .unwrap();
    let shown = json!({"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{PIXEL}")}});
    assert_eq!(
        body["messages"],
        json!([{"role": "tool", "tool_call_id": "a", "content": "see"}, {"role": "user", "content": [shown]}])
    );
    assert_eq!(dropped, ["messages.content.is_error"]);
}

#[test]
fn documents_where_both_can() {
    let file = json!({"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}});
    let (body, _) = to_anthropic(plain(
        json!({"messages": [{"role": "user", "content": [file]}]}),
    ))
    .unwrap();
    let document = json!({"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}, "title": "a.pdf"});
    assert_eq!(body["messages"][0]["content"], json!([document]));
    let (back, _) = to_openai(plain(
        json!({"messages": [{"role": "user", "content": [document]}]}),
    ))
    .unwrap();
    assert_eq!(back["messages"][0]["content"], json!([file]));
    let linked =
        json!({"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}});
    assert_eq!(
        param(to_openai(plain(
            json!({"messages": [{"role": "user", "content": [linked]}]})
        ))),
        "messages.content.file.file_data"
    );
}

#[test]
fn seals_make_the_round_trip() {
    let reply = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "tool_use", "content": [
        {"type": "thinking", "thinking": "hmm", "signature": "SEAL"},
        {"type": "redacted_thinking", "data": "DARK"},
        {"type": "tool_use", "id": "a", "name": "f", "input": {}}
    ]});
    let reply = anthropic::CODEC
        .read_reply(
            reply.to_string().as_bytes(),
            &mut crate::formats::Seen::default(),
        )
        .unwrap();
    let shown: Value =
        serde_json::from_slice(&openai::CODEC.write_reply(&reply, &super::context())).unwrap();
    let message = shown["choices"][0]["message"].clone();
    assert_eq!(message["reasoning_content"], "hmm");
    // The caller sends the message back as it came.
    let tools = json!([{"type": "function", "function": {"name": "f"}}]);
    let follow_up = json!({"model": "m", "tools": tools, "reasoning_effort": "low", "messages": [
        {"role": "user", "content": "hi"}, message, {"role": "tool", "tool_call_id": "a", "content": "1"}
    ]});
    let (body, dropped) = to_anthropic(follow_up).unwrap();
    assert_eq!(
        body["messages"][1]["content"],
        json!([
            {"type": "thinking", "thinking": "hmm", "signature": "SEAL"},
            {"type": "redacted_thinking", "data": "DARK"},
            {"type": "tool_use", "id": "a", "name": "f", "input": {}}
        ])
    );
    assert_eq!(
        (&body["thinking"], &body["max_tokens"]),
        (
            &json!({"type": "enabled", "budget_tokens": 2048}),
            &json!(4096 + 2048)
        )
    );
    assert_eq!(
        body["tools"][0]["input_schema"],
        json!({"type": "object", "properties": {}})
    );
    assert!(dropped.is_empty(), "{dropped:?}");
}

#[test]
fn thinking_is_asked_for_only_where_it_is_accepted() {
    let thinking = |more: Value| {
        to_anthropic(plain(more))
            .map(|(body, dropped)| (body["thinking"].clone(), dropped))
            .unwrap()
    };
    assert_eq!(
        thinking(json!({"reasoning_effort": "medium"})),
        (json!({"type": "enabled", "budget_tokens": 2000}), vec![])
    );
    assert_eq!(
        thinking(json!({"reasoning_effort": "low", "max_tokens": 1500})),
        (Value::Null, vec!["reasoning_effort".to_owned()])
    );
    assert_eq!(
        thinking(json!({"reasoning_effort": "none"})).0,
        json!({"type": "disabled"})
    );
    assert_eq!(
        thinking(json!({"reasoning_effort": "low", "temperature": 0.5})).1,
        ["temperature"]
    );
    assert_eq!(
        thinking(json!({"reasoning_effort": "low", "model": "claude-opus-5"})).0,
        json!({"type": "adaptive"})
    );
    let tools = json!([{"type": "function", "function": {"name": "f"}}]);
    assert_eq!(
        thinking(json!({"reasoning_effort": "low", "tools": tools, "tool_choice": "required"})).1,
        ["reasoning_effort"]
    );
    let (body, dropped) = to_openai(plain(json!({"thinking": {"type": "enabled", "budget_tokens": 5000}, "output_config": {"effort": "max"}}))).unwrap();
    assert_eq!(
        (&body["reasoning_effort"], dropped),
        (&json!("medium"), vec!["output_config.effort".to_owned()])
    );
}

#[test]
fn answers_keep_their_schema() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": false});
    let asked = json!({"type": "json_schema", "json_schema": {"name": "response", "schema": schema, "strict": true}});
    let (body, dropped) = to_anthropic(plain(json!({"response_format": asked}))).unwrap();
    assert_eq!(
        (&body["output_config"], dropped),
        (
            &json!({"format": {"type": "json_schema", "schema": schema}}),
            vec![]
        )
    );
    for place in ["output_config", "output_format"] {
        let format = json!({"type": "json_schema", "schema": schema});
        let given = if place == "output_format" {
            format
        } else {
            json!({"format": format})
        };
        assert_eq!(
            to_openai(plain(json!({place: given}))).unwrap().0["response_format"],
            asked
        );
    }
    let (body, dropped) =
        to_anthropic(plain(json!({"response_format": {"type": "json_object"}}))).unwrap();
    assert_eq!(
        (&body["system"], dropped),
        (
            &json!("Answer with a single JSON object and nothing else."),
            vec!["response_format (adapted)".to_owned()]
        )
    );
}

#[test]
fn what_is_lost_is_named_once() {
    let cached = json!({"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}});
    let more = json!({"system": [cached], "messages": [{"role": "user", "content": [cached, cached]}], "top_k": 5, "context_management": {}, "service_tier": "auto"});
    let (_, dropped) = to_openai(plain(more)).unwrap();
    assert_eq!(
        dropped,
        [
            "context_management",
            "system.cache_control",
            "messages.content.cache_control",
            "top_k"
        ]
    );
    let more = json!({"model": "claude-sonnet-4-5", "temperature": 1.5, "top_p": 0.9, "seed": 1, "logit_bias": {"1": 2}, "store": false, "frequency_penalty": 0, "presence_penalty": 0.1, "n": 1, "stream_options": {}});
    let (body, dropped) = to_anthropic(plain(more)).unwrap();
    assert_eq!(
        dropped,
        [
            "logit_bias",
            "temperature (adapted)",
            "top_p",
            "seed",
            "presence_penalty"
        ]
    );
    assert_eq!(
        (&body["temperature"], &body["top_p"]),
        (&json!(1.0), &Value::Null)
    );
}

#[test]
fn refusals_name_the_field() {
    let part = |part: Value| plain(json!({"messages": [{"role": "user", "content": [part]}]}));
    for (body, expected) in [
        (plain(json!({"n": 2})), "n"),
        (plain(json!({"messages": 3})), "messages"),
        (
            plain(json!({"messages": [{"role": "wizard", "content": ""}]})),
            "messages[0].role",
        ),
        (
            plain(json!({"tools": [{"type": "web_search"}]})),
            "tools[0].type",
        ),
        (plain(json!({"temperature": "hot"})), "temperature"),
        (
            plain(json!({"web_search_options": {}})),
            "web_search_options",
        ),
        (
            plain(json!({"response_format": {"type": "grammar"}})),
            "response_format.type",
        ),
        (
            part(json!({"type": "hologram"})),
            "messages[0].content[0].type",
        ),
        (
            part(json!({"type": "image_url"})),
            "messages[0].content[0].image_url",
        ),
        (
            part(json!({"type": "input_audio", "input_audio": {"data": "", "format": "wav"}})),
            "messages.content.input_audio",
        ),
    ] {
        assert_eq!(param(to_anthropic(body.clone())), expected, "{body}");
    }
    for (body, expected) in [
        (json!({"model": "m", "messages": []}), "max_tokens"),
        (
            plain(json!({"tools": [{"type": "web_search_20250305", "name": "web_search"}]})),
            "tools[0].type",
        ),
        (plain(json!({"mcp_servers": []})), "mcp_servers"),
        (plain(json!({"thread": {"type": "create"}})), "thread"),
        (
            plain(json!({"compaction": {"type": "enabled"}})),
            "compaction",
        ),
        (
            plain(json!({"tools": [{"name": "f", "input_schema": true}]})),
            "tools[0].input_schema",
        ),
        (
            part(
                json!({"type": "tool_result", "tool_use_id": "a", "content": [{"type": "tool_result"}]}),
            ),
            "messages[0].content[0].content[0].type",
        ),
        (part(json!({"type": "server_tool_use"})), "messages.content"),
        (
            part(json!({"type": "tool_use", "id": "a", "name": "f", "input": []})),
            "messages[0].content[0].input",
        ),
    ] {
        assert_eq!(param(to_openai(body.clone())), expected, "{body}");
    }
}

#[test]
fn ids_are_made_safe_alike() {
    let call = json!({"id": "functions.f:0", "type": "function", "function": {"name": "f", "arguments": ""}});
    let messages = json!([{"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "functions.f:0", "content": "1"}]);
    let (body, _) = to_anthropic(plain(json!({"messages": messages}))).unwrap();
    let id = body["messages"][0]["content"][0]["id"].as_str().unwrap();
    assert!(
        id.starts_with("functions_f_0_")
            && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    );
    assert_eq!(body["messages"][1]["content"][0]["tool_use_id"], id);
    assert_eq!(body["messages"][0]["content"][0]["input"], json!({}));
}

#[test]
fn old_functions_are_tools() {
    let messages = json!([
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": null, "function_call": {"name": "f", "arguments": "{\"a\":1}"}},
        {"role": "function", "name": "f", "content": "2"}
    ]);
    let (body, dropped) = to_anthropic(plain(
        json!({"messages": messages, "functions": [{"name": "f"}], "function_call": {"name": "f"}}),
    ))
    .unwrap();
    assert_eq!(body["tool_choice"], json!({"type": "tool", "name": "f"}));
    assert_eq!(
        body["messages"][1]["content"][0]["id"],
        body["messages"][2]["content"][0]["tool_use_id"]
    );
    assert!(dropped.is_empty(), "{dropped:?}");
}

#[test]
fn a_dialect_is_written_as_its_quirks_say() {
    let body = json!({"model": "m", "max_tokens": 7, "stream": true, "messages": [{"role": "user", "content": "hi"}]});
    let chat = anthropic::CODEC
        .read_request(body.to_string().as_bytes())
        .unwrap();
    let written = |quirks: &crate::formats::Quirks| {
        let target = Target {
            quirks,
            ..super::target(&chat)
        };
        let written = openai::CODEC.write_request(&chat, &target).unwrap();
        serde_json::from_slice::<Value>(&written.body).unwrap()
    };
    let plain =
        json!({"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": true});
    let mut own = plain.clone();
    own["max_completion_tokens"] = json!(7);
    own["stream_options"] = json!({"include_usage": true});
    assert_eq!(written(&crate::formats::Quirks::NONE), own);
    let mut silent = plain;
    silent["max_tokens"] = json!(7);
    assert_eq!(
        written(&crate::formats::Quirks {
            stream_usage: crate::formats::StreamUsage::Unasked,
            ..crate::formats::Quirks::COMPATIBLE
        }),
        silent
    );
}
