//! New prices beside a file of rows, which itself is never written again: for each block the rows that cost something
//! else now, and its sums with that. The file goes with the rows'.

use super::super::Row;
use super::super::reprice::{Price, Repricing};
use super::frame::{FILE_MAGIC, Kind as Frame, Reader};
use crate::resources::Stamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How names of such files end.
const EXTENSION: &str = "prices";

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

    pub fn put(&mut self, position: usize, price: Price, by: &(Stamp, String)) {
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
pub struct Meta {
    pub at: u64,
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
