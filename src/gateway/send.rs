//! One request to one upstream, over an idle connection or a new one. It goes out once: what becomes of one whose connection
//! broke is for `attempt` to decide.

use super::{
    arriving::{Arriving, Home},
    connect::{self, Connection},
    ended::Ended,
    failure::Failure,
    payload::Request,
    watch::{Fired, Guard},
    worker::Worker,
};
use crate::http1::answer::{Answer, Head};
use crate::upstream::Upstream;
use std::{cell::RefCell, future::poll_fn, rc::Rc, sync::Arc, time::Duration};

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

/// Sends over an idle connection unless it is to be a `fresh` one, and waits for the head of the answer. The watch goes on counting
/// the answer's time.
pub(super) async fn send(
    worker: &Worker,
    upstream: &Arc<Upstream>,
    request: Request<'_>,
    watch: &Guard,
    limits: &Limits,
    fresh: bool,
) -> Result<(Head, Arriving), Ended> {
    if let Some(upload) = request.payload.upload() {
        upload.limited(limits.idle, limits.answer);
    }
    let idle = match fresh {
        true => None,
        false => worker.pool.take(upstream),
    };
    let kept = idle.is_some();
    let connection = match idle {
        Some(connection) => connection,
        // In a box: requests that find a connection must not carry the room about that dialling takes.
        None => {
            let made = Box::pin(connected(upstream, watch, limits.connect)).await?;
            Rc::new(RefCell::new(made))
        }
    };
    watch.within(Some(limits.answer));
    connection.borrow_mut().begin(request);
    let answer = watch.run(poll_fn(|cx| connection.borrow_mut().poll_answer(cx)));
    match answer.await {
        Ok(Ok(Answer {
            head,
            framing,
            lasts,
        })) => {
            let home = Home {
                upstream: upstream.clone(),
                pool: worker.pool.clone(),
            };
            Ok((head, Arriving::new(connection, framing, lasts, home)))
        }
        Ok(Err(broke)) => {
            let failure = Failure::broke(&upstream.name, &broke);
            Err(Ended::Failed(
                match kept && connection.borrow().is_unanswered() {
                    true => failure.on_kept_connection(),
                    false => failure,
                },
            ))
        }
        Err(fired) => Err(interrupted(fired, watch, || {
            Failure::slow(format!(
                "provider `{}` did not answer in time",
                upstream.name
            ))
        })),
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
