//! Request logs: a row a request and, where wanted, its content; in files of their own, with retention by unlink.

#[cfg(test)]
mod contract;
mod cursor;
pub(crate) mod filter;
mod follow;
pub mod memory;
mod named;
mod redact;
pub mod reprice;
pub mod row;
pub mod segments;
pub mod stats;
mod summary;
pub mod sums;

pub use cursor::{Cursor, MAX_LIMIT, Order};
pub use filter::{Filter, Matcher, Status};
pub use follow::Following;
pub use memory::Memory;
pub use named::named;
pub use redact::Redaction;
pub use reprice::{Price, Pricing, Repriced, Repricing, Tally};
pub use row::{Attempt, Body, Content, LABEL_KEPT, Outcome, Row};
pub use segments::{Segments, Settings};
pub use stats::{Part as StatsPart, Stats};
pub use sums::{Ask, Folded};

use crate::error::Result;
use serde::{Deserialize, Serialize};

/// Rows in the order asked for. Where there is a cursor there may be more, also after a page without rows.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Page {
    pub rows: Vec<Row>,
    pub cursor: Option<String>,
}

/// How the log is doing; shown by `gw status` and `/readyz`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Health {
    pub written: u64,
    /// Bodies left out because the queue or the disk was full.
    pub content_dropped: u64,
    /// Rows lost because the queue or the disk was full.
    pub rows_dropped: u64,
    /// Places taken out of bodies and errors because a pattern says so.
    #[serde(skip_serializing_if = "is_zero")]
    pub redacted: u64,
    /// What went by age and size: rows, content of requests, and bytes of files.
    pub removed_rows: u64,
    pub removed_content: u64,
    pub removed_bytes: u64,
    /// What went before its time because the disk ran low.
    pub purged_rows: u64,
    pub purged_content: u64,
    pub purged_bytes: u64,
    /// Places in the log's files that cannot be read, and the names of those files, a bounded list.
    pub damaged_places: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub damaged: Vec<String>,
    /// Why nothing goes by age now, if so: the system clock has jumped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock: Option<String>,
    /// Why rows are not being stored now, if so: `disk full`, …
    pub degraded: Option<String>,
}

impl Health {
    /// What is wrong with the log now, and what that has cost since the start.
    pub fn trouble(&self) -> Option<String> {
        let why = self.degraded.as_ref()?;
        Some(match (self.content_dropped, self.rows_dropped) {
            (0, 0) => why.clone(),
            (content, rows) => format!(
                "{why} (left out since the start: content of {content} requests, {rows} rows)"
            ),
        })
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// The request log. Writing happens on the journal's own thread; reading blocks on the disk.
pub trait Journal: Send + Sync {
    /// Hands a row over without ever waiting: when the queue is full content goes first, then the row, counted.
    fn push(&self, row: Row, content: Option<Content>);
    /// A page; each gets further than the one before, however little time there is.
    fn query(
        &self,
        filter: &Filter,
        order: Order,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page>;
    /// One row, and what became of its content.
    fn find(&self, id: &str) -> Result<Option<(Row, Body)>>;
    /// One row, with its content where that is there.
    fn get(&self, id: &str) -> Result<Option<(Row, Option<Content>)>> {
        Ok(self.find(id)?.map(|(row, body)| (row, body.kept())))
    }
    /// What became of the content of these requests, in their order; of one that is not there: none.
    fn bodies(&self, ids: &[&str]) -> Result<Vec<Body>> {
        let found = ids.iter().map(|id| self.find(id));
        found
            .map(|found| Ok(found?.map_or(Body::None, |(_, body)| body)))
            .collect()
    }
    /// Sums as asked for, without reading rows where sums were laid down.
    fn fold(&self, ask: &Ask) -> Result<Folded>;
    /// Prices rows again, and says what that comes to. What they cost before stays with them.
    fn reprice(&self, wanted: &Repricing<'_>) -> Result<Tally>;
    /// Rows pushed from now on, for `logs -f`; a slow reader loses rows, which are counted,
    /// rather than holding anything up.
    fn follow(&self) -> Following;
    /// The greatest id there is.
    fn newest(&self) -> Option<String>;
    fn health(&self) -> Health;
    /// What it takes, and what goes next. Where that is not kept, nothing is said.
    fn stats(&self) -> Stats {
        Stats::default()
    }
    /// Reads all there is; what is damaged is in [`Journal::health`] after it.
    fn verify(&self) {}
    /// Writes out what is queued and stops; later pushes are dropped and counted.
    fn close(&self);
}
