//! Gemini in and out: every caller reaches it, its callers reach every other format, and a stream is events or one JSON
//! array as each side has it.

use crate::harness::http::Answer;
use crate::kit::{Act, Bench, chat, plan, scripted};
use serde_json::{Value, json};

const EVENTS: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
const JSON: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: application/json; charset=UTF-8\r\nconnection: close\r\n\r\n";
const STREAM: &str = "/v1beta/models/any:streamGenerateContent";

/// An answer as Google streams it: events, and the same as an array.
const AS_EVENTS: &str = concat!(
    "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"Hel\"}],\"role\": \"model\"},\"index\": 0}],\"responseId\": \"r\"}\r\n\r\n",
    "data: {\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"lo\"}],\"role\": \"model\"},\"finishReason\": \"STOP\",\"index\": 0}],",
    "\"usageMetadata\": {\"promptTokenCount\": 3,\"candidatesTokenCount\": 2,\"totalTokenCount\": 5},\"modelVersion\": \"g\",\"responseId\": \"r\"}\r\n\r\n"
);
const AS_ARRAY: &str = concat!(
    "[{\n  \"candidates\": [{\"content\": {\"parts\": [{\"text\": \"Hel\"}],\n\"role\": \"model\"},\"index\": 0}],\"responseId\": \"r\"}\n,\r\n",
    "{\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"lo\"}],\"role\": \"model\"},\"finishReason\": \"STOP\",\"index\": 0}],",
    "\"usageMetadata\": {\"promptTokenCount\": 3,\"candidatesTokenCount\": 2,\"totalTokenCount\": 5},\"modelVersion\": \"g\",\"responseId\": \"r\"}\n]\n"
);

/// A gateway over an upstream that says this, once a connection.
fn over(vendor: &str, head: &'static str, said: &'static str) -> Bench {
    let acts = || vec![Act::Say(head), Act::Say(said)];
    let (url, _) = scripted((0..4).map(|_| acts()).collect());
    let url = url.trim_end_matches("/v1").to_owned();
    plan()
        .provider("s", json!({"vendor": vendor, "base_url": url}))
        .at("s", &["s/m"])
        .start()
}

fn asked() -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": "hi"}]}]})
}

/// The pieces of a stream, however it is framed.
fn pieces(answer: &Answer) -> Vec<Value> {
    match answer.body.starts_with('[') {
        true => serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{answer:?}")),
        false => answer
            .events()
            .into_iter()
            .map(|data| serde_json::from_str(data).unwrap_or_else(|_| panic!("{answer:?}")))
            .collect(),
    }
}

fn text(answer: &Answer) -> String {
    let part = |piece: &Value| piece["candidates"][0]["content"]["parts"][0]["text"].clone();
    let each = pieces(answer);
    each.iter()
        .filter_map(|piece| part(piece).as_str().map(str::to_owned))
        .collect()
}

#[test]
fn a_stream_is_an_array_or_events_as_the_caller_asks_whatever_the_upstream_sends() {
    for (head, said) in [(EVENTS, AS_EVENTS), (JSON, AS_ARRAY)] {
        let bench = over("gemini-compatible", head, said);
        let array = bench.post(&format!("/s{STREAM}"), &asked());
        let events = bench.post(&format!("/s{STREAM}?alt=sse"), &asked());
        assert_eq!(
            [&array, &events].map(|answer| (answer.header("content-type"), text(answer))),
            [
                (Some("application/json"), "Hello".to_owned()),
                (Some("text/event-stream"), "Hello".to_owned())
            ]
        );
        // Bytes of the same framing are the provider's own.
        let same = if head == EVENTS { &events } else { &array };
        assert_eq!(same.body, said);
        let whole: Vec<Value> = serde_json::from_str(AS_ARRAY).unwrap();
        assert_eq!((pieces(&array), pieces(&events)), (whole.clone(), whole));
        assert!(!events.body.contains("[DONE]") && !events.body.contains("event:"));
        for answer in [&array, &events] {
            let row = bench.row(answer);
            assert_eq!(
                (
                    &row["outcome"],
                    &row["usage"]["input"],
                    &row["usage"]["output"]
                ),
                (&json!("ok"), &json!(3), &json!(2)),
                "{row}"
            );
        }
    }
}

/// <https://github.com/nyroway/nyro/pull/182>
#[test]
fn a_plain_answer_on_a_stream_path_is_a_stream_of_one_piece() {
    const PLAIN: &str = "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hello\"}]},\"finishReason\":\"STOP\"}]}";
    let bench = over("gemini-compatible", JSON, PLAIN);
    for path in [format!("/s{STREAM}"), format!("/s{STREAM}?alt=sse")] {
        let answer = bench.post(&path, &asked());
        assert_eq!(
            (pieces(&answer).len(), text(&answer)),
            (1, "Hello".to_owned())
        );
    }
    let answer = bench.post("/s/v1/chat/completions", &chat("any", "hi", true));
    assert!(
        answer.body.contains("Hello") && answer.body.ends_with("data: [DONE]\n\n"),
        "{answer:?}"
    );
}

#[test]
fn a_failure_in_the_middle_is_an_element_of_the_array_and_an_event_of_events() {
    const BROKEN: &str = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hel\"}]},\"index\":0}]}\r\n\r\n";
    const CUT: &str = "[{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hel\"}]},\"index\":0}]}\n,\n{\"cand";
    for (head, said) in [(EVENTS, BROKEN), (JSON, CUT)] {
        let bench = over("gemini-compatible", head, said);
        for path in [format!("/s{STREAM}"), format!("/s{STREAM}?alt=sse")] {
            let answer = bench.post(&path, &asked());
            let shown = pieces(&answer);
            assert_eq!(shown.len(), 2, "{answer:?}");
            assert!(shown[1]["error"]["message"].is_string(), "{answer:?}");
            assert_eq!(bench.row(&answer)["outcome"], "failed_after_commit");
        }
    }
    // Before anything was said it is an answer of its own.
    const REFUSED: &str =
        "[{\"error\":{\"code\":429,\"message\":\"slow down\",\"status\":\"RESOURCE_EXHAUSTED\"}}]";
    let bench = over("gemini-compatible", JSON, REFUSED);
    let answer = bench.post(&format!("/s{STREAM}"), &asked());
    assert_eq!(
        (answer.status, answer.json()["error"]["status"].clone()),
        (429, json!("RESOURCE_EXHAUSTED")),
        "{answer:?}"
    );
}

#[test]
fn every_caller_reaches_gemini_and_its_callers_every_format() {
    let plan = plan();
    let mock = plan.mock.url();
    let bench = plan
        .provider(
            "g",
            json!({"vendor": "gemini-compatible", "base_url": mock}),
        )
        .at("g", &["g/gemini-3-flash"])
        .at("a", &["a/claude-sonnet-4-5"])
        .at("m", &["m/gpt-4o"])
        .start();
    let anthropic =
        json!({"model": "any", "max_tokens": 99, "messages": [{"role": "user", "content": "hi"}]});
    let streamed = |body: &Value| {
        let mut body = body.clone();
        body["stream"] = json!(true);
        body
    };
    for route in ["g", "a", "m"] {
        let chats = bench.post(
            &format!("/{route}/v1/chat/completions"),
            &chat("any", "hi", false),
        );
        let said = chats.json()["choices"][0]["message"]["content"].clone();
        let said = said
            .as_str()
            .unwrap_or_else(|| panic!("{chats:?}"))
            .to_owned();
        let messages = bench.post(&format!("/{route}/v1/messages"), &anthropic);
        assert_eq!(messages.json()["content"][0]["text"], said, "{messages:?}");
        for version in ["v1", "v1beta"] {
            let path = format!("/{route}/{version}/models/any:generateContent");
            let whole = bench.post(&path, &asked());
            let body = whole.json();
            assert_eq!(
                (
                    &body["candidates"][0]["content"]["parts"][0]["text"],
                    &body["candidates"][0]["finishReason"]
                ),
                (&json!(said), &json!("STOP")),
                "{whole:?}"
            );
            assert!(
                body["usageMetadata"]["totalTokenCount"].as_u64() > Some(0),
                "{whole:?}"
            );
        }
        for query in ["", "?alt=sse"] {
            let stream = bench.post(&format!("/{route}{STREAM}{query}"), &asked());
            assert_eq!(text(&stream), said, "{stream:?}");
            let last = pieces(&stream).pop().unwrap_or_default();
            assert_eq!(last["candidates"][0]["finishReason"], "STOP", "{stream:?}");
        }
        let stream = bench.post(
            &format!("/{route}/v1/chat/completions"),
            &chat("any", "hi", true),
        );
        assert!(stream.body.ends_with("data: [DONE]\n\n"), "{stream:?}");
        let stream = bench.post(&format!("/{route}/v1/messages"), &streamed(&anthropic));
        assert!(stream.body.contains("event: message_stop"), "{stream:?}");
    }
}

#[test]
fn googles_models_are_listed_by_the_names_that_requests_have() {
    let (url, _) = scripted(vec![vec![
        Act::Say(JSON),
        Act::Say(
            "{\"models\":[{\"name\":\"models/gemini-3-flash\",\"displayName\":\"Gemini 3 Flash\"}]}",
        ),
    ]]);
    let bench = plan()
        .provider(
            "s",
            json!({"vendor": "gemini-compatible", "base_url": url.trim_end_matches("/v1")}),
        )
        .start();
    let tested = bench.gateway.ok(&["provider", "test", "s", "-o", "json"]);
    assert!(tested.contains("verified"), "{tested}");
}
