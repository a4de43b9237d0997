//! Providers that are signed in to with tokens somebody issues for a while: service accounts, applications, the identity of
//! the gateway's own machine. Issuer and upstream are one server on loopback, which knows which of its tokens are good.

use crate::harness::{Gateway, http, until};
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Made for tests.
const KEY: &str = include_str!("../files/service-account-key.pem");
const SECRET: &str = "client-secret-Wm4Zq8vW3nR5tY7u";

/// What the issuer does.
#[derive(Clone, Copy, PartialEq)]
enum Issuer {
    Gives,
    Refuses,
    /// Never answers.
    Hangs,
}

struct State {
    issuer: Issuer,
    lifetime: Duration,
    /// Tokens with the time they were asked for.
    issued: Vec<(String, Instant)>,
    /// What the issuer was asked, head and body.
    asked: Vec<String>,
    /// What the upstream was sent with a token that was not good.
    bad: Vec<String>,
    /// What the upstream was sent.
    served: Vec<String>,
}

/// Issuer and upstream.
#[derive(Clone)]
struct Cloud {
    url: String,
    state: Arc<Mutex<State>>,
}

impl Cloud {
    fn start(lifetime: Duration) -> Cloud {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = State {
            issuer: Issuer::Gives,
            lifetime,
            issued: Vec::new(),
            asked: Vec::new(),
            bad: Vec::new(),
            served: Vec::new(),
        };
        let cloud = Cloud {
            url,
            state: Arc::new(Mutex::new(state)),
        };
        let serving = cloud.clone();
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                let (Ok(socket), cloud) = (socket, serving.clone()) else {
                    return;
                };
                std::thread::spawn(move || cloud.serve(socket));
            }
        });
        cloud
    }

    fn serve(&self, mut socket: TcpStream) {
        while let Some(request) = read(&mut socket) {
            let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
            let (status, body) = match path.contains("token") {
                true => match self.token(request) {
                    Some(answer) => answer,
                    None => {
                        // Until the other side gives up.
                        drop(socket.read_to_end(&mut Vec::new()));
                        return;
                    }
                },
                false => self.model(&path, request),
            };
            let body = body.to_string();
            let head = format!(
                "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            if socket.write_all((head + &body).as_bytes()).is_err() {
                return;
            }
        }
    }

    fn token(&self, request: String) -> Option<(u16, Value)> {
        let mut state = self.state.lock().unwrap();
        state.asked.push(request);
        match state.issuer {
            Issuer::Hangs => None,
            Issuer::Refuses => Some((
                400,
                json!({"error": "invalid_grant", "error_description": "the account is gone"}),
            )),
            Issuer::Gives => {
                let token = format!("ya29.canary-{:04}-0123456789", state.issued.len());
                state.issued.push((token.clone(), Instant::now()));
                Some((
                    200,
                    json!({"access_token": token, "expires_in": state.lifetime.as_secs(), "token_type": "Bearer"}),
                ))
            }
        }
    }

    fn model(&self, path: &str, request: String) -> (u16, Value) {
        let mut state = self.state.lock().unwrap();
        let now = Instant::now();
        let good = state.issued.iter().any(|(token, at)| {
            let line = format!("authorization: Bearer {token}\r\n");
            request.contains(&line) && now.duration_since(*at) < state.lifetime
        });
        state.served.push(request.clone());
        if !good {
            state.bad.push(request);
            return (401, json!({"error": {"message": "no good token"}}));
        }
        let body = match path.contains("generateContent") {
            true => {
                json!({"candidates": [{"content": {"role": "model", "parts": [{"text": "hello"}]}, "finishReason": "STOP"}]})
            }
            false => {
                json!({"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}]})
            }
        };
        (200, body)
    }

    fn set(&self, issuer: Issuer) {
        self.state.lock().unwrap().issuer = issuer;
    }

    fn issued(&self) -> usize {
        self.state.lock().unwrap().issued.len()
    }

    fn asked(&self) -> Vec<String> {
        self.state.lock().unwrap().asked.clone()
    }

    fn host(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    fn account(&self) -> String {
        let key = json!({
            "type": "service_account", "project_id": "p", "private_key_id": "k1", "private_key": KEY,
            "client_email": "gw@p.iam.gserviceaccount.com", "token_uri": format!("{}/token", self.url),
        });
        // As the console hands it out: over several lines.
        serde_json::to_string_pretty(&key).unwrap()
    }
}

/// One request, head and body; `None` where the other side has closed.
pub fn read(socket: &mut TcpStream) -> Option<String> {
    let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .to_ascii_lowercase()
                .split("content-length: ")
                .nth(1)
                .and_then(|rest| rest.lines().next()?.trim().parse::<usize>().ok())
                .unwrap_or(0);
            if body.len() >= length {
                return Some(text);
            }
        }
        match socket.read(&mut chunk) {
            Ok(read @ 1..) => bytes.extend_from_slice(&chunk[..read]),
            _ => return None,
        }
    }
}

/// `gw provider create p` for this vendor with these further arguments.
fn create<'a>(vendor: &'a str, url: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let start = [
        "provider",
        "create",
        "p",
        "--vendor",
        vendor,
        "--base-url",
        url,
    ];
    [&start, more].concat()
}

const VERTEX: [&str; 4] = ["--region", "us-central1", "--project", "p"];

fn ask(gateway: &Gateway, key: &str) -> http::Answer {
    let body =
        json!({"model": "gemini-2.5-flash", "messages": [{"role": "user", "content": "Hi"}]});
    gateway.post("/v1/chat/completions", key, &body)
}

/// Nothing of these texts is in what the gateway says anywhere.
pub fn shows_none(gateway: &Gateway, secrets: &[&str]) {
    for (what, text) in [
        ("its log", gateway.log()),
        ("status", gateway.ok(&["status", "-o", "json"])),
        ("provider", gateway.ok(&["provider", "get", "-o", "json"])),
        ("logs", gateway.ok(&["logs", "export"])),
        ("export", gateway.ok(&["export"])),
    ] {
        for secret in secrets {
            assert!(!text.contains(secret), "{what} shows {secret}:\n{text}");
        }
    }
}

#[test]
fn a_service_accounts_tokens_are_there_at_once_and_renewed_under_load() {
    let cloud = Cloud::start(Duration::from_secs(6));
    let gateway = Gateway::start();
    let args = [&VERTEX[..], &["--credential-stdin"]].concat();
    let made = gateway.cli_with_input(&create("vertex", &cloud.url, &args), &cloud.account());
    made.success();
    let key = gateway.key_with_route("k", &["--to", "p"]);
    let first = cloud.issued();
    // Every request is served: no gap while tokens lapse.
    until("tokens have been renewed twice", || {
        let answer = ask(&gateway, &key);
        assert_eq!(answer.status, 200, "{answer:?}");
        (cloud.issued() >= first + 2).then_some(())
    });
    assert_eq!(cloud.state.lock().unwrap().bad, Vec::<String>::new());
    for asked in cloud.asked() {
        let (head, body) = asked.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /token HTTP/1.1\r\n"), "{head}");
        let fields: Vec<_> = url::form_urlencoded::parse(body.as_bytes()).collect();
        assert_eq!(fields[0].1, "urn:ietf:params:oauth:grant-type:jwt-bearer");
        assert_eq!(
            (&*fields[1].0, fields[1].1.split('.').count()),
            ("assertion", 3)
        );
    }
    let served = cloud.state.lock().unwrap().served.clone();
    assert!(served.iter().all(|request| request.starts_with(
        "POST /v1/projects/p/locations/us-central1/publishers/google/models/gemini-2.5-flash:generateContent "
    )));
    shows_none(&gateway, &["ya29.canary", "PRIVATE KEY", &KEY[100..140]]);
}

#[test]
fn an_issuer_that_fails_is_named_and_its_tokens_serve_until_they_lapse() {
    let cloud = Cloud::start(Duration::from_secs(4));
    let gateway = Gateway::start();
    cloud.set(Issuer::Refuses);
    let stdin = [&VERTEX[..], &["--credential-stdin"]].concat();
    let args = create("vertex", &cloud.url, &stdin);
    let refused = gateway.cli_with_input(&args, &cloud.account());
    let host = "127.0.0.1";
    let why = format!("`{host}` answered with HTTP 400: invalid_grant: the account is gone");
    assert_ne!(refused.code, Some(0));
    assert!(
        refused.stderr.contains(&format!(
            "provider `p` was not stored: its credential cannot be had: {why}"
        )),
        "{refused:?}"
    );
    // Stored all the same: it says what is wrong, and goes on trying.
    let args = [&args[..], &["--verify=false"]].concat();
    let stored = gateway.cli_with_input(&args, &cloud.account());
    assert!(stored.stderr.contains(&why), "{stored:?}");
    stored.success();
    let key = gateway.key_with_route("k", &["--to", "p", "--retries", "0"]);
    let answer = ask(&gateway, &key);
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(
        answer
            .body
            .contains("the credential of provider `p` is not available")
            && !answer.body.contains("invalid_grant"),
        "{answer:?}"
    );
    let record: Value =
        serde_json::from_str(&gateway.ok(&["provider", "get", "p", "-o", "json"])).unwrap();
    let status = &record["status"];
    assert_eq!(
        (&status["health"], &status["credential_error"]),
        (&json!("failed"), &json!(why)),
        "{record}"
    );
    let status: Value =
        serde_json::from_str(&gateway.cli(&["status", "-o", "json"]).stdout).unwrap();
    assert_eq!(status["degraded"], json!([format!("provider `p`: {why}")]));

    cloud.set(Issuer::Gives);
    until("the issuer is asked again", || {
        (ask(&gateway, &key).status == 200).then_some(())
    });
    // Silent from here on: requests are served with what there is, and none waits.
    cloud.set(Issuer::Hangs);
    let asked = cloud.asked().len();
    until("the issuer has been asked for the next", || {
        let answer = ask(&gateway, &key);
        assert_eq!(answer.status, 200, "{answer:?}");
        (cloud.asked().len() > asked).then_some(())
    });
    assert_eq!(ask(&gateway, &key).status, 200);
    until("the last token has lapsed", || {
        let status = ask(&gateway, &key).status;
        assert!(status == 200 || status == 503, "{status}");
        (status == 503).then_some(())
    });
    // What had lapsed was never sent.
    assert_eq!(cloud.state.lock().unwrap().bad, Vec::<String>::new());
}

#[test]
fn the_gateways_own_machine_signs_in_at_google() {
    let cloud = Cloud::start(Duration::from_secs(3600));
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("user.json");
    let user = json!({
        "type": "authorized_user", "client_id": "c", "client_secret": SECRET, "refresh_token": "1//canary-refresh",
        "token_uri": format!("{}/token", cloud.url),
    });
    std::fs::write(&file, user.to_string()).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let named = [("GOOGLE_APPLICATION_CREDENTIALS", file.as_os_str())];
    let machine = [("GCE_METADATA_HOST", OsStr::new(cloud.host()))];
    let metadata = "/computeMetadata/v1/instance/service-accounts/default/token";
    for (env, asked) in [
        (&named, "POST /token HTTP/1.1".to_owned()),
        (&machine, format!("GET {metadata} HTTP/1.1")),
    ] {
        let gateway = Gateway::start_with_env(&["--in-memory"], env);
        let args = [&VERTEX[..], &["--credential-ref", "google"]].concat();
        gateway.ok(&create("vertex", &cloud.url, &args));
        let key = gateway.key_with_route("k", &["--to", "p"]);
        assert_eq!(ask(&gateway, &key).status, 200);
        let last = cloud.asked().pop().unwrap();
        assert!(last.starts_with(&asked), "{last}");
        match asked.starts_with("GET") {
            true => assert!(last.contains("\r\nmetadata-flavor: Google\r\n"), "{last}"),
            false => assert!(
                last.ends_with(&format!(
                    "grant_type=refresh_token&client_id=c&client_secret={SECRET}&refresh_token=1%2F%2Fcanary-refresh"
                )),
                "{last}"
            ),
        }
        let shown = gateway.ok(&["provider", "get", "p", "-o", "json"]);
        let shown: Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(shown["credential"], "google", "{shown}");
        assert_eq!(shown["status"]["credential"], "google", "{shown}");
        shows_none(&gateway, &["ya29.canary", SECRET, "canary-refresh"]);
    }
}

#[test]
fn applications_workloads_and_machines_sign_in_at_entra() {
    let cloud = Cloud::start(Duration::from_secs(3600));
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("federated");
    std::fs::write(&file, "federated-canary\n").unwrap();
    let authority = OsStr::new(&cloud.url);
    let (tenant, id) = (OsStr::new("t-1"), OsStr::new("c-1"));
    let machine = format!("{}/msi/token", cloud.url);
    let scope = "https%3A%2F%2Fcognitiveservices.azure.com%2F.default";
    let resource = "https%3A%2F%2Fcognitiveservices.azure.com";
    let own = [
        ("AZURE_AUTHORITY_HOST", authority),
        ("AZURE_TENANT_ID", tenant),
        ("AZURE_CLIENT_ID", id),
    ];
    let application = json!({"tenant_id": "t-1", "client_id": "c-1", "client_secret": SECRET});
    let application = application.to_string();
    let form = "POST /t-1/oauth2/v2.0/token HTTP/1.1\r\n";
    let secret =
        format!("grant_type=client_credentials&client_id=c-1&client_secret={SECRET}&scope={scope}");
    let assertion = format!(
        "grant_type=client_credentials&client_id=c-1&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=federated-canary&scope={scope}"
    );
    // The gateway's variables, what is stored, and what the issuer is asked.
    type Case<'a> = (Vec<(&'a str, &'a OsStr)>, Option<&'a str>, [String; 2]);
    let cases: Vec<Case<'_>> = vec![
        (
            vec![("AZURE_AUTHORITY_HOST", authority)],
            Some(&application),
            [form.into(), secret.clone()],
        ),
        (
            [&own[..], &[("AZURE_CLIENT_SECRET", OsStr::new(SECRET))]].concat(),
            None,
            [form.into(), secret],
        ),
        (
            [
                &own[..],
                &[("AZURE_FEDERATED_TOKEN_FILE", file.as_os_str())],
            ]
            .concat(),
            None,
            [form.into(), assertion],
        ),
        (
            vec![
                ("IDENTITY_ENDPOINT", OsStr::new(&machine)),
                ("IDENTITY_HEADER", OsStr::new("header-canary")),
            ],
            None,
            [
                format!("GET /msi/token?api-version=2019-08-01&resource={resource} HTTP/1.1\r\n"),
                "\r\nx-identity-header: header-canary\r\n".into(),
            ],
        ),
        (
            vec![
                ("AZURE_POD_IDENTITY_AUTHORITY_HOST", authority),
                ("AZURE_CLIENT_ID", id),
            ],
            None,
            [
                format!(
                    "GET /metadata/identity/oauth2/token?api-version=2018-02-01&resource={resource}&client_id=c-1 HTTP/1.1\r\n"
                ),
                "\r\nmetadata: true\r\n".into(),
            ],
        ),
    ];
    for (env, stored, parts) in cases {
        let gateway = Gateway::start_with_env(&["--in-memory"], &env);
        match stored {
            Some(text) => gateway
                .cli_with_input(&create("azure", &cloud.url, &["--credential-stdin"]), text)
                .success(),
            None => gateway.ok(&create("azure", &cloud.url, &["--credential-ref", "azure"])),
        };
        let key = gateway.key_with_route("k", &["--to", "p"]);
        let answer = ask(&gateway, &key);
        assert_eq!(answer.status, 200, "{answer:?}");
        let last = cloud.asked().pop().unwrap();
        assert!(
            parts.iter().all(|part| last.contains(part.as_str())),
            "{parts:?}:\n{last}"
        );
        shows_none(
            &gateway,
            &["ya29.canary", SECRET, "federated-canary", "header-canary"],
        );
    }
    // A key goes where keys go.
    let gateway = Gateway::start();
    gateway.provider("p", "azure", &cloud.url, "azure-key-0123456789");
    let key = gateway.key_with_route("k", &["--to", "p", "--retries", "0"]);
    ask(&gateway, &key);
    let last = cloud.state.lock().unwrap().served.pop().unwrap();
    assert!(
        last.contains("\r\napi-key: azure-key-0123456789\r\n") && !last.contains("authorization"),
        "{last}"
    );
}

#[test]
fn what_a_vendor_cannot_be_signed_in_to_with_is_refused_when_it_is_written() {
    let gateway = Gateway::start();
    let refused = |args: &[&str], input: &str| {
        let ran = gateway.cli_with_input(args, input);
        assert_ne!(ran.code, Some(0), "{ran:?}");
        ran.stderr
    };
    let start = ["provider", "create", "p", "--vendor"];
    let openai = [&start[..], &["openai", "--credential-ref", "aws"]].concat();
    assert_eq!(
        refused(&openai, ""),
        "error: vendor `openai` is not signed in to with `aws`\n  fix: it takes its key, with --credential-stdin, --credential-env or --credential-ref env:NAME\n"
    );
    let azure = create(
        "azure",
        "http://127.0.0.1:1",
        &["--credential-ref", "google"],
    );
    assert_eq!(
        refused(&azure, ""),
        "error: vendor `azure` is not signed in to with `google`\n  fix: it takes its key, with --credential-stdin, --credential-env or --credential-ref env:NAME; or --credential-ref azure\n"
    );
    let azure = create("azure", "http://127.0.0.1:1", &["--credential-stdin"]);
    let said = refused(
        &azure,
        r#"{"tenant_id":"t","client_id":"c","secret":"canary-secret"}"#,
    );
    assert_eq!(
        said,
        "error: the credential of provider `p` is JSON without a `client_secret`\n"
    );
    let vertex = [&VERTEX[..], &["--credential-stdin"]].concat();
    let elsewhere = json!({
        "type": "service_account", "client_email": "a", "private_key": KEY, "token_uri": "https://evil.example/token",
    });
    assert_eq!(
        refused(
            &create("vertex", "http://127.0.0.1:1", &vertex),
            &elsewhere.to_string()
        ),
        "error: the credential of provider `p` has a `token_uri` that is not at `googleapis.com`\n"
    );
}
