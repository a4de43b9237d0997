//! Segment files: appending blocks, sealing with an index, and finding the blocks again, sealed or not.

use super::super::Row;
use super::super::summary::Summary;
use super::super::sums::Sums;
use super::block;
use super::columns::{Chosen, Columns, Wanted};
use super::frame::{self, Compressor, FILE_MAGIC, Kind, Reader};
use super::settings::Holds;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes of a file without any frame.
pub const HEADER: u64 = FILE_MAGIC.len() as u64;
const TRAILER: &[u8; 4] = b"gwT\x01";

/// Groups in the sums of a file; beyond that those of its blocks have to do.
const MAX_GROUPS: usize = 8192;

/// A frame of rows: its place and what is in it. The frame has this as its head, too.
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

#[derive(Serialize, Deserialize)]
struct Footer {
    index: u64,
    /// Where the frames of rows and content end.
    end: u64,
    damaged: u64,
    /// Where the sums of all rows are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    totals: Option<u64>,
    /// Where the columns are. Earlier releases wrote none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    columns: Vec<u64>,
    /// Rows and content are in files of their own. Earlier releases did not write this.
    #[serde(default)]
    apart: bool,
    summary: Summary,
}

/// A segment as readers see it, open or sealed.
pub struct Segment {
    /// Order of creation.
    pub number: u64,
    pub path: PathBuf,
    pub holds: Holds,
    state: Mutex<State>,
}

struct State {
    summary: Summary,
    /// Bytes of the file.
    size: u64,
    /// Absent where the file has an index of its own.
    blocks: Option<Vec<Arc<Block>>>,
    /// While it is written; absent where they are in the file, or too many.
    totals: Option<Arc<Sums>>,
    /// While it is written; absent where they are in the file, and until they are known again after a crash.
    columns: Option<Columns>,
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
                    ..Scan::default()
                },
            ),
            None => {
                let mut scan = scan(&mut reader);
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
        Ok(Found {
            segment: Segment {
                number,
                path,
                holds,
                state: Mutex::new(State {
                    summary,
                    size,
                    blocks,
                    totals: None,
                    columns: None,
                }),
            },
            damaged: scan.damaged,
            torn: scan.torn,
            end: scan.end,
            ours,
            sealed,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn size(&self) -> u64 {
        self.state().size
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
        if let Some(totals) = &self.state().totals {
            return Some(Totals::Kept(totals.clone()));
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

fn footer(reader: &mut Reader) -> Option<Footer> {
    let trailer = reader.bytes(reader.len.checked_sub(12)?, 12)?;
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
                Kind::Content => match serde_json::from_slice(&head.meta) {
                    Ok(summary) => found.content.merge(&summary),
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
        let trailer = reader.len - at == 12
            && reader
                .bytes(at, 12)
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

/// The one segment being written.
pub struct Open {
    pub segment: Arc<Segment>,
    pub file: Arc<File>,
    /// Where the next frame goes.
    pub end: u64,
    /// Half a frame is in it and could not be taken back: nothing may follow.
    pub broken: bool,
}

impl Open {
    /// Starts a new file.
    pub fn create(number: u64, path: PathBuf, holds: Holds) -> io::Result<Open> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        private(&mut options);
        let file = options.open(&path)?;
        if let Err(error) = (&file).write_all(FILE_MAGIC) {
            // An empty file would only have to be skipped later.
            let _ = std::fs::remove_file(&path);
            return Err(error);
        }
        let end = FILE_MAGIC.len() as u64;
        let state = State {
            summary: Summary::default(),
            size: end,
            blocks: Some(Vec::new()),
            totals: Some(Arc::default()),
            columns: Some(Columns::default()),
        };
        Ok(Open {
            segment: Arc::new(Segment {
                number,
                path,
                holds,
                state: Mutex::new(state),
            }),
            file: Arc::new(file),
            end,
            broken: false,
        })
    }

    /// Goes on in a file, without its footer or torn tail, making the segment the one being written.
    pub fn adopt(found: Found) -> Result<Open, Box<Found>> {
        match resume(&found) {
            Ok((file, known)) => {
                {
                    let mut state = found.segment.state();
                    state.size = found.end;
                    state.blocks = Some(known.blocks);
                    state.totals = known.totals;
                    state.columns = known.columns;
                }
                Ok(Open {
                    end: found.end,
                    segment: Arc::new(found.segment),
                    file: Arc::new(file),
                    broken: false,
                })
            }
            Err(_) => Err(Box::new(found)),
        }
    }

    /// Appends the frames of a block of rows with their sums. All of it or nothing.
    pub fn append_rows(
        &mut self,
        frames: &[u8],
        block: Block,
        sums: &Sums,
        columns: &Columns,
    ) -> io::Result<()> {
        self.write(frames)?;
        let mut state = self.segment.state();
        state.size = self.end;
        state.summary.merge(&block.summary);
        if let Some(blocks) = &mut state.blocks {
            blocks.push(Arc::new(block));
        }
        if let Some(totals) = &mut state.totals {
            Arc::make_mut(totals).add_coarse(sums);
            if totals.groups() > MAX_GROUPS {
                state.totals = None;
            }
        }
        if let Some(all) = &mut state.columns {
            all.append(columns);
        }
        Ok(())
    }

    /// Appends frames of content. All of it or nothing.
    pub fn append_content(&mut self, frames: &[u8], summary: &Summary) -> io::Result<()> {
        self.write(frames)?;
        let mut state = self.segment.state();
        state.size = self.end;
        state.summary.merge(summary);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = (&*self.file).write_all(bytes) {
            // Half a frame would be skipped by every reader; better it is not there.
            let back = self
                .file
                .set_len(self.end)
                .and_then(|()| (&*self.file).seek(SeekFrom::Start(self.end)));
            self.broken = back.is_err();
            return Err(error);
        }
        self.end += bytes.len() as u64;
        Ok(())
    }

    pub fn blocks(&self) -> usize {
        self.segment.state().blocks.as_ref().map_or(0, Vec::len)
    }

    /// Makes the columns known again where a crash left a file without: reads every row, which takes as long as it
    /// takes; whoever asks meanwhile reads them, too.
    pub fn complete(&self) -> io::Result<()> {
        let blocks = {
            let state = self.segment.state();
            match (&state.columns, &state.blocks) {
                (None, Some(blocks)) if self.segment.holds == Holds::Rows => blocks.clone(),
                _ => return Ok(()),
            }
        };
        let mut reader = Reader::open(&self.segment.path)?;
        let (mut columns, mut rows) = (Columns::default(), 0);
        for found in blocks {
            let raw = reader.body(found.at, Kind::Rows).unwrap_or_default();
            for (json, _) in block::rows(&raw) {
                columns.add(&serde_json::from_slice(json).unwrap_or_default());
            }
            rows += found.summary.rows;
            // Rows that cannot be read have their places.
            while (columns.rows() as u64) < rows {
                columns.add(&Row::default());
            }
        }
        self.segment.state().columns = Some(columns);
        Ok(())
    }

    /// Writes index, sums and footer; a failure costs nothing but a scan at the next start.
    pub fn seal(mut self, compressor: &mut Compressor) -> io::Result<()> {
        if self.broken {
            return Err(io::Error::other("the segment ends in half a frame"));
        }
        let end = self.end;
        let mut out = Vec::new();
        let mut totals_at = None;
        let mut columns_at = Vec::new();
        let footer_at = {
            let state = self.segment.state();
            if self.segment.holds.rows() {
                let index = serde_json::to_vec(state.blocks.as_deref().unwrap_or_default())?;
                frame::encode(&mut out, Kind::Index, &[], &index, compressor)?;
                if let Some(totals) = &state.totals {
                    totals_at = Some(end + out.len() as u64);
                    frame::encode(&mut out, Kind::Totals, &[], &totals.pack(), compressor)?;
                }
                let columns = state.columns.as_ref();
                let whole = columns.filter(|it| it.rows() as u64 == state.summary.rows);
                for column in whole.into_iter().flat_map(Columns::pack) {
                    columns_at.push(end + out.len() as u64);
                    frame::encode(&mut out, Kind::Column, &[], &column, compressor)?;
                }
            }
            let footer_at = end + out.len() as u64;
            let footer = serde_json::to_vec(&Footer {
                index: end,
                end,
                damaged: 0,
                totals: totals_at,
                columns: columns_at,
                apart: self.segment.holds != Holds::Both,
                summary: state.summary.clone(),
            })?;
            frame::encode(&mut out, Kind::Footer, &footer, &[], compressor)?;
            footer_at
        };
        out.extend_from_slice(&footer_at.to_le_bytes());
        out.extend_from_slice(TRAILER);
        self.write(&out)?;
        let mut state = self.segment.state();
        state.size = self.end;
        state.blocks = None;
        state.columns = None;
        if totals_at.is_some() {
            state.totals = None;
        }
        Ok(())
    }
}

/// A file that can be written on, cut off where its rows and content end, and what is known of it.
fn resume(found: &Found) -> io::Result<(File, Known)> {
    let mut reader = Reader::open(&found.segment.path)?;
    let (mut blocks, mut totals, mut columns) = (Vec::new(), None, None);
    if found.segment.holds.rows() {
        blocks = found.segment.blocks(&mut reader);
    }
    // Where the file was not closed, those of its blocks have to do: adding them up would hold up the start.
    if found.segment.holds == Holds::Rows {
        totals = match found.segment.totals(&mut reader) {
            Some(Totals::Packed(packed)) => Sums::unpack(&packed).map(Arc::new),
            Some(Totals::Kept(totals)) => Some(totals),
            None if blocks.is_empty() => Some(Arc::default()),
            None => None,
        };
        columns = match blocks.is_empty() {
            true => Some(Columns::default()),
            false => columns_of(&mut reader),
        };
    }
    let file = OpenOptions::new().write(true).open(&found.segment.path)?;
    file.set_len(found.end)?;
    (&file).seek(SeekFrom::Start(found.end))?;
    let known = Known {
        blocks,
        totals,
        columns,
    };
    Ok((file, known))
}

/// What a file that is written on keeps in memory.
struct Known {
    blocks: Vec<Arc<Block>>,
    totals: Option<Arc<Sums>>,
    columns: Option<Columns>,
}

/// The columns of a file that was closed.
fn columns_of(reader: &mut Reader) -> Option<Columns> {
    let footer = footer(reader)?;
    let packed: Option<Vec<Vec<u8>>> = footer
        .columns
        .iter()
        .map(|at| reader.body(*at, Kind::Column))
        .collect();
    Columns::unpack(&packed?, usize::try_from(footer.summary.rows).ok()?)
}

/// Only the gateway's own user may read what people asked.
fn private(options: &mut OpenOptions) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    #[cfg(not(unix))]
    let _ = options;
}

/// Syncs a directory, without which a power cut can take the name of what was made in it.
pub fn sync_dir(dir: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(dir)?.sync_all()?;
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
