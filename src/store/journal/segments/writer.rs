//! The writer: takes rows from the queue, packs them into blocks, and lives with a disk that is full or failing.

use super::super::summary::Summary;
use super::block::{self, Place};
use super::file::{HEADER, Open};
use super::frame::{self, Compressor, Kind};
use super::queue::{Entry, Taker, Took};
use super::settings::{Disk, Room};
use super::sync::Syncer;
use super::{Shared, lock, retention};
use crate::resources::Stamp;
use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Rows in a block: what a reader unpacks at once.
const BLOCK_ROWS: usize = 128;
/// Content taken from the queue at once.
const BATCH_BYTES: usize = 4 << 20;
/// Bodies are packed together up to this: similar ones compress well, and reading one unpacks the rest.
const CONTENT_BLOCK: usize = 128 << 10;
/// Blocks in a segment: bounds what is kept in memory of the open one where traffic is thin.
const MAX_BLOCKS: usize = 32_768;
/// How often the disk is looked at: while rows come or something is wrong, and else.
const LOOK: Duration = Duration::from_secs(1);
const LOOK_IDLE: Duration = Duration::from_secs(5);
/// A busy log looks more often: a second can fill a disk.
const LOOK_BYTES: u64 = 8 << 20;

pub struct Writer {
    shared: Arc<Shared>,
    taker: Taker,
    open: Option<Open>,
    next: u64,
    compressor: Compressor,
    syncer: Syncer,
    room: Room,
    /// What all files may take, and where one ends; known anew at each look at the disk.
    max_bytes: u64,
    roll_bytes: u64,
    /// The last write failed with this.
    failing: Option<String>,
    looked: Instant,
    unlooked_bytes: u64,
    rows: Vec<u8>,
    contents: Vec<u8>,
    out: Vec<u8>,
}

impl Writer {
    pub fn new(shared: Arc<Shared>, taker: Taker, open: Option<Open>) -> io::Result<Writer> {
        let next = shared
            .segments()
            .last()
            .map_or(1, |segment| segment.number + 1);
        let syncer = Syncer::start(shared.settings.sync_every)?;
        let mut writer = Writer {
            max_bytes: 0,
            roll_bytes: 0,
            shared,
            taker,
            open,
            next,
            compressor: frame::compressor()?,
            syncer,
            room: Room::All,
            failing: None,
            looked: Instant::now(),
            unlooked_bytes: 0,
            rows: Vec::new(),
            contents: Vec::new(),
            out: Vec::new(),
        };
        writer.look();
        Ok(writer)
    }

    pub fn run(mut self) {
        let mut batch = Vec::with_capacity(BLOCK_ROWS);
        loop {
            let idle = if self.degraded() { LOOK } else { LOOK_IDLE };
            let took = self.taker.take(
                &mut batch,
                BLOCK_ROWS,
                BATCH_BYTES.min(usize::try_from(self.roll_bytes).unwrap_or(BATCH_BYTES)),
                idle,
                self.shared.settings.linger,
            );
            if !batch.is_empty() {
                for entry in &batch {
                    self.shared.followers.send(&entry.row);
                }
                self.write(&batch);
                self.taker
                    .done(batch.len(), batch.iter().map(|entry| entry.bytes).sum());
                batch.clear();
            }
            if took == Took::End {
                break;
            }
            if self.looked.elapsed() >= LOOK || self.unlooked_bytes >= LOOK_BYTES {
                self.look();
            }
        }
        self.seal();
    }

    fn degraded(&self) -> bool {
        self.failing.is_some() || self.room != Room::All
    }

    /// Looks at the disk: how much room there is, what is too old, whether writing works again.
    fn look(&mut self) {
        self.looked = Instant::now();
        self.unlooked_bytes = 0;
        if self
            .open
            .as_ref()
            .is_some_and(|open| !open.segment.path.exists())
        {
            // Somebody removed it: what was written there is gone, what comes goes to a new file.
            if let Some(open) = self.open.take() {
                self.shared.forget(open.segment.number);
            }
        }
        let disk = Disk::of(&self.shared.dir);
        self.max_bytes = self.shared.settings.max_bytes(disk);
        self.roll_bytes = self.shared.settings.roll_bytes(disk);
        // What has to go can only go once it is closed.
        if self.open.as_ref().is_some_and(|open| {
            let old = open.segment.summary(|summary| {
                summary.rows > 0 && summary.until < retention::oldest(&self.shared)
            });
            old || open.end >= self.roll_bytes.max(HEADER + 1)
        }) {
            self.seal();
        }
        retention::enforce(&self.shared, self.open_number(), 0);
        self.room = self.shared.settings.room(Disk::of(&self.shared.dir));
        if self.failing.is_some() && self.room != Room::Nothing && self.probe().is_ok() {
            self.failing = None;
        }
        self.tell();
    }

    fn open_number(&self) -> Option<u64> {
        self.open.as_ref().map(|open| open.segment.number)
    }

    /// Whether a file can be written at all.
    fn probe(&self) -> io::Result<()> {
        super::file::make_dir(&self.shared.dir)?;
        let path = self.shared.dir.join("probe.tmp");
        let result = File::create(&path).and_then(|mut file| {
            file.write_all(&[0; 4096])?;
            file.sync_data()
        });
        let _ = std::fs::remove_file(&path);
        result
    }

    fn tell(&self) {
        let state = match (&self.failing, self.room) {
            (_, Room::Nothing) => Some("disk full: request logs are not stored".to_owned()),
            (Some(error), _) => Some(format!("request logs cannot be written: {error}")),
            (None, Room::RowsOnly) => {
                Some("disk nearly full: request and response content is not stored".to_owned())
            }
            (None, Room::All) => None,
        };
        let mut told = lock(&self.shared.degraded);
        if *told != state {
            match &state {
                Some(why) => tracing::warn!("{why}"),
                None => tracing::info!("request logs are stored again"),
            }
            *told = state;
        }
    }

    fn write(&mut self, batch: &[Entry]) {
        let contents = batch.iter().filter(|entry| entry.content.is_some()).count() as u64;
        let mut result = Err(None);
        if self.room == Room::All {
            result = self.attempt(batch, true).map_err(Some);
        }
        if result.is_ok() {
            self.written();
            return;
        }
        // One body that is too large must not take the others with it.
        if batch.len() > 1 && matches!(&result, Err(Some(why)) if too_large(why)) {
            let (front, back) = batch.split_at(batch.len() / 2);
            self.write(front);
            return self.write(back);
        }
        self.shared.drop_content(contents);
        if self.room != Room::Nothing && (self.room == Room::RowsOnly || contents > 0) {
            result = self.attempt(batch, false).map_err(Some);
        }
        match result {
            Ok(()) => self.written(),
            Err(why) => {
                self.shared.drop_rows(batch.len() as u64);
                if let Some(error) = why {
                    self.failing = Some(error.to_string());
                    // A new file may fare better, except where the disk is merely full.
                    if error.kind() != io::ErrorKind::StorageFull && !too_large(&error) {
                        self.abandon();
                    }
                }
                self.tell();
            }
        }
    }

    fn written(&mut self) {
        if self.failing.take().is_some() {
            self.tell();
        }
    }

    /// Writes a batch as frames of content and then one of rows, in one go.
    fn attempt(&mut self, batch: &[Entry], with_content: bool) -> io::Result<()> {
        self.make_room(batch)?;
        let Some(open) = &mut self.open else {
            return Err(io::Error::other("there is no segment to write to"));
        };
        self.out.clear();
        self.rows.clear();
        self.contents.clear();
        let (mut summary, mut index, mut unwritable) = (Summary::default(), 0, 0);
        for entry in batch {
            let mut place = None;
            if let Some(content) = entry.content.as_ref().filter(|_| with_content) {
                place = Some(Place {
                    at: open.end + self.out.len() as u64,
                    index,
                });
                block::put_content(&mut self.contents, content);
                index += 1;
            }
            if block::put_row(&mut self.rows, &entry.row, place) {
                summary.add(&entry.row);
            } else {
                unwritable += 1;
            }
            if self.contents.len() >= CONTENT_BLOCK {
                frame::encode(
                    &mut self.out,
                    Kind::Content,
                    &[],
                    &self.contents,
                    &mut self.compressor,
                )?;
                self.contents.clear();
                index = 0;
            }
        }
        if !self.contents.is_empty() {
            frame::encode(
                &mut self.out,
                Kind::Content,
                &[],
                &self.contents,
                &mut self.compressor,
            )?;
        }
        let rows = open.end + self.out.len() as u64;
        let stored = summary.rows;
        frame::encode(
            &mut self.out,
            Kind::Rows,
            &serde_json::to_vec(&summary)?,
            &self.rows,
            &mut self.compressor,
        )?;
        let coming = self.out.len() as u64;
        if coming > self.max_bytes / 2 {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                "what came at once is larger than logs.max_bytes allows",
            ));
        }
        // Room for an index is kept, too: a file grows by one when it is closed.
        let number = open.segment.number;
        retention::enforce(&self.shared, Some(number), coming + self.roll_bytes);
        open.append(&self.out, rows, summary)?;
        self.syncer.dirty(&open.file);
        self.unlooked_bytes += self.out.len() as u64;
        self.shared.written.fetch_add(stored, Ordering::Relaxed);
        self.shared.drop_rows(unwritable);
        // One large body must not be held for ever.
        for buffer in [&mut self.out, &mut self.contents] {
            buffer.clear();
            buffer.shrink_to(2 * BATCH_BYTES);
        }
        Ok(())
    }

    /// Makes sure there is an open segment with room; retention comes before a new one.
    fn make_room(&mut self, batch: &[Entry]) -> io::Result<()> {
        if self.open.as_ref().is_some_and(|open| open.broken) {
            self.abandon();
        }
        let settings = &self.shared.settings;
        let roll_age = i64::try_from(settings.max_age.as_millis() / 16).unwrap_or(i64::MAX);
        if self.open.as_ref().is_some_and(|open| {
            let old = open.segment.summary(|summary| {
                summary.rows > 0 && summary.since < Stamp::now().0.saturating_sub(roll_age)
            });
            open.end >= self.roll_bytes || open.blocks() >= MAX_BLOCKS || old
        }) {
            self.seal();
        }
        if self.open.is_some() {
            return Ok(());
        }
        super::file::make_dir(&self.shared.dir)?;
        let first: String = batch
            .first()
            .map_or("", |entry| &entry.row.id)
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .skip(3)
            .take(26)
            .collect();
        let path = self.shared.dir.join(format!(
            "{:08}-{}.seg",
            self.next,
            if first.is_empty() { "0" } else { &first }
        ));
        let number = self.next;
        self.next += 1;
        let open = Open::create(number, path)?;
        lock(&self.shared.segments).push(open.segment.clone());
        self.open = Some(open);
        // Without this a power cut can take the file's name, whatever of it was synced.
        #[cfg(unix)]
        if let Ok(dir) = File::open(&self.shared.dir) {
            self.syncer.dirty(&Arc::new(dir));
        }
        Ok(())
    }

    /// Leaves the open segment as it is; an empty one is removed.
    fn abandon(&mut self) {
        let Some(open) = self.open.take() else { return };
        if open.segment.summary(|summary| summary.rows == 0)
            && std::fs::remove_file(&open.segment.path).is_ok()
        {
            self.shared.forget(open.segment.number);
        }
    }

    /// Closes the open segment with its index.
    fn seal(&mut self) {
        let Some(open) = self.open.take() else { return };
        let file = open.file.clone();
        let result = open.seal(&mut self.compressor);
        self.syncer.dirty(&file);
        if let Err(error) = result {
            tracing::warn!(%error, "request log segment stays without an index");
        }
    }
}

/// Whether writing failed because what came at once is more than the log may hold.
fn too_large(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::FileTooLarge
}
