//! The file of the counters: frames with a checksum each, appended. What a crash leaves at its end is cut off; damage before
//! that costs the frames it hits. Must not know what is in a frame.

use crate::store::records::disk;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// First bytes of the file; the last is the version.
pub const BEGIN: &[u8; 8] = b"gwcount\x01";
/// First bytes of a frame, looked for after damage.
const MARK: &[u8; 4] = b"\xf5gwC";
/// Mark, length and checksum.
const HEAD: usize = 12;
/// Larger than any frame; keeps a damaged length from becoming an allocation.
const MOST: u32 = 16 << 20;

/// Makes an empty file.
pub fn create(path: &Path) -> io::Result<File> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = disk::private().append(true).create_new(true).open(path)?;
    file.write_all(BEGIN)?;
    Ok(file)
}

/// Opens a file to append to, cut off behind what is sound.
pub fn append(path: &Path, sound: u64) -> io::Result<File> {
    let file = disk::private().append(true).open(path)?;
    file.set_len(sound)?;
    Ok(file)
}

/// Appends a frame to what is to be written.
pub fn frame(out: &mut Vec<u8>, payload: &[u8]) {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(MARK);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&crc32fast::hash(payload).to_le_bytes());
    out.extend_from_slice(payload);
}

/// What reading a file came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Where the last sound frame ends; 0: it is not a file of counters, or not of a version known here.
    pub sound: u64,
    /// Places before that which cannot be read.
    pub damaged: u64,
}

/// Reads a file, frame by frame. An error: there is none, or the system does not give it.
pub fn read(path: &Path, mut each: impl FnMut(&[u8])) -> io::Result<Found> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut file = BufReader::with_capacity(64 << 10, file);
    let mut found = Found::default();
    let mut begin = [0; BEGIN.len()];
    match file.read_exact(&mut begin) {
        Ok(()) if begin == *BEGIN => found.sound = BEGIN.len() as u64,
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(error),
        _ => return Ok(found),
    }
    let mut at = found.sound;
    let mut payload = Vec::new();
    while at < length {
        if let Some(end) = sound(&mut file, at, length, &mut payload)? {
            found.damaged += u64::from(at > found.sound);
            each(&payload);
            (at, found.sound) = (end, end);
        } else if let Some(next) = next_mark(&mut file, at + 1)? {
            at = next;
        } else {
            break;
        }
    }
    Ok(found)
}

/// The frame that begins here, if it is sound: its payload, and where it ends.
fn sound(
    file: &mut BufReader<File>,
    at: u64,
    length: u64,
    payload: &mut Vec<u8>,
) -> io::Result<Option<u64>> {
    if length - at < HEAD as u64 {
        return Ok(None);
    }
    go_to(file, at)?;
    let mut head = [0; HEAD];
    file.read_exact(&mut head)?;
    let number =
        |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let end = at + HEAD as u64 + u64::from(number(4));
    if head[..4] != *MARK || number(4) > MOST || end > length {
        return Ok(None);
    }
    payload.resize(number(4) as usize, 0);
    file.read_exact(payload)?;
    Ok((crc32fast::hash(payload) == number(8)).then_some(end))
}

/// Without losing what is read ahead.
fn go_to(file: &mut BufReader<File>, at: u64) -> io::Result<()> {
    let now = file.stream_position()?;
    file.seek_relative(at as i64 - now as i64)
}

/// The next place from here on where a frame may begin.
fn next_mark(file: &mut BufReader<File>, from: u64) -> io::Result<Option<u64>> {
    let mut from = from;
    let mut chunk = vec![0; 64 << 10];
    loop {
        file.seek(SeekFrom::Start(from))?;
        let mut filled = 0;
        while filled < chunk.len() {
            match file.read(&mut chunk[filled..])? {
                0 => break,
                read => filled += read,
            }
        }
        if let Some(found) = memchr::memmem::find(&chunk[..filled], MARK) {
            return Ok(Some(from + found as u64));
        }
        if filled < chunk.len() {
            return Ok(None);
        }
        // The mark may lie across the edge of two chunks.
        from += (filled - MARK.len() + 1) as u64;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn read_all(path: &Path) -> (Vec<Vec<u8>>, Found) {
        let mut seen = Vec::new();
        let found = read(path, |payload| seen.push(payload.to_vec())).unwrap();
        (seen, found)
    }

    #[test]
    fn each_frame_stands_by_itself() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let frames: Vec<Vec<u8>> = (0..40u8).map(|at| vec![at; at as usize * 7]).collect();
        let mut bytes = BEGIN.to_vec();
        let mut ends = vec![bytes.len()];
        for payload in &frames {
            frame(&mut bytes, payload);
            ends.push(bytes.len());
        }
        create(&path)
            .unwrap()
            .write_all(&bytes[BEGIN.len()..])
            .unwrap();
        let whole = Found {
            sound: bytes.len() as u64,
            damaged: 0,
        };
        assert_eq!(read_all(&path), (frames.clone(), whole));
        // Cut anywhere, what is whole before the cut is there, and the rest is no damage.
        for cut in 0..bytes.len() {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            let there = ends.iter().filter(|end| **end <= cut).count();
            let (seen, found) = read_all(&path);
            assert_eq!(seen, frames[..there.saturating_sub(1)]);
            let sound = if there == 0 {
                0
            } else {
                ends[there - 1] as u64
            };
            assert_eq!(found, Found { sound, damaged: 0 });
        }
        // Spoilt anywhere, one frame is lost and all others are there.
        for at in BEGIN.len()..bytes.len() {
            let mut spoilt = bytes.clone();
            spoilt[at] ^= 0x10;
            std::fs::write(&path, &spoilt).unwrap();
            let lost = ends.iter().filter(|end| **end <= at).count() - 1;
            let mut left = frames.clone();
            left.remove(lost);
            let (seen, found) = read_all(&path);
            assert_eq!(seen, left, "{at}");
            assert_eq!(found.damaged, u64::from(lost + 1 < frames.len()));
        }
    }

    #[test]
    fn what_is_no_such_file_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        assert!(read(&path, |_| ()).is_err());
        for content in [&b""[..], b"gw", b"something else", b"gwcount\x02and more"] {
            std::fs::write(&path, content).unwrap();
            assert_eq!(read_all(&path), (Vec::new(), Found::default()));
        }
    }
}
