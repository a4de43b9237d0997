//! Every answer has a request id where its caller's client looks for one: the provider's where it gave one, else gw's.

use crate::harness::http::{self, Answer};
use crate::kit::{Act, chat, plan, scripted};
use serde_json::json;

fn ids(answer: &Answer) -> (Option<&str>, Option<&str>) {
    (answer.header("x-request-id"), answer.header("request-id"))
}

/// An upstream that says this once.
fn says(head: &str, body: &str) -> String {
    let text = format!(
        "HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    scripted(vec![vec![Act::Say(Box::leak(text.into_boxed_str()))]]).0
}

const OPENAI: &str = r#"{"id":"c","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}"#;
const STREAM: &str = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
const ANTHROPIC: &str = r#"{"id":"m","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":1}}"#;

#[test]
fn the_providers_request_id_comes_back_in_the_callers_header() {
    let json = "content-type: application/json\r\n";
    let upstreams = [
        (
            "o",
            "openai-compatible",
            says(&format!("200 OK\r\n{json}x-request-id: req-o"), OPENAI),
        ),
        (
            "s",
            "openai-compatible",
            says(
                "200 OK\r\ncontent-type: text/event-stream\r\nx-request-id: req-s",
                STREAM,
            ),
        ),
        (
            "an",
            "anthropic-compatible",
            says(&format!("200 OK\r\n{json}request-id: req_a"), ANTHROPIC),
        ),
        (
            "ao",
            "anthropic-compatible",
            says(&format!("200 OK\r\n{json}request-id: req_ao"), ANTHROPIC),
        ),
        (
            "oa",
            "openai-compatible",
            says(&format!("200 OK\r\n{json}x-request-id: req-oa"), OPENAI),
        ),
        // Both: the one that the caller's client would have seen.
        (
            "both",
            "openai-compatible",
            says(
                &format!("200 OK\r\n{json}request-id: other\r\nx-request-id: mine"),
                OPENAI,
            ),
        ),
        (
            "e",
            "openai-compatible",
            says(
                &format!("400 Bad Request\r\n{json}x-request-id: req-e"),
                r#"{"error":{"message":"no","type":"invalid_request_error"}}"#,
            ),
        ),
        (
            "ea",
            "anthropic-compatible",
            says(
                &format!("400 Bad Request\r\n{json}request-id: req_ea"),
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"no"}}"#,
            ),
        ),
        (
            "eo",
            "openai-compatible",
            says(
                &format!("400 Bad Request\r\n{json}x-request-id: req-eo"),
                r#"{"error":{"message":"no","type":"invalid_request_error"}}"#,
            ),
        ),
    ];
    let mut plan = plan();
    for (name, vendor, url) in &upstreams {
        plan = plan
            .provider(name, json!({"vendor": vendor, "base_url": url}))
            .at(name, &[&format!("{name}/m")]);
    }
    let bench = plan.start();
    for (route, anthropic, stream, id) in [
        ("o", false, false, "req-o"),
        ("s", false, true, "req-s"),
        ("an", true, false, "req_a"),
        ("ao", false, false, "req_ao"),
        ("oa", true, false, "req-oa"),
        ("both", false, false, "mine"),
        ("e", false, false, "req-e"),
        ("ea", false, false, "req_ea"),
        ("eo", true, false, "req-eo"),
    ] {
        let path = if anthropic {
            "messages"
        } else {
            "chat/completions"
        };
        let answer = bench.post(&format!("/{route}/v1/{path}"), &chat("m", "hello", stream));
        let want = if anthropic {
            (None, Some(id))
        } else {
            (Some(id), None)
        };
        assert_eq!(ids(&answer), want, "{route}: {answer:?}");
        // gw's own stays, for its log.
        assert_eq!(bench.row(&answer)["status"], answer.status);
    }
}

#[test]
fn where_the_provider_gives_no_request_id_gw_gives_its_own_on_every_answer() {
    let quiet = says("200 OK\r\ncontent-type: application/json", OPENAI);
    let refusing = says(
        "400 Bad Request\r\ncontent-type: application/json\r\nx-request-id: \r\n",
        "{}",
    );
    let bench = plan()
        .provider(
            "q",
            json!({"vendor": "openai-compatible", "base_url": quiet}),
        )
        .provider(
            "r",
            json!({"vendor": "openai-compatible", "base_url": refusing}),
        )
        .at("q", &["q/m"])
        .at("r", &["r/m"])
        .start();
    let key = ("authorization", format!("Bearer {}", bench.key));
    let version = ("anthropic-version", "2023-06-01");
    for (method, path, headers, status, anthropic) in [
        (
            "POST",
            "/q/v1/chat/completions",
            &[(key.0, key.1.as_str())] as &[(&str, &str)],
            200,
            false,
        ),
        (
            "POST",
            "/r/v1/chat/completions",
            &[(key.0, key.1.as_str())],
            400,
            false,
        ),
        ("POST", "/v1/chat/completions", &[], 401, false),
        ("POST", "/v1/messages", &[], 401, true),
        ("GET", "/v1/messages", &[], 405, true),
        ("GET", "/v1/chat/completions", &[], 405, false),
        ("GET", "/v1/models", &[(key.0, key.1.as_str())], 200, false),
        (
            "GET",
            "/v1/models",
            &[(key.0, key.1.as_str()), version],
            200,
            true,
        ),
        ("GET", "/v1/models", &[version], 401, true),
        ("GET", "/v1/nothing", &[], 404, false),
        ("GET", "/v1/messages/nothing", &[], 404, true),
        ("GET", "/healthz", &[], 200, false),
    ] {
        let body = match method {
            "POST" => chat("m", "hello", false).to_string(),
            _ => String::new(),
        };
        let answer = http::exchange(method, &bench.url(path), headers, &body);
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        let (id, other) = match anthropic {
            true => (ids(&answer).1, ids(&answer).0),
            false => ids(&answer),
        };
        let id = id.unwrap_or_else(|| panic!("{method} {path}: {answer:?}"));
        assert_eq!(
            (id.len(), &id[..4], other),
            (30, "req_", None),
            "{answer:?}"
        );
        if let Some(own) = answer.header("x-gw-request-id") {
            assert_eq!(id, own);
        }
    }
}
