//! What would become of a request that nobody sends: read as one that has come, planned by what serves, and not sent.

mod estimate;
mod past;

pub use estimate::estimate;

use super::{
    Serving, Shared,
    asked::Asked,
    keeping::Named,
    limit,
    listen::Place,
    passthrough::{self, Through},
    pipeline,
};
use crate::error::{Error, Result};
use crate::formats::{
    self, Format, Streams,
    peek::{self, Peek},
};
use crate::http1::fields::Fields;
use crate::plan::{
    self, Ask, Context, Plan,
    explain::{
        self, Answer, Question, Who,
        answer::{Outcome, Timers},
    },
    passthrough as through,
};
use crate::resources::Stamp;
use http::{HeaderName, HeaderValue, Method};
use past::{AsOf, Past};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{borrow::Cow, collections::BTreeMap, time::Instant};

/// What is asked. Everything may be left out but who asks, which is a key, a user, a route or a request of the log.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Query {
    /// The key's name.
    key: Option<String>,
    /// Any key of this user's.
    user: Option<String>,
    /// Also say whether this route decides; without a key, asked as one that it serves.
    route: Option<String>,
    /// A request of the log, by its id or the beginning of it: it is asked about as far as it is known.
    as_of: Option<String>,
    /// `POST` unless said otherwise; below `/passthrough` and of what is kept `GET`.
    method: Option<String>,
    /// Where it is sent; without one it is the body that tells the format, else a chat.
    path: Option<String>,
    /// The format, where no path tells it.
    format: Option<String>,
    headers: BTreeMap<String, String>,
    /// JSON, or its text.
    body: Option<Value>,
    /// In place of the body's.
    model: Option<String>,
    /// Answered as a stream, whatever the body says.
    stream: bool,
    /// When it is sent, RFC 3339: what depends on the time goes by it. How targets are doing is as it is now.
    at: Option<String>,
    /// Draws, to show how a strategy falls out (at most 10,000).
    times: u32,
}

/// The answer to a question, which is JSON: see [`Query`] and [`Told`].
pub fn explain(shared: &Shared, query: Value) -> Result<Value> {
    let mut query: Query = serde_json::from_value(query).map_err(|error| {
        Error::invalid(format!("the query cannot be read: {error}"))
            .hint("see gw route explain --help")
    })?;
    let past = query.as_of.take();
    let past = past
        .map(|id| Past::find(shared, &id, &mut query))
        .transpose()?;
    let told = query.at.as_deref().map(Stamp::parse).transpose();
    let told = told.map_err(|error| error.param("at"))?;
    let now = told.unwrap_or_else(Stamp::now);
    let serving = shared.serving.load_full();
    let mut request = Sent::read(&query, &serving, shared.settings.json_depth)?;
    request.at = told
        .or(past.as_ref().map(|past| past.row.at))
        .unwrap_or(now);
    let answer = request.explained(shared, &serving, &query, now)?;
    let as_of = past.map(|past| past.beside(&answer));
    serde_json::to_value(Told { answer, as_of })
        .map_err(|error| Error::internal("the answer cannot be written").cause(error))
}

#[derive(Serialize)]
struct Told {
    #[serde(flatten)]
    answer: Answer,
    /// Of a request that already happened: what became of it then.
    #[serde(skip_serializing_if = "Option::is_none")]
    as_of: Option<AsOf>,
}

/// A request as if it had come.
struct Sent {
    /// The whole of it.
    path: String,
    headers: Fields,
    body: Option<String>,
    place: Where,
    /// When: one that already happened was sent then, whatever records it is held against.
    at: Stamp,
}

/// Where it goes.
enum Where {
    Format(Asked),
    Through(Through),
    Kept(Named),
}

impl Sent {
    fn read(query: &Query, serving: &Serving, depth: usize) -> Result<Sent> {
        let headers = headers(&query.headers)?;
        let body = match &query.body {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(json) => Some(json.to_string()),
        };
        let named = query.route.as_deref();
        let named = named.and_then(|name| serving.snapshot.route(name));
        // A route bound to a path is asked about with a request to that path.
        let bound = named.map(|route| route.spec.path.as_str());
        let path = query.path.as_deref();
        let path = path.or(bound.filter(|path| query.format.is_none() && !path.is_empty()));
        let place = match (path, &query.format) {
            (Some(path), _) => place(query, path, &headers, serving)?,
            (None, Some(format)) => Where::Format(plain(named_format(format)?)),
            (None, None) => Where::Format(plain(looks_like(body.as_deref(), depth)?)),
        };
        // Where requests of the format are sent, where that says no more.
        let whole = path.or_else(|| match &place {
            Where::Format(asked) => {
                let mut paths = asked.format.entries.iter().map(|entry| entry.path);
                paths.find(|path| !path.contains('{'))
            }
            _ => None,
        });
        Ok(Sent {
            path: whole.unwrap_or_default().to_owned(),
            headers,
            body,
            place,
            at: Stamp(0),
        })
    }

    fn explained(
        &self,
        shared: &Shared,
        serving: &Serving,
        query: &Query,
        now: Stamp,
    ) -> Result<Answer> {
        let snapshot = &serving.snapshot;
        let named = query.route.as_deref();
        let named = named
            .map(|name| explain::route_named(snapshot, name))
            .transpose()?;
        let who = Who {
            key: query.key.as_deref(),
            user: query.user.as_deref(),
            route: named,
        };
        let head = Ask {
            names: &shared.settings.sessions,
            ..Ask::of_head(&self.path, &self.headers, self.at.0)
        };
        let question = |ask| {
            Ok::<_, Error>(Question {
                snapshot,
                caller: who.find(snapshot, &ask, now.0)?,
                ask,
                through: None,
                kept: false,
                named,
                times: query.times,
                now: now.0,
                moment: shared.moment(Instant::now()),
            })
        };
        let mut answer = match &self.place {
            Where::Format(asked) => {
                let peek = self.peek(asked, query, shared.settings.json_depth)?;
                let question = question(pipeline::ask(asked, &peek, head))?;
                let planner = |context: Context<'_>| {
                    let caller = context.caller;
                    let mut plan = plan::plan(snapshot, context)?;
                    let held = shared.kept.hold(&peek.kept, caller, snapshot, &mut plan);
                    held.map_err(|failure| Error::invalid(failure.fault.message.clone()))?;
                    Ok(plan)
                };
                explain::explain(&question, &planner)?
            }
            Where::Through(through) => {
                let asked = through.asked(serving, head);
                let question = Question {
                    through: Some(asked.provider),
                    ..question(asked.ask)?
                };
                let planner =
                    |context: Context<'_>| through::plan(snapshot, context.caller, &asked);
                explain::explain(&question, &planner)?
            }
            Where::Kept(kept) => {
                let mut question = question(kept.ask(head))?;
                question.kept = kept.plan(serving, &shared.kept, question.caller).is_some();
                let planner = |context: Context<'_>| {
                    let one = kept.plan(serving, &shared.kept, context.caller);
                    one.unwrap_or_else(|| first(plan::plan(snapshot, context)))
                };
                explain::explain(&question, &planner)?
            }
        };
        self.complete(&mut answer, shared, serving);
        Ok(answer)
    }

    fn format(&self) -> &'static Format {
        match &self.place {
            Where::Format(asked) => asked.format,
            Where::Through(_) => passthrough::format(),
            Where::Kept(named) => named.format(),
        }
    }

    fn peek<'a>(&'a self, asked: &'a Asked, query: &'a Query, depth: usize) -> Result<Peek<'a>> {
        let mut peek = match &self.body {
            Some(body) => peek::peek(body.as_bytes(), asked.format.looks, depth)?,
            None => Peek::default(),
        };
        if let Some(model) = &query.model {
            peek.model = Some(Cow::Borrowed(model));
        }
        peek.stream |= query.stream;
        if let (Some(path), Some(other)) = (&asked.model, &query.model)
            && path != other
        {
            return Err(Error::invalid(format!(
                "the path names the model `{}` already",
                path.escape_debug()
            ))
            .param("model")
            .hint("leave out one of the two"));
        }
        peek.told(asked.model.as_deref(), asked.streams)?;
        Ok(peek)
    }

    /// Adds what only those know who send: how long a target gets, and whether it can be asked at all.
    fn complete(&self, answer: &mut Answer, shared: &Shared, serving: &Serving) {
        let Outcome::Planned(planned) = &mut answer.outcome else {
            return;
        };
        let route = planned.route.as_deref();
        let spec = route.and_then(|name| Some(&serving.snapshot.route(name)?.spec));
        for attempt in &mut planned.attempts {
            let Some(upstream) = serving.upstream(&attempt.provider) else {
                continue;
            };
            let timers = spec.map_or(upstream.timers, |spec| upstream.timers.of_route(spec));
            let ms = |time: std::time::Duration| time.as_millis() as u64;
            attempt.timers = Some(Timers {
                connect_ms: ms(timers.connect),
                first_content_ms: ms(timers.first_content),
                idle_ms: ms(timers.idle),
                answer_ms: ms(timers.answer),
                total_ms: spec.and_then(|spec| Some(spec.total_timeout?.0)),
            });
            let format = self.format();
            if matches!(self.place, Where::Format(_))
                && upstream.way(format, &attempt.model).is_none()
            {
                let why = upstream.unreached(format, &attempt.model).message;
                attempt.notes.push(format!("cannot carry it: {why}"));
            }
            let used_up = limit::used_up(shared, serving, &attempt.provider, &attempt.model);
            attempt.notes.extend(used_up);
            if let Some(why) = upstream.unavailable() {
                attempt
                    .notes
                    .push(format!("its credential cannot be had: {why}"));
            }
        }
    }
}

/// Each provider has a list of its own.
fn first(plan: Result<Plan>) -> Result<Plan> {
    plan.map(|mut plan| {
        plan.attempts.truncate(1);
        plan
    })
}

/// What a path asks for, which must be something that goes to a provider.
fn place(query: &Query, path: &str, headers: &Fields, serving: &Serving) -> Result<Where> {
    let unserved = || {
        Error::invalid(format!("no provider is asked at `{}`", path.escape_debug()))
            .param("path")
            .hint(
                "name a path of a format's, such as /v1/responses, or one that a route is bound to",
            )
    };
    let method = match &query.method {
        Some(text) => Method::from_bytes(text.to_ascii_uppercase().as_bytes())
            .map_err(|_| Error::invalid(format!("`{}` is not a method", text.escape_debug())))?,
        None => Method::GET,
    };
    match Place::of(&serving.snapshot, &method, path, headers)? {
        // Requests of formats are posted, but for lists of what is kept.
        Place::Format(asked) => Ok(match Named::all(asked.format, asked.path.clone()) {
            Some(all) if query.method.is_some() && method == Method::GET => Where::Kept(all),
            _ => Where::Format(asked),
        }),
        Place::Through(through) => Ok(Where::Through(through)),
        Place::Kept(named) => Ok(Where::Kept(named)),
        Place::Models(_) | Place::Alive | Place::Ready => Err(unserved()),
    }
}

/// A format where its path says no more of a request.
fn plain(format: &'static Format) -> Asked {
    Asked {
        format,
        path: None,
        model: None,
        streams: Streams::Asked,
    }
}

fn named_format(name: &str) -> Result<&'static Format> {
    formats::named(name).ok_or_else(|| {
        let names = formats::FORMATS.map(|format| format.name).join(", ");
        Error::invalid(format!("there is no format `{}`", name.escape_debug()))
            .param("format")
            .hint(format!("there are {names}"))
    })
}

/// The format that a body looks like, or a chat where there is none.
fn looks_like(body: Option<&str>, depth: usize) -> Result<&'static Format> {
    let Some(body) = body else {
        return Ok(formats::format(formats::FormatId::OpenaiChat));
    };
    // Refuses what is too deep to be read as a tree.
    peek::peek(body.as_bytes(), &[], depth)?;
    let body: Value = serde_json::from_str(body).map_err(|error| {
        Error::invalid("the body is not JSON")
            .cause(error)
            .param("body")
    })?;
    Ok(formats::resembling(&body))
}

fn headers(given: &BTreeMap<String, String>) -> Result<Fields> {
    for (name, value) in given {
        let bad = || {
            Error::invalid(format!("the header `{}` is not valid", name.escape_debug()))
                .param("headers")
        };
        HeaderName::try_from(name.as_str()).map_err(|_| bad())?;
        HeaderValue::try_from(value.as_str()).map_err(|_| bad())?;
    }
    let lines = given.iter();
    Ok(lines
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect())
}
