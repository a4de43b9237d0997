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
    response::Response,
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
use crate::http1::{fields::text, lines::Lines};
use crate::plan::retry::Class;
use crate::store::journal::Outcome;
use http::StatusCode;

const ORIGIN: &str = "x-gw-origin";
const REQUEST_ID: &str = "x-gw-request-id";
const ROUTE: &str = "x-gw-route";
const PROVIDER: &str = "x-gw-provider";
const MODEL: &str = "x-gw-model";
const DROPPED: &str = "x-gw-dropped";
const ATTEMPTS: &str = "x-gw-attempts";
const ESTIMATED: &str = "x-gw-estimated";
const COST: &str = "x-gw-cost";
const COST_STATUS: &str = "x-gw-cost-status";
const CONTENT_TYPE: &str = "content-type";
const JSON: &str = "application/json";

/// A 200 with these headers.
pub fn with(headers: Lines, body: Body) -> Response {
    Response {
        status: StatusCode::OK,
        headers,
        body,
    }
}

/// The request's id in the header that clients of this API look into: the provider's where it gave one, which is what
/// its support asks for, else gw's.
pub fn identify(headers: &mut Lines, api: Api, ours: &str) {
    let name = spoken::request_id(api);
    let fits = |id: &Vec<u8>| !id.is_empty() && id.len() <= LONGEST_ID && text(id).is_some();
    let mut theirs = None;
    for known in spoken::REQUEST_IDS {
        let id = headers.remove(known).filter(fits);
        // Its own place says most.
        if theirs.is_none() || (known == name && id.is_some()) {
            theirs = id;
        }
    }
    match theirs {
        Some(id) => headers.add(name, id),
        None => headers.add(name, ours),
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
) -> Response {
    let Came {
        status: code,
        mut headers,
        handed,
        reply,
    } = answer.came;
    record.row.dropped = answer.dropped;
    let body = match reply {
        Reply::Whole { bytes, seen } => {
            record.kept(&seen);
            record.usage(&seen);
            record.response(&bytes);
            record.finish(code.as_u16(), Outcome::Ok);
            about(&mut headers, format, &record, true);
            if !handed {
                headers.add(CONTENT_TYPE, JSON);
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
                record.carried(headers.get(CONTENT_TYPE).and_then(text));
            } else if stream.has_events() {
                headers.add(CONTENT_TYPE, stream.framing().label());
            } else {
                headers.add(CONTENT_TYPE, JSON);
            }
            if stream.has_events() && stream.framing() == Framing::Events {
                headers.put("cache-control", "no-cache");
            }
            let length = stream.length;
            Body::relay(
                Relay::new(*stream, code, answer.entry, record, watch, held),
                length,
            )
        }
    };
    Response {
        status: code,
        headers,
        body,
    }
}

/// What gw did, in `x-gw-*` headers. The cost of a stream is not known when its head is sent.
pub fn about(headers: &mut Lines, format: &Format, record: &Record, whole: bool) {
    let row = &record.row;
    record.tell_limits(format.api, headers);
    identify(headers, format.api, &row.id);
    headers.add(REQUEST_ID, &row.id);
    let mut add = |name, value: Option<&str>| {
        // Lines leave out what of ASCII is no header's.
        if let Some(value) = value.filter(|value| value.is_ascii()) {
            headers.add(name, value);
        }
    };
    add(ROUTE, row.route.as_deref());
    add(PROVIDER, row.provider.as_deref());
    add(MODEL, row.model.as_deref().map(shown));
    if !row.dropped.is_empty() {
        add(DROPPED, Some(&dropped(&row.dropped)));
    }
    match row.attempts.len() {
        0 => {}
        1 => headers.add(ATTEMPTS, "1"),
        more => headers.add(ATTEMPTS, more.to_string()),
    }
    if whole && let Some(cost) = record.priced() {
        headers.add(COST_STATUS, cost.status.name());
        if let Some(pico) = cost.pico {
            headers.add(COST, catalog::dollars(pico));
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
pub fn refuse(format: &'static Format, ended: Ended, record: &mut Record) -> Response {
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
    let mut headers = Lines::default();
    headers.add(ORIGIN, "gateway");
    if matches!(error.kind, Kind::Unavailable | Kind::RateLimited) {
        retry_after::tell(error.come_back.unwrap_or_default(), &mut headers);
    }
    about(&mut headers, format, record, false);
    error_body(format, &fault, headers, record)
}

/// A request that a limit does not let through.
fn over(format: &'static Format, limited: &limit::Limited, record: &mut Record) -> Response {
    record.error(&limited.fault.message);
    record.finish(limited.fault.status, Outcome::Failed);
    let mut headers = Lines::default();
    headers.add(ORIGIN, "gateway");
    limited.tell(&mut headers);
    about(&mut headers, format, record, false);
    error_body(format, &limited.fault, headers, record)
}

/// A count that is gw's own, and says so where it is an estimate.
fn counted(format: &'static Format, count: Counted, record: &mut Record) -> Response {
    let body = bytes::Bytes::from(count::write(format.api, count.tokens));
    record.usage(&Seen::default());
    record.response(&body);
    record.finish(200, Outcome::Ok);
    let mut headers = Lines::default();
    about(&mut headers, format, record, false);
    if !count.exact {
        headers.add(ESTIMATED, "input_tokens");
    }
    headers.add(CONTENT_TYPE, JSON);
    with(headers, Body::whole(body))
}

/// The last attempt's failure, as the caller sees it: the provider's own words where it speaks the caller's
/// format, else the same status and message in the caller's format.
fn failed(format: &'static Format, failure: Failure, record: &mut Record) -> Response {
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
    headers.add(ORIGIN, origin);
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
        headers.add(CONTENT_TYPE, JSON);
        return status(failure.fault.status, with(headers, Body::whole(body)));
    }
    error_body(format, &failure.fault, headers, record)
}

fn error_body(
    format: &'static Format,
    fault: &Fault,
    mut headers: Lines,
    record: &mut Record,
) -> Response {
    let body = bytes::Bytes::from(format.api.write_fault(fault));
    record.response(&body);
    kind(fault, format.api, &mut headers);
    headers.add(CONTENT_TYPE, JSON);
    status(fault.status, with(headers, Body::whole(body)))
}

/// The kind of an error, where clients of this API look for it in a header.
fn kind(fault: &Fault, api: Api, headers: &mut Lines) {
    if let Some((name, kind)) = api.fault_header(fault) {
        headers.put(name, kind);
    }
}

fn status(code: u16, response: Response) -> Response {
    Response {
        status: StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_GATEWAY),
        ..response
    }
}

/// An error of a request that goes no further (unknown path, refused head), in the words of the API it speaks.
pub fn plain(error: &Error, api: Api) -> Response {
    shaped(&Fault::from(error), api)
}

/// The same with another status.
pub fn plain_as(status: StatusCode, error: &Error, api: Api) -> Response {
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
pub fn not_allowed(error: &Error, api: Api, allowed: &http::Method) -> Response {
    let mut response = shaped(
        &Fault {
            status: 405,
            ..Fault::from(error)
        },
        api,
    );
    response.headers.add("allow", allowed.as_str());
    response
}

/// 426 with what is spoken instead.
pub fn upgrade_required(error: &Error, api: Api) -> Response {
    let fault = Fault {
        status: 426,
        ..Fault::from(error)
    };
    let mut response = shaped(&fault, api);
    response.headers.add("upgrade", "HTTP/1.1");
    response
}

fn shaped(fault: &Fault, api: Api) -> Response {
    let mut headers = Lines::default();
    headers.add(CONTENT_TYPE, JSON);
    headers.add(ORIGIN, "gateway");
    kind(fault, api, &mut headers);
    status(
        fault.status,
        with(headers, Body::whole(api.write_fault(fault))),
    )
}

/// A small JSON answer.
pub fn json(code: u16, value: &serde_json::Value) -> Response {
    let mut headers = Lines::default();
    headers.add(CONTENT_TYPE, JSON);
    status(code, with(headers, Body::whole(value.to_string())))
}
