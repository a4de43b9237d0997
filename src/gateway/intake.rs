//! Taking a request in: whether there is room for it, and its body, read within its limits.

use super::{
    Settings,
    ended::Ended,
    held::Held,
    incoming::Incoming,
    watch::{Fired, Guard},
    worker::Worker,
};
use crate::error::{Error, Kind, Result};
use crate::plan::Caller;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body_util::BodyExt;
use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

fn full(what: &str) -> Error {
    Error::new(Kind::Unavailable, format!("the gateway has {what}")).hint("try again shortly")
}

/// Whether there is room for one more request.
pub(super) fn room(worker: &Worker, caller: &Caller) -> Result<()> {
    let shared = &worker.shared;
    let settings = &shared.settings;
    if shared.in_flight.load(Ordering::Relaxed) > settings.max_in_flight {
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
        .hint("wait for one to end, or raise limits.max_in_flight_per_key"));
    }
    Ok(())
}

/// How long a body may take of which this much has come: bodies that trickle must not hold a request for ever.
fn allowed(settings: &Settings, have: usize) -> Duration {
    let beyond = (have as u64).saturating_sub(1 << 20);
    settings.body_total
        + beyond
            .checked_div(settings.body_rate)
            .map_or(Duration::MAX / 2, Duration::from_secs)
}

/// Reads the request's body. The length is checked before anything is read, so that nothing invites the
/// caller to send what will be refused (no `100 Continue`).
pub(super) async fn read(
    settings: &Settings,
    headers: &HeaderMap,
    mut incoming: Incoming,
    held: &Held,
    watch: &Guard,
) -> Result<Bytes, Ended> {
    let too_large = || {
        Error::new(
            Kind::TooLarge,
            format!(
                "the request body is larger than {} bytes",
                settings.max_body
            ),
        )
        .hint("send less, or raise limits.max_body")
    };
    if headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|value| value != "identity")
    {
        return Err(Ended::Refused(
            Error::invalid("the request body is compressed, which gw does not take")
                .hint("send it without Content-Encoding"),
        ));
    }
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse::<usize>().ok())
        .unwrap_or(0);
    if announced > settings.max_body {
        return Err(Ended::Refused(too_large()));
    }
    let begin = Instant::now();
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    loop {
        let left = allowed(settings, first.len() + all.len()).saturating_sub(begin.elapsed());
        watch.within(Some(settings.body_stall.min(left)));
        let frame = match watch.run(incoming.frame()).await {
            Ok(None) => break,
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(error))) => {
                return Err(Ended::Refused(Error::invalid(format!(
                    "the request body cannot be read: {error}"
                ))));
            }
            Err(Fired::Deadline) => {
                return Err(Ended::Refused(
                    Error::new(Kind::Timeout, "the request body did not arrive in time")
                        .hint("send it again over a better connection"),
                ));
            }
            Err(fired) => return Err(Ended::Interrupted(fired)),
        };
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let have = first.len() + all.len() + data.len();
        if have > settings.max_body {
            return Err(Ended::Refused(too_large()));
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
            all.reserve(announced.min(TRUSTED).max(have));
            all.extend_from_slice(&std::mem::take(&mut first));
        }
        all.extend_from_slice(&data);
    }
    watch.within(None);
    Ok(if all.is_empty() { first } else { all.freeze() })
}

/// Largest body whose room is made before it has come.
const TRUSTED: usize = 1 << 20;
