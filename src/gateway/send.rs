//! One request to one upstream, over an idle connection or a new one. It goes out once: what a connection hands
//! back unsent is sent over the next, and everything else is for `attempt` to decide.

use super::{
    connect::{self, Connection},
    ended::Ended,
    failure::Failure,
    payload::Payload,
    stream::Ticket,
    upload::Sending,
    watch::{Fired, Guard},
    worker::Worker,
};
use crate::upstream::Upstream;
use http::{Request, Response};
use hyper::body::Incoming;
use std::{sync::Arc, time::Duration};

/// How long what comes before an answer may take.
pub(super) struct Limits {
    pub connect: Duration,
    /// From the request's last byte to the answer: its first content where it is a stream, else all of it.
    pub answer: Duration,
    /// The longest pause in a body that is handed on.
    pub idle: Duration,
}

pub(super) fn interrupted(fired: Fired, watch: &Guard, late: impl FnOnce() -> Failure) -> Ended {
    match fired {
        Fired::Deadline => {
            watch.rearm();
            Ended::Failed(late())
        }
        other => Ended::Interrupted(other),
    }
}

/// Sends over an idle connection unless it is to be a `fresh` one. The watch goes on counting the answer's time.
pub(super) async fn send(
    worker: &Worker,
    upstream: &Arc<Upstream>,
    mut request: Request<Payload>,
    watch: &Guard,
    limits: &Limits,
    fresh: bool,
) -> Result<(Response<Incoming>, Ticket), Ended> {
    let late = || {
        Failure::slow(format!(
            "provider `{}` did not answer in time",
            upstream.name
        ))
    };
    // Given up with this, unless it is in the ticket.
    let mut sending = request.body().upload().cloned().map(Sending);
    if let Some(Sending(upload)) = &sending {
        upload.limited(limits.idle, limits.answer);
    }
    let mut ticket = |connection| Ticket {
        connection,
        upstream: upstream.clone(),
        pool: worker.pool.clone(),
        sending: sending.take(),
    };
    watch.within(Some(limits.answer));
    while !fresh && let Some(mut connection) = worker.pool.take(upstream) {
        match watch.run(connection.sender.ready()).await {
            Err(fired) => return Err(interrupted(fired, watch, late)),
            Ok(Err(_)) => continue,
            Ok(Ok(())) => {}
        }
        match watch.run(connection.sender.try_send_request(request)).await {
            Err(fired) => return Err(interrupted(fired, watch, late)),
            Ok(Ok(response)) => return Ok((response, ticket(connection))),
            Ok(Err(mut error)) => match error.take_message() {
                Some(unsent) => request = unsent,
                None => {
                    let failure = Failure::broke(&upstream.name, &error.into_error());
                    return Err(Ended::Failed(failure.on_kept_connection()));
                }
            },
        }
    }
    // In a box: requests that find a connection must not carry the room about that dialling takes.
    let mut connection = Box::pin(connected(upstream, watch, limits.connect)).await?;
    watch.within(Some(limits.answer));
    match watch.run(connection.sender.send_request(request)).await {
        Err(fired) => Err(interrupted(fired, watch, late)),
        Ok(Ok(response)) => Ok((response, ticket(connection))),
        Ok(Err(error)) => Err(Ended::Failed(Failure::broke(&upstream.name, &error))),
    }
}

async fn connected(
    upstream: &Arc<Upstream>,
    watch: &Guard,
    limit: Duration,
) -> Result<Connection, Ended> {
    watch.within(Some(limit));
    let late = || {
        Failure::timeout(format!(
            "cannot connect to provider `{}` in time",
            upstream.name
        ))
    };
    match watch.run(connect::connect(upstream)).await {
        Err(fired) => Err(interrupted(fired, watch, late)),
        Ok(made) => made.map_err(Ended::Failed),
    }
}
