//! What is asked of an answer that a provider keeps: to see it or what it was made from, to cancel it, to delete it. Only
//! the key that had it made is told of it, by the provider that made it; all others learn that it is not there, and no
//! provider is asked.

use super::{
    answer,
    body::Body,
    caller::InQuery,
    collect::{Collected, Cut},
    ended::Ended,
    failure::Failure,
    gate::Conn,
    headers,
    held::Held,
    incoming::Incoming,
    intake,
    payload::Payload,
    pipeline, prepare,
    record::Record,
    respond,
    send::{self, interrupted, send},
    watch::Guard,
    worker::Worker,
};
use crate::catalog::Prices;
use crate::error::Error;
use crate::formats::{self, Format, FormatId};
use crate::upstream::{self, Content, OwnKey, Upstream, Way};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, Uri};
use std::{rc::Rc, sync::Arc};

/// What is asked of one.
pub struct Named {
    id: String,
    /// What follows the id in the path.
    what: &'static str,
    pub method: Method,
}

/// What can be asked, by what follows the id: <https://platform.openai.com/docs/api-reference/responses>.
static ASKED: [(&str, &[Method]); 3] = [
    ("", &[Method::GET, Method::DELETE]),
    ("/cancel", &[Method::POST]),
    ("/input_items", &[Method::GET]),
];

/// What of a query goes along.
const QUERY: [&str; 6] = ["include", "include[]", "limit", "order", "after", "before"];

/// Reads a path as it is behind a route's. Asked with a method that it does not take, it names the one that it does.
pub fn named(path: &str, method: &Method) -> Option<Named> {
    let rest = path.strip_prefix("/v1").unwrap_or(path);
    let rest = rest.strip_prefix("/responses/")?;
    let (id, what) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (what, methods) = ASKED.iter().find(|(known, _)| *known == what)?;
    // It goes into another path.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    if id.is_empty() || !id.bytes().all(plain) {
        return None;
    }
    let taken = methods.contains(method).then_some(method);
    Some(Named {
        id: id.to_owned(),
        what,
        method: taken.or(methods.first())?.clone(),
    })
}

/// The format of what is kept.
pub fn format() -> &'static Format {
    formats::format(FormatId::OpenaiResponses)
}

/// Serves one such request.
pub async fn serve(
    worker: &Rc<Worker>,
    conn: &Rc<Conn>,
    named: &Named,
    request: Request<Incoming>,
    mut record: Record,
) -> Response<Body> {
    let watch = worker.watches.add();
    let held = Held::new(worker.shared.clone());
    match answer(worker, named, request, &mut record, &watch, &held).await {
        Ok((headers, body)) => respond::handed(format(), headers, body, &mut record, conn),
        Err(ended) => respond::refuse(format(), ended, &mut record, conn),
    }
}

async fn answer(
    worker: &Rc<Worker>,
    named: &Named,
    request: Request<Incoming>,
    record: &mut Record,
    watch: &Guard,
    held: &Held,
) -> Result<(HeaderMap, Bytes), Ended> {
    let shared = &worker.shared;
    let serving = shared.serving.load_full();
    let (head, incoming) = request.into_parts();
    let in_query = InQuery::Ignored;
    let admitted = pipeline::admitted(worker, &serving, &head, in_query, &incoming, record, watch)?;
    // None of them says anything in its body.
    intake::read(&shared.settings, &head.headers, incoming, held, watch).await?;
    let caller = &admitted.caller;
    let unknown = || {
        Error::not_found(format!("this key has had no response `{}` made", named.id))
            .param("response_id")
            .hint("ask with the key that had it made, for what was not made with `store: false`")
    };
    let home = shared.kept.find(caller, &named.id).ok_or_else(unknown)?;
    let at = serving.snapshot.provider(&home.provider);
    let at = at.filter(|at| serving.snapshot.serves_in(*at, &caller.environment));
    let upstream = at.and_then(|at| serving.upstreams.get(at));
    let upstream = upstream.ok_or_else(unknown)?;
    let way = upstream.way(format(), &home.model);
    let way = way.filter(|way| way.is_same());
    let way = way.ok_or_else(unknown)?;
    let call = Call {
        worker,
        upstream,
        way,
        target: target(upstream, way, &home.model, named, head.uri.query())?,
        method: &named.method,
        headers: &head.headers,
        own: admitted.own.as_ref(),
        watch,
        held,
    };
    let mut fresh = false;
    loop {
        record.attempt(&upstream.name, &home.model, Prices::default());
        let mut failure = match call.once(fresh).await {
            Ok(answer) => {
                record.attempt_ok(200);
                if named.method == Method::DELETE {
                    shared.kept.forget(caller, &named.id);
                }
                return Ok(answer);
            }
            Err(Ended::Failed(failure)) => failure,
            Err(ended) => return Err(ended),
        };
        if failure.kept_connection && !fresh {
            record.attempt_failed(&failure, "tried again over a new connection");
            fresh = true;
            continue;
        }
        failure.clean(&upstream.sign_in.hidden(call.own));
        record.attempt_failed(&failure, "stopped: nobody else has it");
        return Err(failure.into());
    }
}

/// Where it is upstream.
fn target(
    upstream: &Upstream,
    way: &Way,
    model: &str,
    named: &Named,
    query: Option<&str>,
) -> Result<Uri, Error> {
    let pairs = |query| url::form_urlencoded::parse(str::as_bytes(query));
    let given = query.unwrap_or_default();
    if pairs(given).any(|(name, value)| name == "stream" && value == "true") {
        return Err(Error::invalid("a kept response is not streamed")
            .param("stream")
            .hint("ask for it without `stream`"));
    }
    let whole = upstream.target(way, model, None, false);
    let whole = whole.ok_or_else(|| Error::internal("a provider's address cannot be built"))?;
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs(whole.query().unwrap_or_default()));
    query.extend_pairs(pairs(given).filter(|(name, _)| QUERY.contains(&&**name)));
    let (path, query) = (whole.path(), query.finish());
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{path}/{}{}{mark}{query}", named.id, named.what)
        .parse()
        .map_err(|_| Error::invalid("the query cannot be sent on").param("query"))
}

/// One request for it.
struct Call<'a> {
    worker: &'a Rc<Worker>,
    upstream: &'a Arc<Upstream>,
    way: &'a Way,
    target: Uri,
    method: &'a Method,
    headers: &'a HeaderMap,
    own: Option<&'a OwnKey>,
    watch: &'a Guard,
    held: &'a Held,
}

impl Call<'_> {
    /// Sends it. What comes is handed on as it is.
    async fn once(&self, fresh: bool) -> Result<(HeaderMap, Bytes), Ended> {
        let upstream = self.upstream;
        let ask = upstream::Ask {
            method: self.method.clone(),
            target: self.target.clone(),
            accept: "application/json",
            content: match *self.method {
                Method::GET => Content::Unsaid,
                _ => Content::Json,
            },
            body: Bytes::new(),
            way: Some(self.way),
            caller: Some(self.headers),
            own_key: self.own,
            betas: None,
        };
        let request = upstream
            .request(ask)
            .map_err(|unsigned| prepare::not_signed(upstream, &unsigned))?;
        let limits = send::Limits {
            connect: upstream.timers.connect,
            answer: upstream.timers.answer,
            idle: upstream.timers.idle,
        };
        let (response, ticket) = send(
            self.worker,
            upstream,
            request.map(Payload::Whole),
            self.watch,
            &limits,
            fresh,
        )
        .await?;
        let failed = |what: &str| Failure::upstream(format!("provider `{}` {what}", upstream.name));
        let (head, mut incoming) = response.into_parts();
        let mut collected = Collected::default();
        let most = self.worker.shared.settings.max_reply;
        let read = collected.read(&mut incoming, most, self.held);
        match self.watch.run(read).await {
            Ok(Ok(())) => ticket.give_back(),
            Ok(Err(Cut::NoRoom(full))) => return Err(Error::from(full).into()),
            Ok(Err(Cut::TooMuch)) => return Err(failed("sent more than gw takes").into()),
            Ok(Err(Cut::Broke)) => {
                return Err(failed("broke off in the middle of its answer").into());
            }
            Err(fired) => {
                let late = || {
                    let name = &upstream.name;
                    Failure::slow(format!(
                        "provider `{name}` did not finish its answer in time"
                    ))
                };
                return Err(interrupted(fired, self.watch, late));
            }
        }
        let body = collected.into_bytes();
        if !head.status.is_success() {
            return Err(answer::refused(upstream, &head, body, true).into());
        }
        if !body.trim_ascii().starts_with(b"{") {
            return Err(failed("sent an answer that is not a JSON object").into());
        }
        let mut passed = HeaderMap::new();
        headers::forward_response(&head.headers, &mut passed);
        Ok((passed, body))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn paths_name_what_is_kept() {
        let read = |path: &str, method: Method| {
            named(path, &method).map(|it| format!("{} {}{}", it.method, it.id, it.what))
        };
        for (path, method, want) in [
            ("/v1/responses/resp_1", Method::GET, Some("GET resp_1")),
            ("/responses/resp_1", Method::DELETE, Some("DELETE resp_1")),
            (
                "/v1/responses/r-1/cancel",
                Method::GET,
                Some("POST r-1/cancel"),
            ),
            (
                "/v1/responses/r/input_items",
                Method::GET,
                Some("GET r/input_items"),
            ),
            ("/v1/responses/r/other", Method::GET, None),
            ("/v1/responses/", Method::GET, None),
            ("/v1/responses/r/", Method::GET, None),
            ("/v1/responses/..", Method::GET, None),
            ("/v1/responses/a%2Fb", Method::GET, None),
            ("/v1/responses", Method::GET, None),
        ] {
            assert_eq!(read(path, method).as_deref(), want, "{path}");
        }
    }
}
