//! Requests by their ids, with their content. Those that are asked for together mostly lie together: what was unpacked last
//! is kept.

use super::super::{Body, Row};
use super::Shared;
use super::block::{self, Kept, Place};
use super::file::{self, Block, Segment};
use super::frame::Kind;
use super::read::{self, Readers};
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::Arc;

/// Looks requests up.
pub struct Lookup<'a> {
    shared: &'a Shared,
    readers: Readers<'a>,
    segments: Vec<Arc<Segment>>,
    /// Blocks of the files looked into, by their numbers.
    blocks: HashMap<u64, Vec<Arc<Block>>>,
    /// The frames unpacked last: of rows and of content, with the numbers of their files and their places.
    rows: Option<(u64, u64, Bytes)>,
    content: Option<(u64, u64, Bytes)>,
}

impl<'a> Lookup<'a> {
    pub fn new(shared: &'a Shared) -> Lookup<'a> {
        let mut segments = read::rows(shared);
        segments.reverse();
        Lookup {
            shared,
            readers: Readers::new(shared),
            segments,
            blocks: HashMap::new(),
            rows: None,
            content: None,
        }
    }

    /// One request with its content.
    pub fn find(&mut self, id: &str) -> Option<(Row, Body)> {
        for segment in self.segments.clone() {
            if !segment
                .summary(|all| all.rows > 0 && all.first.as_str() <= id && id <= all.last.as_str())
            {
                continue;
            }
            for found in self.blocks_of(&segment, id) {
                if let Some(found) = self.in_block(&segment, &found, id) {
                    return Some(found);
                }
            }
        }
        None
    }

    /// The blocks that may have it, newest first.
    fn blocks_of(&mut self, segment: &Segment, id: &str) -> Vec<Arc<Block>> {
        if !self.blocks.contains_key(&segment.number) {
            let reader = self.readers.of(segment);
            let blocks = reader.map(|reader| segment.blocks(reader));
            self.blocks
                .insert(segment.number, blocks.unwrap_or_default());
        }
        let blocks = self.blocks.get(&segment.number).into_iter().flatten();
        blocks
            .rev()
            .filter(|it| it.summary.first.as_str() <= id && id <= it.summary.last.as_str())
            .cloned()
            .collect()
    }

    fn in_block(&mut self, segment: &Segment, found: &Block, id: &str) -> Option<(Row, Body)> {
        let known = self.rows.take();
        let known = known.filter(|(number, at, _)| (*number, *at) == (segment.number, found.at));
        let raw = match known {
            Some((_, _, raw)) => raw,
            None => match self.readers.of(segment)?.body(found.at, Kind::Rows) {
                Some(raw) => Bytes::from(raw),
                None => {
                    self.shared.damaged(segment, found.at);
                    return None;
                }
            },
        };
        self.rows = Some((segment.number, found.at, raw.clone()));
        let laid = read::laid(segment, found);
        for (position, (json, kept)) in block::rows(&raw).enumerate() {
            if memchr::memmem::find(json, id.as_bytes()).is_none() {
                continue;
            }
            let row = read::row(laid.as_ref(), position, json);
            let Some(row) = row.filter(|row| row.id == id) else {
                continue;
            };
            let body = match kept {
                Kept::None => Body::None,
                Kept::LeftOut => Body::LeftOut,
                Kept::At(place) => self.body(found.content.unwrap_or(segment.number), place, id),
            };
            return Some((row, body));
        }
        None
    }

    /// The content of a row in the file of this number.
    fn body(&mut self, number: u64, place: Place, id: &str) -> Body {
        let mut at = place.at;
        let known = self.content.take();
        let known = known.filter(|(file, at, _)| (*file, *at) == (number, place.at));
        let raw = match known {
            Some((_, _, raw)) => Some(raw),
            None => {
                let segments = self.shared.segments();
                let Some(segment) = segments.iter().find(|it| it.number == number) else {
                    return Body::Removed;
                };
                match self.readers.of(segment) {
                    Some(reader) => {
                        at = file::place(reader, place.at);
                        reader.body(at, Kind::Content).map(Bytes::from)
                    }
                    // Retention was here in the meantime.
                    None if !segment.path.exists() => return Body::Removed,
                    None => return Body::Damaged,
                }
            }
        };
        let content = raw
            .as_ref()
            .and_then(|raw| block::content(raw, place.index, id));
        self.content = raw.map(|raw| (number, place.at, raw));
        match content {
            Some(content) => Body::Kept(content),
            None => {
                let segments = self.shared.segments();
                if let Some(segment) = segments.iter().find(|it| it.number == number) {
                    self.shared.damaged(segment, at);
                }
                Body::Damaged
            }
        }
    }
}
