//! Traces: what a collector gets of requests, that the caller's trace goes on, and that upstreams hear of it only where allowed.

use crate::harness::{clients, http, until};
use crate::kit::plan;
use crate::listener::listener;
use serde_json::{Value, json};
use std::io::Write;
use std::process::Stdio;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn spans(bodies: &[String]) -> Vec<Value> {
    let read = |body: &String| -> Vec<Value> {
        let body: Value = serde_json::from_str(body).unwrap();
        let scopes = &body["resourceSpans"][0]["scopeSpans"][0]["spans"];
        scopes.as_array().unwrap().clone()
    };
    bodies.iter().flat_map(read).collect()
}

fn value<'a>(span: &'a Value, key: &str) -> Option<&'a Value> {
    let found = span["attributes"]
        .as_array()?
        .iter()
        .find(|it| it["key"] == key)?;
    found["value"].as_object()?.values().next()
}

#[test]
fn requests_and_attempts_become_spans_of_the_callers_trace() {
    let (url, seen) = listener(&[503]);
    let bench = plan()
        .at("two", &["m/mock-503", "a/other"])
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &url)
        .env("OTEL_SERVICE_NAME", "edge")
        .env("OTEL_EXPORTER_OTLP_HEADERS", "x-api-key=abc")
        .env("GW_TELEMETRY__PROPAGATE", "a")
        .start();
    let body =
        json!({"model": "x", "messages": [{"role": "user", "content": "a secret question"}]});
    let send = |parent: &str| {
        let headers = [
            ("authorization", format!("Bearer {}", bench.key)),
            ("traceparent", parent.to_owned()),
            ("content-type", "application/json".into()),
        ];
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        http::exchange(
            "POST",
            &bench.url("/two/v1/chat/completions"),
            &headers,
            &body.to_string(),
        )
    };
    assert_eq!(send(PARENT).status, 200);
    // A caller that records nothing.
    assert_eq!(
        send(
            &PARENT
                .replace("e4736-00", "e4737-00")
                .replace("b7-01", "b7-00")
        )
        .status,
        200
    );
    let bodies = until("the spans came, at the second try", || {
        let seen = seen.lock().unwrap();
        let bodies: Vec<String> = seen.iter().skip(1).map(|came| came.body.clone()).collect();
        (!bodies.is_empty()).then_some(bodies)
    });
    let came = seen.lock().unwrap()[0].clone();
    assert_eq!(
        (came.path.as_str(), came.header("x-api-key")),
        ("/v1/traces", Some("abc"))
    );
    assert!(!bodies.concat().contains("secret"), "{bodies:?}");
    assert!(bodies[0].contains("\"edge\""));
    let spans = spans(&bodies);
    assert_eq!(spans.len(), 3, "{spans:?}");
    for span in &spans {
        assert_eq!(span["traceId"], "4bf92f3577b34da6a3ce929d0e0e4736");
    }
    assert_eq!(spans[0]["parentSpanId"], "00f067aa0ba902b7");
    assert_eq!(value(&spans[1], "error.type"), Some(&json!("upstream")));
    assert_eq!(spans[2]["parentSpanId"], spans[0]["spanId"]);
    // Only the provider that is told hears of it, as part of its attempt.
    let told: Vec<(String, Option<String>)> = bench
        .mock
        .requests()
        .iter()
        .map(|seen| {
            (
                seen.path.clone(),
                seen.header("traceparent").map(str::to_owned),
            )
        })
        .collect();
    let attempt = format!(
        "00-4bf92f3577b34da6a3ce929d0e0e4736-{}-01",
        spans[2]["spanId"].as_str().unwrap()
    );
    assert!(
        told.iter().any(
            |(path, parent)| path.ends_with("/messages") && parent.as_deref() == Some(&attempt)
        ),
        "{told:?}"
    );
    assert!(
        told.iter()
            .all(|(path, parent)| path.ends_with("/messages") || parent.is_none()),
        "{told:?}"
    );
    valid(&bodies[0]);
}

/// Whether OpenTelemetry's own definition takes it.
fn valid(body: &str) {
    let Some(environment) = clients::environment() else {
        return;
    };
    let program = "import sys\nfrom google.protobuf import json_format\nfrom opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as t\njson_format.Parse(sys.stdin.read(), t.ExportTraceServiceRequest())\n";
    let mut python = clients::python(&environment);
    let mut child = python
        .args(["-c", program])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(body.as_bytes())
        .unwrap();
    let said = child.wait_with_output().unwrap();
    assert!(
        said.status.success(),
        "{}",
        String::from_utf8_lossy(&said.stderr)
    );
}
