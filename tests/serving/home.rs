//! A user with a home and nothing in it, a `gw serve` of theirs in one terminal or behind a pipe, and commands in
//! another: nobody says where anything is.

use super::harness::{GW, until};
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};

pub struct Home(tempfile::TempDir);

impl Home {
    pub fn new() -> Home {
        let home = Home(tempfile::tempdir().unwrap());
        std::fs::create_dir(home.path("run")).unwrap();
        home
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// A program that finds nothing but this home in its environment.
    pub fn program(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.0.path())
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .env("GW", GW)
            .current_dir(self.0.path())
            .stdin(Stdio::null());
        command
    }

    /// `gw` with these arguments.
    pub fn gw(&self, args: &[&str]) -> Command {
        self.program(GW, args)
    }

    /// Runs `gw` to its end.
    pub fn run(&self, args: &[&str]) -> Output {
        super::harness::wait::output(self.gw(args).stdin(Stdio::null()))
    }

    /// Runs `gw`, which must succeed; its stdout.
    pub fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {output:?}");
        text(&output.stdout)
    }

    /// Runs a shell line on a terminal of its own.
    pub fn terminal(&self, line: &str, env: &[(&str, &str)]) -> Started {
        let mut command = self.program("script", &["-qec", line, "/dev/null"]);
        command.env("TERM", "xterm").envs(env.iter().copied());
        Started::start(command.stdin(Stdio::piped()))
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace("\r\n", "\n")
}

/// A process whose stdout and stderr can be read while it runs. Ended when dropped.
pub struct Started {
    child: Child,
    said: [Arc<Mutex<Vec<u8>>>; 2],
}

impl Started {
    pub fn start(command: &mut Command) -> Started {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let out = collect(child.stdout.take().unwrap());
        let err = collect(child.stderr.take().unwrap());
        Started {
            child,
            said: [out, err],
        }
    }

    pub fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.child)
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(self.pid(), signal).unwrap();
    }

    pub fn out(&self) -> String {
        text(&self.said[0].lock().unwrap())
    }

    pub fn err(&self) -> String {
        text(&self.said[1].lock().unwrap())
    }

    /// Waits until it has said `what`, on either stream.
    pub fn says(&mut self, what: &str) {
        until(&format!("it says {what:?}"), || {
            if self.out().contains(what) || self.err().contains(what) {
                return Some(());
            }
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none() || self.out().contains(what) || self.err().contains(what),
                "it ended with {ended:?} and never said {what:?}:\n{}{}",
                self.out(),
                self.err()
            );
            None
        });
    }

    /// Types on its terminal, or writes to its standard input.
    pub fn types(&mut self, keys: &str) {
        let stdin = self.child.stdin.as_mut().unwrap();
        stdin.write_all(keys.as_bytes()).unwrap();
        stdin.flush().unwrap();
    }

    /// Ends its standard input.
    pub fn close(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Waits for its end, and for what it said to have been read; the exit code. What it left running may hold its
    /// streams open, so that reading has a bound.
    pub fn ends(&mut self) -> Option<i32> {
        let code = until("it ends", || self.child.try_wait().unwrap()).code();
        let bound = std::time::Instant::now() + std::time::Duration::from_secs(5);
        let reading = |said: &Arc<Mutex<Vec<u8>>>| Arc::strong_count(said) > 1;
        while self.said.iter().any(reading) && std::time::Instant::now() < bound {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        code
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        super::harness::terminate(&mut self.child);
    }
}

fn collect(mut from: impl Read + Send + 'static) -> Arc<Mutex<Vec<u8>>> {
    let said = Arc::new(Mutex::new(Vec::new()));
    let into = said.clone();
    std::thread::spawn(move || {
        let mut piece = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut piece) {
            into.lock().unwrap().extend_from_slice(&piece[..count]);
        }
    });
    said
}
