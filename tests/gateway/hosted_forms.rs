//! Anthropic's format as clouds host it: each form's callers before each form's upstream, what arrives there, and how
//! streams are framed. The clouds' own clients are in `tests/sdk`.

use crate::harness::{Gateway, http};
use gw::formats::frames::{Frames, Framing};
use gw::mock::{Mock, Settings};
use serde_json::{Value, json};

/// A form: its name, and the vendor and base of a provider that speaks it.
const FORMS: [&str; 3] = [
    "anthropic-messages",
    "anthropic-bedrock",
    "anthropic-vertex",
];

/// Asks as a caller of a form does, for the provider of the same name as the form it speaks.
fn ask(gateway: &Gateway, key: &str, form: &str, upstream: &str, stream: bool) -> http::Answer {
    let mut body = json!({"max_tokens": 20, "messages": [{"role": "user", "content": "hi"}]});
    let model = format!("{upstream}%2Fclaude-x");
    let path = match (form, stream) {
        ("anthropic-messages", _) => {
            body["model"] = json!(format!("{upstream}/claude-x"));
            body["stream"] = json!(stream);
            "/v1/messages".to_owned()
        }
        ("anthropic-bedrock", _) => {
            body["anthropic_version"] = json!("bedrock-2023-05-31");
            body["anthropic_beta"] = json!(["context-1m-2025-08-07"]);
            let how = if stream {
                "invoke-with-response-stream"
            } else {
                "invoke"
            };
            format!("/model/{model}/{how}")
        }
        _ => {
            body["anthropic_version"] = json!("vertex-2023-10-16");
            body["stream"] = json!(stream);
            let how = if stream {
                "streamRawPredict"
            } else {
                "rawPredict"
            };
            format!("/v1/projects/p/locations/eu/publishers/anthropic/models/{model}:{how}")
        }
    };
    let bearer = format!("Bearer {key}");
    let mut headers = vec![("authorization", bearer.as_str())];
    if form != "anthropic-bedrock" {
        headers.push((
            "anthropic-beta",
            "context-1m-2025-08-07,unheard-of-2027-01-01",
        ));
    }
    http::post(&format!("{}{path}", gateway.url), &headers, &body)
}

/// The text of a streamed answer, however it is framed.
fn text(answer: &http::Answer, framing: Framing) -> String {
    let mut frames = Frames::of(framing);
    frames.push(answer.raw.clone().into()).unwrap();
    let (mut text, mut ended) = (String::new(), false);
    while let Some(frame) = frames.next() {
        let Some((_, data)) = frames.read(&frame) else {
            continue;
        };
        let event: Value = serde_json::from_slice(&data).unwrap();
        assert!(!ended || event["type"] == "ping", "{event}");
        text += event
            .pointer("/delta/text")
            .and_then(Value::as_str)
            .unwrap_or_default();
        ended |= event["type"] == "message_stop";
    }
    assert!(ended && frames.waiting() == 0);
    text
}

#[test]
fn every_form_is_served_from_every_form() {
    let mock = Mock::start(Settings::default()).unwrap();
    let gateway = Gateway::start();
    for form in FORMS {
        let base = match form {
            "anthropic-messages" => format!("{}/v1", mock.url()),
            "anthropic-bedrock" => mock.url(),
            _ => format!("{}/v1/projects/mine/locations/us-east5", mock.url()),
        };
        gateway.provider(form, "openai-compatible", &base, "sk-upstream");
        gateway.ok(&["provider", "set", form, "--formats", form]);
    }
    let key = gateway.key("forms");
    gateway.ok(&["key", "set", "forms", "--direct", "*"]);
    for upstream in FORMS {
        for form in FORMS {
            for stream in [false, true] {
                let answer = ask(&gateway, &key, form, upstream, stream);
                let what = format!("{form} <- {upstream}, streamed: {stream}: {answer:?}");
                assert_eq!(answer.status, 200, "{what}");
                let (label, framing) = match (form, stream) {
                    (_, false) => ("application/json", Framing::Events),
                    ("anthropic-bedrock", true) => {
                        ("application/vnd.amazon.eventstream", Framing::Chunks)
                    }
                    _ => ("text/event-stream", Framing::Events),
                };
                assert_eq!(answer.header("content-type"), Some(label), "{what}");
                let said = match stream {
                    true => text(&answer, framing),
                    false => answer.json()["content"][0]["text"]
                        .as_str()
                        .unwrap()
                        .to_owned(),
                };
                assert_eq!(
                    said, "This is gw's mock, not a model. You said: hi",
                    "{what}"
                );
                let dropped = (form != upstream
                    && upstream != "anthropic-messages"
                    && form != "anthropic-bedrock")
                    .then_some("anthropic-beta: unheard-of-2027-01-01");
                assert_eq!(answer.header("x-gw-dropped"), dropped, "{what}");
                let seen = mock.requests().pop().unwrap();
                let body: Value = serde_json::from_str(&seen.body).unwrap();
                let beta = seen.header("anthropic-beta").unwrap_or_default().to_owned();
                let at = |name: &str| body[name].clone();
                let facts = (at("model"), at("anthropic_version"), at("anthropic_beta"));
                match upstream {
                    "anthropic-messages" => {
                        assert_eq!(
                            facts,
                            (json!("claude-x"), Value::Null, Value::Null),
                            "{what}"
                        );
                        assert!(beta.starts_with("context-1m-2025-08-07"), "{what}: {beta}");
                    }
                    "anthropic-bedrock" => {
                        let betas = json!(["context-1m-2025-08-07"]);
                        assert_eq!(
                            facts,
                            (Value::Null, json!("bedrock-2023-05-31"), betas),
                            "{what}"
                        );
                        assert_eq!((beta.as_str(), at("stream")), ("", Value::Null), "{what}");
                    }
                    _ => {
                        assert_eq!(
                            facts,
                            (Value::Null, json!("vertex-2023-10-16"), Value::Null),
                            "{what}"
                        );
                        assert!(beta.starts_with("context-1m-2025-08-07"), "{what}: {beta}");
                        assert_eq!(at("stream").as_bool().unwrap_or_default(), stream, "{what}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_signed_caller_is_told_how_to_call() {
    let gateway = Gateway::start();
    let signed = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261121/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature=ab";
    let url = format!("{}/model/m/invoke", gateway.url);
    let answer = http::post(&url, &[("authorization", signed)], &json!({}));
    assert_eq!(
        (answer.status, answer.header("x-amzn-errortype")),
        (401, Some("AccessDeniedException"))
    );
    assert_eq!(
        answer.json(),
        json!({"message": "requests signed with AWS credentials are not taken here (fix: send the gateway key as a bearer token: AWS's clients take it from `AWS_BEARER_TOKEN_BEDROCK`)"})
    );
}
