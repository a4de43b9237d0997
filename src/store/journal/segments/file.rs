//! Segment files as they are read: finding the blocks again, sealed with an index or not.

use super::super::summary::Summary;
use super::super::sums::Sums;
use super::columns::{Chosen, Columns, Wanted};
use super::frame::{FILE_MAGIC, Kind, Reader};
use super::moved::Moved;
use super::prices::Prices;
use super::settings::Holds;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes of a file without any frame.
pub const HEADER: u64 = FILE_MAGIC.len() as u64;
/// The last bytes of a closed file, behind the place of its footer.
pub(super) const TRAILER: &[u8; 4] = b"gwT\x01";
/// Bytes of both.
pub const END: u64 = 8 + TRAILER.len() as u64;

/// A frame of rows: its place and what is in it. The frame has this as its head, too; so has one of content in a packed file,
/// with the place that it had before.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Block {
    #[serde(default)]
    pub at: u64,
    /// The number of the file that has the content of these rows. Absent: this one.
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    pub content: Option<u64>,
    #[serde(flatten)]
    pub summary: Summary,
}

#[derive(Default, Serialize, Deserialize)]
pub(super) struct Footer {
    pub index: u64,
    /// Where the frames of rows and content end.
    pub end: u64,
    pub damaged: u64,
    /// Where the sums of all rows are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totals: Option<u64>,
    /// Where the columns are. Earlier releases wrote none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<u64>,
    /// Rows and content are in files of their own. Earlier releases did not write this.
    #[serde(default)]
    pub apart: bool,
    /// Bytes that are not compressed yet.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub stored: u64,
    /// Where it says where its frames are since they were compressed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved: Option<u64>,
    pub summary: Summary,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// A segment as readers see it, open or sealed.
pub struct Segment {
    /// Order of creation.
    pub number: u64,
    pub path: PathBuf,
    pub holds: Holds,
    pub(super) state: Mutex<State>,
}

pub(super) struct State {
    pub summary: Summary,
    /// Bytes of the file.
    pub size: u64,
    /// Of those, bytes that wait to be compressed.
    pub stored: u64,
    /// Absent where the file has an index of its own.
    pub blocks: Option<Vec<Arc<Block>>>,
    /// While it is written; absent where they are in the file, or too many.
    pub totals: Option<Arc<Sums>>,
    /// While it is written; absent where they are in the file, and until they are known again after a crash.
    pub columns: Option<Columns>,
    /// New prices of some of its rows.
    pub prices: Option<Arc<Prices>>,
}

/// What reading a segment at start gave.
pub struct Found {
    pub segment: Segment,
    /// Damaged places that sound frames follow.
    pub damaged: Vec<u64>,
    /// Where a tail begins that was never written whole.
    pub torn: Option<u64>,
    /// Where appending may go on.
    pub end: u64,
    /// Whether the file begins as segments do.
    pub ours: bool,
    /// Whether it was closed with an index.
    pub sealed: bool,
    /// Whether it was packed: rows name places in it that are others now, so nothing may be added.
    pub packed: bool,
}

impl Segment {
    /// Looks at a file of rows or of content: its footer, or all its heads where there is none.
    pub fn load(number: u64, path: PathBuf, holds: Holds) -> io::Result<Found> {
        let mut reader = Reader::open(&path)?;
        let size = reader.len;
        let ours = reader
            .bytes(0, FILE_MAGIC.len())
            .is_some_and(|bytes| bytes == FILE_MAGIC);
        let footer = footer(&mut reader);
        let sealed = footer.is_some();
        let (summary, blocks, scan) = match footer {
            Some(footer) => (
                footer.summary,
                None,
                Scan {
                    end: footer.end,
                    inline: !footer.apart,
                    stored: footer.stored,
                    packed: footer.moved.is_some(),
                    ..Scan::default()
                },
            ),
            None => {
                let mut scan = scan(&mut reader);
                scan.packed = !scan.moved.is_empty();
                let mut summary = std::mem::take(&mut scan.content);
                let blocks = std::mem::take(&mut scan.blocks);
                blocks
                    .iter()
                    .for_each(|block| summary.merge(&block.summary));
                (summary, Some(blocks), scan)
            }
        };
        let holds = match holds {
            Holds::Rows if scan.inline => Holds::Both,
            holds => holds,
        };
        let prices = match holds.rows() {
            true => Prices::load(&path).map(Arc::new),
            false => None,
        };
        Ok(Found {
            segment: Segment {
                number,
                path,
                holds,
                state: Mutex::new(State {
                    summary,
                    size,
                    stored: scan.stored,
                    blocks,
                    totals: None,
                    columns: None,
                    prices,
                }),
            },
            damaged: scan.damaged,
            torn: scan.torn,
            end: scan.end,
            ours,
            sealed,
            packed: scan.packed,
        })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn size(&self) -> u64 {
        self.state().size
    }

    /// Bytes that wait to be compressed.
    pub fn stored(&self) -> u64 {
        self.state().stored
    }

    /// Bytes of the new prices beside it.
    pub fn size_of_prices(&self) -> u64 {
        self.prices().map_or(0, |prices| prices.bytes)
    }

    /// New prices of some of its rows.
    pub fn prices(&self) -> Option<Arc<Prices>> {
        self.state().prices.clone()
    }

    /// Puts new prices in force; sums that were kept are no longer right.
    pub fn lay(&self, prices: Arc<Prices>) {
        let mut state = self.state();
        state.totals = None;
        state.prices = Some(prices);
    }

    /// Where its rows end, once it is closed.
    pub fn end(&self, reader: &mut Reader) -> Option<u64> {
        let open = self.state().blocks.is_some();
        footer(reader).filter(|_| !open).map(|footer| footer.end)
    }

    /// Looks at the summary without copying it.
    pub fn summary<T>(&self, look: impl FnOnce(&Summary) -> T) -> T {
        look(&self.state().summary)
    }

    /// Every block; from the file's index where it is not in memory, by scanning where that is damaged.
    pub fn blocks(&self, reader: &mut Reader) -> Vec<Arc<Block>> {
        if let Some(blocks) = &self.state().blocks {
            return blocks.clone();
        }
        // The file may have been sealed after it was opened here.
        if let Ok(fresh) = Reader::open(&self.path) {
            *reader = fresh;
        }
        let index = footer(reader).and_then(|footer| reader.body(footer.index, Kind::Index));
        match index.and_then(|json| serde_json::from_slice::<Vec<Arc<Block>>>(&json).ok()) {
            Some(blocks) => blocks,
            None => scan(reader).blocks,
        }
    }

    /// Which rows may be wanted; nothing where that is not known.
    pub fn choose(&self, reader: &mut Reader, wanted: &Wanted) -> Option<Chosen> {
        if let Some(columns) = &self.state().columns {
            return Some(columns.choose(wanted));
        }
        let footer = footer(reader)?;
        let rows = usize::try_from(footer.summary.rows).ok()?;
        wanted.choose(rows, |at| {
            reader.body(*footer.columns.get(at)?, Kind::Column)
        })
    }

    /// The sums of all rows, without sessions and agents, where there are some.
    pub fn totals(&self, reader: &mut Reader) -> Option<Totals> {
        let (kept, prices) = {
            let state = self.state();
            (state.totals.clone(), state.prices.clone())
        };
        match (prices, kept) {
            // Its own were made before.
            (Some(prices), _) => {
                let end = self.end(reader)?;
                return prices.totals(end).map(Totals::Packed);
            }
            (None, Some(totals)) => return Some(Totals::Kept(totals)),
            (None, None) => {}
        }
        let at = footer(reader)?.totals?;
        reader.body(at, Kind::Totals).map(Totals::Packed)
    }
}

/// The sums of a file: as they are kept while it is written, or as they are in it.
pub enum Totals {
    Kept(Arc<Sums>),
    Packed(Vec<u8>),
}

/// The packed sums of a block: from the frame behind it.
pub fn block_sums(reader: &mut Reader, block: &Block) -> Option<Vec<u8>> {
    let next = reader.head(block.at)?.end();
    reader.body(next, Kind::Sums)
}

/// Where the frame of content is that rows name by this place.
pub fn place(reader: &mut Reader, was: u64) -> u64 {
    let footer = footer(reader);
    match footer.as_ref().map(|footer| footer.moved) {
        Some(None) => return was,
        Some(Some(at)) => {
            let packed = reader.body(at, Kind::Moved);
            if let Some(moved) = packed.and_then(|packed| Moved::unpack(&packed)) {
                return moved.of(was).unwrap_or(was);
            }
        }
        None if begins_at(reader, was) => return was,
        None => {}
    }
    // It was packed and lost its end.
    scan(reader).moved.of(was).unwrap_or(was)
}

/// Whether the frame at this place was there from the start.
fn begins_at(reader: &mut Reader, at: u64) -> bool {
    let head = reader.head(at).filter(|head| head.kind == Kind::Content);
    head.is_some_and(|head| {
        let own = serde_json::from_slice::<Block>(&head.meta).map(|block| block.at);
        own.is_err() || own.is_ok_and(|own| own == 0 || own == at)
    })
}

/// What the end of a closed file says.
pub(super) fn footer(reader: &mut Reader) -> Option<Footer> {
    let trailer = reader.bytes(reader.len.checked_sub(END)?, END as usize)?;
    if &trailer[8..] != TRAILER {
        return None;
    }
    let at = u64::from_le_bytes(trailer[..8].try_into().ok()?);
    let head = reader.head(at)?;
    if head.kind != Kind::Footer {
        return None;
    }
    serde_json::from_slice(&head.meta).ok()
}

/// What walking over a file's heads gave.
#[derive(Default)]
struct Scan {
    blocks: Vec<Arc<Block>>,
    /// What the frames of content say of themselves, and whether there are some that say nothing: they lie with
    /// their rows.
    content: Summary,
    inline: bool,
    /// Bytes of frames that are not compressed.
    stored: u64,
    /// Where frames were before the file was packed.
    moved: Moved,
    packed: bool,
    damaged: Vec<u64>,
    torn: Option<u64>,
    end: u64,
}

/// Walks the heads; after damage goes on at the next sound one.
fn scan(reader: &mut Reader) -> Scan {
    let mut found = Scan {
        end: FILE_MAGIC.len() as u64,
        ..Scan::default()
    };
    let mut at = found.end;
    while at < reader.len {
        if let Some(head) = reader.head(at) {
            // What was astray so far is damage, for something sound follows.
            found.damaged.extend(found.torn.take());
            match head.kind {
                Kind::Rows => match serde_json::from_slice::<Block>(&head.meta) {
                    Ok(block) => found.blocks.push(Arc::new(Block { at, ..block })),
                    Err(_) => found.damaged.push(at),
                },
                Kind::Content if head.meta.is_empty() => found.inline = true,
                Kind::Content => match serde_json::from_slice::<Block>(&head.meta) {
                    Ok(block) => {
                        found.content.merge(&block.summary);
                        found.stored += head.stored();
                        if block.at > 0 {
                            found.moved.note(block.at, at);
                        }
                    }
                    Err(_) => found.damaged.push(at),
                },
                _ => {}
            }
            at = head.end();
            if matches!(head.kind, Kind::Rows | Kind::Content | Kind::Sums) {
                found.end = at;
            }
            continue;
        }
        // The twelve bytes of a trailer are no damage.
        let trailer = reader.len - at == END
            && reader
                .bytes(at, END as usize)
                .is_some_and(|bytes| &bytes[8..] == TRAILER);
        if !trailer {
            found.torn.get_or_insert(at);
        }
        match reader.resync(at + 1) {
            Some(next) => at = next,
            None => break,
        }
    }
    found
}

/// Syncs a directory, without which a power cut can take the name of what was made in it.
pub fn sync_dir(dir: &Path) -> io::Result<()> {
    #[cfg(unix)]
    std::fs::File::open(dir)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = dir;
    Ok(())
}

/// Makes the directory, for the gateway's own user only.
pub fn make_dir(dir: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
        builder.mode(0o700);
        builder.create(dir)?;
        let mut permissions = std::fs::metadata(dir)?.permissions();
        if permissions.mode() & 0o077 != 0 {
            permissions.set_mode(0o700);
            std::fs::set_permissions(dir, permissions)?;
        }
        Ok(())
    }
    #[cfg(not(unix))]
    builder.create(dir)
}
