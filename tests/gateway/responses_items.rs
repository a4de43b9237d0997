//! Items that Codex sends beside messages and calls: what another format has no place for is named.

use crate::harness::http::Answer;
use crate::kit::{Bench, plan};
use serde_json::{Value, json};

fn ask(bench: &Bench, path: &str, items: Value) -> Answer {
    let body = json!({"model": "mock", "store": false, "client_metadata": {"turn_id": "t"}, "input": items});
    bench.post(path, &body)
}

fn bench() -> Bench {
    let plan = plan();
    let url = plan.mock.url().to_owned();
    plan.provider("g", json!({"vendor": "gemini-compatible", "base_url": url}))
        .at("c", &["m/mock"])
        .at("a", &["a/mock"])
        .at("g", &["g/mock"])
        .start()
}

#[test]
fn an_item_that_has_openai_shorten_the_conversation_is_refused_by_its_type() {
    let bench = bench();
    let items = json!([{"role": "user", "content": "hi"}, {"type": "compaction_trigger"}]);
    for path in ["/c/v1/responses", "/a/v1/responses", "/g/v1/responses"] {
        let answer = ask(&bench, path, items.clone());
        let error = answer.json()["error"].clone();
        assert_eq!(
            (answer.status, &error["param"]),
            (400, &json!("input[1].type")),
            "{answer:?}"
        );
    }
    assert!(bench.mock.requests().is_empty());
}

#[test]
fn what_codex_notes_for_itself_is_left_out_and_listed() {
    let bench = bench();
    let noted = json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}],
        "internal_chat_message_metadata_passthrough": {"turn_id": "t"}});
    for path in ["/c/v1/responses", "/a/v1/responses", "/g/v1/responses"] {
        let answer = ask(&bench, path, json!([noted]));
        assert_eq!(answer.status, 200, "{answer:?}");
        let dropped = answer.header("x-gw-dropped").unwrap_or_default();
        for name in [
            "internal_chat_message_metadata_passthrough",
            "client_metadata",
        ] {
            assert!(dropped.contains(name), "{path}: {dropped}");
        }
        let sent = bench.upstream("hi").body;
        assert!(!sent.contains("metadata"), "{sent}");
    }
}
