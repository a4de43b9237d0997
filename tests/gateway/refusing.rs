//! Refused requests: the caller learns nothing of the key it presented, and the log names it.

use crate::harness::{http, until};
use crate::kit::{Bench, chat, plan};
use gw::resources::Stamp;
use serde_json::{Value, json};

/// What a caller with this secret sees of a POST, but for what each answer has its own.
fn post(bench: &Bench, secret: &str) -> (u16, Vec<(String, String)>, String) {
    let mut answer = bench
        .gateway
        .post("/v1/chat/completions", secret, &chat("mock", "hi", false));
    answer
        .headers
        .retain(|(name, _)| !["date", "x-gw-request-id", "x-request-id"].contains(&name.as_str()));
    (answer.status, answer.headers, answer.body)
}

/// A row of the log: key, user, status and what was said.
type Row = (Value, Value, u64, Value);

/// The log's rows, in an order of their own: several are from the same millisecond.
fn rows(bench: &Bench, count: usize) -> Vec<Row> {
    let rows = until("the log has the rows", || {
        let page: Value = bench
            .gateway
            .cli(&["logs", "-n", "100", "-o", "json"])
            .json();
        let rows = page["items"].as_array().unwrap().clone();
        (rows.len() >= count).then_some(rows)
    });
    let row = |row: &Value| {
        (
            row["key"].clone(),
            row["user"].clone(),
            row["status"].as_u64().unwrap(),
            row["error"].clone(),
        )
    };
    ordered(rows.iter().map(row).collect())
}

fn ordered(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort_by_key(|row| format!("{row:?}"));
    rows
}

#[test]
fn the_row_of_a_refused_request_names_the_key_and_the_caller_is_not_told() {
    let bench = plan()
        .item("user", "away", json!({}))
        .key("expired", json!({}))
        .key("disabled", json!({}))
        .key("revoked", json!({}))
        .key("rotated", json!({}))
        .key("deleted", json!({}))
        .key("orphan", json!({"user": "away"}))
        .start();
    for change in [
        &["key", "set", "expired", "--expires", "3s"][..],
        &["key", "disable", "disabled"],
        &["key", "revoke", "revoked", "--yes"],
        &["key", "rotate", "rotated", "--grace", "1s"],
        &["key", "delete", "deleted", "--yes"],
        &["user", "disable", "away"],
    ] {
        bench.gateway.ok(change);
    }
    let unknown = gw::store::token::mint().unwrap().expose().to_owned();
    let told = post(&bench, &unknown);
    assert_eq!(told.0, 401);
    let over = Stamp::now().0 + 3_000;
    until(
        "the key has expired, and the old secret's grace too",
        || (Stamp::now().0 > over).then_some(()),
    );
    let names = [
        "expired", "disabled", "revoked", "rotated", "deleted", "orphan",
    ];
    for name in names {
        assert_eq!(post(&bench, bench.secret(name)), told, "{name}");
    }
    let says = |why: &str| {
        json!(format!(
            "the API key is not valid (fix: check that it is whole and has not been revoked or expired; `gw key get` lists keys){why}"
        ))
    };
    let off = " [the key is revoked or disabled, or its user is]";
    assert_eq!(
        rows(&bench, names.len() + 1),
        ordered(vec![
            (Value::Null, Value::Null, 401, says("")),
            (
                json!("expired"),
                json!("u"),
                401,
                says(" [the key has expired]")
            ),
            (json!("disabled"), json!("u"), 401, says(off)),
            (json!("revoked"), json!("u"), 401, says(off)),
            (
                json!("rotated"),
                json!("u"),
                401,
                says(" [the secret has been replaced]")
            ),
            (Value::Null, Value::Null, 401, says("")),
            (json!("orphan"), json!("away"), 401, says(off)),
        ])
    );
}

#[test]
fn requests_refused_for_something_else_name_the_key_too() {
    let bench = plan()
        .key("other", json!({}))
        .limits("max_body = 1000")
        .start();
    let bearer = format!("Bearer {}", bench.key);
    let url = bench.url("/v1/chat/completions");
    let answer = http::exchange("GET", &url, &[("authorization", &bearer)], "");
    assert_eq!(answer.status, 405);
    let answer = http::exchange("GET", &url, &[], "");
    assert_eq!(answer.status, 405);
    let large = chat("mock", &"x".repeat(2_000), false);
    assert_eq!(bench.post("/v1/chat/completions", &large).status, 413);
    let both = [
        ("x-gw-key", bench.key.as_str()),
        ("x-api-key", bench.secret("other")),
    ];
    assert_eq!(
        http::post(&url, &both, &chat("mock", "hi", false)).status,
        400
    );
    let named: Vec<_> = rows(&bench, 4)
        .into_iter()
        .map(|(key, user, status, _)| (key, user, status))
        .collect();
    assert_eq!(
        named,
        [
            (Value::Null, Value::Null, 405),
            (json!("k"), json!("u"), 400),
            (json!("k"), json!("u"), 405),
            (json!("k"), json!("u"), 413),
        ]
    );
}
