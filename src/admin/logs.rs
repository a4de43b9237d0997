//! The request log over HTTP: pages, one request with its content, following and exporting as JSON lines.

use super::call::{Call, answer};
use super::desk::blocking;
use super::{follow, log_row};
use crate::error::{Error, Result};
use crate::resources::Stamp;
use crate::store::journal::{
    Body as Kept, Cursor, Filter, Journal, MAX_LIMIT, Matcher, Order, Page, Row,
};
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use futures_util::stream;
use serde_json::{Value, json};

/// Rows of a page, unless asked otherwise.
const PAGE: usize = 20;
/// What every id begins with; it need not be written.
const PREFIX: &str = "req_";
/// Requests named where the beginning of an id fits several.
const NAMED: usize = 5;

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
    let page = blocking(move || journal.query(&filter, order, limit, cursor.as_deref())).await?;
    let items = page.rows.into_iter().map(log_row::listed);
    Ok(answer(
        StatusCode::OK,
        &json!({"items": items.collect::<Result<Vec<Value>>>()?, "cursor": page.cursor}),
    ))
}

pub async fn get(call: Call) -> Result<Response> {
    let (journal, id) = (call.desk.deps.journal.clone(), call.name.clone());
    let (row, kept) = blocking(move || find(journal.as_ref(), &id)).await?;
    let mut shown = log_row::row(&row)?;
    shown["content_state"] = kept.state().into();
    if let Some(content) = kept.kept() {
        shown["content"] = log_row::content(&content);
    }
    Ok(answer(StatusCode::OK, &shown))
}

/// The request of this id, or the only one whose id begins so.
fn find(journal: &dyn Journal, id: &str) -> Result<(Row, Kept)> {
    if let Some(found) = journal.find(id)? {
        return Ok(found);
    }
    let begin = match id.starts_with(PREFIX) {
        true => id.to_owned(),
        false => format!("{PREFIX}{id}"),
    };
    let mut fitting = Vec::new();
    let mut cursor = Some(Cursor::at(&begin));
    while let Some(at) = cursor.take() {
        let all = Filter::default();
        let page = journal.query(&all, Order::OldestFirst, NAMED + 1, Some(&at))?;
        let rows = page.rows.len();
        fitting.extend(
            page.rows
                .into_iter()
                .map(|row| row.id)
                .take_while(|id| id.starts_with(&begin)),
        );
        // Ids that begin alike are neighbours: once another comes, or enough have, it is decided.
        if fitting.len() == rows && rows <= NAMED {
            cursor = page.cursor;
        }
    }
    match fitting.as_slice() {
        [one] => {
            if let Some(found) = journal.find(one)? {
                return Ok(found);
            }
        }
        [] => {}
        several => {
            let more = if several.len() > NAMED {
                " and more"
            } else {
                ""
            };
            let names = several.iter().take(NAMED).map(String::as_str);
            let names = names.collect::<Vec<_>>().join(", ");
            return Err(Error::invalid(format!(
                "several requests have an id that begins with `{}`",
                id.escape_debug()
            ))
            .hint(format!("write more of it: {names}{more}")));
        }
    }
    Err(
        Error::not_found(format!("no request `{}` in the log", id.escape_debug()))
            .hint("list requests with: gw logs"),
    )
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
    let journal = call.desk.deps.journal.clone();
    let first = Some((call.param("cursor").map(str::to_owned), most));
    let pages = stream::unfold(first, move |at| {
        let (journal, filter) = (journal.clone(), filter.clone());
        async move {
            let (cursor, left) = at.filter(|(_, left)| *left > 0)?;
            let limit = left.min(MAX_LIMIT);
            match blocking(move || journal.query(&filter, order, limit, cursor.as_deref())).await {
                // A broken stream tells the client that the export is not whole.
                Err(error) => Some((Err(error), None)),
                Ok(page) => {
                    let left = left.saturating_sub(page.rows.len());
                    let next = page.cursor.clone().map(|cursor| (Some(cursor), left));
                    Some((text(page), next))
                }
            }
        }
    });
    Ok(lines(Body::from_stream(pages)))
}

fn text(page: Page) -> Result<bytes::Bytes> {
    let mut out = Vec::new();
    for row in page.rows {
        out.extend_from_slice(log_row::listed(row)?.to_string().as_bytes());
        out.push(b'\n');
    }
    Ok(out.into())
}

fn lines(body: Body) -> Response {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::store::journal::Memory;

    #[test]
    fn the_beginning_of_an_id_finds_the_only_request_it_fits() {
        let log = Memory::default();
        for id in ["req_01AAAA", "req_01AABB", "req_01ZZ"] {
            log.push(
                Row {
                    id: id.into(),
                    ..Row::default()
                },
                None,
            );
        }
        let found = |id: &str| find(&log, id).map(|(row, _)| row.id);
        for (id, whole) in [
            ("req_01AAAA", "req_01AAAA"),
            ("01AAAA", "req_01AAAA"),
            ("01AAB", "req_01AABB"),
            ("req_01Z", "req_01ZZ"),
        ] {
            assert_eq!(found(id).unwrap(), whole, "{id}");
        }
        let error = found("01AA").unwrap_err();
        assert_eq!(
            error.hint.as_deref(),
            Some("write more of it: req_01AAAA, req_01AABB")
        );
        for id in ["01B", "req_02", "zzz"] {
            let error = found(id).unwrap_err();
            assert_eq!(error.kind, crate::error::Kind::NotFound, "{id}");
        }
    }
}
