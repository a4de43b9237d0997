//! `/passthrough/{provider}/...`: nothing until a route allows it; then what it allows, with the provider's credential and
//! nobody else's, and never outside of the provider's base.

use crate::harness::http::{self, Answer};
use crate::kit::{Bench, CREDENTIAL, plan};
use crate::standin::{StandIn, answer, json as told};
use serde_json::json;

fn bench(up: &StandIn) -> Bench {
    let base = format!("{}/base/v1", up.url);
    plan()
        .provider("up", json!({"vendor": "openai-compatible", "base_url": base, "query": {"api-version": "7"}}))
        .provider("other", json!({"vendor": "openai-compatible", "base_url": base}))
        .key("some", json!({}))
        .route("some", json!({
            "keys": ["some"], "targets": [{"provider": "up"}], "passthrough": ["up"],
            "passthrough_methods": ["GET", "HEAD", "POST", "DELETE"], "passthrough_paths": ["/base/v1/models", "/fine_tuning/"]
        }))
        .at_with("all", &["up"], json!({"passthrough": ["up"], "passthrough_paths": ["/"]}))
        .start()
}

fn ask(
    bench: &Bench,
    key: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let bearer = format!("Bearer {}", bench.secret(key));
    let headers = [&[("authorization", bearer.as_str())], headers].concat();
    http::exchange(method, &bench.url(path), &headers, body)
}

#[test]
fn nothing_goes_through_but_what_a_route_allows() {
    let up = StandIn::start(|_| told(200, "{}"));
    let bench = bench(&up);
    for (key, method, path, status, why) in [
        (
            "k",
            "GET",
            "/passthrough/up/models",
            403,
            "no route of key `k` lets requests through to provider `up`",
        ),
        ("k", "GET", "/all/passthrough/up/anything", 200, ""),
        (
            "k",
            "POST",
            "/all/passthrough/up/anything",
            403,
            "route `all` lets no POST through to `up`",
        ),
        ("some", "GET", "/passthrough/up/models", 200, ""),
        ("some", "GET", "/passthrough/up/base/v1/models/x", 200, ""),
        ("some", "GET", "/passthrough/up/%6dodels/x", 200, ""),
        ("some", "GET", "/passthrough/up/fine_tuning", 200, ""),
        (
            "some",
            "DELETE",
            "/passthrough/up/fine_tuning/jobs/1",
            200,
            "",
        ),
        (
            "some",
            "GET",
            "/passthrough/up/modelsx",
            403,
            "route `some` lets nothing through to `up` at `/modelsx`",
        ),
        (
            "some",
            "GET",
            "/passthrough/up/",
            403,
            "route `some` lets nothing through to `up` at `/`",
        ),
        (
            "some",
            "GET",
            "/passthrough/up/base/v1/base/v1/models",
            403,
            "route `some` lets nothing through to `up` at `/base/v1/models`",
        ),
        (
            "some",
            "PATCH",
            "/passthrough/up/models",
            403,
            "route `some` lets no PATCH through to `up`",
        ),
        (
            "some",
            "GET",
            "/passthrough/other/models",
            403,
            "no route of key `some` lets requests through to provider `other`",
        ),
        (
            "some",
            "GET",
            "/passthrough/unknown/models",
            403,
            "no route of key `some` lets requests through to provider `unknown`",
        ),
        (
            "some",
            "GET",
            "/passthrough/up/models/../files",
            400,
            "the path has a segment of dots",
        ),
        (
            "some",
            "GET",
            "/passthrough/up/models/%2e%2e/files",
            400,
            "the path has a segment of dots",
        ),
        (
            "some",
            "GET",
            "/passthrough/up/models/..%2ffiles",
            400,
            "the path has an encoded slash, a backslash or a control character",
        ),
        (
            "some",
            "GET",
            "/passthrough/up//evil.example/models",
            400,
            "the path has an empty segment",
        ),
        (
            "some",
            "GET",
            "/passthrough/up/models/%252e%252e/files",
            400,
            "the path is encoded twice",
        ),
    ] {
        let got = ask(&bench, key, method, path, &[], "");
        assert_eq!(got.status, status, "{method} {path}: {got:?}");
        if !why.is_empty() {
            let message = got.json()["error"]["message"].as_str().unwrap().to_owned();
            assert!(message.starts_with(why), "{method} {path}: {message}");
            assert!(up.heard().is_empty(), "{method} {path}");
            continue;
        }
        let line = up.take().line;
        let target = line.split(' ').nth(1).unwrap();
        assert!(
            target.starts_with("/base/v1/") && target.ends_with("?api-version=7"),
            "{line}"
        );
    }
    let got = http::get(&bench.url("/passthrough/up/models"));
    assert_eq!(got.status, 401, "{got:?}");
    assert!(up.heard().is_empty());
}

#[test]
fn the_providers_credential_goes_along_and_no_other() {
    let up = StandIn::start(|_| {
        answer(
            201,
            "content-type: application/json\r\nx-request-id: their-9\r\nset-cookie: a=b\r\nlocation: https://evil.example\r\netag: \"1\"\r\n",
            b"[1, 2]",
        )
    });
    let bench = bench(&up);
    let own = [
        ("x-gw-key", bench.secret("some")),
        ("cookie", "session=1"),
        ("x-forwarded-for", "1.2.3.4"),
        ("openai-organization", "org-1"),
        ("openai-beta", "assistants=v2"),
        ("connection", "x-hop"),
        ("x-hop", "1"),
        ("accept", "application/json"),
        ("content-type", "application/x-thing"),
        ("idempotency-key", "i-1"),
    ];
    let key = bench.secret("some");
    let query =
        format!("limit=2&key={key}&api_key=a&Access-Token=b&token=c&api-version=9&q=a%20b%26c");
    let got = ask(
        &bench,
        "some",
        "POST",
        &format!("/passthrough/up/fine_tuning/jobs?{query}"),
        &own,
        "bytes \u{1}",
    );
    assert_eq!((got.status, got.body.as_str()), (201, "[1, 2]"), "{got:?}");
    let shown = [
        "content-type",
        "content-length",
        "x-request-id",
        "etag",
        "set-cookie",
        "location",
    ]
    .map(|name| got.header(name));
    assert_eq!(
        shown,
        [
            Some("application/json"),
            Some("6"),
            Some("their-9"),
            Some("\"1\""),
            None,
            None
        ]
    );
    let heard = up.take();
    assert_eq!(
        heard.line,
        "POST /base/v1/fine_tuning/jobs?limit=2&q=a+b%26c&api-version=7 HTTP/1.1"
    );
    assert_eq!(heard.text(), "bytes \u{1}");
    let mut names: Vec<&str> = heard
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "accept",
            "accept-encoding",
            "authorization",
            "content-length",
            "content-type",
            "host",
            "idempotency-key",
            "openai-beta",
            "user-agent",
            "via"
        ]
    );
    assert_eq!(
        heard.header("authorization"),
        Some(format!("Bearer {CREDENTIAL}").as_str())
    );
    assert_eq!(
        (heard.header("accept"), heard.header("content-type")),
        (Some("application/json"), Some("application/x-thing"))
    );
    let row = bench.row(&got);
    assert_eq!(
        [
            &row["format"],
            &row["route"],
            &row["provider"],
            &row["model"],
            &row["status"],
            &row["usage_source"]
        ],
        [
            &json!("passthrough"),
            &json!("some"),
            &json!("up"),
            &json!(null),
            &json!(201),
            &json!("none")
        ]
    );
}

#[test]
fn answers_of_any_kind_come_back() {
    let up = StandIn::start(|heard| {
        match heard.line.split(' ').next().unwrap() {
        "DELETE" => b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n".to_vec(),
        "HEAD" => b"HTTP/1.1 200 OK\r\ncontent-type: video/mp4\r\ncontent-length: 77\r\nconnection: close\r\n\r\n".to_vec(),
        _ if heard.header("range").is_some() => answer(206, "content-type: audio/wav\r\ncontent-range: bytes 1-2/9\r\n", b"ab"),
        _ => told(200, r#"{"data":[],"error":null}"#),
    }
    });
    let bench = bench(&up);
    let path = "/passthrough/up/models";
    let got = ask(&bench, "some", "DELETE", path, &[], "");
    assert_eq!((got.status, got.body.as_str()), (204, ""), "{got:?}");
    assert_eq!(up.take().header("content-type"), None);
    assert_eq!(bench.row(&got)["outcome"], "ok");
    let got = ask(&bench, "some", "HEAD", path, &[], "");
    assert_eq!(
        (got.status, got.header("content-length"), got.body.as_str()),
        (200, Some("77"), ""),
        "{got:?}"
    );
    assert_eq!(bench.row(&got)["outcome"], "ok");
    let got = ask(&bench, "some", "GET", path, &[("range", "bytes=1-2")], "");
    assert_eq!(
        (got.status, got.header("content-range"), got.body.as_str()),
        (206, Some("bytes 1-2/9"), "ab"),
        "{got:?}"
    );
    let got = ask(&bench, "some", "GET", path, &[], "");
    assert_eq!(
        (got.status, got.body.as_str()),
        (200, r#"{"data":[],"error":null}"#)
    );
    let row = bench.row(&got);
    let shown = bench
        .gateway
        .ok(&["logs", "show", row["id"].as_str().unwrap()]);
    assert!(shown.contains("passthrough"), "{shown}");
}

#[test]
fn what_fails_is_told_in_the_providers_words_and_never_done_again() {
    let up = StandIn::start(|heard| match heard.text().as_str() {
        "401" => told(401, r#"{"error":{"message":"wrong key sk-upstream"}}"#),
        "307" => answer(307, "location: https://evil.example/\r\n", b""),
        _ => told(500, r#"{"error":{"message":"boom"}}"#),
    });
    let bench = bench(&up);
    let path = "/passthrough/up/fine_tuning/jobs";
    for (body, status, message) in [
        ("500", 500, "boom"),
        (
            "401",
            502,
            "provider `up` refused the gateway's credential for it (HTTP 401)",
        ),
        (
            "307",
            502,
            "provider `up` answered with a redirect, which gw does not follow",
        ),
    ] {
        let got = ask(&bench, "some", "POST", path, &[], body);
        assert_eq!(
            (got.status, got.json()["error"]["message"].as_str()),
            (status, Some(message)),
            "{got:?}"
        );
        assert_eq!(up.heard().len(), 1, "{body}");
        up.take();
    }
}

#[test]
fn routes_say_what_they_let_through() {
    let up = StandIn::start(|_| told(200, "{}"));
    let bench = bench(&up);
    let gateway = &bench.gateway;
    for (args, why) in [
        (["--passthrough", "other"], "the route lets nothing through"),
        (
            ["--passthrough-paths", "/x"],
            "the route lets through to no provider",
        ),
        (
            ["--passthrough-methods", "CONNECT"],
            "`CONNECT` is not a method that is let through",
        ),
    ] {
        let set = [&["route", "set", "k"][..], &args].concat();
        let ran = gateway.cli(&set);
        assert!(
            ran.code != Some(0) && ran.stderr.contains(why),
            "{}",
            ran.stderr
        );
    }
    for path in ["x", "/a/../b", "/a//b", "/a%2e", "/a?b"] {
        let ran = gateway.cli(&[
            "route",
            "set",
            "k",
            "--passthrough",
            "up",
            "--passthrough-paths",
            path,
        ]);
        assert!(
            ran.stderr.contains("is not a path of a provider"),
            "{}",
            ran.stderr
        );
    }
    gateway.ok(&[
        "route",
        "set",
        "k",
        "--passthrough",
        "up",
        "--passthrough-methods",
        "get,post",
        "--passthrough-paths",
        "/models,/v1/batches",
    ]);
    let explained = gateway.ok(&["route", "explain", "k"]);
    assert!(
        explained.contains("lets through to up: GET, POST below /models, /v1/batches"),
        "{explained}"
    );
    let got = ask(&bench, "k", "GET", "/passthrough/up/models", &[], "");
    assert_eq!(got.status, 200, "{got:?}");
    // A provider that a route lets through to does not go unnoticed.
    let ran = gateway.cli(&["provider", "delete", "up", "--yes"]);
    assert!(
        ran.code != Some(0) && ran.stderr.contains("route"),
        "{}",
        ran.stderr
    );
}
