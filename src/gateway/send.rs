//! One request to one upstream: the body spliced or translated, over an idle connection or a new one.

use super::{
    connect,
    ended::Ended,
    exchange::Exchange,
    failure::Failure,
    watch::{Fired, Guard},
};
use crate::plan::{Choice, retry::Class};
use crate::upstream::{Ask, Conversion, Unsigned, Upstream, Way};
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::Full;
use hyper::{body::Incoming, client::conn::http1::SendRequest};
use std::{sync::Arc, time::Duration};

/// How the request reaches an upstream, or why it cannot.
pub(super) fn way<'a>(exchange: &Exchange<'_>, upstream: &'a Upstream) -> Result<&'a Way, Failure> {
    upstream.way(exchange.format).ok_or_else(|| {
        Failure::unfit(&crate::error::Error::invalid(format!(
            "provider `{}` speaks no format `{}` can be translated to",
            upstream.name, exchange.format.name
        )))
    })
}

pub(super) fn interrupted(fired: Fired, watch: &Guard, late: Failure) -> Ended {
    match fired {
        Fired::Deadline => {
            watch.rearm();
            Ended::Failed(late)
        }
        other => Ended::Interrupted(other),
    }
}

/// The upstream request's body, spliced or translated.
pub(super) fn body(
    exchange: &Exchange<'_>,
    upstream: &Upstream,
    choice: &Choice,
    way: &Way,
) -> Result<Bytes, Failure> {
    Ok(match way.conversion {
        Conversion::Same => exchange.spliced(&choice.model, exchange.asks_usage(upstream)),
        Conversion::Translate { into, from } => exchange
            .translated(from, into, upstream, choice)
            .map_err(|error| Failure::unfit(&error))?,
    })
}

/// The upstream request, with what of the caller's headers and query may pass.
pub(super) fn request(
    exchange: &Exchange<'_>,
    upstream: &Upstream,
    choice: &Choice,
    way: &Way,
    body: Bytes,
) -> Result<Request<Full<Bytes>>, Failure> {
    let target = upstream
        .target(way, &choice.model, exchange.query)
        .ok_or_else(|| {
            Failure::upstream(format!(
                "provider `{}` has no address for `{}`",
                upstream.name, way.to.name
            ))
        })?;
    let ask = Ask {
        method: Method::POST,
        target,
        accept: match exchange.peek.stream {
            true => "text/event-stream",
            false => "application/json",
        },
        body,
        caller: Some((exchange.headers, way)),
        own_key: exchange.own.as_ref(),
    };
    upstream
        .request(ask)
        .map_err(|unsigned| not_signed(upstream, &unsigned))
}

fn not_signed(upstream: &Upstream, why: &Unsigned) -> Failure {
    match why {
        Unsigned::NoOwnKey => Failure::unfit(
            &crate::error::Error::new(
                crate::error::Kind::Invalid,
                format!(
                    "provider `{}` passes the caller's own key through, and none was sent",
                    upstream.name
                ),
            )
            .hint("send the gateway key as `x-gw-key` and the provider's key as usual"),
        ),
        Unsigned::BadOwnKey => Failure::upstream("the caller's own key cannot be sent on".into()),
        // Why is for the operator (`gw status`): it may name files and variables.
        Unsigned::Unavailable(_) => Failure::credential(format!(
            "the credential of provider `{}` is not available",
            upstream.name
        )),
    }
}

/// Sends over an idle connection, or a new one. A reused connection that turns out to be closed costs one
/// silent repetition with the request made anew, which is rarer than keeping a copy of each would be worth:
/// nothing of an answer had come.
pub(super) async fn send(
    exchange: &Exchange<'_>,
    upstream: &Arc<Upstream>,
    request: impl Fn() -> Result<Request<Full<Bytes>>, Failure>,
    watch: &Guard,
    connect_limit: Duration,
    first_limit: Duration,
) -> Result<(Response<Incoming>, SendRequest<Full<Bytes>>), Ended> {
    let worker = exchange.worker;
    while let Some(mut sender) = worker.pool.take(&upstream.origin) {
        watch.within(Some(first_limit));
        let late = || {
            Failure::slow(format!(
                "provider `{}` did not answer in time",
                upstream.name
            ))
        };
        let ready = watch
            .run(sender.ready())
            .await
            .map_err(|fired| interrupted(fired, watch, late()))?;
        if ready.is_err() {
            continue;
        }
        match watch
            .run(sender.send_request(request().map_err(Ended::Failed)?))
            .await
            .map_err(|fired| interrupted(fired, watch, late()))?
        {
            Ok(response) => return Ok((response, sender)),
            // Never sent: the next idle connection may do.
            Err(error) if error.is_canceled() => {}
            // Perhaps sent: once more, over a connection that is surely open, and no more than once.
            Err(error)
                if error.is_incomplete_message() || error.is_closed() || is_reset(&error) =>
            {
                break;
            }
            Err(error) => {
                return Err(Ended::Failed(Failure::upstream(format!(
                    "provider `{}` broke the connection: {}",
                    upstream.name,
                    cause(&error)
                ))));
            }
        }
    }
    watch.within(Some(connect_limit));
    let connected = watch.run(connect::connect(upstream)).await;
    let mut sender = connected
        .map_err(|fired| {
            interrupted(
                fired,
                watch,
                Failure {
                    class: Class::Timeout,
                    ..Failure::timeout(format!(
                        "cannot connect to provider `{}` in time",
                        upstream.name
                    ))
                },
            )
        })?
        .map_err(Ended::Failed)?;
    watch.within(Some(first_limit));
    let sent = watch
        .run(sender.send_request(request().map_err(Ended::Failed)?))
        .await;
    match sent.map_err(|fired| {
        interrupted(
            fired,
            watch,
            Failure::slow(format!(
                "provider `{}` did not answer in time",
                upstream.name
            )),
        )
    })? {
        Ok(response) => Ok((response, sender)),
        Err(error) => Err(Ended::Failed(Failure::upstream(format!(
            "provider `{}` broke the connection: {}",
            upstream.name,
            cause(&error)
        )))),
    }
}

fn is_reset(error: &hyper::Error) -> bool {
    std::error::Error::source(error)
        .and_then(|source| source.downcast_ref::<std::io::Error>())
        .is_some_and(|error| {
            matches!(
                error.kind(),
                std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe
            )
        })
}

fn cause(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error} ({source})"),
        None => error.to_string(),
    }
}
