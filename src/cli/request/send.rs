//! Sending one request and reading its answer, whole or as a stream.

use super::{
    answer::{Answer, Fold},
    ask::Ask,
};
use crate::client::{handshake, outgoing};
use crate::error::{Error, Kind, Result};
use futures_util::StreamExt;
use std::time::{Duration, Instant};

/// Sends once. Text of a stream is handed to `show` as it comes; `limit` bounds each silence of a stream
/// and the whole of everything else.
pub(super) async fn send(ask: &Ask, limit: Duration, mut show: impl FnMut(&str)) -> Result<Answer> {
    let http = outgoing::builder(ask.url.starts_with("https:"), ask.trusted.as_deref())?
        .build()
        .map_err(|error| Error::internal("cannot set up HTTP").cause(error))?;
    let mut request = http.post(&ask.url).json(&ask.body);
    for (name, value) in &ask.headers {
        request = request.header(name, value);
    }
    request = match (&ask.key, ask.anthropic) {
        (Some(key), true) => request.header("x-api-key", key.as_str()),
        (Some(key), false) => request.bearer_auth(key.as_str()),
        (None, _) => request,
    };
    if ask.anthropic
        && !ask
            .headers
            .iter()
            .any(|(name, _)| name == "anthropic-version")
    {
        request = request.header("anthropic-version", "2023-06-01");
    }
    let started = Instant::now();
    let response = within(limit, request.send())
        .await?
        .map_err(|error| lost(ask, error))?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let events = headers
        .get("content-type")
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| kind.starts_with("text/event-stream"));
    let (mut fold, mut raw, mut first, mut broken) = (Fold::default(), Vec::new(), None, None);
    let mut pieces = response.bytes_stream();
    loop {
        let left = if events {
            limit
        } else {
            limit.saturating_sub(started.elapsed())
        };
        let piece = match within(left, pieces.next()).await? {
            Some(Ok(piece)) => piece,
            Some(Err(error)) => {
                broken = Some(format!("the answer broke off: {}", error.without_url()));
                break;
            }
            None => break,
        };
        if events {
            for text in fold.push(&piece) {
                first.get_or_insert_with(|| started.elapsed());
                show(&text);
            }
        } else {
            raw.extend_from_slice(&piece);
        }
    }
    let latency = started.elapsed();
    let reply = match events {
        true => fold.end(broken, ask.marked),
        false => Answer::whole(&raw, broken),
    };
    Ok(Answer::new(status, &headers, reply, latency, first))
}

async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Result<T> {
    let late = |_| {
        Error::new(Kind::Timeout, format!("no answer within {limit:?}"))
            .hint("wait longer with --timeout, or see where it hangs with `gw logs`")
    };
    tokio::time::timeout(limit, work).await.map_err(late)
}

fn lost(ask: &Ask, error: reqwest::Error) -> Error {
    let place = ask.url.split('/').take(3).collect::<Vec<_>>().join("/");
    if let Some(error) = handshake::failed(&error, &place) {
        return error;
    }
    let error = error.without_url();
    match error.is_connect() {
        true => Error::new(Kind::NoGateway, format!("no gateway at {place}"))
            .hint("start one with `gw serve`, or choose another with --url / GW_URL"),
        false => Error::new(Kind::Upstream, format!("the answer from {place} broke off"))
            .cause(error)
            .hint("see what happened with `gw logs`"),
    }
}
