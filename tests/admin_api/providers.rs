//! Providers: managed secrets on their way into the vault, references, and trying them out.

use super::doubles::{Gateway, furnished, gateway};
use gw::store::records::Records;
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn published(gateway: &Gateway, name: &str) -> Result<Option<String>, String> {
    gateway.seen.lock().unwrap().credentials[name]
        .clone()
        .map(|access| access.secret.map(|secret| secret.expose().to_owned()))
}

#[tokio::test]
async fn a_managed_secret_is_in_the_vault_and_nowhere_else() {
    let gateway = furnished().await;
    assert_eq!(gateway.safe.holds("up").as_deref(), Some("sk-upstream"));
    assert_eq!(published(&gateway, "up"), Ok(Some("sk-upstream".into())));
    for path in [
        "/providers",
        "/providers/up",
        "/export",
        "/history",
        "/status",
    ] {
        assert!(
            !gateway
                .ok("GET", path, Value::Null)
                .await
                .to_string()
                .contains("sk-upstream"),
            "{path}"
        );
    }
    assert!(
        !format!("{:?}", gateway.book.state().iter().collect::<Vec<_>>()).contains("sk-upstream")
    );
    let shown = gateway.ok("GET", "/providers/up", Value::Null).await;
    assert_eq!(
        (
            &shown["credential"],
            &shown["status"]["credential"],
            &shown["status"]["credential_detail"]
        ),
        (
            &json!("managed"),
            &json!("managed"),
            &json!("managed (test vault)")
        )
    );
    assert!(
        shown["status"]["base_url"]
            .as_str()
            .unwrap()
            .starts_with("https://"),
        "{shown}"
    );

    // The same again changes nothing; another one does; deleting takes it along.
    let same = gateway
        .ok(
            "PATCH",
            "/providers/up",
            json!({"credential_value": "sk-upstream\n"}),
        )
        .await;
    assert_eq!(same["result"], "unchanged");
    let other = gateway
        .ok(
            "PATCH",
            "/providers/up",
            json!({"credential_value": "sk-other"}),
        )
        .await;
    assert_eq!(other["result"], "configured");
    assert_eq!(published(&gateway, "up"), Ok(Some("sk-other".into())));
    gateway
        .ok(
            "PATCH",
            "/providers/up",
            json!({"credential": "passthrough"}),
        )
        .await;
    assert_eq!(
        (gateway.safe.holds("up"), published(&gateway, "up")),
        (None, Ok(None))
    );
}

#[tokio::test]
async fn a_refused_change_leaves_the_vault_as_it_was() {
    let gateway = furnished().await;
    gateway.book.full.store(true, Ordering::SeqCst);
    gateway
        .refused(
            507,
            "POST",
            "/providers",
            json!({"name": "new", "vendor": "openai", "credential_value": "sk-new"}),
        )
        .await;
    gateway
        .refused(
            507,
            "PATCH",
            "/providers/up",
            json!({"credential_value": "sk-other"}),
        )
        .await;
    assert_eq!(
        (
            gateway.safe.holds("new"),
            gateway.safe.holds("up").as_deref()
        ),
        (None, Some("sk-upstream"))
    );
}

#[tokio::test]
async fn what_the_vault_lost_can_be_given_again() {
    let gateway = furnished().await;
    gateway.safe.clear();
    let again = super::doubles::over(gateway.book.clone(), gateway.safe.clone()).await;
    assert!(published(&again, "up").is_err());
    let shown = again.ok("GET", "/providers/up", Value::Null).await;
    assert!(
        shown["status"]["credential_detail"]
            .as_str()
            .unwrap()
            .contains("not in the vault"),
        "{shown}"
    );
    again
        .ok(
            "PATCH",
            "/providers/up",
            json!({"credential_value": "sk-upstream"}),
        )
        .await;
    assert_eq!(published(&again, "up"), Ok(Some("sk-upstream".into())));
}

#[tokio::test]
async fn a_locked_vault_is_asked_again() {
    let first = furnished().await;
    first.safe.locked.store(true, Ordering::SeqCst);
    let gateway = super::doubles::over(first.book.clone(), first.safe.clone()).await;
    assert!(published(&gateway, "up").unwrap_err().contains("locked"));
    assert!(
        gateway.ok("GET", "/status", Value::Null).await["credentials"]["up"]
            .as_str()
            .unwrap()
            .contains("locked")
    );
    first.safe.locked.store(false, Ordering::SeqCst);
    super::doubles::eventually("the vault is asked again", || {
        published(&gateway, "up").is_ok()
    })
    .await;
    assert_eq!(published(&gateway, "up"), Ok(Some("sk-upstream".into())));
}

#[cfg(unix)]
#[tokio::test]
async fn references_are_read_by_the_server() {
    let gateway = gateway().await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("credential");
    std::fs::write(&file, "sk-in-a-file\n").unwrap();
    let mode = |mode| {
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap()
    };
    mode(0o644);
    let create =
        json!({"name": "f", "vendor": "openai", "credential": format!("file:{}", file.display())});
    let shown = gateway.ok("POST", "/providers", create).await;
    assert!(
        shown["status"]["credential_detail"]
            .as_str()
            .unwrap()
            .contains("chmod 600"),
        "{shown}"
    );
    mode(0o600);
    gateway
        .ok("PATCH", "/providers/f", json!({"display_name": "again"}))
        .await;
    assert_eq!(published(&gateway, "f"), Ok(Some("sk-in-a-file".into())));
    std::fs::write(&file, "sk-changed\n").unwrap();
    gateway.desk.refresh_credentials().await;
    assert_eq!(published(&gateway, "f"), Ok(Some("sk-changed".into())));
    std::fs::remove_file(&file).unwrap();
    gateway.desk.refresh_credentials().await;
    assert_eq!(
        published(&gateway, "f"),
        Ok(Some("sk-changed".into())),
        "what is gone for a moment is not given up"
    );
    gateway
        .ok(
            "POST",
            "/providers",
            json!({"name": "e", "vendor": "openai", "credential": "env:GW_TEST_NOT_SET"}),
        )
        .await;
    assert!(
        published(&gateway, "e")
            .unwrap_err()
            .contains("GW_TEST_NOT_SET")
    );
    gateway
        .ok(
            "POST",
            "/providers",
            json!({"name": "p", "vendor": "openai", "credential": "env:PATH"}),
        )
        .await;
    assert_eq!(
        published(&gateway, "p").unwrap().as_deref(),
        std::env::var("PATH").ok().as_deref()
    );

    let pasted = gateway
        .refused(
            400,
            "POST",
            "/providers",
            json!({"name": "x", "vendor": "openai", "credential": "sk-pasted"}),
        )
        .await;
    assert!(!pasted.to_string().contains("sk-pasted"), "{pasted}");
    gateway
        .refused(
            400,
            "POST",
            "/providers",
            json!({"name": "x", "vendor": "openai", "credential": "managed"}),
        )
        .await;
    gateway.refused(400, "POST", "/providers", json!({"name": "x", "vendor": "openai", "credential": "env:A", "credential_value": "b"})).await;
    gateway
        .refused(
            400,
            "POST",
            "/providers",
            json!({"name": "x", "vendor": "openai", "credential_value": "two\nlines"}),
        )
        .await;
    gateway
        .refused(
            400,
            "POST",
            "/providers",
            json!({"name": "x", "vendor": "no-such"}),
        )
        .await;
    gateway
        .refused(
            400,
            "POST",
            "/providers",
            json!({"name": "x", "vendor": "openai-compatible"}),
        )
        .await;
    gateway
        .refused(
            400,
            "POST",
            "/providers",
            json!({"name": "x", "vendor": "openai", "base_url": "http://169.254.169.254/"}),
        )
        .await;
    let vendors = gateway.ok("GET", "/vendors", Value::Null).await;
    assert!(
        vendors["items"]
            .as_array()
            .unwrap()
            .iter()
            .any(|vendor| vendor["name"] == "openai")
    );
}

/// A server that lists two models to whoever brings `sk-good`, and answers for the first of them.
async fn upstream() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/v1", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut seen = Vec::new();
            while !seen.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if stream.read_exact(&mut byte).await.is_err() {
                    break;
                }
                seen.push(byte[0]);
            }
            let head = String::from_utf8_lossy(&seen).to_ascii_lowercase();
            let length = head
                .split_once("content-length: ")
                .and_then(|(_, rest)| rest.lines().next()?.parse().ok())
                .unwrap_or(0);
            let mut asked = vec![0; length];
            if stream.read_exact(&mut asked).await.is_err() {
                continue;
            }
            let asked: Value = serde_json::from_slice(&asked).unwrap_or_default();
            let (status, body) = match (
                head.contains("bearer sk-good"),
                asked["model"].as_str(),
                &asked["max_completion_tokens"],
            ) {
                (false, ..) => ("401 Unauthorized", "{}"),
                (_, None, _) => ("200 OK", r#"{"data":[{"id":"m1"},{"id":"org/m2"}]}"#),
                (_, Some("m1"), one) if *one == 1 => (
                    "200 OK",
                    r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"length"}]}"#,
                ),
                _ => (
                    "404 Not Found",
                    r#"{"error":{"message":"no such model here"}}"#,
                ),
            };
            let answer = format!(
                "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    base
}

#[tokio::test]
async fn verified_before_it_is_stored() {
    let gateway = gateway().await;
    let base = upstream().await;
    let body = |secret: &str| json!({"name": "up", "vendor": "openai", "base_url": base, "credential_value": secret});
    let refused = gateway
        .refused(400, "POST", "/providers?verify=true", body("sk-bad"))
        .await;
    assert!(
        refused["message"]
            .as_str()
            .unwrap()
            .contains("refused the credential"),
        "{refused}"
    );
    // What is wrong with the record itself is said before anybody is asked.
    let mut nameless = body("sk-bad");
    nameless["name"] = "No Good".into();
    let refused = gateway
        .refused(400, "POST", "/providers?verify=true", nameless)
        .await;
    assert_eq!(refused["message"], "`No Good` is not a provider name");
    let refused = gateway
        .refused(400, "POST", "/providers?verify=true", body("sk-\u{e9}"))
        .await;
    assert_eq!(
        refused["message"],
        "the credential of provider `up` has characters that no header can carry"
    );
    assert!(gateway.names("provider").is_empty() && gateway.safe.holds("up").is_none());
    let made = gateway
        .ok("POST", "/providers?verify=true", body("sk-good"))
        .await;
    assert_eq!(
        (&made["test"]["ok"], &made["test"]["models"]),
        (&json!(true), &json!(["m1", "org/m2"]))
    );

    assert_eq!(
        gateway.ok("POST", "/providers/up/test", Value::Null).await["state"],
        "verified"
    );
    for (model, ok, status, message) in [
        ("m1", true, 200, "ok, the model answered"),
        ("up/m1", true, 200, "ok, the model answered"),
        (
            "m9",
            false,
            404,
            "it answered with HTTP 404: no such model here",
        ),
    ] {
        let tested = gateway
            .ok("POST", "/providers/up/test", json!({"model": model}))
            .await;
        assert_eq!(
            (&tested["ok"], &tested["status"], &tested["message"]),
            (&json!(ok), &json!(status), &json!(message)),
            "{model}"
        );
    }
    let found = gateway
        .ok("POST", "/providers/up/discover?enable=true", Value::Null)
        .await;
    assert_eq!(found["created"], json!(["up/m1", "up/org/m2"]));
    assert_eq!(
        gateway
            .ok("POST", "/providers/up/discover", json!({"enable": true}))
            .await["created"],
        json!([])
    );
    assert_eq!(gateway.names("model"), ["up/m1", "up/org/m2"]);
    assert_eq!(
        gateway.ok("GET", "/providers/up", Value::Null).await["status"]["models"],
        2
    );
    gateway
        .ok(
            "PATCH",
            "/providers/up",
            json!({"credential_value": "sk-bad"}),
        )
        .await;
    let tested = gateway.ok("POST", "/providers/up/test", Value::Null).await;
    assert_eq!(
        (&tested["ok"], &tested["status"]),
        (&json!(false), &json!(401))
    );
    assert!(
        tested["fix"]
            .as_str()
            .unwrap()
            .contains("gw provider rekey up")
            && tested["models"].is_null(),
        "{tested}"
    );
    gateway
        .refused(
            502,
            "POST",
            "/providers/up/discover?enable=true",
            Value::Null,
        )
        .await;
    gateway
        .refused(404, "POST", "/providers/nope/test", Value::Null)
        .await;
}

#[tokio::test]
async fn models_show_what_the_catalogue_knows_under_what_the_record_says() {
    let gateway = furnished().await;
    let known = gateway
        .ok(
            "POST",
            "/models",
            json!({"name": "up/gpt-4o", "provider": "up"}),
        )
        .await;
    assert_eq!(
        (
            &known["status"]["upstream_id"],
            &known["status"]["price_source"]
        ),
        (&json!("gpt-4o"), &json!("catalog")),
        "{known}"
    );
    assert_eq!(
        (
            &known["status"]["price_input"],
            &known["status"]["price_output"]
        ),
        (&json!("2.5"), &json!("10")),
        "{known}"
    );
    let own = gateway
        .ok(
            "PATCH",
            "/models/up%2Fgpt-4o",
            json!({"price_input": "1.25", "context_window": 7}),
        )
        .await;
    assert_eq!(
        (
            &own["status"]["price_input"],
            &own["status"]["price_source"]
        ),
        (&json!("1.25"), &json!("record"))
    );
    assert_eq!(
        (
            &own["status"]["price_output"],
            &own["status"]["context_window"]
        ),
        (&json!("10"), &json!(7))
    );
    let unknown = gateway
        .ok("POST", "/models", json!({"name": "mine", "provider": "up"}))
        .await;
    assert_eq!(
        (
            &unknown["status"]["price_source"],
            unknown["status"].get("price_input")
        ),
        (&json!("unpriced"), None)
    );
}
