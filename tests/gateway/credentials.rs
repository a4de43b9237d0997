//! How credentials may be written, and which of two is whose.

use crate::harness::http;
use crate::kit::{CREDENTIAL, chat, plan};
use gw::mock::{Mock, Settings};
use serde_json::json;

/// `SCHEME KEY` as RFC 6750 and careless clients write it, and whether that is a credential.
fn spellings(key: &str) -> Vec<(String, bool)> {
    let mut all: Vec<(String, bool)> = [
        "Bearer ",
        "bearer ",
        "BEARER ",
        "bEaReR ",
        "Bearer\t",
        "bearer \t  ",
    ]
    .into_iter()
    .map(|scheme| (format!("{scheme}{key}"), true))
    .collect();
    all.push((format!("\t Bearer {key} \t"), true));
    for wrong in ["Bearer", "Bearer:", "Basic ", "Token "] {
        all.push((format!("{wrong}{key}"), false));
    }
    all
}

#[test]
fn bearer_is_read_in_any_case_with_spaces_and_tabs_by_gateway_admin_and_simulator() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let bench = plan()
        .args(&[
            "--admin-listen",
            "127.0.0.1:0",
            "--data-dir",
            data.to_str().unwrap(),
        ])
        .launch();
    let log = bench.gateway.log();
    let admin = log
        .lines()
        .filter_map(|line| line.strip_prefix("admin")?.trim().strip_prefix("http://"))
        .next()
        .unwrap_or_else(|| panic!("no admin address:\n{log}"));
    let token = std::fs::read_to_string(data.join("admin.token")).unwrap();
    let admin = format!("http://{admin}/api/v1/users");
    let body = chat("mock", "spelt", false);
    let status = |method: &str, url: &str, value: &str, body: &str| {
        http::exchange(method, url, &[("authorization", value)], body).status
    };
    for (url, key, method, body) in [
        (
            bench.url("/v1/models"),
            bench.key.as_str(),
            "GET",
            String::new(),
        ),
        (
            bench.url("/v1/chat/completions"),
            &bench.key,
            "POST",
            body.to_string(),
        ),
        (admin, token.trim(), "GET", String::new()),
        (
            format!("{}/v1/models", bench.mock.url()),
            CREDENTIAL,
            "GET",
            String::new(),
        ),
    ] {
        for (value, good) in spellings(key) {
            let want = if good { 200 } else { 401 };
            assert_eq!(
                status(method, &url, &value, &body),
                want,
                "{url}: {value:?}"
            );
        }
    }
}

#[test]
fn of_two_credentials_that_differ_the_gateways_key_is_the_one_that_is_known() {
    let mine = "sk-callers-own-9f8e7d6c5b4a3f2e1d0c";
    let mock = Mock::start(Settings {
        expect_credential: Some(mine.into()),
        ..Settings::default()
    })
    .unwrap();
    let bench = plan()
        .key("other", json!({}))
        .key("gone", json!({"enabled": false}))
        .provider("own", json!({"vendor": "openai-compatible", "base_url": format!("{}/v1", mock.url()), "credential": "passthrough"}))
        .at("own", &["own/mock"])
        .start();
    let (key, other, gone) = (
        bench.key.as_str(),
        bench.secret("other"),
        bench.secret("gone"),
    );
    let body = chat("mock", "two keys", false);
    let ask = |path: &str, bearer: &str, api_key: &str| {
        let bearer = format!("Bearer {bearer}");
        let headers = [("authorization", bearer.as_str()), ("x-api-key", api_key)];
        // Refused is refused here; which of the two it is depends on what is wrong.
        match http::post(&bench.url(path), &headers, &body).status {
            401 => 400,
            status => status,
        }
    };
    // Another last letter than it has.
    let last = if key.ends_with('x') { 'y' } else { 'x' };
    let forged = format!("{}{last}", &key[..key.len() - 1]);
    for (bearer, api_key, managed, passed) in [
        (key, mine, 200, 200),
        (mine, key, 200, 200),
        // The same twice: none of the provider's is there.
        (key, key, 200, 400),
        (key, other, 400, 400),
        (key, gone, 400, 400),
        (key, &forged, 400, 400),
        (mine, "sk-another-key-of-nobody-0123456789", 400, 400),
        // A key that is not good is refused, and the other one goes nowhere.
        (gone, mine, 400, 400),
        (mine, &forged, 400, 400),
        (mine, mine, 400, 400),
    ] {
        mock.forget();
        bench.mock.forget();
        assert_eq!(
            (
                ask("/v1/chat/completions", bearer, api_key),
                ask("/own/v1/chat/completions", bearer, api_key)
            ),
            (managed, passed),
            "{bearer} and {api_key}"
        );
        let matches = |mock: &Mock| -> Vec<Option<bool>> {
            mock.requests()
                .iter()
                .map(|seen| seen.authorization_matches)
                .collect()
        };
        let went = |status: u16| {
            if status == 200 {
                vec![Some(true)]
            } else {
                Vec::new()
            }
        };
        assert_eq!(
            (matches(&bench.mock), matches(&mock)),
            (went(managed), went(passed))
        );
    }
    assert_ne!(mine, CREDENTIAL);
}
