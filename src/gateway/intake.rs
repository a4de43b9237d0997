//! Taking a request in: whether there is room for it, and its body, read within its limits.

use super::{
    Settings, Shared,
    ended::Ended,
    held::Held,
    incoming::Incoming,
    pace::{Pace, cut, too_slow},
    unpack::{Unpacking, too_large},
    watch::{Fired, Guard},
};
use crate::error::{Error, Kind, Result};
use crate::http1::fields::Fields;
use crate::plan::Caller;
use bytes::{Bytes, BytesMut};
use std::{future::poll_fn, sync::atomic::Ordering, time::Instant};

fn full(what: &str) -> Error {
    Error::new(Kind::Unavailable, format!("the gateway has {what}")).hint("try again shortly")
}

/// Whether there is room for one more request.
pub(super) fn room(shared: &Shared, caller: &Caller) -> Result<()> {
    let settings = &shared.settings;
    if shared.traffic.in_flight.load(Ordering::Relaxed) > settings.max_in_flight {
        return Err(full("too many requests in flight"));
    }
    if caller.running.load(Ordering::Relaxed) > settings.max_in_flight_per_key {
        return Err(Error::new(
            Kind::RateLimited,
            format!(
                "key `{}` has more than {} requests running",
                caller.key, settings.max_in_flight_per_key
            ),
        )
        .hint("wait for one to end, or raise `limits.max_in_flight_per_key`"));
    }
    Ok(())
}

/// How large the head says the body is.
pub(super) fn announced(headers: &Fields) -> Option<usize> {
    headers.text("content-length")?.parse().ok()
}

/// The next piece of a body; `None`: its end.
pub(super) async fn piece(
    settings: &Settings,
    incoming: &mut Incoming,
    pace: &Pace,
    watch: &Guard,
) -> Result<Option<Bytes>, Ended> {
    if incoming.is_end() {
        return Ok(None);
    }
    let left = || pace.left(settings);
    let piece = poll_fn(|cx| incoming.poll_piece(cx));
    match watch.run_within(left, piece).await {
        Ok(piece) => piece.transpose().map_err(cut),
        Err(Fired::Deadline) => Err(too_slow().into()),
        Err(fired) => Err(Ended::Interrupted(fired)),
    }
}

/// Reads the body of a request that `began` then. The length is checked before anything is read, so that nothing invites the
/// caller to send what will be refused (no `100 Continue`).
pub(super) async fn read(
    settings: &Settings,
    headers: &Fields,
    mut incoming: Incoming,
    held: &Held,
    watch: &Guard,
    began: Instant,
) -> Result<Bytes, Ended> {
    let mut unpacking = Unpacking::of(headers, settings.max_body).map_err(Ended::Refused)?;
    let announced = incoming.length().unwrap_or(0);
    let announced = usize::try_from(announced).unwrap_or(usize::MAX);
    if announced > settings.max_body {
        return Err(Ended::Refused(too_large(settings.max_body)));
    }
    let mut pace = Pace::since(began);
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(data) = piece(settings, &mut incoming, &pace, watch).await? {
        pace.have += data.len();
        if pace.have > settings.max_body {
            return Err(Ended::Refused(too_large(settings.max_body)));
        }
        if let Some(unpacking) = &mut unpacking {
            unpack(unpacking, &data, held)
                .await
                .map_err(Ended::Refused)?;
            continue;
        }
        if let Err(full) = held.take(data.len()) {
            return Err(Ended::Refused(full.into()));
        }
        // Most bodies come in one piece, which is then the body.
        if first.is_empty() && all.is_empty() {
            first = data;
            continue;
        }
        if all.is_empty() {
            // What is announced is not believed beyond a point: it costs the caller nothing.
            all.reserve(announced.min(TRUSTED).max(pace.have));
            all.extend_from_slice(&std::mem::take(&mut first));
        }
        all.extend_from_slice(&data);
    }
    watch.within(None);
    match unpacking {
        Some(unpacking) => unpacking.finish().map_err(Ended::Refused),
        None if all.is_empty() => Ok(first),
        None => Ok(all.freeze()),
    }
}

/// Unpacks what came, in steps after which others have their turn where there was much in them.
async fn unpack(unpacking: &mut Unpacking, packed: &[u8], held: &Held) -> Result<()> {
    for piece in packed.chunks(1 << 10) {
        let grown = unpacking.feed(piece)?;
        held.take(grown)?;
        if grown > 1 << 20 {
            tokio::task::yield_now().await;
        }
    }
    Ok(())
}

/// Largest body whose room is made before it has come.
const TRUSTED: usize = 1 << 20;
