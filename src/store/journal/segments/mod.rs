//! The request log on disk: a bounded queue, one writer thread, and files that go by unlink: segments of rows, and content
//! in files of its own.

mod believed;
mod block;
mod busy;
mod check;
mod columns;
mod damage;
mod file;
mod find;
mod fold;
mod frame;
pub mod json;
mod moved;
mod open;
mod pace;
mod packer;
mod packing;
mod prices;
mod queue;
mod read;
mod repricing;
mod retention;
mod series;
mod settings;
mod stats;
mod stored;
mod sync;
#[cfg(test)]
mod tests;
mod writer;

pub use settings::{Floor, Settings};

use super::follow::Followers;
use super::sums::{Ask, Folded};
use super::{
    Body, Content, Filter, Following, Health, Journal, Order, Page, Repricing, Row, Tally,
};
use crate::clock::{self, Clock};
use crate::error::{Error, Kind, Result};
use crate::resources::Stamp;
use damage::Damage;
use file::{Found, Segment};
use open::Open;
use queue::Queue;
use retention::Gone;
use settings::Holds;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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
    /// In the order of their numbers; the last of each kind may be open.
    segments: Mutex<Vec<Arc<Segment>>>,
    followers: Followers,
    written: AtomicU64,
    content_dropped: AtomicU64,
    rows_dropped: AtomicU64,
    redacted: AtomicU64,
    /// The queue had no room since the writer looked last.
    crowded: AtomicBool,
    degraded: Mutex<Option<String>>,
    /// What went by age and size, and what went because the disk ran low.
    removed: Gone,
    purged: Gone,
    /// Fed by the writer.
    clock: Mutex<Clock>,
    damage: Damage,
    closing: AtomicBool,
    /// Held while rows are priced again.
    repricing: Mutex<()>,
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
            rows,
            content,
            ends,
            damage,
        } = load(&dir).map_err(failed)?;
        let clock = clock_of(&dir, &segments, &settings);
        let shared = Arc::new(Shared {
            dir: dir.clone(),
            settings: settings.clone(),
            segments: Mutex::new(segments),
            followers: Followers::default(),
            written: AtomicU64::new(0),
            content_dropped: AtomicU64::new(0),
            rows_dropped: AtomicU64::new(0),
            redacted: AtomicU64::new(0),
            crowded: AtomicBool::new(false),
            degraded: Mutex::default(),
            removed: Gone::default(),
            purged: Gone::default(),
            clock: Mutex::new(clock),
            damage,
            closing: AtomicBool::new(false),
            repricing: Mutex::default(),
        });
        let (queue, taker) = queue::queue(settings.queue_rows, settings.queue_bytes);
        let writer = writer::Writer::new(shared.clone(), taker, rows, content).map_err(failed)?;
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
        if lost.content || lost.row {
            self.shared.crowded.store(true, Ordering::Relaxed);
        }
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

    fn find(&self, id: &str) -> Result<Option<(Row, Body)>> {
        self.queue.flush();
        Ok(find::Lookup::new(&self.shared).find(id))
    }

    fn bodies(&self, ids: &[&str]) -> Result<Vec<Body>> {
        let mut lookup = find::Lookup::new(&self.shared);
        let found = ids.iter().map(|id| lookup.find(id));
        Ok(found
            .map(|found| found.map_or(Body::None, |(_, body)| body))
            .collect())
    }

    fn fold(&self, ask: &Ask) -> Result<Folded> {
        self.queue.flush();
        Ok(fold::fold(&self.shared, ask))
    }

    fn reprice(&self, wanted: &Repricing<'_>) -> Result<Tally> {
        self.queue.flush();
        repricing::reprice(&self.shared, wanted)
    }

    fn follow(&self) -> Following {
        self.shared.followers.subscribe()
    }

    fn newest(&self) -> Option<String> {
        let segments = self.shared.segments();
        let newest = segments
            .iter()
            .map(|segment| segment.summary(|summary| summary.last.clone()));
        newest.max().filter(|id| !id.is_empty())
    }

    fn stats(&self) -> super::Stats {
        self.queue.flush();
        super::Stats {
            rows: stats::of(&self.shared, Holds::Rows),
            content: stats::of(&self.shared, Holds::Content),
        }
    }

    fn verify(&self) {
        self.queue.flush();
        check::all(&self.shared);
    }

    fn health(&self) -> Health {
        let stopped = lock(&self.writer)
            .as_ref()
            .is_some_and(JoinHandle::is_finished);
        Health {
            written: self.shared.written.load(Ordering::Relaxed),
            content_dropped: self.shared.content_dropped.load(Ordering::Relaxed),
            rows_dropped: self.shared.rows_dropped.load(Ordering::Relaxed),
            redacted: self.shared.redacted.load(Ordering::Relaxed),
            removed_rows: self.shared.removed.rows.load(Ordering::Relaxed),
            removed_content: self.shared.removed.content.load(Ordering::Relaxed),
            removed_bytes: self.shared.removed.bytes.load(Ordering::Relaxed),
            purged_rows: self.shared.purged.rows.load(Ordering::Relaxed),
            purged_content: self.shared.purged.content.load(Ordering::Relaxed),
            purged_bytes: self.shared.purged.bytes.load(Ordering::Relaxed),
            clock: lock(&self.shared.clock).jump().map(writer::jumped),
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

/// The clock that retention goes by: the one that was believed last, where the machine has not been started since. Else
/// a start at which everything is too old is a reason to doubt it: a gateway that was off for so long loses nothing by
/// waiting for a day.
fn clock_of(dir: &Path, segments: &[Arc<Segment>], settings: &Settings) -> Clock {
    let (monotonic, now) = (clock::monotonic(), Stamp::now().0);
    let believed = believed::load(dir).filter(|(then, _)| *then <= monotonic);
    if let Some((then, wall)) = believed {
        let mut clock = Clock::new(then, wall, settings.steady);
        clock.feed(monotonic, now);
        return clock;
    }
    let mut clock = Clock::new(monotonic, now, settings.steady);
    let newest = segments
        .iter()
        .filter_map(|segment| segment.summary(|all| (all.rows > 0).then_some(all.until)))
        .max();
    let age = settings.limits(Holds::Content, None).max_age;
    if let Some(newest) = newest.filter(|newest| *newest < now.saturating_sub(age)) {
        clock.doubt(newest);
    }
    clock
}

/// What a directory held.
struct Loaded {
    segments: Vec<Arc<Segment>>,
    /// The files to go on in.
    rows: Option<Open>,
    content: Option<Open>,
    /// How far the rows and content of each go.
    ends: Vec<(Arc<Segment>, u64)>,
    damage: Damage,
}

/// The files of a directory in the order of their numbers, with what their names say they hold.
fn files(dir: &Path) -> std::io::Result<Vec<(u64, PathBuf, Holds)>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let named = path.file_name().and_then(|name| {
            let (name, extension) = name.to_str()?.rsplit_once('.')?;
            let mut kinds = [Holds::Rows, Holds::Content].into_iter();
            let holds = kinds.find(|holds| holds.extension() == extension)?;
            Some((name.split('-').next()?.parse::<u64>().ok()?, holds))
        });
        if let Some((number, holds)) = named {
            files.push((number, path, holds));
        }
    }
    files.sort_by(|(one, path, _), (other, another, _)| (one, path).cmp(&(other, another)));
    Ok(files)
}

/// Finds the files of a directory. Only footers are read, except of one that was never closed.
fn load(dir: &Path) -> std::io::Result<Loaded> {
    let files = files(dir)?;
    prices::clean(dir);
    packing::clean(dir);
    let newest = |wanted: Holds| {
        let of_kind = files.iter().filter(|(_, _, holds)| *holds == wanted);
        of_kind.map(|(number, ..)| *number).max()
    };
    // Only the newest file of each kind was being written when gw ended: elsewhere half a frame is damage.
    let newest = [newest(Holds::Rows), newest(Holds::Content)];
    let mut loaded = Loaded {
        segments: Vec::new(),
        rows: None,
        content: None,
        ends: Vec::new(),
        damage: Damage::default(),
    };
    for (number, path, holds) in files {
        let found = match Segment::load(number, path.clone(), holds) {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(%error, path = %path.display(), "request log segment cannot be read");
                loaded.damage.note(number, &path, 0);
                continue;
            }
        };
        let (end, size) = (found.end, found.segment.size());
        found
            .damaged
            .iter()
            .for_each(|at| loaded.damage.note(number, &path, *at));
        // A shorter one was never begun.
        if !found.ours && size >= file::HEADER {
            loaded.damage.note(number, &path, 0);
        }
        let adopt = newest.contains(&Some(number)) && found.ours;
        match found.torn {
            Some(at) if adopt => {
                let bytes = size - at;
                tracing::info!(path = %path.display(), bytes, "request log had a torn tail, which is cut off");
            }
            Some(at) => loaded.damage.note(number, &path, at),
            None => {}
        }
        let segment = match adopt {
            true => take_over(found, &mut loaded),
            false => Arc::new(found.segment),
        };
        loaded.ends.push((segment.clone(), end));
        loaded.segments.push(segment);
    }
    Ok(loaded)
}

/// Goes on in a file, or closes it where an earlier release wrote it: what it has is in files of two kinds now.
fn take_over(found: Found, loaded: &mut Loaded) -> Arc<Segment> {
    let (holds, sealed) = (found.segment.holds, found.sealed);
    if holds == Holds::Both && sealed || found.packed {
        return Arc::new(found.segment);
    }
    let open = match Open::adopt(found) {
        Ok(open) => open,
        Err(found) => return Arc::new(found.segment),
    };
    let segment = open.segment.clone();
    match holds {
        Holds::Rows => loaded.rows = Some(open),
        Holds::Content => loaded.content = Some(open),
        Holds::Both => {
            let closed = frame::compressor(frame::FAST)
                .and_then(|mut compressor| open.seal(&mut compressor));
            if let Err(error) = closed {
                tracing::warn!(%error, "request log segment stays without an index");
            }
        }
    }
    segment
}
