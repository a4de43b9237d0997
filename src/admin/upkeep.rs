//! The stores as a whole over HTTP: what they take, checking them, copying them, giving space back.

use super::call::{Call, answer};
use super::desk::blocking;
use crate::error::Result;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use serde_json::json;
use std::io::{self, Write};
use tokio::sync::mpsc::{Sender, channel};

/// Bytes of an archive in a piece, and pieces on their way.
const PIECE: usize = 256 << 10;
const PIECES: usize = 4;

pub async fn stats(call: Call) -> Result<Response> {
    let upkeep = call.desk.deps.upkeep.clone();
    let stats = blocking(move || Ok(upkeep.stats())).await?;
    Ok(answer(StatusCode::OK, &json!(stats)))
}

pub async fn verify(call: Call) -> Result<Response> {
    let upkeep = call.desk.deps.upkeep.clone();
    let checked = blocking(move || upkeep.verify()).await?;
    let sound = checked.iter().all(|part| part.sound);
    Ok(answer(
        StatusCode::OK,
        &json!({"sound": sound, "items": checked}),
    ))
}

pub async fn compact(call: Call) -> Result<Response> {
    let upkeep = call.desk.deps.upkeep.clone();
    let freed = blocking(move || upkeep.compact()).await?;
    Ok(answer(StatusCode::OK, &json!({"items": freed})))
}

/// An archive as it is made. One that breaks off lacks its end, and the connection's says so.
pub async fn backup(call: Call) -> Result<Response> {
    let logs = call.flag("logs")?;
    let upkeep = call.desk.deps.upkeep.clone();
    upkeep.on_disk()?;
    let (to, from) = channel(PIECES);
    tokio::task::spawn_blocking(move || {
        let mut pieces = Pieces {
            to: to.clone(),
            piece: Vec::with_capacity(PIECE),
        };
        if let Err(error) = upkeep.backup(&mut pieces, logs) {
            tracing::warn!("a backup was not finished: {error:?}");
            let _ = to.blocking_send(Err(error));
        }
    });
    let body = stream::unfold(from, |mut from| async move {
        let piece = from.recv().await?;
        Some((piece, from))
    });
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/x-tar"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// Hands on what is written, piece by piece, as fast as it is taken.
struct Pieces {
    to: Sender<Result<Bytes>>,
    piece: Vec<u8>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE));
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        match piece.is_empty() {
            true => Ok(()),
            false => self.to.blocking_send(Ok(piece.into())).map_err(gone),
        }
    }
}
