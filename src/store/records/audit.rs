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
    /// Whether the last line is damaged and lacks its end: what comes next must not become a part of it.
    unended: bool,
    /// Revision of the newest good entry, or the one this file goes on from.
    last: u64,
    /// Bytes of a last line that a crash cut short: it was never acknowledged.
    pub torn: u64,
    /// Lines that cannot be read behind the last good one, the torn one included.
    pub trailing: usize,
    /// Damaged lines by file; they stay where they are, for someone to look at.
    pub damaged: Vec<Damaged>,
    /// Whether its directory is absent: someone moved it away, or this is the first start.
    pub absent: bool,
}

/// Damaged lines of a file, by number from 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Damaged {
    pub path: PathBuf,
    pub lines: Vec<u64>,
}

impl Damaged {
    /// How many there are and where, for people.
    pub fn describe(&self) -> String {
        const SHOWN: usize = 10;
        let count = self.lines.len();
        let numbers: Vec<String> = self.lines.iter().take(SHOWN).map(u64::to_string).collect();
        let more = if count > SHOWN { ", …" } else { "" };
        let (s, path) = (if count == 1 { "" } else { "s" }, self.path.display());
        format!(
            "{count} damaged line{s} in the audit log `{path}` (line{s} {}{more}): what was changed there is not known, the state is whole",
            numbers.join(", ")
        )
    }
}

/// A line as found: its revision and JSON, that it is damaged, or that it is the beginning of one.
enum Line<'a> {
    Good(u64, &'a [u8]),
    Damaged { ended: bool },
    Torn,
}

impl Log {
    /// Looks at all files; changes nothing yet (see [`Log::cut`]).
    pub fn open(dir: &Path) -> Result<Log> {
        let files = files(dir)?;
        let path = files.last().cloned().unwrap_or_else(|| name(dir, 1));
        let mut log = Log {
            dir: dir.to_owned(),
            path,
            file: None,
            length: 0,
            before: 0,
            dirty: false,
            unended: false,
            last: 0,
            torn: 0,
            trailing: 0,
            damaged: Vec::new(),
            absent: !dir.exists(),
        };
        for path in &files {
            let (mut number, mut lines) = (0, Vec::new());
            (log.length, log.torn, log.trailing, log.unended) = (0, 0, 0, false);
            scan(path, Json::Passed, |line, end| {
                number += 1;
                match line {
                    Line::Good(revision, _) => {
                        (log.last, log.length, log.trailing) = (revision, end, 0);
                    }
                    Line::Damaged { ended } => {
                        lines.push(number);
                        (log.length, log.unended) = (end, !ended);
                        log.trailing += 1;
                    }
                    Line::Torn => {
                        log.torn = end - log.length;
                        log.trailing += 1;
                    }
                }
                Ok(())
            })?;
            if !lines.is_empty() {
                let path = path.clone();
                log.damaged.push(Damaged { path, lines });
            }
        }
        log.dirty = log.torn > 0 || log.unended;
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
        self.last > 0 || self.torn > 0 || !self.damaged.is_empty()
    }

    pub fn length(&self) -> u64 {
        self.length
    }

    /// Takes away what lies behind the last whole line, and ends that line where it has no end.
    pub fn cut(&mut self) -> Result<()> {
        if self.dirty {
            let (path, length, unended) = (self.path.clone(), self.length, self.unended);
            let file = self.handle()?;
            file.set_len(length)
                .and_then(|()| file.seek(SeekFrom::Start(length)))
                .and_then(|_| file.write_all(if unended { b"\n" } else { b"" }))
                .and_then(|()| file.sync_all())
                .map_err(|cause| disk::error("cut the unfinished end off", &path, cause))?;
            self.length += u64::from(unended);
            (self.before, self.unended, self.dirty) = (self.length, false, false);
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
            scan(path, Json::Read, |line, _| {
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
            scan(path, Json::Read, |line, _| {
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
    let mut crc = crc_begun(schema, revision);
    crc.update(json);
    crc.finalize()
}

/// As far as the JSON.
fn crc_begun(schema: u16, revision: u64) -> crc32fast::Hasher {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&schema.to_be_bytes());
    crc.update(&revision.to_be_bytes());
    crc
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
    let line = line.strip_suffix(b"\n")?;
    let (schema, revision, length, sum) = heading(line)?;
    let json = line.splitn(5, |byte| *byte == b' ').nth(4)?;
    (json.len() == length && crc(schema, revision, json) == sum).then_some((schema, revision, json))
}

/// What stands before the JSON: schema, revision, length and sum.
fn heading(line: &[u8]) -> Option<(u16, u64, usize, u32)> {
    let mut parts = line.splitn(5, |byte| *byte == b' ');
    let mut word = || std::str::from_utf8(parts.next()?).ok();
    let (schema, revision, length) = (
        word()?.parse().ok()?,
        word()?.parse().ok()?,
        word()?.parse().ok()?,
    );
    let sum = u32::from_str_radix(word()?, 16).ok()?;
    Some((schema, revision, length, sum))
}

/// What becomes of the JSON of good lines.
#[derive(Clone, Copy, PartialEq)]
enum Json {
    Read,
    /// It goes by piece by piece: one change of many records is a very long line.
    Passed,
}

/// Goes over a good line and keeps nothing of it: schema, revision and how long it is. `None`: it is not a good one, and the
/// next to be read.
fn pass(reader: &mut BufReader<File>, at: u64) -> io::Result<Option<(u16, u64, u64)>> {
    let mut head = Vec::new();
    for _ in 0..4 {
        reader.by_ref().take(24).read_until(b' ', &mut head)?;
    }
    if let Some((schema, revision, length, sum)) = heading(&head) {
        let (mut crc, mut left) = (crc_begun(schema, revision), length);
        while left > 0 {
            let piece = reader.fill_buf()?;
            let piece = &piece[..piece.len().min(left)];
            let read = piece.len();
            if read == 0 {
                break;
            }
            crc.update(piece);
            reader.consume(read);
            left -= read;
        }
        let mut end = [0];
        if left == 0 && crc.finalize() == sum && reader.read(&mut end)? == 1 && end == *b"\n" {
            let whole = head.len() as u64 + length as u64 + 1;
            return Ok(Some((schema, revision, whole)));
        }
    }
    reader.seek(SeekFrom::Start(at))?;
    Ok(None)
}

/// Whether this is the beginning of a line, as a crash leaves it: some of the bytes of one, then nothing or the zeros
/// of blocks that were never written.
fn beginning(found: &[u8]) -> bool {
    let written = found
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1);
    let words: Vec<&[u8]> = found[..written].splitn(5, |byte| *byte == b' ').collect();
    let fits = |at: usize, word: &[u8]| match at {
        0..=2 => word.iter().all(u8::is_ascii_digit),
        3 => word.len() <= 8 && word.iter().all(u8::is_ascii_hexdigit),
        // JSON as far as it goes; its length is known by then.
        _ => std::str::from_utf8(words[2])
            .ok()
            .and_then(|length| length.parse().ok())
            .is_some_and(|length: usize| word.len() <= length),
    };
    words.iter().enumerate().all(|(at, word)| fits(at, word))
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
fn scan(path: &Path, json: Json, mut each: impl FnMut(Line, u64) -> Result<()>) -> Result<()> {
    let read = |cause: io::Error| disk::error("read", path, cause);
    let mut reader = BufReader::with_capacity(1 << 16, File::open(path).map_err(read)?);
    let (mut line, mut at) = (Vec::new(), 0);
    // A file without line ends must not be taken into memory whole, however long it is.
    const MOST: u64 = 128 << 20;
    loop {
        if json == Json::Passed
            && let Some((schema, revision, length)) = pass(&mut reader, at).map_err(read)?
        {
            at += length;
            value::check_schema(schema, &format!("`{}`", path.display()))?;
            each(Line::Good(revision, &[]), at)?;
            continue;
        }
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
            None if line.ends_with(b"\n") => each(Line::Damaged { ended: true }, at)?,
            None if beginning(&line) => each(Line::Torn, at)?,
            None => each(Line::Damaged { ended: false }, at)?,
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
            (log.last(), log.torn, files(dir.path()).unwrap().len()),
            (80, 0, KEEP + 1)
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
        let log = Log::open(dir.path()).unwrap();
        assert_eq!((log.last(), log.trailing), (3, 0));
    }

    #[test]
    fn damaged_lines_are_named_and_stay() {
        let dir = tempfile::tempdir().unwrap();
        let first = written(dir.path(), 5).path;
        written(dir.path(), 5).rotate(6).unwrap();
        let second = written(dir.path(), 8).path;
        // A bit in the second line of one file, and in the last byte of the other: the end of its last line.
        for (path, at) in [
            (&first, 90),
            (&second, fs::metadata(&second).unwrap().len() as usize - 1),
        ] {
            let mut bytes = fs::read(path).unwrap();
            assert_eq!(
                bytes[..at].iter().filter(|byte| **byte == b'\n').count(),
                if path == &first { 1 } else { 2 }
            );
            bytes[at] ^= 4;
            fs::write(path, bytes).unwrap();
        }
        let named = [(&first, vec![2]), (&second, vec![3])].map(|(path, lines)| Damaged {
            path: path.clone(),
            lines,
        });
        let mut log = Log::open(dir.path()).unwrap();
        assert_eq!((log.last(), log.torn, log.trailing), (7, 0, 1));
        assert_eq!(log.damaged, named);
        // What comes next is a line of its own, and the damaged ones are still there to be looked at.
        log.append(&entry(8)).unwrap();
        let log = Log::open(dir.path()).unwrap();
        assert_eq!((log.last(), log.trailing), (8, 0));
        assert_eq!(log.damaged, named);
        assert_eq!(revisions(&log.newest(9).unwrap()), [8, 7, 6, 5, 4, 3, 1]);
    }

    #[test]
    fn only_the_beginning_of_a_line_counts_as_cut_short() {
        let whole = frame(&entry(7)).unwrap();
        for cut in 0..whole.len() {
            assert!(beginning(&whole[..cut]), "{cut}");
            assert!(beginning(&[&whole[..cut], &[0; 9][..]].concat()), "{cut}");
        }
        for not in [
            &b"x"[..],
            b"1 x",
            b"1 7 3 zz",
            b"1 7 3 0123456789",
            b"1 7 3 01234567 {}x}",
            b"\xff",
        ] {
            assert!(!beginning(not), "{}", not.escape_ascii());
        }
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
            let torn = usize::from(cut > 0 && bytes[cut - 1] != b'\n');
            prop_assert_eq!((log.last(), log.trailing, log.torn > 0), (whole, torn, torn > 0));
            log.append(&entry(whole + 1)).unwrap();
            let log = Log::open(dir.path()).unwrap();
            prop_assert_eq!((log.last(), log.trailing, log.damaged), (whole + 1, 0, vec![]));
        }
    }
}
