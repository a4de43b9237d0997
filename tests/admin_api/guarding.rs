//! What must be refused whatever the path, and what no input may cause.

use super::doubles::{furnished, gateway, limited, send};
use axum::body::Body;
use axum::http::Request;
use gw::admin::{Door, Limits, paths, router};
use gw::store::secret::Secret;
use proptest::prelude::*;
use serde_json::{Value, json};

#[tokio::test]
async fn every_path_refuses_without_the_token() {
    let gateway = furnished().await;
    let router = router(
        gateway.desk.clone(),
        Door::Token {
            token: Secret::new("right".into()),
            port: Some(4001),
        },
    );
    let revision = gateway.desk.in_force().records.revision;
    let (mut paths, mut open) = (0, 0);
    for (endpoint, _, path) in paths::expanded() {
        let path = path.replace("{name}", "ann");
        for token in [None, Some("Bearer wrong"), Some("Bearer "), Some("right")] {
            let mut request = Request::builder()
                .method(endpoint.method)
                .uri(&path)
                .header("host", "127.0.0.1:4001")
                .header("content-type", "application/json");
            if let Some(token) = token {
                request = request.header("authorization", token);
            }
            let answer = send(&router, request.body(Body::from("{}")).unwrap()).await;
            match path == paths::OPEN {
                true => {
                    assert_eq!(answer.status, 200);
                    open += 1;
                }
                false => assert_eq!(
                    (answer.status, &answer.json["error"]["code"]),
                    (401, &json!("unauthenticated")),
                    "{} {path}",
                    endpoint.method
                ),
            }
            paths += 1;
        }
    }
    assert!(paths > 200 && open == 4, "{paths} {open}");
    // Paths that are not there give nothing away either.
    for path in [
        "/",
        "/api",
        "//api/v1/users",
        "/api/v1/%75sers",
        "/api/v1/users%2f",
        "/healthz/../api/v1/users",
        "/healthz/",
    ] {
        let request = Request::builder()
            .uri(path)
            .header("host", "localhost:4001")
            .body(Body::empty())
            .unwrap();
        assert_eq!(send(&router, request).await.status, 401, "{path}");
    }
    let request = Request::builder()
        .uri("/api/v1/users")
        .header("host", "evil.example")
        .header("authorization", "Bearer right");
    assert_eq!(
        send(&router, request.body(Body::empty()).unwrap())
            .await
            .status,
        421
    );
    let request = Request::builder()
        .uri("/api/v1/users")
        .header("host", "[::1]:4001")
        .header("authorization", "Bearer right");
    assert_eq!(
        send(&router, request.body(Body::empty()).unwrap())
            .await
            .status,
        200
    );
    assert_eq!(gateway.desk.in_force().records.revision, revision);
}

#[tokio::test]
async fn limits_are_those_configured() {
    let gateway = limited(
        Default::default(),
        Default::default(),
        Limits {
            body: 100,
            apply: 100,
            depth: 3,
            connections: 1,
            models: 1,
        },
    )
    .await;
    let large = json!({"model": "m".repeat(100)}).to_string();
    let answer = gateway.with("POST", "/api/v1/explain", &[], large).await;
    assert_eq!(
        (answer.status, &answer.json["error"]["code"]),
        (413, &json!("too_large"))
    );
    let answer = gateway
        .with("POST", "/api/v1/explain", &[], r#"{"a":[[[1]]]}"#)
        .await;
    assert_eq!(
        (answer.status, &answer.json["error"]["message"]),
        (400, &json!("the body is nested deeper than 3 levels"))
    );
    assert_eq!(
        gateway
            .with("POST", "/api/v1/explain", &[], r#"{"a":[[1]]}"#)
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn browsers_are_refused_on_the_socket_too() {
    let gateway = furnished().await;
    for header in [
        ("origin", "http://localhost:4001"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let answer = gateway
            .with("DELETE", "/api/v1/users/ann?cascade=true", &[header], "")
            .await;
        assert_eq!(answer.status, 403);
        assert!(
            !answer
                .headers
                .keys()
                .any(|name| name.as_str().starts_with("access-control"))
        );
    }
    let request = Request::builder()
        .method("POST")
        .uri("/api/v1/users")
        .header("content-type", "text/plain")
        .body(Body::from(r#"{"name":"x"}"#))
        .unwrap();
    assert_eq!(send(&gateway.router, request).await.status, 415);
    assert_eq!(
        gateway
            .with("OPTIONS", "/api/v1/users", &[], "")
            .await
            .status,
        405
    );
    assert_eq!(gateway.names("user"), ["ann"]);
}

#[tokio::test]
async fn sizes_depths_and_panics() {
    let gateway = gateway().await;
    let large = format!(
        r#"{{"name":"x","display_name":"{}"}}"#,
        "x".repeat(1024 * 1024)
    );
    assert_eq!(
        gateway
            .with("POST", "/api/v1/users", &[], large)
            .await
            .status,
        413
    );
    let pieces = futures_util::stream::iter(
        (0..2000).map(|_| Ok::<_, std::io::Error>(bytes::Bytes::from(vec![b' '; 1024]))),
    );
    assert_eq!(
        gateway
            .with("POST", "/api/v1/users", &[], Body::from_stream(pieces))
            .await
            .status,
        413
    );
    let deep = format!(
        r#"{{"name":"x","labels":{}{}}}"#,
        "[".repeat(50_000),
        "]".repeat(50_000)
    );
    assert_eq!(
        gateway
            .with("POST", "/api/v1/users", &[], deep)
            .await
            .status,
        400
    );
    let answer = gateway
        .with("POST", "/api/v1/explain", &[], r#"{"panic":true}"#)
        .await;
    assert_eq!(
        (answer.status, &answer.json["error"]["code"]),
        (500, &json!("internal"))
    );
    assert!(!answer.json.to_string().contains("asked for"));
    gateway
        .ok("POST", "/users", json!({"name": "still-here"}))
        .await;
    assert_eq!(
        gateway.refused(404, "GET", "/nope", Value::Null).await["code"],
        "not_found"
    );
    assert_eq!(
        gateway
            .with("PUT", "/api/v1/status", &[], "{}")
            .await
            .status,
        405
    );
}

#[tokio::test]
async fn what_is_open_to_read() {
    let gateway = furnished().await;
    assert_eq!(
        gateway.with("GET", "/healthz", &[], "").await.json,
        json!({"status": "ok"})
    );
    let document = gateway.with("GET", "/openapi.json", &[], "").await.json;
    for (endpoint, _, path) in paths::expanded() {
        assert!(
            document["paths"][&path][endpoint.method.to_ascii_lowercase()].is_object(),
            "{} {path}",
            endpoint.method
        );
    }
    let status = gateway.ok("GET", "/status", Value::Null).await;
    assert_eq!(
        (&status["revision"], &status["records"]["keys"]),
        (&json!(4), &json!(1))
    );
    let secret = gateway
        .ok("POST", "/keys", json!({"name": "k", "user": "ann"}))
        .await["secret"]
        .clone();
    let explained = gateway
        .ok("POST", "/explain", json!({"model": "m", "secret": secret}))
        .await;
    assert_eq!(explained["asked"], json!({"model": "m", "key": "k"}));
    // A question about a key must not be answered as one about none.
    let refused = gateway
        .refused(400, "POST", "/explain", json!({"model": "m", "secret": 5}))
        .await;
    assert_eq!(refused["message"], "`secret` is not a string");
    let history = gateway.ok("GET", "/history", Value::Null).await;
    assert_eq!(
        (
            &history["items"][0]["who"],
            &history["items"][0]["changes"][0]["name"]
        ),
        (&json!("token"), &json!("k"))
    );
    assert!(!history.to_string().contains("digest"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// Nothing a client sends is answered with "our fault".
    #[test]
    fn no_input_is_an_internal_error(
        at in 0usize..1000,
        name in "[a-z0-9%/.:-]{0,12}",
        query in "[a-z_=&%]{0,20}",
        body in prop_oneof!["\\PC{0,60}", Just(r#"{"name":"x","targets":[{"provider":"up"}],"keys":[1]}"#.to_owned()), Just(r#"{"items":[{"kind":"key","name":"k","secret":7}]}"#.to_owned())],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let gateway = furnished().await;
            let all: Vec<_> = paths::expanded().collect();
            let (endpoint, _, path) = &all[at % all.len()];
            let path = path.replace("{name}", if name.is_empty() { "ann" } else { &name });
            if path.ends_with("/follow") || path.ends_with("/test") || path.ends_with("/discover") {
                return Ok(());
            }
            let Ok(request) = Request::builder().method(endpoint.method).uri(format!("{path}?{query}")).header("content-type", "application/json").body(Body::from(body)) else {
                return Ok(());
            };
            let answer = send(&gateway.router, request).await;
            prop_assert!(answer.status < 500, "{} {path}: {}", endpoint.method, answer.json);
            Ok(())
        })?;
    }
}
