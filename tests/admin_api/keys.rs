//! Keys: shown once, rotated, revoked for ever, told apart, brought along.

use super::doubles::{Gateway, furnished};
use gw::resources::key::KeySystem;
use gw::store::records::Records;
use serde_json::{Value, json};

const OWN: &str = "sk-Qz7Wm2Xk9Lp4Vr8Tn3Bd6Hs1";

async fn made(gateway: &Gateway, body: Value) -> String {
    gateway.ok("POST", "/keys", body).await["secret"]
        .as_str()
        .unwrap()
        .to_owned()
}

async fn whose(gateway: &Gateway, secret: &str) -> Option<String> {
    let answer = gateway
        .call("POST", "/identify", json!({"secret": secret}))
        .await;
    (answer.status == 200).then(|| answer.json["name"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_secret_is_shown_once_and_kept_nowhere() {
    let gateway = furnished().await;
    let secret = made(&gateway, json!({"name": "k", "user": "ann"})).await;
    assert!(gw::store::token::well_formed(&secret));
    let shown = gateway.ok("GET", "/keys/k", Value::Null).await;
    assert_eq!(
        shown["status"]["prefix"],
        gw::store::token::prefix_of(&secret)
    );
    assert_eq!(
        (&shown["status"]["state"], &shown["status"]["last4"]),
        (&json!("active"), &json!(secret[secret.len() - 4..]))
    );
    for path in ["/keys", "/keys/k", "/export", "/history"] {
        assert!(
            !gateway
                .ok("GET", path, Value::Null)
                .await
                .to_string()
                .contains(&secret),
            "{path}"
        );
    }
    assert!(!format!("{:?}", gateway.book.state().iter().collect::<Vec<_>>()).contains(&secret));
    assert_eq!(whose(&gateway, &secret).await.as_deref(), Some("k"));
    assert_eq!(whose(&gateway, &secret[..20]).await, None);
    assert_eq!(
        gateway.ok("GET", "/keys/ci", Value::Null).await["status"]["routes"],
        json!(["main"])
    );
    assert_eq!(
        gateway.ok("GET", "/users/ann", Value::Null).await["status"]["keys"],
        2
    );
}

#[tokio::test]
async fn rotation_keeps_the_old_secret_for_the_grace_given() {
    let gateway = furnished().await;
    let first = made(&gateway, json!({"name": "k", "user": "ann"})).await;
    let second = gateway
        .ok("POST", "/keys/k/rotate", json!({"grace": "1h"}))
        .await;
    assert_eq!(
        second["status"]["previous_until"].as_array().unwrap().len(),
        1
    );
    let second = second["secret"].as_str().unwrap().to_owned();
    assert!(first != second);
    assert_eq!(
        (
            whose(&gateway, &first).await.as_deref(),
            whose(&gateway, &second).await.as_deref()
        ),
        (Some("k"), Some("k"))
    );
    let third = gateway.ok("POST", "/keys/k/rotate", Value::Null).await["secret"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        (
            whose(&gateway, &first).await,
            whose(&gateway, &second).await
        ),
        (Some("k".to_owned()), None),
        "what an earlier rotation promised still holds; the present one went without grace"
    );
    assert_eq!(whose(&gateway, &third).await.as_deref(), Some("k"));
    gateway
        .refused(400, "POST", "/keys/k/rotate", json!({"grace": "soon"}))
        .await;
    gateway
        .refused(400, "POST", "/keys/k/rotate", json!({"graze": "1h"}))
        .await;
}

#[tokio::test]
async fn rotating_twice_within_the_grace_keeps_every_secret_and_more_is_refused() {
    let gateway = furnished().await;
    let mut secrets = vec![made(&gateway, json!({"name": "k", "user": "ann"})).await];
    for count in 1..=4 {
        let rotated = gateway
            .ok("POST", "/keys/k/rotate", json!({"grace": "1h"}))
            .await;
        assert_eq!(
            rotated["status"]["previous_until"]
                .as_array()
                .unwrap()
                .len(),
            count
        );
        secrets.push(rotated["secret"].as_str().unwrap().to_owned());
    }
    let refused = gateway
        .refused(409, "POST", "/keys/k/rotate", json!({"grace": "1h"}))
        .await;
    assert!(
        refused["fix"].as_str().unwrap().contains("--grace 0s"),
        "{refused}"
    );
    for secret in &secrets {
        assert_eq!(whose(&gateway, secret).await.as_deref(), Some("k"));
    }
    // Two keys never share a secret, be it one that only has its grace left.
    gateway
        .refused(
            409,
            "POST",
            "/keys",
            json!({"name": "k2", "user": "ann", "secret": secrets[1]}),
        )
        .await;
    gateway.ok("POST", "/keys/k/revoke", Value::Null).await;
    for secret in &secrets[..4] {
        assert_eq!(whose(&gateway, secret).await, None);
    }
}

#[tokio::test]
async fn revocation_is_final() {
    let gateway = furnished().await;
    let revoked = gateway.ok("POST", "/keys/ci/revoke", Value::Null).await;
    assert_eq!(
        (&revoked["status"]["state"], &revoked["enabled"]),
        (&json!("revoked"), &json!(false))
    );
    {
        let seen = gateway.seen.lock().unwrap();
        let record = seen
            .records
            .iter()
            .find(|record| record.name == "ci")
            .unwrap();
        let system: KeySystem =
            serde_json::from_value(Value::Object(record.system.clone())).unwrap();
        assert!(
            system.revoked.is_some(),
            "the data plane knows before the answer"
        );
    }
    gateway
        .refused(409, "POST", "/keys/ci/enable", Value::Null)
        .await;
    gateway
        .refused(409, "POST", "/keys/ci/rotate", Value::Null)
        .await;
    gateway
        .refused(409, "PATCH", "/keys/ci", json!({"enabled": true}))
        .await;
    gateway
        .refused(409, "PUT", "/keys/ci", json!({"user": "ann"}))
        .await;
    gateway.ok("POST", "/keys/ci/revoke", Value::Null).await;
    gateway
        .ok("PATCH", "/keys/ci", json!({"labels": {"leaked": "yes"}}))
        .await;
}

#[tokio::test]
async fn a_key_that_exists_says_whether_a_secret_is_its_own() {
    let gateway = furnished().await;
    let secret = made(&gateway, json!({"name": "k", "user": "ann"})).await;
    for (held, matches) in [(secret.as_str(), true), ("sk-gw-other", false)] {
        let answer = gateway
            .ok(
                "POST",
                "/keys",
                json!({"name": "k", "user": "ann", "if_not_exists": true, "secret_check": held}),
            )
            .await;
        assert_eq!(
            (
                &answer["result"],
                &answer["status"]["secret_matches"],
                answer.get("secret")
            ),
            (&json!("unchanged"), &json!(matches), None)
        );
    }
    let exists = gateway
        .refused(409, "POST", "/keys", json!({"name": "k", "user": "ann"}))
        .await;
    assert!(
        exists["fix"].as_str().unwrap().contains("gw key rotate k"),
        "{exists}"
    );
}

#[tokio::test]
async fn brought_along_secrets() {
    let gateway = furnished().await;
    let body = json!({"name": "own", "user": "ann", "secret": OWN});
    let first = gateway.ok("POST", "/keys", body.clone()).await;
    assert!(first.get("secret").is_none(), "{first}");
    assert_eq!(whose(&gateway, OWN).await.as_deref(), Some("own"));
    let taken = gateway
        .refused(
            409,
            "POST",
            "/keys",
            json!({"name": "two", "user": "ann", "secret": OWN}),
        )
        .await;
    assert!(!taken.to_string().contains(OWN));
    let mut again = body.clone();
    again["if_not_exists"] = true.into();
    assert_eq!(
        gateway.ok("POST", "/keys", again.clone()).await["result"],
        "unchanged"
    );
    let other = "sk-Zp3Kd8Wn5Rt1Yv7Cx2Gm9Lb4";
    again["secret"] = other.into();
    gateway.refused(409, "POST", "/keys", again.clone()).await;
    again["replace_secret"] = true.into();
    assert_eq!(
        gateway.ok("POST", "/keys", again).await["result"],
        "configured"
    );
    assert_eq!(
        (
            whose(&gateway, OWN).await,
            whose(&gateway, other).await.as_deref()
        ),
        (None, Some("own"))
    );
    for weak in [
        "hunter2",
        "sk-aaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "sk-gw-notminted",
    ] {
        let refused = gateway
            .refused(
                400,
                "POST",
                "/keys",
                json!({"name": "w", "user": "ann", "secret": weak}),
            )
            .await;
        assert!(!refused.to_string().contains(weak), "{refused}");
    }
    gateway.ok("POST", "/keys", json!({"name": "w", "user": "ann", "secret": "sk-aaaaaaaaaaaaaaaaaaaaaaaaaaaa", "allow_weak": true})).await;
}

#[tokio::test]
async fn states() {
    let gateway = furnished().await;
    gateway
        .ok(
            "POST",
            "/keys",
            json!({"name": "old", "user": "ann", "expires": gw::resources::Stamp(gw::resources::Stamp::now().0 + 300).rfc3339()}),
        )
        .await;
    let begin = std::time::Instant::now();
    while gateway.ok("GET", "/keys/old", Value::Null).await["status"]["state"] != "expired" {
        assert!(begin.elapsed().as_secs() < 30, "it never expires");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(
        gateway.ok("POST", "/keys/ci/disable", Value::Null).await["status"]["state"],
        "disabled"
    );
    assert_eq!(
        gateway.ok("POST", "/keys/ci/enable", Value::Null).await["status"]["state"],
        "active"
    );
    // As callers find it: no key of a user who is turned off is let in.
    for (verb, state) in [("disable", "disabled"), ("enable", "active")] {
        gateway
            .ok("POST", &format!("/users/ann/{verb}"), Value::Null)
            .await;
        assert_eq!(
            gateway.ok("GET", "/keys/ci", Value::Null).await["status"]["state"],
            state
        );
    }
}
