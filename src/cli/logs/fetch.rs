//! Rows so far from the gateway, oldest first.

use super::super::{context::Context, remote::Query};
use crate::error::Result;
use serde_json::Value;

/// Rows handed on at once.
const BATCH: usize = 500;

/// The newest `most` rows; and whether there are more behind them.
pub(super) async fn last(
    context: &Context,
    filters: &Query,
    most: usize,
) -> Result<(Vec<Value>, bool)> {
    let mut query = filters.clone();
    // One more tells whether the limit has left anything out.
    query.push(("limit", most.saturating_add(1).to_string()));
    let mut lines = context.remote()?.export_logs(&query).await?;
    let mut rows = Vec::new();
    while let Some(row) = lines.next().await? {
        rows.push(row);
    }
    let more = rows.len() > most;
    rows.truncate(most);
    rows.reverse();
    Ok((rows, more))
}

/// Every row, handed on as they come.
pub(super) async fn all(
    context: &Context,
    filters: &Query,
    mut take: impl FnMut(Vec<Value>) -> Result<()>,
) -> Result<()> {
    let mut query = filters.clone();
    query.push(("order", "asc".into()));
    let mut lines = context.remote()?.export_logs(&query).await?;
    let mut rows = Vec::new();
    while let Some(row) = lines.next().await? {
        rows.push(row);
        if rows.len() == BATCH {
            take(std::mem::take(&mut rows))?;
        }
    }
    take(rows)
}
