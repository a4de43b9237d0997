//! All records of a kind, page by page.

use crate::cli::remote::Remote;
use crate::error::Result;
use crate::resources::Kind;
use serde_json::Value;

/// Records of a kind, following cursors until the end or `limit`.
pub(crate) async fn pages(
    remote: &Remote,
    kind: &'static Kind,
    selector: Option<&str>,
    limit: Option<usize>,
) -> Result<Vec<Value>> {
    since(remote, kind, selector, limit, None).await
}

/// The same with what each used since a time.
pub(crate) async fn since(
    remote: &Remote,
    kind: &'static Kind,
    selector: Option<&str>,
    limit: Option<usize>,
    since: Option<&str>,
) -> Result<Vec<Value>> {
    let (mut items, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let left = limit.map(|limit| limit.saturating_sub(items.len()));
        let mut page = remote
            .list(kind, selector, left, cursor.as_deref(), since)
            .await?;
        let got = match page.get_mut("items").map(Value::take) {
            Some(Value::Array(got)) => got,
            _ => Vec::new(),
        };
        let empty = got.is_empty();
        items.extend(got);
        cursor = page.get("cursor").and_then(Value::as_str).map(String::from);
        if cursor.is_none() || empty || limit.is_some_and(|limit| items.len() >= limit) {
            return Ok(items);
        }
    }
}
