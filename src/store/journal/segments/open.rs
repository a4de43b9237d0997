//! The segment that is written: begun or gone on in, appended to, and sealed with its index, sums and columns.

use super::super::Row;
use super::super::summary::Summary;
use super::super::sums::{Group, Sums};
use super::block;
use super::columns::Columns;
use super::file::{Block, Footer, Found, Segment, State, TRAILER, Totals, footer};
use super::frame::{self, Compressor, FILE_MAGIC, Kind, Reader};
use super::settings::Holds;
use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// Groups in the sums of a file; beyond that those of its blocks have to do.
const MAX_GROUPS: usize = 8192;

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
            stored: 0,
            blocks: Some(Vec::new()),
            totals: Some(Arc::default()),
            columns: Some(Columns::default()),
            prices: None,
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

    /// Appends the frames of a block of rows with their sums; `rows`: the group of each. All of it or nothing.
    pub fn append_rows(
        &mut self,
        frames: &[u8],
        block: Block,
        sums: &Sums,
        rows: &[Group],
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
            all.append(sums.names(), rows);
        }
        Ok(())
    }

    /// Appends frames of content, so many bytes of which are not compressed. All of it or nothing.
    pub fn append_content(
        &mut self,
        frames: &[u8],
        stored: u64,
        summary: &Summary,
    ) -> io::Result<()> {
        self.write(frames)?;
        let mut state = self.segment.state();
        state.size = self.end;
        state.stored += stored;
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
                stored: state.stored,
                moved: None,
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
