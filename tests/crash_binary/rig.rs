//! `gw serve` on a directory that outlives it, and a bare client of its admin socket that sees an answer break off.

use super::harness::wait::output_of;
use super::harness::{GW, PATIENCE, http, until};
use serde_json::Value;
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Instant;

/// Rounds of a test: `GW_ROUNDS`, or this many.
pub fn rounds(default: usize) -> usize {
    std::env::var("GW_ROUNDS")
        .ok()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(default)
}

/// A number a loop can choose by; the seed makes a failing round repeatable.
pub fn random(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed
}

/// `gw serve` that sees nothing of the user's settings, on free ports and with its admin socket in `place`.
pub fn serve(place: &Path) -> Command {
    let mut command = Command::new(GW);
    for (name, _) in std::env::vars() {
        if name.starts_with("GW_")
            || name.ends_with("_API_KEY")
            || name.to_ascii_lowercase().ends_with("_proxy")
        {
            command.env_remove(name);
        }
    }
    command
        .env_remove("DBUS_SESSION_BUS_ADDRESS")
        .env("GW_SECRETS", "sealed")
        .env("NO_COLOR", "1")
        .env("HOME", place);
    for (name, at) in [
        ("XDG_CONFIG_HOME", "config"),
        ("XDG_DATA_HOME", "share"),
        ("XDG_RUNTIME_DIR", "run"),
        ("XDG_STATE_HOME", "state"),
    ] {
        command.env(name, place.join(at));
    }
    command
        .current_dir(place)
        .args(["serve", "--listen", "127.0.0.1:0", "--admin-listen"])
        .arg(format!("unix:{}", place.join("admin.sock").display()));
    command.stdin(Stdio::null());
    command
}

/// The size in MiB of a disk on which the request log is kept, which it is not below 512.
pub const LOGGED: u64 = 900;

/// Flags that give the data directory.
pub fn on(data: &Path) -> [&OsStr; 2] {
    [OsStr::new("--data-dir"), data.as_os_str()]
}

/// A start that is to fail: its exit code and stderr.
pub fn refused(mut command: Command) -> (Option<i32>, String) {
    let child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let output = output_of(child, "a start that is to fail");
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

/// A running `gw serve`; killed when dropped.
pub struct Live {
    /// Where callers connect.
    pub url: String,
    pub admin: Admin,
    pub pid: u32,
    child: Child,
    log: PathBuf,
}

impl Live {
    /// Starts on a data directory; `place` holds its socket, ready file and output.
    pub fn start(place: &Path, data: &Path) -> Live {
        let mut command = serve(place);
        command.args(on(data));
        Live::launch(place, command)
    }

    pub fn launch(place: &Path, mut command: Command) -> Live {
        let (ready, log) = (place.join("ready.json"), place.join("serve.log"));
        let _ = std::fs::remove_file(&ready);
        let output = std::fs::File::create(&log).unwrap();
        command
            .arg("--ready-file")
            .arg(&ready)
            .stdout(output.try_clone().unwrap())
            .stderr(output);
        let mut child = command.spawn().unwrap();
        let pid = child.id();
        let answer = until("gw serve is ready", || {
            if let Some(status) = child.try_wait().unwrap() {
                panic!(
                    "gw serve ended early with {status}:\n{}",
                    std::fs::read_to_string(&log).unwrap_or_default()
                );
            }
            serde_json::from_slice::<Value>(&std::fs::read(&ready).ok()?).ok()
        });
        let url = answer["url"]
            .as_str()
            .unwrap()
            .trim_end_matches('/')
            .to_owned();
        let admin = Admin(PathBuf::from(
            answer["admin"]
                .as_str()
                .unwrap()
                .trim_start_matches("unix:"),
        ));
        Live {
            url,
            admin,
            pid,
            child,
            log,
        }
    }

    /// What it has said so far.
    pub fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// `gw` towards this gateway: its exit code, and what it printed to both streams.
    pub fn gw(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = Command::new(GW)
            .env_clear()
            .env("HOME", self.log.parent().unwrap())
            .env("GW_ADMIN_URL", format!("unix:{}", self.admin.0.display()))
            .args(arguments)
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.code(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(self.pid as i32).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// SIGKILL, and waits until it is gone.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and waits for its end.
    pub fn stop(mut self) -> ExitStatus {
        self.signal(rustix::process::Signal::TERM);
        self.wait()
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> ExitStatus {
        until("gw serve ends", || self.child.try_wait().unwrap())
    }

    /// Sends a chat request with a key.
    pub fn chat(&self, key: &str, model: &str) -> http::Answer {
        chat(&self.url, key, model)
    }

    pub fn readyz(&self) -> (u16, Value) {
        let answer = http::get(&format!("{}/readyz", self.url));
        (answer.status, answer.json())
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- gw serve said ---\n{}", self.said());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn chat(url: &str, key: &str, model: &str) -> http::Answer {
    let body =
        serde_json::json!({"model": model, "messages": [{"role": "user", "content": "hello"}]});
    http::post(
        &format!("{url}/v1/chat/completions"),
        &[("authorization", &format!("Bearer {key}"))],
        &body,
    )
}

/// The same where the gateway may go away meanwhile: the request's id, once its answer was whole and good.
pub fn try_chat(url: &str, key: &str, model: &str) -> Option<String> {
    let socket = TcpStream::connect(url.strip_prefix("http://")?).ok()?;
    socket.set_read_timeout(Some(PATIENCE)).ok()?;
    let body =
        serde_json::json!({"model": model, "messages": [{"role": "user", "content": "hello"}]})
            .to_string();
    let (head, _) = exchange(
        socket,
        &format!("POST /v1/chat/completions HTTP/1.1\r\nhost: gw\r\nauthorization: Bearer {key}"),
        &body,
    )?;
    let id = head
        .lines()
        .find_map(|line| line.strip_prefix("x-gw-request-id:"))?
        .trim()
        .to_owned();
    (status(&head)? == 200).then_some(id)
}

/// Head and body of an answer of a said length; `None` where it broke off.
fn exchange(mut socket: impl Read + Write, head: &str, body: &str) -> Option<(String, String)> {
    let length = body.len();
    let request = format!(
        "{head}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    socket.write_all(request.as_bytes()).ok()?;
    let mut bytes = Vec::new();
    socket.read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let length: usize = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok())?;
    (body.len() == length).then(|| (head.to_owned(), body.to_owned()))
}

fn status(head: &str) -> Option<u16> {
    head.split(' ').nth(1)?.parse().ok()
}

/// The admin socket.
#[derive(Clone)]
pub struct Admin(pub PathBuf);

impl Admin {
    /// Status and body; `None` where no whole answer came.
    pub fn try_call(&self, method: &str, path: &str, body: &Value) -> Option<(u16, Value)> {
        let socket = UnixStream::connect(&self.0).ok()?;
        socket.set_read_timeout(Some(PATIENCE)).ok()?;
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let (head, body) = exchange(
            socket,
            &format!("{method} /api/v1{path} HTTP/1.1\r\nhost: localhost"),
            &body,
        )?;
        Some((
            status(&head)?,
            serde_json::from_str(&body).unwrap_or(Value::Null),
        ))
    }

    #[track_caller]
    pub fn call(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        self.try_call(method, path, body)
            .unwrap_or_else(|| panic!("{method} {path}: no answer"))
    }

    /// A call that must succeed.
    #[track_caller]
    pub fn ok(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.call(method, path, body);
        assert!(
            (200..300).contains(&status),
            "{method} {path}: {status} {answer}"
        );
        answer
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Value {
        self.ok("GET", path, &Value::Null)
    }

    /// A user, a mock provider with a managed credential, a key and a route for it; the key's secret.
    pub fn furnish(&self, mock: &str, credential: &str) -> String {
        self.ok("POST", "/users", &serde_json::json!({"name": "base"}));
        let provider = serde_json::json!({"name": "base", "vendor": "mock", "base_url": format!("{mock}/v1"), "credential_value": credential});
        self.ok("POST", "/providers?verify=false", &provider);
        let key = self.ok(
            "POST",
            "/keys",
            &serde_json::json!({"name": "base", "user": "base"}),
        );
        self.ok("POST", "/routes", &serde_json::json!({"name": "base", "keys": ["base"], "targets": [{"provider": "base"}]}));
        key["secret"].as_str().unwrap().to_owned()
    }

    /// Every log row, newest first.
    pub fn logs(&self) -> Vec<Value> {
        let (mut rows, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.get(&format!("/logs?limit=1000{cursor}"));
            rows.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return rows,
            }
        }
    }
}

/// Milliseconds, for figures.
pub fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}
