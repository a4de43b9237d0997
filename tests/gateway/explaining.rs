//! `gw route explain` says of a key what a request with it meets.

use super::harness::{Gateway, http, until};
use crate::kit::{Bench, chat, plan};
use serde_json::{Value, json};

/// What a request with this key gets, and what explain says it would get.
fn both(gateway: &Gateway, key: &str, secret: &str) -> (u16, Value) {
    let answer = http::get_with(&format!("{}/v1/models", gateway.url), secret);
    let explained = gateway
        .cli(&["route", "explain", "--key", key, "-m", "m", "-o", "json"])
        .json();
    (answer.status, explained)
}

#[test]
fn a_key_that_is_not_let_in_is_refused_by_explain_with_the_reason_and_what_helps() {
    let gateway = Gateway::start_with(&["--in-memory", "--mock"]);
    let secret = gateway.key_with_route("ci", &["--to", "mock"]);
    let user = gateway.ok(&["key", "get", "ci", "-o", "value=.user"]);
    let user = user.trim();
    let (status, explained) = both(&gateway, "ci", &secret);
    assert_eq!((status, &explained["refused"]), (200, &Value::Null));

    let refused = |why: &str, fix: &str| {
        let (status, explained) = both(&gateway, "ci", &secret);
        assert_eq!(status, 401);
        assert_eq!(explained["refused"]["status"], 401, "{explained}");
        assert_eq!(explained["refused"]["message"], why);
        assert_eq!(explained["refused"]["fix"], fix);
        assert_eq!(explained["attempts"], Value::Null, "{explained}");
    };
    gateway.ok(&["user", "disable", user]);
    refused(
        &format!("user `{user}` of key `ci` is disabled"),
        &format!("gw user enable {user}"),
    );
    gateway.ok(&["user", "enable", user]);
    gateway.ok(&["key", "disable", "ci"]);
    refused("key `ci` is disabled", "gw key enable ci");
    gateway.ok(&["key", "enable", "ci"]);
    gateway.ok(&["key", "set", "ci", "--expires", "1s"]);
    until("the key has expired", || {
        let state = gateway.ok(&["key", "get", "ci", "-o", "value=.status.state"]);
        (state.trim() == "expired").then_some(())
    });
    refused("key `ci` has expired", "gw key set ci --expires 90d");
    gateway.ok(&["key", "set", "ci", "--expires", "90d"]);
    let (status, explained) = both(&gateway, "ci", &secret);
    assert_eq!((status, &explained["refused"]), (200, &Value::Null));
    gateway.ok(&["key", "revoke", "ci", "-y"]);
    refused(
        "key `ci` is revoked, which is final",
        &format!("gw key create ci-2 --user {user}"),
    );
    let shown = gateway.cli(&["route", "explain", "--key", "ci", "-m", "m"]);
    assert!(
        shown.stdout.contains("key `ci` is revoked, which is final"),
        "{}",
        shown.stdout
    );
}

/// What is explained of a request by these flags.
fn explained(bench: &Bench, flags: &[&str]) -> Value {
    let ran = bench
        .gateway
        .ok(&[&["route", "explain", "-o", "json"], flags].concat());
    serde_json::from_str(&ran).unwrap()
}

/// A gateway with a route at `/t` beside the one that key `k` has.
fn bench() -> Bench {
    plan().at("t", &["m/mock", "a/mock"]).start()
}

#[test]
fn a_path_is_enough_to_tell_format_model_and_streaming() {
    let bench = bench();
    let asked = |flags: &[&str]| {
        let told = explained(&bench, &[&["--key", "k"], flags].concat());
        let first = match &told["attempts"][0]["provider"] {
            Value::String(provider) => format!("{provider}/{}", told["attempts"][0]["model"]),
            _ => format!("{}", told["refused"]["status"]),
        };
        (
            told["asked"]["format"].as_str().unwrap().to_owned(),
            told["asked"]["stream"].as_bool().unwrap(),
            first.replace('"', ""),
        )
    };
    for (flags, format, stream, first) in [
        (&["-m", "x"] as &[&str], "openai-chat", false, "m/x"),
        (&["-m", "x", "--stream"], "openai-chat", true, "m/x"),
        (
            &["-m", "x", "--path", "/v1/responses"],
            "openai-responses",
            false,
            "m/x",
        ),
        (
            &["-m", "x", "--path", "/v1/messages"],
            "anthropic-messages",
            false,
            "m/x",
        ),
        (
            &["--path", "/v1beta/models/x:streamGenerateContent"],
            "gemini",
            true,
            "m/x",
        ),
        (
            &["-m", "x", "--path", "/v1/embeddings"],
            "openai-embeddings",
            false,
            "m/x",
        ),
        (
            &["-m", "x", "--path", "/v1/images/generations"],
            "openai-images",
            false,
            "m/x",
        ),
        (
            &["-m", "x", "--path", "/v1/audio/transcriptions"],
            "openai-transcriptions",
            false,
            "m/x",
        ),
        (&["-m", "x", "--format", "rerank"], "rerank", false, "m/x"),
        (&["--path", "/v1/files"], "files", false, "m/"),
        (
            &["--path", "/t/v1/messages"],
            "anthropic-messages",
            false,
            "m/mock",
        ),
        (&["--path", "/t"], "openai-chat", false, "m/mock"),
        (
            &["--data", r#"{"model":"b","input":"x","stream":true}"#],
            "openai-responses",
            true,
            "m/b",
        ),
        (
            &["--path", "/v1/chat/completions", "--data", "{}"],
            "openai-chat",
            false,
            "400",
        ),
        (
            &["--path", "/v1/responses/resp_gone"],
            "openai-responses",
            false,
            "404",
        ),
        (
            &["--path", "/passthrough/m/models"],
            "passthrough",
            false,
            "403",
        ),
    ] {
        assert_eq!(
            asked(flags),
            (format.to_owned(), stream, first.to_owned()),
            "{flags:?}"
        );
    }
    let refused = |flags: &[&str]| {
        let ran = bench
            .gateway
            .cli(&[&["route", "explain", "--key", "k"], flags].concat());
        assert_eq!(
            ran.code,
            Some(if ran.stderr.contains("nothing at") {
                3
            } else {
                2
            })
        );
        ran.stderr.lines().next().unwrap_or_default().to_owned()
    };
    for (flags, why) in [
        (
            &["--path", "/v1/models"] as &[&str],
            "error: no provider is asked at `/v1/models`",
        ),
        (
            &["--path", "/nowhere"],
            "error: there is nothing at `/nowhere`",
        ),
        (
            &["--path", "/v1beta/models/x:generateContent", "-m", "y"],
            "error: the path names the model `x` already",
        ),
        (&["--data", "[]"], "error: the body is not a JSON object"),
        (
            &["-H", "authorization:x"],
            "error: `authorization` cannot be given on the command line, which others can see",
        ),
        (&["--at", "soon"], "error: `soon` is not a time"),
        (
            &["--as-of", "req_0"],
            "error: no request `req_0` in the log",
        ),
    ] {
        assert_eq!(refused(flags), why, "{flags:?}");
    }
}

#[test]
fn a_key_that_expires_is_refused_by_explain_from_then_on() {
    let bench = plan()
        .key("short", json!({"expires": "2090-01-01T00:00:00Z"}))
        .route(
            "s",
            json!({"keys": ["short"], "targets": [{"provider": "m"}]}),
        )
        .start();
    let status = |at: &str| {
        let told = explained(&bench, &["--key", "short", "-m", "x", "--at", at]);
        told["refused"]["status"].clone()
    };
    assert_eq!(status("2089-12-31T23:59:59Z"), Value::Null);
    assert_eq!(status("2090-01-01"), 401);
}

#[test]
fn a_request_that_happened_is_asked_about_again_beside_how_it_went() {
    let bench = plan()
        .at("t", &["m/mock-503", "a/mock"])
        .key("quiet", json!({"log_content": "metadata"}))
        .route(
            "q",
            json!({"keys": ["quiet"], "targets": [{"provider": "m"}]}),
        )
        .start();
    let mut body = chat("any", "as of", true);
    body["tools"] = json!([{"type": "function", "function": {"name": "f"}}]);
    let bearer = format!("Bearer {}", bench.key);
    let headers = [("authorization", bearer.as_str()), ("x-session-id", "s-1")];
    let answer = http::post(&bench.url("/t/v1/chat/completions"), &headers, &body);
    assert_eq!(answer.status, 200, "{answer:?}");
    let id = bench.row(&answer)["id"].as_str().unwrap().to_owned();
    let told = explained(&bench, &["--as-of", &id]);
    assert_eq!(told["key"], "k");
    assert_eq!(told["requested_model"], "any");
    let asked = &told["asked"];
    assert_eq!(
        (
            &asked["format"],
            &asked["path"],
            &asked["stream"],
            &asked["needs"]
        ),
        (
            &json!("openai-chat"),
            &json!("/t/v1/chat/completions"),
            &json!(true),
            &json!(["tools"])
        )
    );
    let mut then = told["as_of"].clone();
    assert!(then["at"].take().is_string());
    assert_eq!(
        then,
        json!({
            "id": id, "at": null, "route": "t", "status": 200, "outcome": "ok",
            "attempts": [
                {"provider": "m", "model": "mock-503", "status": 503, "class": "upstream"},
                {"provider": "a", "model": "mock", "status": 200, "class": "ok"},
            ],
            "unknown": ["its headers, but for session"],
            "differs": [],
        })
    );
    // What has changed since is said.
    bench.gateway.ok(&[
        "route",
        "set",
        "t",
        "--to",
        "a/mock",
        "--to",
        "m/mock-503=0",
    ]);
    assert_eq!(
        explained(&bench, &["--as-of", &id])["as_of"]["differs"],
        json!(["`m/mock-503` was tried, and is left out now: weight is 0"])
    );
    bench.gateway.ok(&["route", "disable", "t"]);
    assert_eq!(
        explained(&bench, &["--as-of", &id, "--path", "/v1/chat/completions"])["as_of"]["differs"],
        json!([
            "route `t` took it, and route `k` would now",
            "`m/mock-503` was tried, and is no target now",
            "`a/mock` was tried, and is no target now"
        ])
    );

    // Of one whose content is not kept it is said what is not known.
    let answer = http::post(
        &bench.url("/v1/messages"),
        &[(
            "authorization",
            &format!("Bearer {}", bench.secret("quiet")),
        )],
        &chat("m/mock", "quiet", false),
    );
    let id = bench.row(&answer)["id"].as_str().unwrap().to_owned();
    let told = explained(&bench, &["--as-of", &id]);
    assert_eq!(
        (
            &told["asked"]["format"],
            &told["requested_model"],
            &told["as_of"]["unknown"]
        ),
        (
            &json!("anthropic-messages"),
            &json!("m/mock"),
            &json!([
                "its headers, which are not kept",
                "its body, which was not kept: what it needed of a model and how long it was"
            ])
        )
    );
    let shown = bench.gateway.ok(&["route", "explain", "--as-of", &id]);
    assert!(
        shown.ends_with("nothing is otherwise now\n") && shown.contains("  1. m/mock: 200 ok\n"),
        "{shown}"
    );
}
