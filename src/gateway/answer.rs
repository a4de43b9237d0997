//! What comes back from an upstream, read up to the point where the gateway commits to it.

use super::{
    exchange::Exchange,
    failure::Failure,
    headers,
    stream::{Step, Stream, Ticket},
};
use crate::formats::{Format, Seen};
use crate::plan::{Choice, retry::Class};
use crate::upstream::{Conversion, Upstream, Way};
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::future::poll_fn;

/// An answer the gateway has committed to.
// Moved twice a request; boxing the larger one would cost more than it saves.
#[allow(clippy::large_enum_variant)]
pub enum Answer {
    /// A whole reply, in the caller's format.
    Whole {
        headers: HeaderMap,
        bytes: Bytes,
        seen: Seen,
    },
    /// A stream whose first content event is in hand.
    Stream {
        headers: HeaderMap,
        stream: Box<Stream>,
    },
}

/// How much of a stream is held back while waiting for its first content event.
const HELD: usize = 64 << 10;

/// Reads a stream up to its first content event.
pub(super) async fn first_content(stream: &mut Stream) -> Result<(), Failure> {
    loop {
        match poll_fn(|cx| stream.poll_step(cx)).await {
            Step::Content => return Ok(()),
            Step::Setup if stream.out.iter().map(Bytes::len).sum::<usize>() > HELD => return Ok(()),
            Step::Setup => {}
            // A whole answer that says nothing (a refusal) is one, too.
            Step::End if stream.seen.finished => return Ok(()),
            Step::End if !stream.out.is_empty() => {
                return Err(Failure::upstream(
                    "the upstream ended the stream without content".into(),
                ));
            }
            Step::End => {
                return Err(Failure::upstream(
                    "the upstream sent an empty stream".into(),
                ));
            }
            Step::Failed { failure, .. } => return Err(failure),
        }
    }
}

/// Reads a whole body; without a copy where it comes in one piece. `touch` is called as each piece comes.
pub(super) async fn whole(
    mut incoming: Incoming,
    most: usize,
    touch: impl Fn(),
) -> Result<Bytes, &'static str> {
    let mut first = Bytes::new();
    let mut rest: Option<BytesMut> = None;
    while let Some(frame) = incoming.frame().await {
        let Ok(data) = frame
            .map_err(|_| "broke off in the middle of its answer")?
            .into_data()
        else {
            continue;
        };
        touch();
        let have = rest.as_ref().map_or(first.len(), BytesMut::len);
        if have + data.len() > most {
            return Err("sent more than gw takes");
        }
        match &mut rest {
            Some(all) => all.extend_from_slice(&data),
            None if first.is_empty() => first = data,
            None => {
                let mut all = BytesMut::with_capacity((first.len() + data.len()) * 2);
                all.extend_from_slice(&first);
                all.extend_from_slice(&data);
                rest = Some(all);
            }
        }
    }
    Ok(rest.map_or(first, BytesMut::freeze))
}

/// A whole reply in the caller's format.
pub(super) fn reply(
    exchange: &Exchange<'_>,
    conversion: &Conversion,
    choice: &Choice,
    bytes: Bytes,
) -> Result<(Bytes, Seen), Failure> {
    let mut seen = Seen::default();
    match conversion {
        Conversion::Same => {
            let text = bytes.trim_ascii();
            if text.len() <= 2 || text[0] != b'{' || text[text.len() - 1] != b'}' {
                return Err(Failure::upstream(
                    "the upstream's answer is not a JSON object".into(),
                ));
            }
            (exchange.format.observe_reply)(&bytes, &mut seen);
            seen.finished = true;
            Ok((bytes, seen))
        }
        Conversion::Translate { into, from } => {
            let reply = into.read_reply(&bytes).map_err(|error| {
                Failure::upstream(format!(
                    "the upstream's answer cannot be read: {}",
                    error.message
                ))
            })?;
            seen.usage = reply.usage;
            if seen.usage.is_none() {
                seen.text_bytes = reply
                    .events()
                    .iter()
                    .map(crate::chat::Event::text_len)
                    .sum();
            }
            seen.finished = true;
            Ok((
                from.write_reply(&reply, &exchange.context(choice)).into(),
                seen,
            ))
        }
    }
}

/// An upstream's error answer as a failure.
pub(super) async fn refusal(
    head: http::response::Parts,
    incoming: Incoming,
    upstream: &Upstream,
    format: &'static Format,
    ticket: Ticket,
) -> Failure {
    const MOST: usize = 64 << 10;
    let status = head.status.as_u16();
    if head.status.is_redirection() || head.status == StatusCode::SWITCHING_PROTOCOLS {
        return Failure {
            status: Some(status),
            ..Failure::upstream(format!(
                "provider `{}` answered with a redirect, which gw does not follow",
                upstream.name
            ))
        };
    }
    let body = match whole(incoming, MOST, || {}).await {
        Ok(body) => {
            ticket.give_back();
            body
        }
        // The status says enough.
        Err(_) => Bytes::new(),
    };
    let fault = Box::new((format.read_fault)(status, &body));
    let retry_after = headers::retry_after(&head.headers);
    let mut passed = HeaderMap::new();
    headers::forward_response(&head.headers, &mut passed);
    let json = head
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("json"));
    let same = upstream.way(format).is_some_and(Way::is_same) && json;
    let original = Some(Box::new((passed, if same { body } else { Bytes::new() })));
    Failure {
        class: Class::of_status(
            status,
            retry_after.is_some(),
            &fault.message,
            upstream.sign_in.is_own_key(),
        ),
        fault,
        status: Some(status),
        retry_after,
        original,
    }
}
