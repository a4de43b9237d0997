//! New prices beside a file of rows, which itself is never written again: for each block the rows that cost something
//! else now, and its sums with that. The file goes with the rows'.

use super::super::reprice::{Price, Repricing, Tally};
use super::super::sums::Sums;
use super::super::{Filter, Matcher, Row};
use super::file::{self, Block, Segment};
use super::frame::{self, Compressor, FILE_MAGIC, Kind as Frame, Reader};
use super::{Shared, lock, read};
use crate::error::{Error, Kind, Result};
use crate::resources::Stamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How names of such files end.
const EXTENSION: &str = "prices";
/// Groups in the sums of a whole file, at most.
const MAX_GROUPS: usize = 8192;

/// Where the new prices of a file of rows are.
pub fn path(rows: &Path) -> PathBuf {
    rows.with_extension(EXTENSION)
}

/// New prices of a file.
pub struct Prices {
    path: PathBuf,
    /// By the place of a block: those of its rows, and its sums.
    blocks: BTreeMap<u64, (u64, u64)>,
    /// The sums of the whole file while it ends there.
    totals: Option<(u64, u64)>,
    pub bytes: u64,
}

/// The new prices of a block's rows.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Laid {
    /// When they were laid down, and by whom.
    #[serde(rename = "b")]
    by: Vec<(Stamp, String)>,
    /// By the row's position: what it costs, and which of `by` says so.
    #[serde(rename = "p")]
    prices: BTreeMap<u32, (Price, usize)>,
}

impl Laid {
    /// Lays its new price over the row at this position, if it has one.
    pub fn over(&self, position: usize, row: &mut Row) {
        let found = u32::try_from(position).ok();
        let found = found.and_then(|position| self.prices.get(&position));
        if let Some((price, by)) = found
            && let Some((at, who)) = self.by.get(*by)
        {
            Repricing::lay(row, *price, *at, who);
        }
    }

    fn put(&mut self, position: usize, price: Price, by: &(Stamp, String)) {
        let Ok(position) = u32::try_from(position) else {
            return;
        };
        if self.by.last() != Some(by) {
            self.by.push(by.clone());
        }
        self.prices.insert(position, (price, self.by.len() - 1));
    }
}

/// Which block new prices are for, or where a file of rows ended when it was summed up.
#[derive(Serialize, Deserialize)]
struct Meta {
    at: u64,
}

impl Prices {
    /// The new prices beside a file of rows; `None`: there are none.
    pub fn load(rows: &Path) -> Option<Prices> {
        let path = path(rows);
        let mut reader = Reader::open(&path).ok()?;
        let mut prices = Prices {
            bytes: reader.len,
            path,
            blocks: BTreeMap::new(),
            totals: None,
        };
        let mut at = FILE_MAGIC.len() as u64;
        while let Some(head) = reader.head(at) {
            let meta = serde_json::from_slice::<Meta>(&head.meta);
            match (head.kind, meta) {
                (Frame::Prices, Ok(meta)) => {
                    prices.blocks.insert(meta.at, (at, head.end()));
                }
                (Frame::Totals, Ok(meta)) => prices.totals = Some((at, meta.at)),
                _ => {}
            }
            at = head.end();
        }
        Some(prices)
    }

    fn body(&self, at: u64, kind: Frame) -> Option<Vec<u8>> {
        Reader::open(&self.path).ok()?.body(at, kind)
    }

    /// Those of the block at this place.
    pub fn laid(&self, block: u64) -> Option<Laid> {
        let (at, _) = self.blocks.get(&block)?;
        serde_json::from_slice(&self.body(*at, Frame::Prices)?).ok()
    }

    /// Whether some row of the block at this place has a new price.
    pub fn holds(&self, block: u64) -> bool {
        self.blocks.contains_key(&block)
    }

    /// The packed sums of the block at this place.
    pub fn sums(&self, block: u64) -> Option<Vec<u8>> {
        let (_, at) = self.blocks.get(&block)?;
        self.body(*at, Frame::Sums)
    }

    /// The packed sums of all rows, where the file of rows still ends there.
    pub fn totals(&self, end: u64) -> Option<Vec<u8>> {
        let (at, _) = self.totals.filter(|(_, then)| *then == end)?;
        self.body(at, Frame::Totals)
    }
}

/// Takes away what lies beside no file of rows: a crash left it between two unlinks.
pub fn clean(dir: &Path) {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        let ours = path.extension().is_some_and(|it| it == EXTENSION);
        let half = path.to_str().is_some_and(|it| it.ends_with(".prices.new"));
        if half || ours && !path.with_extension("seg").exists() {
            let _ = std::fs::remove_file(&path);
        }
    }
}

/// Prices rows again, file by file.
pub fn reprice(shared: &Shared, wanted: &Repricing<'_>) -> Result<Tally> {
    let _turn = lock(&shared.repricing);
    let filter = Filter {
        text: String::new(),
        ..wanted.filter.clone()
    };
    let matcher = Matcher::new(&filter);
    let mut tally = Tally::default();
    for segment in read::rows(shared) {
        if !segment.summary(|all| matcher.may_match(all)) {
            continue;
        }
        let Some(mut reader) = read::reader(shared, &segment) else {
            continue;
        };
        of_segment(shared, &segment, &mut reader, &matcher, wanted, &mut tally).map_err(
            |error| {
                let text = "new prices could not be written beside the request log";
                Error::new(Kind::Unavailable, text).cause(error).hint(
                    "what was written before that is in force; look at the disk, then run it again",
                )
            },
        )?;
    }
    Ok(tally)
}

fn of_segment(
    shared: &Shared,
    segment: &Segment,
    reader: &mut Reader,
    matcher: &Matcher,
    wanted: &Repricing<'_>,
    tally: &mut Tally,
) -> io::Result<()> {
    let old = segment.prices();
    let blocks = segment.blocks(reader);
    let mut revised: BTreeMap<u64, (Laid, Sums)> = BTreeMap::new();
    for block in &blocks {
        if !matcher.may_match(&block.summary) {
            continue;
        }
        let mut rows = read::rows_of(shared, segment, reader, block);
        let mut laid = old
            .as_ref()
            .and_then(|old| old.laid(block.at))
            .unwrap_or_default();
        let mut any = false;
        for (position, row) in &mut rows {
            if !matcher.fields(row) {
                continue;
            }
            let price = wanted.of(row, tally);
            if let (Some(price), Some(by)) = (price, &wanted.by) {
                laid.put(*position, price, by);
                Repricing::lay(row, price, by.0, &by.1);
                any = true;
            }
        }
        if any {
            let sums = Sums::of(rows.iter().map(|(_, row)| row));
            revised.insert(block.at, (laid, sums));
        }
    }
    if revised.is_empty() {
        return Ok(());
    }
    let prices = write(segment, reader, &blocks, old.as_deref(), &revised)?;
    segment.lay(Arc::new(prices));
    // Retention may have been here in the meantime.
    if !segment.path.exists() {
        let _ = std::fs::remove_file(path(&segment.path));
    }
    Ok(())
}

/// Writes the new prices of a file, the earlier ones of blocks that are not revised with them, and puts them in force.
fn write(
    segment: &Segment,
    reader: &mut Reader,
    blocks: &[Arc<Block>],
    old: Option<&Prices>,
    revised: &BTreeMap<u64, (Laid, Sums)>,
) -> io::Result<Prices> {
    let path = path(&segment.path);
    let new = path.with_extension("prices.new");
    let mut file = crate::store::records::disk::private()
        .create(true)
        .truncate(true)
        .write(true)
        .open(&new)?;
    file.write_all(FILE_MAGIC)?;
    let mut compressor = frame::compressor(frame::FAST)?;
    let mut totals = segment.end(reader).map(|end| (end, Sums::default()));
    let mut out = Vec::new();
    for block in blocks {
        let sums = match revised.get(&block.at) {
            Some((laid, sums)) => {
                put(&mut out, block.at, laid, &sums.pack(), &mut compressor)?;
                Some(sums.clone())
            }
            None => {
                let earlier = old.and_then(|old| Some((old.laid(block.at)?, old.sums(block.at)?)));
                let packed = match earlier {
                    Some((laid, packed)) => {
                        put(&mut out, block.at, &laid, &packed, &mut compressor)?;
                        Some(packed)
                    }
                    None => totals
                        .as_ref()
                        .and_then(|_| file::block_sums(reader, block)),
                };
                packed.and_then(|packed| Sums::unpack(&packed))
            }
        };
        // Without those of one block there are none of all.
        totals = totals.zip(sums).map(|((end, mut all), sums)| {
            all.add_coarse(&sums);
            (end, all)
        });
        totals = totals.filter(|(_, all)| all.groups() <= MAX_GROUPS);
        file.write_all(&out)?;
        out.clear();
    }
    if let Some((end, totals)) = totals {
        let meta = serde_json::to_vec(&Meta { at: end })?;
        frame::encode(
            &mut out,
            Frame::Totals,
            &meta,
            &totals.pack(),
            &mut compressor,
        )?;
        file.write_all(&out)?;
    }
    file.sync_all()?;
    std::fs::rename(&new, &path)?;
    if let Some(dir) = path.parent() {
        file::sync_dir(dir)?;
    }
    Prices::load(&segment.path)
        .ok_or_else(|| io::Error::other("what was just written cannot be read"))
}

fn put(
    out: &mut Vec<u8>,
    at: u64,
    laid: &Laid,
    sums: &[u8],
    compressor: &mut Compressor,
) -> io::Result<()> {
    let meta = serde_json::to_vec(&Meta { at })?;
    let body = serde_json::to_vec(laid)?;
    frame::encode(out, Frame::Prices, &meta, &body, compressor)?;
    frame::encode(out, Frame::Sums, &[], sums, compressor)
}
