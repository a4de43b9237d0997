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

const ROW_HEAD: usize = 16;

/// Appends a row; false where it cannot be written as JSON.
pub fn put_row(out: &mut Vec<u8>, row: &Row, content: Option<Place>) -> bool {
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
    if let Some(place) = content {
        out[start + 4..start + 8].copy_from_slice(&(place.index + 1).to_le_bytes());
        out[start + 8..start + 16].copy_from_slice(&place.at.to_le_bytes());
    }
    true
}

/// The JSON of each row, and where its content is.
pub fn rows(mut block: &[u8]) -> impl Iterator<Item = (&[u8], Option<Place>)> {
    std::iter::from_fn(move || {
        let length = u32_at(block, 0)? as usize;
        let index = u32_at(block, 4)?;
        let at = u64::from_le_bytes(block.get(8..16)?.try_into().ok()?);
        let json = block.get(ROW_HEAD..ROW_HEAD.checked_add(length)?)?;
        block = &block[ROW_HEAD + length..];
        Some((json, index.checked_sub(1).map(|index| Place { at, index })))
    })
}

/// Appends a body; the response's pieces become one here.
pub fn put_content(out: &mut Vec<u8>, content: &Content) {
    let response: usize = content.response.iter().map(Bytes::len).sum();
    out.extend_from_slice(&(content.request.len() as u32).to_le_bytes());
    out.extend_from_slice(&(response as u32).to_le_bytes());
    out.push(u8::from(content.truncated));
    out.extend_from_slice(&content.request);
    content
        .response
        .iter()
        .for_each(|piece| out.extend_from_slice(piece));
}

/// Reads the content at a place; nothing where it is damaged.
pub fn content(reader: &mut Reader, place: Place) -> Option<Content> {
    let block = Bytes::from(reader.body(place.at, Kind::Content)?);
    let mut from = 0_usize;
    for index in 0..=place.index {
        let request = u32_at(&block, from)? as usize;
        let response = u32_at(&block, from + 4)? as usize;
        let truncated = *block.get(from + 8)? != 0;
        let start = from + 9;
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
            return Some(Content {
                request: block.slice(start..middle),
                response: pieces,
                truncated,
            });
        }
    }
    None
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}
