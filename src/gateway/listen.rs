//! Path and headers -> what is asked for. The few hot paths are matched by hand; the admin API is not here.

use super::{
    asked::{Asked, begun},
    caller::{self, InQuery},
    forward::{self, Forwarded},
    incoming::Incoming,
    keeping::{self, Named},
    models, parcel,
    passthrough::{self, Through},
    pipeline, respond,
    response::Response,
    spoken::{spoken, unserved},
    worker::Worker,
};
use crate::chat::Op;
use crate::error::{Error, Kind};
use crate::formats::{self, Api, Called, Format};
use crate::http1::{
    fields::Fields,
    request::{Parts, Refused},
};
use crate::plan::{Snapshot, route};
use crate::store::journal::Outcome;
use http::Method;
use serde_json::json;
use std::{borrow::Cow, rc::Rc};

/// One request, whatever it is.
pub async fn handle(worker: Rc<Worker>, head: Box<Parts>, incoming: Incoming) -> Response {
    let api = || spoken(head.uri.path(), &head.headers);
    let taken = taken(&worker, &head, &incoming)
        .unwrap_or_else(|error| Taken::Answered(respond::plain(&error, api())));
    match taken {
        Taken::Served(asked) => pipeline::serve(&worker, &asked, head, incoming).await,
        // In boxes: requests of formats must not carry their room about.
        Taken::Forwarded(forwarded) => {
            Box::pin(forward::serve(&worker, &forwarded, &head, incoming)).await
        }
        Taken::Kept(named) => Box::pin(keeping::serve(&worker, &named, &head, incoming)).await,
        Taken::Answered(mut answer) => {
            respond::identify(&mut answer.headers, api(), &worker.next_id());
            answer
        }
    }
}

/// The answer to a head that is no request, in the words of the API that it seems to speak.
pub fn refused(worker: &Worker, refused: &Refused) -> Response {
    let api = spoken(&refused.path, &refused.headers);
    let error = Error::invalid(refused.why).hint(respond::PLAIN_HTTP);
    let mut answer = respond::plain_as(refused.status, &error, api);
    respond::identify(&mut answer.headers, api, &worker.next_id());
    answer
}

/// What a request comes to by its head alone.
enum Taken {
    Served(Asked),
    Forwarded(Forwarded),
    /// Of an answer that a provider keeps.
    Kept(Named),
    Answered(Response),
}

fn taken(worker: &Worker, head: &Parts, incoming: &Incoming) -> crate::error::Result<Taken> {
    browsers(head)?;
    let path = head.uri.path();
    if let Some(called) = formats::called(path) {
        return Ok(served(worker, Asked::of(called, None), head));
    }
    let serving = worker.shared.serving.load();
    let place = Place::of(&serving.snapshot, &head.method, path, &head.headers)?;
    Ok(match place {
        Place::Format(asked) => served(worker, asked, head),
        Place::Through(through) => Taken::Forwarded(Forwarded::Through(through)),
        Place::Kept(named) => match method(head, &named.method, Api::Openai) {
            Some(wrong) => Taken::Answered(wrong),
            None => Taken::Kept(named),
        },
        Place::Models(path) => Taken::Answered(models(worker, head, incoming, path)),
        Place::Alive => Taken::Answered(respond::json(200, &json!({"status": "ok"}))),
        Place::Ready => Taken::Answered(ready(worker)),
    })
}

/// What a request is for, by its method, path and headers alone.
pub enum Place<'a> {
    /// An endpoint of a format's.
    Format(Asked),
    /// A provider itself.
    Through(Through),
    /// Something that a provider keeps.
    Kept(Named),
    /// Models; the path as it is behind a route's.
    Models(&'a str),
    Alive,
    Ready,
}

impl<'a> Place<'a> {
    /// Errors: 404 where nothing is.
    pub fn of(
        snapshot: &'a Snapshot,
        method: &Method,
        path: &'a str,
        headers: &Fields,
    ) -> crate::error::Result<Place<'a>> {
        if let Some(called) = formats::called(path) {
            return Ok(Place::Format(Asked::of(called, None)));
        }
        match path {
            _ if !path.starts_with("/models") && models_path(path) => {
                return Ok(Place::Models(path));
            }
            "/healthz" => return Ok(Place::Alive),
            "/readyz" => return Ok(Place::Ready),
            _ if passthrough::is_one(path) => {
                return Ok(Place::Through(Through::read(path, method, None)?));
            }
            _ => {}
        }
        if let Some(named) = keeping::named(path, method) {
            return Ok(Place::Kept(named));
        }
        let below = Below::of(snapshot, path).ok_or_else(|| unknown(path, path))?;
        let rest = below.rest;
        if let Some(called) = below.format(headers) {
            let bound = below.bound.then(|| path.to_owned());
            return Ok(Place::Format(Asked::of(called, bound)));
        }
        if let Some(named) = keeping::named(rest, method) {
            return Ok(Place::Kept(named));
        }
        if passthrough::is_one(rest) {
            return Ok(Place::Through(Through::read(rest, method, Some(path))?));
        }
        match models_path(rest) {
            true => Ok(Place::Models(rest)),
            false => Err(unknown(path, rest)),
        }
    }
}

/// A path that is none of gw's own: some route is bound to it, or it is one that Azure has.
struct Below<'a> {
    /// The model, where the path names it in front of the rest.
    model: Option<Cow<'a, str>>,
    rest: &'a str,
    /// A route is bound to it.
    bound: bool,
}

impl<'a> Below<'a> {
    fn of(snapshot: &'a Snapshot, path: &'a str) -> Option<Below<'a>> {
        let bound = route::by_path(snapshot, path).next();
        let (model, rest) = match bound {
            Some((_, rest)) => (None, rest),
            None => formats::on_azure(path)?,
        };
        Some(Below {
            model,
            rest,
            bound: bound.is_some(),
        })
    }

    /// What it asks for: by what follows the route's path, else by the headers.
    fn format(&self, headers: &Fields) -> Option<Called<'a>> {
        let called = match self.rest.trim_end_matches('/') {
            "" | "/v1" => formats::called(if headers.has("anthropic-version") {
                "/v1/messages"
            } else {
                "/v1/chat/completions"
            }),
            rest => formats::called(rest).or_else(|| formats::called_below("/v1", rest)),
        }?;
        Some(Called {
            model: self.model.clone().or(called.model),
            ..called
        })
    }
}

/// 404, which says what of a known API is not served yet.
fn unknown(path: &str, rest: &str) -> Error {
    let path = path.escape_debug();
    Error::not_found(match unserved(rest) {
        Some(what) => format!("`{path}` belongs to {what}, which gw does not serve yet"),
        None => format!("there is nothing at `{path}`"),
    })
    .hint(format!("POST {}; GET /v1/models", served_paths()))
}

/// Where callers of each format send requests: conversations first, what is only forwarded left out.
fn served_paths() -> String {
    let mut rows: Vec<&Format> = formats::FORMATS.to_vec();
    rows.retain(|format| !matches!(format.op, Op::Completions | Op::Forward(_) | Op::Keep(_)));
    rows.sort_by_key(|format| format.op != Op::Chat);
    let mut paths: Vec<&str> = rows
        .iter()
        .filter_map(|format| Some(format.entries.first()?.path))
        .collect();
    match paths.pop() {
        Some(last) if !paths.is_empty() => format!("{} or {last}", paths.join(", ")),
        last => last.unwrap_or_default().to_owned(),
    }
}

/// To be served, unless it comes with a method that the path does not take.
fn served(worker: &Worker, asked: Asked, head: &Parts) -> Taken {
    if head.method == Method::GET
        && let Some(all) = Named::all(asked.format, asked.path.clone())
    {
        return Taken::Kept(all);
    }
    match wrong_method(worker, asked.format, head) {
        Some(wrong) => Taken::Answered(wrong),
        None => match asked.format.media && parcel::is_form(&head.headers) {
            true => Taken::Forwarded(Forwarded::Form(asked)),
            false => Taken::Served(asked),
        },
    }
}

/// The answer to a method the path does not take: 405.
fn method(head: &Parts, expected: &Method, api: Api) -> Option<Response> {
    if head.method == *expected {
        return None;
    }
    let error = Error::invalid(format!(
        "`{}` takes {expected}, not {}",
        head.uri.path().escape_debug(),
        head.method
    ))
    .hint(format!("send it with {expected}"));
    Some(respond::not_allowed(&error, api, expected))
}

/// The answer to a client that would rather speak over a WebSocket: 426, from which it goes on with requests at once.
/// Codex tries seven times over where it is told anything else.
fn websocket(head: &Parts, api: Api) -> Option<Response> {
    let upgrade = head.headers.get("upgrade")?;
    if head.method != Method::GET || !upgrade.eq_ignore_ascii_case(b"websocket") {
        return None;
    }
    let error = Error::invalid(format!(
        "`{}` is not served over WebSockets",
        head.uri.path().escape_debug()
    ))
    .hint("send each request with POST; `\"stream\": true` streams its answer");
    Some(respond::upgrade_required(&error, api))
}

/// The same where requests are served, and so recorded: a row names the key wherever one was presented.
fn wrong_method(worker: &Worker, format: &'static Format, head: &Parts) -> Option<Response> {
    let (mut refusal, why) = match websocket(head, format.api) {
        Some(refusal) => (refusal, "no WebSockets are served".to_owned()),
        None => (
            method(head, &Method::POST, format.api)?,
            format!("the path takes POST, not {}", head.method),
        ),
    };
    let shared = &worker.shared;
    let mut record = begun(worker, format);
    if let Some(caller) = caller::whose(
        shared,
        &shared.serving.load(),
        head,
        InQuery::of(format.api),
    ) {
        record.refused(&caller, None);
    }
    record.error(&why);
    record.finish(refusal.status.as_u16(), Outcome::Failed);
    respond::about(&mut refusal.headers, format, &record, false);
    Some(refusal)
}

/// A web page must not be able to use a gateway on this machine: it cannot guess a key, but a browser may
/// hold one. No page is an allowed origin.
fn browsers(head: &Parts) -> crate::error::Result<()> {
    let cross = head
        .headers
        .get("sec-fetch-site")
        .is_some_and(|site| site == b"cross-site");
    match cross || head.headers.has("origin") {
        false => Ok(()),
        true => Err(
            Error::new(Kind::Forbidden, "requests from web pages are not served")
                .hint("call the gateway from a program, not from a page"),
        ),
    }
}

/// Whether a path, as it is behind a route's, asks for models. Some of another API look like it.
fn models_path(path: &str) -> bool {
    models::id(path).is_some() && unserved(path).is_none() && formats::called(path).is_none()
}

/// The list of models or one of them, for `GET`. `path`: as it is behind a route's.
fn models(worker: &Worker, head: &Parts, incoming: &Incoming, path: &str) -> Response {
    let api = spoken(head.uri.path(), &head.headers);
    if let Some(wrong) = method(head, &Method::GET, api) {
        return wrong;
    }
    let serving = worker.shared.serving.load();
    let now = crate::resources::Stamp::now().0;
    // Clients of every API read the same list, Google's among them.
    match caller::admit(&worker.shared, &serving, head, InQuery::Taken, now) {
        Ok(admitted) => {
            worker.crowd.know(incoming.conn());
            let asked = models::Asked {
                path,
                query: head.uri.query().unwrap_or_default(),
                headers: &head.headers,
            };
            match asked.answer(&serving, &admitted.caller) {
                Ok(found) => respond::json(200, &found),
                Err(error) => respond::plain(&error, api),
            }
        }
        Err(denied) => respond::plain(&denied.error, api),
    }
}

/// Serving goes on when the log does not: degraded is said, and still 200.
fn ready(worker: &Worker) -> Response {
    let shared = &worker.shared;
    let mut reasons: Vec<String> = shared
        .degraded
        .load()
        .iter()
        // What comes behind the name may name files and variables, and anybody may ask here.
        .map(|why| {
            format!(
                "{}: not available, see `gw status`",
                why.split(": ").next().unwrap_or_default()
            )
        })
        .collect();
    let serving = shared.serving.load();
    let lapsed = serving.upstreams.iter().filter(|upstream| {
        let trouble = upstream.trouble();
        trouble.is_some_and(|trouble| trouble.lapses.is_none())
            || upstream.standing.refusal().is_some()
    });
    reasons.extend(lapsed.map(|upstream| {
        format!(
            "provider `{}`: not available, see `gw status`",
            upstream.name
        )
    }));
    if shared.records.health().degraded.is_some() {
        reasons.push("state store: changes are refused or not exported, see `gw status`".into());
    }
    reasons.extend(
        shared
            .journal
            .health()
            .trouble()
            .map(|why| format!("request log: {why}")),
    );
    let counters = shared.counters.health();
    // Files are named in what is said of damage, and anybody may ask here.
    let damaged = counters
        .damaged
        .map(|_| "counters: damaged, see `gw status`".to_owned());
    reasons.extend(damaged);
    reasons.extend(counters.degraded.map(|why| format!("counters: {why}")));
    if shared.is_stopping() {
        return respond::json(503, &json!({"status": "stopping"}));
    }
    respond::json(
        200,
        &json!({"status": if reasons.is_empty() { "ready" } else { "degraded" }, "degraded": reasons}),
    )
}
