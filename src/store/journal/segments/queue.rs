//! The way from requests to the writer: bounded, and a push never waits.

use super::super::{Content, Row};
use crate::store::turns::Turns;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

/// A reader waits so long for rows on their way before it reads without them.
const FLUSH_WAIT: Duration = Duration::from_secs(1);
/// A backlog is long from so many rows that wait, or such a part of the room for content that is taken.
const LONG_ROWS: u64 = 64;
const LONG_PART: usize = 8;

/// A row on its way.
pub struct Entry {
    pub row: Row,
    pub content: Option<Content>,
    /// There was content, and the queue had no room for it.
    pub left_out: bool,
    /// Counted against the queue's bytes.
    pub bytes: usize,
}

/// Rows that were taken out together, where they were put.
pub type Batch = Vec<Box<Entry>>;

/// What a push could not keep.
#[derive(Debug, PartialEq)]
pub struct Lost {
    pub content: bool,
    pub row: bool,
}

#[derive(Default)]
struct Counts {
    /// Rows accepted, taken out, and written or given up.
    accepted: AtomicU64,
    taken: AtomicU64,
    done: AtomicU64,
    bytes: AtomicUsize,
    /// `done` that somebody waits for.
    wanted: AtomicU64,
    /// The writer sleeps while it collects, and is woken once so many rows are accepted or so many bytes waited for.
    collects: AtomicBool,
    full_rows: AtomicU64,
    full_bytes: AtomicUsize,
    closed: AtomicBool,
    waiting: Mutex<()>,
    progress: Condvar,
}

impl Counts {
    /// Rows that nobody has taken out yet.
    fn waiting(&self) -> u64 {
        let accepted = self.accepted.load(Ordering::Relaxed);
        accepted.saturating_sub(self.taken.load(Ordering::Relaxed))
    }

    /// Whether as much is there as a collecting writer sleeps for.
    fn is_full(&self) -> bool {
        let full_rows = self.full_rows.load(Ordering::Relaxed);
        let full_bytes = self.full_bytes.load(Ordering::Relaxed);
        self.accepted.load(Ordering::SeqCst) >= full_rows
            || self.bytes.load(Ordering::SeqCst) >= full_bytes
    }
}

/// The producers' end.
pub struct Queue {
    /// Boxed, so that room for many costs little while there are few.
    sender: SyncSender<Option<Box<Entry>>>,
    counts: Arc<Counts>,
    rows: u64,
    bytes: usize,
    thread: OnceLock<Thread>,
}

/// The writer's end.
pub struct Taker {
    receiver: Receiver<Option<Box<Entry>>>,
    counts: Arc<Counts>,
    rows: u64,
    bytes: usize,
}

/// How much waits for the writer.
pub struct Backlog {
    counts: Arc<Counts>,
    bytes: usize,
}

pub fn queue(rows: usize, bytes: usize) -> (Queue, Taker) {
    let (sender, receiver) = sync_channel(rows.max(1));
    let counts = Arc::new(Counts::default());
    (
        Queue {
            sender,
            counts: counts.clone(),
            rows: rows.max(1) as u64,
            bytes,
            thread: OnceLock::new(),
        },
        Taker {
            receiver,
            counts,
            rows: rows.max(1) as u64,
            bytes,
        },
    )
}

impl Queue {
    pub fn set_thread(&self, thread: Thread) {
        let _ = self.thread.set(thread);
    }

    pub fn push(&self, mut row: Row, content: Option<Content>) -> Lost {
        row.bound();
        let counts = &*self.counts;
        let had_content = content.is_some();
        if counts.closed.load(Ordering::Acquire) {
            return Lost {
                content: had_content,
                row: true,
            };
        }
        let mut entry = Box::new(Entry {
            row,
            content,
            left_out: false,
            bytes: 0,
        });
        if let Some(size) = entry.content.as_ref().map(Content::size) {
            // Without content the writer is faster: give that up before the rows do not fit either.
            let behind = counts.waiting() > self.rows - self.rows / 4;
            if behind
                || counts
                    .bytes
                    .fetch_add(size, Ordering::Relaxed)
                    .saturating_add(size)
                    > self.bytes
            {
                if !behind {
                    counts.bytes.fetch_sub(size, Ordering::Relaxed);
                }
                entry.content = None;
                entry.left_out = true;
            } else {
                entry.bytes = size;
            }
        }
        let (kept, bytes) = (entry.content.is_some(), entry.bytes);
        if self.sender.try_send(Some(entry)).is_err() {
            counts.bytes.fetch_sub(bytes, Ordering::Relaxed);
            return Lost {
                content: had_content,
                row: true,
            };
        }
        counts.accepted.fetch_add(1, Ordering::SeqCst);
        if counts.collects.load(Ordering::SeqCst)
            && counts.is_full()
            && counts.collects.swap(false, Ordering::Relaxed)
        {
            self.unpark();
        }
        Lost {
            content: had_content && !kept,
            row: false,
        }
    }

    #[cfg(test)]
    pub fn writer_sleeps(&self) -> bool {
        self.counts.collects.load(Ordering::SeqCst)
    }

    /// Waits until what was accepted so far has been written, but not for long.
    pub fn flush(&self) {
        let counts = &*self.counts;
        let target = counts.accepted.load(Ordering::Acquire);
        if counts.done.load(Ordering::Acquire) >= target {
            return;
        }
        counts.wanted.fetch_max(target, Ordering::AcqRel);
        self.wake();
        let guard = counts
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let pending = |_: &mut ()| {
            counts.done.load(Ordering::Acquire) < target && !counts.closed.load(Ordering::Acquire)
        };
        drop(
            counts
                .progress
                .wait_timeout_while(guard, FLUSH_WAIT, pending)
                .unwrap_or_else(PoisonError::into_inner),
        );
    }

    /// No more rows; the writer takes what is there and ends.
    pub fn close(&self) {
        self.counts.closed.store(true, Ordering::Release);
        self.wake();
    }

    /// Accepted but never taken.
    pub fn left(&self) -> u64 {
        self.counts
            .accepted
            .load(Ordering::Acquire)
            .saturating_sub(self.counts.taken.swap(u64::MAX, Ordering::AcqRel))
    }

    fn wake(&self) {
        // A full queue has an awake writer.
        let _ = self.sender.try_send(None);
        self.unpark();
    }

    fn unpark(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }
}

/// How taking ended.
#[derive(Debug, PartialEq)]
pub enum Took {
    /// There may be more.
    More,
    /// Nothing came in time.
    Nothing,
    /// Closed, and everything is taken.
    End,
}

impl Backlog {
    /// Whether so much waits that the writer has to hurry, or nothing more comes and it is to end.
    pub fn is_long(&self) -> bool {
        let counts = &*self.counts;
        counts.waiting() >= LONG_ROWS
            || counts.bytes.load(Ordering::Relaxed) > self.bytes / LONG_PART
            || counts.closed.load(Ordering::Relaxed)
    }
}

impl Taker {
    pub fn backlog(&self) -> Backlog {
        Backlog {
            counts: self.counts.clone(),
            bytes: self.bytes,
        }
    }

    /// Others' turns, as long as little waits here.
    pub fn turns(&self) -> Turns {
        let backlog = self.backlog();
        Turns::new(move || backlog.is_long())
    }

    /// Fills a batch: waits for a first row up to `idle`, then collects for up to `linger`.
    pub fn take(
        &self,
        batch: &mut Batch,
        rows: usize,
        bytes: usize,
        idle: Duration,
        linger: Duration,
    ) -> Took {
        if self.drain(batch, rows, bytes).is_empty_channel() && batch.is_empty() {
            if self.closed() {
                return Took::End;
            }
            match self.receiver.recv_timeout(idle) {
                Ok(entry) => self.keep(batch, entry),
                Err(RecvTimeoutError::Timeout) => return Took::Nothing,
                Err(RecvTimeoutError::Disconnected) => return Took::End,
            }
        }
        let deadline = Instant::now() + linger;
        while let Drained::Empty = self.drain(batch, rows, bytes) {
            let left = deadline.saturating_duration_since(Instant::now());
            if self.closed() || self.wanted() || left.is_zero() {
                break;
            }
            let held: usize = batch.iter().map(|entry| entry.bytes).sum();
            self.sleep(rows - batch.len(), bytes - held, left);
        }
        Took::More
    }

    /// Waits until so many more rows or bytes are there, or a good part of what the queue has room for, or for so long.
    /// Who pushes says so: looking again and again would cost more than rows that come one by one.
    fn sleep(&self, rows: usize, bytes: usize, most: Duration) {
        let counts = &*self.counts;
        let rows = (rows as u64).min(self.rows / 2 + 1);
        let bytes = bytes.min(self.bytes / LONG_PART).max(1);
        let taken = counts.taken.load(Ordering::Relaxed);
        let before = counts.bytes.load(Ordering::Relaxed);
        let (full_rows, full_bytes) = (taken.saturating_add(rows), before.saturating_add(bytes));
        counts.full_rows.store(full_rows, Ordering::Relaxed);
        counts.full_bytes.store(full_bytes, Ordering::Relaxed);
        counts.collects.store(true, Ordering::SeqCst);
        if !counts.is_full() {
            std::thread::park_timeout(most);
        }
        counts.collects.store(false, Ordering::Relaxed);
    }

    /// Tells that so many more rows are dealt with.
    pub fn done(&self, rows: usize, bytes: usize) {
        self.counts.bytes.fetch_sub(bytes, Ordering::Relaxed);
        let before = self.counts.done.load(Ordering::Acquire);
        self.counts
            .done
            .store(before + rows as u64, Ordering::Release);
        if before < self.counts.wanted.load(Ordering::Acquire) {
            let _guard = self
                .counts
                .waiting
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            self.counts.progress.notify_all();
        }
    }

    fn closed(&self) -> bool {
        self.counts.closed.load(Ordering::Acquire)
    }
    fn wanted(&self) -> bool {
        self.counts.done.load(Ordering::Acquire) < self.counts.wanted.load(Ordering::Acquire)
    }

    fn drain(&self, batch: &mut Batch, rows: usize, bytes: usize) -> Drained {
        let mut held: usize = batch.iter().map(|entry| entry.bytes).sum();
        while batch.len() < rows && held < bytes {
            match self.receiver.try_recv() {
                Ok(entry) => {
                    held += entry.as_ref().map_or(0, |entry| entry.bytes);
                    self.keep(batch, entry);
                }
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => return Drained::Empty,
            }
        }
        Drained::Full
    }

    fn keep(&self, batch: &mut Batch, entry: Option<Box<Entry>>) {
        if let Some(entry) = entry {
            self.counts.taken.fetch_add(1, Ordering::Relaxed);
            batch.push(entry);
        }
    }
}

enum Drained {
    Full,
    Empty,
}

impl Drained {
    fn is_empty_channel(&self) -> bool {
        matches!(self, Drained::Empty)
    }
}
