//! Pricing rows again, file by file: what their new prices are is written beside them.

use super::super::reprice::{Repricing, Tally};
use super::super::sums::Sums;
use super::super::{Filter, Matcher};
use super::file::{self, Block, Segment};
use super::frame::{self, Compressor, FILE_MAGIC, Kind as Frame, Reader};
use super::prices::{Laid, Meta, Prices, path};
use super::{Shared, lock, read};
use crate::error::{Error, Kind, Result};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

/// Groups in the sums of a whole file, at most.
const MAX_GROUPS: usize = 8192;

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
