//! What a provider keeps for a key: the key goes on from it across restarts, a stopped gateway's and a killed one's.

use super::harness::{http, until};
use crate::home::{Home, Serving};
use gw::mock::{Mock, Settings};
use serde_json::{Value, json};

fn ok(home: &Home, args: &[&str]) {
    let ran = home.run(args);
    assert_eq!(ran.code, Some(0), "{args:?} {ran:?}");
}

/// A key of `me` with a route to the provider.
fn key(home: &Home, name: &str) -> String {
    let create = ["key", "create", name, "--user", "me", "--output-file", name];
    ok(home, &create);
    ok(
        home,
        &["route", "create", name, "--key", name, "--to", "up/m"],
    );
    let secret = std::fs::read_to_string(home.path("project").join(name)).unwrap();
    secret.trim().to_owned()
}

/// Asks for an answer, going on from another.
fn ask(serving: &Serving, key: &str, before: Option<&str>) -> (u16, Value) {
    let body = json!({"model": "m", "input": "hi", "previous_response_id": before});
    let url = format!("{}/v1/responses", serving.url());
    let answer = http::post(&url, &[("authorization", &format!("Bearer {key}"))], &body);
    let field = if answer.status == 200 {
        "/id"
    } else {
        "/error/code"
    };
    let said = answer.json().pointer(field).cloned();
    (answer.status, said.unwrap_or_default())
}

#[test]
fn what_a_provider_keeps_is_its_keys_across_restarts() {
    let mock = Mock::start(Settings::default()).unwrap();
    let home = Home::new();
    let mut serving = home.serve();
    ok(&home, &["user", "create", "me"]);
    let base = format!("{}/v1", mock.url());
    let create = ["provider", "create", "up", "--vendor", "mock", "--base-url"];
    ok(&home, &[&create[..], &[&base]].concat());
    let (ours, others) = (key(&home, "ours"), key(&home, "others"));
    let (status, id) = ask(&serving, &ours, None);
    let id = id.as_str().unwrap();
    assert_eq!(status, 200);
    let gone = (400, json!("previous_response_not_found"));
    let file = home.path("home").join(".local/share/gw/kept.jsonl");
    until("it is noted", || file.exists().then_some(()));
    let noted = std::fs::read_to_string(&file).unwrap();
    assert!(!noted.contains(id) && !noted.contains("ours"), "{noted}");
    for killed in [false, true] {
        assert_eq!(ask(&serving, &others, Some(id)), gone);
        assert_eq!(ask(&serving, &ours, Some(id)).0, 200);
        if killed {
            serving.kill();
        }
        drop(serving);
        serving = home.serve();
    }
    assert_eq!(ask(&serving, &ours, Some(id)).0, 200);
    // A key of the same name is another key.
    ok(&home, &["key", "delete", "ours", "--cascade", "--yes"]);
    std::fs::remove_file(home.path("project").join("ours")).unwrap();
    let again = key(&home, "ours");
    assert_eq!(ask(&serving, &again, Some(id)), gone);
}
