//! One request as the log keeps it. Everything in it can be shown; credentials are never in it.

use super::reprice::Repriced;
use crate::catalog::CostStatus;
use crate::chat::{Bucket, Tier, Usage, UsageSource};
use crate::resources::Stamp;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How a request ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    #[default]
    Ok,
    /// Refused or failed before any byte of an answer.
    Failed,
    /// The stream broke after content had been sent.
    FailedAfterCommit,
    /// The caller hung up (499).
    ClientClosed,
    /// The key was revoked while it ran.
    Revoked,
    /// The gateway stopped while it ran.
    Shutdown,
}

/// One try at one target.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    pub provider: Arc<str>,
    pub model: Arc<str>,
    /// Milliseconds after the request's start.
    pub start_ms: u64,
    pub duration_ms: u64,
    /// What the upstream answered; absent: no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// `ok`, `cancelled`, or the class of its failure.
    pub class: Cow<'static, str>,
    /// Seconds, as the upstream asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
    /// Why gw moved on or stopped; scrubbed of anything that looks like a credential.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What was injected in front of the provider, such as `429` or `ttft=8s`: it did not come of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub injected: Option<String>,
}

/// Characters kept of a session's and an agent's name; ids are shorter, and a caller chooses it.
pub const LABEL_KEPT: usize = 128;

/// One request. Names that the snapshot has are shared with it: a row costs no copies of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// `req_` + ULID: time-ordered.
    pub id: String,
    pub at: Stamp,
    pub key: Option<Arc<str>>,
    pub user: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Arc<str>>,
    /// The labels of its user, and those of its key over them; shared with whoever called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Arc<BTreeMap<String, String>>>,
    pub route: Option<Arc<str>>,
    /// Which of its rules gave the targets, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<usize>,
    /// The conversation this request was part of, and the agent within it, as the caller's tool names them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// The caller's format, such as `openai-chat`.
    pub format: Cow<'static, str>,
    /// The path it was sent to, where that is below one that a route is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The model asked for; absent where the body named none.
    pub requested_model: Option<Arc<str>>,
    /// The model that answered (upstream id).
    pub model: Option<Arc<str>>,
    pub provider: Option<Arc<str>>,
    /// HTTP status towards the caller; 499 where it hung up.
    pub status: u16,
    pub outcome: Outcome,
    pub stream: bool,
    pub usage: Usage,
    pub usage_source: UsageSource,
    /// Picodollars; absent: unpriced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_pico: Option<i64>,
    pub cost_status: CostStatus,
    /// The bucket that was used and has no price, where the status is `unpriced`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unpriced: Option<Bucket>,
    /// The tier of service that the provider says it was given at.
    #[serde(default, skip_serializing_if = "Tier::is_standard")]
    pub tier: Tier,
    /// What it cost before it was priced again; absent: it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repriced: Option<Box<Repriced>>,
    pub latency_ms: u64,
    /// Milliseconds to the first content event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttft_ms: Option<u64>,
    pub attempts: Vec<Attempt>,
    /// How long it waited for a target to be free; nothing was sent in that time.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub waited_ms: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<String>,
    /// The limit that did not let it through, such as `key ci tokens=1000/hour`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<String>,
    /// Limits in shadow that would not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shadowed: Vec<String>,
    /// What the caller was told, where it was an error; in brackets, what it was not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

fn is_zero(ms: &u64) -> bool {
    *ms == 0
}

impl Row {
    /// Whether the request was not answered in full: refused, failed, or broken off, whatever its status said
    /// when the answer began.
    pub fn is_error(&self) -> bool {
        self.status >= 400 || self.outcome != Outcome::Ok
    }

    /// Cuts what callers and upstreams choose, so that many rows take no more room than their number says.
    pub fn bound(&mut self) {
        for name in [&mut self.requested_model, &mut self.model] {
            name.iter_mut().for_each(|name| cut(name, NAME_KEPT));
        }
        for name in [&mut self.path, &mut self.session, &mut self.agent] {
            name.iter_mut().for_each(|name| cut(name, NAME_KEPT));
        }
        self.error.iter_mut().for_each(|text| cut(text, TEXT_KEPT));
        for attempt in &mut self.attempts {
            cut(&mut attempt.model, NAME_KEPT);
            let reason = attempt.reason.iter_mut();
            reason.for_each(|text| cut(text, TEXT_KEPT));
        }
    }
}

/// Bytes kept of a name that somebody else chose, and of a text.
const NAME_KEPT: usize = 256;
const TEXT_KEPT: usize = 4096;

fn cut<T: std::ops::Deref<Target = str> + From<String>>(text: &mut T, most: usize) {
    if text.len() > most {
        let end = text.floor_char_boundary(most - '…'.len_utf8());
        *text = T::from(format!("{}…", &text[..end]));
    }
}

/// Request and response as bytes, kept beside the row.
#[derive(Clone, Debug, Default)]
pub struct Content {
    /// The request and, where the two lie together, the beginning of the response.
    begin: Bytes,
    /// Bytes of the request.
    request: usize,
    /// What else there is of the response, in pieces.
    rest: Vec<Bytes>,
    /// The response was longer than kept (1 MiB by default).
    truncated: bool,
}

impl Content {
    /// A request, and a response in pieces as they came.
    pub fn new(request: impl Into<Bytes>, response: Vec<Bytes>) -> Content {
        let begin = request.into();
        let request = begin.len();
        Content::together(begin, request, response)
    }

    /// The same where the first piece begins with the request, of so many bytes.
    pub fn together(begin: Bytes, request: usize, rest: Vec<Bytes>) -> Content {
        Content {
            request: request.min(begin.len()),
            begin,
            rest,
            truncated: false,
        }
    }

    /// The same, of which the response was longer, if so.
    pub fn cut(self, truncated: bool) -> Content {
        Content { truncated, ..self }
    }

    pub fn request(&self) -> &[u8] {
        &self.begin[..self.request]
    }

    /// Whether the response was longer than kept.
    pub fn truncated(&self) -> bool {
        self.truncated
    }

    /// The response, in pieces.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let begin = &self.begin[self.request..];
        std::iter::once(begin).chain(self.rest.iter().map(|piece| &**piece))
    }

    /// The response in one piece.
    pub fn response(&self) -> Cow<'_, [u8]> {
        match self.rest.as_slice() {
            [] => self.begin[self.request..].into(),
            [one] if self.begin.len() == self.request => (&**one).into(),
            _ => self.pieces().collect::<Vec<_>>().concat().into(),
        }
    }

    /// Bytes of request and response.
    pub fn size(&self) -> usize {
        self.begin.len() + self.rest.iter().map(Bytes::len).sum::<usize>()
    }
}

impl PartialEq for Content {
    fn eq(&self, other: &Content) -> bool {
        let whole = |it: &Content| (it.truncated, it.size(), it.request);
        whole(self) == whole(other)
            && self.request() == other.request()
            && self.response() == other.response()
    }
}

/// What became of the content of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    Kept(Content),
    /// None was to be kept.
    None,
    /// It was kept until retention or lack of space removed it.
    Removed,
    /// There was no room for it, in the queue or on the disk.
    LeftOut,
    /// It cannot be read.
    Damaged,
}

impl Body {
    /// The content, where it is there.
    pub fn kept(self) -> Option<Content> {
        match self {
            Body::Kept(content) => Some(content),
            _ => None,
        }
    }

    /// In a word.
    pub fn state(&self) -> &'static str {
        match self {
            Body::Kept(_) => "kept",
            Body::None => "none",
            Body::Removed => "removed",
            Body::LeftOut => "left_out",
            Body::Damaged => "damaged",
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn what_others_choose_is_bounded_in_bytes() {
        let long = || Some("é".repeat(1 << 20));
        let name = || long().map(Arc::from);
        let mut row = Row {
            path: long(),
            requested_model: name(),
            model: name(),
            session: long(),
            agent: long(),
            error: long(),
            attempts: vec![Attempt {
                model: "é".repeat(1 << 20).into(),
                reason: long(),
                ..Attempt::default()
            }],
            ..Row::default()
        };
        row.bound();
        let attempt = &row.attempts[0];
        let names = [
            row.path.as_deref(),
            row.requested_model.as_deref(),
            row.model.as_deref(),
            row.session.as_deref(),
            row.agent.as_deref(),
            Some(&*attempt.model),
        ];
        for name in names {
            assert!(name.is_some_and(|name| name.len() <= 256 && name.ends_with("é…")));
        }
        for text in [&row.error, &attempt.reason].into_iter().flatten() {
            assert!(text.len() <= 4096 && text.ends_with("é…"));
        }
        let before = row.clone();
        row.bound();
        assert_eq!(row, before);
    }

    #[test]
    fn rows_of_earlier_releases_have_no_session() {
        let mut shown = serde_json::to_value(Row {
            session: Some("s".into()),
            agent: Some("a".into()),
            ..Row::default()
        })
        .unwrap();
        let read =
            |value: &serde_json::Value| serde_json::from_value::<Row>(value.clone()).unwrap();
        assert_eq!(read(&shown).session.as_deref(), Some("s"));
        for name in ["session", "agent"] {
            shown.as_object_mut().unwrap().remove(name);
        }
        assert_eq!(read(&shown), Row::default());
    }
}
