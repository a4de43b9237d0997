//! Exports: the whole state as one checked JSON file, to rebuild a broken store from. The first line says
//! `gw-export schema crc32 length`, the rest is JSON anyone can read.

use super::state::State;
use super::{disk, value};
use crate::error::{Error, Result};
use crate::resources::{Record, Stamp};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Exports kept.
const KEEP: usize = 3;

#[derive(Serialize, Deserialize)]
struct Body {
    revision: u64,
    written: String,
    records: Vec<Arc<Record>>,
}

/// Writes the state, reads it back to be sure, and removes the oldest exports.
pub fn write(dir: &Path, state: &State) -> Result<PathBuf> {
    let body = Body {
        revision: state.revision,
        written: Stamp::now().rfc3339(),
        records: state.iter().collect(),
    };
    let mut json = serde_json::to_vec_pretty(&body)
        .map_err(|error| Error::internal("the state cannot be written as JSON").cause(error))?;
    json.push(b'\n');
    let head = format!(
        "gw-export {} {:08x} {}\n",
        value::SCHEMA,
        crc32fast::hash(&json),
        json.len()
    );
    let path = dir.join(format!("export-{:020}.json", state.revision));
    disk::replace(&path, &[head.as_bytes(), &json])?;
    let back = read(&path)?;
    // Records, not bytes: what an older gw wrote may read the same and be spelt otherwise.
    let same = || back == *state || back.iter().eq(state.iter());
    if back.revision != state.revision || !same() {
        return Err(Error::internal(format!(
            "the export `{}` does not read back as it was written",
            path.display()
        ))
        .hint("check the disk"));
    }
    let all = list(dir)?;
    for old in all.iter().rev().skip(KEEP) {
        fs::remove_file(old).map_err(|cause| disk::error("remove", old, cause))?;
    }
    Ok(path)
}

/// Reads and checks an export.
pub fn read(path: &Path) -> Result<State> {
    let bytes = fs::read(path).map_err(|cause| disk::error("read", path, cause))?;
    let body: Body = serde_json::from_slice(verify(path, &bytes)?)
        .map_err(|error| damaged(path).cause(error))?;
    State::from_records(body.revision, body.records)
}

/// Checks an export without taking it apart; gives the revision it is of. Damaged: [`crate::error::Kind::Internal`].
pub fn look(path: &Path) -> Result<u64> {
    let error = |cause| disk::error("read", path, cause);
    // Piece by piece: an export can be larger than all that is in memory.
    let mut file = BufReader::with_capacity(1 << 16, fs::File::open(path).map_err(error)?);
    let mut line = Vec::new();
    let mut first = (&mut file).take(HEAD);
    first.read_until(b'\n', &mut line).map_err(error)?;
    let head = Head::read(&line).ok_or_else(|| damaged(path))?;
    let (mut crc, mut length) = (crc32fast::Hasher::new(), 0);
    loop {
        let piece = file.fill_buf().map_err(error)?;
        if piece.is_empty() {
            break;
        }
        crc.update(piece);
        let read = piece.len();
        length += read;
        file.consume(read);
    }
    head.check(path, crc.finalize(), length)?;
    let name = path
        .file_stem()
        .and_then(|stem| stem.to_str())
        .and_then(|stem| stem.strip_prefix("export-"));
    name.and_then(|digits| digits.parse().ok())
        .ok_or_else(|| damaged(path))
}

/// The JSON of an export whose checksum holds and whose schema this gw reads.
fn verify<'a>(path: &Path, bytes: &'a [u8]) -> Result<&'a [u8]> {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let (line, json) = bytes.split_at(end.map_or(0, |end| end + 1));
    let head = Head::read(line).ok_or_else(|| damaged(path))?;
    head.check(path, crc32fast::hash(json), json.len())?;
    Ok(json)
}

/// What the first line says of the rest.
struct Head {
    schema: u16,
    crc: u32,
    length: usize,
}

/// The first line is shorter.
const HEAD: u64 = 128;

impl Head {
    fn read(line: &[u8]) -> Option<Head> {
        let line = std::str::from_utf8(line.strip_suffix(b"\n")?).ok()?;
        let words: Vec<&str> = line.split(' ').collect();
        let ["gw-export", schema, crc, length] = words[..] else {
            return None;
        };
        Some(Head {
            schema: schema.parse().ok()?,
            crc: u32::from_str_radix(crc, 16).ok()?,
            length: length.parse().ok()?,
        })
    }

    /// Whether the rest is that, and this gw reads it.
    fn check(&self, path: &Path, crc: u32, length: usize) -> Result<()> {
        if (self.crc, self.length) != (crc, length) {
            return Err(damaged(path));
        }
        value::check_schema(self.schema, &format!("`{}`", path.display()))
    }
}

fn damaged(path: &Path) -> Error {
    Error::internal(format!("the export `{}` is damaged", path.display()))
}

/// The exports, oldest first.
pub fn list(dir: &Path) -> Result<Vec<PathBuf>> {
    disk::list(dir, "export-", ".json")
}
