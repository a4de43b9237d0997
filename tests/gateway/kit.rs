//! A gateway with everything planted before it starts: one user, keys, providers over one simulator, and a route
//! for each case, bound to a path of its own.

use crate::harness::{Gateway, http, until};
use gw::mock::{Mock, Outcome, Seen, Settings};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// What gw signs in with at the simulator.
pub const CREDENTIAL: &str = "sk-upstream-Zq8vW3nR5tY7uK2mB4xC";

/// A gateway in the making.
pub struct Plan {
    pub mock: Mock,
    config: String,
    items: Vec<Value>,
    secrets: Vec<(String, String)>,
    args: Vec<String>,
    env: Vec<(&'static str, String)>,
}

/// A running one.
pub struct Bench {
    pub gateway: Gateway,
    pub mock: Mock,
    /// The secret of key `k`, whose route takes any model to the simulator in the OpenAI format.
    pub key: String,
    secrets: Vec<(String, String)>,
    _place: tempfile::TempDir,
}

/// A plan with user `u`, key `k`, providers `m` (OpenAI format) and `a` (Anthropic format) over one simulator, and
/// the route `k`: as asked at `m`.
pub fn plan() -> Plan {
    let mock = Mock::start(Settings {
        expect_credential: Some(CREDENTIAL.into()),
        remember: 10_000,
        ..Settings::default()
    })
    .unwrap();
    let url = format!("{}/v1", mock.url());
    let mut plan = Plan {
        mock,
        config: String::new(),
        items: Vec::new(),
        secrets: Vec::new(),
        args: Vec::new(),
        env: Vec::new(),
    };
    plan.items.push(json!({"kind": "user", "name": "u"}));
    plan = plan
        .key("k", json!({}))
        .provider("m", json!({"vendor": "openai-compatible", "base_url": url}));
    plan = plan.provider(
        "a",
        json!({"vendor": "anthropic-compatible", "base_url": url}),
    );
    plan.route("k", json!({"keys": ["k"], "targets": [{"provider": "m"}]}))
}

impl Plan {
    pub fn item(mut self, kind: &str, name: &str, mut spec: Value) -> Plan {
        spec["kind"] = kind.into();
        spec["name"] = name.into();
        self.items.push(spec);
        self
    }
    /// A key of user `u`, or of the one the spec names.
    pub fn key(mut self, name: &str, mut spec: Value) -> Plan {
        let secret = gw::store::token::mint().unwrap().expose().to_owned();
        self.secrets.push((name.into(), secret.clone()));
        spec["secret"] = secret.into();
        if spec.get("user").is_none() {
            spec["user"] = "u".into();
        }
        self.item("key", name, spec)
    }
    /// A provider that signs in with [`CREDENTIAL`], unless the spec says otherwise.
    pub fn provider(self, name: &str, mut spec: Value) -> Plan {
        if spec.get("credential").is_none() {
            spec["credential"] = "managed".into();
            spec["credential_value"] = CREDENTIAL.into();
        }
        self.item("provider", name, spec)
    }
    pub fn route(self, name: &str, spec: Value) -> Plan {
        self.item("route", name, spec)
    }
    /// A route at the path `/NAME` over these `PROVIDER/MODEL` in this order, tried once each.
    pub fn at(self, name: &str, targets: &[&str]) -> Plan {
        self.at_with(name, targets, json!({}))
    }
    /// The same, with further fields.
    pub fn at_with(self, name: &str, targets: &[&str], mut spec: Value) -> Plan {
        let target = |text: &&str| {
            text.split_once('/').map_or_else(
                || json!({"provider": text}),
                |(provider, model)| json!({"provider": provider, "model": model}),
            )
        };
        spec["path"] = format!("/{name}").into();
        spec["targets"] = targets.iter().map(target).collect();
        if spec.get("retries").is_none() {
            spec["retries"] = 0.into();
        }
        self.route(name, spec)
    }
    /// Lines of `[limits]`.
    pub fn limits(mut self, lines: &str) -> Plan {
        self.config = format!("[limits]\n{lines}\n");
        self
    }
    /// Lines of `[logs]`.
    pub fn logs(mut self, lines: &str) -> Plan {
        self.config = format!("[logs]\n{lines}\n");
        self
    }
    /// Further arguments to `gw serve`.
    pub fn args(mut self, args: &[&str]) -> Plan {
        self.args.extend(args.iter().map(|arg| (*arg).to_owned()));
        self
    }
    /// A variable of `gw serve`'s.
    pub fn env(mut self, name: &'static str, value: &str) -> Plan {
        self.env.push((name, value.to_owned()));
        self
    }
    /// Starts it with state in memory.
    pub fn start(self) -> Bench {
        self.args(&["--in-memory"]).launch()
    }
    /// Starts it with what [`Plan::args`] say about state.
    pub fn launch(self) -> Bench {
        let place = tempfile::tempdir().unwrap();
        let (config, seed) = (place.path().join("gw.toml"), place.path().join("seed.json"));
        std::fs::write(&config, &self.config).unwrap();
        std::fs::write(&seed, json!({"items": self.items}).to_string()).unwrap();
        let mut args = vec![
            "--config",
            config.to_str().unwrap(),
            "-f",
            seed.to_str().unwrap(),
        ];
        args.extend(self.args.iter().map(String::as_str));
        let env = self.env.iter();
        let env: Vec<_> = env.map(|(name, value)| (*name, value.as_ref())).collect();
        let gateway = Gateway::start_with_env(&args, &env);
        Bench {
            gateway,
            mock: self.mock,
            key: self.secrets[0].1.clone(),
            secrets: self.secrets,
            _place: place,
        }
    }
}

impl Bench {
    pub fn secret(&self, name: &str) -> &str {
        self.secrets
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, secret)| secret.as_str())
            .unwrap()
    }
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.gateway.url)
    }
    fn bearer(&self) -> String {
        format!("Bearer {}", self.key)
    }
    pub fn post(&self, path: &str, body: &Value) -> http::Answer {
        self.gateway.post(path, &self.key, body)
    }
    /// Sends a POST and leaves reading to the caller.
    pub fn open(&self, path: &str, body: &Value) -> TcpStream {
        http::send(
            "POST",
            &self.url(path),
            &[
                ("authorization", &self.bearer()),
                ("content-type", "application/json"),
            ],
            &body.to_string(),
        )
    }
    /// A request on a bare socket; what comes back until the other side closes.
    pub fn raw(&self, request: &[u8]) -> String {
        let mut socket = self.socket();
        // The gateway may close before it has read everything.
        let _ = socket.write_all(request);
        drain(&mut socket)
    }
    pub fn host(&self) -> &str {
        self.gateway.url.strip_prefix("http://").unwrap()
    }
    pub fn socket(&self) -> TcpStream {
        let socket = TcpStream::connect(self.host()).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        socket
    }
    /// Head and body of a request that would be served, with this further text in its head.
    pub fn request(&self, path: &str, extra: &str, body: &str) -> String {
        format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n{extra}Content-Length: {}\r\n\r\n{body}",
            self.host(),
            self.key,
            body.len()
        )
    }
    /// All rows, newest first.
    pub fn rows(&self) -> Vec<Value> {
        self.gateway
            .ok(&["logs", "export"])
            .lines()
            .rev()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
    /// The row of an answered request, once it is there.
    #[track_caller]
    pub fn row(&self, answer: &http::Answer) -> Value {
        let id = answer
            .header("x-gw-request-id")
            .unwrap_or_else(|| panic!("no request id: {answer:?}"))
            .to_owned();
        self.row_where("the row is written", |row| row["id"] == *id)
    }
    /// The newest row for which this holds, once there is one.
    pub fn row_where(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        until(what, || self.rows().into_iter().find(&holds))
    }
    /// What the simulator saw of the request whose body holds `needle`, once it has ended.
    pub fn upstream(&self, needle: &str) -> Seen {
        until(&format!("the upstream has ended `{needle}`"), || {
            self.mock
                .requests()
                .into_iter()
                .rev()
                .find(|seen| seen.body.contains(needle) && seen.outcome != Outcome::Running)
        })
    }
}

/// A chat request in the OpenAI format. Anthropic's needs `max_tokens`, which does no harm here.
pub fn chat(model: &str, text: &str, stream: bool) -> Value {
    json!({"model": model, "max_tokens": 100, "stream": stream, "messages": [{"role": "user", "content": text}]})
}

/// Both formats: path and whether it is Anthropic's.
pub const FORMATS: [(&str, bool); 2] = [("/v1/chat/completions", false), ("/v1/messages", true)];

/// Reads until `needle` has come; panics where the stream ends before.
#[track_caller]
pub fn read_until(socket: &mut TcpStream, needle: &str) -> String {
    let (mut text, mut chunk) = (String::new(), [0; 4096]);
    while !text.contains(needle) {
        match socket.read(&mut chunk) {
            Ok(read @ 1..) => text.push_str(&String::from_utf8_lossy(&chunk[..read])),
            end => panic!("{end:?} before `{needle}` came:\n{text}"),
        }
    }
    text
}

/// What comes until the other side closes.
pub fn drain(socket: &mut TcpStream) -> String {
    let (mut bytes, mut chunk) = (Vec::new(), [0; 16 << 10]);
    loop {
        match socket.read(&mut chunk) {
            Ok(read @ 1..) => bytes.extend_from_slice(&chunk[..read]),
            Ok(0) => break,
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                ) =>
            {
                panic!(
                    "the connection stays open after: {}",
                    String::from_utf8_lossy(&bytes)
                )
            }
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The status of a raw answer; 0 where there is none.
pub fn status(answer: &str) -> u16 {
    answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok())
        .unwrap_or(0)
}

/// What a scripted upstream does with one connection after it has read a request.
pub enum Act {
    Say(&'static str),
    /// Waits until the other side has closed.
    Hold,
    /// Reads another request.
    Listen,
}

/// An upstream that does this on each connection in turn, then closes. Its URL, and how many connections came.
pub fn scripted(
    connections: Vec<Vec<Act>>,
) -> (String, std::sync::Arc<std::sync::atomic::AtomicUsize>) {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let count = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = count.clone();
    std::thread::spawn(move || {
        for acts in connections {
            let Ok((mut socket, _)) = listener.accept() else {
                return;
            };
            counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            std::thread::spawn(move || {
                hear(&mut socket);
                for act in acts {
                    match act {
                        Act::Say(text) => drop(socket.write_all(text.as_bytes())),
                        Act::Hold => drop(socket.read_to_end(&mut Vec::new())),
                        Act::Listen => drop(hear(&mut socket)),
                    }
                }
            });
        }
    });
    (url, count)
}

/// An upstream that answers every request with these bytes and closes. Its URL.
pub fn bytes_upstream(answer: Vec<u8>) -> String {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let Ok(mut socket) = socket else { return };
            hear(&mut socket);
            drop(socket.write_all(&answer));
        }
    });
    url
}

/// Reads one request with a Content-Length; what came of it where the other side closed.
pub fn hear(socket: &mut TcpStream) -> String {
    let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .split("content-length:")
                .nth(1)
                .and_then(|rest| rest.lines().next()?.trim().parse::<usize>().ok())
                .unwrap_or(0);
            if body.len() >= length {
                return text;
            }
        }
        match socket.read(&mut chunk) {
            Ok(read @ 1..) => bytes.extend_from_slice(&chunk[..read]),
            _ => return text,
        }
    }
}
