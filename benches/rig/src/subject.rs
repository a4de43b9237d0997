//! A subject: a server that stands between callers and the upstream. How it is configured and started is a script in
//! `benches/subjects`, whose verbs its head comments; here it is run, alone on its core.

use crate::wire::Ask;
use crate::{Failure, process};
use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The core that subjects have to themselves; upstream and load tool have another.
pub const CORE: &str = "0";
/// How long a subject may take to go.
const GOING: Duration = Duration::from_secs(10);

/// What all subjects are started with.
pub struct Stage {
    /// Where the scripts are.
    pub scripts: PathBuf,
    pub upstream: SocketAddr,
    /// A directory that goes when the run ends.
    pub place: PathBuf,
}

pub struct Subject {
    script: PathBuf,
    environment: Vec<(String, String)>,
    place: PathBuf,
    /// By case: `openai`, `translated`.
    asks: HashMap<String, Ask>,
    child: Option<Child>,
}

impl Subject {
    /// Configures it; `name` is unique in a run.
    pub fn prepare(
        stage: &Stage,
        name: &str,
        script: &str,
        variant: &str,
    ) -> Result<Subject, Failure> {
        let place = stage.place.join(name);
        std::fs::create_dir_all(&place)?;
        let listen = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let environment = vec![
            ("PLACE".into(), place.display().to_string()),
            ("UPSTREAM".into(), stage.upstream.to_string()),
            ("LISTEN".into(), listen.clone()),
            ("VARIANT".into(), variant.into()),
        ];
        let mut subject = Subject {
            script: stage.scripts.join(format!("{script}.sh")),
            environment,
            place,
            asks: HashMap::new(),
            child: None,
        };
        let prepared = subject.command(&[], "prepare").output()?;
        if !prepared.status.success() {
            let said = String::from_utf8_lossy(&prepared.stderr).into_owned();
            return Err(format!("`{script}.sh prepare`: {said}").into());
        }
        let asks = std::fs::read_to_string(subject.place.join("asks"))?;
        for line in asks.lines() {
            let mut words = line.split('\t').map(str::to_owned);
            let (Some(case), Some(path), Some(model)) = (words.next(), words.next(), words.next())
            else {
                return Err(format!(
                    "`{script}.sh`: `asks` has lines CASE PATH MODEL HEADER…, not `{line}`"
                )
                .into());
            };
            let ask = Ask {
                host: listen.clone(),
                path,
                model,
                headers: words.collect(),
            };
            subject.asks.insert(case, ask);
        }
        Ok(subject)
    }

    /// Starts it; it may not be ready yet. When that was.
    pub fn start(&mut self) -> Result<Instant, Failure> {
        let log = std::fs::File::create(self.place.join("output"))?;
        let alone = ["setpriv", "--pdeathsig", "TERM", "taskset", "-c", CORE];
        let begin = Instant::now();
        let child = self
            .command(&alone, "serve")
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()?;
        self.child = Some(child);
        Ok(begin)
    }

    pub fn stop(&mut self) {
        let Some(mut child) = self.child.take() else {
            return;
        };
        let Some(group) = rustix::process::Pid::from_raw(child.id() as i32) else {
            return;
        };
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::TERM);
        // One that stands still hears of it once it goes on.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::CONT);
        let begin = Instant::now();
        while begin.elapsed() < GOING {
            if !matches!(child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        let _ = child.wait();
    }

    /// Stops it where it is, or lets it go on: what one subject does behind its answers is not to disturb another.
    pub fn pause(&self, pause: bool) {
        let signal = match pause {
            true => rustix::process::Signal::STOP,
            false => rustix::process::Signal::CONT,
        };
        if let Some(group) = self
            .pid()
            .and_then(|pid| rustix::process::Pid::from_raw(pid as i32))
        {
            let _ = rustix::process::kill_process_group(group, signal);
        }
    }

    /// Has it come before whatever else runs on the machine, or no longer. Not by a real-time policy: under that its threads would wait
    /// for each other a hundred milliseconds at a time, as they do nowhere else.
    pub fn come_first(&self, first: bool) -> Result<(), Failure> {
        let niceness = if first { "-20" } else { "0" };
        let family = self.pid().map(process::family).transpose()?;
        let mut threads = Vec::new();
        for pid in family.unwrap_or_default() {
            threads.extend(process::tasks(pid)?);
        }
        if threads.is_empty() {
            return Ok(());
        }
        let done = Command::new("renice")
            .args(["-n", niceness, "-p"])
            .args(threads)
            .output()?;
        match done.status.success() {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&done.stderr).into_owned().into()),
        }
    }

    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// How it is asked. One that cannot be told where to listen writes the address into `listens`, beside its `asks`.
    pub fn ask(&self, case: &str) -> Result<Ask, Failure> {
        let missing = || format!("`{}` names no case `{case}`", self.script.display());
        let mut ask = self.asks.get(case).ok_or_else(missing)?.clone();
        if let Ok(listens) = std::fs::read_to_string(self.place.join("listens")) {
            ask.host = listens.trim().to_owned();
        }
        Ok(ask)
    }

    /// What the script says to another verb, for a subject that is running.
    pub fn tell(&self, verb: &str) -> Result<String, Failure> {
        let told = self.command(&[], verb).output()?;
        if !told.status.success() {
            let said = String::from_utf8_lossy(&told.stderr).into_owned();
            return Err(format!("`{} {verb}`: {said}", self.script.display()).into());
        }
        Ok(String::from_utf8_lossy(&told.stdout).trim().to_owned())
    }

    /// The end of what it wrote to its output, for errors.
    pub fn said(&self) -> String {
        last(&self.place.join("output"), 2_000)
    }

    fn command(&self, before: &[&str], verb: &str) -> Command {
        // What starts it may come before everything else.
        let ordinary = ["chrt", "-o", "0", "bash"];
        let words = before
            .iter()
            .chain(&ordinary)
            .map(|word| (*word).into())
            .chain([self.script.clone().into_os_string(), verb.into()]);
        let mut words = words.collect::<Vec<std::ffi::OsString>>().into_iter();
        let mut command = Command::new(words.next().unwrap_or_default());
        command
            .args(words)
            .envs(self.environment.iter().cloned())
            .env("HOME", &self.place)
            .env("XDG_RUNTIME_DIR", &self.place)
            .current_dir(&self.place)
            .stdin(Stdio::null());
        command
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        self.stop();
    }
}

fn last(file: &Path, bytes: usize) -> String {
    let text = std::fs::read(file).unwrap_or_default();
    String::from_utf8_lossy(&text[text.len().saturating_sub(bytes)..]).into_owned()
}
