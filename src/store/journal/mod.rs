//! Request logs: a row a request and, where wanted, its content; segment files with retention by unlink.

#[cfg(test)]
mod contract;
mod cursor;
mod filter;
mod follow;
pub mod memory;
pub mod row;
pub mod segments;
mod summary;

pub use cursor::{Cursor, MAX_LIMIT, Order};
pub use filter::{Filter, Matcher, Status};
pub use memory::Memory;
pub use row::{Attempt, Content, Outcome, Row};
pub use segments::{Segments, Settings};

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
    /// Rows, and bytes of files, that went before their time because the disk ran low.
    pub purged_rows: u64,
    pub purged_bytes: u64,
    /// Places in the log's files that cannot be read, and the names of those files, a bounded list.
    pub damaged_places: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub damaged: Vec<String>,
    /// Why rows are not being stored now, if so: `disk full`, …
    pub degraded: Option<String>,
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
    fn get(&self, id: &str) -> Result<Option<(Row, Option<Content>)>>;
    /// Rows pushed from now on, for `logs -f`; a slow reader loses rows rather than holding anything up.
    fn follow(&self) -> std::sync::mpsc::Receiver<std::sync::Arc<Row>>;
    /// The greatest id there is.
    fn newest(&self) -> Option<String>;
    fn health(&self) -> Health;
    /// Writes out what is queued and stops; later pushes are dropped and counted.
    fn close(&self);
}
