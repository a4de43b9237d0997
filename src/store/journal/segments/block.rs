//! Blocks: some rows, or some bodies, laid out behind each other before they are compressed.

use super::super::{Content, Row};
use super::json;
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

/// Appends a row, behind the row `before`; false where it cannot be written as JSON.
pub fn put_row<'a>(
    out: &mut Vec<u8>,
    row: &'a Row,
    content: Kept,
    before: &mut Option<json::Spelled<'a>>,
) -> bool {
    let start = out.len();
    out.resize(start + ROW_HEAD, 0);
    if json::put(out, row, before).is_err() {
        out.truncate(start);
        return false;
    }
    let Ok(length) = u32::try_from(out.len() - start - ROW_HEAD) else {
        *before = None;
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
    let request = content.request().len();
    let response = content.size() - request;
    out.extend_from_slice(&(request as u32).to_le_bytes());
    out.extend_from_slice(&(response as u32).to_le_bytes());
    // An id that is too long for its length is no id of ours.
    let id = if id.len() < 256 { id } else { "" };
    out.push(WITH_ID | if content.truncated() { TRUNCATED } else { 0 });
    out.push(id.len() as u8);
    out.extend_from_slice(id.as_bytes());
    out.extend_from_slice(content.request());
    let pieces = content.pieces();
    pieces.for_each(|piece| out.extend_from_slice(piece));
}

/// One body in a block of them.
pub struct Entry<'a> {
    /// The id of its row; earlier releases did not write it.
    id: Option<&'a [u8]>,
    pub request: &'a [u8],
    pub response: &'a [u8],
    truncated: bool,
}

/// The bodies of a block, in the order of their positions, as far as they can be read.
pub fn contents(mut block: &[u8]) -> impl Iterator<Item = Entry<'_>> {
    std::iter::from_fn(move || {
        let (request, response) = (u32_at(block, 0)? as usize, u32_at(block, 4)? as usize);
        let bits = *block.get(8)?;
        let mut rest = block.get(9..)?;
        let mut id = None;
        if bits & WITH_ID != 0 {
            let (length, behind) = rest.split_first()?;
            let (own, behind) = behind.split_at_checked(usize::from(*length))?;
            (id, rest) = (Some(own), behind);
        }
        let (request, behind) = rest.split_at_checked(request)?;
        let (response, behind) = behind.split_at_checked(response)?;
        block = behind;
        Some(Entry {
            id,
            request,
            response,
            truncated: bits & TRUNCATED != 0,
        })
    })
}

/// The content of this row in a block; nothing where it is damaged or another row's: a power cut can take the end
/// of one file and not of another, and what is written there later is not what the row meant.
pub fn content(block: &Bytes, index: u32, id: &str) -> Option<Content> {
    let entry = contents(block).nth(index as usize)?;
    if entry.id.is_some_and(|own| own != id.as_bytes()) {
        return None;
    }
    let response = vec![block.slice_ref(entry.response)];
    Some(Content::new(block.slice_ref(entry.request), response).cut(entry.truncated))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}
