//! Packing a file of content that is no longer written: what was stored as it came is compressed, in a file beside it that
//! then takes its place. A step is one frame, so that who does it can do other things in between. Whoever has the file open
//! reads on in the old one.

use super::file::{self, Block, Footer, HEADER, Segment, TRAILER};
use super::frame::{self, Compressor, FILE_MAGIC, Kind, Reader};
use super::moved::Moved;
use crate::store::records::disk;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

/// How names of files end that are not whole yet.
const HALF: &str = "content.new";

/// A file while it is packed. What is half done goes when this does.
pub struct Packing {
    pub segment: Arc<Segment>,
    reader: Reader,
    /// Where its frames end, and the next one to be taken over.
    end: u64,
    at: u64,
    path: PathBuf,
    file: Arc<File>,
    written: u64,
    moved: Moved,
    out: Vec<u8>,
    /// The new file is on its way to the disk.
    syncing: Option<JoinHandle<io::Result<()>>>,
}

/// How far it got.
#[derive(Debug, PartialEq)]
pub enum Step {
    More,
    /// Nothing to do until the disk has it.
    Waiting,
    /// The new file has the place of the old one.
    Done,
}

impl Packing {
    pub fn begin(segment: Arc<Segment>) -> io::Result<Packing> {
        let mut reader = Reader::open(&segment.path)?;
        let end = file::footer(&mut reader).map_or(reader.len, |footer| footer.end);
        let path = segment.path.with_extension(HALF);
        let mut file = disk::private()
            .create(true)
            .truncate(true)
            .write(true)
            .open(&path)?;
        let written = file.write_all(FILE_MAGIC);
        let packing = Packing {
            segment,
            reader,
            end,
            at: HEADER,
            path,
            file: Arc::new(file),
            written: HEADER,
            moved: Moved::default(),
            out: Vec::new(),
            syncing: None,
        };
        written.map(|()| packing)
    }

    /// Does the next piece. An error of the kind `InvalidData`: the file is damaged and is better left as it is.
    pub fn step(&mut self, compressor: &mut Compressor) -> io::Result<Step> {
        if self.at < self.end {
            self.take_over(compressor)?;
            return Ok(Step::More);
        }
        let Some(syncing) = &self.syncing else {
            self.close(compressor)?;
            // Not here: it may take long.
            let file = self.file.clone();
            let thread = std::thread::Builder::new().name("log-packed".into());
            self.syncing = Some(thread.spawn(move || file.sync_all())?);
            return Ok(Step::Waiting);
        };
        if !syncing.is_finished() {
            return Ok(Step::Waiting);
        }
        let synced = self.syncing.take().map(JoinHandle::join);
        match synced {
            Some(Ok(synced)) => synced?,
            _ => return Err(io::Error::other("the thread that syncs has ended badly")),
        }
        self.put_in_place()?;
        Ok(Step::Done)
    }

    /// Takes the next frame over.
    fn take_over(&mut self, compressor: &mut Compressor) -> io::Result<()> {
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, "a frame is damaged");
        let head = self.reader.head(self.at).ok_or_else(damaged)?;
        let mut block: Block = serde_json::from_slice(&head.meta).map_err(|_| damaged())?;
        if head.kind != Kind::Content {
            return Err(damaged());
        }
        block.at = self.at;
        let meta = serde_json::to_vec(&block)?;
        self.out.clear();
        match head.stored() > 0 {
            true => {
                let raw = self.reader.raw(&head).ok_or_else(damaged)?;
                frame::encode(&mut self.out, head.kind, &meta, &raw, compressor)?;
            }
            false => {
                let packed = self.reader.packed(&head).ok_or_else(damaged)?;
                frame::copy(&mut self.out, &head, &meta, &packed)?;
            }
        }
        self.moved.note(block.at, self.written);
        self.at = head.end();
        self.write()
    }

    fn write(&mut self) -> io::Result<()> {
        (&*self.file).write_all(&self.out)?;
        self.written += self.out.len() as u64;
        Ok(())
    }

    /// Writes where frames are, and the footer.
    fn close(&mut self, compressor: &mut Compressor) -> io::Result<()> {
        let end = self.written;
        let summary = self.segment.summary(Clone::clone);
        self.out.clear();
        frame::encode(
            &mut self.out,
            Kind::Moved,
            &[],
            &self.moved.pack(),
            compressor,
        )?;
        let footer_at = end + self.out.len() as u64;
        let footer = Footer {
            index: end,
            end,
            apart: true,
            moved: Some(end),
            summary,
            ..Footer::default()
        };
        let footer = serde_json::to_vec(&footer)?;
        frame::encode(&mut self.out, Kind::Footer, &footer, &[], compressor)?;
        self.out.extend_from_slice(&footer_at.to_le_bytes());
        self.out.extend_from_slice(TRAILER);
        self.write()
    }

    fn put_in_place(&mut self) -> io::Result<()> {
        std::fs::rename(&self.path, &self.segment.path)?;
        let mut state = self.segment.state();
        state.size = self.written;
        state.stored = 0;
        Ok(())
    }
}

impl Drop for Packing {
    /// Where it is in its place, there is nothing left under this name.
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Takes away what a crash left half done.
pub fn clean(dir: &Path) {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        let name = path.file_name().and_then(|name| name.to_str());
        if name.is_some_and(|name| name.ends_with(&format!(".{HALF}"))) {
            let _ = std::fs::remove_file(&path);
        }
    }
}
