//! Trying targets until one answers: send, wait for the first content (the commit point), and on failure
//! retry, move on or stop as the plan's verdict says. Nothing of a failed attempt reaches the caller.

use super::{
    answer::Answer,
    connect,
    exchange::Exchange,
    failure::Failure,
    headers,
    record::Record,
    stream::{Mode, Step, Stream, Ticket},
    upstream::{SignIn, Upstream},
    watch::{Fired, Guard},
};
use crate::formats::{self, Codec, Format, Seen};
use crate::plan::{
    Choice, Plan,
    health::Entry,
    retry::{self, Class},
};
use crate::resources::Stamp;
use crate::vendors::Auth;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, client::conn::http1::SendRequest};
use std::{
    future::poll_fn,
    sync::Arc,
    time::{Duration, Instant},
};

/// Why no attempt gave an answer.
#[allow(clippy::large_enum_variant)]
pub enum Outcome {
    /// The failure to report.
    Failed(Failure),
    /// The request ended from outside.
    Interrupted(Fired),
}

/// How much of a stream is held back while waiting for its first content event.
const HELD: usize = 64 << 10;

/// Tries the plan's targets in order, then again after a wait where that may help.
pub async fn run(exchange: &Exchange<'_>, plan: &Plan, record: &mut Record, watch: &Guard) -> Result<Answer, Outcome> {
    let spec = plan.route.as_ref().map(|route| &route.spec);
    let retries = spec.map_or(2, |spec| spec.retries);
    let default_triggers;
    let triggers = match spec {
        Some(spec) => &spec.retry_on,
        None => {
            default_triggers = crate::resources::route::retry_on_default();
            &default_triggers
        }
    };
    if let Some(limit) = spec.and_then(|spec| spec.total_timeout) {
        watch.cap(limit.std().saturating_sub(record.elapsed()));
    }
    let health = &exchange.worker.shared.health;
    // Each with the time from which it may be tried.
    let mut open: Vec<(&Choice, Instant)> = Vec::with_capacity(plan.attempts.len());
    let start = Instant::now();
    open.extend(own_key_stays(exchange, plan).map(|choice| (choice, start)));
    let mut failures = Failures::default();
    for round in 0..=retries {
        if round > 0 && !wait(exchange, round, &open, watch).await.map_err(Outcome::Interrupted)? {
            break;
        }
        let now = Instant::now();
        let mut again = Vec::new();
        for (at, &(choice, due)) in open.iter().enumerate() {
            if due > now {
                again.push((choice, due));
                continue;
            }
            let more = open[at + 1..].iter().any(|(_, due)| *due <= now);
            let upstream = &exchange.world.upstreams[choice.provider];
            let Some(entry) = health.enter(&upstream.name, &choice.model, Stamp::now().0, !more) else {
                again.push((choice, due));
                continue;
            };
            record.attempt(&upstream.name, &choice.model, choice.facts.prices);
            let failure = match attempt(exchange, plan, upstream, choice, watch).await {
                Ok(answer) => {
                    entry.worked(Stamp::now().0);
                    record.attempt_ok(200);
                    return Ok(answer);
                }
                Err(Outcome::Interrupted(fired)) => return Err(Outcome::Interrupted(fired)),
                Err(Outcome::Failed(failure)) => failure,
            };
            note_health(entry, &failure);
            let over = watch.capped();
            let moves_on = failure.class.moves_on(triggers) && !over;
            let next = match (moves_on, more, failure.class.may_pass() && round < retries) {
                _ if over => "stopped: the request's time in total is over",
                (false, ..) => "stopped: not a failure the route moves on from",
                (true, true, _) => "moved on to the next target",
                (true, false, true) => "no target left, waiting to try again",
                (true, false, false) => "no target left",
            };
            record.attempt_failed(&failure, next);
            match moves_on {
                false if over && failure.class == Class::Timeout => return Err(Outcome::Interrupted(Fired::Deadline)),
                false => return Err(Outcome::Failed(failure)),
                true if failure.class.may_pass() => again.push((choice, Instant::now() + failure.retry_after.unwrap_or_default().min(LONGEST))),
                true => {}
            }
            failures.add(failure);
        }
        open = again;
        if open.is_empty() {
            break;
        }
    }
    Err(Outcome::Failed(failures.report()))
}

/// Further than any wait goes; keeps times within what clocks can hold.
const LONGEST: Duration = Duration::from_secs(3_600);

/// Waits before another round. `false`: the wait would be too long, or longer than the request may take.
async fn wait(exchange: &Exchange<'_>, round: u32, open: &[(&Choice, Instant)], watch: &Guard) -> Result<bool, Fired> {
    let now = Instant::now();
    let asked = open.iter().map(|(_, due)| due.saturating_duration_since(now)).min();
    let wait = retry::wait(round, asked, &mut exchange.worker.dice.borrow_mut());
    match wait.filter(|wait| watch.left().is_none_or(|left| *wait < left)) {
        None => Ok(false),
        Some(wait) => {
            watch.within(None);
            watch.run(tokio::time::sleep(wait)).await.map(|()| true)
        }
    }
}

/// The targets in order. A caller's own provider key is for one provider: others that would be handed it too
/// are left out.
fn own_key_stays<'a>(exchange: &'a Exchange<'_>, plan: &'a Plan) -> impl Iterator<Item = &'a Choice> {
    let passes = |choice: &Choice| exchange.world.upstreams.get(choice.provider).filter(|upstream| matches!(upstream.sign_in, SignIn::Passthrough(_)));
    let first = plan.attempts.iter().find_map(passes).map(|upstream| &upstream.origin);
    plan.attempts.iter().filter(move |choice| passes(choice).is_none_or(|upstream| Some(&upstream.origin) == first))
}

/// The failures so far, and which of them the caller is told.
#[derive(Default)]
struct Failures {
    /// The last that was not about capacity.
    other: Option<Failure>,
    /// The last about capacity, a 429 before a 503 or 529.
    capacity: Option<Failure>,
    shortest: Option<Duration>,
}

impl Failures {
    fn add(&mut self, failure: Failure) {
        if failure.class != Class::Capacity {
            self.other = Some(failure);
            return;
        }
        self.shortest = match (self.shortest, failure.retry_after) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        if failure.status == Some(429) || self.capacity.as_ref().is_none_or(|known| known.status != Some(429)) {
            self.capacity = Some(failure);
        }
    }

    /// "Come back later" only where all said so, and then after the shortest wait.
    fn report(self) -> Failure {
        match (self.other, self.capacity) {
            (Some(other), _) => other,
            (None, Some(capacity)) => Failure { retry_after: self.shortest, ..capacity },
            (None, None) => Failure::upstream("no attempt was made".into()),
        }
    }
}

fn note_health(entry: Entry<'_>, failure: &Failure) {
    let now = Stamp::now().0;
    match failure.class {
        Class::Capacity => entry.cool(failure.retry_after.map(|wait| wait.as_millis() as u64), now),
        Class::Upstream | Class::Connect | Class::Timeout => entry.failed(now),
        Class::Credential => {
            tracing::warn!(provider = entry.provider(), status = failure.status, "provider refused gw's credential");
            entry.failed(now);
        }
        // It answers, and it is the request that it does not like.
        Class::Caller | Class::Context if failure.status.is_some() => entry.worked(now),
        Class::Caller | Class::NotFound | Class::Context => {}
    }
}

/// How a request reaches an upstream: as it is, or through the neutral model.
enum Way {
    Same,
    Translate { to: &'static Format, into: &'static dyn Codec, from: &'static dyn Codec },
}

fn way(exchange: &Exchange<'_>, upstream: &Upstream) -> Result<Way, Failure> {
    if upstream.speaks(exchange.format.id) {
        return Ok(Way::Same);
    }
    let mut spoken = upstream.vendor.endpoints.iter().map(|(id, _)| formats::format(*id)).filter(|format| format.op == exchange.format.op);
    match (exchange.format.codec, spoken.find_map(|format| format.codec.map(|codec| (format, codec)))) {
        (Some(from), Some((to, into))) => Ok(Way::Translate { to, into, from }),
        _ => Err(Failure::refused(&crate::error::Error::invalid(format!(
            "provider `{}` speaks no format `{}` can be translated to",
            upstream.name, exchange.format.name
        )))),
    }
}

/// One attempt at one target.
async fn attempt(exchange: &Exchange<'_>, plan: &Plan, upstream: &Arc<Upstream>, choice: &Choice, watch: &Guard) -> Result<Answer, Outcome> {
    let settings = &exchange.worker.shared.settings;
    let spec = plan.route.as_ref().map(|route| &route.spec);
    let limit = |of_route: Option<crate::resources::Millis>, of_provider: Option<Duration>, default: Duration| {
        of_route.map(|limit| limit.std()).or(of_provider).unwrap_or(default)
    };
    let connect_limit = limit(spec.and_then(|spec| spec.connect_timeout), upstream.connect, settings.connect);
    let first_limit = limit(spec.and_then(|spec| spec.first_byte_timeout), upstream.first_byte, settings.first_event);
    let idle_limit = limit(spec.and_then(|spec| spec.idle_timeout), upstream.idle, settings.stream_idle);

    let way = way(exchange, upstream).map_err(Outcome::Failed)?;
    let (format, body) = body(exchange, upstream, choice, &way).map_err(Outcome::Failed)?;
    let request = || request(exchange, upstream, choice, format, matches!(way, Way::Same), body.clone());
    let late = |what: &str| Failure::timeout(format!("provider `{}` {what}", upstream.name));

    let (response, sender) = send(exchange, upstream, request, watch, connect_limit, first_limit).await?;
    let ticket = Ticket { sender, upstream: upstream.clone(), pool: exchange.worker.pool.clone() };
    let (head, incoming) = response.into_parts();
    if !head.status.is_success() {
        let failure = watch
            .run(refusal(head, incoming, upstream, exchange.format, ticket))
            .await
            .map_err(|fired| interrupted(fired, watch, late("sent an error and stalled")))?;
        return Err(Outcome::Failed(failure));
    }
    let mut passed = HeaderMap::new();
    headers::forward_response(&head.headers, &mut passed);
    let is = |kind: &str| {
        head.headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.trim_start().get(..kind.len()))
            .is_some_and(|start| start.eq_ignore_ascii_case(kind))
    };
    if head.headers.get(header::CONTENT_ENCODING).is_some_and(|value| value != "identity") {
        return Err(Outcome::Failed(Failure::upstream(format!("provider `{}` compressed its answer though it was asked not to", upstream.name))));
    }
    if exchange.peek.stream {
        if !is("text/event-stream") {
            return Err(Outcome::Failed(Failure::upstream(format!("provider `{}` was asked for a stream and answered with something else", upstream.name))));
        }
        let mode = match &way {
            Way::Same => Mode::Same { format: exchange.format, hide_usage: exchange.asks_usage(upstream) },
            Way::Translate { into, from, .. } => Mode::Translate { reader: into.reader(), writer: from.writer(&exchange.scene(choice)), events: Vec::new() },
        };
        let mut stream = Box::new(Stream::new(incoming, mode, ticket, idle_limit));
        watch.run(first_content(&mut stream)).await.map_err(|fired| interrupted(fired, watch, late("sent no content in time")))?.map_err(Outcome::Failed)?;
        return Ok(Answer::Stream { headers: passed, stream });
    }
    if !is("application/json") {
        return Err(Outcome::Failed(Failure::upstream(format!("provider `{}` answered with something that is not JSON", upstream.name))));
    }
    let bytes = watch
        .run(whole(incoming, settings.max_reply, || watch.within(Some(idle_limit))))
        .await
        .map_err(|fired| interrupted(fired, watch, late("stopped in the middle of its answer")))?
        .map_err(|why| Outcome::Failed(Failure::upstream(format!("provider `{}` {why}", upstream.name))))?;
    ticket.give_back();
    let (bytes, seen) = reply(exchange, &way, choice, bytes).map_err(Outcome::Failed)?;
    Ok(Answer::Whole { headers: passed, bytes, seen })
}

fn interrupted(fired: Fired, watch: &Guard, late: Failure) -> Outcome {
    match fired {
        Fired::Deadline => {
            watch.rearm();
            Outcome::Failed(late)
        }
        other => Outcome::Interrupted(other),
    }
}

/// The upstream request's body, spliced or translated, and its format.
fn body(exchange: &Exchange<'_>, upstream: &Upstream, choice: &Choice, way: &Way) -> Result<(&'static Format, Bytes), Failure> {
    Ok(match way {
        Way::Same => (exchange.format, exchange.spliced(&choice.model, exchange.asks_usage(upstream))),
        Way::Translate { to, into, from } => (*to, exchange.translated(*from, *into, upstream, &choice.model).map_err(|error| Failure::refused(&error))?),
    })
}

/// The upstream request: headers from the allow-list where the format is the `same`, the credential last.
fn request(exchange: &Exchange<'_>, upstream: &Upstream, choice: &Choice, format: &Format, same: bool, body: Bytes) -> Result<Request<Full<Bytes>>, Failure> {
    let target = upstream
        .target(format.id, &choice.model)
        .ok_or_else(|| Failure::upstream(format!("provider `{}` has no address for `{}`", upstream.name, format.name)))?;
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = target;
    let headers = request.headers_mut();
    headers.reserve(10);
    headers.insert(header::HOST, upstream.host.clone());
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::ACCEPT, HeaderValue::from_static(if exchange.peek.stream { "text/event-stream" } else { "application/json" }));
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(concat!("gw/", env!("CARGO_PKG_VERSION"))));
    for (name, value) in &upstream.headers {
        headers.insert(name.clone(), value.clone());
    }
    if same {
        headers::forward_request(exchange.headers, headers);
    }
    sign_in(exchange, upstream, headers)?;
    Ok(request)
}

fn sign_in(exchange: &Exchange<'_>, upstream: &Upstream, headers: &mut HeaderMap) -> Result<(), Failure> {
    match &upstream.sign_in {
        SignIn::Header(name, value) => {
            headers.insert(name.clone(), value.clone());
        }
        SignIn::Passthrough(auth) => {
            let own = exchange.own.as_ref().ok_or_else(|| {
                Failure::refused(
                    &crate::error::Error::new(
                        crate::error::Kind::Unauthenticated,
                        format!("provider `{}` passes the caller's own key through, and none was sent", upstream.name),
                    )
                    .hint("send the gateway key as `x-gw-key` and the provider's key as usual"),
                )
            })?;
            let text = own.to_str().unwrap_or_default();
            let key = text.strip_prefix("Bearer ").or_else(|| text.strip_prefix("bearer ")).unwrap_or(text);
            let (name, text) = match auth {
                Auth::Bearer => (header::AUTHORIZATION, format!("Bearer {key}")),
                Auth::Header(name) => (HeaderName::from_static(name), key.to_owned()),
            };
            let mut value = HeaderValue::try_from(text).map_err(|_| Failure::upstream("the caller's own key cannot be sent on".into()))?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        SignIn::Nothing => {}
        // Why is for the operator (`gw status`): it may name files and variables.
        SignIn::Unavailable(_) => return Err(Failure::credential(format!("the credential of provider `{}` is not available", upstream.name))),
    }
    Ok(())
}

/// Sends over an idle connection, or a new one. A reused connection that turns out to be closed costs one
/// silent repetition with the request made anew, which is rarer than keeping a copy of each would be worth:
/// nothing of an answer had come.
async fn send(
    exchange: &Exchange<'_>,
    upstream: &Arc<Upstream>,
    request: impl Fn() -> Result<Request<Full<Bytes>>, Failure>,
    watch: &Guard,
    connect_limit: Duration,
    first_limit: Duration,
) -> Result<(Response<Incoming>, SendRequest<Full<Bytes>>), Outcome> {
    let worker = exchange.worker;
    while let Some(mut sender) = worker.pool.take(&upstream.origin) {
        watch.within(Some(first_limit));
        let late = || Failure::timeout(format!("provider `{}` did not answer in time", upstream.name));
        let ready = watch.run(sender.ready()).await.map_err(|fired| interrupted(fired, watch, late()))?;
        if ready.is_err() {
            continue;
        }
        match watch.run(sender.send_request(request().map_err(Outcome::Failed)?)).await.map_err(|fired| interrupted(fired, watch, late()))? {
            Ok(response) => return Ok((response, sender)),
            // Never sent: the next idle connection may do.
            Err(error) if error.is_canceled() => {}
            // Perhaps sent: once more, over a connection that is surely open, and no more than once.
            Err(error) if error.is_incomplete_message() || error.is_closed() || is_reset(&error) => break,
            Err(error) => return Err(Outcome::Failed(Failure::upstream(format!("provider `{}` broke the connection: {}", upstream.name, cause(&error))))),
        }
    }
    watch.within(Some(connect_limit));
    let connected = watch.run(connect::connect(upstream)).await;
    let mut sender = connected
        .map_err(|fired| {
            interrupted(fired, watch, Failure { class: Class::Timeout, ..Failure::timeout(format!("cannot connect to provider `{}` in time", upstream.name)) })
        })?
        .map_err(Outcome::Failed)?;
    watch.within(Some(first_limit));
    let sent = watch.run(sender.send_request(request().map_err(Outcome::Failed)?)).await;
    match sent.map_err(|fired| interrupted(fired, watch, Failure::timeout(format!("provider `{}` did not answer in time", upstream.name))))? {
        Ok(response) => Ok((response, sender)),
        Err(error) => Err(Outcome::Failed(Failure::upstream(format!("provider `{}` broke the connection: {}", upstream.name, cause(&error))))),
    }
}

fn is_reset(error: &hyper::Error) -> bool {
    std::error::Error::source(error)
        .and_then(|source| source.downcast_ref::<std::io::Error>())
        .is_some_and(|error| matches!(error.kind(), std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe))
}

fn cause(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error} ({source})"),
        None => error.to_string(),
    }
}

/// Reads a stream up to its first content event.
async fn first_content(stream: &mut Stream) -> Result<(), Failure> {
    loop {
        match poll_fn(|cx| stream.poll_step(cx)).await {
            Step::Content => return Ok(()),
            Step::Setup if stream.out.iter().map(Bytes::len).sum::<usize>() > HELD => return Ok(()),
            Step::Setup => {}
            Step::End if stream.seen.finished || !stream.out.is_empty() => {
                return Err(Failure::upstream("the upstream ended the stream without content".into()));
            }
            Step::End => return Err(Failure::upstream("the upstream sent an empty stream".into())),
            Step::Failed { failure, .. } => return Err(failure),
        }
    }
}

/// Reads a whole body; without a copy where it comes in one piece. `touch` is called as each piece comes.
async fn whole(mut incoming: Incoming, most: usize, touch: impl Fn()) -> Result<Bytes, &'static str> {
    let mut first = Bytes::new();
    let mut rest: Option<BytesMut> = None;
    while let Some(frame) = incoming.frame().await {
        let Ok(data) = frame.map_err(|_| "broke off in the middle of its answer")?.into_data() else { continue };
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
fn reply(exchange: &Exchange<'_>, way: &Way, choice: &Choice, bytes: Bytes) -> Result<(Bytes, Seen), Failure> {
    let mut seen = Seen::default();
    match way {
        Way::Same => {
            let text = bytes.trim_ascii();
            if text.len() <= 2 || text[0] != b'{' || text[text.len() - 1] != b'}' {
                return Err(Failure::upstream("the upstream's answer is not a JSON object".into()));
            }
            (exchange.format.observe_reply)(&bytes, &mut seen);
            seen.finished = true;
            Ok((bytes, seen))
        }
        Way::Translate { into, from, .. } => {
            let reply = into.read_reply(&bytes).map_err(|error| Failure::upstream(format!("the upstream's answer cannot be read: {}", error.message)))?;
            seen.usage = reply.usage;
            if seen.usage.is_none() {
                seen.text_bytes = reply.events().iter().map(crate::chat::Event::text_len).sum();
            }
            seen.finished = true;
            Ok((from.write_reply(&reply, &exchange.scene(choice)).into(), seen))
        }
    }
}

/// An upstream's error answer as a failure.
async fn refusal(head: http::response::Parts, incoming: Incoming, upstream: &Upstream, format: &'static Format, ticket: Ticket) -> Failure {
    const MOST: usize = 64 << 10;
    let status = head.status.as_u16();
    if head.status.is_redirection() || head.status == StatusCode::SWITCHING_PROTOCOLS {
        return Failure {
            status: Some(status),
            ..Failure::upstream(format!("provider `{}` answered with a redirect, which gw does not follow", upstream.name))
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
    let json = head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|value| value.contains("json"));
    let original = (upstream.speaks(format.id) && json && !body.is_empty()).then(|| Box::new((passed, body)));
    Failure { class: Class::of_status(status, retry_after.is_some(), &fault.message), fault, status: Some(status), retry_after, original }
}
