//! Path and headers -> what is asked for. The few hot paths are matched by hand; the admin API is not here.

use super::{
    body::Body, caller, gate::Conn, incoming::Incoming, models, pipeline, record::Record, respond,
    worker::Worker,
};
use crate::error::{Error, Kind};
use crate::formats::{FORMATS, Format, FormatId, format};
use crate::plan::route;
use crate::store::journal::Outcome;
use http::{HeaderValue, Method, Request, Response, header};
use hyper::body::Body as _;
use serde_json::json;
use std::{convert::Infallible, rc::Rc};

/// One request, whatever it is.
pub async fn handle(
    worker: Rc<Worker>,
    conn: Rc<Conn>,
    request: Request<hyper::body::Incoming>,
) -> Result<Response<Body>, Infallible> {
    let mut response = match conn.begin(!request.body().is_end_stream()) {
        Ok(()) => {
            let request = request.map(|body| Incoming::new(body, conn.clone()));
            route(&worker, &conn, request)
                .await
                .unwrap_or_else(|error| tied(respond::plain(&error), &conn))
        }
        Err(why) => respond::plain(&Error::invalid(why).hint(respond::PLAIN_HTTP)),
    };
    // In this one place: what was not read of a request must not be taken for the next one.
    if conn.unread() {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    Ok(response)
}

fn tied(response: Response<Body>, conn: &Rc<Conn>) -> Response<Body> {
    response.map(|body| body.on(conn.clone()))
}

async fn route(
    worker: &Rc<Worker>,
    conn: &Rc<Conn>,
    request: Request<Incoming>,
) -> crate::error::Result<Response<Body>> {
    browsers(&request)?;
    let path = request.uri().path();
    if let Some(format) = FORMATS.iter().find(|format| format.path == path) {
        if let Some(wrong) = wrong_method(worker, format, &request) {
            return Ok(tied(wrong, conn));
        }
        return Ok(pipeline::serve(worker, conn, format, None, request).await);
    }
    match path {
        "/v1/models" => Ok(tied(
            method(&request, &Method::GET, models_format(&request))
                .unwrap_or_else(|| list(worker, &request)),
            conn,
        )),
        "/healthz" => Ok(tied(respond::json(200, &json!({"status": "ok"})), conn)),
        "/readyz" => Ok(tied(ready(worker), conn)),
        _ => bound(worker, conn, request).await,
    }
}

/// A path some route is bound to.
async fn bound(
    worker: &Rc<Worker>,
    conn: &Rc<Conn>,
    request: Request<Incoming>,
) -> crate::error::Result<Response<Body>> {
    let path = request.uri().path().to_owned();
    let rest = {
        let serving = worker.shared.serving.load();
        route::by_path(&serving.snapshot, &path)
            .next()
            .map(|(_, rest)| rest.to_owned())
    };
    let unknown = || {
        Error::not_found(format!("there is nothing at `{}`", path.escape_debug()))
            .hint("POST /v1/chat/completions, /v1/messages or /v1/embeddings; GET /v1/models")
    };
    let rest = rest.ok_or_else(unknown)?;
    if rest.strip_prefix("/v1").unwrap_or(&rest) == "/models" {
        return Ok(tied(
            method(&request, &Method::GET, models_format(&request))
                .unwrap_or_else(|| list(worker, &request)),
            conn,
        ));
    }
    let format = under(&rest, &request).ok_or_else(unknown)?;
    if let Some(wrong) = wrong_method(worker, format, &request) {
        return Ok(tied(wrong, conn));
    }
    Ok(pipeline::serve(worker, conn, format, Some(&path), request).await)
}

/// The format of a request below a route's path: by what follows it, else by its headers.
fn under(rest: &str, request: &Request<Incoming>) -> Option<&'static Format> {
    match rest.trim_end_matches('/') {
        "" | "/v1" => Some(format(
            if request.headers().contains_key("anthropic-version") {
                FormatId::AnthropicMessages
            } else {
                FormatId::OpenaiChat
            },
        )),
        rest => FORMATS
            .iter()
            .copied()
            .find(|format| format.path == rest || format.path.strip_prefix("/v1") == Some(rest)),
    }
}

/// The answer to a method the path does not take: 405, in the error shape of the path's format.
fn method(
    request: &Request<Incoming>,
    expected: &Method,
    format: FormatId,
) -> Option<Response<Body>> {
    if request.method() == expected {
        return None;
    }
    let error = Error::invalid(format!(
        "`{}` takes {expected}, not {}",
        request.uri().path().escape_debug(),
        request.method()
    ))
    .hint(format!("send it with {expected}"));
    Some(respond::not_allowed(&error, format, expected))
}

/// The same where requests are served, and so recorded: a row names the key wherever one was presented.
fn wrong_method(
    worker: &Worker,
    format: &'static Format,
    request: &Request<Incoming>,
) -> Option<Response<Body>> {
    let refusal = method(request, &Method::POST, format.id)?;
    let shared = &worker.shared;
    let mut record = Record::begin(shared.clone(), worker.next_id());
    record.row.format = format.name.to_owned();
    if let Some(caller) = caller::whose(shared, &shared.serving.load(), request.headers()) {
        record.refused(&caller, None);
    }
    record.error(&format!("the path takes POST, not {}", request.method()));
    record.finish(refusal.status().as_u16(), Outcome::Failed);
    Some(refusal)
}

/// Whose shape an answer about models has.
fn models_format(request: &Request<Incoming>) -> FormatId {
    if request.headers().contains_key("anthropic-version") {
        FormatId::AnthropicMessages
    } else {
        FormatId::OpenaiChat
    }
}

/// A web page must not be able to use a gateway on this machine: it cannot guess a key, but a browser may
/// hold one. No page is an allowed origin.
fn browsers(request: &Request<Incoming>) -> crate::error::Result<()> {
    let cross = request
        .headers()
        .get("sec-fetch-site")
        .is_some_and(|site| site == "cross-site");
    match cross || request.headers().contains_key(header::ORIGIN) {
        false => Ok(()),
        true => Err(
            Error::new(Kind::Forbidden, "requests from web pages are not served")
                .hint("call the gateway from a program, not from a page"),
        ),
    }
}

fn list(worker: &Worker, request: &Request<Incoming>) -> Response<Body> {
    let serving = worker.shared.serving.load();
    match caller::admit(
        &worker.shared,
        &serving,
        request.headers(),
        crate::resources::Stamp::now().0,
    ) {
        Ok(admitted) => respond::json(
            200,
            &models::list(
                &serving,
                &admitted.caller,
                request.headers().contains_key("anthropic-version"),
            ),
        ),
        Err(denied) => respond::plain(&denied.error),
    }
}

/// Serving goes on when the log does not: degraded is said, and still 200.
fn ready(worker: &Worker) -> Response<Body> {
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
    if shared.records.health().degraded.is_some() {
        reasons.push("state store: changes are refused or not exported, see `gw status`".into());
    }
    reasons.extend(
        shared
            .journal
            .health()
            .degraded
            .map(|why| format!("request log: {why}")),
    );
    if shared.stopping.load(std::sync::atomic::Ordering::Relaxed) {
        return respond::json(503, &json!({"status": "stopping"}));
    }
    respond::json(
        200,
        &json!({"status": if reasons.is_empty() { "ready" } else { "degraded" }, "degraded": reasons}),
    )
}
