//! Telling somebody: a target that fails, a credential that is refused, and a trial, over a signed request and to a command.

use crate::harness::{Gateway, until};
use crate::kit::plan;
use crate::listener::listener;
use gw::notify::{SIGNATURE, signature};
use serde_json::{Value, json};
use std::ffi::OsStr;

fn chat() -> Value {
    json!({"model": "x", "messages": [{"role": "user", "content": "hi"}]})
}

#[test]
fn targets_that_fail_and_credentials_that_are_refused_are_told_of() {
    let (url, seen) = listener(&[]);
    let bench = plan()
        .at("down", &["m/mock-500"])
        .provider(
            "r",
            json!({"vendor": "openai-compatible", "base_url": "http://127.0.0.1:9/v1"}),
        )
        .args(&["--notify", &format!("{url}/hook?token=s3cret")])
        .start();
    for _ in 0..3 {
        bench.post("/down/v1/chat/completions", &chat());
    }
    let came = until("the suspension is told of", || {
        let seen = seen.lock().unwrap();
        seen.iter()
            .find(|came| came.body.contains("target.down"))
            .cloned()
    });
    let told: Value = serde_json::from_str(&came.body).unwrap();
    assert_eq!(
        (
            &told["provider"],
            &told["model"],
            &told["state"],
            &told["routes"]
        ),
        (
            &json!("m"),
            &json!("mock-500"),
            &json!("suspended"),
            &json!(["down"])
        )
    );
    assert_eq!(
        (came.path.as_str(), came.header("x-gw-event")),
        ("/hook?token=s3cret", Some("target.down"))
    );
    assert_eq!(came.header(SIGNATURE), None);
    // What may be secret in the address is not shown.
    let status = until("the delivery is counted", || {
        let status: Value =
            serde_json::from_str(&bench.gateway.ok(&["status", "-o", "json"])).unwrap();
        (status["notify"][0]["sent"].as_u64() >= Some(1)).then_some(status)
    });
    let shown = status["notify"][0].to_string();
    assert!(shown.contains("/…") && !shown.contains("s3cret"), "{shown}");
}

#[test]
fn a_trial_is_signed_and_says_who_heard() {
    let (url, seen) = listener(&[]);
    let (bad, _) = listener(&[500]);
    let args = [
        "--in-memory",
        "--notify",
        &url,
        "--notify",
        &bad,
        "--notify",
        "/nowhere/at/all",
        "--notify-secret",
        "env:SOME_SECRET",
    ];
    let secret = OsStr::new("whsec");
    let gateway = Gateway::start_with_env(&args, &[("SOME_SECRET", secret)]);
    let ran = gateway.cli(&["notify", "test"]);
    assert_eq!(ran.code, Some(9), "{ran:?}");
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert!(
        lines[0].ends_with("heard")
            && lines[1].ends_with("it answered with HTTP 500")
            && lines[2].contains("it cannot be run"),
        "{ran:?}"
    );
    assert!(ran.stderr.contains("2 of 3 did not hear"), "{ran:?}");
    let came = seen.lock().unwrap()[0].clone();
    let signed = came.header(SIGNATURE).unwrap();
    let at: i64 = signed
        .split(',')
        .next()
        .unwrap()
        .strip_prefix("t=")
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(signed, signature(b"whsec", at, &came.body));
    let metrics: Value = serde_json::from_str(&gateway.ok(&["status", "-o", "json"])).unwrap();
    assert_eq!(
        metrics["notify"][1]["last_error"],
        "it answered with HTTP 500"
    );
    let doctor = gateway.cli(&["doctor"]);
    assert!(doctor.stdout.contains("notify"), "{doctor:?}");
}

#[test]
fn nobody_to_tell_and_secrets_that_are_not_there_are_said() {
    let gateway = Gateway::start();
    let ran = gateway.cli(&["notify", "test"]);
    assert!(
        ran.code == Some(2) && ran.stderr.contains("--notify COMMAND"),
        "{ran:?}"
    );
    let dir = tempfile::tempdir().unwrap();
    let said = std::process::Command::new(crate::harness::GW)
        .args([
            "serve",
            "--in-memory",
            "--listen",
            "127.0.0.1:0",
            "--notify",
            "https://x.example/",
            "--notify-secret",
            "env:GW_TEST_NOT_THERE",
        ])
        .env("HOME", dir.path())
        .env("XDG_RUNTIME_DIR", dir.path())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&said.stderr);
    assert!(
        !said.status.success() && text.contains("GW_TEST_NOT_THERE"),
        "{text}"
    );
}
