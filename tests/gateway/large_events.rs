//! Events of several megabytes: the last one of a response repeats what it was asked and holds what was made.

use crate::kit::{Act, Bench, plan, scripted};
use serde_json::{Value, json};

const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

/// A response whose first and last events hold three megabytes of instructions.
fn said() -> &'static str {
    let response = |status: &str, output: Value| {
        json!({"id": "resp_1", "object": "response", "created_at": 0, "model": "m", "status": status, "output": output,
            "instructions": "x".repeat(3 << 20), "usage": {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}})
    };
    let item = |text: &str, status: &str| {
        json!({"id": "msg_1", "type": "message", "role": "assistant", "status": status,
            "content": [{"type": "output_text", "text": text, "annotations": []}]})
    };
    let events = [
        json!({"type": "response.created", "sequence_number": 0, "response": response("in_progress", json!([]))}),
        json!({"type": "response.output_item.added", "sequence_number": 1, "output_index": 0,
            "item": {"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress", "content": []}}),
        json!({"type": "response.content_part.added", "sequence_number": 2, "item_id": "msg_1", "output_index": 0,
            "content_index": 0, "part": {"type": "output_text", "text": "", "annotations": []}}),
        json!({"type": "response.output_text.delta", "sequence_number": 3, "item_id": "msg_1", "output_index": 0,
            "content_index": 0, "delta": "Hello"}),
        json!({"type": "response.output_item.done", "sequence_number": 4, "output_index": 0, "item": item("Hello", "completed")}),
        json!({"type": "response.completed", "sequence_number": 5,
            "response": response("completed", json!([item("Hello", "completed")]))}),
    ];
    let events = events.iter().map(|event| {
        format!(
            "event: {}\ndata: {event}\n\n",
            event["type"].as_str().unwrap()
        )
    });
    Box::leak(events.collect::<String>().into_boxed_str())
}

fn over(said: &'static str, limits: &str) -> Bench {
    let acts = || vec![Act::Say(HEAD), Act::Say(said)];
    let (url, _) = scripted((0..4).map(|_| acts()).collect());
    plan()
        .limits(limits)
        .provider(
            "s",
            json!({"vendor": "openai", "formats": ["openai-responses"], "base_url": url}),
        )
        .at("s", &["s/m"])
        .start()
}

fn asked() -> Value {
    json!({"model": "any", "stream": true, "input": "hi"})
}

#[test]
fn an_event_of_three_megabytes_passes_and_is_translated() {
    let said = said();
    let bench = over(said, "");
    let same = bench.post("/s/v1/responses", &asked());
    assert!(same.complete && same.body == said, "{}", same.body.len());
    let row = bench.row(&same);
    assert_eq!(
        (&row["outcome"], &row["usage"]["input"]),
        (&json!("ok"), &json!(3))
    );
    let claude = json!({"model": "any", "max_tokens": 100, "stream": true, "messages": [{"role": "user", "content": "hi"}]});
    let other = bench.post("/s/v1/messages", &claude);
    assert!(
        other.body.contains("\"text\":\"Hello\"") && other.body.contains("message_stop"),
        "{other:?}"
    );
    assert_eq!(bench.row(&other)["outcome"], "ok");
}

#[test]
fn an_event_counts_against_the_bytes_in_flight_while_it_comes() {
    let bench = over(
        said(),
        "max_body = \"1MiB\"\nupstream_max_body = \"1MiB\"\nmax_in_flight_bytes = \"2MiB\"",
    );
    let refused = bench.post("/s/v1/responses", &asked());
    assert_eq!(refused.status, 503, "{refused:?}");
    let hint = "limits.max_in_flight_bytes";
    assert!(refused.body.contains(hint), "{refused:?}");
}
