//! `gw route explain` says of a key what a request with it meets.

use super::harness::{Gateway, http, until};
use serde_json::Value;

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
