//! The request for one upstream, made of the caller's: the body spliced or translated, the credential last.

use super::{
    ended::Ended,
    exchange::{Exchange, Place},
    failure::Failure,
    payload::{Payload, Request},
};
use crate::chat::Fault;
use crate::error::Error;
use crate::formats::{Dropped, Framed, Framing};
use crate::plan::Choice;
use crate::telemetry::context::TRACEPARENT;
use crate::upstream::{Ask, Content, Conversion, Unsigned, Upstream, Way};
use http::{HeaderValue, Method};

/// How the caller's requests reach this upstream, or that they cannot.
pub(super) fn way<'a>(
    exchange: &Exchange<'_>,
    upstream: &'a Upstream,
    choice: &Choice,
) -> Result<&'a Way, Failure> {
    let (format, model) = (exchange.format, &choice.model);
    let way = upstream.way(format, model);
    way.ok_or_else(|| unfit(&upstream.unreached(format, model)))
}

fn unfit(error: &Error) -> Failure {
    Failure::unfit(Box::new(Fault::from(error)))
}

/// The finished request, and what of the caller's it leaves out. `traceparent`: what it is to tell of the caller's trace.
pub(super) fn request<'a>(
    exchange: &'a Exchange<'_>,
    upstream: &'a Upstream,
    choice: &Choice,
    way: &'a Way,
    traceparent: Option<HeaderValue>,
) -> Result<(Request<'a>, Dropped), Ended> {
    let mut betas = None;
    let mut rest = None;
    let (body, dropped) = match (exchange.parcel, way.conversion) {
        (Some(parcel), _) => {
            let (body, more) = parcel.made(exchange.named(way, &choice.model));
            if more.is_some() && upstream.wants_whole(way) {
                let error = Error::invalid(format!(
                    "provider `{}` takes signed bodies, and this one is too long to be signed before it is sent",
                    upstream.name
                ))
                .hint("give the provider an API key in place of access keys, or send at most 64 KiB");
                return Err(unfit(&error).into());
            }
            rest = more;
            (body, Dropped::new())
        }
        (None, Conversion::Same) => (
            exchange.spliced(way, &choice.model, exchange.asks_usage(upstream))?,
            Dropped::new(),
        ),
        (None, Conversion::Hosted(envelope)) => {
            let rehosted = exchange.rehosted(envelope, choice)?;
            betas = rehosted.betas;
            (rehosted.body.into(), rehosted.dropped)
        }
        (None, Conversion::Translate { into, from }) => {
            exchange.translated(from, into, upstream, choice)?
        }
        (None, Conversion::Embeddings { into, from }) => exchange.embedding(from, into, choice)?,
    };
    let target = match exchange.errand {
        Some(errand) => {
            let query = errand.query.as_deref().or(exchange.query);
            match errand.place {
                Place::Base => upstream.below(&errand.path, query),
                Place::Endpoint => upstream.behind(way, &choice.model, &errand.path, query),
            }
        }
        None => upstream.target(way, &choice.model, exchange.query, exchange.peek.stream),
    };
    let target = target.ok_or_else(|| {
        unfit(
            &Error::invalid(format!(
                "the model's name cannot stand in an address of provider `{}`",
                upstream.name
            ))
            .param("model"),
        )
    })?;
    let own_key = exchange
        .own
        .as_ref()
        .map(|own| (own.origin == Some(&upstream.origin), &own.key));
    if let Some((false, _)) = own_key
        && upstream.sign_in.is_own_key()
    {
        let error = Error::invalid(format!(
            "provider `{}` passes the caller's own key through, and the one sent is for another: the first of the route that takes one",
            upstream.name
        ))
        .hint("ask for a route whose first provider of that kind is this one");
        return Err(unfit(&error).into());
    }
    let ask = Ask {
        method: exchange
            .errand
            .map_or(Method::POST, |errand| errand.method.clone()),
        target,
        accept: match exchange.peek.stream {
            _ if exchange.format.media => "*/*",
            // Where it has two ways, a parameter says which.
            true => match way.to.framed {
                Framed::As(framing) => framing.label(),
                Framed::EventsBy(..) => Framing::Events.label(),
            },
            false => "application/json",
        },
        content: match exchange.parcel.map(|parcel| &parcel.content_type) {
            None => Content::Json,
            Some(Some(given)) => Content::As(given),
            Some(None) => Content::Unsaid,
        },
        body,
        way: Some(way),
        caller: Some(exchange.headers),
        own_key: own_key.map(|(_, key)| key),
        betas,
        more: traceparent.map(|told| (TRACEPARENT, told)),
    };
    let finished = upstream
        .finished(ask)
        .map_err(|unsigned| not_signed(upstream, &unsigned))?;
    let request = Request {
        method: finished.method,
        target: finished.target,
        headers: finished.headers,
        payload: match rest {
            None => Payload::Whole(finished.body),
            Some(upload) => Payload::Streamed(upload),
        },
    };
    Ok((request, dropped))
}

pub(super) fn not_signed(upstream: &Upstream, why: &Unsigned) -> Failure {
    let name = &upstream.name;
    match why {
        Unsigned::NoOwnKey => unfit(
            &Error::invalid(format!(
                "provider `{name}` passes the caller's own key through, and none was sent"
            ))
            .hint("send the gateway key as `x-gw-key` and the provider's key as usual"),
        ),
        Unsigned::BadOwnKey => unfit(&Error::invalid(format!(
            "the caller's own key for provider `{name}` has characters no header can carry"
        ))),
        Unsigned::OwnAccessKeys => unfit(
            &Error::invalid(format!(
                "the caller's own key for provider `{name}` is a pair of access keys, which sign and are not sent"
            ))
            .hint("send an API key of the service instead"),
        ),
        // Why is for the operator (`gw status`): it may name files and variables.
        Unsigned::Unavailable(_) => Failure::credential(format!(
            "the credential of provider `{name}` is not available"
        )),
    }
}
