//! Every resource kind by the same paths: create, read, list, replace, patch, delete, and what is refused.

use super::doubles::{furnished, gateway};
use gw::resources::KINDS;
use serde_json::{Value, json};
use std::sync::Arc;

#[tokio::test]
async fn every_kind_lives_and_dies_by_the_same_paths() {
    let gateway = furnished().await;
    for (kind, body) in [
        ("user", json!({"email": "a@b.c"})),
        ("key", json!({"user": "ann"})),
        (
            "provider",
            json!({"vendor": "openai", "credential": "env:HOME"}),
        ),
        ("model", json!({"provider": "up", "context_window": 1000})),
        (
            "route",
            json!({"users": ["ann"], "targets": [{"provider": "up", "model": "m"}]}),
        ),
    ] {
        let kind = KINDS.iter().find(|one| one.name == kind).unwrap();
        let all = format!("/{}", kind.plural);
        let (name, one) = if kind.loose_names {
            ("up/a:b@c", format!("{all}/up%2Fa%3Ab%40c"))
        } else {
            ("x", format!("{all}/x"))
        };
        let mut create = body.clone();
        create["name"] = name.into();
        let made = gateway.call("POST", &all, create.clone()).await;
        assert_eq!(
            (made.status, &made.json["result"], &made.json["version"]),
            (201, &json!("created"), &json!(1)),
            "{}",
            made.json
        );
        assert_eq!(made.headers["etag"], "\"1\"");
        let twice = gateway.refused(409, "POST", &all, create).await;
        assert!(
            twice["fix"].as_str().unwrap().starts_with("change it with") || kind.name == "key",
            "{twice}"
        );

        let read = gateway.ok("GET", &one, Value::Null).await;
        for (field, value) in body.as_object().unwrap() {
            if field != "targets" {
                assert_eq!(&read[field], value, "{}", kind.name);
            }
        }
        assert!(
            read.get("system").is_none()
                && read.get("secret").is_none()
                && !read.to_string().contains("digest"),
            "{read}"
        );
        assert!(
            gateway.ok("GET", &all, Value::Null).await["items"]
                .as_array()
                .unwrap()
                .iter()
                .any(|item| item["name"] == name)
        );

        // What is read can be written back and changes nothing.
        let back = gateway.ok("PUT", &one, read.clone()).await;
        assert_eq!(
            (&back["result"], &back["version"]),
            (&json!("unchanged"), &json!(1))
        );
        let patched = gateway
            .ok("PATCH", &one, json!({"labels": {"a": "b"}}))
            .await;
        assert_eq!(
            (&patched["labels"], &patched["version"]),
            (&json!({"a": "b"}), &json!(2))
        );
        let patched = gateway
            .ok("PATCH", &one, json!({"labels": {"a": null, "c": "d"}}))
            .await;
        assert_eq!(patched["labels"], json!({"c": "d"}));
        assert_eq!(
            gateway
                .ok("POST", &format!("{one}/disable"), Value::Null)
                .await["enabled"],
            false
        );
        assert_eq!(
            gateway
                .ok("POST", &format!("{one}/enable"), Value::Null)
                .await["enabled"],
            true
        );
        let unknown = gateway
            .refused(400, "PATCH", &one, json!({"no_such": 1}))
            .await;
        assert!(
            unknown["message"].as_str().unwrap().contains("no_such"),
            "{unknown}"
        );
        gateway
            .refused(400, "PATCH", &one, json!({"name": "other"}))
            .await;

        assert_eq!(
            gateway.ok("DELETE", &one, Value::Null).await["result"],
            "deleted"
        );
        let gone = gateway.refused(404, "GET", &one, Value::Null).await;
        assert!(
            gone["fix"]
                .as_str()
                .unwrap()
                .starts_with(&format!("gw {} create {name}", kind.name)),
            "{gone}"
        );
    }
}

#[tokio::test]
async fn what_only_the_server_writes_cannot_be_sent() {
    let gateway = furnished().await;
    for field in [
        "system",
        "digest",
        "prefix",
        "revoked",
        "last4",
        "allowed_routes",
    ] {
        gateway
            .refused(400, "PATCH", "/keys/ci", json!({field: "x"}))
            .await;
        gateway
            .refused(
                400,
                "POST",
                "/keys",
                json!({"name": "k", "user": "ann", field: ["/*"]}),
            )
            .await;
    }
    for body in [
        json!([]),
        json!("x"),
        json!({"name": 3}),
        json!({}),
        json!({"name": "../x"}),
        json!({"name": "UPPER"}),
    ] {
        gateway.refused(400, "POST", "/users", body).await;
    }
    gateway
        .refused(400, "GET", "/users?no_such=1", Value::Null)
        .await;
    gateway
        .refused(400, "GET", "/users?limit=many", Value::Null)
        .await;
}

#[tokio::test]
async fn if_match_lets_one_of_many_win() {
    let gateway = Arc::new(furnished().await);
    let stale = gateway
        .with(
            "PUT",
            "/api/v1/users/ann",
            &[("if-match", "\"7\"")],
            r#"{"team":"x"}"#,
        )
        .await;
    assert_eq!(
        (stale.status, &stale.json["error"]["code"]),
        (412, &json!("stale"))
    );
    assert_eq!(
        gateway
            .with("PUT", "/api/v1/users/ann", &[("if-match", "seven")], "{}")
            .await
            .status,
        400
    );
    let tasks: Vec<_> = (0..64)
        .map(|n| {
            let gateway = gateway.clone();
            tokio::spawn(async move {
                gateway
                    .with(
                        "PATCH",
                        "/api/v1/users/ann",
                        &[("if-match", "\"1\"")],
                        format!(r#"{{"team":"{n}"}}"#),
                    )
                    .await
                    .status
            })
        })
        .collect();
    let mut won = 0;
    for task in tasks {
        match task.await.unwrap() {
            200 => won += 1,
            status => assert_eq!(status, 412),
        }
    }
    assert_eq!(won, 1);
    assert_eq!(
        gateway.ok("GET", "/users/ann", Value::Null).await["version"],
        2
    );
}

#[tokio::test]
async fn lists_select_and_page() {
    let gateway = gateway().await;
    for n in 0..5 {
        gateway
            .ok(
                "POST",
                "/users",
                json!({"name": format!("u{n}"), "labels": {"even": (n % 2 == 0).to_string()}}),
            )
            .await;
    }
    let names = |value: &Value| {
        value["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let even = gateway
        .ok("GET", "/users?selector=even%3Dtrue", Value::Null)
        .await;
    assert_eq!(
        (names(&even), &even["cursor"]),
        (
            vec!["u0".to_owned(), "u2".into(), "u4".into()],
            &Value::Null
        )
    );
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = gateway
            .ok("GET", &format!("/users?limit=2{cursor}"), Value::Null)
            .await;
        all.extend(names(&page));
        match page["cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(all, ["u0", "u1", "u2", "u3", "u4"]);
    gateway
        .refused(400, "GET", "/users?selector=%3D", Value::Null)
        .await;
    gateway
        .refused(400, "GET", "/users?cursor=%25", Value::Null)
        .await;
}

#[tokio::test]
async fn references_hold() {
    let gateway = furnished().await;
    let missing = gateway
        .refused(
            404,
            "POST",
            "/routes",
            json!({"name": "r", "keys": ["nope"], "targets": [{"provider": "up"}]}),
        )
        .await;
    assert!(
        missing["message"].as_str().unwrap().contains("`nope`")
            && missing["fix"] == "gw key create nope --user USER",
        "{missing}"
    );
    gateway
        .refused(
            404,
            "POST",
            "/routes",
            json!({"name": "r", "keys": ["ci"], "targets": [{"provider": "nope"}]}),
        )
        .await;
    gateway
        .refused(404, "POST", "/keys", json!({"name": "k", "user": "nope"}))
        .await;
    gateway
        .refused(404, "PATCH", "/keys/ci", json!({"user": "nope"}))
        .await;
    for path in ["/users/ann", "/keys/ci", "/providers/up"] {
        let refused = gateway.refused(409, "DELETE", path, Value::Null).await;
        assert!(
            refused["message"].as_str().unwrap().contains("`main`") || path == "/users/ann",
            "{refused}"
        );
        assert!(
            refused["fix"].as_str().unwrap().ends_with("--cascade"),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn cascade_takes_keys_and_bindings_and_says_so_first() {
    let gateway = furnished().await;
    gateway.ok("POST", "/users", json!({"name": "bob"})).await;
    gateway
        .ok(
            "POST",
            "/routes",
            json!({"name": "both", "users": ["ann", "bob"], "targets": [{"provider": "up"}]}),
        )
        .await;
    let dry = gateway
        .ok(
            "DELETE",
            "/users/ann?cascade=true&dry_run=true",
            Value::Null,
        )
        .await;
    // Without cascade it says what the deletion itself would say.
    let dry_refused = gateway
        .refused(409, "DELETE", "/users/ann?dry_run=true", Value::Null)
        .await;
    let mut refused = gateway
        .refused(409, "DELETE", "/users/ann", Value::Null)
        .await;
    refused["request_id"] = dry_refused["request_id"].clone();
    assert_eq!(dry_refused, refused);
    assert_eq!(gateway.names("user"), ["ann", "bob"]);
    let done = gateway
        .ok("DELETE", "/users/ann?cascade=true", Value::Null)
        .await;
    assert_eq!(dry["taken"], done["taken"]);
    let mut taken: Vec<String> = done["taken"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {} {}", one["kind"], one["name"], one["action"]).replace('"', ""))
        .collect();
    taken.sort();
    assert_eq!(
        taken,
        ["key ci deleted", "route both unbound", "route main deleted"]
    );
    assert_eq!(gateway.names("user"), ["bob"]);
    assert!(gateway.names("key").is_empty());
    assert_eq!(
        gateway.ok("GET", "/routes/both", Value::Null).await["users"],
        json!(["bob"])
    );
    // One change, one entry in the audit log.
    let history = gateway.ok("GET", "/history?limit=1", Value::Null).await;
    assert_eq!(
        history["items"][0]["changes"].as_array().unwrap().len(),
        4,
        "{history}"
    );

    gateway
        .ok("POST", "/models", json!({"name": "up/m", "provider": "up"}))
        .await;
    gateway
        .ok("DELETE", "/providers/up?cascade=true", Value::Null)
        .await;
    assert!(gateway.names("model").is_empty() && gateway.names("route").is_empty());
    assert_eq!(gateway.safe.holds("up"), None);
}

#[tokio::test]
async fn a_full_disk_changes_nothing() {
    let gateway = furnished().await;
    let before = gateway.desk.in_force().records.revision;
    gateway
        .book
        .full
        .store(true, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(
        gateway
            .refused(507, "POST", "/users", json!({"name": "x"}))
            .await["code"],
        "storage_full"
    );
    gateway
        .refused(507, "DELETE", "/users/ann?cascade=true", Value::Null)
        .await;
    assert_eq!(
        (
            gateway.names("user"),
            gateway.desk.in_force().records.revision
        ),
        (vec!["ann".to_owned()], before)
    );
    gateway
        .book
        .full
        .store(false, std::sync::atomic::Ordering::SeqCst);
    gateway.ok("POST", "/users", json!({"name": "x"})).await;
}

#[tokio::test]
async fn what_was_acknowledged_is_published_and_found_again() {
    let gateway = furnished().await;
    {
        let seen = gateway.seen.lock().unwrap();
        assert_eq!((seen.revision, seen.records.len()), (4, 4));
    }
    let again = super::doubles::over(gateway.book.clone(), gateway.safe.clone()).await;
    assert_eq!(again.seen.lock().unwrap().revision, 4);
    assert_eq!(again.names("route"), ["main"]);
}

#[tokio::test]
async fn an_idempotency_key_makes_one_record() {
    let gateway = Arc::new(furnished().await);
    let post = |body: &'static str| {
        let gateway = gateway.clone();
        async move {
            gateway
                .with("POST", "/api/v1/keys", &[("idempotency-key", "abc")], body)
                .await
        }
    };
    let (first, second) = tokio::join!(
        post(r#"{"name":"once","user":"ann"}"#),
        post(r#"{"name":"once","user":"ann"}"#)
    );
    assert_eq!((first.status, second.status), (201, 201));
    assert_eq!(first.json["secret"], second.json["secret"]);
    assert_eq!(post(r#"{"name":"other","user":"ann"}"#).await.status, 409);
    // A refusal is not remembered: what is sent again may succeed.
    let late = |body: &'static str| {
        gateway.with("POST", "/api/v1/keys", &[("idempotency-key", "late")], body)
    };
    assert_eq!(late(r#"{"name":"late","user":"zoe"}"#).await.status, 404);
    gateway.ok("POST", "/users", json!({"name": "zoe"})).await;
    assert_eq!(late(r#"{"name":"late","user":"zoe"}"#).await.status, 201);
}

#[tokio::test]
async fn dry_runs_answer_and_change_nothing() {
    let gateway = furnished().await;
    let made = gateway
        .ok(
            "POST",
            "/keys?dry_run=true",
            json!({"name": "k", "user": "ann"}),
        )
        .await;
    assert_eq!(
        (&made["result"], &made["dry_run"], made.get("secret")),
        (&json!("created"), &json!(true), None)
    );
    let patched = gateway
        .ok("PATCH", "/users/ann?dry_run=true", json!({"team": "z"}))
        .await;
    assert_eq!(
        (&patched["result"], &patched["team"]),
        (&json!("configured"), &json!("z"))
    );
    gateway
        .refused(
            404,
            "POST",
            "/keys?dry_run=true",
            json!({"name": "k", "user": "nope"}),
        )
        .await;
    assert_eq!(gateway.names("key"), ["ci"]);
    assert!(
        gateway
            .ok("GET", "/users/ann", Value::Null)
            .await
            .get("team")
            .is_none()
    );
}
