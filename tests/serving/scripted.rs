//! `gw mock --script`: a file of turns, played to who asks.

use super::harness::{http, until};
use super::home::{Home, Started};
use serde_json::{Value, json};

#[test]
fn a_script_is_played_through_the_command_in_every_format() {
    let home = Home::new();
    let script = "default = 'A title'\n[[conversations]]\nwhen.text = 'mend'\n[[conversations.turns]]\ncalls = [{ name = 'read', arguments = { path = 'a.txt' } }]\n";
    std::fs::write(home.path("task.toml"), script).unwrap();
    let args = [
        "mock",
        "--script",
        "task.toml",
        "--listen",
        "127.0.0.1:0",
        "--ready-file",
        "ready",
    ];
    let _mock = Started::start(&mut home.gw(&args));
    let ready = until("the simulator listens", || {
        let text = std::fs::read_to_string(home.path("ready")).ok()?;
        serde_json::from_str::<Value>(&text).ok()
    });
    let url = ready["url"].as_str().unwrap();
    let ask = |path: &str, body: &Value| http::post(&format!("{url}{path}"), &[], body).json();
    let chat = json!({"model": "m", "messages": [{"role": "user", "content": "Please mend it."}],
        "tools": [{"type": "function", "function": {"name": "read", "parameters": {"type": "object"}}}]});
    let told = &ask("/v1/chat/completions", &chat)["choices"][0]["message"]["tool_calls"][0];
    assert_eq!(
        told["function"],
        json!({"name": "read", "arguments": "{\"path\":\"a.txt\"}"})
    );
    let responses = json!({"model": "m", "input": "Please mend it.", "tools": [{"type": "function", "name": "read"}]});
    let told = &ask("/v1/responses", &responses)["output"][0];
    assert_eq!(
        (&told["type"], &told["arguments"]),
        (&json!("function_call"), &json!("{\"path\":\"a.txt\"}"))
    );
    let messages = json!({"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": "Please mend it."}],
        "tools": [{"name": "read", "input_schema": {"type": "object"}}]});
    assert_eq!(
        ask("/v1/messages", &messages)["content"][0]["input"],
        json!({"path": "a.txt"})
    );
    let gemini = json!({"contents": [{"parts": [{"text": "Please mend it."}]}], "tools": [{"functionDeclarations": [{"name": "read"}]}]});
    let told =
        &ask("/v1beta/models/m:generateContent", &gemini)["candidates"][0]["content"]["parts"][0];
    assert_eq!(
        told["functionCall"],
        json!({"name": "read", "args": {"path": "a.txt"}})
    );
    let aside =
        json!({"model": "m", "messages": [{"role": "user", "content": "A title for: mend it"}]});
    assert_eq!(
        ask("/v1/chat/completions", &aside)["choices"][0]["message"]["content"],
        "A title"
    );
}

#[test]
fn a_file_that_is_no_script_is_named() {
    let home = Home::new();
    std::fs::write(
        home.path("task.json"),
        "{\"conversations\": [{\"turn\": []}]}",
    )
    .unwrap();
    let mut mock = Started::start(&mut home.gw(&["mock", "--script", "task.json"]));
    assert_eq!(mock.ends(), Some(2));
    assert_eq!(
        mock.err(),
        "error: `task.json` is no script: unknown field `turn`, expected `when` or `turns` at line 1 column 26\n  fix: see `gw mock --help`\n"
    );
}
