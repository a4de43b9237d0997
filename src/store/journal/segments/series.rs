//! The files of one kind, of rows or of content: which one is open, when it is closed, and that a new one is begun.

use super::Shared;
use super::file::{self, HEADER};
use super::frame::{self, Compressor};
use super::lock;
use super::open::Open;
use super::queue::Taker;
use super::retention;
use super::settings::{Disk, Holds, Limits};
use super::sync::Syncer;
use std::io;
use std::sync::Arc;

/// Blocks in a file: bounds what is kept in memory of the open one where traffic is thin.
const MAX_BLOCKS: usize = 32_768;
/// Rows in a file: bounds the columns in memory, and how long it takes to know them again after a crash.
const MAX_ROWS: u64 = 131_072;

/// What every file is written with.
pub struct Tools {
    pub shared: Arc<Shared>,
    pub compressor: Compressor,
    pub content_compressor: Compressor,
    pub syncer: Syncer,
    /// The number of the next file, whatever it holds.
    next: u64,
}

impl Tools {
    pub fn new(shared: Arc<Shared>, taker: &Taker) -> io::Result<Tools> {
        let last = shared.segments().last().map(|segment| segment.number);
        Ok(Tools {
            compressor: frame::compressor(frame::FAST)?.in_turns(taker.turns()),
            content_compressor: frame::compressor(frame::SMALL)?.in_turns(taker.turns()),
            syncer: Syncer::start(shared.settings.sync_every)?,
            next: last.map_or(1, |last| last.saturating_add(1)),
            shared,
        })
    }

    /// Has the directory synced, without which a power cut can take a file's name, whatever of it was synced.
    pub fn sync_dir(&self) {
        #[cfg(unix)]
        if let Ok(dir) = std::fs::File::open(&self.shared.dir) {
            self.syncer.dirty(&Arc::new(dir));
        }
    }
}

/// The files of one kind.
pub struct Series {
    holds: Holds,
    pub open: Option<Open>,
    /// Known anew at each look at the disk.
    pub limits: Limits,
}

impl Series {
    pub fn new(holds: Holds, open: Option<Open>, shared: &Shared) -> Series {
        let disk = Disk::of(&shared.dir);
        Series {
            holds,
            open,
            limits: shared.settings.limits(holds, disk),
        }
    }

    fn number(&self) -> Option<u64> {
        self.open.as_ref().map(|open| open.segment.number)
    }

    /// Looks at the files: whether the open one is still there, what is too old or too much.
    pub fn look(&mut self, tools: &mut Tools, disk: Option<Disk>) {
        let shared = tools.shared.clone();
        if self
            .open
            .as_ref()
            .is_some_and(|open| !open.segment.path.exists())
        {
            // Somebody removed it: what was written there is gone, what comes goes to a new file.
            if let Some(open) = self.open.take() {
                shared.forget(open.segment.number);
            }
        }
        self.limits = shared.settings.limits(self.holds, disk);
        let oldest = retention::oldest(&shared, &self.limits);
        // What has to go can only go once it is closed.
        if self.open.as_ref().is_some_and(|open| {
            let old = open
                .segment
                .summary(|summary| summary.rows > 0 && summary.until < oldest);
            old || open.end >= self.limits.roll_bytes.max(HEADER + 1)
        }) {
            self.seal(tools);
        }
        retention::enforce(&shared, self.holds, self.number(), 0);
    }

    /// The open file, with room; retention comes before a new one. `id` is of the first row that is to come.
    pub fn make_room(&mut self, tools: &mut Tools, id: &str) -> io::Result<&mut Open> {
        if self.open.as_ref().is_some_and(|open| open.broken) {
            self.abandon(tools);
        }
        let aged = lock(&tools.shared.clock)
            .careful()
            .saturating_sub(self.limits.max_age / 16);
        if self.open.as_ref().is_some_and(|open| {
            let old = open
                .segment
                .summary(|summary| summary.rows > 0 && summary.since < aged);
            open.end >= self.limits.roll_bytes
                || open.blocks() >= MAX_BLOCKS
                || open.segment.summary(|summary| summary.rows >= MAX_ROWS) && self.holds.rows()
                || old
        }) {
            self.seal(tools);
        }
        let open = match self.open.take() {
            Some(open) => open,
            None => self.create(tools, id)?,
        };
        Ok(self.open.insert(open))
    }

    fn create(&self, tools: &mut Tools, id: &str) -> io::Result<Open> {
        let dir = &tools.shared.dir;
        file::make_dir(dir)?;
        let first: String = id
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .skip(3)
            .take(26)
            .collect();
        let first = if first.is_empty() { "0" } else { &first };
        let number = tools.next;
        let path = dir.join(format!("{number:08}-{first}.{}", self.holds.extension()));
        tools.next += 1;
        let open = Open::create(number, path, self.holds)?;
        lock(&tools.shared.segments).push(open.segment.clone());
        tools.sync_dir();
        Ok(open)
    }

    /// Makes known again what a crash left unknown of the open file.
    pub fn complete(&self) {
        if let Some(Err(error)) = self.open.as_ref().map(Open::complete) {
            tracing::warn!(%error, "request log segment could not be read again");
        }
    }

    /// Makes room among the others for so many bytes, which have to fit at all.
    pub fn make_way(&self, tools: &Tools, coming: u64) -> io::Result<()> {
        if coming > self.limits.max_bytes / 2 {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                "what came at once is larger than logs.max_bytes allows",
            ));
        }
        // Room for an index is kept, too: a file grows by one when it is closed.
        let coming = coming + self.limits.roll_bytes;
        retention::enforce(&tools.shared, self.holds, self.number(), coming);
        Ok(())
    }

    /// Leaves the open file as it is; an empty one is removed.
    pub fn abandon(&mut self, tools: &mut Tools) {
        let Some(open) = self.open.take() else { return };
        if open.segment.summary(|summary| summary.rows == 0)
            && std::fs::remove_file(&open.segment.path).is_ok()
        {
            tools.shared.forget(open.segment.number);
        }
    }

    /// Closes the open file with its index.
    pub fn seal(&mut self, tools: &mut Tools) {
        // Where its turn had not come yet.
        self.complete();
        let Some(open) = self.open.take() else { return };
        let file = open.file.clone();
        let result = open.seal(&mut tools.compressor);
        tools.syncer.dirty(&file);
        if let Err(error) = result {
            tracing::warn!(%error, "request log segment stays without an index");
        }
    }
}
