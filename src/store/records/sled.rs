//! Records on disk: audit log first, then sled, both synced before a change is acknowledged; read from memory.

use super::audit::Log;
use super::ballast::{self, Ballast};
use super::recover::{self, Places};
use super::state::State;
use super::tree::Tree;
use super::{Actor, Change, Entry, Records, disk, export};
use crate::error::{Error, Kind, Result};
use crate::resources::{Record, Stamp};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

/// Sizes and times; the defaults are for production.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bytes kept aside for the day the disk is full; 0: none.
    pub ballast: u64,
    /// Room that must be left on the disk for a change to be tried at all.
    pub reserve: u64,
    /// The audit log goes on in a new file beyond this, after an export.
    pub audit: u64,
    /// How often a changed state is exported.
    pub export_every: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            ballast: 8 << 20,
            reserve: 1 << 20,
            audit: 64 << 20,
            export_every: Duration::from_secs(15 * 60),
        }
    }
}

/// Records in a data directory. Dropping it exports what changed and closes it.
pub struct Sled {
    shared: Arc<Shared>,
    timer: Option<(Sender<()>, JoinHandle<()>)>,
}

struct Shared {
    places: Places,
    options: Options,
    ballast: Ballast,
    notices: Vec<String>,
    /// Taken for writing, and always before `state`.
    disk: Mutex<Disk>,
    state: RwLock<State>,
}

struct Disk {
    /// `None` after a failed write, until it could be opened again.
    tree: Option<Tree>,
    log: Log,
    /// Revision of the newest export; `None`: there is none.
    exported: Option<u64>,
    /// Why the last change could not be stored, until one could.
    failed: Option<String>,
}

impl Sled {
    /// Opens or creates the records in a data directory, rebuilding them where they are damaged.
    /// The caller holds [`crate::store::lock`].
    pub fn open(dir: &Path) -> Result<Sled> {
        Sled::open_with(dir, Options::default())
    }

    /// [`Sled::open`] with other sizes.
    pub fn open_with(dir: &Path, options: Options) -> Result<Sled> {
        let places = Places::of(dir);
        let ballast = Ballast::new(dir, options.ballast);
        recover::rename_journal(&places)?;
        let mut log = Log::open(&places.audit)?;
        for made in [&places.root, &places.audit, &places.exports] {
            disk::make_dir(made)?;
        }
        disk::tighten(&places.audit)?;
        disk::tighten(&places.exports)?;
        let started = match recover::start(&places, &mut log) {
            // Opening a store needs some room: that is what the ballast is for.
            Err(error) if error.kind == Kind::StorageFull => {
                ballast.drop_it();
                recover::start(&places, &mut log)?
            }
            started => started?,
        };
        let mut notices = started.notices;
        if log.tail.0 > 0 {
            notices.push(format!("the last {} bytes of the audit log were a change that was cut short; they were taken off", log.tail.0));
        }
        if log.holes > 0 {
            notices.push(format!(
                "{} damaged lines in the audit log: what they said is not known",
                log.holes
            ));
        }
        for notice in &notices {
            tracing::warn!(target: "gw::store", "{notice}");
        }
        if let Err(error) = log.cut() {
            tracing::warn!(target: "gw::store", "{error}");
        }
        let disk = Mutex::new(Disk {
            tree: Some(started.tree),
            log,
            exported: started.exported,
            failed: None,
        });
        let shared = Arc::new(Shared {
            places,
            options,
            ballast,
            notices,
            disk,
            state: RwLock::new(started.state),
        });
        shared.maintain_or_warn();
        let (stop, stopped) = channel();
        let theirs = shared.clone();
        let timer = std::thread::Builder::new()
            .name(String::from("gw-records"))
            .spawn(move || tend(&theirs, &stopped));
        let timer = timer.map_err(|error| {
            Error::internal("cannot start the records' timer thread").cause(error)
        })?;
        Ok(Sled {
            shared,
            timer: Some((stop, timer)),
        })
    }

    /// What the last start had to mend, for `gw serve` to print; `None` where all was well.
    pub fn notice(&self) -> Option<String> {
        (!self.shared.notices.is_empty()).then(|| self.shared.notices.join("\n"))
    }

    /// Exports what changed, rotates a long audit log, brings ballast and a dropped store back. A timer does this too.
    pub fn maintain(&self) -> Result<()> {
        self.shared.maintain()
    }

    /// Whether changes can be written now: `Some` says why not.
    pub fn degraded(&self) -> Option<String> {
        let disk = self.shared.disk();
        disk.failed
            .clone()
            .or_else(|| self.shared.room().err().map(|error| error.to_string()))
    }
}

impl Drop for Sled {
    fn drop(&mut self) {
        if let Some((stop, timer)) = self.timer.take() {
            drop(stop);
            let _ = timer.join();
        }
        self.shared.maintain_or_warn();
    }
}

impl Records for Sled {
    fn load(&self) -> Result<(u64, Vec<Record>)> {
        let state = self
            .shared
            .state
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        Ok((state.revision, state.list()))
    }

    fn commit(&self, actor: &Actor, changes: &[Change]) -> Result<u64> {
        self.shared.commit(actor, changes)
    }

    fn history(&self, most: usize) -> Result<Vec<Entry>> {
        self.shared.disk().log.newest(most)
    }

    fn describe(&self) -> String {
        let state = self
            .shared
            .state
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let mended = if self.shared.notices.is_empty() {
            ""
        } else {
            "; mended at start, see the log"
        };
        format!(
            "sled in {}, revision {}, {} records{mended}",
            self.shared.places.state.display(),
            state.revision,
            state.records.len()
        )
    }
}

impl Shared {
    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn commit(&self, actor: &Actor, changes: &[Change]) -> Result<u64> {
        let mut disk = self.disk();
        let result = self.write(&mut disk, actor, changes);
        match &result {
            Ok(_) => disk.failed = None,
            Err(error) if error.kind == Kind::StorageFull => disk.failed = Some(error.to_string()),
            // Refused for what it asked.
            Err(_) => {}
        }
        result
    }

    fn write(&self, disk: &mut Disk, actor: &Actor, changes: &[Change]) -> Result<u64> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let step = state.check(changes)?;
        if changes.is_empty() {
            return Ok(state.revision);
        }
        self.room()?;
        let revision = state.revision + 1;
        let entry = Entry {
            revision,
            at: Stamp::now(),
            actor: actor.clone(),
            changes: step.changes,
        };
        let Disk { tree, log, .. } = disk;
        let tree = self.reopen(tree, &state)?;
        log.append(&entry)?;
        if let Err(error) = tree.write(state.summary_after(revision, &step.writes), &step.writes) {
            return Err(self.take_back(disk, &state, error));
        }
        drop(state);
        self.state
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .apply(revision, step.writes);
        if disk.log.length() > self.options.audit {
            self.tidy(disk)
                .unwrap_or_else(|error| tracing::warn!(target: "gw::store", "{error:?}"));
        }
        Ok(revision)
    }

    /// Undoes a change that the audit log has and the store may have in part: sled cannot be used after a failed write.
    fn take_back(&self, disk: &mut Disk, state: &State, error: Error) -> Error {
        tracing::warn!(target: "gw::store", "a change could not be stored: {error:?}");
        disk.tree = None;
        self.ballast.drop_it();
        if let Err(error) = disk.log.undo() {
            tracing::warn!(target: "gw::store", "the audit log holds a change that failed, it is taken off before the next one: {error:?}");
        }
        if let Err(error) = self.reopen(&mut disk.tree, state) {
            tracing::warn!(target: "gw::store", "changes are refused until the store can be opened: {error:?}");
        }
        let _ = self.ballast.keep();
        Error { kind: Kind::StorageFull, ..error }
            .hint("make room on that disk (df -h shows it), then try again; nothing was changed and requests are served meanwhile")
    }

    /// The open store; after a failed write it is opened again and made to hold what was acknowledged.
    fn reopen<'a>(&self, tree: &'a mut Option<Tree>, state: &State) -> Result<&'a mut Tree> {
        if tree.is_none() {
            let (mut opened, found) = match Tree::open(&self.places.state)
                .and_then(|tree| tree.read().map(|found| (tree, found)))
            {
                // What is in memory was acknowledged and is whole: a failed write cannot cost more than itself.
                Err(error) if error.kind == Kind::Internal => {
                    recover::move_aside(&self.places)?;
                    tracing::warn!(target: "gw::store", "the state store was damaged by a failed write and is written anew: {error}");
                    (Tree::open(&self.places.state)?, None)
                }
                opened => opened?,
            };
            let found = found.unwrap_or_default();
            if found != *state {
                opened.become_state(&found, state)?;
            }
            *tree = Some(opened);
        }
        tree.as_mut()
            .ok_or_else(|| Error::internal("the store is closed"))
    }

    /// Whether there is room for a change. Without ballast none is tried: it would use up what reopening needs.
    fn room(&self) -> Result<()> {
        self.ballast.keep()?;
        let probe = self.places.root.join("state");
        match ballast::room(&probe) {
            Some(room) if room < self.options.reserve => Err(ballast::full(&probe, Some(room))),
            _ => Ok(()),
        }
    }

    fn maintain(&self) -> Result<()> {
        let mut disk = self.disk();
        self.room()?;
        {
            let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
            self.reopen(&mut disk.tree, &state)?;
        }
        self.tidy(&mut disk)?;
        disk.failed = None;
        Ok(())
    }

    fn tidy(&self, disk: &mut Disk) -> Result<()> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        if disk.exported != Some(state.revision) {
            export::write(&self.places.exports, &state)?;
            disk.exported = Some(state.revision);
        }
        if disk.log.length() > self.options.audit {
            disk.log.rotate(state.revision + 1)?;
        }
        Ok(())
    }

    fn maintain_or_warn(&self) {
        if let Err(error) = self.maintain() {
            tracing::warn!(target: "gw::store", "the records' upkeep was put off: {error:?}");
        }
    }
}

/// The timer thread, until the store is dropped.
fn tend(shared: &Shared, stopped: &Receiver<()>) {
    while stopped.recv_timeout(shared.options.export_every.max(Duration::from_secs(1)))
        == Err(RecvTimeoutError::Timeout)
    {
        shared.maintain_or_warn();
    }
}
