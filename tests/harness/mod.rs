//! What the black-box tests share: a gateway of their own on free ports, the command line pointed at it, and a bare
//! HTTP client. Nothing waits for a fixed time, and only processes started here are ended here.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

pub mod clients;
pub mod http;
#[cfg(target_os = "linux")]
pub mod mount;
pub mod skip;
pub mod wait;

pub use wait::{PATIENCE, until};

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The binary under test.
pub const GW: &str = env!("CARGO_BIN_EXE_gw");
/// A running `gw serve`. Stopped when dropped.
pub struct Gateway {
    /// Where callers connect, such as `http://127.0.0.1:41234`.
    pub url: String,
    /// Value for `GW_ADMIN_URL`.
    pub admin: String,
    /// The process.
    pub pid: u32,
    child: Child,
    place: tempfile::TempDir,
}

impl Gateway {
    /// State in memory.
    pub fn start() -> Gateway {
        Gateway::start_with(&["--in-memory"])
    }

    /// State in the gateway's own temporary directory, with the sealed file for secrets.
    pub fn start_on_disk() -> Gateway {
        let place = tempfile::tempdir().unwrap();
        let data = place.path().join("data");
        Gateway::launch(place, &["--data-dir".as_ref(), data.as_os_str()], &[])
    }

    /// With these further arguments to `gw serve`.
    pub fn start_with<A: AsRef<OsStr>>(args: &[A]) -> Gateway {
        let args: Vec<&OsStr> = args.iter().map(AsRef::as_ref).collect();
        Gateway::launch(tempfile::tempdir().unwrap(), &args, &[])
    }

    /// With these further arguments and these variables.
    pub fn start_with_env(args: &[&str], env: &[(&str, &OsStr)]) -> Gateway {
        let args: Vec<&OsStr> = args.iter().map(AsRef::as_ref).collect();
        Gateway::launch(tempfile::tempdir().unwrap(), &args, env)
    }

    fn launch(place: tempfile::TempDir, args: &[&OsStr], env: &[(&str, &OsStr)]) -> Gateway {
        let ready = place.path().join("ready.json");
        // Socket paths have room for about a hundred bytes; a temporary directory's fits.
        let socket = format!("unix:{}", place.path().join("admin.sock").display());
        let log = std::fs::File::create(place.path().join("serve.log")).unwrap();
        let mut child = isolated(GW, place.path())
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--admin-listen",
                &socket,
                "--ready-file",
            ])
            .arg(&ready)
            .args(args)
            .env(
                "GW_SECRETS",
                if args.contains(&OsStr::new("--in-memory")) {
                    "memory"
                } else {
                    "sealed"
                },
            )
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let pid = child.id();
        let log = place.path().join("serve.log");
        let answer = until("gw serve is ready", || {
            if let Some(status) = child.try_wait().unwrap() {
                panic!(
                    "gw serve ended early with {status}:\n{}",
                    std::fs::read_to_string(&log).unwrap_or_default()
                );
            }
            serde_json::from_slice::<serde_json::Value>(&std::fs::read(&ready).ok()?).ok()
        });
        let text = |name: &str| {
            answer[name]
                .as_str()
                .unwrap_or_else(|| panic!("no `{name}` in {answer}"))
                .to_owned()
        };
        Gateway {
            url: text("url").trim_end_matches('/').to_owned(),
            admin: text("admin"),
            pid,
            child,
            place,
        }
    }

    /// A file or directory of this gateway's own.
    pub fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// What it has written to stdout and stderr.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("serve.log")).unwrap_or_default()
    }

    /// A command with this gateway's admin address, not yet run.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = isolated(GW, self.place.path());
        command
            .args(args)
            .env("GW_ADMIN_URL", &self.admin)
            .env("GW_NO_INPUT", "1")
            .stdin(Stdio::null());
        command
    }

    /// Runs a command.
    pub fn cli(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args), None, args)
    }

    /// Runs a command that reads `input`.
    pub fn cli_with_input(&self, args: &[&str], input: &str) -> Ran {
        Ran::of(self.command(args), Some(input), args)
    }

    /// Runs a command that must succeed; its stdout.
    pub fn ok(&self, args: &[&str]) -> String {
        self.cli(args).success()
    }

    /// A provider that signs in with `secret`, not tried out first.
    pub fn provider(&self, name: &str, vendor: &str, base_url: &str, secret: &str) {
        let args = [
            "provider",
            "create",
            name,
            "--vendor",
            vendor,
            "--base-url",
            base_url,
            "--credential-stdin",
            "--verify=false",
        ];
        self.cli_with_input(&args, secret).success();
    }

    /// A key `name` of the user `tester`, and a route of the same name for it, with these further arguments
    /// (`--to PROVIDER`, …). The secret.
    pub fn key_with_route(&self, name: &str, route: &[&str]) -> String {
        let secret = self.key(name);
        self.ok(&[&["route", "create", name, "--key", name], route].concat());
        secret
    }

    /// A key of the user `tester`; the secret.
    pub fn key(&self, name: &str) -> String {
        self.ok(&["user", "create", "tester", "--if-not-exists"]);
        let file = self.path(&format!("{name}.key"));
        self.ok(&[
            "key",
            "create",
            name,
            "--user",
            "tester",
            "--output-file",
            file.to_str().unwrap(),
        ]);
        std::fs::read_to_string(file).unwrap().trim().to_owned()
    }

    /// Sends a POST with the key and reads the whole answer.
    pub fn post(&self, path: &str, key: &str, body: &serde_json::Value) -> http::Answer {
        http::post(
            &format!("{}{path}", self.url),
            &[("authorization", &format!("Bearer {key}"))],
            body,
        )
    }

    /// Asks it to stop and waits; the exit code.
    pub fn stop(&mut self) -> Option<i32> {
        terminate(&mut self.child)
    }

    /// Ends it without a word, as a power cut or `kill -9` would.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- gw serve said ---\n{}", self.log());
        }
        terminate(&mut self.child);
    }
}

/// SIGTERM where there is such a thing, the hard way after a while or elsewhere.
pub fn terminate(child: &mut Child) -> Option<i32> {
    if let Ok(Some(status)) = child.try_wait() {
        return status.code();
    }
    #[cfg(unix)]
    if let Some(pid) = i32::try_from(child.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw)
    {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            if let Ok(Some(status)) = child.try_wait() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    let _ = child.kill();
    child.wait().ok().and_then(|status| status.code())
}

/// A command that sees nothing of the user's own settings, state, clouds or proxies.
fn isolated(program: &str, home: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars() {
        let own = [
            "GW_",
            "OTEL_",
            "AWS_",
            "AZURE_",
            "GOOGLE_",
            "GCE_",
            "CLOUDSDK_",
            "IDENTITY_",
        ];
        let own = own.iter().any(|start| name.starts_with(start));
        if own || name.to_ascii_lowercase().ends_with("_proxy") {
            command.env_remove(name);
        }
    }
    command
        .current_dir(home)
        .env("HOME", home)
        .env("XDG_CONFIG_HOME", home.join("config"))
        .env("XDG_DATA_HOME", home.join("share"));
    command
        .env("XDG_RUNTIME_DIR", home)
        .env("XDG_STATE_HOME", home.join("state"))
        .env("NO_COLOR", "1");
    command
}

/// How a command ended.
#[derive(Debug)]
pub struct Ran {
    pub what: String,
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn of(mut command: Command, input: Option<&str>, args: &[&str]) -> Ran {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        if input.is_some() {
            command.stdin(Stdio::piped());
        }
        let mut child = command.spawn().unwrap();
        if let (Some(mut pipe), Some(input)) = (child.stdin.take(), input) {
            // A command that fails early may not read it.
            let _ = pipe.write_all(input.as_bytes());
        }
        let output = wait::output_of(child, &format!("gw {}", args.join(" ")));
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ran {
            what: format!("gw {}", args.join(" ")),
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// Its stdout; panics where it failed.
    #[track_caller]
    pub fn success(self) -> String {
        assert_eq!(
            self.code,
            Some(0),
            "`{}` failed:\n{}{}",
            self.what,
            self.stdout,
            self.stderr
        );
        self.stdout
    }

    /// Its stdout as JSON; panics where it failed.
    #[track_caller]
    pub fn json(self) -> serde_json::Value {
        let what = self.what.clone();
        let stdout = self.success();
        serde_json::from_str(&stdout)
            .unwrap_or_else(|error| panic!("`{what}` did not print JSON ({error}):\n{stdout}"))
    }
}
