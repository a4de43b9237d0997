//! The metrics from outside: where they are and where not, and that they count what the log counts, and what it does not.

use crate::harness::{http, until};
use crate::kit::{Bench, plan};
use serde_json::{Value, json};

/// One GET; status, content type and body.
fn get(url: &str, headers: &[(&str, &str)]) -> (u16, String, String) {
    let answer = http::exchange("GET", url, headers, "");
    let kind = answer.header("content-type").unwrap_or_default().to_owned();
    (answer.status, kind, answer.body)
}

/// The value of a sample, by its name with labels.
fn value(text: &str, sample: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(sample))?;
    line.trim().parse().ok()
}

fn metrics_of(bench: &Bench) -> String {
    let ready = std::fs::read(bench.gateway.path("ready.json")).unwrap();
    let ready: Value = serde_json::from_slice(&ready).unwrap();
    ready["metrics"].as_str().unwrap().to_owned()
}

fn chat(model: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": "hi"}]})
}

#[test]
fn figures_are_for_scrapers_and_never_on_the_proxys_port() {
    let bench = plan().args(&["--metrics-listen", "127.0.0.1:0"]).start();
    let metrics = metrics_of(&bench);
    let base = metrics.strip_suffix("/metrics").unwrap();
    // Of everything else there is nothing, and no page of another site reads them.
    let (status, kind, text) = get(&metrics, &[]);
    assert_eq!(
        (status, kind.as_str()),
        (200, "text/plain; version=0.0.4; charset=utf-8")
    );
    assert!(text.contains("# TYPE gw_requests_in_flight gauge"));
    let (status, kind, text) = get(
        &metrics,
        &[(
            "accept",
            "application/openmetrics-text;version=1.0.0,text/plain;q=0.5",
        )],
    );
    assert_eq!(
        (status, kind.as_str()),
        (
            200,
            "application/openmetrics-text; version=1.0.0; charset=utf-8"
        )
    );
    assert!(text.ends_with("# EOF\n"));
    assert_eq!(get(&format!("{base}/healthz"), &[]).0, 200);
    for path in [
        "/api/v1/status",
        "/api/v1/live",
        "/api/v1/logs",
        "/openapi.json",
        "/",
        "/metrics/",
    ] {
        assert_eq!(get(&format!("{base}{path}"), &[]).0, 404, "{path}");
    }
    assert_eq!(get(&metrics, &[("host", "evil.example")]).0, 421);
    assert_eq!(get(&metrics, &[("origin", "https://evil.example")]).0, 403);
    // The proxy has no such path, with a key or without.
    for headers in [
        vec![],
        vec![("authorization", format!("Bearer {}", bench.key))],
    ] {
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        assert_eq!(get(&bench.url("/metrics"), &headers).0, 404);
        assert_eq!(get(&bench.url("/api/v1/live"), &headers).0, 404);
    }
}

#[test]
fn the_admin_interface_wants_its_token() {
    let bench = plan().args(&["--admin-listen", "127.0.0.1:0"]).start();
    let ready = std::fs::read(bench.gateway.path("ready.json")).unwrap();
    let status: Value = serde_json::from_str(&bench.gateway.ok(&["status", "-o", "json"])).unwrap();
    assert!(ready.starts_with(b"{"));
    let admin = status["admin"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str);
    let admin = admin
        .into_iter()
        .find(|at| at.starts_with("http"))
        .unwrap()
        .to_owned();
    assert_eq!(get(&format!("{admin}/metrics"), &[]).0, 401);
    assert_eq!(
        get(
            &format!("{admin}/metrics"),
            &[("authorization", "Bearer x")]
        )
        .0,
        401
    );
}

#[test]
fn listening_beyond_this_machine_has_to_be_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let said = std::process::Command::new(crate::harness::GW)
        .args([
            "serve",
            "--in-memory",
            "--listen",
            "127.0.0.1:0",
            "--metrics-listen",
            "0.0.0.0:0",
        ])
        .env("HOME", dir.path())
        .env("XDG_RUNTIME_DIR", dir.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&said.stderr);
    assert!(
        !said.status.success() && text.contains("metrics.allow_public"),
        "{text}"
    );
}

#[test]
fn what_is_counted_is_what_happened_whatever_the_log_keeps() {
    let bench = plan()
        .key("silent", json!({"log_content": "off"}))
        .route(
            "silent",
            json!({"keys": ["silent"], "targets": [{"provider": "m"}]}),
        )
        .at("down", &["m/mock-503", "m/gpt-4o"])
        .args(&["--metrics-listen", "127.0.0.1:0"])
        .start();
    let metrics = metrics_of(&bench);
    for _ in 0..3 {
        assert_eq!(
            bench.post("/v1/chat/completions", &chat("gpt-4o")).status,
            200
        );
    }
    // The log has no row of these.
    let silent = bench.secret("silent").to_owned();
    for _ in 0..2 {
        assert_eq!(
            bench
                .gateway
                .post("/v1/chat/completions", &silent, &chat("gpt-4o"))
                .status,
            200
        );
    }
    // A name that a caller made up is nobody's label.
    assert_eq!(
        bench
            .post("/v1/chat/completions", &chat("made-up-7f3a"))
            .status,
        200
    );
    assert_eq!(
        bench
            .gateway
            .post("/v1/chat/completions", "sk-gw-nobody", &chat("gpt-4o"))
            .status,
        401
    );
    let text = until("all requests are counted", || {
        let text = get(&metrics, &[]).2;
        (value(&text, r#"gw_responses_total{status="200"}"#) == Some(6.0)).then_some(text)
    });
    for (sample, wanted) in [
        (r#"gw_responses_total{status="401"}"#, 1.0),
        (
            r#"gw_requests_total{route="k",provider="m",model="other",status_class="2xx",outcome="ok"}"#,
            1.0,
        ),
        // A target of another route names it: it is known.
        (
            r#"gw_requests_total{route="k",provider="m",model="gpt-4o",status_class="2xx",outcome="ok"}"#,
            3.0,
        ),
        (
            r#"gw_requests_total{route="silent",provider="m",model="gpt-4o",status_class="2xx",outcome="ok"}"#,
            2.0,
        ),
        (
            r#"gw_requests_total{route="",provider="",model="",status_class="4xx",outcome="failed"}"#,
            1.0,
        ),
        (
            r#"gw_request_duration_seconds_count{route="silent",provider="m",model="gpt-4o"}"#,
            2.0,
        ),
        (
            r#"gw_attempts_total{route="k",provider="m",model="gpt-4o",class="ok"}"#,
            3.0,
        ),
        ("gw_requests_in_flight", 0.0),
    ] {
        assert_eq!(value(&text, sample), Some(wanted), "{sample}\n{text}");
    }
    assert!(
        !text.contains("made-up-7f3a")
            && text.contains(
                r#"gw_tokens_total{route="k",provider="m",model="other",bucket="output"}"#
            )
    );
    assert_eq!(
        bench.post("/down/v1/chat/completions", &chat("x")).status,
        200
    );
    until("the attempts are counted", || {
        let text = get(&metrics, &[]).2;
        let failed = value(
            &text,
            r#"gw_attempts_total{route="down",provider="m",model="mock-503",class="upstream"}"#,
        );
        let ended = value(
            &text,
            r#"gw_requests_total{route="down",provider="m",model="gpt-4o",status_class="2xx",outcome="ok"}"#,
        );
        (failed, ended).eq(&(Some(1.0), Some(1.0))).then_some(())
    });
}
