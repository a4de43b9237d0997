//! The audit log: every admin transaction as a checked line in append-only files, and what a broken store is
//! rebuilt from. A line: `schema revision length crc32 json`.

use super::{Entry, disk, value};
use crate::error::{Error, Result};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Rotated files kept besides the one being written.
const KEEP: usize = 4;

/// The audit log, open for appending.
#[derive(Debug)]
pub struct Log {
    dir: PathBuf,
    path: PathBuf,
    file: Option<File>,
    /// Where the last good line ends. What lies behind was never acknowledged, or is damaged.
    length: u64,
    /// Where the line before it ends, to take the last append back.
    before: u64,
    /// Whether something lies behind `length`.
    dirty: bool,
    /// Revision of the newest good entry, or the one this file goes on from.
    last: u64,
    /// What was found damaged behind the last good line: bytes and lines.
    pub tail: (u64, usize),
    /// Damaged lines with good ones behind them.
    pub holes: usize,
    /// Whether its directory is absent: someone moved it away, or this is the first start.
    pub absent: bool,
}

/// A line as found: its revision and JSON, or that it is damaged.
enum Line<'a> {
    Good(u64, &'a [u8]),
    Damaged,
}

impl Log {
    /// Looks at the newest files; changes nothing yet (see [`Log::cut`]).
    pub fn open(dir: &Path) -> Result<Log> {
        let mut files = files(dir)?;
        let path = files.pop().unwrap_or_else(|| name(dir, 1));
        let mut log = Log {
            dir: dir.to_owned(),
            path,
            file: None,
            length: 0,
            before: 0,
            dirty: false,
            last: 0,
            tail: (0, 0),
            holes: 0,
            absent: !dir.exists(),
        };
        let (mut end, mut bad) = (0, 0);
        if log.path.exists() {
            scan(&log.path, |line, to| {
                end = to;
                match line {
                    Line::Good(revision, _) => {
                        log.holes += std::mem::take(&mut bad);
                        (log.last, log.length) = (revision, to);
                    }
                    Line::Damaged => bad += 1,
                }
                Ok(())
            })?;
        }
        log.tail = (end - log.length, bad);
        log.dirty = end > log.length;
        while let Some(older) = files.pop().filter(|_| log.last == 0) {
            scan(&older, |line, _| {
                if let Line::Good(revision, _) = line {
                    log.last = revision;
                }
                Ok(())
            })?;
        }
        // A file made by rotation says by its name what was reached before it.
        log.last = log.last.max(first(&log.path).saturating_sub(1));
        log.before = log.length;
        Ok(log)
    }

    /// The revision the log has reached; no store and no export is ever ahead of it, unless it lost something.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Whether anything, good or damaged, was ever written.
    pub fn any(&self) -> bool {
        self.last > 0 || self.tail.0 > 0 || self.holes > 0
    }

    pub fn length(&self) -> u64 {
        self.length
    }

    /// Takes away what lies behind the last good line.
    pub fn cut(&mut self) -> Result<()> {
        if self.dirty {
            let length = self.length;
            let path = self.path.clone();
            self.handle()?
                .set_len(length)
                .map_err(|cause| disk::error("cut the damaged end off", &path, cause))?;
            self.handle()?
                .sync_all()
                .map_err(|cause| disk::error("sync", &path, cause))?;
            self.dirty = false;
        }
        Ok(())
    }

    /// Adds an entry, durably; where that fails nothing is left of it.
    pub fn append(&mut self, entry: &Entry) -> Result<()> {
        self.cut()?;
        let line = frame(entry)?;
        let (path, length) = (self.path.clone(), self.length);
        let file = self.handle()?;
        let written = file
            .seek(SeekFrom::Start(length))
            .and_then(|_| file.write_all(&line))
            .and_then(|()| file.sync_data());
        self.dirty = true;
        if let Err(cause) = written {
            // Where even this fails, the next append tries again before it does anything.
            let _ = self.cut();
            return Err(disk::error("write", &path, cause));
        }
        (self.before, self.length, self.last, self.dirty) =
            (length, length + line.len() as u64, entry.revision, false);
        Ok(())
    }

    /// Takes the last append back.
    pub fn undo(&mut self) -> Result<()> {
        if self.before < self.length {
            (self.length, self.last, self.dirty) = (self.before, self.last.saturating_sub(1), true);
        }
        self.cut()
    }

    /// Goes on in a new file, whose first entry will have this revision.
    pub fn rotate(&mut self, first: u64) -> Result<()> {
        self.cut()?;
        let path = name(&self.dir, first);
        if path != self.path {
            (self.path, self.file, self.length, self.before) = (path, None, 0, 0);
            self.handle()?;
        }
        let files = files(&self.dir)?;
        for old in files.iter().rev().skip(KEEP + 1) {
            fs::remove_file(old).map_err(|cause| disk::error("remove", old, cause))?;
        }
        Ok(())
    }

    /// Entries after a revision, in order; damaged ones are left out, so look whether they follow one another.
    pub fn entries(&self, after: u64) -> Result<Vec<Entry>> {
        let files = files(&self.dir)?;
        let start = files
            .iter()
            .rposition(|path| first(path) <= after + 1)
            .unwrap_or(0);
        let mut entries = Vec::new();
        for path in files.iter().skip(start) {
            scan(path, |line, _| {
                if let Line::Good(revision, json) = line
                    && revision > after
                {
                    entries.push(parse(json, path)?);
                }
                Ok(())
            })?;
        }
        Ok(entries)
    }

    /// The newest entries, newest first.
    pub fn newest(&self, most: usize) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for path in files(&self.dir)?.iter().rev() {
            let mut lines = std::collections::VecDeque::new();
            let room = most - entries.len();
            if room == 0 {
                break;
            }
            scan(path, |line, _| {
                if let Line::Good(_, json) = line {
                    if lines.len() == room {
                        lines.pop_front();
                    }
                    lines.push_back(json.to_vec());
                }
                Ok(())
            })?;
            for json in lines.iter().rev() {
                entries.push(parse(json, path)?);
            }
        }
        Ok(entries)
    }

    fn handle(&mut self) -> Result<&mut File> {
        if self.file.is_none() {
            let new = !self.path.exists();
            let file = disk::private()
                .create(true)
                .truncate(false)
                .read(true)
                .write(true)
                .open(&self.path);
            self.file = Some(file.map_err(|cause| disk::error("open", &self.path, cause))?);
            if new {
                disk::sync_dir(&self.dir)?;
            }
        }
        self.file
            .as_mut()
            .ok_or_else(|| Error::internal("the audit log is not open"))
    }
}

fn files(dir: &Path) -> Result<Vec<PathBuf>> {
    disk::list(dir, "admin-", ".log")
}

fn name(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("admin-{first:020}.log"))
}

/// The first revision a file was made for, from its name.
fn first(path: &Path) -> u64 {
    path.file_stem()
        .and_then(|stem| stem.to_str())
        .and_then(|stem| stem.strip_prefix("admin-"))
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(0)
}

fn crc(schema: u16, revision: u64, json: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&schema.to_be_bytes());
    crc.update(&revision.to_be_bytes());
    crc.update(json);
    crc.finalize()
}

fn frame(entry: &Entry) -> Result<Vec<u8>> {
    let json = serde_json::to_vec(entry).map_err(|error| {
        Error::internal("an audit log entry cannot be written as JSON").cause(error)
    })?;
    let (schema, revision) = (value::SCHEMA, entry.revision);
    let head = format!(
        "{schema} {revision} {} {:08x} ",
        json.len(),
        crc(schema, revision, &json)
    );
    Ok([head.as_bytes(), &json, b"\n"].concat())
}

fn unframe(line: &[u8]) -> Option<(u16, u64, &[u8])> {
    let mut parts = line.strip_suffix(b"\n")?.splitn(5, |byte| *byte == b' ');
    let mut word = || std::str::from_utf8(parts.next()?).ok();
    let (schema, revision, length) = (
        word()?.parse().ok()?,
        word()?.parse().ok()?,
        word()?.parse::<usize>().ok()?,
    );
    let sum = u32::from_str_radix(word()?, 16).ok()?;
    let json = parts.next()?;
    (json.len() == length && crc(schema, revision, json) == sum).then_some((schema, revision, json))
}

fn parse(json: &[u8], path: &Path) -> Result<Entry> {
    serde_json::from_slice(json).map_err(|error| {
        Error::internal(format!(
            "an entry of `{}` is not as gw writes it",
            path.display()
        ))
        .cause(error)
    })
}

/// Calls for every line, with where it ends.
fn scan(path: &Path, mut each: impl FnMut(Line, u64) -> Result<()>) -> Result<()> {
    let read = |cause: io::Error| disk::error("read", path, cause);
    let mut reader = BufReader::with_capacity(1 << 16, File::open(path).map_err(read)?);
    let (mut line, mut at) = (Vec::new(), 0);
    // A file without line ends must not be taken into memory whole, however long it is.
    const MOST: u64 = 128 << 20;
    loop {
        line.clear();
        let got = reader
            .by_ref()
            .take(MOST)
            .read_until(b'\n', &mut line)
            .map_err(read)?;
        if got == 0 {
            return Ok(());
        }
        at += got as u64;
        match unframe(&line) {
            Some((schema, revision, json)) => {
                value::check_schema(schema, &format!("`{}`", path.display()))?;
                each(Line::Good(revision, json), at)?;
            }
            None => each(Line::Damaged, at)?,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use proptest::prelude::*;

    fn entry(revision: u64) -> Entry {
        Entry {
            revision,
            at: Default::default(),
            actor: Default::default(),
            changes: Vec::new(),
        }
    }
    fn written(dir: &Path, to: u64) -> Log {
        let mut log = Log::open(dir).unwrap();
        for revision in log.last() + 1..=to {
            log.append(&entry(revision)).unwrap();
        }
        log
    }
    fn revisions(entries: &[Entry]) -> Vec<u64> {
        entries.iter().map(|entry| entry.revision).collect()
    }

    #[test]
    fn rotation_keeps_order_and_only_the_newest_files() {
        let dir = tempfile::tempdir().unwrap();
        for part in 1..=8 {
            written(dir.path(), part * 10)
                .rotate(part * 10 + 1)
                .unwrap();
        }
        let log = Log::open(dir.path()).unwrap();
        assert_eq!(
            (log.last(), log.tail, files(dir.path()).unwrap().len()),
            (80, (0, 0), KEEP + 1)
        );
        assert_eq!(
            revisions(&log.newest(12).unwrap()),
            (69..=80).rev().collect::<Vec<_>>()
        );
        assert_eq!(
            revisions(&log.entries(65).unwrap()),
            (66..=80).collect::<Vec<_>>()
        );
        assert_eq!(written(dir.path(), 81).last(), 81);
    }

    #[test]
    fn the_last_append_can_be_taken_back() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = written(dir.path(), 3);
        log.undo().unwrap();
        assert_eq!(
            (log.last(), revisions(&log.newest(9).unwrap())),
            (2, vec![2, 1])
        );
        log.append(&entry(3)).unwrap();
        assert_eq!(
            (Log::open(dir.path()).unwrap().last(), log.tail),
            (3, (0, 0))
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_torn_end_costs_only_what_is_torn(cut in 0u64..2_000) {
            let dir = tempfile::tempdir().unwrap();
            let path = written(dir.path(), 10).path;
            let bytes = fs::read(&path).unwrap();
            let cut = (cut % bytes.len() as u64) as usize;
            fs::write(&path, &bytes[..cut]).unwrap();
            let whole = bytes[..cut].iter().filter(|byte| **byte == b'\n').count() as u64;
            let mut log = Log::open(dir.path()).unwrap();
            prop_assert_eq!((log.last(), log.tail.1), (whole, usize::from(cut > 0 && bytes[cut - 1] != b'\n')));
            log.append(&entry(whole + 1)).unwrap();
            let log = Log::open(dir.path()).unwrap();
            prop_assert_eq!((log.last(), log.tail, log.holes), (whole + 1, (0, 0), 0));
        }
    }
}
