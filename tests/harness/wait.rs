//! Waiting for a condition, with a name and an end; nothing waits for a time.

#![allow(dead_code, clippy::unwrap_used)]

use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// How long a condition may take on a machine that is busy with something else.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `holds` gives something.
#[track_caller]
pub fn until<T>(what: &str, mut holds: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(value) = holds() {
            return value;
        }
        assert!(begin.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until the kernel says that every thread of the process is stopped.
#[track_caller]
pub fn until_stopped(pid: u32) {
    let stopped = |task: std::io::Result<std::fs::DirEntry>| {
        let stat = std::fs::read_to_string(task.unwrap().path().join("stat")).unwrap_or_default();
        stat.rsplit(") ")
            .next()
            .is_some_and(|rest| rest.starts_with('T'))
    };
    until("every thread is stopped", || {
        std::fs::read_dir(format!("/proc/{pid}/task"))
            .unwrap()
            .all(stopped)
            .then_some(())
    });
}

/// How long a command may take that is to end by itself.
const COMMAND: Duration = Duration::from_secs(300);

/// Runs a command to its end, which must come.
#[track_caller]
pub fn output(command: &mut Command) -> Output {
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    output_of(child, &format!("{command:?}"))
}

/// Waits for the end of a started command and of what it writes.
#[track_caller]
pub fn output_of(child: Child, what: &str) -> Output {
    let pid = child.id();
    let (send, end) = std::sync::mpsc::channel();
    std::thread::spawn(move || send.send(child.wait_with_output()));
    match end.recv_timeout(COMMAND) {
        Ok(output) => output.unwrap(),
        Err(_) => {
            // The thread above still waits for it, so that the number is still its own.
            #[cfg(unix)]
            if let Some(pid) = i32::try_from(pid)
                .ok()
                .and_then(rustix::process::Pid::from_raw)
            {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
            panic!("process {pid} does not end: {what}");
        }
    }
}

/// The lines of a running process, each of which must come in time.
pub struct Lines(std::sync::mpsc::Receiver<String>);

impl Lines {
    pub fn of(from: impl std::io::Read + Send + 'static) -> Lines {
        let (send, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let lines = std::io::BufRead::lines(std::io::BufReader::new(from));
            lines
                .map_while(Result::ok)
                .try_for_each(|line| send.send(line))
        });
        Lines(lines)
    }
}

impl Iterator for Lines {
    type Item = String;
    fn next(&mut self) -> Option<String> {
        use std::sync::mpsc::RecvTimeoutError::{Disconnected, Timeout};
        match self.0.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(Disconnected) => None,
            Err(Timeout) => panic!("waited in vain for a line"),
        }
    }
}

/// Sets a flag however a scope is left: threads that run until it is set end also where a check fails.
pub struct Raise<'a>(pub &'a std::sync::atomic::AtomicBool);

impl Drop for Raise<'_> {
    fn drop(&mut self) {
        self.0.store(true, std::sync::atomic::Ordering::Relaxed);
    }
}
