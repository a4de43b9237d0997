//! Cohere in and out: every caller reaches it, its callers reach every other format, what a model plans comes back to it,
//! and what ends with an error is a failed attempt, though it comes with 200.

use crate::harness::http::Answer;
use crate::kit::{Act, Bench, chat, plan, scripted};
use serde_json::{Value, json};

const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

/// A stream of a model that planned a call it could not write.
const PLAN: &str = concat!(
    "event: message-start\ndata: {\"id\":\"c\",\"type\":\"message-start\",\"delta\":{\"message\":{\"role\":\"assistant\",\"content\":[],\"tool_plan\":\"\",\"tool_calls\":[],\"citations\":[]}}}\n\n",
    "event: tool-plan-delta\ndata: {\"type\":\"tool-plan-delta\",\"delta\":{\"message\":{\"tool_plan\":\"I will look\"}}}\n\n",
    "event: message-end\ndata: {\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"ERROR\",\"usage\":{},\"error\":\"your request resulted in an invalid tool generation\",\"error_type\":\"INVALID_TOOL_GENERATION\"}}\n\n",
    "data: [DONE]\n\n"
);

fn speaks(url: &str, formats: &[&str]) -> Value {
    json!({"vendor": "openai-compatible", "base_url": url, "formats": formats})
}

fn over_the_simulator() -> Bench {
    let plan = plan();
    let url = format!("{}/v1", plan.mock.url());
    plan.provider("c", speaks(&url, &["cohere-chat", "cohere-embed"]))
        .at("c", &["c/command-a-03-2025"])
        .at("a", &["a/claude-sonnet-4-5"])
        .at("m", &["m/gpt-4o"])
        .at("vectors", &["m/text-embedding-3-small"])
        .start()
}

fn asked(stream: bool) -> Value {
    json!({"model": "any", "stream": stream, "messages": [{"role": "user", "content": "hi"}]})
}

/// What a client of Cohere's makes of a stream: its text, and its last event.
fn told(answer: &Answer) -> (String, Value) {
    let mut events: Vec<Value> = answer
        .events()
        .into_iter()
        .filter(|data| *data != "[DONE]")
        .map(|data| serde_json::from_str(data).unwrap_or_else(|_| panic!("{answer:?}")))
        .collect();
    let text = events
        .iter()
        .filter_map(|event| event["delta"]["message"]["content"]["text"].as_str())
        .collect();
    (text, events.pop().unwrap_or_default())
}

#[test]
fn every_caller_reaches_cohere_and_its_callers_every_format() {
    let bench = over_the_simulator();
    let anthropic =
        json!({"model": "any", "max_tokens": 99, "messages": [{"role": "user", "content": "hi"}]});
    for route in ["c", "a", "m"] {
        let path = format!("/{route}/v1/chat/completions");
        let chats = bench.post(&path, &chat("any", "hi", false));
        let said = chats.json()["choices"][0]["message"]["content"].clone();
        let said = said.as_str().unwrap_or_else(|| panic!("{chats:?}"));
        let messages = bench.post(&format!("/{route}/v1/messages"), &anthropic);
        assert_eq!(messages.json()["content"][0]["text"], *said, "{messages:?}");
        let whole = bench.post(&format!("/{route}/v2/chat"), &asked(false));
        let body = whole.json();
        assert_eq!(
            (
                &body["message"]["content"][0]["text"],
                &body["finish_reason"]
            ),
            (&json!(said), &json!("COMPLETE")),
            "{whole:?}"
        );
        assert!(
            body["usage"]["tokens"]["input_tokens"].as_u64() > Some(0),
            "{whole:?}"
        );
        let stream = bench.post(&format!("/{route}/v2/chat"), &asked(true));
        let (text, last) = told(&stream);
        assert_eq!(text, said, "{stream:?}");
        assert_eq!(last["delta"]["finish_reason"], "COMPLETE", "{stream:?}");
        assert!(stream.body.ends_with("data: [DONE]\n\n"), "{stream:?}");
        let stream = bench.post(&path, &chat("any", "hi", true));
        assert!(stream.body.ends_with("data: [DONE]\n\n"), "{stream:?}");
    }
}

#[test]
fn a_plan_that_comes_to_nothing_is_a_failed_attempt() {
    let acts = || vec![Act::Say(HEAD), Act::Say(PLAN)];
    let (url, _) = scripted((0..4).map(|_| acts()).collect());
    let bench = plan()
        .provider("s", speaks(&url, &["cohere-chat"]))
        .at("two", &["s/command-a-03-2025", "m/gpt-4o"])
        .at("one", &["s/command-a-03-2025"])
        .start();
    let both: [(&str, Value); 2] = [
        ("v2/chat", asked(true)),
        ("v1/chat/completions", chat("any", "hi", true)),
    ];
    for (path, body) in &both {
        let answer = bench.post(&format!("/two/{path}"), body);
        assert_eq!(
            (answer.status, answer.header("x-gw-attempts")),
            (200, Some("2")),
            "{answer:?}"
        );
        assert!(!answer.body.contains("I will look"), "{answer:?}");
    }
    for (path, body) in &both {
        let answer = bench.post(&format!("/one/{path}"), body);
        assert_eq!(answer.status, 502, "{answer:?}");
        assert!(
            answer.body.contains("invalid tool generation"),
            "{answer:?}"
        );
    }
}

#[test]
fn a_plan_comes_back_with_its_calls_and_is_shown_to_nobody() {
    let bench = over_the_simulator();
    let tools = json!([{"type": "function", "function": {"name": "weather", "description": "Tells it", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}]);
    let question = json!({"role": "user", "content": "How is it?"});
    let body =
        json!({"model": "any", "tools": tools, "tool_choice": "required", "messages": [question]});
    let answer = bench.post("/c/v1/chat/completions", &body);
    let message = answer.json()["choices"][0]["message"].clone();
    let call = &message["tool_calls"][0];
    assert_eq!(call["function"]["name"], "weather", "{answer:?}");
    assert!(
        message["content"].is_null() && message["reasoning_content"].is_null(),
        "{answer:?}"
    );
    let result = json!({"role": "tool", "tool_call_id": call["id"], "content": "rain"});
    let body = json!({"model": "any", "tools": tools, "messages": [question, message, result]});
    let again = bench.post("/c/v1/chat/completions", &body);
    assert_eq!(
        (again.status, again.header("x-gw-dropped")),
        (200, None),
        "{again:?}"
    );
    let seen = bench.mock.requests().pop().expect("it was asked");
    let sent: Value = serde_json::from_str(&seen.body).unwrap();
    let turn = &sent["messages"][1];
    assert!(
        turn["tool_plan"]
            .as_str()
            .is_some_and(|plan| !plan.is_empty())
            && turn["tool_calls"][0]["id"] == call["id"],
        "{sent}"
    );
    // To another provider it is not sent, and that is said.
    let other = bench.post("/a/v1/chat/completions", &body);
    assert_eq!(
        (other.status, other.header("x-gw-dropped")),
        (200, Some("messages.reasoning_content")),
        "{other:?}"
    );
}

#[test]
fn embeddings_are_had_of_either_by_callers_of_either() {
    let bench = over_the_simulator();
    let openai = json!({"model": "any", "input": ["one", "two"], "encoding_format": "base64"});
    let cohere = json!({"model": "any", "texts": ["one", "two"], "input_type": "search_query", "embedding_types": ["float", "base64"]});
    for (route, path, body, dropped) in [
        ("vectors", "v1/embeddings", &openai, None),
        ("c", "v1/embeddings", &openai, Some("input_type (adapted)")),
        ("vectors", "v2/embed", &cohere, Some("input_type")),
        ("c", "v2/embed", &cohere, None),
    ] {
        let answer = bench.post(&format!("/{route}/{path}"), body);
        assert_eq!(
            (answer.status, answer.header("x-gw-dropped")),
            (200, dropped),
            "{route} {path}: {answer:?}"
        );
        let given = answer.json();
        let (texts, used) = match path {
            "v1/embeddings" => (
                given["data"].as_array().map(|all| {
                    all.iter()
                        .filter_map(|one| one["embedding"].as_str())
                        .count()
                }),
                &given["usage"]["prompt_tokens"],
            ),
            _ => (
                given["embeddings"]["base64"].as_array().map(Vec::len),
                &given["meta"]["billed_units"]["input_tokens"],
            ),
        };
        assert_eq!(texts, Some(2), "{route} {path}: {answer:?}");
        assert!(used.as_u64() > Some(0), "{route} {path}: {answer:?}");
        let row = bench.row(&answer);
        assert_eq!(row["usage_source"], "reported", "{row}");
    }
    let tokens = bench.post(
        "/c/v1/embeddings",
        &json!({"model": "any", "input": [1, 2]}),
    );
    assert_eq!(
        (tokens.status, &tokens.json()["error"]["param"]),
        (400, &json!("input")),
        "{tokens:?}"
    );
    let rounded = bench.post(
        "/vectors/v2/embed",
        &json!({"model": "any", "texts": ["one"], "input_type": "search_query", "embedding_types": ["int8"]}),
    );
    assert!(
        rounded.status == 400 && rounded.body.contains("int8"),
        "{rounded:?}"
    );
}
