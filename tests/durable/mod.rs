//! What the durability tests share: a writer that runs as a child process (this same test binary, started again)
//! and prints what was acknowledged, and the check of what is found afterwards.

#![allow(clippy::unwrap_used, clippy::expect_used, dead_code)]
#[path = "../harness/wait.rs"]
pub mod wait;

use gw::resources::Record;
use gw::store::records::sled::Options;
use gw::store::records::{Actor, Change, Commit, Records, Sled};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

/// Acknowledged versions by name, and the newest acknowledged revision.
#[derive(Clone, Debug, Default)]
pub struct Acks {
    pub versions: BTreeMap<String, u64>,
    pub revision: u64,
    pub count: usize,
}

/// A number a loop can choose by; the seed makes a failing round repeatable.
pub fn random(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed
}

pub fn record(name: &str, version: u64, size: usize) -> Record {
    let text = format!("{name} {version} {}", "x".repeat(size));
    let record = serde_json::json!({"kind": "user", "name": name, "version": version, "created": 0, "updated": 0, "spec": {"display": text}});
    serde_json::from_value(record).unwrap()
}

pub fn options() -> Options {
    // A short audit log, so that rotation and exports are under way when the end comes.
    Options {
        ballast: 0,
        audit: 256 << 10,
        ..Options::default()
    }
}

/// Commits until it is killed; a line on standard output for each acknowledged record. One transaction in four changes two.
pub fn write_for_ever(dir: &Path) -> ! {
    let store = Sled::open_with(dir, options()).expect("the child opens the store");
    let mut versions: BTreeMap<String, u64> = store
        .state()
        .iter()
        .map(|record| (record.name.clone(), record.version))
        .collect();
    let mut seed = u64::from(std::process::id()) * 2_654_435_761 + 1;
    let mut out = std::io::stdout();
    writeln!(out, "\nready").unwrap();
    loop {
        let first = random(&mut seed) % 200;
        let mut names = vec![format!("user-{first}")];
        if random(&mut seed).is_multiple_of(4) {
            names.push(format!("user-{}", 200 + first));
        }
        let size = (random(&mut seed) % 3_000) as usize;
        let change = |name: &String| {
            let expected = versions.get(name).copied().unwrap_or(0);
            Change::Put {
                expected,
                record: record(name, expected + 1, size),
            }
        };
        let changes: Vec<Change> = names.iter().map(change).collect();
        let Commit::Done(state) = store
            .commit(&Actor::default(), store.state().revision, &changes)
            .expect("the child commits")
        else {
            panic!("nobody else writes");
        };
        let revision = state.revision;
        let mut lines = String::new();
        for name in names {
            let version = versions.entry(name.clone()).or_default();
            *version += 1;
            lines += &format!("ack {name} {version} {revision}\n");
        }
        out.write_all(lines.as_bytes()).unwrap();
    }
}

/// The writer as a child process, and what it has acknowledged so far.
pub struct Writer {
    pub child: Child,
    pub acks: Arc<Mutex<Acks>>,
    reader: Option<std::thread::JoinHandle<()>>,
}

impl Writer {
    /// Starts this test binary again, running only `test` with the directory in its environment.
    pub fn start(test: &str, dir: &Path) -> Writer {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env("GW_TEST_WRITER", dir)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let acks = Arc::new(Mutex::new(Acks::default()));
        let shared = acks.clone();
        let reader = std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let words: Vec<&str> = line.split(' ').collect();
                if let ["ack", name, version, revision] = words[..] {
                    let mut acks = shared.lock().unwrap();
                    acks.versions
                        .insert(name.to_owned(), version.parse().unwrap());
                    acks.revision = revision.parse().unwrap();
                    acks.count += 1;
                }
            }
        });
        Writer {
            child,
            acks,
            reader: Some(reader),
        }
    }

    /// Waits until so many were acknowledged, or the child ended.
    pub fn wait_for(&mut self, count: usize) {
        wait::until("the writer has acknowledged enough", || {
            assert!(
                self.child.try_wait().unwrap().is_none(),
                "the writer ended by itself"
            );
            (self.acks.lock().unwrap().count >= count).then_some(())
        });
    }

    /// SIGKILL, then everything that was acknowledged before it.
    pub fn kill(mut self) -> Acks {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.reader.take().unwrap().join().unwrap();
        self.acks.lock().unwrap().clone()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Merges what a round acknowledged into what all rounds did.
pub fn merge(all: &mut Acks, round: &Acks) {
    all.versions.extend(round.versions.clone());
    all.revision = all.revision.max(round.revision);
    all.count += round.count;
}

/// Opens the store and checks that everything acknowledged is there; gives what it had to say about its start.
pub fn check(dir: &Path, acks: &Acks) -> Option<String> {
    let store =
        Sled::open_with(dir, options()).unwrap_or_else(|error| panic!("cannot open: {error:?}"));
    let state = store.state();
    let revision = state.revision;
    assert!(
        revision >= acks.revision,
        "revision {revision}, acknowledged {}",
        acks.revision
    );
    let found: BTreeMap<String, Arc<Record>> = state
        .iter()
        .map(|record| (record.name.clone(), record))
        .collect();
    for (name, version) in &acks.versions {
        let record = found
            .get(name.as_str())
            .unwrap_or_else(|| panic!("{name} is missing"));
        assert!(
            record.version >= *version,
            "{name} is at {}, acknowledged {version}",
            record.version
        );
        let text = record.spec["display"].as_str().unwrap();
        assert!(
            text.starts_with(&format!("{name} {} ", record.version)),
            "{name} holds another version's text"
        );
    }
    let newest = store.history(1).unwrap();
    assert!(newest.iter().all(|entry| entry.revision <= revision));
    store.notice()
}
