//! One request from its head to its answer, top to bottom: caller, body, peek, plan, attempts, answer.

use super::{
    World,
    answer::Answer,
    attempt,
    body::Body,
    caller,
    gate::Conn,
    record::{Record, estimate},
    relay::Relay,
    respond,
    upstream::Upstream,
    watch::{Fired, Guard},
    worker::Worker,
};
use crate::chat::Chat;
use crate::error::{Error, Kind, Result};
use crate::formats::{Codec, Dropped, Format, Scene, peek, peek::Peek, splice};
use crate::plan::{self, Ask, Choice, Dice, Needs};
use crate::store::journal::Outcome;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::{
    cell::{OnceCell, RefCell},
    rc::Rc,
    sync::{Arc, atomic::Ordering},
};

/// What the attempts need to know of the request.
pub struct Exchange<'a> {
    pub worker: &'a Rc<Worker>,
    pub world: &'a Arc<World>,
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
        self.format.usage_on_request && self.peek.stream && !self.peek.include_usage && upstream.vendor.stream_usage
    }

    /// The body for an upstream of the same format.
    pub fn spliced(&self, model: &str, include_usage: bool) -> Bytes {
        match !include_usage && self.peek.model.as_deref() == Some(model) {
            true => self.body.clone(),
            false => splice::splice(self.body, self.peek, model, include_usage).into(),
        }
    }

    /// The body for an upstream of another format.
    pub fn translated(&self, from: &dyn Codec, into: &dyn Codec, model: &str) -> Result<Bytes> {
        let chat = self.chat.get_or_init(|| from.read_request(self.body)).as_ref().map_err(|error| Error {
            kind: error.kind,
            message: error.message.clone(),
            hint: error.hint.clone(),
            param: error.param.clone(),
            cause: None,
        })?;
        let mut chat = chat.clone();
        chat.model = model.to_owned();
        let mut dropped = Dropped::new();
        let body = into.write_request(&chat, &mut dropped)?;
        *self.dropped.borrow_mut() = dropped;
        Ok(body.into())
    }

    /// What a writer of the caller's format needs beside the reply.
    pub fn scene(&self, choice: &Choice) -> Scene {
        Scene { request_id: self.request_id.to_owned(), model: choice.model.to_string(), include_usage: self.peek.include_usage, created: self.now / 1_000 }
    }
}

/// Serves one request of a known format. `path`: what a route may be bound to, where it is not gw's own.
pub async fn serve(worker: &Rc<Worker>, conn: &Rc<Conn>, format: &'static Format, path: Option<&str>, request: Request<Incoming>) -> Response<Body> {
    let mut record = Record::begin(worker.shared.clone(), worker.next_id());
    record.row.format = format.name.to_owned();
    let watch = worker.watches.add();
    match answer(worker, format, path, request, &mut record, &watch).await {
        Ok((Answer::Whole { mut headers, bytes, seen }, dropped)) => {
            record.usage(&seen);
            record.row.dropped = dropped;
            record.response(&bytes);
            record.finish(200, Outcome::Ok);
            respond::about(&mut headers, &record, true);
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            respond::with(headers, Body::whole(bytes).on(conn.clone()))
        }
        Ok((Answer::Stream { mut headers, stream }, dropped)) => {
            record.row.dropped = dropped;
            respond::about(&mut headers, &record, false);
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
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
        Refusal::Own { error, close: false }
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
    let world = shared.world.load_full();
    let now = record.row.at.0;
    let (head, incoming) = request.into_parts();

    let admitted = caller::admit(shared, &world, &head.headers, now).map_err(unread)?;
    record.caller(&admitted.caller);
    watch.belongs_to(admitted.digest, admitted.caller.clone());
    room(worker).map_err(unread)?;

    let body = read(worker, &head.headers, incoming, watch).await?;
    record.request(&body);
    let peek = peek::peek(&body, shared.settings.json_depth)?;
    record.row.stream = peek.stream;
    record.row.requested_model = peek.model.as_deref().map(str::to_owned);

    let ask = Ask {
        op: format.op,
        model: peek.model.as_deref(),
        path,
        needs: Needs { tools: peek.tools, images: peek.images, schema: peek.schema },
        tokens: estimate(body.len() as u64 / if peek.images { 64 } else { 1 }),
    };
    let plan = {
        let mut dice = worker.dice.borrow_mut();
        let route = admitted.caller.routes.first().and_then(|route| Some((route.spec.seed?, route.turns.fetch_add(1, Ordering::Relaxed))));
        let mut seeded = route.map(|(seed, turn)| Dice::seeded(seed, turn));
        plan::plan(&world.snapshot, &admitted.caller, &ask, &shared.health, seeded.as_mut().unwrap_or(&mut dice), now)?
    };
    record.row.route = plan.route.as_ref().map(|route| route.name.to_string());

    let request_id = record.row.id.clone();
    let exchange = Exchange {
        worker,
        world: &world,
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

/// Whether there is room for one more request.
fn room(worker: &Worker) -> Result<()> {
    let shared = &worker.shared;
    let full = |what: &str| Err(Error::new(Kind::Unavailable, format!("the gateway has {what}")).hint("try again shortly"));
    if shared.in_flight.load(Ordering::Relaxed) > shared.settings.max_in_flight {
        return full("too many requests in flight");
    }
    if shared.in_flight_bytes.load(Ordering::Relaxed) > shared.settings.max_in_flight_bytes {
        return full("too many request bytes in flight");
    }
    if shared.settings.refuse_unlogged && shared.journal.health().degraded.is_some() {
        return full("been told to serve nothing it cannot log, and its log cannot be written");
    }
    Ok(())
}

/// Reads the request's body. The length is checked before anything is read, so that nothing invites the
/// caller to send what will be refused (no `100 Continue`).
async fn read(worker: &Worker, headers: &HeaderMap, mut incoming: Incoming, watch: &Guard) -> Result<Bytes, Refusal> {
    let settings = &worker.shared.settings;
    let unread = |error: Error| Refusal::Own { error, close: true };
    let too_large =
        || Error::new(Kind::TooLarge, format!("the request body is larger than {} bytes", settings.max_body)).hint("send less, or raise limits.max_body");
    if headers.get(header::CONTENT_ENCODING).is_some_and(|value| value != "identity") {
        return Err(unread(Error::invalid("the request body is compressed, which gw does not take").hint("send it without Content-Encoding")));
    }
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()).and_then(|text| text.parse::<usize>().ok()).unwrap_or(0);
    if announced > settings.max_body {
        return Err(unread(too_large()));
    }
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    loop {
        watch.within(Some(settings.body_stall));
        let frame = match watch.run(incoming.frame()).await {
            Ok(None) => break,
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(error))) => return Err(unread(Error::invalid(format!("the request body cannot be read: {error}")))),
            Err(Fired::Deadline) => return Err(unread(Error { kind: Kind::Timeout, ..Error::invalid("the request body stopped arriving") })),
            Err(fired) => return Err(Refusal::Interrupted(fired)),
        };
        let Ok(data) = frame.into_data() else { continue };
        if first.len() + all.len() + data.len() > settings.max_body {
            return Err(unread(too_large()));
        }
        // Most bodies come in one piece, which is then the body.
        if first.is_empty() && all.is_empty() {
            first = data;
            continue;
        }
        if all.is_empty() {
            all.reserve(announced.max(first.len() + data.len()));
            all.extend_from_slice(&std::mem::take(&mut first));
        }
        all.extend_from_slice(&data);
    }
    watch.within(None);
    Ok(if all.is_empty() { first } else { all.freeze() })
}
