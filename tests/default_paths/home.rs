//! A user of their own, and the gateways they start.

use super::harness::{until, wait};
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

pub const GW: &str = env!("CARGO_BIN_EXE_gw");

/// `home`, `run` (the runtime directory) and `work` (the working directory) in a directory of their own.
pub struct Home {
    dir: tempfile::TempDir,
}

/// How a command ended.
#[derive(Debug, PartialEq)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Home {
    pub fn new() -> Home {
        use std::os::unix::fs::DirBuilderExt;
        // Short, because socket paths are.
        let dir = tempfile::Builder::new().prefix("gw").tempdir().unwrap();
        for name in ["home", "run", "project"] {
            std::fs::DirBuilder::new()
                .mode(0o700)
                .create(dir.path().join(name))
                .unwrap();
        }
        Home { dir }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A program that knows of nothing but this user.
    pub fn program(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path("home"))
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .env("TMPDIR", self.path("project"))
            .current_dir(self.path("project"))
            .stdin(Stdio::null());
        command
    }

    pub fn gw<A: AsRef<OsStr>>(&self, args: &[A]) -> Command {
        let mut command = self.program(GW);
        command.args(args);
        command
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        self.ran(self.gw(args))
    }

    pub fn ran(&self, mut command: Command) -> Ran {
        let output = wait::output(&mut command);
        // The place is another one each time.
        let text = |bytes: &[u8]| {
            String::from_utf8_lossy(bytes).replace(&self.dir.path().display().to_string(), "~")
        };
        Ran {
            code: output.status.code(),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }

    /// `gw serve` on some free port and otherwise as it comes; ready when this returns.
    pub fn serve(&self) -> Serving {
        self.serve_as(&[], |_| {})
    }

    /// The same with further arguments, and with what `prepare` does to the command.
    pub fn serve_as(&self, args: &[&str], prepare: impl FnOnce(&mut Command)) -> Serving {
        self.serve_by(self.gw::<&str>(&[]), args, prepare)
    }

    /// The same where no process may have more open files than this.
    pub fn serve_with_files(
        &self,
        most: u32,
        args: &[&str],
        prepare: impl FnOnce(&mut Command),
    ) -> Serving {
        let mut shell = self.program("sh");
        shell.args([
            "-c",
            &format!("ulimit -Sn {most}; ulimit -Hn {most}; exec \"$0\" \"$@\""),
            GW,
        ]);
        self.serve_by(shell, args, prepare)
    }

    fn serve_by(
        &self,
        mut command: Command,
        args: &[&str],
        prepare: impl FnOnce(&mut Command),
    ) -> Serving {
        let place = tempfile::tempdir().unwrap();
        let (ready, log) = (place.path().join("ready"), place.path().join("log"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--ready-file"]);
        command
            .arg(&ready)
            .args(args)
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).unwrap());
        prepare(&mut command);
        let mut child = command.spawn().unwrap();
        let facts = until("gw serve is ready", || {
            if let Ok(text) = std::fs::read(&ready) {
                return Some(serde_json::from_slice(&text).unwrap());
            }
            let said = || std::fs::read_to_string(&log).unwrap_or_default();
            assert!(child.try_wait().unwrap().is_none(), "ended: {}", said());
            None
        });
        Serving {
            child,
            facts,
            home: self.dir.path().to_owned(),
            place,
        }
    }
}

/// A running gateway, asked to stop and waited for when dropped.
pub struct Serving {
    child: Child,
    facts: serde_json::Value,
    home: PathBuf,
    place: tempfile::TempDir,
}

impl Serving {
    /// The admin address it announces, with `~` for the user's place.
    pub fn admin(&self) -> String {
        let admin = self.facts["admin"].as_str().unwrap();
        admin.replace(&self.home.display().to_string(), "~")
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where callers connect.
    pub fn url(&self) -> &str {
        self.facts["url"].as_str().unwrap()
    }

    /// What it said on standard error.
    pub fn said(&self) -> String {
        let text = std::fs::read_to_string(self.place.path().join("log")).unwrap();
        text.replace(&self.home.display().to_string(), "~")
    }
}

impl Serving {
    /// Ends it without a word; dropping it then waits for that.
    pub fn kill(&self) {
        let pid = i32::try_from(self.child.id()).unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).unwrap();
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.child.wait();
    }
}
