//! A planted credential is looked for everywhere it must not be: files, logs, errors, listings, the process itself.

use crate::kit::{FORMATS, chat, plan, scripted};
use serde_json::json;
use std::path::Path;

const PLANTED: &str = "sk-planted-Hq7Lw2Zx9Rt4Vb6Nm1Kc8Jd3";

/// Every file below, with its bytes.
fn files(place: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(place).unwrap().flatten() {
        let path = entry.path();
        match entry.file_type().unwrap() {
            kind if kind.is_dir() => found.extend(files(&path)),
            kind if kind.is_file() => {
                found.push((path.display().to_string(), std::fs::read(&path).unwrap()))
            }
            _ => {}
        }
    }
    found
}

fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

/// The secret as it might be spelled: plain, in parts, base64 and hex.
fn spellings(secret: &str) -> Vec<Vec<u8>> {
    use base64::Engine;
    let encoded = base64::engine::general_purpose::STANDARD_NO_PAD.encode(secret);
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    vec![
        secret.into(),
        secret[11..].into(),
        encoded.into_bytes(),
        hex.clone().into_bytes(),
        hex.to_uppercase().into_bytes(),
    ]
}

#[test]
fn a_planted_credential_is_found_nowhere() {
    let echo = format!(
        "{{\"error\":{{\"message\":\"Incorrect API key provided: {PLANTED}. See docs\",\"type\":\"invalid_request_error\",\"code\":\"x\"}}}}"
    );
    let answer = |status: &str| -> &'static str {
        Box::leak(format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\nx-echo: {PLANTED}\r\nset-cookie: k={PLANTED}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{echo}", echo.len()).into_boxed_str())
    };
    let upstream = |status: &str| {
        scripted(
            (0..8)
                .map(|_| vec![crate::kit::Act::Say(answer(status))])
                .collect(),
        )
        .0
    };
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let bench = plan()
        .args(&["--data-dir", data.to_str().unwrap(), "--log-level", "trace"])
        .launch();
    let gateway = &bench.gateway;
    for (name, status) in [
        ("bad", "400 Bad Request"),
        ("denied", "401 Unauthorized"),
        ("busy", "429 Too Many Requests"),
        ("down", "500 Internal Server Error"),
    ] {
        gateway.provider(name, "openai-compatible", &upstream(status), PLANTED);
        gateway.ok(&[
            "route",
            "create",
            name,
            "--path",
            &format!("/{name}"),
            "--to",
            &format!("{name}/x"),
            "--retries",
            "0",
        ]);
    }
    // The caller's own words are kept as they are, so they are not what is looked for.
    let mut heard = Vec::new();
    for name in ["bad", "denied", "busy", "down"] {
        for (path, _) in FORMATS {
            for stream in [false, true] {
                let answer = bench.post(&format!("/{name}{path}"), &chat("any", "echo", stream));
                assert!(answer.status >= 400, "{answer:?}");
                heard.push((
                    format!("{name}{path}"),
                    format!("{:?}{}", answer.headers, answer.body),
                ));
            }
        }
    }
    assert!(
        heard.iter().any(|(_, text)| text.contains("[redacted]")),
        "{heard:?}"
    );
    bench.row_where("all rows are there", |_| true);
    for command in [
        &["status", "-o", "json"] as &[&str],
        &["export"],
        &["provider", "get", "-o", "json"],
        &["provider", "get", "bad", "-o", "yaml"],
        &["provider", "describe", "bad"],
        &["key", "get", "-o", "json"],
        &["logs", "export"],
        &["logs", "-o", "wide"],
        &["doctor"],
        &["route", "explain", "bad"],
        &["provider", "test", "denied"],
    ] {
        let ran = gateway.cli(command);
        heard.push((ran.what, format!("{}{}", ran.stdout, ran.stderr)));
    }
    for row in bench.rows() {
        let ran = gateway.cli(&["logs", "get", row["id"].as_str().unwrap(), "-o", "json"]);
        heard.push((ran.what, format!("{}{}", ran.stdout, ran.stderr)));
    }
    heard.push(("serve.log".into(), gateway.log()));
    #[cfg(target_os = "linux")]
    for what in ["cmdline", "environ"] {
        let bytes = std::fs::read(format!("/proc/{}/{what}", gateway.pid)).unwrap_or_default();
        heard.push((what.into(), String::from_utf8_lossy(&bytes).into_owned()));
    }
    for (secret, what) in [
        (PLANTED, "the provider's credential"),
        (bench.key.as_str(), "the gateway key"),
    ] {
        for spelling in spellings(secret) {
            for (place, text) in &heard {
                assert!(
                    !holds(text.as_bytes(), &spelling),
                    "{what} is in {place}: {text}"
                );
            }
            for (file, bytes) in files(&data) {
                assert!(!holds(&bytes, &spelling), "{what} is in {file}");
            }
        }
    }
    // It does reach where it belongs.
    assert_eq!(
        bench
            .post("/v1/chat/completions", &chat("mock", "fine", false))
            .status,
        200
    );
    assert!(
        bench
            .mock
            .requests()
            .iter()
            .all(|seen| seen.authorization_matches == Some(true))
    );
}

/// A credential from the environment is read at use and written nowhere.
#[test]
fn credentials_by_reference_stay_references() {
    let place = tempfile::tempdir().unwrap();
    let (data, file) = (place.path().join("data"), place.path().join("credential"));
    std::fs::write(&file, format!("{}\n", crate::kit::CREDENTIAL)).unwrap();
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let open = place.path().join("open");
    std::fs::write(&open, crate::kit::CREDENTIAL).unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o644)).unwrap();
    let plan = plan();
    let base = format!("{}/v1", plan.mock.url());
    let bench = plan
        .provider("f", json!({"vendor": "openai-compatible", "base_url": base, "credential": format!("file:{}", file.display())}))
        .provider("g", json!({"vendor": "openai-compatible", "base_url": base, "credential": format!("file:{}", open.display())}))
        .at("f", &["f/mock"])
        .at("g", &["g/mock"])
        .args(&["--data-dir", data.to_str().unwrap()])
        .launch();
    let answer = bench.post("/f/v1/chat/completions", &chat("any", "by file", false));
    assert_eq!(answer.status, 200, "{answer:?}");
    // One that cannot be used is explained to the operator, and to nobody else.
    let answer = bench.post(
        "/g/v1/chat/completions",
        &chat("any", "by open file", false),
    );
    assert_eq!(answer.status, 503, "{answer:?}");
    let ready = crate::harness::http::get(&bench.url("/readyz"));
    assert!(
        ready.status == 200 && ready.body.contains("degraded") && ready.body.contains("`g`"),
        "{ready:?}"
    );
    let place = place.path().to_str().unwrap();
    assert!(
        !answer.body.contains(place) && !ready.body.contains(place),
        "{answer:?} {ready:?}"
    );
    assert!(
        bench
            .gateway
            .ok(&["status", "-o", "json"])
            .contains(open.to_str().unwrap())
    );
    assert!(
        bench
            .gateway
            .ok(&["export"])
            .contains(file.to_str().unwrap())
    );
    for (name, bytes) in files(&data) {
        assert!(!holds(&bytes, crate::kit::CREDENTIAL.as_bytes()), "{name}");
    }
}
