//! Files and batches belong to the key that had them made and to the provider that made them.

use crate::harness::http::{self, Answer};
use crate::kit::{Bench, plan};
use serde_json::{Value, json};

const FORM: &str = "multipart/form-data; boundary=b";

fn form(text: &str) -> String {
    format!(
        "--b\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"in.jsonl\"\r\nContent-Type: application/jsonl\r\n\r\n{text}\r\n--b--\r\n"
    )
}

impl Bench {
    fn made(&self, key: &str, method: &str, path: &str, kind: &str, body: &str) -> Answer {
        let auth = format!("Bearer {}", self.secret(key));
        let headers = [("authorization", auth.as_str()), ("content-type", kind)];
        http::exchange(method, &self.url(path), &headers, body)
    }

    fn get(&self, key: &str, path: &str) -> Answer {
        self.made(key, "GET", path, "application/json", "")
    }

    fn json(&self, key: &str, path: &str, body: &Value) -> Answer {
        self.made(key, "POST", path, "application/json", &body.to_string())
    }

    fn sent(&self) -> usize {
        self.mock.requests().len()
    }
}

/// Two keys and two providers, the second of which makes files.
fn bench() -> Bench {
    let plan = plan();
    let url = format!("{}/v1", plan.mock.url());
    let mock = || json!({"vendor": "mock", "base_url": url});
    plan.key("l", json!({}))
        .key("direct", json!({"direct": ["*"]}))
        .provider("one", mock())
        .provider("two", mock())
        .at("makes", &["two"])
        .at("prefers", &["one", "two"])
        .start()
}

#[test]
fn a_file_is_its_keys_alone() {
    let bench = bench();
    let line = r#"{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"model":"mock","messages":[{"role":"user","content":"hi"}]}}"#;
    let upload = bench.made("k", "POST", "/makes/v1/files", FORM, &form(line));
    assert_eq!(upload.status, 200, "{upload:?}");
    assert_eq!(upload.header("x-gw-provider"), Some("two"));
    let id = upload.json()["id"].as_str().unwrap().to_owned();
    let at = |what: &str| format!("/v1/files/{id}{what}");

    let before = bench.sent();
    for (method, path) in [
        ("GET", at("")),
        ("GET", at("/content")),
        ("DELETE", at("")),
        ("GET", format!("/prefers{}", at(""))),
    ] {
        let other = bench.made("l", method, &path, "application/json", "");
        assert_eq!(
            (other.status, other.json()),
            (
                404,
                json!({"error": {"message": format!("this key has had no file `{id}` made (fix: ask with the key that had it made)"),
                    "type": "not_found_error", "param": "file_id", "code": "not_found"}})
            ),
            "{method} {path}"
        );
        assert_eq!(bench.row(&other)["status"], 404);
    }
    // Named in a request it is as little there.
    let file = json!({"type": "file", "file": {"file_id": id}});
    let chat = json!({"model": "mock", "messages": [{"role": "user", "content": [file, {"type": "text", "text": "read \"file_id\": \"x\""}]}]});
    let other = bench.json("l", "/prefers/v1/chat/completions", &chat);
    assert_eq!(
        (other.status, other.json()),
        (
            404,
            json!({"error": {"message": "`file_id` names nothing that was made with this key (fix: upload it with this key, and name what it is called then)",
                "type": "invalid_request_error", "param": "file_id", "code": "file_not_found"}})
        )
    );
    let batch = json!({"input_file_id": id, "endpoint": "/v1/chat/completions", "completion_window": "24h"});
    let other = bench.json("l", "/makes/v1/batches", &batch);
    assert_eq!(other.status, 404, "{other:?}");
    assert_eq!(bench.sent(), before);
    // What was put there past the gateway is for whoever can name it.
    let beside = chat.to_string().replace(&id, "file-of-the-operators");
    let beside: Value = serde_json::from_str(&beside).unwrap();
    let answer = bench.json("l", "/prefers/v1/chat/completions", &beside);
    assert_eq!(answer.status, 200, "{answer:?}");

    // Its own key finds it wherever the route would rather go.
    let seen = bench.get("k", &format!("/prefers{}", at("")));
    assert_eq!(
        (seen.status, seen.header("x-gw-provider")),
        (200, Some("two"))
    );
    assert_eq!(seen.json()["id"], json!(id));
    let content = bench.get("k", &at("/content"));
    assert_eq!(
        (content.status, content.body.as_str()),
        (200, line),
        "{content:?}"
    );
    let answer = bench.json("k", "/prefers/v1/chat/completions", &chat);
    assert_eq!(answer.header("x-gw-provider"), Some("two"), "{answer:?}");

    let gone = bench.made("k", "DELETE", &at(""), "application/json", "");
    assert_eq!((gone.status, &gone.json()["deleted"]), (200, &json!(true)));
    assert_eq!(bench.get("k", &at("")).status, 404);
    let row = bench.row(&gone);
    assert_eq!(
        (&row["format"], &row["cost_status"], &row["key"]),
        (
            &json!("files"),
            &bench.row(&seen)["cost_status"],
            &json!("k")
        )
    );
}

#[test]
fn lists_show_what_the_key_has_had_made_and_no_more() {
    let bench = bench();
    let upload = |key: &str| {
        let answer = bench.made(key, "POST", "/makes/v1/files", FORM, &form(key));
        answer.json()["id"].as_str().unwrap().to_owned()
    };
    let mut ours = vec![upload("k")];
    // More of another's than a page has.
    (0..5).for_each(|_| drop(upload("l")));
    ours.push(upload("k"));
    let ids = |answer: &Answer| -> Vec<String> {
        let list = answer.json();
        let data = list["data"]
            .as_array()
            .unwrap_or_else(|| panic!("{answer:?}"));
        data.iter()
            .map(|one| one["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let mut all = ids(&bench.get("k", "/makes/v1/files"));
    all.sort();
    ours.sort();
    assert_eq!(all, ours);
    assert_eq!(ids(&bench.get("l", "/makes/v1/files")).len(), 5);
    let none = bench.made("k", "PUT", "/makes/v1/files", "application/json", "");
    assert_eq!((none.status, none.header("allow")), (405, Some("POST")));
}

#[test]
fn what_comes_of_a_batch_is_its_keys_too() {
    let bench = bench();
    let line = r#"{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"model":"mock","messages":[{"role":"user","content":"hi"}]}}"#;
    let upload = bench.made("k", "POST", "/makes/v1/files", FORM, &form(line));
    let batch = json!({"input_file_id": upload.json()["id"], "endpoint": "/v1/chat/completions", "completion_window": "24h"});
    let made = bench.json("k", "/prefers/v1/batches", &batch);
    assert_eq!(
        (made.status, made.header("x-gw-provider")),
        (200, Some("two")),
        "{made:?}"
    );
    let path = format!("/v1/batches/{}", made.json()["id"].as_str().unwrap());
    assert_eq!(bench.get("l", &path).status, 404);
    let done = bench.get("k", &path).json();
    assert_eq!(done["status"], "completed", "{done}");
    let output = format!(
        "/v1/files/{}/content",
        done["output_file_id"].as_str().unwrap()
    );
    assert_eq!(bench.get("l", &output).status, 404);
    let content = bench.get("k", &output);
    assert_eq!(content.status, 200, "{content:?}");
    let line: Value = serde_json::from_str(content.body.trim()).unwrap();
    assert_eq!(line["custom_id"], "a");
    // Without a route nothing says where files go.
    let nowhere = bench.made("direct", "POST", "/v1/files", FORM, &form("x"));
    assert_eq!(nowhere.status, 400, "{nowhere:?}");
}
