//! Reading in the order of ids across segments and blocks whose ranges overlap, each opened only when its turn comes.

use super::super::cursor::{Cursor, MAX_LIMIT, Order};
use super::super::summary::Summary;
use super::super::{Filter, Matcher, Page, Row};
use super::Shared;
use super::block::{self, Kept};
use super::columns::{Chosen, Wanted};
use super::file::{self, Block, Segment};
use super::frame::{Kind, Reader};
use super::prices::Laid;
use crate::error::Result;
use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::Instant;

/// Something that holds rows from an id on, in the order asked for: rows are written when requests end, so ranges overlap.
enum Item {
    Row(Box<Row>),
    Block(Arc<Segment>, Arc<Block>),
    Segment(Arc<Segment>),
}

struct Entry {
    id: String,
    order: Order,
    item: Item,
}

impl Entry {
    /// Containers come before a row of the same id.
    fn rank(&self) -> u8 {
        match self.item {
            Item::Row(_) => 0,
            Item::Block(..) => 1,
            Item::Segment(_) => 2,
        }
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Entry) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Entry) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Entry {
    fn cmp(&self, other: &Entry) -> Ordering {
        let ids = match self.order {
            Order::NewestFirst => self.id.cmp(&other.id),
            Order::OldestFirst => other.id.cmp(&self.id),
        };
        ids.then(self.rank().cmp(&other.rank()))
    }
}

/// A page; shorter than asked for where the time ran out, and then with a cursor.
pub fn query(
    shared: &Shared,
    filter: &Filter,
    order: Order,
    limit: usize,
    cursor: Option<&str>,
) -> Result<Page> {
    let (matcher, columns) = (Matcher::new(filter), Wanted::of(filter));
    let cursor = cursor.map(|text| Cursor::parse(text, order));
    let limit = limit.clamp(1, MAX_LIMIT);
    let wanted = |id: &str| cursor.as_ref().is_none_or(|cursor| cursor.allows(id));
    // Where the rows under a summary begin in this order, if some of them may be wanted.
    let begins = |summary: &Summary| {
        let (nearest, furthest) = match order {
            Order::NewestFirst => (&summary.last, &summary.first),
            Order::OldestFirst => (&summary.first, &summary.last),
        };
        (wanted(furthest) && matcher.may_match(summary)).then(|| nearest.clone())
    };
    let started = Instant::now();
    let mut read_one = false;
    let mut readers = Readers::new(shared);
    let mut heap = BinaryHeap::new();
    for segment in rows(shared) {
        if let Some(id) = segment.summary(begins) {
            heap.push(Entry {
                id,
                order,
                item: Item::Segment(segment),
            });
        }
    }
    let mut page = Page::default();
    while let Some(entry) = heap.pop() {
        match entry.item {
            Item::Row(row) => {
                if page.rows.len() == limit {
                    page.cursor = page.rows.last().map(|row| Cursor::after(&row.id));
                    break;
                }
                page.rows.push(*row);
            }
            Item::Segment(segment) => {
                let Some(reader) = readers.of(&segment) else {
                    continue;
                };
                for block in blocks(&segment, reader, &columns) {
                    if let Some(id) = begins(&block.summary) {
                        heap.push(Entry {
                            id,
                            order,
                            item: Item::Block(segment.clone(), block),
                        });
                    }
                }
            }
            Item::Block(segment, block) => {
                if page.rows.len() == limit {
                    page.cursor = page.rows.last().map(|row| Cursor::after(&row.id));
                    break;
                }
                // Out of time; but a cursor that was here before would lead here for ever.
                let advances = cursor
                    .as_ref()
                    .is_none_or(|cursor| cursor.advances_to(&entry.id));
                if read_one && advances && started.elapsed() > shared.settings.query_time {
                    page.cursor = Some(Cursor::at(&entry.id));
                    break;
                }
                read_one = true;
                let rows = unpack(shared, &matcher, &mut readers, &segment, &block);
                let rows = rows.into_iter().filter(|row| wanted(&row.id));
                heap.extend(rows.map(|row| Entry {
                    id: row.id.clone(),
                    order,
                    item: Item::Row(Box::new(row)),
                }));
            }
        }
    }
    Ok(page)
}

/// The blocks of a file that may have a row that is wanted.
fn blocks(segment: &Segment, reader: &mut Reader, wanted: &Wanted) -> Vec<Arc<Block>> {
    let chosen = match wanted.everything() {
        true => None,
        false => segment.choose(reader, wanted),
    };
    if chosen.as_ref().is_some_and(Chosen::is_empty) {
        return Vec::new();
    }
    let mut blocks = segment.blocks(reader);
    let mut position = 0;
    blocks.retain(|block| {
        let (first, count) = (position, block.summary.rows);
        position += count;
        chosen.as_ref().is_none_or(|all| all.any(first, count))
    });
    blocks
}

/// The files of a query, each opened once.
pub struct Readers<'a> {
    pub shared: &'a Shared,
    open: HashMap<u64, Option<Reader>>,
}

impl<'a> Readers<'a> {
    pub fn new(shared: &'a Shared) -> Readers<'a> {
        Readers {
            shared,
            open: HashMap::new(),
        }
    }

    pub fn of(&mut self, segment: &Segment) -> Option<&mut Reader> {
        let open = self.open.entry(segment.number);
        open.or_insert_with(|| reader(self.shared, segment))
            .as_mut()
    }

    /// The file of this number, where it is still there.
    pub fn numbered(&mut self, number: u64) -> Option<&mut Reader> {
        if !self.open.contains_key(&number) {
            let segments = self.shared.segments();
            let segment = segments.iter().find(|it| it.number == number);
            let opened = segment.and_then(|segment| reader(self.shared, segment));
            self.open.insert(number, opened);
        }
        self.open.get_mut(&number)?.as_mut()
    }
}

/// The rows of a block that match.
fn unpack(
    shared: &Shared,
    matcher: &Matcher,
    readers: &mut Readers<'_>,
    segment: &Segment,
    block: &Block,
) -> Vec<Row> {
    let Some(reader) = readers.of(segment) else {
        return Vec::new();
    };
    let Some(raw) = reader.body(block.at, Kind::Rows) else {
        shared.damaged(segment, block.at);
        return Vec::new();
    };
    if !matcher.may_hold(&raw) {
        return Vec::new();
    }
    let laid = laid(segment, block);
    let mut found = Vec::new();
    let mut bodies = Bodies::new(matcher, block.content.unwrap_or(segment.number));
    for (position, (json, kept)) in block::rows(&raw).enumerate() {
        if !matcher.may_hold(json) {
            continue;
        }
        if matcher.wants_text() && !matcher.has_text(json) && !bodies.have_text(readers, kept) {
            continue;
        }
        match row(laid.as_ref(), position, json) {
            Some(row) if matcher.fields(&row) => found.push(row),
            Some(_) => {}
            None => shared.damaged(segment, block.at),
        }
    }
    found
}

/// New prices of a block's rows.
pub fn laid(segment: &Segment, block: &Block) -> Option<Laid> {
    segment.prices()?.laid(block.at)
}

/// The row at a position of a block, with its new price where it has one.
pub fn row(laid: Option<&Laid>, position: usize, json: &[u8]) -> Option<Row> {
    let mut row = serde_json::from_slice(json).ok()?;
    if let Some(laid) = laid {
        laid.over(position, &mut row);
    }
    Some(row)
}

/// Every row of a block, with its position in it.
pub fn rows_of(
    shared: &Shared,
    segment: &Segment,
    reader: &mut Reader,
    block: &Block,
) -> Vec<(usize, Row)> {
    let Some(raw) = reader.body(block.at, Kind::Rows) else {
        shared.damaged(segment, block.at);
        return Vec::new();
    };
    let laid = laid(segment, block);
    block::rows(&raw)
        .enumerate()
        .filter_map(|(position, (json, _))| Some((position, row(laid.as_ref(), position, json)?)))
        .collect()
}

/// Looks for the text in the content of a block of rows. Their bodies lie together: a frame of them is unpacked once.
struct Bodies<'a> {
    matcher: &'a Matcher,
    /// The file they are in.
    number: u64,
    /// By the places of frames: which of their bodies have it.
    found: HashMap<u64, Vec<bool>>,
}

impl<'a> Bodies<'a> {
    fn new(matcher: &'a Matcher, number: u64) -> Bodies<'a> {
        Bodies {
            matcher,
            number,
            found: HashMap::new(),
        }
    }

    fn have_text(&mut self, readers: &mut Readers<'_>, kept: Kept) -> bool {
        let Kept::At(place) = kept else {
            return false;
        };
        let found = self.found.entry(place.at).or_insert_with(|| {
            let reader = readers.numbered(self.number);
            let raw = reader.and_then(|it| {
                let at = file::place(it, place.at);
                it.body(at, Kind::Content)
            });
            // Most have it nowhere.
            match raw.filter(|raw| self.matcher.has_text(raw)) {
                Some(raw) => block::contents(&raw)
                    .map(|it| {
                        self.matcher.has_text(it.request) || self.matcher.has_text(it.response)
                    })
                    .collect(),
                None => Vec::new(),
            }
        });
        found.get(place.index as usize).is_some_and(|found| *found)
    }
}

/// The segment's file; nothing where retention was here in the meantime, or it cannot be read.
pub fn reader(shared: &Shared, segment: &Segment) -> Option<Reader> {
    match Reader::open(&segment.path) {
        Ok(reader) => Some(reader),
        Err(error) => {
            if error.kind() != std::io::ErrorKind::NotFound {
                shared.damaged(segment, 0);
            }
            None
        }
    }
}

/// The files that have rows.
pub fn rows(shared: &Shared) -> Vec<Arc<Segment>> {
    let mut segments = shared.segments();
    segments.retain(|segment| segment.holds.rows());
    segments
}
