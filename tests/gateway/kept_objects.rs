//! What a provider keeps under the gateway's credential belongs to the key and the target that made it.

use crate::harness::http::{self, Answer};
use crate::kit::{Bench, plan};
use serde_json::{Value, json};

impl Bench {
    /// A request of the key of this name.
    fn ask(&self, key: &str, method: &str, path: &str, body: &Value) -> Answer {
        let auth = format!("Bearer {}", self.secret(key));
        let body = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let headers = [
            ("authorization", auth.as_str()),
            ("content-type", "application/json"),
        ];
        http::exchange(method, &self.url(path), &headers, &body)
    }
}

#[test]
fn what_this_key_did_not_make_is_refused_before_any_upstream_is_asked() {
    let bench = plan()
        .provider(
            "p",
            json!({"vendor": "mock", "base_url": "http://127.0.0.1:9/v1"}),
        )
        .at("kept", &["p/mock"])
        .start();
    for (path, member, id, code) in [
        (
            "/kept/v1/responses",
            "previous_response_id",
            json!("resp_1"),
            "previous_response_not_found",
        ),
        (
            "/kept/v1/responses",
            "conversation",
            json!("conv_1"),
            "conversation_not_found",
        ),
        (
            "/kept/v1/responses",
            "conversation",
            json!({"id": "conv_1"}),
            "conversation_not_found",
        ),
        (
            "/kept/v1/responses/compact",
            "previous_response_id",
            json!("resp_1"),
            "previous_response_not_found",
        ),
        (
            "/kept/v1/responses/input_tokens",
            "conversation",
            json!("conv_1"),
            "conversation_not_found",
        ),
    ] {
        let mut body = json!({"model": "mock", "input": "hi"});
        body[member] = id;
        let answer = bench.ask("k", "POST", path, &body);
        assert_eq!(
            (answer.status, answer.json()),
            (
                400,
                json!({"error": {"message": format!("`{member}` names nothing that was made with this key (fix: send the whole conversation, without `{member}`)"),
                    "type": "invalid_request_error", "param": member, "code": code}})
            ),
            "{path} {body}"
        );
        assert_eq!(bench.row(&answer)["attempts"], json!([]));
    }
    let body = json!({"model": "mock", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}],
        "thread": {"type": "continue", "previous_message_id": "msg_1"}});
    let answer = bench.ask("k", "POST", "/kept/v1/messages", &body);
    assert_eq!(
        (answer.status, answer.json()),
        (
            400,
            json!({"type": "error", "error": {"type": "invalid_request_error",
                "message": "`previous_message_id` names nothing that was made with this key (fix: send the whole conversation, without `previous_message_id`)",
                "details": {"error_code": "thread_not_found"}}})
        )
    );
}
