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

/// Two keys and two providers over one simulator, and a route that prefers `one`.
fn two() -> Bench {
    let plan = plan();
    let url = format!("{}/v1", plan.mock.url());
    let mock = || json!({"vendor": "mock", "base_url": url});
    plan.key("l", json!({}))
        .provider("one", mock())
        .provider("two", mock())
        .at("made", &["two/mock"])
        .at("kept", &["one/mock", "two/mock"])
        .at("elsewhere", &["one/mock"])
        .at("other-model", &["two/mock-b"])
        .at("as-asked", &["one", "two"])
        .start()
}

fn said(text: &str, previous: &Value) -> Value {
    json!({"model": "mock", "input": text, "previous_response_id": previous})
}

#[test]
fn an_answer_is_continued_by_its_key_where_it_was_made_though_the_route_prefers_another() {
    let bench = two();
    for stream in [false, true] {
        let mut body = json!({"model": "mock", "input": "first", "stream": stream});
        let answer = bench.ask("k", "POST", "/made/v1/responses", &body);
        assert_eq!(answer.status, 200, "{answer:?}");
        let id = match stream {
            false => answer.json()["id"].clone(),
            true => {
                serde_json::from_str::<Value>(answer.events()[0]).unwrap()["response"]["id"].clone()
            }
        };
        for path in [
            "/kept/v1/responses",
            "/as-asked/v1/responses",
            "/made/v1/responses",
        ] {
            let next = bench.ask("k", "POST", path, &said("next", &id));
            assert_eq!(
                (next.status, next.header("x-gw-provider")),
                (200, Some("two")),
                "{next:?}"
            );
        }
        let before = bench.mock.requests().len();
        let other = bench.ask("l", "POST", "/kept/v1/responses", &said("next", &id));
        assert_eq!(
            (other.status, &other.json()["error"]["code"]),
            (400, &json!("previous_response_not_found")),
            "{other:?}"
        );
        for path in ["/elsewhere/v1/responses", "/other-model/v1/responses"] {
            let refused = bench.ask("k", "POST", path, &said("next", &id));
            assert_eq!(refused.status, 400, "{refused:?}");
            assert_eq!(
                refused.json()["error"]["message"],
                "what `previous_response_id` names is kept by `two/mock`, which this request cannot be sent to now (fix: send the whole conversation, without `previous_response_id`)"
            );
        }
        body["store"] = json!(false);
        let unkept = bench.ask("k", "POST", "/made/v1/responses", &body);
        let id = match stream {
            false => unkept.json()["id"].clone(),
            true => {
                serde_json::from_str::<Value>(unkept.events()[0]).unwrap()["response"]["id"].clone()
            }
        };
        assert!(id.is_string(), "{unkept:?}");
        let next = bench.ask("k", "POST", "/made/v1/responses", &said("next", &id));
        assert_eq!(next.status, 400, "{next:?}");
        // One for what was not kept, and none of those that were refused.
        assert_eq!(bench.mock.requests().len(), before + 1);
    }
}

#[test]
fn what_is_kept_is_shown_cancelled_and_deleted_for_its_key_alone() {
    let bench = two();
    let made = bench.ask(
        "k",
        "POST",
        "/made/v1/responses",
        &json!({"model": "mock", "input": "see me"}),
    );
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let at = |what: &str| format!("/v1/responses/{id}{what}");
    let asked = [
        ("GET", at("")),
        ("GET", at("/input_items?limit=5&key=x")),
        ("POST", at("/cancel")),
        ("DELETE", at("")),
        ("GET", format!("/kept{}", at(""))),
    ];
    let before = bench.mock.requests().len();
    for (method, path) in &asked {
        let other = bench.ask("l", method, path, &Value::Null);
        assert_eq!(
            (other.status, other.json()),
            (
                404,
                json!({"error": {"message": format!("this key has had no response `{id}` made (fix: ask with the key that had it made, for what was not made with `store: false`)"),
                    "type": "not_found_error", "param": "response_id", "code": "not_found"}})
            ),
            "{method} {path}"
        );
        assert_eq!(bench.row(&other)["status"], 404);
    }
    let unknown = bench.ask("k", "GET", "/v1/responses/resp_unknown", &Value::Null);
    assert_eq!(unknown.status, 404, "{unknown:?}");
    let nobody = http::exchange("GET", &bench.url(&at("")), &[], "");
    assert_eq!(nobody.status, 401, "{nobody:?}");
    assert_eq!(bench.mock.requests().len(), before);

    let mut came = Vec::new();
    for (method, path) in &asked {
        let answer = bench.ask("k", method, path, &Value::Null);
        came.push((answer.status, answer.json()));
        if answer.status == 200 {
            assert_eq!(answer.header("x-gw-provider"), Some("two"), "{answer:?}");
            let row = bench.row(&answer);
            assert_eq!(
                (&row["status"], &row["key"], &row["provider"]),
                (&json!(200), &json!("k"), &json!("two"))
            );
        }
    }
    assert_eq!(came[0], (200, made.json()));
    assert_eq!(came[1].0, 200);
    assert_eq!(came[1].1["data"][0]["content"][0]["text"], "see me");
    // The provider's own words: it was no background response.
    assert_eq!(
        (came[2].0, &came[2].1["error"]["message"]),
        (400, &json!("Cannot cancel a synchronous response."))
    );
    assert_eq!((came[3].0, &came[3].1["deleted"]), (200, &json!(true)));
    assert_eq!(came[4].0, 404);
    let sent: Vec<String> = bench.mock.requests()[before..]
        .iter()
        .map(|seen| format!("{} {}", seen.method, seen.path))
        .collect();
    assert_eq!(
        sent,
        [
            format!("GET {}", at("")),
            format!("GET {}", at("/input_items?limit=5")),
            format!("POST {}", at("/cancel")),
            format!("DELETE {}", at("")),
        ]
    );
    let gone = bench.ask("k", "POST", "/made/v1/responses", &said("next", &json!(id)));
    assert_eq!(gone.status, 400, "{gone:?}");
    let wrong = bench.ask("k", "PUT", &at(""), &Value::Null);
    assert_eq!((wrong.status, wrong.header("allow")), (405, Some("GET")));
}
