//! What the attempts of one request need to know of it, and its body for an upstream. Must not know what becomes of it.

use super::{Serving, worker::Worker};
use crate::chat::Chat;
use crate::error::{Error, Result};
use crate::formats::{Codec, Dropped, Format, ReplyContext, Target, peek::Peek, splice};
use crate::plan::Choice;
use crate::upstream::{OwnKey, Upstream};
use bytes::Bytes;
use http::HeaderMap;
use std::{
    cell::{OnceCell, RefCell},
    rc::Rc,
    sync::Arc,
};

/// What the attempts need to know of the request.
pub struct Exchange<'a> {
    pub worker: &'a Rc<Worker>,
    pub serving: &'a Arc<Serving>,
    pub format: &'static Format,
    pub headers: &'a HeaderMap,
    /// The caller's query, of which some parameters may pass.
    pub query: Option<&'a str>,
    pub body: &'a Bytes,
    pub peek: &'a Peek<'a>,
    /// The caller's own provider key.
    pub own: Option<OwnKey>,
    pub request_id: &'a str,
    /// Unix time in milliseconds.
    pub now: i64,
    /// The request in the neutral model, read when the first target of another format is tried.
    pub chat: OnceCell<Result<Chat>>,
    pub dropped: RefCell<Dropped>,
}

impl Exchange<'_> {
    /// Whether gw asks for usage in the stream where the caller did not, and hides it again.
    pub fn asks_usage(&self, upstream: &Upstream) -> bool {
        self.format.usage_on_request
            && self.peek.stream
            && !self.peek.include_usage
            && upstream.vendor.quirks.stream_usage
    }

    /// The body for an upstream of the same format.
    pub fn spliced(&self, model: &str, include_usage: bool) -> Bytes {
        match !include_usage && self.peek.model.as_deref() == Some(model) {
            true => self.body.clone(),
            false => splice::splice(self.body, self.peek, model, include_usage).into(),
        }
    }

    /// The body for an upstream of another format.
    pub fn translated(
        &self,
        from: &dyn Codec,
        into: &dyn Codec,
        upstream: &Upstream,
        choice: &Choice,
    ) -> Result<Bytes> {
        let chat = self
            .chat
            .get_or_init(|| from.read_request(self.body))
            .as_ref()
            .map_err(|error| Error {
                kind: error.kind,
                message: error.message.clone(),
                hint: error.hint.clone(),
                param: error.param.clone(),
                cause: None,
            })?;
        let written = into.write_request(
            chat,
            &Target {
                model: &choice.model,
                quirks: &upstream.vendor.quirks,
                takes: choice.facts.takes,
            },
        )?;
        *self.dropped.borrow_mut() = written.dropped;
        Ok(written.body.into())
    }

    /// What a writer of the caller's format needs beside the reply.
    pub fn context(&self, choice: &Choice) -> ReplyContext {
        ReplyContext {
            request_id: self.request_id.to_owned(),
            model: choice.model.to_string(),
            include_usage: self.peek.include_usage,
            created: self.now / 1_000,
        }
    }
}
