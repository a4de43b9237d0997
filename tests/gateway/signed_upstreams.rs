//! Providers whose requests are signed for AWS: with stored keys, and with those that the gateway's machine has. A server on
//! loopback is all of AWS; it makes every signature again (that gw's are botocore's is held in tests/sdk/amazon.rs) and
//! knows which of its keys are good.

use crate::cloud_sign_in::{read, shows_none};
use crate::harness::{Gateway, http, until};
use bytes::Bytes;
use gw::upstream::aws::{self, Keys};
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Keys that are good for ever, each with the canary in what is secret.
const LASTING: [&str; 3] = [
    "AKIDSTORED:stored/canary+secret:stored-canary-token",
    "AKIDFILE:file/canary+secret",
    "AKIDENV:env/canary+secret",
];
const API_KEY: &str = "ABSKcanaryQmVkcm9ja0FQSUtleS1";
const MODEL: &str = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0";
const ROLES: &str = "/latest/meta-data/iam/security-credentials/";

#[derive(Default)]
struct State {
    /// The machine has no role.
    bare: bool,
    /// Keys with when they were asked for.
    issued: Vec<(String, Instant)>,
    /// What was not as it should be.
    bad: Vec<String>,
    /// What the services that give out keys were asked.
    asked: Vec<String>,
    /// Targets of requests for models, with whose they were.
    served: Vec<(String, String)>,
}

#[derive(Clone)]
struct Cloud {
    url: String,
    lifetime: Duration,
    state: Arc<Mutex<State>>,
}

impl Cloud {
    fn start(lifetime: Duration) -> Cloud {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let cloud = Cloud {
            url: format!("http://{}", listener.local_addr().unwrap()),
            lifetime,
            state: Arc::default(),
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
            let (status, body) = self.answer(&request);
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
            );
            if socket.write_all((head + &body).as_bytes()).is_err() {
                return;
            }
        }
    }

    fn answer(&self, request: &str) -> (u16, String) {
        let target = request.split(' ').nth(1).unwrap_or_default();
        if target.starts_with("/model/") {
            return self.model(target, request);
        }
        self.state.lock().unwrap().asked.push(request.to_owned());
        let has = |header: &str| request.contains(&format!("\r\n{header}\r\n"));
        let bare = self.state.lock().unwrap().bare;
        match target.strip_prefix(ROLES) {
            None if target == "/latest/api/token" => (200, "session-canary".into()),
            Some(_) if !has("x-aws-ec2-metadata-token: session-canary") => (401, String::new()),
            Some("") if bare => (404, String::new()),
            Some("") => (200, "gateway".into()),
            Some("gateway") => self.issue(),
            None if target == "/container" && has("authorization: container-canary") => {
                self.issue()
            }
            None if target == "/" && request.contains("Action=AssumeRole&") => {
                match self.signer(request, "sts") {
                    Ok(_) => self.issue_in_xml(),
                    Err(why) => (403, why),
                }
            }
            _ => (400, String::new()),
        }
    }

    /// New keys, as metadata services answer.
    fn issue(&self) -> (u16, String) {
        let mut state = self.state.lock().unwrap();
        let number = state.issued.len();
        let (id, secret) = (format!("ASIA{number}"), format!("issued/canary+{number}"));
        let token = format!("issued-canary-token-{number}");
        state
            .issued
            .push((format!("{id}:{secret}:{token}"), Instant::now()));
        let until = jiff::Timestamp::now() + self.lifetime;
        let until = until.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let answer = json!({
            "Code": "Success", "AccessKeyId": id, "SecretAccessKey": secret, "Token": token, "Expiration": until,
        });
        (200, answer.to_string())
    }

    fn issue_in_xml(&self) -> (u16, String) {
        let given: Value = serde_json::from_str(&self.issue().1).unwrap();
        let names = [
            ("AccessKeyId", "AccessKeyId"),
            ("SecretAccessKey", "SecretAccessKey"),
            ("SessionToken", "Token"),
            ("Expiration", "Expiration"),
        ];
        let element = |(name, key): (&str, &str)| {
            format!("<{name}>{}</{name}>", given[key].as_str().unwrap())
        };
        let inner: String = names.map(element).concat();
        (
            200,
            format!("<AssumeRoleResult><Credentials>{inner}</Credentials></AssumeRoleResult>"),
        )
    }

    fn model(&self, target: &str, request: &str) -> (u16, String) {
        let bearer = format!("\r\nauthorization: Bearer {API_KEY}\r\n");
        let whose = match request.contains(&bearer) {
            true => Ok("api key".to_owned()),
            false => self.signer(request, "bedrock"),
        };
        let mut state = self.state.lock().unwrap();
        match whose {
            Ok(whose) => state.served.push((target.to_owned(), whose)),
            Err(why) => {
                state.bad.push(format!("{why}:\n{request}"));
                return (403, json!({"message": why}).to_string());
            }
        }
        let answer = json!({
            "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn", "stop_sequence": null,
            "content": [{"type": "text", "text": "hello"}], "usage": {"input_tokens": 1, "output_tokens": 1},
        });
        (200, answer.to_string())
    }

    /// Whose signature a request has, or what is wrong with it.
    fn signer(&self, request: &str, service: &str) -> Result<String, String> {
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        let (first, headers) = head.split_once("\r\n").unwrap();
        let mut words = first.split(' ');
        let mut again = ::http::Request::builder()
            .method(words.next().unwrap())
            .uri(words.next().unwrap());
        let headers: Vec<_> = headers
            .lines()
            .filter_map(|line| line.split_once(": "))
            .collect();
        let header = |name: &str| {
            headers
                .iter()
                .find(|(one, _)| *one == name)
                .map(|(_, value)| *value)
        };
        for (name, value) in &headers {
            again = again.header(*name, *value);
        }
        let mut again = again.body(Bytes::copy_from_slice(body.as_bytes())).unwrap();
        let given = header("authorization").ok_or("not signed")?;
        let scope = given
            .split("Credential=")
            .nth(1)
            .and_then(|rest| rest.split(',').next());
        let scope: Vec<&str> = scope.ok_or("no scope")?.split('/').collect();
        let [id, _, region, of, "aws4_request"] = scope[..] else {
            return Err(format!("scope {scope:?}"));
        };
        if (region, of) != ("eu-central-1", service) {
            return Err(format!("signed for {of} in {region}"));
        }
        let keys = self.keys(id).ok_or_else(|| format!("no good keys {id}"))?;
        let date = header("x-amz-date").ok_or("no date")?;
        let date = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", date)
            .map_err(|why| why.to_string())?;
        let date = date.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
        aws::sign(&mut again, &keys, region, of, date)?;
        let token = keys.token.as_ref().map(|token| token.expose());
        let same =
            again.headers()["authorization"] == given && header("x-amz-security-token") == token;
        same.then(|| id.to_owned())
            .ok_or_else(|| "the signature does not match".to_owned())
    }

    /// The keys of this id, if they are good.
    fn keys(&self, id: &str) -> Option<Keys> {
        let state = self.state.lock().unwrap();
        let issued = state
            .issued
            .iter()
            .filter(|(_, at)| at.elapsed() < self.lifetime);
        let mut all = issued.map(|(text, _)| text.as_str()).chain(LASTING);
        Keys::stored(all.find(|text| text.split(':').next() == Some(id))?)
    }

    fn served(&self) -> Vec<(String, String)> {
        self.state.lock().unwrap().served.clone()
    }

    /// Whose the last request for a model was.
    fn last(&self) -> String {
        self.served().pop().unwrap().1
    }

    fn asked(&self) -> Vec<String> {
        self.state.lock().unwrap().asked.clone()
    }

    fn bad(&self) -> Vec<String> {
        self.state.lock().unwrap().bad.clone()
    }

    /// `gw provider create p`, with these further arguments.
    fn create<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        let start = ["provider", "create", "p", "--vendor", "bedrock"];
        let place = ["--base-url", &self.url, "--region", "eu-central-1"];
        [&start[..], &place, more].concat()
    }
}

fn ask(gateway: &Gateway, key: &str, model: &str) -> http::Answer {
    let body = json!({"model": model, "messages": [{"role": "user", "content": "Grüße"}], "max_tokens": 9});
    gateway.post("/v1/chat/completions", key, &body)
}

/// A gateway whose machine has these variables, provider `p` on it with this reference, and one request.
fn machine(cloud: &Cloud, reference: &str, variables: &[(&str, &str)]) -> Gateway {
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (*name, OsStr::new(value)))
        .collect();
    let gateway = Gateway::start_with_env(&["--in-memory"], &variables);
    gateway.ok(&cloud.create(&["--credential-ref", reference]));
    let key = gateway.key_with_route("k", &["--to", "p"]);
    let answer = ask(&gateway, &key, MODEL);
    assert_eq!(answer.status, 200, "{answer:?} {:?}", cloud.bad());
    shows_none(&gateway, &["canary"]);
    gateway
}

#[test]
fn stored_keys_sign_whatever_the_model_is_called() {
    let cloud = Cloud::start(Duration::MAX);
    let gateway = Gateway::start();
    let stdin = cloud.create(&["--credential-stdin"]);
    gateway.cli_with_input(&stdin, LASTING[0]).success();
    let arn = "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.anthropic.claude-opus-4-1-20250805-v1:0";
    let mut want = Vec::new();
    for (name, model, path) in [
        ("k", MODEL, "eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0"),
        (
            "l",
            arn,
            "arn%3Aaws%3Abedrock%3Aeu-central-1%3A123456789012%3Ainference-profile%2F\
             eu.anthropic.claude-opus-4-1-20250805-v1%3A0",
        ),
    ] {
        let key = gateway.key_with_route(name, &["--to", &format!("p/{model}")]);
        let answer = ask(&gateway, &key, "any");
        assert_eq!(answer.status, 200, "{answer:?} {:?}", cloud.bad());
        want.push((format!("/model/{path}/invoke"), "AKIDSTORED".to_owned()));
    }
    assert_eq!(cloud.served(), want);
    // Other keys in their place, then an API key.
    let set = ["provider", "set", "p", "--credential-stdin"];
    let key = gateway.key_with_route("m", &["--to", "p"]);
    for (secret, whose) in [(LASTING[1], "AKIDFILE"), (API_KEY, "api key")] {
        gateway.cli_with_input(&set, secret).success();
        assert_eq!(ask(&gateway, &key, MODEL).status, 200);
        assert_eq!(cloud.last(), whose);
    }
    assert_eq!(cloud.bad(), Vec::<String>::new());
    shows_none(&gateway, &["canary"]);
}

#[test]
fn a_profile_is_looked_at_alone_and_its_role_assumed() {
    let cloud = Cloud::start(Duration::from_secs(3600));
    let place = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = place.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let role = "arn:aws:iam::123456789012:role/gateway";
    let config = file(
        "config",
        &format!(
            "[profile role]\nrole_arn = {role}\nsource_profile = base\n[profile company]\nsso_session = x\n"
        ),
    );
    let base = "[base]\naws_access_key_id = AKIDFILE\naws_secret_access_key = file/canary+secret\n";
    let credentials = file("credentials", base);
    let variables = [
        ("AWS_CONFIG_FILE", config.as_str()),
        ("AWS_SHARED_CREDENTIALS_FILE", &credentials),
        ("AWS_ENDPOINT_URL_STS", &cloud.url),
        ("AWS_ACCESS_KEY_ID", "AKIDENV"),
        ("AWS_SECRET_ACCESS_KEY", "env/canary+secret"),
        ("AWS_BEARER_TOKEN_BEDROCK", API_KEY),
    ];
    machine(&cloud, "aws:base", &variables);
    assert_eq!(
        (cloud.last(), cloud.asked()),
        ("AKIDFILE".to_owned(), Vec::new())
    );
    let gateway = machine(&cloud, "aws:role", &variables);
    assert!(cloud.last().starts_with("ASIA"), "{}", cloud.last());
    let asked = cloud.asked().pop().unwrap();
    assert!(asked.contains("Credential=AKIDFILE/"), "{asked}");
    assert!(asked.ends_with(
        "&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fgateway&RoleSessionName=gw"
    ));
    let ran = gateway.cli(&["provider", "set", "p", "--credential-ref", "aws:company"]);
    let why = "profile `company` signs in by `sso_session`, which gw does not: give it keys or a role with";
    assert!(ran.stderr.contains(why), "{ran:?}");
    assert_eq!(cloud.bad(), Vec::<String>::new());
}

#[test]
fn the_machines_own_keys_are_found_where_they_are() {
    let cloud = Cloud::start(Duration::from_secs(3600));
    let container = format!("{}/container", cloud.url);
    let keys = [
        ("AWS_ACCESS_KEY_ID", "AKIDENV"),
        ("AWS_SECRET_ACCESS_KEY", "env/canary+secret"),
    ];
    let task = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", container.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "container-canary"),
    ];
    let instance = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", cloud.url.as_str())];
    let api_key = [("AWS_BEARER_TOKEN_BEDROCK", API_KEY)];
    for (variables, whose) in [
        ([&api_key[..], &keys, &task, &instance].concat(), "api key"),
        ([&keys[..], &task, &instance].concat(), "AKIDENV"),
        ([&task[..], &instance].concat(), "ASIA"),
        (instance.to_vec(), "ASIA"),
    ] {
        let gateway = machine(&cloud, "aws", &variables);
        let last = cloud.last();
        assert_eq!(last.trim_end_matches(|c: char| c.is_ascii_digit()), whose);
        let shown = gateway.ok(&["provider", "get", "p", "-o", "json"]);
        let shown: Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(shown["credential"], "aws", "{shown}");
        assert_eq!(shown["status"]["credential"], "aws", "{shown}");
    }
    // Each once or more, the container's before the instance's.
    let paths = [
        "/container",
        "/latest/api/token",
        ROLES,
        &format!("{ROLES}gateway"),
    ];
    let mut asked: Vec<String> = Vec::new();
    for request in cloud.asked() {
        let path = request.split(' ').nth(1).unwrap();
        if !asked.iter().any(|one| one == path) {
            asked.push(path.to_owned());
        }
    }
    assert_eq!(asked, paths);
    assert_eq!(cloud.bad(), Vec::<String>::new());
}

#[test]
fn a_machine_without_a_role_is_told_of_and_asked_again() {
    let cloud = Cloud::start(Duration::from_secs(3600));
    cloud.state.lock().unwrap().bare = true;
    let endpoint = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", OsStr::new(&cloud.url))];
    let gateway = Gateway::start_with_env(&["--in-memory"], &endpoint);
    let why = format!(
        "there are no credentials in the environment, the files or the container, and the machine's metadata service \
         gives none: `{ROLES}` is answered 404"
    );
    let create = cloud.create(&["--credential-ref", "aws"]);
    let refused = gateway.cli(&create);
    assert!(
        refused.code != Some(0) && refused.stderr.contains(&why),
        "{refused:?}"
    );
    gateway.ok(&[&create[..], &["--verify=false"]].concat());
    let key = gateway.key_with_route("k", &["--to", "p", "--retries", "0"]);
    let answer = ask(&gateway, &key, MODEL);
    assert!(
        answer.status >= 500 && !answer.body.contains("metadata"),
        "{answer:?}"
    );
    let shown = gateway.ok(&["provider", "get", "p", "-o", "json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["status"]["credential_error"], why, "{shown}");
    assert!(
        gateway
            .ok(&["provider", "describe", "p"])
            .contains("is answered 404")
    );
    cloud.state.lock().unwrap().bare = false;
    until("the machine's role is found", || {
        (ask(&gateway, &key, MODEL).status == 200).then_some(())
    });
    assert_eq!(cloud.bad(), Vec::<String>::new());
}

#[test]
fn keys_that_lapse_are_renewed_under_load() {
    let cloud = Cloud::start(Duration::from_secs(8));
    let endpoint = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", OsStr::new(&cloud.url))];
    let gateway = Gateway::start_with_env(&["--in-memory"], &endpoint);
    gateway.ok(&cloud.create(&["--credential-ref", "aws"]));
    let key = gateway.key_with_route("k", &["--to", "p"]);
    until("keys have been renewed twice", || {
        let answer = ask(&gateway, &key, MODEL);
        assert_eq!(answer.status, 200, "{answer:?} {:?}", cloud.bad());
        // The first were asked for when the provider was written.
        let number: u32 = cloud.last().trim_start_matches("ASIA").parse().unwrap();
        (number >= 3).then_some(())
    });
    assert_eq!(cloud.bad(), Vec::<String>::new());
    shows_none(&gateway, &["canary"]);
}
