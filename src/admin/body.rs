//! Reading a request's body, bounded in size and in time.

use super::Limits;
use super::paths::Input;
use crate::error::{Error, Kind, Result};
use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use std::time::Duration;

/// How long a body may take to arrive, and as long again for each [`PORTION`] that has.
const WAIT: Duration = Duration::from_secs(10);
const PORTION: usize = 1 << 20;

/// The bound for a path's body: many records have more room than one, and so has a caller's request.
fn bound(input: Input, limits: &Limits) -> (usize, &'static str) {
    match input {
        Input::Records | Input::Request => (limits.apply, "limits.admin_max_apply"),
        Input::None | Input::Record | Input::Json => (limits.body, "limits.admin_max_body"),
    }
}

/// The whole body, piece by piece: what a caller announces takes no memory before it arrives.
pub async fn read(
    headers: &HeaderMap,
    mut body: Body,
    input: Input,
    limits: &Limits,
) -> Result<Bytes> {
    let (most, setting) = bound(input, limits);
    let large = || {
        Error::new(
            Kind::TooLarge,
            format!("the body is larger than {most} bytes"),
        )
        .hint(format!("send less at a time, or raise {setting}"))
    };
    let declared = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse::<usize>().ok());
    if declared.is_some_and(|length| length > most) {
        return Err(large());
    }
    let (begin, mut got) = (tokio::time::Instant::now(), BytesMut::new());
    loop {
        let portions = u32::try_from(got.len() / PORTION).unwrap_or(u32::MAX);
        let wait = WAIT.saturating_mul(portions.saturating_add(1));
        let frame = tokio::time::timeout_at(begin + wait, body.frame());
        let frame = frame.await.map_err(|_| {
            Error::new(
                Kind::Timeout,
                format!("the body did not arrive within {} s", wait.as_secs()),
            )
        })?;
        let Some(frame) = frame else {
            return Ok(got.freeze());
        };
        let frame = frame.map_err(|_| Error::invalid("the body could not be read"))?;
        let Ok(piece) = frame.into_data() else {
            continue;
        };
        if got.len() + piece.len() > most {
            return Err(large());
        }
        got.extend_from_slice(&piece);
    }
}
