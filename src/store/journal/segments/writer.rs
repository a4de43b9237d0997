//! The writer: takes rows from the queue, packs them into blocks, and lives with a disk that is full or failing.

use super::super::summary::Summary;
use super::super::sums::Sums;
use super::believed;
use super::block::{self, Kept, Place};
use super::busy::Busy;
use super::file::Block;
use super::frame::{self, Kind};
use super::open::Open;
use super::pace::Pace;
use super::packer::Packer;
use super::queue::{Entry, Taker, Took};
use super::series::{Series, Tools};
use super::settings::{Disk, Holds, Room};
use super::stored;
use super::{Shared, lock};
use crate::clock;
use crate::resources::Stamp;
use crate::spare;
use crate::store::turns::Turns;
use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Rows in a block: what a reader unpacks at once.
const BLOCK_ROWS: usize = 256;
/// What a row comes to about.
const ROW_BYTES: usize = 1 << 10;
/// Content taken from the queue at once.
const BATCH_BYTES: usize = 4 << 20;
/// Bodies are packed together up to this: similar ones compress well, and reading one unpacks the rest.
const CONTENT_BLOCK: usize = 512 << 10;
/// A frame is compressed at once from this size on, however little time there is: packing holds all of one.
const MAX_STORED: u64 = 4 << 20;
/// How often the disk is looked at: while rows come or something is wrong, and else.
const LOOK: Duration = Duration::from_secs(1);
const LOOK_IDLE: Duration = Duration::from_secs(5);
/// It is said for so long that rows came faster than they could be written.
const CROWDED: Duration = Duration::from_secs(5);
/// A busy log looks more often: a second can fill a disk.
const LOOK_BYTES: u64 = 8 << 20;
/// How often the time that is believed is kept.
const KEEP_TIME: Duration = Duration::from_secs(60);

pub struct Writer {
    tools: Tools,
    turns: Turns,
    taker: Taker,
    rows: Series,
    content: Series,
    busy: Busy,
    pace: Pace,
    packer: Packer,
    room: Room,
    /// The last write of rows failed with this.
    failing: Option<String>,
    /// The jump of the system clock that was warned of.
    jump: Option<clock::Jump>,
    kept_time: Option<Instant>,
    looked: Instant,
    /// When rows came last that the queue had no room for.
    crowded: Option<Instant>,
    unlooked_bytes: u64,
    /// What became of the content of each row of a batch.
    kept: Vec<Kept>,
    raw: Vec<u8>,
    out: Vec<u8>,
}

impl Writer {
    /// A writer that goes on in these files.
    pub fn new(
        shared: Arc<Shared>,
        taker: Taker,
        rows: Option<Open>,
        content: Option<Open>,
    ) -> io::Result<Writer> {
        let mut writer = Writer {
            rows: Series::new(Holds::Rows, rows, &shared),
            content: Series::new(Holds::Content, content, &shared),
            busy: Busy::new(shared.settings.busy.clone()),
            pace: Pace::new(Instant::now()),
            packer: Packer::new(),
            tools: Tools::new(shared, &taker)?,
            turns: taker.turns(),
            taker,
            room: Room::All,
            failing: None,
            jump: None,
            kept_time: None,
            looked: Instant::now(),
            crowded: None,
            unlooked_bytes: 0,
            kept: Vec::new(),
            raw: Vec::new(),
            out: Vec::new(),
        };
        writer.look();
        Ok(writer)
    }

    pub fn run(mut self) {
        let mut complete = false;
        let mut batch = Vec::with_capacity(BLOCK_ROWS);
        let mut wrote = false;
        loop {
            let idle = match self.degraded() || !complete {
                true => LOOK,
                false => LOOK_IDLE,
            };
            let took = self.taker.take(
                &mut batch,
                BLOCK_ROWS,
                BATCH_BYTES
                    .min(usize::try_from(self.content.limits.roll_bytes).unwrap_or(BATCH_BYTES)),
                idle.min(self.packer.rest()),
                self.tools.shared.settings.linger,
            );
            wrote |= !batch.is_empty();
            let rests = took == Took::Nothing && !self.packer.is_packing();
            if rests && std::mem::take(&mut wrote) {
                self.rest();
            }
            if !batch.is_empty() {
                self.redact(&mut batch);
                for entry in &batch {
                    self.tools.shared.followers.send(&entry.row);
                }
                self.write(&batch);
                self.taker
                    .done(batch.len(), batch.iter().map(|entry| entry.bytes).sum());
                for entry in batch.drain(..) {
                    let bytes = entry.bytes + ROW_BYTES;
                    drop(entry);
                    self.turns.after(bytes);
                }
            }
            if took == Took::End {
                break;
            }
            if self.looked.elapsed() >= LOOK || self.unlooked_bytes >= LOOK_BYTES {
                self.look();
                // Not at once: it may take long, and the start needs its cores.
                if !std::mem::replace(&mut complete, true) {
                    self.rows.complete();
                }
            }
            self.pack();
        }
        self.packer.stop();
        self.content.seal(&mut self.tools);
        self.rows.seal(&mut self.tools);
        self.kept_time = None;
        self.watch_clock();
    }

    /// Gives back what is kept at hand for rows, as none have come for a while.
    fn rest(&mut self) {
        (self.raw, self.out) = (Vec::new(), Vec::new());
        spare::give_back();
    }

    /// Compresses what was stored as it came, where there is time for it.
    fn pack(&mut self) {
        let free = self.room == Room::All && self.failing.is_none() && !self.busy.now();
        let (content, tools) = (&mut self.content, &mut self.tools);
        let took = self.packer.turn(free, content, tools, &mut self.turns);
        self.busy.idly(took);
    }

    /// How many bytes of content may be stored as they come, rather than take time that is short.
    fn may_store(&mut self) -> u64 {
        if !self.busy.now() {
            return 0;
        }
        self.packer.disturb();
        match self.pace.is_slow(Instant::now()) {
            true => 0,
            false => Packer::room(&self.tools.shared, &self.content),
        }
    }

    /// Takes out what is not to be kept.
    fn redact(&mut self, batch: &mut [Box<Entry>]) {
        let shared = &self.tools.shared;
        let redaction = &shared.settings.redact;
        if redaction.is_empty() {
            return;
        }
        let count: u64 = batch
            .iter_mut()
            .map(|entry| {
                let stream = entry.row.stream;
                let content = entry.content.as_mut();
                self.turns.between();
                redaction.row(&mut entry.row)
                    + content.map_or(0, |content| redaction.content(content, stream))
            })
            .sum();
        shared.redacted.fetch_add(count, Ordering::Relaxed);
    }

    fn degraded(&self) -> bool {
        self.failing.is_some() || self.room != Room::All || self.crowded.is_some()
    }

    /// Looks at the disk and the clock: how much room there is, what is too old, whether writing works again.
    fn look(&mut self) {
        self.looked = Instant::now();
        self.unlooked_bytes = 0;
        if self.tools.shared.crowded.swap(false, Ordering::Relaxed) {
            self.crowded = Some(self.looked);
        }
        self.crowded = self.crowded.filter(|since| since.elapsed() < CROWDED);
        self.watch_clock();
        let disk = Disk::of(&self.tools.shared.dir);
        // Content goes first: rows only where that was not enough.
        self.content.look(&mut self.tools, disk);
        self.rows.look(&mut self.tools, disk);
        let shared = &self.tools.shared;
        self.room = shared.settings.room(Disk::of(&shared.dir));
        if self.failing.is_some() && self.room != Room::Nothing && self.probe().is_ok() {
            self.failing = None;
        }
        self.tell();
    }

    /// Compares the clocks, and says where the wall clock is not believed.
    fn watch_clock(&mut self) {
        let mut clock = lock(&self.tools.shared.clock);
        clock.feed(clock::monotonic(), Stamp::now().0);
        match (self.jump, clock.jump()) {
            (before, Some(jump)) if before != Some(jump) => {
                tracing::warn!(seconds = jump.by / 1000, "{}", jumped(jump));
            }
            (Some(_), None) => tracing::info!("the system clock is believed again"),
            _ => {}
        }
        self.jump = clock.jump();
        if self
            .kept_time
            .is_none_or(|kept| kept.elapsed() >= KEEP_TIME)
        {
            believed::save(&self.tools.shared.dir, &clock);
            self.kept_time = Some(Instant::now());
        }
    }

    /// Whether a file can be written at all.
    fn probe(&self) -> io::Result<()> {
        let dir = &self.tools.shared.dir;
        super::file::make_dir(dir)?;
        let path = dir.join("probe.tmp");
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
            (None, Room::All) => self.crowded.map(|_| {
                "requests come faster than they can be written: content is left out, then rows"
                    .to_owned()
            }),
        };
        let mut told = lock(&self.tools.shared.degraded);
        if *told != state {
            match &state {
                Some(why) => tracing::warn!("{why}"),
                None => tracing::info!("request logs are stored again"),
            }
            *told = state;
        }
    }

    fn write(&mut self, batch: &[Box<Entry>]) {
        let slow = self.tools.shared.settings.slow;
        if !slow.is_zero() {
            std::thread::sleep(slow);
        }
        let mut kept = std::mem::take(&mut self.kept);
        kept.clear();
        kept.extend(batch.iter().map(|entry| match entry.left_out {
            true => Kept::LeftOut,
            false => Kept::None,
        }));
        let file = match batch.iter().any(|entry| entry.content.is_some()) {
            true => self.write_contents(batch, &mut kept),
            false => None,
        };
        self.write_rows(batch, &kept, file);
        self.kept = kept;
    }

    /// Writes what content there is, as far as there is room; gives back the number of the file it is in.
    fn write_contents(&mut self, batch: &[Box<Entry>], kept: &mut [Kept]) -> Option<u64> {
        let mut file = None;
        if self.room == Room::All {
            let id = batch.first().map_or("", |entry| entry.row.id.as_str());
            match self.content.make_room(&mut self.tools, id) {
                Ok(open) => {
                    file = Some(open.segment.number);
                    self.attempt_contents(batch, kept);
                }
                Err(error) => tracing::debug!(%error, "request log content has no file"),
            }
        }
        let mut left_out = 0;
        for (entry, kept) in batch.iter().zip(kept) {
            if entry.content.is_some() && *kept == Kept::None {
                *kept = Kept::LeftOut;
                left_out += 1;
            }
        }
        self.tools.shared.drop_content(left_out);
        file
    }

    /// Where a batch is too large, its halves: one body must not take the others with it.
    fn attempt_contents(&mut self, batch: &[Box<Entry>], kept: &mut [Kept]) {
        let Err(error) = self.append_contents(batch, kept) else {
            return;
        };
        kept.iter_mut().for_each(|kept| {
            if matches!(kept, Kept::At(_)) {
                *kept = Kept::None;
            }
        });
        // A new file may fare better, except where the disk is merely full.
        if error.kind() != io::ErrorKind::StorageFull && !too_large(&error) {
            self.content.abandon(&mut self.tools);
        }
        if batch.len() > 1 && too_large(&error) {
            let half = batch.len() / 2;
            let (front, back) = batch.split_at(half);
            let (kept_front, kept_back) = kept.split_at_mut(half);
            self.attempt_contents(front, kept_front);
            self.attempt_contents(back, kept_back);
        }
    }

    /// Writes content as frames of some bodies each, in one go.
    fn append_contents(&mut self, batch: &[Box<Entry>], kept: &mut [Kept]) -> io::Result<()> {
        let Some(at) = self.content.open.as_ref().map(|open| open.end) else {
            return Err(io::Error::other("there is no file to write to"));
        };
        self.out.clear();
        self.raw.clear();
        let most = self.may_store();
        let mut left = most;
        let (mut all, mut some) = (Summary::default(), Summary::default());
        for (entry, kept) in batch.iter().zip(kept) {
            let Some(content) = &entry.content else {
                continue;
            };
            *kept = Kept::At(Place {
                at: at + self.out.len() as u64,
                index: u32::try_from(some.rows).unwrap_or(u32::MAX - 2),
            });
            block::put_content(&mut self.raw, &entry.row.id, content);
            self.turns.after(content.size());
            some.add_place(&entry.row);
            if self.raw.len() >= CONTENT_BLOCK {
                all.merge(&some);
                self.close_contents(&mut some, &mut left)?;
            }
        }
        if some.rows > 0 {
            all.merge(&some);
            self.close_contents(&mut some, &mut left)?;
        }
        let (coming, stored) = (self.out.len() as u64, most - left);
        let result = self.content.make_way(&self.tools, coming).and_then(|()| {
            let Some(open) = &mut self.content.open else {
                return Ok(());
            };
            let begun = Instant::now();
            open.append_content(&self.out, stored, &all)?;
            if stored > 0 {
                self.pace.wrote(begun, stored, begun.elapsed());
            }
            self.tools.syncer.dirty(&open.file);
            Ok(())
        });
        self.unlooked_bytes += coming;
        // One large body must not be held for ever.
        for buffer in [&mut self.out, &mut self.raw] {
            buffer.clear();
            buffer.shrink_to(2 * BATCH_BYTES);
        }
        result
    }

    /// Ends a frame of content, which is stored as it is as long as there is room `left` for that.
    fn close_contents(&mut self, some: &mut Summary, left: &mut u64) -> io::Result<()> {
        let head = serde_json::to_vec(some)?;
        let length = stored::len(self.raw.len()) as u64;
        if length <= (*left).min(MAX_STORED) {
            *left -= length;
            frame::store(&mut self.out, Kind::Content, &head, &self.raw)?;
        } else {
            let compressor = &mut self.tools.content_compressor;
            frame::encode(&mut self.out, Kind::Content, &head, &self.raw, compressor)?;
        }
        self.raw.clear();
        *some = Summary::default();
        Ok(())
    }

    /// Writes rows, whose content is in the file of this number.
    fn write_rows(&mut self, batch: &[Box<Entry>], kept: &[Kept], file: Option<u64>) {
        let mut result = Err(None);
        if self.room != Room::Nothing {
            result = self.append_rows(batch, kept, file).map_err(Some);
        }
        match result {
            Ok(()) => {
                if self.failing.take().is_some() {
                    self.tell();
                }
            }
            Err(Some(error)) if batch.len() > 1 && too_large(&error) => {
                let half = batch.len() / 2;
                self.write_rows(&batch[..half], &kept[..half], file);
                self.write_rows(&batch[half..], &kept[half..], file);
            }
            Err(why) => {
                self.tools.shared.drop_rows(batch.len() as u64);
                if let Some(error) = why {
                    self.failing = Some(error.to_string());
                    // A new file may fare better, except where the disk is merely full.
                    if error.kind() != io::ErrorKind::StorageFull && !too_large(&error) {
                        self.rows.abandon(&mut self.tools);
                    }
                }
                self.tell();
            }
        }
    }

    /// Writes a batch of rows as a frame, with a frame of their sums, in one go.
    fn append_rows(
        &mut self,
        batch: &[Box<Entry>],
        kept: &[Kept],
        file: Option<u64>,
    ) -> io::Result<()> {
        let id = batch.first().map_or("", |entry| entry.row.id.as_str());
        let open = self.rows.make_room(&mut self.tools, id)?;
        let mut block = Block {
            at: open.end,
            content: file,
            summary: Summary::default(),
        };
        self.out.clear();
        self.raw.clear();
        let mut unwritable = 0;
        let mut sums = Sums::default();
        let mut groups = Vec::with_capacity(batch.len());
        let mut before = None;
        for (entry, kept) in batch.iter().zip(kept) {
            if block::put_row(&mut self.raw, &entry.row, *kept, &mut before) {
                block.summary.add(&entry.row);
                groups.push(sums.take(&entry.row));
            } else {
                unwritable += 1;
            }
            self.turns.after(ROW_BYTES);
        }
        let compressor = &mut self.tools.compressor;
        let head = serde_json::to_vec(&block)?;
        frame::encode(&mut self.out, Kind::Rows, &head, &self.raw, compressor)?;
        frame::encode(&mut self.out, Kind::Sums, &[], &sums.pack(), compressor)?;
        let coming = self.out.len() as u64;
        self.rows.make_way(&self.tools, coming)?;
        let Some(open) = &mut self.rows.open else {
            return Err(io::Error::other("there is no segment to write to"));
        };
        let stored = block.summary.rows;
        open.append_rows(&self.out, block, &sums, &groups)?;
        self.tools.syncer.dirty(&open.file);
        self.unlooked_bytes += coming;
        let shared = &self.tools.shared;
        shared.written.fetch_add(stored, Ordering::Relaxed);
        shared.drop_rows(unwritable);
        Ok(())
    }
}

/// What is said of a system clock that is not believed.
pub fn jumped(jump: clock::Jump) -> String {
    let hours = jump.by.unsigned_abs() / 3_600_000;
    let amount = match hours {
        0..48 => format!("{hours} h"),
        _ => format!("{} d", hours / 24),
    };
    let way = if jump.by < 0 { "behind" } else { "ahead of" };
    format!(
        "system clock is {amount} {way} where it was: nothing goes by age until it has run steadily for a day"
    )
}

/// Whether writing failed because what came at once is more than the log may hold.
fn too_large(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::FileTooLarge
}
