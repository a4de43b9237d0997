//! One run of one agent: a home and a place to work of its own, at the same paths each time, so that two runs say the
//! same of them.

use crate::harness::wait;
use crate::roster::{AFTER, Agent, BEFORE, Place};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// Where an agent runs.
pub struct Stage {
    directory: tempfile::TempDir,
}

impl Stage {
    pub fn new() -> Stage {
        Stage {
            directory: tempfile::tempdir().unwrap(),
        }
    }

    pub fn home(&self) -> PathBuf {
        self.directory.path().join("home")
    }

    pub fn work(&self) -> PathBuf {
        self.directory.path().join("work")
    }

    /// Runs the agent to its end, which must come well, with hello.txt changed as it was told and no other file there.
    /// What it wrote to stderr.
    #[track_caller]
    pub fn run(&self, agent: &Agent, program: &Path, url: &str, key: &str, how: &str) -> String {
        let (home, work) = (self.home(), self.work());
        for directory in [&home, &work] {
            let _ = std::fs::remove_dir_all(directory);
            std::fs::create_dir_all(directory).unwrap();
        }
        std::fs::create_dir(home.join("tmp")).unwrap();
        std::fs::write(work.join("hello.txt"), BEFORE).unwrap();
        let place = Place {
            home: &home,
            work: &work,
            url,
            key,
        };
        let mut command = agent.command(program, &place);
        let output = wait::output(command.stdin(Stdio::null()));
        let said = || {
            format!(
                "{} {how}: {}\n--- stdout\n{}\n--- stderr\n{}",
                agent.name,
                output.status,
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            )
        };
        assert!(output.status.success(), "{}", said());
        let wanted = BTreeMap::from([("hello.txt".to_owned(), AFTER.to_owned())]);
        assert_eq!(files(&work), wanted, "{}", said());
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}

/// The files of a directory but for notes that an agent keeps for itself.
fn files(directory: &Path) -> BTreeMap<String, String> {
    let read = |entry: std::fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        (name, std::fs::read_to_string(entry.path()).unwrap())
    };
    std::fs::read_dir(directory)
        .unwrap()
        .map(Result::unwrap)
        .filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'))
        .map(read)
        .collect()
}
