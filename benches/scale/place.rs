//! A gateway under measurement, in a directory of its own.

use gw::client::Client;
use gw::mock::Mock;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub const GW: &str = env!("CARGO_BIN_EXE_gw");

pub struct Place {
    pub dir: tempfile::TempDir,
}

/// A running gateway; ended when dropped.
pub struct Gateway {
    child: Child,
    /// `HOST:PORT`.
    pub address: String,
    pub ready_after: Duration,
    dir: PathBuf,
}

impl Place {
    pub fn new() -> Place {
        Place {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn command(&self, program: &[&str]) -> Command {
        let mut command = Command::new(program[0]);
        command
            .args(&program[1..])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.dir.path())
            .env("XDG_RUNTIME_DIR", self.dir.path())
            .env("GW_SECRETS", "sealed")
            .env("GW_NO_INPUT", "1")
            .env("GW_DATA_DIR", self.data())
            .env("GW_ADMIN_URL", admin(self.dir.path()))
            // The rows are of some time ago.
            .env("GW_LOGS__MAX_AGE", "36500d")
            .env("GW_LOGS__CONTENT_MAX_AGE", "36500d")
            .stdin(Stdio::null());
        command
    }

    /// Writes a file with one of each record that a request needs; where it is, and the key's secret.
    pub fn seed(&self, mock: &Mock) -> (String, String) {
        let secret = gw::store::token::mint().unwrap().expose().to_owned();
        let items = json!({"items": [
            {"kind": "provider", "name": "p", "vendor": "openai-compatible", "base_url": format!("{}/v1", mock.url()),
                "credential": "managed", "credential_value": "sk-upstream-Zq8vW3nR5tY7uK2mB4xC"},
            {"kind": "user", "name": "u"},
            {"kind": "key", "name": "k", "user": "u", "secret": secret},
            {"kind": "route", "name": "k", "keys": ["k"], "targets": [{"provider": "p"}]},
        ]});
        let seed = self.dir.path().join("seed.json");
        fs::write(&seed, items.to_string()).unwrap();
        (seed.to_str().unwrap().to_owned(), secret)
    }

    /// Starts it; `before` stands before the binary (what watches it), `args` behind `serve`.
    pub fn start(&self, before: &[&str], args: &[&str]) -> Gateway {
        let ready = self.dir.path().join("ready.json");
        let _ = fs::remove_file(&ready);
        let began = Instant::now();
        let said = fs::File::create(self.dir.path().join("serve.log")).unwrap();
        let mut child = self
            .command(&[before, &[GW]].concat())
            .args(["serve", "--listen", "127.0.0.1:0", "--admin-listen"])
            .arg(admin(self.dir.path()))
            .arg("--ready-file")
            .arg(&ready)
            .args(args)
            .stdout(said.try_clone().unwrap())
            .stderr(said)
            .spawn()
            .unwrap();
        let told = loop {
            let told = fs::read(&ready).ok();
            let told =
                told.and_then(|told| serde_json::from_slice::<serde_json::Value>(&told).ok());
            if let Some(told) = told {
                break told;
            }
            if let Some(status) = child.try_wait().unwrap() {
                let said = fs::read_to_string(self.dir.path().join("serve.log"));
                panic!("gw serve ended with {status}: {}", said.unwrap());
            }
            std::thread::sleep(Duration::from_micros(500));
        };
        let url = told["url"].as_str().unwrap();
        Gateway {
            address: url
                .trim_start_matches("http://")
                .trim_end_matches('/')
                .to_owned(),
            ready_after: began.elapsed(),
            child,
            dir: self.dir.path().to_owned(),
        }
    }

    /// Runs a command, and how long it took.
    pub fn gw(&self, args: &[&str]) -> (String, Duration) {
        let began = Instant::now();
        let output = self.command(&[GW]).args(args).output().unwrap();
        let took = began.elapsed();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "{args:?}: {said}");
        (said, took)
    }
}

fn admin(dir: &Path) -> String {
    format!("unix:{}", dir.join("admin.sock").display())
}

impl Gateway {
    pub fn client(&self) -> Client {
        Client::new(admin(&self.dir).parse().unwrap(), None).unwrap()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// A line of its status, in the unit that is there: KiB for sizes.
    pub fn status(&self, name: &str) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Resident memory as text.
    pub fn memory(&self) -> String {
        format!("{:.1} MB", self.status("VmRSS:") as f64 / 1000.0 * 1.024)
    }

    /// How often its threads have gone to sleep so far: each wake-up ends in one more.
    pub fn sleeps(&self) -> u64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.pid())).unwrap();
        tasks
            .filter_map(|task| fs::read_to_string(task.ok()?.path().join("status")).ok())
            .filter_map(|text| {
                let mut lines = text.lines();
                let line = lines.find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"))?;
                line.trim().parse::<u64>().ok()
            })
            .sum()
    }

    /// Wake-ups a second, and CPU a second, over so many seconds in which nothing is asked of it.
    pub fn idle(&self, seconds: u64) -> String {
        let (sleeps, cpu) = (self.sleeps(), self.cpu());
        std::thread::sleep(Duration::from_secs(seconds));
        let wakes = self.sleeps().saturating_sub(sleeps) as f64 / seconds as f64;
        // Of a thread that has ended nothing is known any more.
        let cpu = self.cpu().saturating_sub(cpu).as_micros() as f64 / seconds as f64;
        format!("{wakes:.1} wake-ups/s, {cpu:.0} us CPU/s")
    }

    /// CPU time of all threads, as the scheduler counts it.
    pub fn cpu(&self) -> Duration {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.pid())).unwrap();
        let nanos = tasks.filter_map(|task| {
            let text = fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(nanos.sum())
    }

    /// Asks it to stop, and waits until it has.
    pub fn stop(mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
