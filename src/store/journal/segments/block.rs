//! Blocks: some rows, or some bodies, laid out behind each other before they are compressed.

use super::super::{Content, Row};
use super::frame::{Kind, Reader};
use bytes::Bytes;

/// Where a row's content is: the frame's place in the file, and the position in the frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    pub at: u64,
    pub index: u32,
}

/// What became of a row's content.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Kept {
    /// There was none to keep.
    #[default]
    None,
    At(Place),
    /// There was no room for it.
    LeftOut,
}

const ROW_HEAD: usize = 16;
/// In place of a position.
const LEFT_OUT: u32 = u32::MAX;
/// Bits before a body.
const TRUNCATED: u8 = 1;
const WITH_ID: u8 = 2;

/// Appends a row; false where it cannot be written as JSON.
pub fn put_row(out: &mut Vec<u8>, row: &Row, content: Kept) -> bool {
    let start = out.len();
    out.resize(start + ROW_HEAD, 0);
    if serde_json::to_writer(&mut *out, row).is_err() {
        out.truncate(start);
        return false;
    }
    let Ok(length) = u32::try_from(out.len() - start - ROW_HEAD) else {
        out.truncate(start);
        return false;
    };
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    let (index, at) = match content {
        Kept::None => return true,
        Kept::At(place) => (place.index + 1, place.at),
        Kept::LeftOut => (LEFT_OUT, 0),
    };
    out[start + 4..start + 8].copy_from_slice(&index.to_le_bytes());
    out[start + 8..start + 16].copy_from_slice(&at.to_le_bytes());
    true
}

/// The JSON of each row, and what became of its content.
pub fn rows(mut block: &[u8]) -> impl Iterator<Item = (&[u8], Kept)> {
    std::iter::from_fn(move || {
        let length = u32_at(block, 0)? as usize;
        let index = u32_at(block, 4)?;
        let at = u64::from_le_bytes(block.get(8..16)?.try_into().ok()?);
        let json = block.get(ROW_HEAD..ROW_HEAD.checked_add(length)?)?;
        block = &block[ROW_HEAD + length..];
        let content = match index {
            0 => Kept::None,
            LEFT_OUT => Kept::LeftOut,
            index => Kept::At(Place {
                at,
                index: index - 1,
            }),
        };
        Some((json, content))
    })
}

/// Appends a body with the id of its row; the response's pieces become one here.
pub fn put_content(out: &mut Vec<u8>, id: &str, content: &Content) {
    let response: usize = content.response.iter().map(Bytes::len).sum();
    out.extend_from_slice(&(content.request.len() as u32).to_le_bytes());
    out.extend_from_slice(&(response as u32).to_le_bytes());
    // An id that is too long for its length is no id of ours.
    let id = if id.len() < 256 { id } else { "" };
    out.push(WITH_ID | if content.truncated { TRUNCATED } else { 0 });
    out.push(id.len() as u8);
    out.extend_from_slice(id.as_bytes());
    out.extend_from_slice(&content.request);
    content
        .response
        .iter()
        .for_each(|piece| out.extend_from_slice(piece));
}

/// Reads the content of this row at a place; nothing where it is damaged or another row's: a power cut can take the end
/// of one file and not of another, and what is written there later is not what the row meant.
pub fn content(reader: &mut Reader, place: Place, id: &str) -> Option<Content> {
    let block = Bytes::from(reader.body(place.at, Kind::Content)?);
    let mut from = 0_usize;
    for index in 0..=place.index {
        let request = u32_at(&block, from)? as usize;
        let response = u32_at(&block, from + 4)? as usize;
        let bits = *block.get(from + 8)?;
        let mut start = from + 9;
        let mut ours = true;
        if bits & WITH_ID != 0 {
            let length = usize::from(*block.get(start)?);
            start += 1 + length;
            ours = block.get(start - length..start)? == id.as_bytes();
        }
        let middle = start.checked_add(request)?;
        from = middle.checked_add(response)?;
        if from > block.len() {
            return None;
        }
        if index == place.index {
            let pieces = if response == 0 {
                Vec::new()
            } else {
                vec![block.slice(middle..from)]
            };
            return ours.then(|| Content {
                request: block.slice(start..middle),
                response: pieces,
                truncated: bits & TRUNCATED != 0,
            });
        }
    }
    None
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}
