//! The request log on disk: a bounded queue, one writer thread, segment files that go by unlink.

mod block;
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
use super::{Content, Filter, Health, Journal, Page, Row};
use crate::error::{Error, Kind, Result};
use file::{Open, Segment};
use queue::Queue;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// Damaged places remembered, so that each is counted once.
const MAX_DAMAGED: usize = 65_536;

/// The log in a directory that belongs to it alone.
pub struct Segments {
    queue: Queue,
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
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
    damaged: Mutex<HashSet<(u64, u64)>>,
    damaged_at_start: AtomicU64,
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
    }
    fn drop_content(&self, count: u64) {
        self.content_dropped.fetch_add(count, Ordering::Relaxed);
    }
    fn drop_rows(&self, count: u64) {
        self.rows_dropped.fetch_add(count, Ordering::Relaxed);
    }
    /// A place could not be read: told once, skipped from then on.
    fn damaged(&self, number: u64, at: u64) {
        let mut known = lock(&self.damaged);
        if known.len() < MAX_DAMAGED && known.insert((number, at)) {
            tracing::warn!(
                segment = number,
                at,
                "damaged place in the request log skipped"
            );
        }
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
        file::make_dir(&dir).map_err(failed)?;
        let (segments, open, damaged) = load(&dir, &settings).map_err(failed)?;
        let shared = Arc::new(Shared {
            dir: dir.clone(),
            settings: settings.clone(),
            segments: Mutex::new(segments),
            followers: Followers::default(),
            written: AtomicU64::new(0),
            content_dropped: AtomicU64::new(0),
            rows_dropped: AtomicU64::new(0),
            degraded: Mutex::default(),
            damaged: Mutex::default(),
            damaged_at_start: AtomicU64::new(damaged),
        });
        let (queue, taker) = queue::queue(settings.queue_rows, settings.queue_bytes);
        let writer = writer::Writer::new(shared.clone(), taker, open).map_err(failed)?;
        let thread = std::thread::Builder::new()
            .name("log-writer".into())
            .spawn(move || writer.run())
            .map_err(failed)?;
        queue.set_thread(thread.thread().clone());
        Ok(Segments {
            queue,
            shared,
            writer: Mutex::new(Some(thread)),
        })
    }

    /// Damaged places found and skipped since the start.
    pub fn damaged(&self) -> u64 {
        self.shared.damaged_at_start.load(Ordering::Relaxed)
            + lock(&self.shared.damaged).len() as u64
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

    fn query(&self, filter: &Filter, limit: usize, cursor: Option<&str>) -> Result<Page> {
        self.queue.flush();
        read::query(&self.shared, filter, limit, cursor)
    }

    fn get(&self, id: &str) -> Result<Option<(Row, Option<Content>)>> {
        self.queue.flush();
        Ok(read::get(&self.shared, id))
    }

    fn follow(&self) -> Receiver<Arc<Row>> {
        self.shared.followers.subscribe()
    }

    fn health(&self) -> Health {
        let stopped = lock(&self.writer)
            .as_ref()
            .is_some_and(JoinHandle::is_finished);
        Health {
            written: self.shared.written.load(Ordering::Relaxed),
            content_dropped: self.shared.content_dropped.load(Ordering::Relaxed),
            rows_dropped: self.shared.rows_dropped.load(Ordering::Relaxed),
            degraded: if stopped {
                Some("log writer has stopped".into())
            } else {
                lock(&self.shared.degraded).clone()
            },
        }
    }

    fn close(&self) {
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

type Loaded = (Vec<Arc<Segment>>, Option<Open>, u64);

/// Finds the segments of a directory. Only footers are read, except of a file that was never sealed.
fn load(dir: &Path, settings: &Settings) -> std::io::Result<Loaded> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let number = name
            .strip_suffix(".seg")
            .and_then(|name| name.split('-').next())
            .and_then(|number| number.parse::<u64>().ok());
        if let Some(number) = number {
            files.push((number, path));
        }
    }
    files.sort();
    let (mut segments, mut open, mut damaged) = (Vec::new(), None, 0);
    let last = files.len().saturating_sub(1);
    for (position, (number, path)) in files.into_iter().enumerate() {
        let found = match Segment::load(number, path) {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(%error, segment = number, "request log segment cannot be read");
                damaged += 1;
                continue;
            }
        };
        damaged += found.damaged;
        if position < last || found.end >= settings.segment_bytes {
            segments.push(Arc::new(found.segment));
            continue;
        }
        match Open::adopt(found) {
            Ok(adopted) => {
                segments.push(adopted.segment.clone());
                open = Some(adopted);
            }
            Err(found) => segments.push(Arc::new(found.segment)),
        }
    }
    Ok((segments, open, damaged))
}
