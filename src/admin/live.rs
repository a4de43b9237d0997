//! What is going on now over HTTP: once, every second, and as metrics.

use super::call::{Call, answer};
use super::logs::lines;
use crate::error::{Error, Result};
use crate::live::metrics::{OPENMETRICS, PLAIN};
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use futures_util::stream;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// How often it is told.
const EVERY: Duration = Duration::from_secs(1);

pub async fn now(call: Call) -> Result<Response> {
    let live = (call.desk.deps.live)().await;
    let live = live.ok_or_else(|| Error::internal("the gateway is stopping"))?;
    Ok(answer(StatusCode::OK, &live))
}

pub async fn follow(call: Call) -> Result<Response> {
    let mut clock = interval(EVERY);
    clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let live = call.desk.deps.live.clone();
    Ok(lines(Body::from_stream(stream::unfold(
        (clock, live),
        |(mut clock, live)| async move {
            clock.tick().await;
            let line = format!("{}\n", live().await?);
            Some((Ok::<_, std::convert::Infallible>(line), (clock, live)))
        },
    ))))
}

pub async fn metrics(call: Call) -> Result<Response> {
    let accepts = call.headers.get_all(header::ACCEPT).iter();
    let open = accepts
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.contains("application/openmetrics-text"));
    let mut response = Response::new(Body::from((call.desk.deps.metrics)(open)));
    let kind = if open { OPENMETRICS } else { PLAIN };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
