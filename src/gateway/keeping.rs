//! What is asked of something that a provider keeps (an answer, a file, a batch): to see it or what it holds, to cancel it,
//! to delete it, to list all there are. Only the key that had it made is told of it, by the provider that made it; all others
//! learn that it is not there, and no provider is asked.

use super::{
    Serving,
    answer::{Answer, Reply},
    asked::begun,
    caller::InQuery,
    ended::Ended,
    exchange::{Errand, Place},
    failure::Failure,
    forward::Call,
    held::Held,
    incoming::Incoming,
    kept::{Home, Keeper},
    kept_list as list,
    parcel::Parcel,
    pipeline,
    record::Record,
    respond,
    response::Response,
    watch::Guard,
    worker::Worker,
};
use crate::chat::Op;
use crate::error::Error;
use crate::formats::{self, Format, FormatId, objects, peek::Peek};
use crate::http1::request::Parts;
use crate::plan::{self, Ask, Caller, Plan};
use http::Method;
use std::rc::Rc;

/// One kind of what is kept.
struct Kind {
    format: FormatId,
    /// In front of an id.
    path: &'static str,
    /// What one is called, and the name of its id in paths.
    name: &'static str,
    param: &'static str,
    /// What can be asked of one, by what follows its id.
    asked: &'static [(&'static str, &'static [Method])],
    /// What else to do where there is none of that id.
    hint: &'static str,
}

static KINDS: [Kind; 4] = [
    // https://platform.openai.com/docs/api-reference/responses
    Kind {
        format: FormatId::OpenaiResponses,
        path: "/responses/",
        name: "response",
        param: "response_id",
        asked: &[
            ("", &[Method::GET, Method::DELETE]),
            ("/cancel", &[Method::POST]),
            ("/input_items", &[Method::GET]),
        ],
        hint: ", for what was not made with `store: false`",
    },
    // https://platform.openai.com/docs/api-reference/files, https://docs.anthropic.com/en/api/files-list
    Kind {
        format: FormatId::Files,
        path: "/files/",
        name: "file",
        param: "file_id",
        asked: &[
            ("", &[Method::GET, Method::DELETE]),
            ("/content", &[Method::GET]),
        ],
        hint: "",
    },
    // https://platform.openai.com/docs/api-reference/batch
    Kind {
        format: FormatId::OpenaiBatches,
        path: "/batches/",
        name: "batch",
        param: "batch_id",
        asked: &[("", &[Method::GET]), ("/cancel", &[Method::POST])],
        hint: "",
    },
    // https://docs.anthropic.com/en/api/retrieving-message-batches
    Kind {
        format: FormatId::AnthropicBatches,
        path: "/messages/batches/",
        name: "message batch",
        param: "message_batch_id",
        asked: &[
            ("", &[Method::GET, Method::DELETE]),
            ("/cancel", &[Method::POST]),
            ("/results", &[Method::GET]),
        ],
        hint: "",
    },
];

/// What is asked of one, or of all.
pub struct Named {
    kind: &'static Kind,
    /// `None`: of all there are.
    id: Option<String>,
    /// What follows the id in the path.
    what: &'static str,
    pub method: Method,
    /// The path of the request, where it is below one that a route is bound to.
    bound: Option<String>,
}

/// Reads a path as it is behind a route's. Asked with a method that it does not take, it names the one that it does.
pub fn named(path: &str, method: &Method) -> Option<Named> {
    let rest = path.strip_prefix("/v1").unwrap_or(path);
    let found = |kind: &'static Kind| {
        let rest = rest.strip_prefix(kind.path)?;
        let (id, what) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (what, methods) = kind.asked.iter().find(|(known, _)| *known == what)?;
        // It goes into another path.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        if id.is_empty() || !id.bytes().all(plain) {
            return None;
        }
        let taken = methods.contains(method).then_some(method);
        let method = taken.or(methods.first())?.clone();
        Some(Named {
            kind,
            id: Some(id.to_owned()),
            what,
            method,
            bound: None,
        })
    };
    KINDS.iter().find_map(found)
}

impl Named {
    /// All that is kept of a format; `None`: there is no list of it. `bound`: the path of the request, where it is below one
    /// that a route is bound to.
    pub fn all(format: &Format, bound: Option<String>) -> Option<Named> {
        let kind = KINDS.iter().find(|kind| kind.format == format.id);
        let kind = kind.filter(|_| matches!(format.op, Op::Keep(_)))?;
        Some(Named {
            kind,
            id: None,
            what: "",
            method: Method::GET,
            bound,
        })
    }

    /// The format of what is kept.
    pub fn format(&self) -> &'static Format {
        formats::format(self.kind.format)
    }

    /// What planning needs to know where all there are is asked for.
    pub fn ask<'a>(&'a self, head: Ask<'a>) -> Ask<'a> {
        Ask {
            op: self.format().op,
            format: self.format().name,
            path: self.bound.as_deref(),
            ..head
        }
    }

    /// The plan for one that this caller had made; `None`: all there are is asked for.
    pub fn plan(
        &self,
        serving: &Serving,
        kept: &Keeper,
        caller: &Caller,
    ) -> Option<Result<Plan, Error>> {
        let id = self.id.as_deref()?;
        let found = self.of_one(serving, kept, caller, id);
        Some(found.map(|(plan, _)| plan))
    }

    /// The plan for the one of this id, and where it is.
    fn of_one(
        &self,
        serving: &Serving,
        kept: &Keeper,
        caller: &Caller,
        id: &str,
    ) -> Result<(Plan, Home), Error> {
        let home = kept.find(caller, id).ok_or_else(|| self.unknown())?;
        let plan = self.at_home(serving, caller, &home);
        Ok((plan.ok_or_else(|| self.unknown())?, home))
    }

    /// The plan for something kept there; `None`: it cannot be reached now.
    fn at_home(&self, serving: &Serving, caller: &Caller, home: &Home) -> Option<Plan> {
        let at = serving.snapshot.provider(&home.provider)?;
        let way = serving.upstreams.get(at)?.way(self.format(), &home.model)?;
        let there = serving.snapshot.serves_in(at, &caller.environment) && way.is_same();
        there.then(|| plan::pinned(&serving.snapshot, at, home.model.clone()))
    }

    fn unknown(&self) -> Error {
        let (name, id) = (self.kind.name, self.id.as_deref().unwrap_or_default());
        Error::not_found(format!("this key has had no {name} `{id}` made"))
            .param(self.kind.param)
            .hint(format!(
                "ask with the key that had it made{}",
                self.kind.hint
            ))
    }
}

/// Serves one such request.
pub async fn serve(
    worker: &Rc<Worker>,
    named: &Named,
    head: &Parts,
    incoming: Incoming,
) -> Response {
    let mut record = begun(worker, named.format());
    let watch = worker.watches.add();
    let held = Held::new(worker.shared.clone());
    let asking = (head, incoming);
    match answer(worker, named, asking, &mut record, &watch, &held).await {
        Ok(answer) => respond::answer(named.format(), answer, record, watch, held),
        Err(ended) => respond::refuse(named.format(), ended, &mut record),
    }
}

async fn answer(
    worker: &Rc<Worker>,
    named: &Named,
    (head, incoming): (&Parts, Incoming),
    record: &mut Record,
    watch: &Guard,
    held: &Held,
) -> Result<Answer, Ended> {
    let serving = worker.shared.serving.load_full();
    let in_query = InQuery::Ignored;
    let admitted = pipeline::admitted(worker, &serving, head, in_query, &incoming, record, watch)?;
    // None of them uses anything.
    record.asked(&Peek::default(), Op::Keep(named.kind.name));
    let parcel = Parcel::read(&worker.shared, &head.headers, incoming, held, watch).await?;
    let call = Call {
        worker,
        serving: &serving,
        head,
        admitted: &admitted,
        watch,
        held,
    };
    call.admitted(named.format(), &Peek::default(), record)
        .await?;
    match &named.id {
        Some(id) => one(&call, named, id, &parcel, record).await,
        None => all(&call, named, &parcel, record).await,
    }
}

/// Asks for one, where it is.
async fn one(
    call: &Call<'_>,
    named: &Named,
    id: &str,
    parcel: &Parcel,
    record: &mut Record,
) -> Result<Answer, Ended> {
    let (kept, caller) = (&call.worker.shared.kept, &call.admitted.caller);
    let (plan, home) = named.of_one(call.serving, kept, caller, id)?;
    let errand = Errand {
        method: named.method.clone(),
        path: format!("/{id}{}", named.what),
        place: Place::Endpoint,
        query: None,
    };
    let answer = asked(call, named, &plan, parcel, &errand, record).await?;
    match &answer.came.reply {
        _ if named.method == Method::DELETE => kept.forget(caller, id),
        // What came of a batch is its caller's, too.
        Reply::Whole { bytes, .. } => {
            objects::came_of(bytes).for_each(|id| kept.note(caller, &id, home.clone()))
        }
        Reply::Begun(_) => {}
    }
    Ok(answer)
}

/// Makes the attempts. What was made has been accounted for when it was.
async fn asked(
    call: &Call<'_>,
    named: &Named,
    plan: &Plan,
    parcel: &Parcel,
    errand: &Errand,
    record: &mut Record,
) -> Result<Answer, Ended> {
    let peek = Peek::default();
    let format = named.format();
    let mut answer = call
        .run(format, plan, &peek, parcel, Some(errand), record)
        .await?;
    if let Reply::Whole { seen, .. } = &mut answer.came.reply {
        (seen.usage, seen.id) = (None, None);
    }
    Ok(answer)
}

/// How many pages are looked through for one that has something of the caller's.
const PAGES: usize = 10;

/// Lists all that this key has had made, a page at a time: of the provider's own list nothing else is shown.
async fn all(
    call: &Call<'_>,
    named: &Named,
    parcel: &Parcel,
    record: &mut Record,
) -> Result<Answer, Ended> {
    let (snapshot, caller) = (&call.serving.snapshot, &call.admitted.caller);
    let head = Ask {
        names: &call.worker.shared.settings.sessions,
        ..Ask::of_head(call.head.uri.path(), &call.head.headers, record.row.at.0)
    };
    let ask = named.ask(head);
    let mut plan = pipeline::planned(call.worker, call.serving, caller, ask, record)?;
    // Each provider has a list of its own.
    plan.attempts.truncate(1);
    let own = |id: &str| {
        let theirs = plan.attempts.first();
        theirs.is_some_and(|choice| snapshot.takes_own_key(choice.provider))
            || call.worker.shared.kept.find(caller, id).is_some()
    };
    let mut errand = Errand {
        method: Method::GET,
        path: String::new(),
        place: Place::Endpoint,
        query: None,
    };
    let mut pages = PAGES;
    loop {
        let mut answer = asked(call, named, &plan, parcel, &errand, record).await?;
        let Reply::Whole { bytes, .. } = &mut answer.came.reply else {
            // What is not looked through is not shown.
            return Err(Failure::upstream(
                "the provider's list is too long to be looked through (fix: ask for fewer with `limit`)"
                    .into(),
            )
            .into());
        };
        let page = list::page(bytes, own).ok_or_else(|| {
            Failure::upstream("the provider sent a list that cannot be read".into())
        })?;
        pages -= 1;
        match page.next.filter(|_| page.empty && pages > 0) {
            Some(next) => errand.query = Some(list::after(call.head.uri.query(), &next)),
            None => {
                *bytes = page.body.into();
                return Ok(answer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn paths_name_what_is_kept() {
        let read = |path: &str, method: Method| {
            named(path, &method).map(|it| {
                let id = it.id.as_deref().unwrap_or("all");
                format!("{} {id}{}", it.method, it.what)
            })
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
            ("/v1/files", Method::GET, None),
            (
                "/files/file-1/content",
                Method::GET,
                Some("GET file-1/content"),
            ),
            (
                "/v1/batches/b_1/cancel",
                Method::POST,
                Some("POST b_1/cancel"),
            ),
            (
                "/v1/messages/batches/msgbatch_1/results",
                Method::GET,
                Some("GET msgbatch_1/results"),
            ),
        ] {
            assert_eq!(read(path, method).as_deref(), want, "{path}");
        }
    }
}
