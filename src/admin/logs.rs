//! The request log over HTTP: pages, one request with its content, following and exporting as JSON lines.

use super::call::{Call, answer};
use super::desk::blocking;
use super::follow;
use crate::error::{Error, Result};
use crate::resources::Stamp;
use crate::store::journal::{Content, Filter, Page, Row};
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::Engine;
use futures_util::stream;
use serde_json::{Value, json};

/// Rows of a page, unless asked otherwise; and at most.
const PAGE: (usize, usize) = (20, 1000);

/// Filter parameters may be repeated, and hold several values with commas between.
fn filter(call: &Call) -> Result<Filter> {
    let mut filter = Filter::default();
    for (name, value) in &call.query {
        let words = || {
            value
                .split(',')
                .map(str::trim)
                .filter(|word| !word.is_empty())
                .map(str::to_owned)
        };
        match name.as_str() {
            "key" => filter.key.extend(words()),
            "user" => filter.user.extend(words()),
            "provider" => filter.provider.extend(words()),
            "model" => filter.model.extend(words()),
            "route" => filter.route.extend(words()),
            "status" => filter.status.extend(words()),
            "since" => filter.since = Some(time(name, value)?),
            "until" => filter.until = Some(time(name, value)?),
            "text" => filter.text = value.clone(),
            _ => {}
        }
    }
    for status in &filter.status {
        let class = status.len() == 3
            && status.ends_with("xx")
            && status.starts_with(|c: char| c.is_ascii_digit());
        let code = status.len() == 3 && status.bytes().all(|byte| byte.is_ascii_digit());
        if !(class || code || matches!(status.as_str(), "ok" | "error")) {
            return Err(
                Error::invalid(format!("`{}` is not a status", status.escape_debug()))
                    .param("status")
                    .hint("write 200, 4xx, ok or error"),
            );
        }
    }
    Ok(filter)
}

/// RFC 3339, or how long ago.
fn time(name: &str, text: &str) -> Result<Stamp> {
    if let Ok(ago) = text.parse::<crate::resources::Millis>() {
        return Ok(Stamp(
            Stamp::now()
                .0
                .saturating_sub(i64::try_from(ago.0).unwrap_or(i64::MAX)),
        ));
    }
    Stamp::parse(text).map_err(|error| error.param(name))
}

pub async fn list(call: Call) -> Result<Response> {
    let filter = filter(&call)?;
    let limit = call.number("limit")?.unwrap_or(PAGE.0).clamp(1, PAGE.1);
    let (journal, cursor) = (
        call.desk.deps.journal.clone(),
        call.param("cursor").map(str::to_owned),
    );
    let page = blocking(move || journal.query(&filter, limit, cursor.as_deref())).await?;
    Ok(answer(
        StatusCode::OK,
        &json!({"items": page.rows.iter().map(row_json).collect::<Result<Vec<_>>>()?, "cursor": page.cursor}),
    ))
}

pub async fn get(call: Call) -> Result<Response> {
    let (journal, id) = (call.desk.deps.journal.clone(), call.name.clone());
    let Some((row, content)) = blocking(move || journal.get(&id)).await? else {
        return Err(Error::not_found(format!(
            "no request `{}` in the log",
            call.name.escape_debug()
        ))
        .hint("list requests with: gw logs"));
    };
    let mut row = row_json(&row)?;
    if let Some(content) = content {
        row["content"] = show(&content);
    }
    Ok(answer(StatusCode::OK, &row))
}

/// A row as callers read it: the time as RFC 3339, the cost in dollars too, to the last digit.
pub fn row_json(row: &Row) -> Result<Value> {
    let mut shown = serde_json::to_value(row)
        .map_err(|error| Error::internal("a row cannot be written as JSON").cause(error))?;
    shown["at"] = row.at.rfc3339().into();
    if let Some(pico) = row.cost_pico {
        shown["cost"] = crate::catalog::dollars(pico.into()).into();
    }
    Ok(shown)
}

/// Bodies as text, or as base64 where they are not UTF-8.
fn show(content: &Content) -> Value {
    let body = |bytes: &[u8]| match std::str::from_utf8(bytes) {
        Ok(text) => json!({"text": text}),
        Err(_) => json!({"base64": base64::engine::general_purpose::STANDARD.encode(bytes)}),
    };
    json!({"request": body(&content.request), "response": body(&content.response.concat()), "truncated": content.truncated})
}

pub async fn follow(call: Call) -> Result<Response> {
    let filter = filter(&call)?;
    let rows = follow::rows(call.desk.deps.journal.follow(), filter)?;
    Ok(lines(Body::from_stream(stream::unfold(
        rows,
        |mut rows| async move {
            let row = rows.recv().await?;
            Some((Ok::<_, std::convert::Infallible>(row), rows))
        },
    ))))
}

pub async fn export(call: Call) -> Result<Response> {
    let filter = filter(&call)?;
    let most = call.number("limit")?.unwrap_or(usize::MAX);
    let journal = call.desk.deps.journal.clone();
    let first = Some((call.param("cursor").map(str::to_owned), most));
    let pages = stream::unfold(first, move |at| {
        let (journal, filter) = (journal.clone(), filter.clone());
        async move {
            let (cursor, left) = at.filter(|(_, left)| *left > 0)?;
            match blocking(move || journal.query(&filter, left.min(PAGE.1), cursor.as_deref()))
                .await
            {
                // A broken stream tells the client that the export is not whole.
                Err(error) => Some((Err(error), None)),
                Ok(page) => {
                    let left = left.saturating_sub(page.rows.len());
                    let next = page.cursor.clone().map(|cursor| (Some(cursor), left));
                    Some((text(&page), next))
                }
            }
        }
    });
    Ok(lines(Body::from_stream(pages)))
}

fn text(page: &Page) -> Result<bytes::Bytes> {
    let mut out = Vec::new();
    for row in &page.rows {
        out.extend_from_slice(row_json(row)?.to_string().as_bytes());
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

    #[test]
    fn rows_say_when_and_how_much() {
        let row = Row {
            at: Stamp(1_795_224_747_194),
            cost_pico: Some(75_000_000),
            ..Row::default()
        };
        let shown = row_json(&row).unwrap();
        assert_eq!(
            (&shown["at"], &shown["cost"], &shown["cost_pico"]),
            (
                &json!("2026-11-21T01:32:27.194Z"),
                &json!("0.000075"),
                &json!(75_000_000)
            )
        );
        assert_eq!(row_json(&Row::default()).unwrap().get("cost"), None);
    }
}
