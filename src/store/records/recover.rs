//! The start: which of store, exports and audit log is believed. A store that is damaged is moved aside and
//! rebuilt, out loud; where that cannot be done gw does not start. It never starts empty where data was.

use super::audit::Log;
use super::state::State;
use super::tree::Tree;
use super::{disk, export};
use crate::error::{Error, Kind, Result};
use std::path::{Path, PathBuf};

/// What a start came to.
pub struct Start {
    pub tree: Tree,
    pub state: State,
    /// Revision of the newest good export.
    pub exported: Option<u64>,
    /// What the operator must hear of, in order.
    pub notices: Vec<String>,
}

/// Where things are in a data directory.
pub struct Places {
    pub root: PathBuf,
    pub state: PathBuf,
    pub audit: PathBuf,
    pub exports: PathBuf,
    /// Marks a first start that is not finished.
    pub new: PathBuf,
}

impl Places {
    pub fn of(root: &Path) -> Places {
        Places {
            root: root.to_owned(),
            state: root.join("state"),
            audit: root.join("audit"),
            exports: root.join("exports"),
            new: root.join("state.new"),
        }
    }
}

/// Brings the audit log of an earlier release, which was named `journal`, to its place, durably, before anything is
/// read from it. Where there are two nobody knows which of them leads to the newest change: refused.
pub fn rename_journal(places: &Places) -> Result<()> {
    let old = places.root.join("journal");
    if !old.is_dir() {
        return Ok(());
    }
    if places.audit.exists() {
        let (old, new) = (old.display(), places.audit.display());
        return Err(
            Error::new(Kind::Conflict, format!("there are two audit logs: `{old}` of an earlier gw, and `{new}`"))
                .hint(format!("if the earlier gw ran here last: mv '{new}' '{new}.old'; otherwise: mv '{old}' '{old}.old'; then start again")),
        );
    }
    std::fs::rename(&old, &places.audit).map_err(|cause| disk::error("rename", &old, cause))?;
    disk::sync_dir(&places.root)
}

/// Opens the store, or rebuilds it.
pub fn start(places: &Places, log: &mut Log, exports: &Exports) -> Result<Start> {
    let newest = log.last().max(exports.newest().unwrap_or(0));
    let corrupt = disk::list(&places.root, "state.corrupt-", "")?;
    let history = log.any() || exports.found > 0 || !corrupt.is_empty();
    let mut notices = exports.notices.clone();
    let exported = exports.newest();

    if !history && (places.new.exists() || !places.state.join("db").exists()) {
        lost(places)?;
        return fresh(places, notices);
    }
    if !places.state.join("db").exists() {
        return rebuild(places, log, exports, newest, "it is not there", notices);
    }
    // Damage is Internal; everything else (in use, no room, not allowed, newer) is for the operator, and nothing is moved.
    let (mut tree, found) = match Tree::open_and_read(&places.state) {
        Ok(opened) => opened,
        Err(error) if error.kind == Kind::Internal => {
            return rebuild(places, log, exports, newest, &error.to_string(), notices);
        }
        Err(error) => return Err(error),
    };
    let Some(found) = found else {
        drop(tree);
        return rebuild(places, log, exports, newest, "it is empty", notices);
    };
    if found.revision >= newest {
        if found.revision > log.last() {
            notices.push(format!(
                "the audit log ends at revision {}, the store is at {}: going on in a new file",
                log.last(),
                found.revision
            ));
            log.rotate(found.revision + 1)?;
        }
        return Ok(Start {
            tree,
            state: found,
            exported,
            notices,
        });
    }
    match replay(found.clone(), log, newest) {
        Ok(state) => {
            // One entry is what a crash between audit log and store leaves; more is the store having lost some.
            let (from, to) = (found.revision, state.revision);
            if to > from + 1 {
                notices.push(format!("the store was at revision {from} and the audit log at {to}: the missing changes were brought in"));
            }
            tree.become_state(&found, &state)?;
            Ok(Start {
                tree,
                state,
                exported,
                notices,
            })
        }
        Err(error) => {
            drop(tree);
            let reason = format!(
                "it is at revision {}, revision {newest} was reached before, and {error}",
                found.revision
            );
            rebuild(places, log, exports, newest, &reason, notices)
        }
    }
}

/// Refuses a start as if for the first time where a gateway was: what is left of it says that its state is lost.
fn lost(places: &Places) -> Result<()> {
    // Made after the state, so that a first start that was cut off leaves none of them without it.
    let left: Vec<String> = ["digest.key", "secrets.choice", "secrets.sealed", "logs"]
        .into_iter()
        .filter(|name| {
            let path = places.root.join(name);
            match path.is_dir() {
                true => path
                    .read_dir()
                    .is_ok_and(|mut files| files.next().is_some()),
                false => path.exists(),
            }
        })
        .map(|name| format!("'{}'", places.root.join(name).display()))
        .collect();
    if left.is_empty() {
        return Ok(());
    }
    let (root, aside, left) = (
        places.root.display(),
        places.root.join("lost"),
        left.join(" "),
    );
    let aside = aside.display();
    Err(Error::new(
        Kind::Unavailable,
        format!("the state in `{root}` is lost: `state`, `audit` and `exports` are gone, and what is left shows that they were there: {left}"),
    )
    .hint(format!(
        "restore `{root}` from a backup; or start anew on purpose, without the users, keys, providers and routes there were: \
         mkdir -p '{aside}' && mv {left} '{aside}'"
    )))
}

/// The first start. A marker stands while it lasts: where it is found, what a power cut left half made was never
/// used and is made again; without it an unreadable store is never taken for a new one.
fn fresh(places: &Places, notices: Vec<String>) -> Result<Start> {
    if places.new.exists() && places.state.exists() {
        std::fs::remove_dir_all(&places.state)
            .map_err(|cause| disk::error("remove the half made", &places.state, cause))?;
    }
    disk::replace(&places.new, &[b"gw makes a new store here\n"])?;
    let mut tree = Tree::open(&places.state)?;
    let state = State::default();
    tree.become_state(&state, &state)?;
    std::fs::remove_file(&places.new).map_err(|cause| disk::error("remove", &places.new, cause))?;
    disk::sync_dir(&places.root)?;
    Ok(Start {
        tree,
        state,
        exported: None,
        notices,
    })
}

/// The exports that can be read, newest first.
pub struct Exports {
    good: Vec<(u64, PathBuf)>,
    found: usize,
    notices: Vec<String>,
}

impl Exports {
    pub fn look(places: &Places) -> Result<Exports> {
        let paths = export::list(&places.exports)?;
        let mut exports = Exports {
            good: Vec::new(),
            found: paths.len(),
            notices: Vec::new(),
        };
        for path in paths.iter().rev() {
            match export::look(path) {
                Ok(revision) => exports.good.push((revision, path.clone())),
                Err(error) if error.kind == Kind::Internal => {
                    exports.notices.push(error.to_string())
                }
                Err(error) => return Err(error),
            }
        }
        Ok(exports)
    }

    fn newest(&self) -> Option<u64> {
        self.good.first().map(|(revision, _)| *revision)
    }
}

/// Brings a state up to the newest revision known.
fn replay(mut state: State, log: &Log, newest: u64) -> Result<State> {
    for entry in log.entries(state.revision)? {
        if entry.revision > state.revision {
            state.replay(&entry)?;
        }
    }
    if state.revision < newest {
        return Err(Error::internal(format!(
            "the audit log does not lead from revision {} to {newest}",
            state.revision
        )));
    }
    Ok(state)
}

/// Moves the store aside and makes a new one from the newest export that the audit log leads on from.
fn rebuild(
    places: &Places,
    log: &mut Log,
    exports: &Exports,
    newest: u64,
    reason: &str,
    mut notices: Vec<String>,
) -> Result<Start> {
    let (state, from) = source(places, log, exports, newest, reason)?;
    let aside = move_aside(places)?.map_or(String::new(), |to| {
        format!("; the old one is kept as `{}`", to.display())
    });
    let mut tree = Tree::open(&places.state)?;
    tree.become_state(&State::default(), &state)?;
    notices.push(format!(
        "the store in `{}` could not be used ({reason}): rebuilt at revision {} from {from}{aside}",
        places.state.display(),
        state.revision
    ));
    if log.trailing > 0 {
        notices.push(format!(
            "the audit log cannot be read behind revision {}: a newer change may be missing",
            log.last()
        ));
    }
    if state.revision > log.last() {
        log.rotate(state.revision + 1)?;
    }
    Ok(Start {
        tree,
        state,
        exported: exports.newest(),
        notices,
    })
}

/// What to rebuild from; an error with instructions where nothing leads to the newest revision known.
fn source(
    places: &Places,
    log: &Log,
    exports: &Exports,
    newest: u64,
    reason: &str,
) -> Result<(State, String)> {
    let mut why = String::from("there is no export and no audit log");
    // A torn last line is what a power cut leaves; more than one is damage, and what they said is not known.
    let torn = log.trailing <= 1;
    // Audit log before store before export: an export ahead of the log means that the log lost entries, and how many is not known.
    let exported = exports.newest().unwrap_or(0);
    let whole = log.absent || log.last() >= exported;
    if !torn {
        why = format!(
            "the last {} lines of the audit log are damaged",
            log.trailing
        );
    }
    if !whole {
        why = format!(
            "the audit log ends at revision {}, before the export of revision {exported}",
            log.last()
        );
    }
    for (revision, path) in exports.good.iter().filter(|_| torn && whole) {
        match export::read(path).and_then(|start| replay(start, log, newest)) {
            Ok(state) => {
                return Ok((
                    state,
                    format!("the export of revision {revision} and the audit log"),
                ));
            }
            Err(error) => why = error.message,
        }
    }
    if torn && whole && log.last() > 0 {
        match replay(State::default(), log, newest) {
            Ok(state) => return Ok((state, String::from("the audit log alone"))),
            Err(error) if exports.good.is_empty() => why = error.message,
            Err(_) => {}
        }
    }
    let message = format!(
        "the store in `{}` cannot be used ({reason}) and cannot be rebuilt: {why}",
        places.state.display()
    );
    Err(Error::new(Kind::Unavailable, message).hint(format!(
        "restore `{root}` from a backup; or accept losing the newest changes: move `{audit}` away to start from the newest export; \
         or give up this data: move `{root}` away",
        root = places.root.display(),
        audit = places.audit.display()
    )))
}

/// Puts the store out of the way, for someone to look at; where it went, if there was one.
pub fn move_aside(places: &Places) -> Result<Option<PathBuf>> {
    if !places.state.exists() {
        return Ok(None);
    }
    let to = free_name(&places.root.join(format!(
        "state.corrupt-{}",
        crate::resources::Stamp::now().0
    )));
    std::fs::rename(&places.state, &to)
        .map_err(|cause| disk::error("move aside", &places.state, cause))?;
    disk::sync_dir(&places.root)?;
    Ok(Some(to))
}

fn free_name(path: &Path) -> PathBuf {
    let numbered = (1..).map(|number| path.with_added_extension(number.to_string()));
    std::iter::once(path.to_owned())
        .chain(numbered)
        .find(|path| !path.exists())
        .unwrap_or_else(|| path.to_owned())
}
