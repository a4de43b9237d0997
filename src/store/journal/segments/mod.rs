//! The request log on disk: a bounded queue, one writer thread, segment files that go by unlink.

mod block;
mod check;
mod damage;
mod file;
mod frame;
mod queue;
mod read;
mod retention;
mod settings;
mod sync;
#[cfg(test)]
mod tests;
mod writer;

pub use settings::{Floor, Settings};

use super::follow::Followers;
use super::{Content, Filter, Health, Journal, Order, Page, Row};
use crate::error::{Error, Kind, Result};
use damage::Damage;
use file::{Open, Segment};
use queue::Queue;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// The log in a directory that belongs to it alone.
pub struct Segments {
    queue: Queue,
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
    checker: Mutex<Option<JoinHandle<()>>>,
}

/// What writer and readers have in common.
struct Shared {
    dir: PathBuf,
    settings: Settings,
    /// In the order of their numbers; the last may be open.
    segments: Mutex<Vec<Arc<Segment>>>,
    followers: Followers,
    written: AtomicU64,
    content_dropped: AtomicU64,
    rows_dropped: AtomicU64,
    degraded: Mutex<Option<String>>,
    purged_rows: AtomicU64,
    purged_bytes: AtomicU64,
    damage: Damage,
    closing: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn segments(&self) -> Vec<Arc<Segment>> {
        lock(&self.segments).clone()
    }
    fn forget(&self, number: u64) {
        lock(&self.segments).retain(|segment| segment.number != number);
        self.damage.forget(number);
    }
    fn drop_content(&self, count: u64) {
        self.content_dropped.fetch_add(count, Ordering::Relaxed);
    }
    fn drop_rows(&self, count: u64) {
        self.rows_dropped.fetch_add(count, Ordering::Relaxed);
    }
    /// A place could not be read and is skipped.
    fn damaged(&self, segment: &Segment, at: u64) {
        self.damage.note(segment.number, &segment.path, at);
    }
}

impl Segments {
    /// Opens the log in `dir`, which is made if need be. A disk that cannot be written is no reason to fail:
    /// rows are dropped and counted until it can.
    pub fn open(dir: impl AsRef<Path>, settings: Settings) -> Result<Segments> {
        let dir = dir.as_ref().to_owned();
        let failed = |error: std::io::Error| {
            Error::new(
                Kind::Unavailable,
                format!("request log in `{}` cannot be opened", dir.display()),
            )
            .hint("check that the directory exists and belongs to the user gw runs as")
            .cause(error)
        };
        let new = !dir.exists();
        file::make_dir(&dir).map_err(failed)?;
        if let Some(parent) = dir.parent().filter(|_| new) {
            file::sync_dir(parent).map_err(failed)?;
        }
        let Loaded {
            segments,
            open,
            ends,
            damage,
        } = load(&dir).map_err(failed)?;
        let shared = Arc::new(Shared {
            dir: dir.clone(),
            settings: settings.clone(),
            segments: Mutex::new(segments),
            followers: Followers::default(),
            written: AtomicU64::new(0),
            content_dropped: AtomicU64::new(0),
            rows_dropped: AtomicU64::new(0),
            degraded: Mutex::default(),
            purged_rows: AtomicU64::new(0),
            purged_bytes: AtomicU64::new(0),
            damage,
            closing: AtomicBool::new(false),
        });
        let (queue, taker) = queue::queue(settings.queue_rows, settings.queue_bytes);
        let writer = writer::Writer::new(shared.clone(), taker, open).map_err(failed)?;
        let thread = std::thread::Builder::new()
            .name("log-writer".into())
            .spawn(move || writer.run())
            .map_err(failed)?;
        queue.set_thread(thread.thread().clone());
        let checker = check::start(shared.clone(), ends).map_err(failed)?;
        Ok(Segments {
            queue,
            shared,
            writer: Mutex::new(Some(thread)),
            checker: Mutex::new(Some(checker)),
        })
    }

    /// Damaged places found and skipped since the start.
    pub fn damaged(&self) -> u64 {
        self.shared.damage.places()
    }
}

impl Journal for Segments {
    fn push(&self, row: Row, content: Option<Content>) {
        let lost = self.queue.push(row, content);
        if lost.content {
            self.shared.drop_content(1);
        }
        if lost.row {
            self.shared.drop_rows(1);
        }
    }

    fn query(
        &self,
        filter: &Filter,
        order: Order,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page> {
        self.queue.flush();
        read::query(&self.shared, filter, order, limit, cursor)
    }

    fn get(&self, id: &str) -> Result<Option<(Row, Option<Content>)>> {
        self.queue.flush();
        Ok(read::get(&self.shared, id))
    }

    fn follow(&self) -> Receiver<Arc<Row>> {
        self.shared.followers.subscribe()
    }

    fn newest(&self) -> Option<String> {
        let segments = self.shared.segments();
        let newest = segments
            .iter()
            .map(|segment| segment.summary(|summary| summary.last.clone()));
        newest.max().filter(|id| !id.is_empty())
    }

    fn health(&self) -> Health {
        let stopped = lock(&self.writer)
            .as_ref()
            .is_some_and(JoinHandle::is_finished);
        Health {
            written: self.shared.written.load(Ordering::Relaxed),
            content_dropped: self.shared.content_dropped.load(Ordering::Relaxed),
            rows_dropped: self.shared.rows_dropped.load(Ordering::Relaxed),
            purged_rows: self.shared.purged_rows.load(Ordering::Relaxed),
            purged_bytes: self.shared.purged_bytes.load(Ordering::Relaxed),
            damaged_places: self.shared.damage.places(),
            damaged: self.shared.damage.names(),
            degraded: if stopped {
                Some("log writer has stopped".into())
            } else {
                lock(&self.shared.degraded).clone()
            },
        }
    }

    fn close(&self) {
        self.shared.closing.store(true, Ordering::Release);
        if let Some(checker) = lock(&self.checker).take() {
            checker.thread().unpark();
            let _ = checker.join();
        }
        self.queue.close();
        let Some(thread) = lock(&self.writer).take() else {
            return;
        };
        if thread.join().is_err() {
            tracing::error!("the request log's writer ended badly");
        }
        // What came in while the writer was leaving.
        self.shared.drop_rows(self.queue.left());
        self.shared.followers.close();
    }
}

impl Drop for Segments {
    fn drop(&mut self) {
        self.close();
    }
}

/// What a directory held.
struct Loaded {
    segments: Vec<Arc<Segment>>,
    open: Option<Open>,
    /// How far the rows and content of each go.
    ends: Vec<(Arc<Segment>, u64)>,
    damage: Damage,
}

/// The segment files of a directory in the order of their numbers.
fn files(dir: &Path) -> std::io::Result<Vec<(u64, PathBuf)>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let number = path
            .file_name()
            .and_then(|name| name.to_str()?.strip_suffix(".seg"))
            .and_then(|name| name.split('-').next()?.parse::<u64>().ok());
        files.extend(number.map(|number| (number, path)));
    }
    files.sort();
    Ok(files)
}

/// Finds the segments of a directory. Only footers are read, except of a file that was never sealed.
fn load(dir: &Path) -> std::io::Result<Loaded> {
    let files = files(dir)?;
    let (mut segments, mut open, mut ends) = (Vec::new(), None, Vec::new());
    let damage = Damage::default();
    let last = files.len().saturating_sub(1);
    for (position, (number, path)) in files.into_iter().enumerate() {
        let found = match Segment::load(number, path.clone()) {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(%error, path = %path.display(), "request log segment cannot be read");
                damage.note(number, &path, 0);
                continue;
            }
        };
        let (end, size) = (found.end, found.segment.size());
        found
            .damaged
            .iter()
            .for_each(|at| damage.note(number, &path, *at));
        // A shorter one was never begun.
        if !found.ours && size >= file::HEADER {
            damage.note(number, &path, 0);
        }
        // Only the newest file was being written when gw ended: elsewhere half a frame is damage.
        let adopt = position == last && found.ours;
        match found.torn {
            Some(at) if adopt => {
                let bytes = size - at;
                tracing::info!(path = %path.display(), bytes, "request log had a torn tail, which is cut off");
            }
            Some(at) => damage.note(number, &path, at),
            None => {}
        }
        let segment = if adopt {
            match Open::adopt(found) {
                Ok(adopted) => open.insert(adopted).segment.clone(),
                Err(found) => Arc::new(found.segment),
            }
        } else {
            Arc::new(found.segment)
        };
        ends.push((segment.clone(), end));
        segments.push(segment);
    }
    Ok(Loaded {
        segments,
        open,
        ends,
        damage,
    })
}
