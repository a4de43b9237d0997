//! Programs in other languages: the environment that scripts/setup-tests.sh makes, and running them in it.

use super::{skip::skip, until};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The crate's directory.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where scripts/setup-tests.sh puts the test environment.
pub fn place() -> PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    std::env::var_os("GW_TEST_ENV").map_or_else(|| target.join("test-env"), PathBuf::from)
}

/// The test environment; `None`, and the test skipped, where it was not set up.
pub fn environment() -> Option<PathBuf> {
    let place = place();
    if place.join("python.done").exists() {
        return Some(place);
    }
    skip(&format!(
        "{} is not set up; run scripts/setup-tests.sh",
        place.display()
    ));
    None
}

/// The environment's Python, set to leave no files behind.
pub fn python(environment: &Path) -> Command {
    python_of(&environment.join("python"))
}

/// The Python of one of its other directories, the same way.
pub fn python_of(place: &Path) -> Command {
    let mut command = Command::new(place.join("bin/python"));
    command
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("PYTHONUNBUFFERED", "1")
        .stdin(Stdio::null());
    no_proxy(&mut command);
    command
}

/// Node with the environment's packages; `None` where there is no Node.
pub fn node(environment: &Path) -> Option<Command> {
    if !environment.join("node.done").exists() {
        return None;
    }
    let mut command = Command::new("node");
    command
        .env("GW_TEST_NODE", environment.join("node"))
        .stdin(Stdio::null());
    no_proxy(&mut command);
    Some(command)
}

fn no_proxy(command: &mut Command) {
    for (name, _) in std::env::vars() {
        if name.to_ascii_lowercase().ends_with("_proxy") {
            command.env_remove(name);
        }
    }
}

/// Runs a program to its end; panics with what it printed where it fails. Its stdout.
#[track_caller]
pub fn run(mut command: Command) -> String {
    let output = super::wait::output(&mut command);
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    );
    assert!(
        output.status.success(),
        "{} ({}):\n{out}{err}",
        command.get_program().display(),
        output.status
    );
    out
}

/// A server in another language; ended when dropped.
pub struct Server {
    child: Child,
}

impl Server {
    /// Starts it and waits for a line on its stdout that `ready` takes something from.
    pub fn start<T: Send + 'static>(
        mut command: Command,
        ready: impl Fn(&str) -> Option<T> + Send + 'static,
    ) -> (Server, T) {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (send, receive) = std::sync::mpsc::channel();
        // Reads on after the line it waits for: a full pipe would stop the server.
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Some(value) = ready(&line) {
                    let _ = send.send(value);
                }
            }
        });
        let value = until("the server says that it listens", || {
            if let Some(status) = child.try_wait().unwrap() {
                panic!("{command:?} ended early with {status}");
            }
            receive.try_recv().ok()
        });
        (Server { child }, value)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        super::terminate(&mut self.child);
    }
}

/// A loopback port that was free a moment ago, for servers that cannot choose one themselves.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}
