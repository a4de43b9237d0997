//! A request that already happened, as far as the log knows it: what is asked about it, and how it went.

use super::Query;
use crate::error::{Error, Result};
use crate::gateway::{Shared, record};
use crate::plan::{
    explain::answer::{Answer, Outcome as Now, Planned},
    session::Names,
};
use crate::store::journal::{self, Body, Outcome, Row};
use serde::Serialize;
use std::{borrow::Cow, sync::Arc};

/// What became of a request that already happened, beside what would become of it now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AsOf {
    pub id: String,
    /// RFC 3339.
    pub at: String,
    pub route: Option<Arc<str>>,
    /// Which of its rules gave the targets, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<usize>,
    pub status: u16,
    pub outcome: Outcome,
    pub attempts: Vec<Tried>,
    /// What the caller was told, where it was an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What of the request is not known any more, in words.
    pub unknown: Vec<String>,
    /// What is otherwise now, in words.
    pub differs: Vec<String>,
}

/// An attempt that was made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tried {
    pub provider: Arc<str>,
    pub model: Arc<str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    pub class: Cow<'static, str>,
}

/// One request of the log.
pub(super) struct Past {
    pub row: Row,
    /// What of it is not known, in words.
    unknown: Vec<String>,
}

impl Past {
    /// Looks it up, and asks what it asked where the query does not ask for something else.
    pub fn find(shared: &Shared, id: &str, query: &mut Query) -> Result<Past> {
        let (row, body) = journal::named(shared.journal.as_ref(), id)?;
        if query.key.is_none() && query.user.is_none() {
            query.key = row.key.as_deref().map(str::to_owned);
            if query.key.is_none() && query.route.is_none() {
                return Err(Error::invalid(format!(
                    "request `{}` came with no key that is known",
                    row.id
                ))
                .hint("name one with --key"));
            }
        }
        if query.path.is_none() && query.format.is_none() {
            match &row.path {
                Some(path) => query.path = Some(path.clone()),
                None => query.format = Some(row.format.to_string()),
            }
        }
        let mut unknown = vec![named(&row, &shared.settings.sessions, query)];
        if query.body.is_none() {
            match text(&row, body) {
                Ok(text) => query.body = Some(text.into()),
                Err(why) => unknown.push(why),
            }
        }
        // Of a path that names it the path is kept.
        if query.model.is_none() && row.path.is_none() {
            query.model = row.requested_model.as_deref().map(str::to_owned);
        }
        query.stream |= row.stream;
        Ok(Past { row, unknown })
    }

    /// How it went, and what is otherwise now.
    pub fn beside(self, now: &Answer) -> AsOf {
        let differs = differs(&self.row, now);
        let row = self.row;
        let tried = |attempt: journal::Attempt| Tried {
            provider: attempt.provider,
            model: attempt.model,
            status: attempt.status,
            class: attempt.class,
        };
        AsOf {
            id: row.id,
            at: row.at.rfc3339(),
            route: row.route,
            rule: row.rule,
            status: row.status,
            outcome: row.outcome,
            attempts: row.attempts.into_iter().map(tried).collect(),
            error: row.error,
            unknown: self.unknown,
            differs,
        }
    }
}

/// Session and agent are kept as names, of all its headers; they are given back under headers that name them.
fn named(row: &Row, names: &Names, query: &mut Query) -> String {
    let mut known = Vec::new();
    for (what, name, value) in names.headers(row.session.as_deref(), row.agent.as_deref()) {
        known.push(what);
        let header = query.headers.entry(name.to_owned());
        header.or_insert_with(|| value.to_owned());
    }
    match known.is_empty() {
        true => "its headers, which are not kept".to_owned(),
        false => format!("its headers, but for {}", known.join(" and ")),
    }
}

/// The text of its body, or why there is none.
fn text(row: &Row, body: Body) -> std::result::Result<String, String> {
    let lacks = "what it needed of a model and how long it was";
    let why = match &body {
        Body::Kept(content) if content.request().is_empty() => "was not kept",
        Body::Kept(_) => "was no JSON",
        Body::None => "was not kept",
        Body::Removed => "was removed by retention",
        Body::LeftOut => "was left out, as there was no room for it",
        Body::Damaged => "cannot be read",
    };
    let kept = body.kept().filter(|content| !content.request().is_empty());
    let text = kept.and_then(|content| String::from_utf8(content.request().to_vec()).ok());
    text.filter(|text| !record::is_told(text) && row.format != "passthrough")
        .ok_or_else(|| format!("its body, which {why}: {lacks}"))
}

/// What is otherwise now, in words.
fn differs(row: &Row, now: &Answer) -> Vec<String> {
    let planned = match &now.outcome {
        Now::Planned(planned) => planned,
        Now::Refused { refused, .. } => {
            return match row.attempts.is_empty() && row.status == refused.status {
                true => Vec::new(),
                false => vec![format!(
                    "it got status {}, and would be refused now with {}",
                    row.status, refused.status
                )],
            };
        }
    };
    let mut differs = Vec::new();
    if row.route.as_deref() != planned.route.as_deref() && !planned.kept {
        let name = |route: Option<&str>| match route {
            Some(route) => format!("route `{route}`"),
            None => "no route".to_owned(),
        };
        differs.push(format!(
            "{} took it, and {} would now",
            name(row.route.as_deref()),
            name(planned.route.as_deref())
        ));
    }
    if row.route.as_deref() == planned.route.as_deref() && row.rule != planned.rule {
        let name = |rule: Option<usize>| match rule {
            Some(rule) => format!("rule {rule}"),
            None => "no rule".to_owned(),
        };
        differs.push(format!(
            "{} gave the targets, and {} would now",
            name(row.rule),
            name(planned.rule)
        ));
    }
    if row.attempts.is_empty() {
        differs.push(format!(
            "it was refused with status {}, and would be tried now",
            row.status
        ));
    }
    let mut seen: Vec<(&str, &str)> = Vec::new();
    for (at, attempt) in row.attempts.iter().enumerate() {
        let target = (&*attempt.provider, &*attempt.model);
        if seen.contains(&target) {
            continue;
        }
        seen.push(target);
        differs.extend(place(planned, target, at == 0));
    }
    differs
}

/// What is otherwise now of a target that was tried.
fn place(planned: &Planned, (provider, model): (&str, &str), first: bool) -> Option<String> {
    let target = format!("`{provider}/{model}`");
    let mut attempts = planned.attempts.iter();
    let now = attempts.position(|it| it.provider == provider && it.model == model);
    let is_it = |model_of: Option<&str>| model_of.is_none_or(|it| it == model);
    let mut excluded = planned.excluded.iter();
    match now {
        Some(0) => None,
        Some(_) if !first => None,
        Some(at) => Some(format!(
            "{target} came first, and comes as number {} now",
            at + 1
        )),
        None => {
            match excluded.find(|out| out.provider == provider && is_it(out.model.as_deref())) {
                Some(out) => Some(format!(
                    "{target} was tried, and is left out now: {}",
                    out.why
                )),
                None => Some(format!("{target} was tried, and is no target now")),
            }
        }
    }
}
