//! What Claude Code asks of a gateway, request by request as its gateway guide names them and version 2.1.330 sends them:
//! <https://code.claude.com/docs/en/llm-gateway>. Checked here without the program; `tasks.rs` runs it.

use crate::harness::{Gateway, http};
use gw::mock::{Mock, Script, Settings};
use serde_json::{Value, json};

/// What it sends of its own, beside the credential.
const HEADERS: [(&str, &str); 8] = [
    ("accept", "application/json"),
    (
        "anthropic-beta",
        "claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27,advanced-tool-use-2025-11-20",
    ),
    ("anthropic-dangerous-direct-browser-access", "true"),
    ("anthropic-version", "2023-06-01"),
    ("user-agent", "claude-cli/2.1.330 (external, sdk-cli)"),
    ("x-app", "cli"),
    (
        "x-claude-code-session-id",
        "f1275e2f-c970-415c-96b7-ecc917446af2",
    ),
    ("x-stainless-retry-count", "0"),
];

/// A turn in the middle of a task, in the order of its members and with its marks: lists in `system`, thinking with a
/// signature, a tool that is loaded later, fields of betas.
const BODY: &str = r#"{"model":"claude-sonnet-4-5","messages":[{"role":"user","content":[{"type":"text","text":"<system-reminder>\nToday is a day.\n</system-reminder>\n"},{"type":"text","text":"Change hello.txt."}]},{"role":"assistant","content":[{"type":"thinking","thinking":"","signature":"EpUBCkYIBhgCKkB0aGluaw=="},{"type":"tool_use","id":"toolu_01","name":"Read","input":{"file_path":"/w/hello.txt"}}]},{"role":"user","content":[{"tool_use_id":"toolu_01","type":"tool_result","content":"1\thello world\n","cache_control":{"type":"ephemeral"}}]}],"system":[{"type":"text","text":"x-anthropic-billing-header: cc_version=2.1.330.bb1; cc_entrypoint=sdk-cli;"},{"type":"text","text":"You are an agent.","cache_control":{"type":"ephemeral"}}],"tools":[{"name":"Write","description":"Writes a file.","input_schema":{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{"file_path":{"type":"string"},"content":{"type":"string"}},"required":["file_path","content"],"additionalProperties":false}},{"name":"Read","description":"Reads a file.","input_schema":{"type":"object","properties":{"file_path":{"type":"string"}},"required":["file_path"]}},{"name":"DeferredToolPlaceholder","description":"Never call this tool.","input_schema":{"type":"object","properties":{}},"defer_loading":true}],"metadata":{"user_id":"{\"device_id\":\"7fff\",\"account_uuid\":\"\",\"session_id\":\"f1275e2f\"}"},"max_tokens":32000,"thinking":{"budget_tokens":31999,"type":"enabled","display":"omitted"},"context_management":{"edits":[{"type":"clear_thinking_20251015","keep":"all"}]},"stream":true}"#;

/// A gateway before a simulator that is Anthropic, and a key for it.
fn before(settings: Settings) -> (Gateway, Mock, String) {
    let mock = Mock::start(settings).unwrap();
    let gateway = Gateway::start();
    let url = format!("{}/v1", mock.url());
    gateway.provider("up", "anthropic-compatible", &url, "sk-ant-upstream");
    let key = gateway.key_with_route("agent", &["--to", "up", "--retries", "0"]);
    (gateway, mock, key)
}

fn send(
    gateway: &Gateway,
    method: &str,
    path: &str,
    credentials: &[(&str, &str)],
    body: &str,
) -> http::Answer {
    let kind = [("content-type", "application/json")];
    let headers = [&HEADERS[..], &kind, credentials].concat();
    http::exchange(method, &format!("{}{path}", gateway.url), &headers, body)
}

#[test]
fn a_turn_reaches_anthropic_as_it_was_sent_whichever_header_the_key_is_in() {
    let (gateway, mock, key) = before(Settings::default());
    let bearer = format!("Bearer {key}");
    let (foreign, stale) = ("sk-ant-api03-of-its-own", "Bearer an-old-token");
    for credentials in [
        vec![("authorization", bearer.as_str())],
        vec![("x-api-key", key.as_str())],
        // Its discovery of models sends both, and they may differ: the gateway's own counts.
        vec![("authorization", bearer.as_str()), ("x-api-key", foreign)],
        vec![("authorization", stale), ("x-api-key", key.as_str())],
    ] {
        mock.forget();
        let answer = send(
            &gateway,
            "POST",
            "/v1/messages?beta=true",
            &credentials,
            BODY,
        );
        assert_eq!(answer.status, 200, "{credentials:?}: {answer:?}");
        let seen = mock.requests();
        let [request] = seen.as_slice() else {
            panic!("{seen:?}")
        };
        assert_eq!(request.path, "/v1/messages?beta=true");
        assert_eq!(request.body, BODY);
        let open = |(name, _): &(&str, &str)| name.starts_with("anthropic-");
        for (name, value) in HEADERS.into_iter().filter(|header| open(header)) {
            assert_eq!(request.header(name), Some(value), "{name}");
        }
        // The credential upstream is the provider's, in the one form.
        assert_eq!(
            (request.header("x-api-key"), request.header("authorization")),
            (Some("***"), None)
        );
    }
}

/// Tools of many servers are loaded when it has searched for them: other formats offer all of them at once.
#[test]
fn tools_it_has_searched_for_are_there_on_upstreams_of_another_format() {
    let mock = Mock::start(Settings::default()).unwrap();
    let gateway = Gateway::start();
    let url = format!("{}/v1", mock.url());
    gateway.provider("up", "openai-compatible", &url, "sk-upstream");
    let key = gateway.key_with_route("agent", &["--to", "up", "--retries", "0"]);
    let schema = json!({"type": "object", "properties": {}});
    let body = json!({
        "model": "claude-sonnet-4-5", "max_tokens": 100,
        "tools": [
            {"name": "ToolSearch", "input_schema": schema},
            {"name": "mcp__files__list", "input_schema": schema, "defer_loading": true},
        ],
        "messages": [
            {"role": "user", "content": "List the files."},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_01", "name": "ToolSearch", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_01",
                "content": [{"type": "tool_reference", "tool_name": "mcp__files__list"}]}]},
        ],
    });
    let credential = [("x-api-key", key.as_str())];
    let answer = send(
        &gateway,
        "POST",
        "/v1/messages?beta=true",
        &credential,
        &body.to_string(),
    );
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(
        answer.header("x-gw-dropped"),
        Some("messages.content.tool_reference (adapted), tools.defer_loading")
    );
    let sent: Value = serde_json::from_str(&mock.requests()[0].body).unwrap();
    assert_eq!(sent["tools"][1]["function"]["name"], "mcp__files__list");
    assert_eq!(
        sent["messages"][2],
        json!({"role": "tool", "tool_call_id": "toolu_01", "content": "The tool `mcp__files__list` is there."})
    );
}

#[test]
fn what_it_asks_before_any_turn_is_answered_at_once_and_without_a_redirect() {
    let (gateway, mock, key) = before(Settings::default());
    for path in ["/", "/api/hello"] {
        let answer = send(&gateway, "HEAD", path, &[], "");
        assert_eq!((answer.status, answer.body.as_str()), (404, ""), "{path}");
    }
    let bearer = format!("Bearer {key}");
    let both = [
        ("authorization", bearer.as_str()),
        ("x-api-key", "sk-ant-api03-of-its-own"),
    ];
    gateway.ok(&[
        "model",
        "create",
        "up/claude-sonnet-4-5",
        "--provider",
        "up",
        "--context-window",
        "200000",
    ]);
    let answer = send(&gateway, "GET", "/v1/models?limit=1000", &both, "");
    assert_eq!(answer.status, 200, "{answer:?}");
    let list = answer.json();
    assert_eq!(list["has_more"], false, "{list}");
    let named: Vec<[&Value; 3]> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| [&model["type"], &model["id"], &model["display_name"]])
        .collect();
    let name = json!("claude-sonnet-4-5");
    assert!(named.contains(&[&json!("model"), &name, &name]), "{list}");
    assert_eq!(mock.requests().len(), 0);
}

#[test]
fn an_error_of_anthropic_arrives_in_its_own_words_with_its_own_status() {
    const TOO_LONG: &str = "prompt is too long: 210000 tokens > 200000 maximum";
    let (gateway, mock, key) = before(Settings {
        script: Script {
            status: Some(400),
            message: Some(TOO_LONG.to_owned()),
            ..Script::default()
        },
        ..Settings::default()
    });
    let credential = [("x-api-key", key.as_str())];
    let kind = [("content-type", "application/json")];
    let headers = [&HEADERS[..], &kind].concat();
    let path = "/v1/messages?beta=true";
    let direct = http::exchange("POST", &format!("{}{path}", mock.url()), &headers, BODY);
    let through = send(&gateway, "POST", path, &credential, BODY);
    assert_eq!(through.status, direct.status);
    assert_eq!(through.body, direct.body);
    assert_eq!(through.json()["error"]["message"], TOO_LONG);
}
