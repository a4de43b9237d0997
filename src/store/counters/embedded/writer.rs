//! Keeps the file up to date, from a thread of its own: once a second what is new, if anything is, and the whole anew when the file has become
//! a multiple of what lives. While that is written, account by account between two seconds, the old file goes on and both get
//! what is new; then the new one takes its name. Where the disk has no room counting goes on in memory, and what was not
//! written follows as a whole when there is.

use super::codec::{Written, put_changed, put_whole, put_written};
use super::{Command, NAME, Status, file, run};
use crate::clock;
use crate::store::counters::books::{Books, FIRST};
use crate::store::counters::{Account, Counters, Memory};
use crate::store::records::disk;
use crate::store::turns::Turns;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often what is new is written; so much is lost when the process dies.
const EVERY: Duration = Duration::from_secs(1);
/// How often it is made to last through a power cut, in writes.
const SYNC: u32 = 5;
/// A file is written anew when it is so many times as long as the last whole one, and longer than that.
const TIMES: u64 = 4;
const SMALL: u64 = 4 << 20;
/// Bytes of records in a frame, about.
const FRAME: usize = 256 << 10;
/// Accounts that are written anew at once.
const AT_ONCE: usize = 64;

/// A file and how long it is, as far as it is sound.
struct Output {
    path: PathBuf,
    file: Option<File>,
    length: u64,
    /// Tells files apart.
    number: u32,
}

/// The next file, in the making.
struct Next {
    output: Output,
    /// Accounts that are still to be written into it.
    left: Vec<Arc<Account>>,
    /// Who waits for it.
    waiting: Vec<Sender<io::Result<(u64, u64)>>>,
}

pub struct Writer {
    dir: PathBuf,
    memory: Arc<Memory>,
    books: Arc<Books>,
    now: Output,
    next: Option<Next>,
    /// How long the file was when it was last written anew.
    whole: u64,
    /// The number of the newest file there was.
    newest: u32,
    unsynced: u32,
    status: Arc<Mutex<Status>>,
    turns: Turns,
}

impl Writer {
    /// `sound`: how much of the file there is is whole; `None`: it is begun anew.
    pub fn new(
        dir: &Path,
        memory: Arc<Memory>,
        books: Arc<Books>,
        sound: Option<u64>,
        status: Arc<Mutex<Status>>,
    ) -> Writer {
        let path = dir.join(NAME);
        let file = sound.and_then(|sound| file::append(&path, sound).ok());
        Writer {
            dir: dir.to_owned(),
            memory,
            books,
            now: Output {
                length: file.as_ref().and(sound).unwrap_or(0),
                path,
                file,
                number: FIRST,
            },
            next: None,
            whole: 0,
            newest: FIRST,
            unsynced: 0,
            status,
            turns: Turns::new(|| false),
        }
    }

    /// Writes until it is told to close.
    pub fn run(mut self, commands: &Receiver<Command>) {
        // When what is new is written; `None`: nothing is.
        let mut due: Option<Instant> = None;
        loop {
            let command = match (&self.next, due) {
                (Some(_), _) => commands.recv_timeout(Duration::ZERO),
                (None, Some(due)) => {
                    commands.recv_timeout(due.saturating_duration_since(Instant::now()))
                }
                (None, None) => commands.recv().map_err(RecvTimeoutError::from),
            };
            match command {
                Ok(Command::New) => _ = due.get_or_insert_with(|| Instant::now() + EVERY),
                Ok(Command::Compact(waiting)) => self.compact(Some(waiting)),
                Ok(Command::Flush(done)) => {
                    self.write();
                    let _ = done.send(());
                }
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Command::Close) | Err(RecvTimeoutError::Disconnected) => {
                    self.write();
                    self.sync();
                    if let Some(next) = &self.next {
                        let _ = std::fs::remove_file(&next.output.path);
                    }
                    return;
                }
            }
            if due.is_some_and(|due| Instant::now() >= due) {
                due = None;
                self.write();
            }
            self.go_on();
        }
    }

    /// Writes what is new.
    fn write(&mut self) {
        let touched = self.books.take();
        if touched.is_empty() {
            return;
        }
        if let Err(error) = self.write_these(&touched) {
            self.failed_with(&touched, &error);
            return;
        }
        self.status().failing = None;
        self.unsynced += 1;
        if self.unsynced >= SYNC {
            self.sync();
        }
        let length = self.now.length;
        self.status().bytes = length;
        if length > SMALL && length > TIMES * self.whole {
            self.compact(None);
        }
    }

    /// Brings the file there is up to date with these accounts, and the next one where one is in the making.
    fn write_these(&mut self, accounts: &[Arc<Account>]) -> io::Result<()> {
        self.open()?;
        let written = self.written();
        let (mut to_now, mut to_next) = (Frames::new(written), Frames::new(written));
        let next = self.next.as_ref().map(|next| next.output.number);
        let newest = next.unwrap_or(self.now.number);
        for account in accounts {
            self.turns.between();
            let Some(page) = account.page() else { continue };
            page.reading();
            let seen = page.file.swap(newest, Ordering::Relaxed);
            // Both at once: what is counted in between would be in neither or in both.
            let (new, image) = {
                let mut ledger = account.ledger();
                let new = ledger.unsaved();
                let image = (new.whole || seen < newest).then(|| ledger.image());
                (new, image)
            };
            let put = |frames: &mut Frames, file: u32| match &image {
                Some(image) if new.whole || seen < file => {
                    put_whole(frames.out(), page.number, account.subject(), image);
                }
                _ if new.is_nothing() => {}
                _ => put_changed(
                    frames.out(),
                    page.number,
                    &new.held,
                    &new.changes,
                    written.at,
                ),
            };
            put(&mut to_now, self.now.number);
            if let Some(next) = next {
                put(&mut to_next, next);
            }
        }
        self.now.append(&to_now.finish())?;
        if let Some(next) = &mut self.next
            && let Err(error) = next.output.append(&to_next.finish())
        {
            self.give_up(&error);
        }
        Ok(())
    }

    /// What was to be written was not: it follows as a whole.
    fn failed_with(&mut self, accounts: &[Arc<Account>], error: &io::Error) {
        for account in accounts {
            // Taken off the list, it is to be noted anew.
            if let Some(page) = account.page() {
                page.reading();
            }
            account.write_whole();
        }
        // It may lack what was not written.
        self.give_up(error);
        self.failed(error);
    }

    /// Makes sure that there is a file.
    fn open(&mut self) -> io::Result<()> {
        if self.now.file.is_none() {
            disk::make_dir(&self.dir).map_err(io::Error::other)?;
            self.now.file = Some(file::create(&self.now.path)?);
            self.now.length = file::BEGIN.len() as u64;
            // Nothing is in it.
            self.newest += 1;
            self.now.number = self.newest;
            for account in self.memory.accounts() {
                account.write_whole();
            }
        }
        Ok(())
    }

    fn written(&self) -> Written {
        Written {
            at: self.memory.now(),
            monotonic: clock::monotonic().as_secs(),
            run: run(),
        }
    }

    /// Begins to write the whole anew, where that is not under way.
    fn compact(&mut self, waiting: Option<Sender<io::Result<(u64, u64)>>>) {
        if let Some(next) = &mut self.next {
            next.waiting.extend(waiting);
            return;
        }
        let path = disk::beside(&self.now.path);
        let begun = self.open().and_then(|()| file::create(&path));
        match begun {
            Ok(file) => {
                self.newest += 1;
                let output = Output {
                    path,
                    file: Some(file),
                    length: file::BEGIN.len() as u64,
                    number: self.newest,
                };
                self.next = Some(Next {
                    output,
                    left: self.memory.accounts(),
                    waiting: waiting.into_iter().collect(),
                });
            }
            Err(error) => {
                if let Some(waiting) = waiting {
                    let _ = waiting.send(Err(error));
                }
            }
        }
    }

    /// Some more of the next file; its end makes it the file.
    fn go_on(&mut self) {
        let Some(next) = &mut self.next else { return };
        let rest = next.left.len().saturating_sub(AT_ONCE);
        let some = next.left.split_off(rest);
        match self.write_these(&some) {
            Err(error) => self.failed_with(&some, &error),
            Ok(()) if rest == 0 => self.exchange(),
            Ok(()) => {}
        }
    }

    /// The next file takes the place of the one there is.
    fn exchange(&mut self) {
        let Some(mut next) = self.next.take() else {
            return;
        };
        let synced = next.output.file.as_ref().map_or(Ok(()), File::sync_all);
        if let Err(error) = synced.and_then(|()| std::fs::rename(&next.output.path, &self.now.path))
        {
            self.next = Some(next);
            self.give_up(&error);
            return;
        }
        let _ = disk::sync_dir(&self.dir);
        let before = self.now.length;
        next.output.path.clone_from(&self.now.path);
        self.now = next.output;
        self.whole = self.now.length;
        self.status().bytes = self.whole;
        for waiting in next.waiting {
            let _ = waiting.send(Ok((before, self.whole)));
        }
    }

    /// The next file cannot be written; the one there is goes on.
    fn give_up(&mut self, error: &io::Error) {
        let Some(next) = self.next.take() else { return };
        let _ = std::fs::remove_file(&next.output.path);
        tracing::warn!(target: "gw::store", "the file of the counters cannot be written anew: {error}");
        let said = (error.kind(), error.to_string());
        for waiting in next.waiting {
            let _ = waiting.send(Err(io::Error::new(said.0, said.1.clone())));
        }
        // Not again at once.
        self.whole = self.now.length;
    }

    fn sync(&mut self) {
        self.unsynced = 0;
        if let Some(Err(error)) = self.now.file.as_ref().map(File::sync_data) {
            self.failed(&error);
        }
    }

    fn failed(&mut self, error: &io::Error) {
        let why = match disk::is_full(error) {
            true => "disk full".to_owned(),
            false => error.to_string(),
        };
        let path = self.now.path.display().to_string();
        let mut status = self.status();
        if status.failing.as_ref() != Some(&why) {
            tracing::warn!(target: "gw::store", "what limits count is not stored, in `{path}`: {why}; it is counted in memory");
            status.failing = Some(why);
        }
    }

    fn status(&self) -> std::sync::MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Output {
    /// All or nothing: what went out of it in part is cut off again.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let written = file.write_all(bytes);
        match &written {
            Ok(()) => self.length += bytes.len() as u64,
            Err(_) => {
                let _ = file.set_len(self.length);
            }
        }
        written
    }
}

/// Records, in frames of a size that is easy to read.
struct Frames {
    written: Written,
    payload: Vec<u8>,
    out: Vec<u8>,
}

impl Frames {
    fn new(written: Written) -> Frames {
        Frames {
            written,
            payload: Vec::new(),
            out: Vec::new(),
        }
    }

    /// Where the next record goes.
    fn out(&mut self) -> &mut Vec<u8> {
        if self.payload.len() >= FRAME {
            self.close();
        }
        if self.payload.is_empty() {
            put_written(&mut self.payload, &self.written);
        }
        &mut self.payload
    }

    fn close(&mut self) {
        if !self.payload.is_empty() {
            file::frame(&mut self.out, &self.payload);
            self.payload.clear();
        }
    }

    fn finish(mut self) -> Vec<u8> {
        self.close();
        self.out
    }
}
