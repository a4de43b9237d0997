//! Coding agents say which conversation a request is part of: the log keeps it, and finds by it.

use crate::harness::http;
use crate::kit::{chat, plan};
use serde_json::{Value, json};

#[test]
fn the_session_and_agent_a_coding_agent_names_are_kept_in_the_row_and_found_by() {
    let bench = plan().start();
    let bearer = format!("Bearer {}", bench.key);
    let long = "s".repeat(4000);
    let mut rows = Vec::new();
    for (headers, session, agent) in [
        (&[] as &[(&str, &str)], Value::Null, Value::Null),
        // Claude Code.
        (
            &[
                ("x-claude-code-session-id", "c-1"),
                ("x-claude-code-agent-id", "a-1"),
                ("x-claude-code-parent-agent-id", "p-1"),
            ],
            json!("c-1"),
            json!("a-1"),
        ),
        (
            &[("x-claude-code-session-id", "c-1")],
            json!("c-1"),
            Value::Null,
        ),
        // Codex.
        (&[("session-id", "x-1")], json!("x-1"), Value::Null),
        // goose.
        (&[("agent-session-id", "g-1")], json!("g-1"), Value::Null),
        // opencode.
        (
            &[("X-Session-Id", "o-1"), ("x-session-affinity", "o-2")],
            json!("o-1"),
            Value::Null,
        ),
        (&[("x-session-affinity", "o-2")], json!("o-2"), Value::Null),
        // Nothing, and too much.
        (&[("session-id", " ")], Value::Null, Value::Null),
        (
            &[("session-id", &long), ("x-claude-code-agent-id", &long)],
            json!(long[..128]),
            json!(long[..128]),
        ),
    ] {
        let all = [&[("authorization", bearer.as_str())], headers].concat();
        let answer = http::post(
            &bench.url("/v1/chat/completions"),
            &all,
            &chat("mock", "hi", false),
        );
        assert_eq!(answer.status, 200, "{answer:?}");
        let row = bench.row(&answer);
        assert_eq!(
            (&row["session"], &row["agent"]),
            (&session, &agent),
            "{headers:?}: {row}"
        );
        rows.push(row["id"].as_str().unwrap().to_owned());
    }
    let found = |args: &[&str]| -> Vec<String> {
        let page = bench
            .gateway
            .cli(&[&["logs", "-o", "json"], args].concat())
            .json();
        let mut ids: Vec<String> = page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["id"].as_str().unwrap().to_owned())
            .collect();
        ids.sort();
        ids
    };
    assert_eq!(found(&["--session", "c-1"]), rows[1..3]);
    assert_eq!(found(&["--session", "c-1", "--agent", "a-1"]), rows[1..2]);
    assert_eq!(found(&["--session", "x-1"]), rows[3..4]);
    assert_eq!(found(&["--session", "nobody"]), [""; 0]);
}
