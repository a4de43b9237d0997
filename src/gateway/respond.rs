//! Answers with their headers, and every error: in the caller's own format, in this one place.

use super::{
    answer::{Answer, Came, Reply},
    body::Body,
    ended::Ended,
    failure::Failure,
    held::Held,
    limit,
    record::Record,
    relay::Relay,
    retry_after, spoken,
    watch::{Fired, Guard},
};
use crate::catalog;
use crate::chat::Fault;
use crate::error::{Error, Kind};
use crate::formats::{
    Api, Format, Framing, Seen,
    count::{self, Counted},
};
use crate::plan::retry::Class;
use crate::store::journal::Outcome;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

// Constants, so that names are checked when gw is built and not for each answer.
const ORIGIN: HeaderName = HeaderName::from_static("x-gw-origin");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-gw-request-id");
const ROUTE: HeaderName = HeaderName::from_static("x-gw-route");
const PROVIDER: HeaderName = HeaderName::from_static("x-gw-provider");
const MODEL: HeaderName = HeaderName::from_static("x-gw-model");
const DROPPED: HeaderName = HeaderName::from_static("x-gw-dropped");
const ATTEMPTS: HeaderName = HeaderName::from_static("x-gw-attempts");
const ESTIMATED: HeaderName = HeaderName::from_static("x-gw-estimated");
const COST: HeaderName = HeaderName::from_static("x-gw-cost");
const COST_STATUS: HeaderName = HeaderName::from_static("x-gw-cost-status");

/// A 200 with these headers.
pub fn with(headers: HeaderMap, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.headers_mut() = headers;
    response
}

/// The request's id in the header that clients of this API look into: the provider's where it gave one, which is what
/// its support asks for, else gw's.
pub fn identify(headers: &mut HeaderMap, api: Api, ours: &str) {
    identify_as(headers, api, HeaderValue::from_str(ours).ok());
}

fn identify_as(headers: &mut HeaderMap, api: Api, ours: Option<HeaderValue>) {
    let name = spoken::request_id(api);
    let fits = |id: &HeaderValue| !id.is_empty() && id.len() <= LONGEST_ID && id.to_str().is_ok();
    let mut theirs = None;
    for known in spoken::REQUEST_IDS {
        let id = headers.remove(&known).filter(fits);
        // Its own place says most.
        if theirs.is_none() || (known == name && id.is_some()) {
            theirs = id;
        }
    }
    if let Some(id) = theirs.or(ours) {
        headers.insert(name, id);
    }
}

/// Longest id of a provider's that is one.
const LONGEST_ID: usize = 256;

/// An answer, from here on in the hands of the caller's reading.
pub fn answer(
    format: &'static Format,
    answer: Answer,
    mut record: Box<Record>,
    watch: Guard,
    held: Held,
) -> Response<Body> {
    let Came {
        status: code,
        mut headers,
        handed,
        reply,
    } = answer.came;
    record.row.dropped = answer.dropped;
    const JSON: HeaderValue = HeaderValue::from_static("application/json");
    let body = match reply {
        Reply::Whole { bytes, seen } => {
            record.kept(&seen);
            record.usage(&seen);
            record.response(&bytes);
            record.finish(code.as_u16(), Outcome::Ok);
            about(&mut headers, format, &record, true);
            if !handed {
                headers.insert(header::CONTENT_TYPE, JSON);
            }
            Body::whole(held.keep(bytes))
        }
        Reply::Begun(stream) => {
            // Before the caller can know the id.
            record.kept(&stream.seen);
            // The request has gone out, and what comes is handed on as it comes.
            held.keep_only(record.request_kept());
            about(&mut headers, format, &record, false);
            if handed {
                record.carried(headers.get(header::CONTENT_TYPE));
            } else if stream.has_events() {
                let label = HeaderValue::from_static(stream.framing().label());
                headers.insert(header::CONTENT_TYPE, label);
            } else {
                headers.insert(header::CONTENT_TYPE, JSON);
            }
            if stream.has_events() && stream.framing() == Framing::Events {
                headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            }
            let length = stream.length;
            Body::relay(
                Relay::new(*stream, code, answer.entry, record, watch, held),
                length,
            )
        }
    };
    let mut response = with(headers, body);
    *response.status_mut() = code;
    response
}

/// What gw did, in `x-gw-*` headers. The cost of a stream is not known when its head is sent.
pub fn about(headers: &mut HeaderMap, format: &Format, record: &Record, whole: bool) {
    let row = &record.row;
    // With what the caller of this adds: the map grows once, and not further than it has to.
    headers.reserve(12);
    record.tell_limits(format.api, headers);
    let id = HeaderValue::from_str(&row.id).ok();
    identify_as(headers, format.api, id.clone());
    if let Some(id) = id {
        headers.insert(REQUEST_ID, id);
    }
    let mut put = |name: HeaderName, text: Option<&str>| {
        if let Some(value) = text.and_then(|text| HeaderValue::from_str(text).ok()) {
            headers.insert(name, value);
        }
    };
    put(ROUTE, row.route.as_deref());
    put(PROVIDER, row.provider.as_deref());
    put(MODEL, row.model.as_deref().map(shown));
    if !row.dropped.is_empty() {
        put(DROPPED, Some(&dropped(&row.dropped)));
    }
    let attempts = match row.attempts.len() {
        0 => None,
        1 => Some(HeaderValue::from_static("1")),
        more => Some(HeaderValue::from(more)),
    };
    if let Some(attempts) = attempts {
        headers.insert(ATTEMPTS, attempts);
    }
    if whole && let Some(cost) = record.priced() {
        headers.insert(COST_STATUS, HeaderValue::from_static(cost.status.name()));
        let dollars = cost.pico.map(catalog::dollars);
        if let Some(value) = dollars.and_then(|it| HeaderValue::try_from(it).ok()) {
            headers.insert(COST, value);
        }
    }
}

/// A name as headers show it. They carry ASCII alone, where any place is between two characters.
fn shown(name: &str) -> &str {
    const MOST: usize = 128;
    name.get(..MOST).unwrap_or(name)
}

/// The list as a header shows it: callers choose the names, and heads have bounds everywhere.
fn dropped(names: &[String]) -> String {
    const MOST: usize = 2 << 10;
    let mut list = String::new();
    for (at, name) in names.iter().enumerate() {
        if at > 0 {
            list.push_str(", ");
        }
        if list.len() + name.len() > MOST {
            list.push_str(&format!("and {} more", names.len() - at));
            break;
        }
        match name.is_ascii() {
            true => list.push_str(name),
            false => list.extend(name.chars().flat_map(char::escape_default)),
        }
    }
    list
}

/// Refuses a request whose format is known, and finishes its record.
pub fn refuse(format: &'static Format, ended: Ended, record: &mut Record) -> Response<Body> {
    let (error, outcome) = match ended {
        Ended::Failed(failure) => return failed(format, failure, record),
        Ended::Refused(error) => (error, Outcome::Failed),
        Ended::Limited(limited) => return over(format, &limited, record),
        Ended::Counted(count) => return counted(format, count, record),
        Ended::Gone => {
            record.finish(499, Outcome::ClientClosed);
            let error = Error::invalid("the connection ended before the request body did");
            (error, Outcome::ClientClosed)
        }
        Ended::Interrupted(Fired::Revoked) => (
            Error::new(Kind::Unauthenticated, "the API key was revoked"),
            Outcome::Revoked,
        ),
        Ended::Interrupted(Fired::Shutdown) => (
            Error::new(Kind::Unavailable, "the gateway is shutting down"),
            Outcome::Shutdown,
        ),
        Ended::Interrupted(Fired::Deadline) => (
            Error::new(
                Kind::Timeout,
                "the request took longer than the route allows in total",
            ),
            Outcome::Failed,
        ),
    };
    let fault = Fault::from(&error);
    record.error(&fault.message);
    record.finish(fault.status, outcome);
    let mut headers = HeaderMap::new();
    headers.insert(ORIGIN, HeaderValue::from_static("gateway"));
    if matches!(error.kind, Kind::Unavailable | Kind::RateLimited) {
        retry_after::tell(error.come_back.unwrap_or_default(), &mut headers);
    }
    about(&mut headers, format, record, false);
    error_body(format, &fault, headers, record)
}

/// A request that a limit does not let through.
fn over(format: &'static Format, limited: &limit::Limited, record: &mut Record) -> Response<Body> {
    record.error(&limited.fault.message);
    record.finish(limited.fault.status, Outcome::Failed);
    let mut headers = HeaderMap::new();
    headers.insert(ORIGIN, HeaderValue::from_static("gateway"));
    limited.tell(&mut headers);
    about(&mut headers, format, record, false);
    error_body(format, &limited.fault, headers, record)
}

/// A count that is gw's own, and says so where it is an estimate.
fn counted(format: &'static Format, count: Counted, record: &mut Record) -> Response<Body> {
    let body = bytes::Bytes::from(count::write(format.api, count.tokens));
    record.usage(&Seen::default());
    record.response(&body);
    record.finish(200, Outcome::Ok);
    let mut headers = HeaderMap::new();
    about(&mut headers, format, record, false);
    if !count.exact {
        headers.insert(ESTIMATED, HeaderValue::from_static("input_tokens"));
    }
    let json = HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, json);
    with(headers, Body::whole(body))
}

/// A whole answer that says nothing of usage, handed on as it came.
pub fn handed(
    format: &'static Format,
    mut headers: HeaderMap,
    body: bytes::Bytes,
    record: &mut Record,
) -> Response<Body> {
    record.response(&body);
    record.finish(200, Outcome::Ok);
    about(&mut headers, format, record, false);
    let json = HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, json);
    with(headers, Body::whole(body))
}

/// The last attempt's failure, as the caller sees it: the provider's own words where it speaks the caller's
/// format, else the same status and message in the caller's format.
fn failed(format: &'static Format, failure: Failure, record: &mut Record) -> Response<Body> {
    record.error(&failure.fault.message);
    record.finish(failure.fault.status, Outcome::Failed);
    // Whose error it is.
    if let Some((provider, model)) = &failure.target {
        record.came_to(provider.clone(), model.clone());
    }
    let (passed, original) = failure.original.map_or((None, None), |original| {
        (Some(original.0), Some(original.1))
    });
    let mut headers = passed.unwrap_or_default();
    // What of a refused credential the caller is told is gw's own word.
    let theirs = failure.status.is_some() && failure.class != Class::Credential;
    let origin = if theirs { "provider" } else { "gateway" };
    headers.insert(ORIGIN, HeaderValue::from_static(origin));
    match &failure.limited {
        Some(limited) => {
            record.row.limit = Some(limited.name.clone());
            limit::Limited::tell_wait(failure.retry_after, &mut headers);
        }
        // What gw understood of the wait, or nothing: a word that no client can read helps none.
        None => failure
            .retry_after
            .map_or((), |wait| retry_after::tell(wait, &mut headers)),
    }
    about(&mut headers, format, record, false);
    kind(&failure.fault, format.api, &mut headers);
    // Word for word.
    if let Some(body) = original.filter(|body| !body.is_empty()) {
        record.response(&body);
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        return status(failure.fault.status, with(headers, Body::whole(body)));
    }
    error_body(format, &failure.fault, headers, record)
}

fn error_body(
    format: &'static Format,
    fault: &Fault,
    mut headers: HeaderMap,
    record: &mut Record,
) -> Response<Body> {
    let body = bytes::Bytes::from(format.api.write_fault(fault));
    record.response(&body);
    kind(fault, format.api, &mut headers);
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    status(fault.status, with(headers, Body::whole(body)))
}

/// The kind of an error, where clients of this API look for it in a header.
fn kind(fault: &Fault, api: Api, headers: &mut HeaderMap) {
    if let Some((name, kind)) = api.fault_header(fault) {
        let name = HeaderName::from_static(name);
        headers.insert(name, HeaderValue::from_static(kind));
    }
}

fn status(code: u16, mut response: Response<Body>) -> Response<Body> {
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_GATEWAY);
    response
}

/// An error of a request that goes no further (unknown path, refused head), in the words of the API it speaks.
pub fn plain(error: &Error, api: Api) -> Response<Body> {
    shaped(&Fault::from(error), api)
}

/// The same with another status.
pub fn plain_as(status: StatusCode, error: &Error, api: Api) -> Response<Body> {
    let fault = Fault {
        status: status.as_u16(),
        ..Fault::from(error)
    };
    shaped(&fault, api)
}

/// What to do about a head that is refused.
pub const PLAIN_HTTP: &str = "send plain HTTP/1.1, one request at a time";

/// The same as bytes, for a head that became no request. The connection ends with it.
pub fn on_the_wire(code: u16, error: &Error) -> Vec<u8> {
    let fault = Fault {
        status: code,
        ..Fault::from(error)
    };
    let body = Api::Openai.write_fault(&fault);
    let reason = StatusCode::from_u16(code)
        .ok()
        .and_then(|code| code.canonical_reason())
        .unwrap_or("Bad Request");
    let mut answer = format!(
        "HTTP/1.1 {code} {reason}\r\ncontent-type: application/json\r\n{ORIGIN}: gateway\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    answer.extend_from_slice(body.as_ref());
    answer
}

/// 405 with what is allowed.
pub fn not_allowed(error: &Error, api: Api, allowed: &http::Method) -> Response<Body> {
    let mut response = shaped(
        &Fault {
            status: 405,
            ..Fault::from(error)
        },
        api,
    );
    if let Ok(value) = HeaderValue::from_str(allowed.as_str()) {
        response.headers_mut().insert(header::ALLOW, value);
    }
    response
}

/// 426 with what is spoken instead.
pub fn upgrade_required(error: &Error, api: Api) -> Response<Body> {
    let fault = Fault {
        status: 426,
        ..Fault::from(error)
    };
    let mut response = shaped(&fault, api);
    let spoken = HeaderValue::from_static("HTTP/1.1");
    response.headers_mut().insert(header::UPGRADE, spoken);
    response
}

fn shaped(fault: &Fault, api: Api) -> Response<Body> {
    let mut headers = HeaderMap::new();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    headers.insert(ORIGIN, HeaderValue::from_static("gateway"));
    kind(fault, api, &mut headers);
    status(
        fault.status,
        with(headers, Body::whole(api.write_fault(fault))),
    )
}

/// A small JSON answer.
pub fn json(code: u16, value: &serde_json::Value) -> Response<Body> {
    let mut headers = HeaderMap::new();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    status(code, with(headers, Body::whole(value.to_string())))
}
