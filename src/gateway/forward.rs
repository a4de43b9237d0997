//! What goes to a provider without being read as JSON: forms, and what is asked of a provider itself. Nobody is invited to
//! send (`100 Continue`) what has nowhere to go. Both end in the attempts that all requests make.

use super::{
    Serving,
    answer::Answer,
    asked::{Asked, begun},
    caller::{Admitted, InQuery},
    ended::Ended,
    exchange::{Errand, Exchange},
    held::Held,
    incoming::Incoming,
    limit,
    parcel::Parcel,
    passthrough::Through,
    pipeline,
    record::Record,
    respond,
    response::Response,
    rounds,
    watch::Guard,
    worker::Worker,
};
use crate::formats::{Format, peek::Peek};
use crate::http1::request::Parts;
use crate::plan::{self, Ask, Plan};
use bytes::Bytes;
use std::{borrow::Cow, cell::OnceCell, rc::Rc, sync::Arc};

/// What to do where a long form says its model too late, or not at all.
const LATE: &str =
    "send `model` within the form's first 64 KiB, in front of its files, or have a route name it";

/// What is forwarded.
pub enum Forwarded {
    /// A form, to an endpoint that takes one.
    Form(Asked),
    /// To a provider itself.
    Through(Through),
}

impl Forwarded {
    fn format(&self) -> &'static Format {
        match self {
            Forwarded::Form(asked) => asked.format,
            Forwarded::Through(through) => through.format(),
        }
    }
}

/// Serves one such request.
pub async fn serve(
    worker: &Rc<Worker>,
    forwarded: &Forwarded,
    head: &Parts,
    incoming: Incoming,
) -> Response {
    let format = forwarded.format();
    let mut record = begun(worker, format);
    let watch = worker.watches.add();
    let held = Held::new(worker.shared.clone());
    let asking = (head, incoming);
    match answer(worker, forwarded, asking, &mut record, &watch, &held).await {
        Ok(answer) => respond::answer(format, answer, record, watch, held),
        Err(ended) => respond::refuse(format, ended, &mut record),
    }
}

async fn answer(
    worker: &Rc<Worker>,
    forwarded: &Forwarded,
    (head, incoming): (&Parts, Incoming),
    record: &mut Record,
    watch: &Guard,
    held: &Held,
) -> Result<Answer, Ended> {
    let serving = worker.shared.serving.load_full();
    let in_query = InQuery::of(forwarded.format().api);
    let admitted = pipeline::admitted(worker, &serving, head, in_query, &incoming, record, watch)?;
    let call = Call {
        worker,
        serving: &serving,
        head,
        admitted: &admitted,
        watch,
        held,
    };
    match forwarded {
        Forwarded::Form(asked) => {
            let unknown = Peek::default();
            let sent = Ask {
                names: &worker.shared.settings.sessions,
                ..Ask::of_head(head.uri.path(), &head.headers, record.row.at.0)
            };
            let ask = pipeline::ask(asked, &unknown, sent);
            plan::possible(&serving.snapshot, &admitted.caller, &ask)?;
            record.row.path.clone_from(&asked.path);
            // Before anything of a body that may be long.
            call.admitted(asked.format, &unknown, record).await?;
            let parcel = Parcel::read(&worker.shared, &head.headers, incoming, held, watch).await?;
            let peek = Peek {
                model: parcel.model().map(|model| Cow::Borrowed(&*model.name)),
                model_span: parcel.model().map(|model| model.span.clone()),
                ..Peek::default()
            };
            record.asked(&peek, asked.format.op);
            record.brought(parcel.content_type.as_ref(), parcel.length);
            let ask = pipeline::ask(asked, &peek, sent);
            let plan = pipeline::planned(worker, &serving, &admitted.caller, ask, record);
            let mut plan =
                plan.map_err(|error| match peek.model.is_none() && parcel.goes_once() {
                    true => error.hint(LATE),
                    false => error,
                })?;
            call.afforded(asked.format, &mut plan, record).await?;
            call.run(asked.format, &plan, &peek, &parcel, None, record)
                .await
        }
        Forwarded::Through(through) => {
            let (mut plan, errand) = through.plan(&serving, &admitted.caller, head, record)?;
            let peek = Peek::default();
            let format = through.format();
            call.admitted(format, &peek, record).await?;
            call.afforded(format, &mut plan, record).await?;
            let parcel = Parcel::read(&worker.shared, &head.headers, incoming, held, watch).await?;
            record.asked(&peek, format.op);
            record.brought(parcel.content_type.as_ref(), parcel.length);
            let errand = Some(&errand);
            call.run(format, &plan, &peek, &parcel, errand, record)
                .await
        }
    }
}

/// What is the same for all of them.
pub(super) struct Call<'a> {
    pub worker: &'a Rc<Worker>,
    pub serving: &'a Arc<Serving>,
    pub head: &'a Parts,
    pub admitted: &'a Admitted,
    pub watch: &'a Guard,
    pub held: &'a Held,
}

impl Call<'_> {
    /// Reserves what limits of its caller look at, before the plan.
    pub async fn admitted(
        &self,
        format: &'static Format,
        peek: &Peek<'_>,
        record: &mut Record,
    ) -> Result<(), Ended> {
        match limit::of(&self.admitted.caller, format.op) {
            None => Ok(()),
            Some(allowance) => {
                let asked = (format.op, peek, &Bytes::new());
                limit::admit(&self.worker.shared, allowance, asked, record).await
            }
        }
    }

    /// The same of what is known with the plan.
    async fn afforded(
        &self,
        format: &'static Format,
        plan: &mut Plan,
        record: &mut Record,
    ) -> Result<(), Ended> {
        match limit::of(&self.admitted.caller, format.op) {
            None => Ok(()),
            Some(allowance) => {
                limit::afford(&self.worker.shared, allowance, format.op, plan, record).await
            }
        }
    }

    /// Makes the attempts of a plan. `errand`: what is asked, where it is no endpoint of the format's.
    pub async fn run(
        &self,
        format: &'static Format,
        plan: &Plan,
        peek: &Peek<'_>,
        parcel: &Parcel,
        errand: Option<&Errand>,
        record: &mut Record,
    ) -> Result<Answer, Ended> {
        let request_id = record.row.id.clone();
        let exchange = Exchange {
            worker: self.worker,
            serving: self.serving,
            format,
            headers: &self.head.headers,
            query: self.head.uri.query(),
            body: &Bytes::new(),
            parcel: Some(parcel),
            errand,
            peek,
            held: self.held,
            own: pipeline::own(self.admitted.own.clone(), plan, self.serving),
            request_id: &request_id,
            now: record.row.at.0,
            chat: OnceCell::new(),
        };
        rounds::run(&exchange, plan, record, self.watch).await
    }
}
