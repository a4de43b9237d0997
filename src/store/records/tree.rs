//! sled with the guards it needs: opened inside `catch_unwind`, every value verified, a real fsync after
//! each flush (its own is `sync_file_range`, which a power cut does not respect).

use super::base::Found;
use super::state::{State, Summary, Writes};
use super::{Stored, disk, patience, value};
use crate::error::{Error, Kind, Result};
use crate::parallel;
use std::collections::BTreeSet;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

const META: &[u8] = b"meta";
/// The store keeps all values in memory itself: sled needs little.
const CACHE: u64 = 1 << 20;

/// An open sled database in `<data-dir>/state`.
pub struct Tree {
    db: Option<::sled::Db>,
    /// A handle of our own on sled's file: what is fsynced is the file, whoever wrote it.
    file: File,
    dir: PathBuf,
    /// Blobs already made durable; sled never writes one twice.
    blobs: BTreeSet<PathBuf>,
}

impl Tree {
    /// Opens or creates it. [`Kind::Internal`]: it is damaged. Other kinds: it could not be tried.
    pub fn open(dir: &Path) -> Result<Tree> {
        let mut tree = Tree::opened(dir)?;
        tree.blobs = tree.settle()?;
        Ok(tree)
    }

    /// [`Tree::open`] and [`Tree::read`] at once: the disk syncs while it is read.
    pub fn open_and_read(dir: &Path) -> Result<(Tree, Option<State>)> {
        let mut tree = Tree::opened(dir)?;
        let (found, blobs) = parallel::both(|| tree.read(), || tree.settle());
        tree.blobs = blobs?;
        Ok((tree, found?))
    }

    /// Not yet made durable.
    fn opened(dir: &Path) -> Result<Tree> {
        disk::make_dir(dir)?;
        disk::tighten(dir)?;
        // A database dropped a moment ago may still be held by one of sled's own threads.
        let patience = Instant::now() + Duration::from_secs(2);
        let db = loop {
            match guarded(dir, || {
                ::sled::Config::new()
                    .path(dir)
                    .cache_capacity(CACHE)
                    .flush_every_ms(None)
                    .open()
            }) {
                Err(error) if error.kind == Kind::Conflict && Instant::now() < patience => {
                    std::thread::sleep(Duration::from_millis(20))
                }
                opened => break opened?,
            }
        };
        let path = dir.join("db");
        let file = File::options()
            .read(true)
            .write(true)
            .open(&path)
            .map_err(|cause| disk::error("open", &path, cause))?;
        Ok(Tree {
            db: Some(db),
            file,
            dir: dir.to_owned(),
            blobs: BTreeSet::new(),
        })
    }

    /// Makes durable, and private, what opening made or a process that died left; the blobs there are.
    fn settle(&self) -> Result<BTreeSet<PathBuf>> {
        disk::sync_file(&self.dir.join("conf"))?;
        let blobs = self.sync()?.into_iter().collect();
        tighten_all(&self.dir)?;
        disk::sync_dir(&self.dir)?;
        self.dir.parent().map_or(Ok(()), disk::sync_dir)?;
        Ok(blobs)
    }

    /// Reads and verifies everything. `None`: nothing was ever written here.
    pub fn read(&self) -> Result<Option<State>> {
        let db = self.db()?;
        let meta = guarded(&self.dir, || db.get(META))?.map(|bytes| -> Result<Summary> {
            serde_json::from_slice::<Summary>(value::unframe(META, &bytes)?)
                .map_err(|error| Error::internal("the store's own record is damaged").cause(error))
        });
        let meta = meta.transpose()?;
        let found = guarded(&self.dir, || {
            let pairs = db
                .iter()
                .filter(|pair| !matches!(pair, Ok((key, _)) if key[..] == *META));
            let found = parallel::as_they_come(pairs, |pair| {
                let (key, bytes) = pair?;
                let packed = || Stored::Packed(Arc::from(&bytes[..]));
                Ok(value::decode(&key, &bytes).map(|record| Found::of(packed(), &record)))
            });
            found.into_iter().collect::<::sled::Result<Vec<_>>>()
        })?;
        let mut state = State::of_distinct(found.into_iter().collect::<Result<_>>()?);
        match meta {
            None if state.is_empty() => Ok(None),
            None => Err(Error::internal("the store's own record is missing")),
            Some(meta) => {
                state.revision = meta.revision;
                if meta != state.summary() {
                    return Err(Error::internal(format!(
                        "records of revision {} are missing or do not belong to it",
                        meta.revision
                    )));
                }
                Ok(Some(state))
            }
        }
    }

    /// Writes these records and what the store says about itself in one go, durably.
    pub fn write(&mut self, after: Summary, writes: &Writes) -> Result<()> {
        let mut batch = ::sled::Batch::default();
        for ((kind, name), write) in writes {
            match write {
                Some(stored) => batch.insert(value::key(kind, name), stored.value()),
                None => batch.remove(value::key(kind, name)),
            }
        }
        let meta = serde_json::to_vec(&after).map_err(|error| {
            Error::internal("the store's own record cannot be written").cause(error)
        })?;
        batch.insert(META, value::frame(META, &meta));
        let db = self.db()?;
        guarded(&self.dir, || {
            db.apply_batch(batch)?;
            db.flush().map(|_| ())
        })?;
        let new = self.sync()?;
        self.blobs.extend(new);
        Ok(())
    }

    /// Makes the store hold exactly `want`, of which it holds `have` now.
    pub fn become_state(&mut self, have: &State, want: &State) -> Result<()> {
        self.write(want.summary(), &have.difference(want))
    }

    /// Syncs sled's files; the blobs that were not synced before.
    fn sync(&self) -> Result<Vec<PathBuf>> {
        // Large pages live in files of their own, which sled never syncs.
        let blobs = self.dir.join("blobs");
        let new: Vec<PathBuf> = disk::list(&blobs, "", "")?
            .into_iter()
            .filter(|path| !self.blobs.contains(path))
            .collect();
        for path in &new {
            disk::tighten(path)?;
            disk::sync_file(path)?;
        }
        if !new.is_empty() {
            disk::sync_dir(&blobs)?;
        }
        self.file
            .sync_all()
            .map_err(|cause| disk::error("sync", &self.dir.join("db"), cause))?;
        Ok(new)
    }

    fn db(&self) -> Result<&::sled::Db> {
        self.db
            .as_ref()
            .ok_or_else(|| Error::internal("the store is closed"))
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        // sled syncs when dropped and panics where that fails.
        let db = self.db.take();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(db)));
        // It makes files as the umask says.
        let _ = tighten_all(&self.dir);
    }
}

/// Takes what group and others may do away from sled's files.
fn tighten_all(dir: &Path) -> Result<()> {
    for path in disk::list(dir, "", "")? {
        disk::tighten(&path)?;
        if path.is_dir() {
            tighten_all(&path)?;
        }
    }
    Ok(())
}

/// Runs sled code; panics and errors become errors of ours.
fn guarded<T>(dir: &Path, run: impl FnOnce() -> ::sled::Result<T>) -> Result<T> {
    let damaged = || Error::internal(format!("the store in `{}` is damaged", dir.display()));
    match patience::patiently(|| catch_unwind(AssertUnwindSafe(run))) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(::sled::Error::Io(cause)))
            if cause.to_string().contains("could not acquire lock") =>
        {
            Err(Error::new(
                Kind::Conflict,
                format!(
                    "the store in `{}` is in use by another process",
                    dir.display()
                ),
            )
            .hint("stop the other gw serve, or choose another directory with --data-dir"))
        }
        Ok(Err(::sled::Error::Io(cause))) if environment(&cause) => {
            let error = disk::error("use", dir, cause);
            // Internal would count as damage, and damage makes the store be moved aside.
            Err(if error.kind == Kind::Internal {
                Error {
                    kind: Kind::Unavailable,
                    ..error
                }
            } else {
                error
            })
        }
        Ok(Err(cause)) => Err(damaged().cause(cause)),
        Err(_) => Err(damaged().cause("sled panicked")),
    }
}

/// Whether an error speaks of the machine rather than of the file's content.
fn environment(cause: &std::io::Error) -> bool {
    use std::io::ErrorKind::{OutOfMemory, PermissionDenied, ReadOnlyFilesystem};
    const EIO_ENFILE_EMFILE: [i32; 3] = [5, 23, 24];
    disk::is_full(cause)
        || matches!(
            cause.kind(),
            OutOfMemory | PermissionDenied | ReadOnlyFilesystem
        )
        || (cfg!(unix)
            && cause
                .raw_os_error()
                .is_some_and(|code| EIO_ENFILE_EMFILE.contains(&code)))
}
