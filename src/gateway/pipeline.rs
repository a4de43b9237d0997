//! One request from its head to its answer, top to bottom: caller, body, peek, plan, attempts, answer.

use super::{
    Serving,
    answer::Answer,
    asked::{Asked, begun},
    caller::{self, InQuery},
    ended::Ended,
    exchange::{Exchange, Own},
    held::Held,
    incoming::Incoming,
    intake, limit,
    record::Record,
    respond,
    response::Response,
    rounds,
    watch::Guard,
    worker::Worker,
};
use crate::catalog;
use crate::chat::{Op, estimate};
use crate::error::{Error, Kind};
use crate::formats::{
    count::{self, Counted},
    peek::{self, Peek},
};
use crate::http1::request::Parts;
use crate::plan::{self, Ask, Caller, Context, Needs, Plan, turns::Turn};
use crate::upstream::{OwnKey, via};
use bytes::Bytes;
use std::{cell::OnceCell, rc::Rc, sync::Arc};

/// Serves one request of a known format.
pub async fn serve(
    worker: &Rc<Worker>,
    asked: &Asked,
    head: Box<Parts>,
    incoming: Incoming,
) -> Response {
    let mut record = begun(worker, asked.format);
    let watch = worker.watches.add();
    let held = Held::new(worker.shared.clone());
    let (format, asking) = (asked.format, (head, incoming));
    match answer(worker, asked, asking, &mut record, &watch, &held).await {
        Ok(answer) => respond::answer(format, answer, record, watch, held),
        Err(ended) => respond::refuse(format, ended, &mut record),
    }
}

/// What to do where nobody compacts.
const COMPACTING: &str = "only a provider that speaks `openai-responses` itself compacts: ask for one, or shorten the conversation with an ordinary request";

async fn answer(
    worker: &Rc<Worker>,
    asked: &Asked,
    (head, incoming): (Box<Parts>, Incoming),
    record: &mut Record,
    watch: &Guard,
    held: &Held,
) -> Result<Answer, Ended> {
    let shared = &worker.shared;
    let serving = shared.serving.load_full();
    let now = record.row.at.0;

    let in_query = InQuery::of(asked.format.api);
    let admitted = admitted(worker, &serving, &head, in_query, &incoming, record, watch)?;

    let (settings, began) = (&shared.settings, record.started());
    let body = intake::read(settings, &head.headers, incoming, held, watch, began).await?;
    record.request(&body);
    let mut peek = peek::peek(&body, asked.format.looks, shared.settings.json_depth)?;
    peek.told(asked.model.as_deref(), asked.streams)?;
    record.asked(&peek, asked.format.op);
    record.row.path.clone_from(&asked.path);

    let op = asked.format.op;
    let counts = op == Op::Count;
    let allowance = limit::of(&admitted.caller, op);
    if let Some(allowance) = allowance {
        // In a box: requests that nothing limits must not carry its room about.
        Box::pin(limit::admit(shared, allowance, (op, &peek, &body), record)).await?;
    }
    let ask = ask(
        asked,
        &peek,
        Ask {
            names: &shared.settings.sessions,
            ..Ask::of_head(head.uri.path(), &head.headers, now)
        },
    );
    let mut plan = planned(worker, &serving, &admitted.caller, ask, record)?;
    let (kept, snapshot) = (&shared.kept, &serving.snapshot);
    kept.hold(&peek.kept, &admitted.caller, snapshot, &mut plan)?;
    if let Some(allowance) = allowance {
        Box::pin(limit::afford(shared, allowance, op, &mut plan, record)).await?;
    }

    let request_id = record.row.id.clone();
    let exchange = Exchange {
        worker,
        serving: &serving,
        format: asked.format,
        headers: &head.headers,
        query: head.uri.query(),
        body: &body,
        parcel: None,
        errand: None,
        peek: &peek,
        held,
        own: own(admitted.own, &plan, &serving),
        request_id: &request_id,
        now,
        chat: OnceCell::new(),
    };
    let Some(first) = plan.attempts.first().filter(|_| counts) else {
        return rounds::run(&exchange, &plan, record, watch).await;
    };
    let upstream = &serving.upstreams[first.provider];
    if upstream.way(asked.format, &first.model).is_some() {
        match rounds::run(&exchange, &plan, record, watch).await {
            Err(Ended::Failed(failure)) if failure.cannot_count() => {}
            other => return other,
        }
    }
    record.came_to(upstream.name.clone(), first.model.clone());
    Err(Ended::Counted(
        counted(body.clone(), first.model.clone()).await,
    ))
}

/// A count of gw's own. Encoding takes its time where gw was built to do it: not on this thread, then.
async fn counted(body: Bytes, model: Arc<str>) -> Counted {
    let count = move || count::tokens(&body, &model, catalog::weights(&model));
    match cfg!(feature = "tokenizer") {
        false => count(),
        true => {
            let again = count.clone();
            let counted = tokio::task::spawn_blocking(count).await;
            counted.unwrap_or_else(|_| again())
        }
    }
}

/// What planning needs to know of a request.
pub(super) fn ask<'a>(asked: &'a Asked, peek: &'a Peek<'_>, head: Ask<'a>) -> Ask<'a> {
    Ask {
        op: asked.format.op,
        format: asked.format.name,
        model: peek.model.as_deref(),
        path: asked.path.as_deref(),
        stream: peek.stream,
        max_output: peek.max_output,
        needs: Needs {
            tools: peek.tools,
            images: peek.images,
            schema: peek.schema,
            ..Needs::default()
        },
        // How long a prompt is is asked, not known.
        tokens: match asked.format.op {
            Op::Count => 0,
            _ => estimate(peek.text_bytes),
        },
        media: peek.images || peek.encoded,
        turns: peek.turns,
        ..head
    }
}

/// The plan for a request, and its route in the record.
pub(super) fn planned(
    worker: &Worker,
    serving: &Serving,
    caller: &Caller,
    ask: Ask<'_>,
    record: &mut Record,
) -> Result<Plan, Error> {
    let context = Context {
        caller,
        ask,
        now: worker.shared.moment(record.started()),
        dice: &mut worker.dice.borrow_mut(),
        turn: Turn::Next,
    };
    let plan = plan::plan(&serving.snapshot, context).map_err(|error| match ask.op {
        Op::Compact if error.kind == Kind::Invalid => error.hint(COMPACTING),
        _ => error,
    })?;
    record.row.route = plan.route.as_ref().map(|route| route.name.clone());
    record.row.rule = plan.rule.map(|rule| rule + 1);
    Ok(plan)
}

/// The caller's own key, and where it may go.
pub(super) fn own<'a>(key: Option<OwnKey>, plan: &Plan, serving: &'a Serving) -> Option<Own<'a>> {
    let place = || plan.own_key_provider(&serving.snapshot);
    key.map(|key| Own {
        key,
        origin: place().and_then(|place| Some(&serving.upstreams.get(place)?.origin)),
    })
}

/// Lets the caller in: its key is good, and there is room for one more request of it.
pub(super) fn admitted(
    worker: &Worker,
    serving: &Serving,
    head: &Parts,
    in_query: InQuery,
    incoming: &Incoming,
    record: &mut Record,
    watch: &Guard,
) -> Result<caller::Admitted, Ended> {
    record.traced(&head.headers);
    let now = record.row.at.0;
    let admitted =
        caller::admit(&worker.shared, serving, head, in_query, now).map_err(|denied| {
            if let Some(known) = denied.known {
                let (caller, why) = *known;
                record.refused(&caller, why);
            }
            Ended::Refused(denied.error)
        })?;
    worker.crowd.know(incoming.conn());
    record.caller(&admitted.caller);
    let (session, agent) = worker.shared.settings.sessions.named(&head.headers);
    record.row.session = session.map(str::to_owned);
    record.row.agent = agent.map(str::to_owned);
    via::check(&head.headers).map_err(Ended::Refused)?;
    watch.belongs_to(admitted.digest, admitted.caller.clone());
    intake::room(&worker.shared, &admitted.caller).map_err(Ended::Refused)?;
    Ok(admitted)
}
