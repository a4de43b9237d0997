//! Records on disk: audit log first, then sled, both synced before a change is acknowledged; read from memory.

use super::audit::{Damaged, Log};
use super::ballast::{self, Ballast};
use super::recover::{self, Exports, Places};
use super::state::{State, Step};
use super::tree::Tree;
use super::{Actor, Change, Commit, Entry, Health, OWN_KIND, Records, disk, export};
use crate::error::{Error, Kind, Result};
use crate::parallel;
use crate::resources::Stamp;
use crate::store::{lock::Lock, room};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How often the disk is looked at, so that a store that refuses is seen before a change meets it.
const LOOK: Duration = Duration::from_secs(2);
/// sled's file grows in steps of this size: with less room a failed write was for want of it.
const SLED_STEP: u64 = 1 << 20;

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
            ballast: room::BALLAST,
            reserve: room::CHANGE,
            audit: 64 << 20,
            export_every: Duration::from_secs(15 * 60),
        }
    }
}

/// Records in a data directory. Dropping it exports what changed and closes it.
pub struct Sled {
    shared: Arc<Shared>,
    timer: Option<(Sender<()>, JoinHandle<()>)>,
    /// Let go after everything else: what is written at the end is written under the lock.
    lock: Option<Arc<Lock>>,
}

struct Shared {
    places: Places,
    options: Options,
    ballast: Ballast,
    notices: Vec<String>,
    /// Damaged lines of the audit log.
    damaged: Vec<String>,
    failing: Mutex<Failing>,
    /// Taken for writing, and always before `state` and `exporting`.
    disk: Mutex<Disk>,
    /// Held while an export is written, which may take long: changes need not wait for one.
    exporting: Mutex<()>,
    state: RwLock<Arc<State>>,
    newest: watch::Sender<u64>,
}

struct Disk {
    /// `None` after a failed write, until it could be opened again.
    tree: Option<Tree>,
    log: Log,
    /// Revision of the newest export; `None`: there is none.
    exported: Option<u64>,
}

/// What the disk does not let happen now. Apart from [`Disk`]: whoever asks does not wait for a write.
#[derive(Clone, Debug, Default, PartialEq)]
struct Failing {
    /// Changes are refused.
    changes: Option<String>,
    /// Changes are taken; exports or the audit log's next file are not written.
    upkeep: Option<String>,
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
        // Before the store is: what a newer gw wrote is left alone.
        let (log, exports) = parallel::both(|| Log::open(&places.audit), || Exports::look(&places));
        let (mut log, exports) = (log?, exports?);
        for made in [&places.root, &places.audit, &places.exports] {
            disk::make_dir(made)?;
        }
        disk::tighten(&places.audit)?;
        disk::tighten(&places.exports)?;
        let started = match recover::start(&places, &mut log, &exports) {
            // Opening a store needs some room: that is what the ballast is for.
            Err(error) if error.kind == Kind::StorageFull => {
                ballast.drop_it();
                recover::start(&places, &mut log, &exports)?
            }
            started => started?,
        };
        let notices = started.notices;
        let damaged: Vec<String> = log.damaged.iter().map(Damaged::describe).collect();
        for notice in notices.iter().chain(&damaged) {
            tracing::warn!(target: "gw::store", "{notice}");
        }
        // Where the newest export and the audit log lead to what is in force another one can wait until gw serves.
        let led_to = started.exported.is_some() && notices.is_empty() && damaged.is_empty();
        if log.torn > 0 {
            tracing::info!(target: "gw::store", "a change that was cut short before it was acknowledged is taken off the audit log");
        }
        if let Err(error) = log.cut() {
            tracing::warn!(target: "gw::store", "{error}");
        }
        let disk = Mutex::new(Disk {
            tree: Some(started.tree),
            log,
            exported: started.exported,
        });
        let shared = Arc::new(Shared {
            places,
            options,
            ballast,
            notices,
            damaged,
            failing: Mutex::default(),
            disk,
            exporting: Mutex::default(),
            newest: watch::Sender::new(started.state.revision),
            state: RwLock::new(Arc::new(started.state)),
        });
        shared.look(!led_to);
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
            lock: None,
        })
    }

    /// Keeps the directory's lock until the store is closed, whoever else lets go of it.
    pub fn under(mut self, lock: Arc<Lock>) -> Sled {
        self.lock = Some(lock);
        self
    }

    /// What the last start had to mend, for `gw serve` to print; `None` where all was well.
    pub fn notice(&self) -> Option<String> {
        (!self.shared.notices.is_empty()).then(|| self.shared.notices.join("\n"))
    }

    /// Exports what changed, rotates a long audit log, brings ballast and a dropped store back. A timer does this too.
    pub fn maintain(&self) -> Result<()> {
        self.shared.maintain()
    }
}

impl Drop for Sled {
    fn drop(&mut self) {
        if let Some((stop, timer)) = self.timer.take() {
            drop(stop);
            let _ = timer.join();
        }
        self.shared.look(true);
    }
}

impl Records for Sled {
    fn state(&self) -> Arc<State> {
        self.shared.state()
    }

    fn commit(&self, actor: &Actor, base: u64, changes: &[Change]) -> Result<Commit> {
        self.shared.commit(actor, base, changes)
    }

    fn changes_since(&self, revision: u64) -> Result<Option<Vec<Entry>>> {
        let disk = self.shared.disk();
        let entries = disk.log.entries(revision)?;
        let missing = self.shared.state().revision.saturating_sub(revision);
        Ok((entries.len() as u64 == missing).then_some(entries))
    }

    fn watch(&self) -> watch::Receiver<u64> {
        self.shared.newest.subscribe()
    }

    fn history(&self, most: usize) -> Result<Vec<Entry>> {
        self.shared.disk().log.newest(most)
    }

    fn describe(&self) -> String {
        let state = self.shared.state();
        let mended = if self.shared.notices.is_empty() {
            ""
        } else {
            "; mended at start, see the log"
        };
        format!(
            "sled in {}, revision {}, {} records{mended}",
            self.shared.places.state.display(),
            state.revision,
            // Shown with every provider: it must not look at each record.
            state.len() - state.names(OWN_KIND).count()
        )
    }

    fn verify(&self) -> Result<Vec<String>> {
        let disk = self.shared.disk();
        let mut damaged = Vec::new();
        let places = &self.shared.places;
        let path = places.state.display();
        match disk.tree.as_ref().map(Tree::read) {
            None => damaged.push(format!("`{path}` is not open: a write failed")),
            Some(Err(error)) => damaged.push(error.to_string()),
            Some(Ok(found)) => {
                let state = self.shared.state();
                let same = found.is_some_and(|found| found == *state);
                if !same {
                    damaged.push(format!("`{path}` is not what is in force"));
                }
            }
        }
        damaged.extend(
            Log::open(&places.audit)?
                .damaged
                .iter()
                .map(Damaged::describe),
        );
        for export in export::list(&places.exports)? {
            damaged.extend(export::look(&export).err().map(|error| error.to_string()));
        }
        Ok(damaged)
    }

    fn backup(&self) -> Result<Vec<PathBuf>> {
        let mut disk = self.shared.disk();
        let state = self.shared.state();
        let export = self.shared.write_export(&state)?;
        disk.exported = Some(state.revision);
        let audit = disk::list(&self.shared.places.audit, "", "")?;
        Ok([vec![export], audit].concat())
    }

    fn health(&self) -> Health {
        let Failing { changes, upkeep } = self.shared.failing().clone();
        Health {
            degraded: changes.or(upkeep),
            damaged: self.shared.damaged.clone(),
        }
    }
}

impl Shared {
    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> Arc<State> {
        self.state
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn commit(&self, actor: &Actor, base: u64, changes: &[Change]) -> Result<Commit> {
        let mut disk = self.disk();
        let state = self.state();
        if state.revision != base {
            return Ok(Commit::Moved(state));
        }
        let step = state.check(changes)?;
        if changes.is_empty() {
            return Ok(Commit::Done(state));
        }
        let result = self.write(&mut disk, &state, actor, step);
        // From here on nothing is the caller's fault, whatever the disk says.
        let result = result.map_err(|error| match error.kind {
            Kind::StorageFull => error,
            _ => Error {
                kind: Kind::Unavailable,
                ..error
            },
        });
        self.tell(|failing| {
            failing.changes = result.as_ref().err().map(Error::to_string);
        });
        result
    }

    fn write(&self, disk: &mut Disk, state: &State, actor: &Actor, step: Step) -> Result<Commit> {
        self.room()?;
        let revision = state.revision + 1;
        let after = Arc::new(state.after(revision, &step.writes));
        let entry = Entry {
            revision,
            at: Stamp::now(),
            actor: actor.clone(),
            changes: step.changes,
        };
        let Disk { tree, log, .. } = disk;
        let tree = self.reopen(tree, state)?;
        log.append(&entry)?;
        if let Err(error) = tree.write(after.summary(), &step.writes) {
            return Err(self.take_back(disk, state, error));
        }
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = after.clone();
        self.newest.send_replace(revision);
        if disk.log.length() > self.options.audit {
            let tidied = self.rotate(disk);
            self.tell(|failing| failing.upkeep = tidied.err().map(|error| error.to_string()));
        }
        Ok(Commit::Done(after))
    }

    /// Undoes a change that the audit log has and the store may have in part: sled cannot be used after a failed write.
    fn take_back(&self, disk: &mut Disk, state: &State, error: Error) -> Error {
        tracing::warn!(target: "gw::store", "a change could not be stored: {error:?}");
        // sled does not always say that it was for want of room.
        let path = self.places.root.join("state");
        let full = error.kind != Kind::StorageFull
            && ballast::room(&path).is_some_and(|room| room < SLED_STEP);
        disk.tree = None;
        self.ballast.drop_it();
        if let Err(error) = disk.log.undo() {
            tracing::warn!(target: "gw::store", "the audit log holds a change that failed, it is taken off before the next one: {error:?}");
        }
        if let Err(error) = self.reopen(&mut disk.tree, state) {
            tracing::warn!(target: "gw::store", "changes are refused until the store can be opened: {error:?}");
        }
        let _ = self.ballast.keep();
        match full {
            true => ballast::full(&path, None).cause(error),
            false => error,
        }
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
        let writable = self.writable(&mut self.disk());
        self.tell(|failing| failing.changes = writable.as_ref().err().map(Error::to_string));
        writable?;
        let tidied = self.export().and_then(|()| self.rotate(&mut self.disk()));
        self.tell(|failing| failing.upkeep = tidied.as_ref().err().map(Error::to_string));
        tidied
    }

    /// Whether a change could be written now, as far as can be told without writing one.
    fn writable(&self, disk: &mut Disk) -> Result<()> {
        self.room()?;
        let state = self.state();
        self.reopen(&mut disk.tree, &state).map(|_| ())
    }

    /// Exports what is in force now, where that was not done yet. Changes go on meanwhile.
    fn export(&self) -> Result<()> {
        let state = self.state();
        if self.disk().exported >= Some(state.revision) {
            return Ok(());
        }
        self.write_export(&state)?;
        let mut disk = self.disk();
        disk.exported = disk.exported.max(Some(state.revision));
        Ok(())
    }

    fn write_export(&self, state: &State) -> Result<PathBuf> {
        let _one = self
            .exporting
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        export::write(&self.places.exports, state)
    }

    /// Goes on in a new file where the audit log has become long.
    fn rotate(&self, disk: &mut Disk) -> Result<()> {
        if disk.log.length() <= self.options.audit {
            return Ok(());
        }
        let state = self.state();
        if disk.exported < Some(state.revision) {
            self.write_export(&state)?;
            disk.exported = Some(state.revision);
        }
        disk.log.rotate(state.revision + 1)
    }

    /// Looks whether changes can be written, and does the upkeep where it is due or was put off.
    fn look(&self, due: bool) {
        if due || *self.failing() != Failing::default() {
            // What went wrong is told, and tried again at the next look.
            let _ = self.maintain();
        } else {
            let _disk = self.disk();
            let room = self.room();
            self.tell(|failing| failing.changes = room.err().map(|error| error.to_string()));
        }
    }

    fn failing(&self) -> MutexGuard<'_, Failing> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what fails now, and logs it where that is news.
    fn tell(&self, note: impl FnOnce(&mut Failing)) {
        let mut failing = self.failing();
        let before = failing.clone();
        note(&mut failing);
        if *failing == before {
            return;
        }
        match (&failing.changes, &failing.upkeep) {
            (Some(why), _) => tracing::warn!(target: "gw::store", "changes are refused: {why}"),
            (None, Some(why)) => {
                tracing::warn!(target: "gw::store", "the records' upkeep is put off: {why}")
            }
            (None, None) => tracing::info!(target: "gw::store", "changes are stored again"),
        }
    }
}

/// The timer thread, until the store is dropped.
fn tend(shared: &Shared, stopped: &Receiver<()>) {
    let every = shared.options.export_every.max(Duration::from_secs(1));
    // The first time soon: what a gateway that was killed left to be done held up no start.
    let mut due = Instant::now();
    while stopped.recv_timeout(every.min(LOOK)) == Err(RecvTimeoutError::Timeout) {
        let now = Instant::now();
        shared.look(now >= due);
        if now >= due {
            due = now + every;
        }
    }
}
