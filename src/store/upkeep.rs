//! What people do with the stores as a whole: see what they take, check them, copy them while they are served from, and give
//! back what can be given back. Everything here reads or writes the disk and may take long: never on a request's path.

use super::archive::Archive;
use super::counters::{self, Counters};
use super::journal::{Journal, Stats as Log};
use super::records::{Records, disk};
use super::room;
use crate::error::{Error, Kind, Result};
use serde::Serialize;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The stores of one gateway and where they are.
#[derive(Clone)]
pub struct Upkeep {
    /// `None`: everything is in memory.
    pub dir: Option<PathBuf>,
    pub records: Arc<dyn Records>,
    pub journal: Arc<dyn Journal>,
    pub counters: Arc<dyn Counters>,
}

/// What a part of a data directory takes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Part {
    pub part: &'static str,
    /// File or directory, within the data directory.
    pub path: &'static str,
    pub bytes: u64,
    pub files: u64,
    pub about: String,
}

/// What there is.
#[derive(Clone, Debug, Serialize)]
pub struct Stats {
    pub directory: Option<String>,
    /// On its disk.
    pub free_bytes: Option<u64>,
    pub parts: Vec<Part>,
    pub log: Log,
}

/// What checking one part came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Checked {
    pub part: &'static str,
    pub sound: bool,
    /// What was looked at, or what is damaged and where.
    pub found: String,
}

/// What one part gave back.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Freed {
    pub part: &'static str,
    pub before: u64,
    pub after: u64,
    pub about: String,
}

/// Parts of a data directory: name, path.
const PARTS: [(&str, &str); 6] = [
    ("state", "state"),
    ("audit log", "audit"),
    ("exports", "exports"),
    ("counters", "counters"),
    ("request log", "logs"),
    ("ballast", "ballast"),
];

/// Files that are copied as they are: small ones, each replaced as a whole or readable to where it was cut.
const COPIED: [&str; 6] = [
    "digest.key",
    "secrets.choice",
    "secrets.sealed",
    "kept.jsonl",
    "last-used.json",
    "counters/ledgers",
];

impl Upkeep {
    /// What each part takes, how much room there is, and what retention does next.
    pub fn stats(&self) -> Stats {
        let log = self.journal.stats();
        let state = self.records.state();
        let about = |path: &str| match path {
            "state" => format!("revision {}, {} records", state.revision, state.len()),
            "counters" => format!("{} accounts", self.counters.health().accounts),
            "logs" => {
                let (rows, content) = (log.rows.rows, log.content.rows);
                match log.content.stored >> 20 {
                    0 => format!("{rows} rows, {content} with content"),
                    left => format!("{rows} rows, {content} with content, {left} MiB to be packed"),
                }
            }
            "ballast" => "thrown away when the disk is full".to_owned(),
            _ => String::new(),
        };
        let parts = self.dir.iter().flat_map(|dir| {
            PARTS.map(|(part, path)| {
                let (bytes, files) = size(&dir.join(path));
                Part {
                    part,
                    path,
                    bytes,
                    files,
                    about: about(path),
                }
            })
        });
        Stats {
            directory: self.dir.as_ref().map(|dir| dir.display().to_string()),
            free_bytes: self.dir.as_deref().and_then(room::free),
            parts: parts.collect(),
            log,
        }
    }

    /// Reads everything and compares it with its checksums.
    pub fn verify(&self) -> Result<Vec<Checked>> {
        let mut checked = Vec::new();
        let mut note = |part, damage: Vec<String>, sound: String| {
            checked.push(Checked {
                part,
                sound: damage.is_empty(),
                found: match damage.is_empty() {
                    true => sound,
                    false => damage.join("; "),
                },
            });
        };
        let state = self.records.state();
        let records = format!("revision {}, {} records", state.revision, state.len());
        note("state", self.records.verify()?, records);
        self.journal.verify();
        let health = self.journal.health();
        let named: Vec<String> = health
            .damaged
            .iter()
            .map(|it| format!("`logs/{it}`"))
            .collect();
        let damage = (health.damaged_places > 0).then(|| {
            let (places, named) = (health.damaged_places, named.join(", "));
            format!("{places} damaged place(s) in {named}: what is there is skipped")
        });
        let log = self.journal.stats();
        let files = log.rows.files + log.content.files;
        let rows = format!("{} rows in {files} files", log.rows.rows);
        note("request log", damage.into_iter().collect(), rows);
        if let Some(dir) = &self.dir {
            let (damage, sound) = counters::embedded::verify(&dir.join("counters"));
            let earlier = self.counters.health().damaged;
            note(
                "counters",
                damage.into_iter().chain(earlier).collect(),
                sound,
            );
        }
        Ok(checked)
    }

    /// Writes an archive of what a gateway needs to go on from here in an empty data directory: gw serves meanwhile, and what
    /// is in it is of one moment or readable up to one. `logs`: request logs too.
    pub fn backup(&self, to: impl Write, logs: bool) -> Result<()> {
        let dir = self.dir()?;
        let mut archive = Archive::new(to);
        let mut files = self.records.backup()?;
        let mut add = |path: &Path| {
            let name = path.strip_prefix(dir).unwrap_or(path);
            match archive.file(&name.to_string_lossy(), path) {
                // Retention was here, or the feature is not used.
                Err(_) if !path.exists() => Ok(()),
                other => other.map(|_| ()),
            }
        };
        files.extend(
            COPIED
                .map(|name| dir.join(name))
                .into_iter()
                .filter(|it| it.exists()),
        );
        if logs {
            // The newest rows are on their way to the file for a moment.
            self.journal.stats();
            files.extend(disk::list(&dir.join("logs"), "", ".seg")?);
            files.extend(disk::list(&dir.join("logs"), "", ".prices")?);
            files.extend(disk::list(&dir.join("logs"), "", ".content")?);
        }
        files.iter().try_for_each(|path| add(path))?;
        archive
            .finish()
            .map_err(|cause| Error::internal("the archive cannot be written").cause(cause))
    }

    /// Gives back what can be given back while gw serves.
    pub fn compact(&self) -> Result<Vec<Freed>> {
        let dir = self.dir()?;
        let mut freed = Vec::new();
        if let Some((before, after)) = self.counters.compact()? {
            freed.push(Freed {
                part: "counters",
                before,
                after,
                about: String::new(),
            });
        }
        let keeps = |part, path: &str, about: &str| {
            let (bytes, _) = size(&dir.join(path));
            Freed {
                part,
                before: bytes,
                after: bytes,
                about: about.to_owned(),
            }
        };
        freed.push(keeps(
            "state",
            "state",
            "gives no space back while it is open",
        ));
        freed.push(keeps(
            "request log",
            "logs",
            "whole files go by age and size",
        ));
        Ok(freed)
    }

    /// Refuses where there is nothing on a disk.
    pub fn on_disk(&self) -> Result<()> {
        self.dir().map(|_| ())
    }

    fn dir(&self) -> Result<&Path> {
        self.dir.as_deref().ok_or_else(|| {
            Error::new(Kind::Invalid, "this gateway keeps everything in memory")
                .hint("`gw export` prints its records")
        })
    }
}

/// Bytes and files of a file or of everything below a directory; what cannot be looked at counts as nothing.
fn size(path: &Path) -> (u64, u64) {
    let Ok(meta) = std::fs::symlink_metadata(path) else {
        return (0, 0);
    };
    if !meta.is_dir() {
        return (meta.len(), u64::from(meta.is_file()));
    }
    let below = disk::list(path, "", "").unwrap_or_default();
    below
        .iter()
        .map(|path| size(path))
        .fold((0, 0), |sum, it| (sum.0 + it.0, sum.1 + it.1))
}
