//! What the attempts of one request need to know of it, and its body for an upstream. Must not know what becomes of it.

use super::{Serving, ended::Ended, failure::Failure, held::Held, parcel::Parcel, worker::Worker};
use crate::catalog;
use crate::chat::{Chat, Fault};
use crate::error::Error;
use crate::formats::hosting::{self, Envelope, Rehosted, Say};
use crate::formats::names::Names;
use crate::formats::{
    Codec, Dropped, Embeds, Format, ReplyContext, StreamUsage, Target, peek::Peek, spelling, splice,
};
use crate::http1::fields::Fields;
use crate::plan::Choice;
use crate::upstream::{BETAS, Origin, OwnKey, Upstream, Way};
use bytes::Bytes;
use http::Method;
use std::{cell::OnceCell, rc::Rc, sync::Arc};

/// A caller's own provider key.
pub struct Own<'a> {
    pub key: OwnKey,
    /// The only place it may go to.
    pub origin: Option<&'a Origin>,
}

/// A call of a provider below its base.
pub struct Errand {
    pub method: Method,
    /// In the spelling that goes out.
    pub path: String,
    /// Behind what.
    pub place: Place,
    /// In place of the caller's.
    pub query: Option<String>,
}

/// Behind what the path of an [`Errand`] stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The provider's base: whatever it has there.
    Base,
    /// Where the provider takes requests of the format: something it keeps of those.
    Endpoint,
}

/// What the attempts need to know of the request.
pub struct Exchange<'a> {
    pub worker: &'a Rc<Worker>,
    pub serving: &'a Arc<Serving>,
    pub format: &'static Format,
    pub headers: &'a Fields,
    /// The caller's query, of which some parameters may pass.
    pub query: Option<&'a str>,
    /// What the request holds in memory.
    pub held: &'a Held,
    pub body: &'a Bytes,
    /// What it brings in place of JSON; the body is empty then.
    pub parcel: Option<&'a Parcel>,
    /// What is asked of the provider itself, and not of a format's endpoint.
    pub errand: Option<&'a Errand>,
    pub peek: &'a Peek<'a>,
    /// The caller's own provider key.
    pub own: Option<Own<'a>>,
    pub request_id: &'a str,
    /// Unix time in milliseconds.
    pub now: i64,
    /// The request in the neutral model, read when the first target of another format is tried.
    pub chat: OnceCell<Result<Box<Chat>, Box<Fault>>>,
}

impl Exchange<'_> {
    /// The caller's own provider key, where it brought one.
    pub fn own_key(&self) -> Option<&OwnKey> {
        self.own.as_ref().map(|own| &own.key)
    }

    /// Whether the provider keeps the answer, as far as the request says.
    pub fn keeps(&self) -> bool {
        self.format.keeps && !self.peek.unkept
    }

    /// Whether gw asks for usage in the stream where the caller did not, and hides it again.
    pub fn asks_usage(&self, upstream: &Upstream) -> bool {
        self.format.usage_on_request
            && self.peek.stream
            && !self.peek.include_usage
            && upstream.quirks.stream_usage == StreamUsage::Asked
    }

    /// Whether it goes out at most once, so that it needs a connection that nobody can have closed by now.
    pub fn goes_once(&self) -> bool {
        self.parcel.is_some_and(Parcel::goes_once)
            || self.errand.is_some_and(|it| !it.method.is_idempotent())
    }

    /// Whether some of it has gone out that cannot again.
    pub fn is_spent(&self) -> bool {
        self.parcel.is_some_and(Parcel::is_spent)
    }

    /// The model that a body of the same format has to name in place of what it says; `None`: it can stay as it is.
    pub fn named<'m>(&self, way: &Way, model: &'m str) -> Option<&'m str> {
        let peek = self.peek;
        let named = peek.model.as_deref().filter(|_| !peek.model_in_path);
        match peek.model_span {
            // None is asked for.
            _ if model.is_empty() => None,
            None if way.names_model() => None,
            _ => Some(model).filter(|model| named != Some(model)),
        }
    }

    /// The body for an upstream of the same format: as it came where it names the model already, or where the address does
    /// and the body names none.
    pub fn spliced(&self, way: &Way, model: &str, include_usage: bool) -> Result<Bytes, Error> {
        let model = self.named(way, model);
        if !include_usage && model.is_none() {
            return Ok(self.body.clone());
        }
        let body = splice::splice(self.body, self.peek, model, include_usage);
        self.held.take(body.len())?;
        Ok(body.into())
    }

    /// The body for an upstream that has the format in another form.
    pub fn rehosted(&self, envelope: &Envelope, choice: &Choice) -> Result<Rehosted, Error> {
        let betas: Vec<&str> = self.headers.texts(BETAS.as_str()).collect();
        let say = Say {
            model: &choice.model,
            stream: self.peek.stream,
            betas: Some(&betas.join(",")),
        };
        let rehosted = hosting::rehost(self.body, envelope, say)?;
        self.held.take(rehosted.body.len())?;
        Ok(rehosted)
    }

    /// The body for an upstream of another format, and what of the request it cannot say.
    pub fn translated(
        &self,
        from: &dyn Codec,
        into: &dyn Codec,
        upstream: &Upstream,
        choice: &Choice,
    ) -> Result<(Bytes, Dropped), Ended> {
        let unfit = |error: Error| Box::new(Fault::from(&error));
        if self.chat.get().is_none() {
            // The neutral model is about as large as the body.
            self.held.take(self.body.len()).map_err(Error::from)?;
            self.held.settle();
        }
        let chat = self
            .chat
            .get_or_init(|| match from.read(&self.peek.document(self.body)) {
                // The path may say it, and not the body.
                Ok(chat) => Ok(Box::new(Chat {
                    stream: self.peek.stream,
                    ..chat
                })),
                Err(error) => Err(unfit(error)),
            });
        let chat = chat
            .as_ref()
            .map_err(|fault| Failure::unfit(fault.clone()))?;
        let target = Target {
            model: &choice.model,
            quirks: &upstream.quirks,
            takes: catalog::takes(&choice.model),
        };
        let written = spelling::in_words_of(self.format, into.write_request(chat, &target));
        let written = written.map_err(|error| Failure::unfit(unfit(error)))?;
        self.held.take(written.body.len()).map_err(Error::from)?;
        Ok((written.body.into(), written.dropped))
    }

    /// The same of embeddings, whose requests are read anew for each target of another format: they are few.
    pub fn embedding(
        &self,
        from: &dyn Embeds,
        into: &dyn Embeds,
        choice: &Choice,
    ) -> Result<(Bytes, Dropped), Ended> {
        // The neutral model is about as large as the body.
        self.held.take(self.body.len()).map_err(Error::from)?;
        let embed = from.read_request(self.body);
        let written = embed.and_then(|embed| into.write_request(&embed, &choice.model));
        let written = spelling::in_words_of(self.format, written);
        let written = written.map_err(|error| Failure::unfit(Box::new(Fault::from(&error))))?;
        self.held.take(written.body.len()).map_err(Error::from)?;
        Ok((written.body.into(), written.dropped))
    }

    /// What a writer of the caller's format needs beside the reply.
    pub fn context(&self, choice: &Choice) -> ReplyContext {
        let chat = self.chat.get().and_then(|chat| chat.as_deref().ok());
        ReplyContext {
            request_id: self.request_id.to_owned(),
            model: choice.model.to_string(),
            include_usage: self.peek.include_usage,
            created: self.now / 1_000,
            request: self.body.clone(),
            long: self.peek.long.as_slice().into(),
            names: chat.and_then(Names::of).map(Arc::new),
        }
    }
}
