//! One request from its head to its answer, top to bottom: caller, body, peek, plan, attempts, answer.

use super::{
    Serving, Settings,
    answer::Answer,
    attempt,
    body::Body,
    caller,
    gate::Conn,
    record::{Record, estimate},
    relay::Relay,
    respond,
    watch::{Fired, Guard},
    worker::Worker,
};
use crate::chat::Chat;
use crate::error::{Error, Kind, Result};
use crate::formats::{Codec, Dropped, Format, ReplyContext, peek, peek::Peek, splice};
use crate::plan::{self, Ask, Caller, Choice, Draw, Needs};
use crate::store::journal::Outcome;
use crate::upstream::Upstream;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::{
    cell::{OnceCell, RefCell},
    rc::Rc,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

/// What the attempts need to know of the request.
pub struct Exchange<'a> {
    pub worker: &'a Rc<Worker>,
    pub serving: &'a Arc<Serving>,
    pub format: &'static Format,
    pub headers: &'a HeaderMap,
    pub body: &'a Bytes,
    pub peek: &'a Peek<'a>,
    /// The caller's own provider key.
    pub own: Option<HeaderValue>,
    pub request_id: &'a str,
    /// Unix time in milliseconds.
    pub now: i64,
    /// The request in the neutral model, read when the first target of another format is tried.
    chat: OnceCell<Result<Chat>>,
    pub dropped: RefCell<Dropped>,
}

impl Exchange<'_> {
    /// Whether gw asks for usage in the stream where the caller did not, and hides it again.
    pub fn asks_usage(&self, upstream: &Upstream) -> bool {
        self.format.usage_on_request
            && self.peek.stream
            && !self.peek.include_usage
            && upstream.vendor.quirks.stream_usage
    }

    /// The body for an upstream of the same format.
    pub fn spliced(&self, model: &str, include_usage: bool) -> Bytes {
        match !include_usage && self.peek.model.as_deref() == Some(model) {
            true => self.body.clone(),
            false => splice::splice(self.body, self.peek, model, include_usage).into(),
        }
    }

    /// The body for an upstream of another format.
    pub fn translated(
        &self,
        from: &dyn Codec,
        into: &dyn Codec,
        upstream: &Upstream,
        model: &str,
    ) -> Result<Bytes> {
        let chat = self
            .chat
            .get_or_init(|| from.read_request(self.body))
            .as_ref()
            .map_err(|error| Error {
                kind: error.kind,
                message: error.message.clone(),
                hint: error.hint.clone(),
                param: error.param.clone(),
                cause: None,
            })?;
        let mut chat = chat.clone();
        chat.model = model.to_owned();
        let mut dropped = Dropped::new();
        let body = into.write_request(&chat, &upstream.vendor.quirks, &mut dropped)?;
        *self.dropped.borrow_mut() = dropped;
        Ok(body.into())
    }

    /// What a writer of the caller's format needs beside the reply.
    pub fn context(&self, choice: &Choice) -> ReplyContext {
        ReplyContext {
            request_id: self.request_id.to_owned(),
            model: choice.model.to_string(),
            include_usage: self.peek.include_usage,
            created: self.now / 1_000,
        }
    }
}

/// Serves one request of a known format. `path`: what a route may be bound to, where it is not gw's own.
pub async fn serve(
    worker: &Rc<Worker>,
    conn: &Rc<Conn>,
    format: &'static Format,
    path: Option<&str>,
    request: Request<Incoming>,
) -> Response<Body> {
    let mut record = Record::begin(worker.shared.clone(), worker.next_id());
    record.row.format = format.name.to_owned();
    let watch = worker.watches.add();
    match answer(worker, format, path, request, &mut record, &watch).await {
        Ok((
            Answer::Whole {
                mut headers,
                bytes,
                seen,
            },
            dropped,
        )) => {
            record.usage(&seen);
            record.row.dropped = dropped;
            record.response(&bytes);
            record.finish(200, Outcome::Ok);
            respond::about(&mut headers, &record, true);
            headers.insert(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json"),
            );
            respond::with(headers, Body::whole(bytes).on(conn.clone()))
        }
        Ok((
            Answer::Stream {
                mut headers,
                stream,
            },
            dropped,
        )) => {
            record.row.dropped = dropped;
            respond::about(&mut headers, &record, false);
            headers.insert(
                header::CONTENT_TYPE,
                HeaderValue::from_static("text/event-stream"),
            );
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            let relay = Relay::new(*stream, record, watch, format, worker.shared.settings.ping);
            respond::with(headers, Body::relay(relay).on(conn.clone()))
        }
        Err(refusal) => respond::refuse(format, refusal, &mut record, conn),
    }
}

/// Why a request gets an error.
pub enum Refusal {
    /// gw's own word. `close`: the request's body was not read, so the connection cannot go on.
    Own {
        error: Error,
        close: bool,
    },
    Failed(super::failure::Failure),
    Interrupted(Fired),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        Refusal::Own {
            error,
            close: false,
        }
    }
}

async fn answer(
    worker: &Rc<Worker>,
    format: &'static Format,
    path: Option<&str>,
    request: Request<Incoming>,
    record: &mut Record,
    watch: &Guard,
) -> Result<(Answer, Dropped), Refusal> {
    let shared = &worker.shared;
    let unread = |error: Error| Refusal::Own { error, close: true };
    let serving = shared.serving.load_full();
    let now = record.row.at.0;
    let (head, incoming) = request.into_parts();

    let admitted = caller::admit(shared, &serving, &head.headers, now).map_err(|denied| {
        if let Some((caller, why)) = denied.known {
            record.refused(&caller, why);
        }
        unread(denied.error)
    })?;
    record.caller(&admitted.caller);
    watch.belongs_to(admitted.digest, admitted.caller.clone());
    room(worker, &admitted.caller).map_err(unread)?;

    let body = read(&shared.settings, &head.headers, incoming, record, watch).await?;
    record.request(&body);
    let peek = peek::peek(&body, shared.settings.json_depth)?;
    record.row.stream = peek.stream;
    record.row.requested_model = peek.model.as_deref().map(str::to_owned);

    let ask = Ask {
        op: format.op,
        model: peek.model.as_deref(),
        path,
        needs: Needs {
            tools: peek.tools,
            images: peek.images,
            schema: peek.schema,
        },
        tokens: estimate(body.len() as u64 / if peek.images { 64 } else { 1 }),
    };
    let plan = {
        let draw = Draw {
            dice: &mut worker.dice.borrow_mut(),
            turn: None,
        };
        plan::plan(
            &serving.snapshot,
            &admitted.caller,
            &ask,
            &shared.health,
            draw,
            now,
        )?
    };
    record.row.route = plan.route.as_ref().map(|route| route.name.to_string());

    let request_id = record.row.id.clone();
    let exchange = Exchange {
        worker,
        serving: &serving,
        format,
        headers: &head.headers,
        body: &body,
        peek: &peek,
        own: admitted.own,
        request_id: &request_id,
        now,
        chat: OnceCell::new(),
        dropped: RefCell::default(),
    };
    match attempt::run(&exchange, &plan, record, watch).await {
        Ok(answer) => Ok((answer, exchange.dropped.into_inner())),
        Err(attempt::Outcome::Failed(failure)) => Err(Refusal::Failed(failure)),
        Err(attempt::Outcome::Interrupted(fired)) => Err(Refusal::Interrupted(fired)),
    }
}

fn full(what: &str) -> Error {
    Error::new(Kind::Unavailable, format!("the gateway has {what}")).hint("try again shortly")
}

/// Whether there is room for one more request.
fn room(worker: &Worker, caller: &Caller) -> Result<()> {
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
async fn read(
    settings: &Settings,
    headers: &HeaderMap,
    mut incoming: Incoming,
    record: &mut Record,
    watch: &Guard,
) -> Result<Bytes, Refusal> {
    let unread = |error: Error| Refusal::Own { error, close: true };
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
        return Err(unread(
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
        return Err(unread(too_large()));
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
                return Err(unread(Error::invalid(format!(
                    "the request body cannot be read: {error}"
                ))));
            }
            Err(Fired::Deadline) => {
                return Err(unread(
                    Error::new(Kind::Timeout, "the request body did not arrive in time")
                        .hint("send it again over a better connection"),
                ));
            }
            Err(fired) => return Err(Refusal::Interrupted(fired)),
        };
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let have = first.len() + all.len() + data.len();
        if have > settings.max_body {
            return Err(unread(too_large()));
        }
        if !record.hold(data.len()) {
            return Err(unread(full("too many request bytes in flight")));
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
