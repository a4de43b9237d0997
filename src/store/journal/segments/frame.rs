//! Frames, the unit of a segment file: a checked head with a summary, and a compressed, checked body.

use super::stored;
use crate::store::turns::Turns;
use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::Path;
use zstd::zstd_safe::{self, zstd_sys};

/// First bytes of a segment file; the last is the version.
pub const FILE_MAGIC: &[u8; 8] = b"gwlogs\0\x01";
/// First bytes of a frame, looked for after damage.
const MAGIC: &[u8; 4] = b"\xf5gwF";
const HEAD: usize = 28;
/// Larger than any summary; keeps a damaged length from becoming an allocation.
const MAX_META: u32 = 8 << 20;
const MAX_RAW: u32 = 1 << 30;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    Rows = 1,
    Content = 2,
    /// Every block's place and summary.
    Index = 3,
    /// The segment's summary and the place of its index.
    Footer = 4,
    /// The sums of the rows in the frame before it.
    Sums = 5,
    /// The sums of all rows in the file.
    Totals = 6,
    /// What the rows of the file can be asked for by.
    Column = 7,
    /// New prices of some rows of one block.
    Prices = 8,
    /// Where the frames of a packed file are.
    Moved = 9,
}

const KINDS: [Kind; 9] = [
    Kind::Rows,
    Kind::Content,
    Kind::Index,
    Kind::Footer,
    Kind::Sums,
    Kind::Totals,
    Kind::Column,
    Kind::Prices,
    Kind::Moved,
];

/// Compresses; kept between frames because its tables are large.
pub struct Compressor {
    zstd: zstd::bulk::Compressor<'static>,
    turns: Option<Turns>,
}

/// What is compressed between two turns of others, in 100 to 200 us. Each has to describe its symbols anew.
const PIECE: usize = 64 << 10;

/// Levels of compression, both fast: the log must keep up with the gateway on a fraction of a core. Bodies are most of
/// what there is, and worth half as much time again for a seventh less.
pub const FAST: i32 = 1;
pub const SMALL: i32 = 2;

pub fn compressor(level: i32) -> std::io::Result<Compressor> {
    Ok(Compressor {
        zstd: zstd::bulk::Compressor::new(level)?,
        turns: None,
    })
}

impl Compressor {
    /// The same, which lets others have their turns meanwhile.
    pub fn in_turns(self, turns: Turns) -> Compressor {
        Compressor {
            turns: Some(turns),
            ..self
        }
    }

    /// Appends what `raw` comes to; how many bytes that is.
    fn append(&mut self, raw: &[u8], out: &mut Vec<u8>) -> std::io::Result<usize> {
        let body = out.len();
        // Room that is not filled first: it is many times what is written into it.
        out.reserve(zstd_safe::compress_bound(raw.len()));
        let turns = self.turns.as_mut().filter(|turns| turns.given());
        let Some(turns) = turns.filter(|_| raw.len() > PIECE) else {
            let mut rest = Cursor::new(&mut *out);
            rest.set_position(body as u64);
            return self.zstd.compress_to_buffer(raw, &mut rest);
        };
        let failed = |code| std::io::Error::other(zstd_safe::get_error_name(code));
        let context = self.zstd.context_mut();
        let session = zstd_safe::ResetDirective::SessionOnly;
        context.reset(session).map_err(failed)?;
        // With it the frame says its length, and tables are as large as for all of it.
        let length = Some(raw.len() as u64);
        context.set_pledged_src_size(length).map_err(failed)?;
        let pieces = raw.len().div_ceil(PIECE);
        for (at, piece) in raw.chunks(PIECE).enumerate() {
            let mut piece = zstd_safe::InBuffer::around(piece);
            let end = match at + 1 == pieces {
                true => zstd_sys::ZSTD_EndDirective::ZSTD_e_end,
                false => zstd_sys::ZSTD_EndDirective::ZSTD_e_flush,
            };
            loop {
                let at = out.len();
                let mut rest = zstd_safe::OutBuffer::around_pos(&mut *out, at);
                let left = context.compress_stream2(&mut rest, &mut piece, end);
                match left.map_err(failed)? {
                    0 => break,
                    left => out.reserve(left),
                }
            }
            turns.between();
        }
        Ok(out.len() - body)
    }
}

/// Appends a frame.
pub fn encode(
    out: &mut Vec<u8>,
    kind: Kind,
    meta: &[u8],
    raw: &[u8],
    compressor: &mut Compressor,
) -> std::io::Result<()> {
    put(out, kind, meta, raw.len(), |out| {
        compressor.append(raw, out).map(drop)
    })
}

/// Appends a frame whose body is not compressed, for who has no time for that.
pub fn store(out: &mut Vec<u8>, kind: Kind, meta: &[u8], raw: &[u8]) -> std::io::Result<()> {
    put(out, kind, meta, raw.len(), |out| {
        stored::append(raw, out);
        Ok(())
    })
}

/// Appends a frame that was read, with another summary.
pub fn copy(out: &mut Vec<u8>, head: &Head, meta: &[u8], packed: &[u8]) -> std::io::Result<()> {
    put(out, head.kind, meta, head.raw_len as usize, |out| {
        out.extend_from_slice(packed);
        Ok(())
    })
}

/// Appends a frame with what `body` appends of so many bytes.
fn put(
    out: &mut Vec<u8>,
    kind: Kind,
    meta: &[u8],
    raw_len: usize,
    body: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let too_large =
        || std::io::Error::new(std::io::ErrorKind::InvalidData, "a log frame is too large");
    if raw_len > MAX_RAW as usize || meta.len() > MAX_META as usize {
        return Err(too_large());
    }
    let start = out.len();
    out.resize(start + HEAD, 0);
    out.extend_from_slice(meta);
    let begin = out.len();
    body(out)?;
    let length = u32::try_from(out.len() - begin).map_err(|_| too_large())?;
    let crc = crc32fast::hash(&out[begin..]);
    let mut head = [0; HEAD];
    head[..4].copy_from_slice(MAGIC);
    head[4] = kind as u8;
    head[8..12].copy_from_slice(&(meta.len() as u32).to_le_bytes());
    head[12..16].copy_from_slice(&length.to_le_bytes());
    head[16..20].copy_from_slice(&(raw_len as u32).to_le_bytes());
    head[20..24].copy_from_slice(&crc.to_le_bytes());
    let check = head_crc(&head, meta);
    head[24..].copy_from_slice(&check.to_le_bytes());
    out[start..start + HEAD].copy_from_slice(&head);
    Ok(())
}

fn head_crc(head: &[u8; HEAD], meta: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&head[..24]);
    hasher.update(meta);
    hasher.finalize()
}

/// A frame's head, checked; its body has not been read.
#[derive(Debug)]
pub struct Head {
    pub kind: Kind,
    pub meta: Vec<u8>,
    body_at: u64,
    body_len: u32,
    raw_len: u32,
    body_crc: u32,
}

impl Head {
    /// Where the next frame begins.
    pub fn end(&self) -> u64 {
        self.body_at + u64::from(self.body_len)
    }

    /// Bytes of its body if that was stored as it came; nothing where it is compressed.
    pub fn stored(&self) -> u64 {
        let plain = stored::len(self.raw_len as usize);
        match self.body_len as usize == plain {
            true => plain as u64,
            false => 0,
        }
    }
}

/// Reads frames of one file; has its own place in it, so it disturbs nobody.
pub struct Reader {
    file: File,
    pub len: u64,
}

impl Reader {
    pub fn open(path: &Path) -> std::io::Result<Reader> {
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        Ok(Reader { file, len })
    }

    /// Bytes at a place, or nothing where the file ends before or cannot be read.
    pub fn bytes(&mut self, at: u64, length: usize) -> Option<Vec<u8>> {
        if at.checked_add(length as u64)? > self.len {
            return None;
        }
        let mut bytes = vec![0; length];
        self.file.seek(SeekFrom::Start(at)).ok()?;
        self.file.read_exact(&mut bytes).ok()?;
        Some(bytes)
    }

    /// The head at this place, if there is a sound one and its body is within the file.
    pub fn head(&mut self, at: u64) -> Option<Head> {
        let head: [u8; HEAD] = self.bytes(at, HEAD)?.try_into().ok()?;
        if &head[..4] != MAGIC {
            return None;
        }
        let number = |from: usize| {
            u32::from_le_bytes([head[from], head[from + 1], head[from + 2], head[from + 3]])
        };
        let kind = KINDS.into_iter().find(|kind| *kind as u8 == head[4])?;
        let meta_len = number(8);
        if meta_len > MAX_META {
            return None;
        }
        let meta = self.bytes(at + HEAD as u64, meta_len as usize)?;
        if head_crc(&head, &meta) != number(24) {
            return None;
        }
        let head = Head {
            kind,
            meta,
            body_at: at + HEAD as u64 + u64::from(meta_len),
            body_len: number(12),
            raw_len: number(16),
            body_crc: number(20),
        };
        (head.end() <= self.len && head.raw_len <= MAX_RAW).then_some(head)
    }

    /// The body of a frame as it is in the file, if it is sound.
    pub fn packed(&mut self, head: &Head) -> Option<Vec<u8>> {
        let packed = self.bytes(head.body_at, head.body_len as usize)?;
        (crc32fast::hash(&packed) == head.body_crc).then_some(packed)
    }

    /// The body of a frame of this kind at this place, unpacked.
    pub fn body(&mut self, at: u64, kind: Kind) -> Option<Vec<u8>> {
        let head = self.head(at)?;
        if head.kind != kind {
            return None;
        }
        self.raw(&head)
    }

    /// The body of a frame, unpacked.
    pub fn raw(&mut self, head: &Head) -> Option<Vec<u8>> {
        let packed = self.packed(head)?;
        let raw = zstd::bulk::decompress(&packed, head.raw_len as usize).ok()?;
        (raw.len() == head.raw_len as usize).then_some(raw)
    }

    /// The next place at or after this one where a frame may begin.
    pub fn resync(&mut self, mut from: u64) -> Option<u64> {
        const STEP: u64 = 256 << 10;
        while from + HEAD as u64 <= self.len {
            let length = STEP.min(self.len - from);
            let chunk = self.bytes(from, length as usize)?;
            if let Some(found) = memchr::memmem::find(&chunk, MAGIC) {
                return Some(from + found as u64);
            }
            // The mark may lie across the edge of two chunks.
            from += length.saturating_sub(MAGIC.len() as u64 - 1).max(1);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn what_is_compressed_in_pieces_is_read_as_what_is_compressed_at_once() {
        let words = ["latency", "\"model\":", "0123", "provider", "\u{1f980}"];
        let text: String = (0..60_000_usize)
            .map(|at| words[at.wrapping_mul(at) / 7 % words.len()])
            .collect();
        let dir = tempfile::tempdir().unwrap();
        for length in [0, 1, PIECE, PIECE + 1, 3 * PIECE, text.len()] {
            let raw = &text.as_bytes()[..length];
            let mut cut = compressor(FAST).unwrap().in_turns(Turns::new(|| false));
            let mut whole = compressor(FAST).unwrap();
            for compressor in [&mut cut, &mut whole] {
                let mut out = b"before".to_vec();
                // One compressor makes many frames.
                for meta in [&b"one"[..], b"other"] {
                    encode(&mut out, Kind::Rows, meta, raw, compressor).unwrap();
                }
                let path = dir.path().join("frames");
                std::fs::write(&path, &out).unwrap();
                let mut reader = Reader::open(&path).unwrap();
                let first = reader.head(6).unwrap();
                let second = reader.head(first.end()).unwrap();
                assert_eq!((&*first.meta, &*second.meta), (&b"one"[..], &b"other"[..]));
                assert_eq!(second.end(), reader.len);
                for at in [6, first.end()] {
                    assert!(reader.body(at, Kind::Rows).unwrap() == raw, "{length}");
                }
            }
        }
    }
}
