//! How an attempt failed: what the log says of it, what planning makes of it, and what the caller sees if
//! nothing better comes.

use super::{broke::Broke, limit::Limited};
use crate::chat::Fault;
use crate::formats::fault::Hidden;
use crate::http1::lines::Lines;
use crate::plan::retry::Class;
use crate::resources::route::RetryOn;
use crate::upstream::Upstream;
use bytes::Bytes;
use std::{borrow::Cow, sync::Arc, time::Duration};

/// A failed attempt.
#[derive(Debug)]
pub struct Failure {
    pub class: Class,
    /// What to tell the caller, in whatever format it speaks.
    pub fault: Box<Fault>,
    /// The upstream's status, where it answered.
    pub status: Option<u16>,
    pub retry_after: Option<Duration>,
    /// The upstream's headers that may pass, and its own error answer, forwarded as it is where the formats are the same;
    /// empty where they are not.
    pub original: Option<Box<(Lines, Bytes)>>,
    /// The connection had been kept from an earlier request, and broke before anything of an answer came: most
    /// likely the upstream had closed it.
    pub kept_connection: bool,
    /// It came inside a 200: the upstream had taken the request.
    pub taken: bool,
    /// The upstream says that asking it again will not help.
    pub not_again: bool,
    /// How what was sent in place of an answer begins, for the log alone.
    pub begins: Option<Box<str>>,
    /// The provider and model it is of, once that is settled.
    pub target: Option<(Arc<str>, Arc<str>)>,
    /// The limit that kept it from being sent.
    pub limited: Option<Box<Limited>>,
}

impl Failure {
    /// Whether a route with these triggers moves on from it.
    pub fn moves_on(&self, triggers: &[RetryOn]) -> bool {
        // What a filter stops where the request had been taken is an answer that failed, too.
        let taken = self.taken && self.class == Class::Content;
        self.class.moves_on(self.status, triggers)
            || taken && Class::Upstream.moves_on(None, triggers)
    }

    /// Whether it is the target that does not count, and not the request that cannot be counted.
    pub fn cannot_count(&self) -> bool {
        match self.class {
            Class::Context | Class::OwnKey => false,
            Class::Caller => matches!(self.status, Some(405 | 501)),
            // Where the path is known it is the model that is not.
            Class::NotFound => !self.fault.message.contains("model"),
            _ => true,
        }
    }

    fn own(class: Class, status: u16, kind: &str, message: String) -> Failure {
        let fault = Box::new(Fault {
            status,
            kind: kind.into(),
            message,
            code: None,
            param: None,
        });
        Failure::of(class, fault)
    }

    /// Without an answer of the upstream's.
    pub fn of(class: Class, fault: Box<Fault>) -> Failure {
        Failure {
            class,
            fault,
            status: None,
            retry_after: None,
            original: None,
            kept_connection: false,
            taken: false,
            not_again: false,
            begins: None,
            target: None,
            limited: None,
        }
    }

    /// An error inside a 200: an event of a stream, or what stands in place of the reply.
    pub fn inside(fault: Option<Fault>, upstream: &Upstream) -> Failure {
        let Some(fault) = fault else {
            return Failure::upstream("the upstream sent an error event".into());
        };
        let own_key = upstream.sign_in.is_own_key();
        let (status, class) = (fault.status, Class::inside(&fault, own_key));
        if class == Class::Credential {
            return Failure::refused_credential(&upstream.name, status);
        }
        Failure {
            status: Some(status),
            taken: true,
            ..Failure::of(class, Box::new(fault))
        }
    }

    /// A 200 whose answer a content filter stopped before any of it.
    pub fn filtered(provider: &str) -> Failure {
        let message = format!(
            "provider `{provider}` ended its answer by a content filter before any content"
        );
        Failure {
            status: Some(200),
            ..Failure::own(Class::Content, 400, "content_filter", message)
        }
    }

    /// The provider refused the stored credential. In no words of the provider's, so that no caller takes it for its
    /// own key.
    pub fn refused_credential(provider: &str, status: u16) -> Failure {
        let message = format!(
            "provider `{provider}` refused the gateway's credential for it (HTTP {status})"
        );
        Failure {
            status: Some(status),
            ..Failure::own(Class::Credential, 502, "provider_auth", message).coded("provider_auth")
        }
    }

    /// Whether it may be told in the provider's own words.
    pub fn in_words_of_its_own(&self) -> bool {
        self.class != Class::Credential
    }

    /// Takes credentials out of what it says. An answer that shows one is not passed on as it is.
    pub fn clean(&mut self, hidden: &Hidden<'_>) {
        hidden.clean(&mut self.fault);
        if let Some(begins) = &mut self.begins
            && let Cow::Owned(clean) = hidden.scrub(begins)
        {
            *begins = clean.into();
        }
        if let Some(original) = &mut self.original
            && hidden.shown_in(&original.1)
        {
            original.1 = Bytes::new();
        }
    }

    /// Not connected.
    pub fn connect(message: String) -> Failure {
        Failure::own(Class::Connect, 502, "api_error", message).coded("connect")
    }

    /// Nothing in time.
    pub fn timeout(message: String) -> Failure {
        Failure::own(Class::Timeout, 504, "timeout_error", message).coded("timeout")
    }

    /// Connected, and then broken or not an answer.
    pub fn upstream(message: String) -> Failure {
        Failure::own(Class::Upstream, 502, "api_error", message).coded("bad_upstream")
    }

    /// The connection broke before an answer.
    pub fn broke(provider: &str, why: &Broke) -> Failure {
        Failure::upstream(format!("provider `{provider}` broke the connection: {why}"))
    }

    /// The same, in place of an answer that begins so.
    pub fn beginning(mut self, answer: &[u8]) -> Failure {
        const KEPT: usize = 512;
        let begin = &answer[..answer.len().min(KEPT)];
        self.begins = Some(String::from_utf8_lossy(begin).trim().into());
        self
    }

    /// The same by this name, for callers whose format has a place for one.
    pub fn coded(mut self, code: &str) -> Failure {
        self.fault.code = Some(code.to_owned());
        self
    }

    /// The same over a connection that had been kept.
    pub fn on_kept_connection(self) -> Failure {
        Failure {
            kept_connection: true,
            ..self
        }
    }

    /// The provider's credential is not to be had.
    pub fn credential(message: String) -> Failure {
        Failure::own(Class::Credential, 503, "api_error", message)
    }

    /// The request was surely received, and nothing of an answer came in time.
    pub fn slow(message: String) -> Failure {
        Failure::own(Class::Slow, 504, "timeout_error", message).coded("timeout")
    }

    /// A limit of the provider or the model does not let it through: nothing was sent.
    pub fn limited(limited: Limited) -> Failure {
        Failure {
            retry_after: limited.wait,
            limited: Some(Box::new(limited.clone())),
            ..Failure::of(Class::Limit, limited.fault)
        }
    }

    /// This target cannot carry the request (translation refused it, or the caller's own key for it is missing).
    pub fn unfit(fault: Box<Fault>) -> Failure {
        Failure::of(Class::Unfit, fault)
    }
}
