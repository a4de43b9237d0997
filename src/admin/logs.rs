//! The request log over HTTP: pages, one request with its content, following and exporting as JSON lines.

use super::call::{Call, answer};
use super::desk::blocking;
use super::searching::searching;
use super::{follow, log_row};
use crate::error::{Error, Result};
use crate::resources::Stamp;
use crate::store::journal::{self, Body as Kept, Filter, MAX_LIMIT, Matcher, Order, Page};
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use futures_util::stream;
use serde_json::{Value, json};

/// Rows of a page, unless asked otherwise.
const PAGE: usize = 20;
/// Rows with content that are read at once.
const BODIES: usize = 64;

/// The filter that the parameters say; those of pages are read elsewhere.
fn filter(call: &Call) -> Result<Filter> {
    let (mut filter, now) = (Filter::default(), Stamp::now());
    for (name, value) in &call.query {
        filter.take(name, value, now)?;
    }
    Ok(filter)
}

fn order(call: &Call) -> Result<Order> {
    match call.param("order") {
        None | Some("desc") => Ok(Order::NewestFirst),
        Some("asc") => Ok(Order::OldestFirst),
        Some(other) => Err(
            Error::invalid(format!("`order={}` is no order", other.escape_debug()))
                .param("order")
                .hint("write desc (newest first) or asc"),
        ),
    }
}

pub async fn list(call: Call) -> Result<Response> {
    let (filter, order) = (filter(&call)?, order(&call)?);
    let limit = call.number("limit")?.unwrap_or(PAGE);
    let (journal, cursor) = (
        call.desk.deps.journal.clone(),
        call.param("cursor").map(str::to_owned),
    );
    let text = !filter.text.is_empty();
    let read = move || journal.query(&filter, order, limit, cursor.as_deref());
    let page = match text {
        true => searching(read).await?,
        false => blocking(read).await?,
    };
    let items = page.rows.into_iter().map(log_row::listed);
    Ok(answer(
        StatusCode::OK,
        &json!({"items": items.collect::<Result<Vec<Value>>>()?, "cursor": page.cursor}),
    ))
}

pub async fn get(call: Call) -> Result<Response> {
    let (journal, id) = (call.desk.deps.journal.clone(), call.name.clone());
    let (row, kept) = blocking(move || journal::named(journal.as_ref(), &id)).await?;
    let mut shown = log_row::row(&row)?;
    log_row::with_content(&mut shown, kept);
    Ok(answer(StatusCode::OK, &shown))
}

pub async fn follow(call: Call) -> Result<Response> {
    let matcher = Matcher::new(&filter(&call)?);
    let rows = follow::rows(call.desk.deps.journal.follow(), matcher)?;
    Ok(lines(Body::from_stream(stream::unfold(
        rows,
        |mut rows| async move {
            let row = rows.recv().await?;
            Some((Ok::<_, std::convert::Infallible>(row), rows))
        },
    ))))
}

pub async fn export(call: Call) -> Result<Response> {
    let (filter, order) = (filter(&call)?, order(&call)?);
    let most = call.number("limit")?.unwrap_or(usize::MAX);
    let content = call.flag("content")?;
    let journal = call.desk.deps.journal.clone();
    let first = Some((call.param("cursor").map(str::to_owned), most));
    let pages = stream::unfold(first, move |at| {
        let (journal, filter) = (journal.clone(), filter.clone());
        async move {
            let (cursor, left) = at.filter(|(_, left)| *left > 0)?;
            // Bodies are large: few at once.
            let limit = left.min(if content { BODIES } else { MAX_LIMIT });
            let read = move || {
                let page = journal.query(&filter, order, limit, cursor.as_deref())?;
                let ids: Vec<&str> = page.rows.iter().map(|row| row.id.as_str()).collect();
                let bodies = match content {
                    true => journal.bodies(&ids)?,
                    false => Vec::new(),
                };
                let left = left.saturating_sub(page.rows.len());
                let next = page.cursor.clone().map(|cursor| (Some(cursor), left));
                Ok((text(page, bodies)?, next))
            };
            Some(match searching(read).await {
                // A broken stream tells the client that the export is not whole.
                Err(error) => (Err(error), None),
                Ok((text, next)) => (Ok(text), next),
            })
        }
    });
    Ok(lines(Body::from_stream(pages)))
}

fn text(page: Page, bodies: Vec<Kept>) -> Result<bytes::Bytes> {
    let mut out = Vec::new();
    let mut bodies = bodies.into_iter();
    for row in page.rows {
        let mut shown = log_row::listed(row)?;
        if let Some(body) = bodies.next() {
            log_row::with_content(&mut shown, body);
        }
        out.extend_from_slice(shown.to_string().as_bytes());
        out.push(b'\n');
    }
    Ok(out.into())
}

pub(super) fn lines(body: Body) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/x-ndjson"),
    );
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
