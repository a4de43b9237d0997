//! Signing in upstream: the last step over a finished request.

use super::{Access, Form, OwnKey};
use crate::formats::fault::Hidden;
use crate::resources::provider::Credential;
use crate::vendors::Auth;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, header};

/// How a request is signed in.
#[derive(PartialEq)]
pub enum SignIn {
    /// Header and value, marked sensitive.
    Header(HeaderName, HeaderValue),
    /// The caller's own provider key is forwarded.
    Passthrough(Auth),
    Nothing,
    /// The credential is not to be had now, and why.
    Unavailable(String),
}

/// Why a request could not be signed in.
#[derive(Debug, PartialEq, Eq)]
pub enum Unsigned {
    /// The provider passes the caller's own key through, and none was sent.
    NoOwnKey,
    /// The caller's own key has characters no header can carry.
    BadOwnKey,
    /// The credential is not to be had now, and why. For the operator: it may name files and variables.
    Unavailable(String),
}

impl SignIn {
    /// What is known before any request comes.
    pub(super) fn of(
        auth: Auth,
        credential: &Credential,
        access: Option<&Result<Access, String>>,
    ) -> SignIn {
        match access {
            Some(Err(why)) => return SignIn::Unavailable(why.clone()),
            _ if *credential == Credential::Passthrough => return SignIn::Passthrough(auth),
            _ => {}
        }
        let secret = access
            .and_then(|access| access.as_ref().ok())
            .and_then(|access| access.secret.as_ref());
        match secret.map(|secret| credential_header(auth, secret.expose())) {
            None => SignIn::Nothing,
            Some(Some((name, value))) => SignIn::Header(name, value),
            Some(None) => {
                SignIn::Unavailable("the credential holds characters no header can carry".into())
            }
        }
    }

    /// Whether the credential is the caller's own: what is wrong with it says nothing of the provider.
    pub fn is_own_key(&self) -> bool {
        matches!(self, SignIn::Passthrough(_))
    }

    /// What must not be shown of a request signed in so: the stored credential, or the caller's own.
    pub fn hidden<'a>(&'a self, own_key: Option<&'a OwnKey>) -> Hidden<'a> {
        Hidden::of(match self {
            SignIn::Header(_, value) => value
                .to_str()
                .ok()
                .map(|text| text.strip_prefix("Bearer ").unwrap_or(text)),
            SignIn::Passthrough(_) => own_key.map(OwnKey::key),
            SignIn::Nothing | SignIn::Unavailable(_) => None,
        })
    }

    /// Whether a credential goes along.
    pub(super) fn signs(&self) -> bool {
        matches!(self, SignIn::Header(..) | SignIn::Passthrough(_))
    }

    /// Signs a request that is finished but for this, body and all. `own_key`: the caller's own; `same`: the caller speaks the
    /// format upstream, so that its client knows how the key is presented there.
    pub(super) fn sign(
        &self,
        request: &mut Request<Bytes>,
        own_key: Option<&OwnKey>,
        same: bool,
    ) -> Result<(), Unsigned> {
        let (name, value) = match self {
            SignIn::Nothing => return Ok(()),
            SignIn::Unavailable(why) => return Err(Unsigned::Unavailable(why.clone())),
            SignIn::Header(name, value) => (name.clone(), value.clone()),
            SignIn::Passthrough(auth) => {
                let own = own_key.ok_or(Unsigned::NoOwnKey)?;
                let auth = match own.form {
                    // Tokens of a subscription (`sk-ant-oat…`) are taken in this form alone.
                    Form::Bearer if same => Auth::Bearer,
                    Form::Bearer | Form::ApiKey => *auth,
                };
                credential_header(auth, own.key()).ok_or(Unsigned::BadOwnKey)?
            }
        };
        request.headers_mut().insert(name, value);
        Ok(())
    }
}

/// The header a vendor takes its credential in.
fn credential_header(auth: Auth, key: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, text) = match auth {
        Auth::Bearer => (header::AUTHORIZATION, format!("Bearer {key}")),
        Auth::Header(name) => (HeaderName::from_static(name), key.to_owned()),
    };
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some((name, value))
}
