//! What callers are told of streams: whole events, no empty blocks, a wanted tool only where one was called.

use crate::harness::http::Answer;
use crate::kit::{Act, Bench, FORMATS, chat, plan, scripted};
use serde_json::{Value, json};

const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

/// A gateway over an upstream that says this once and closes.
fn over(vendor: &str, said: &'static str) -> Bench {
    let (url, _) = scripted(vec![vec![Act::Say(HEAD), Act::Say(said)]]);
    plan()
        .provider("s", json!({"vendor": vendor, "base_url": url}))
        .at("s", &["s/m"])
        .start()
}

fn parsed(answer: &Answer) -> Vec<Value> {
    let events = answer.events().into_iter();
    events
        .filter(|data| *data != "[DONE]")
        .map(|data| serde_json::from_str(data).unwrap_or_else(|_| panic!("not JSON: {answer:?}")))
        .collect()
}

#[test]
fn an_unterminated_last_event_is_ended_before_an_error_event() {
    for end in ["", "\n", "\r\n"] {
        let chunk = r#"data: {"id":"c","choices":[{"index":0,"delta":{"content":"hello"}}]}"#;
        let said: &'static str = Box::leak(format!("{chunk}\n\n{chunk}{end}").into_boxed_str());
        let bench = over("openai-compatible", said);
        let answer = bench.post("/s/v1/chat/completions", &chat("any", "hi", true));
        let (whole, error) = answer.body.split_once("data: {\"error\"").unwrap();
        assert_eq!(whole, format!("{said}\n\n"), "{answer:?}");
        assert!(error.ends_with("\n\n"), "{answer:?}");
        let shown = parsed(&answer);
        assert_eq!(
            (shown.len(), &shown[1]["choices"][0]["delta"]["content"]),
            (3, &json!("hello")),
            "{answer:?}"
        );
    }
}

/// Every choice has finished: what is torn off behind that takes nothing from the reply.
#[test]
fn an_event_torn_off_behind_a_finished_reply_makes_no_failure() {
    const FINISHED: &str = concat!(
        "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hello\"}}]}\n\n",
        "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
        "data: {\"id\":\"c\",\"choices\":[],\"usa"
    );
    for (path, anthropic) in FORMATS {
        let bench = over("openai-compatible", FINISHED);
        let answer = bench.post(&format!("/s{path}"), &chat("any", "hi", true));
        assert!(
            answer.complete && answer.body.contains("hello") && !answer.body.contains("error"),
            "{answer:?}"
        );
        assert_eq!(
            answer.body.matches("message_stop\"").count(),
            usize::from(anthropic)
        );
        assert_eq!(bench.row(&answer)["outcome"], "ok", "{answer:?}");
    }
}

#[test]
fn after_the_end_mark_come_no_pings_and_nobody_waits_for_the_upstream_to_close() {
    const SAID: &str = concat!(
        "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hello\"},\"finish_reason\":\"stop\"}]}\n\n",
        "data: [DONE]\n\n"
    );
    let (url, _) = scripted(vec![vec![Act::Say(HEAD), Act::Say(SAID), Act::Hold]]);
    let bench = plan()
        .limits("ping = '100ms'")
        .provider("s", json!({"vendor": "openai-compatible", "base_url": url}))
        .at_with("s", &["s/m"], json!({"idle_timeout": "1h"}))
        .start();
    let answer = bench.post("/s/v1/chat/completions", &chat("any", "hi", true));
    assert_eq!(answer.body, SAID);
}

/// Services that speak several formats write OpenAI's mark behind the end of each: it belongs to their answer. Nothing else
/// does.
#[test]
fn a_second_end_mark_is_handed_on_in_the_same_format_and_nothing_else_behind_the_end() {
    const SAID: &str = concat!(
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"c\",\"model\":\"m\",\"content\":[],\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\n",
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"hello\"}}\n\n",
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":2}}\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
    );
    const MARK: &str = "event: data\ndata: [DONE]\n\n";
    const MORE: &str = "event: ping\ndata: {\"type\": \"ping\"}\n\n";
    let together: &'static str = Box::leak(format!("{SAID}{MARK}{MORE}").into_boxed_str());
    for acts in [
        vec![Act::Say(HEAD), Act::Say(together)],
        vec![
            Act::Say(HEAD),
            Act::Say(SAID),
            Act::Say(MARK),
            Act::Say(MORE),
        ],
    ] {
        let (url, _) = scripted(vec![acts]);
        let bench = plan()
            .provider(
                "s",
                json!({"vendor": "anthropic-compatible", "base_url": url}),
            )
            .at("s", &["s/m"])
            .start();
        let answer = bench.post("/s/v1/messages", &chat("any", "hi", true));
        assert_eq!(answer.body, format!("{SAID}{MARK}"));
        assert_eq!(bench.row(&answer)["outcome"], "ok", "{answer:?}");
    }
}

#[test]
fn a_call_is_not_preceded_by_empty_text() {
    let bench = over(
        "openai-compatible",
        concat!(
            "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n",
            "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\",\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"null\"}}]}}]}\n\n",
            "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n"
        ),
    );
    let answer = bench.post("/s/v1/messages", &chat("any", "hi", true));
    let kinds: Vec<(String, Value)> = parsed(&answer)
        .into_iter()
        .map(|event| {
            let block = event["content_block"]["type"].clone();
            (event["type"].as_str().unwrap().to_owned(), block)
        })
        .collect();
    let of = |kind: &str, block: Value| (kind.to_owned(), block);
    assert_eq!(
        kinds,
        [
            of("message_start", Value::Null),
            of("content_block_start", json!("tool_use")),
            of("content_block_stop", Value::Null),
            of("message_delta", Value::Null),
            of("message_stop", Value::Null)
        ],
        "{answer:?}"
    );
    let bench = over(
        "anthropic-compatible",
        concat!(
            "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"c\",\"model\":\"m\",\"content\":[],\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\n",
            "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"f\",\"input\":{}}}\n\n",
            "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
            "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\"},\"usage\":{\"output_tokens\":2}}\n\n",
            "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
        ),
    );
    let answer = bench.post("/s/v1/chat/completions", &chat("any", "hi", true));
    let deltas: Vec<Value> = parsed(&answer)
        .into_iter()
        .map(|chunk| chunk["choices"][0]["delta"].clone())
        .collect();
    assert_eq!(
        deltas,
        [
            json!({"role": "assistant", "content": null, "tool_calls": [{"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}]}),
            json!({"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}),
            json!({})
        ],
        "{answer:?}"
    );
}

#[test]
fn a_wanted_tool_is_only_told_where_one_was_called() {
    let bench = over(
        "openai-compatible",
        concat!(
            "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"yes\"}}]}\n\n",
            "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\ndata: [DONE]\n\n"
        ),
    );
    let answer = bench.post("/s/v1/messages", &chat("any", "hi", true));
    let shown = parsed(&answer);
    assert_eq!(
        shown[shown.len() - 2]["delta"]["stop_reason"],
        "end_turn",
        "{answer:?}"
    );
}
