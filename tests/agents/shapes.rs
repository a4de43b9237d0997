//! Requests of agents that are not run here, in the shapes of their sources and guides: the same bytes arrive where the
//! upstream speaks their format, and an answer comes in theirs where it speaks another one.

use crate::harness::{Gateway, http};
use gw::mock::{Mock, Settings};
use serde_json::{Value, json};

struct Shape {
    agent: &'static str,
    /// Below the address that the agent is told.
    path: &'static str,
    /// Beside the credential, which is in this header.
    headers: &'static [(&'static str, &'static str)],
    credential: &'static str,
    body: &'static str,
    /// The vendor whose upstream speaks the same format, and one that speaks another.
    same: &'static str,
    other: &'static str,
    /// What that other one has no place for.
    dropped: Option<&'static str>,
}

const SHAPES: &[Shape] = &[
    // https://github.com/block/goose, crates/goose/src/providers/{openai,api_client}.rs: OPENAI_HOST is the bare
    // address, OPENAI_BASE_PATH the path; every request names the session.
    Shape {
        agent: "goose",
        path: "/v1/chat/completions",
        headers: &[("agent-session-id", "20261121_1")],
        credential: "authorization",
        body: r#"{"model":"agent-model","messages":[{"role":"system","content":"You are a general-purpose AI agent called goose."},{"role":"user","content":"Change hello.txt."},{"role":"assistant","tool_calls":[{"id":"call_1","type":"function","function":{"name":"developer__shell","arguments":"{\"command\":\"cat hello.txt\"}"}}]},{"role":"tool","content":"hello world","tool_call_id":"call_1"}],"tools":[{"type":"function","function":{"name":"developer__shell","description":"Execute a command in the shell.","parameters":{"properties":{"command":{"type":"string"}},"required":["command"],"title":"ShellParams","type":"object"}}}],"temperature":0.0,"max_tokens":4096,"stream":true,"stream_options":{"include_usage":true}}"#,
        same: "openai-compatible",
        other: "anthropic-compatible",
        dropped: None,
    },
    // The same, crates/goose/src/providers/anthropic.rs: ANTHROPIC_HOST.
    Shape {
        agent: "goose as a caller of Anthropic",
        path: "/v1/messages",
        headers: &[
            ("anthropic-version", "2023-06-01"),
            ("agent-session-id", "20261121_1"),
        ],
        credential: "x-api-key",
        body: r#"{"model":"claude-sonnet-4-5","messages":[{"role":"user","content":[{"type":"text","text":"Change hello.txt.","cache_control":{"type":"ephemeral"}}]}],"max_tokens":8192,"system":[{"type":"text","text":"You are a general-purpose AI agent called goose.","cache_control":{"type":"ephemeral"}}],"tools":[{"name":"developer__shell","description":"Execute a command in the shell.","input_schema":{"properties":{"command":{"type":"string"}},"required":["command"],"type":"object"},"cache_control":{"type":"ephemeral"}}],"stream":true}"#,
        same: "anthropic-compatible",
        other: "openai-compatible",
        dropped: Some("system.cache_control, messages.content.cache_control, tools.cache_control"),
    },
    // https://zed.dev/docs/ai/use-api-access, crates/open_ai of its source: contents are lists of parts.
    Shape {
        agent: "Zed",
        path: "/v1/chat/completions",
        headers: &[],
        credential: "authorization",
        body: r#"{"model":"agent-model","messages":[{"role":"system","content":[{"type":"text","text":"You are a highly skilled software engineer."}]},{"role":"user","content":[{"type":"text","text":"Change hello.txt."}]},{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"read_file","arguments":"{\"path\":\"hello.txt\"}"}}]},{"role":"tool","content":"hello world","tool_call_id":"call_1"}],"stream":true,"stream_options":{"include_usage":true},"max_completion_tokens":8192,"temperature":1.0,"tool_choice":"auto","tools":[{"type":"function","function":{"name":"read_file","description":"Reads a file.","parameters":{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","properties":{"path":{"type":"string"}},"required":["path"]}}}],"parallel_tool_calls":false}"#,
        same: "openai-compatible",
        other: "anthropic-compatible",
        dropped: None,
    },
    // https://docs.continue.dev: `apiBase` ends in /v1.
    Shape {
        agent: "Continue",
        path: "/v1/chat/completions",
        headers: &[("api-key", "of-the-same-gateway")],
        credential: "authorization",
        body: r#"{"model":"agent-model","max_tokens":4096,"stream":true,"messages":[{"role":"user","content":"Change hello.txt."}],"tools":[{"type":"function","function":{"name":"read_file","description":"Reads a file.","parameters":{"type":"object","required":["filepath"],"properties":{"filepath":{"type":"string"}}}}}],"parallel_tool_calls":false,"stream_options":{"include_usage":true}}"#,
        same: "openai-compatible",
        other: "anthropic-compatible",
        dropped: None,
    },
];

/// Sends it through gw before an upstream of this vendor: the answer, and the bodies that reached the upstream.
fn through(shape: &Shape, vendor: &str) -> (http::Answer, Vec<String>) {
    let mock = Mock::start(Settings::default()).unwrap();
    let gateway = Gateway::start();
    let url = format!("{}/v1", mock.url());
    gateway.provider("up", vendor, &url, "sk-upstream");
    let key = gateway.key_with_route("agent", &["--to", "up", "--retries", "0"]);
    let bearer = format!("Bearer {key}");
    let value = match shape.credential {
        "authorization" => &bearer,
        _ => &key,
    };
    let headers = [
        &[
            ("content-type", "application/json"),
            (shape.credential, value),
        ],
        shape.headers,
    ]
    .concat();
    let address = format!("{}{}", gateway.url, shape.path);
    let answer = http::exchange("POST", &address, &headers, shape.body);
    let bodies = mock.requests().into_iter().map(|request| request.body);
    (answer, bodies.collect())
}

#[test]
fn what_goose_zed_and_continue_send_arrives_as_it_was_sent() {
    for shape in SHAPES {
        let (answer, bodies) = through(shape, shape.same);
        assert_eq!(answer.status, 200, "{}: {answer:?}", shape.agent);
        assert_eq!(bodies, [shape.body], "{}", shape.agent);
    }
}

#[test]
fn what_goose_zed_and_continue_send_is_answered_in_their_format_by_upstreams_of_another() {
    for shape in SHAPES {
        let (answer, bodies) = through(shape, shape.other);
        let agent = shape.agent;
        assert_eq!(answer.status, 200, "{agent}: {answer:?}");
        assert_eq!(answer.header("x-gw-dropped"), shape.dropped, "{agent}");
        let [body] = bodies.as_slice() else {
            panic!("{agent}: {bodies:?}")
        };
        // The tools are there, whatever the format calls them.
        let sent: Value = serde_json::from_str(body).unwrap();
        assert_eq!(sent["tools"].as_array().map(Vec::len), Some(1), "{agent}");
        let last = answer.events().last().copied().unwrap_or_default();
        match shape.path {
            "/v1/messages" => assert_eq!(last, r#"{"type":"message_stop"}"#, "{agent}"),
            _ => assert_eq!(last, "[DONE]", "{agent}"),
        }
    }
}

/// Codex has a long conversation shortened by a request with its history and no tools: a choice among none is refused
/// by every provider.
#[test]
fn codex_has_a_conversation_shortened_on_upstreams_of_every_format() {
    let body = json!({
        "model": "gpt-5.5", "stream": false, "store": false, "tools": [], "tool_choice": "auto",
        "parallel_tool_calls": false, "include": ["reasoning.encrypted_content"], "prompt_cache_key": "c",
        "client_metadata": {"turn_id": "t"},
        "input": [
            {"type": "message", "id": "msg_1", "role": "developer", "content": [{"type": "input_text", "text": "You are Codex."}]},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Change hello.txt."}]},
            {"type": "function_call", "id": "fc_1", "status": "completed", "name": "exec_command", "arguments": "{\"cmd\":\"cat hello.txt\"}", "call_id": "call_1"},
            {"type": "function_call_output", "id": "fco_1", "call_id": "call_1", "output": "hello world"},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "You are performing a CONTEXT CHECKPOINT COMPACTION."}]},
        ],
    });
    for (vendor, base) in [
        ("openai-compatible", "/v1"),
        ("anthropic-compatible", "/v1"),
        ("gemini-compatible", ""),
    ] {
        let mock = Mock::start(Settings::default()).unwrap();
        let gateway = Gateway::start();
        gateway.provider(
            "up",
            vendor,
            &format!("{}{base}", mock.url()),
            "sk-upstream",
        );
        let key = gateway.key_with_route("agent", &["--to", "up/m", "--retries", "0"]);
        let answer = gateway.post("/v1/responses", &key, &body);
        assert_eq!(answer.status, 200, "{vendor}: {answer:?}");
        let sent: Value = serde_json::from_str(&mock.requests()[0].body).unwrap();
        for field in [
            "tools",
            "tool_choice",
            "parallel_tool_calls",
            "toolConfig",
            "client_metadata",
        ] {
            assert_eq!(sent.get(field), None, "{vendor}: {sent}");
        }
    }
}
