//! One request from its head to its answer, top to bottom: caller, body, peek, plan, attempts, answer.

use super::{
    answer::Answer, attempt, body::Body, caller, ended::Ended, exchange::Exchange, gate::Conn,
    incoming::Incoming, intake, record::Record, relay::Relay, respond, watch::Guard,
    worker::Worker,
};
use crate::chat::estimate;
use crate::formats::{Dropped, Format, peek};
use crate::plan::{self, Ask, Context, Needs};
use crate::store::journal::Outcome;
use http::{HeaderValue, Request, Response, header};
use std::{
    cell::{OnceCell, RefCell},
    rc::Rc,
};

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
            respond::about(&mut headers, format, &record, true);
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
            respond::about(&mut headers, format, &record, false);
            headers.insert(
                header::CONTENT_TYPE,
                HeaderValue::from_static("text/event-stream"),
            );
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            let relay = Relay::new(*stream, record, watch, format, worker.shared.settings.ping);
            respond::with(headers, Body::relay(relay).on(conn.clone()))
        }
        Err(ended) => respond::refuse(format, ended, &mut record, conn),
    }
}

async fn answer(
    worker: &Rc<Worker>,
    format: &'static Format,
    path: Option<&str>,
    request: Request<Incoming>,
    record: &mut Record,
    watch: &Guard,
) -> Result<(Answer, Dropped), Ended> {
    let shared = &worker.shared;
    let serving = shared.serving.load_full();
    let now = record.row.at.0;
    let (head, incoming) = request.into_parts();

    let admitted = caller::admit(shared, &serving, &head.headers, now).map_err(|denied| {
        if let Some((caller, why)) = denied.known {
            record.refused(&caller, why);
        }
        Ended::Refused(denied.error)
    })?;
    record.caller(&admitted.caller);
    watch.belongs_to(admitted.digest, admitted.caller.clone());
    intake::room(worker, &admitted.caller).map_err(Ended::Refused)?;

    let body = intake::read(&shared.settings, &head.headers, incoming, record, watch).await?;
    record.request(&body);
    let peek = peek::peek(&body, shared.settings.json_depth)?;
    record.asked(&peek);

    let ask = Ask {
        op: format.op,
        model: peek.model.as_deref(),
        path,
        needs: Needs {
            tools: peek.tools,
            images: peek.images,
            schema: peek.schema,
        },
        tokens: estimate(peek.text_bytes),
        media: peek.images || peek.encoded,
    };
    let plan = {
        let context = Context {
            caller: &admitted.caller,
            ask,
            headers: &head.headers,
            now: shared.moment(record.started()),
            dice: &mut worker.dice.borrow_mut(),
            turn: None,
        };
        plan::plan(&serving.snapshot, context)?
    };
    record.row.route = plan.route.as_ref().map(|route| route.name.to_string());

    let request_id = record.row.id.clone();
    let exchange = Exchange {
        worker,
        serving: &serving,
        format,
        headers: &head.headers,
        query: head.uri.query(),
        body: &body,
        peek: &peek,
        own: admitted.own,
        request_id: &request_id,
        now,
        chat: OnceCell::new(),
        dropped: RefCell::default(),
    };
    let answer = attempt::run(&exchange, &plan, record, watch).await?;
    Ok((answer, exchange.dropped.into_inner()))
}
