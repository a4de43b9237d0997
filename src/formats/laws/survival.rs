//! Nothing a caller or an upstream sends makes a reader panic.

use super::{read_reply, rows};
use crate::formats::Seen;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn readers_survive_anything(body in prop_oneof![any::<String>(), broken()]) {
        for row in rows() {
            _ = row.codec.read_request(body.as_bytes());
            _ = read_reply(row.codec, body.as_bytes());
            let (mut reader, mut out) = (row.codec.reader(), Vec::new());
            for name in ["", "message_delta", "error"] {
                reader.read(name, body.as_bytes(), &mut Seen::default(), &mut out);
            }
            reader.end(&mut out);
            (row.format.observe)("", body.as_bytes(), &mut Seen::default());
            (row.format.observe_reply)(body.as_bytes(), &mut Seen::default());
        }
    }
}

/// Bodies with the right names and the wrong values.
fn broken() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        Just(json!(null)),
        Just(json!([])),
        Just(json!({})),
        Just(json!("x")),
        Just(json!(-1)),
        Just(
            json!([{"type": "text"}, {"type": "tool_use", "input": 3}, {"role": "assistant", "content": [{}]}, 5])
        ),
        Just(
            json!([{"index": 0, "delta": {"tool_calls": [{"index": 9}, {"function": {"arguments": "{"}}], "content": [1]}, "message": {"content": {}}}])
        ),
        Just(
            json!({"type": "tool_use", "content": [], "usage": {"input_tokens": -1}, "delta": {"type": "text_delta"}})
        ),
    ];
    const KEYS: [&str; 16] = [
        "type",
        "messages",
        "content",
        "choices",
        "delta",
        "index",
        "content_block",
        "message",
        "usage",
        "tools",
        "stop",
        "system",
        "error",
        "model",
        "max_tokens",
        "thinking",
    ];
    vec((proptest::sample::select(&KEYS[..]), value), 0..6)
        .prop_map(|members| {
            members
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect::<serde_json::Map<_, _>>()
        })
        .prop_map(|map| serde_json::Value::Object(map).to_string())
}
