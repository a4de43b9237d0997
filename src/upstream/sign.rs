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
    /// Several of them.
    Headers(Vec<(HeaderName, HeaderValue)>),
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
        let Some(secret) = secret else {
            return match credential {
                Credential::Aws(_) | Credential::Google | Credential::Azure => {
                    SignIn::Unavailable(format!("`{credential}` cannot be asked yet"))
                }
                _ => SignIn::Nothing,
            };
        };
        match headers(auth, secret.expose()) {
            Some(mut list) if list.len() == 1 => list
                .pop()
                .map_or(SignIn::Nothing, |(name, value)| SignIn::Header(name, value)),
            Some(list) => SignIn::Headers(list),
            None => {
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
        let key = |value: &'a HeaderValue| {
            let text = value.to_str().ok();
            text.map(|text| text.strip_prefix("Bearer ").unwrap_or(text))
        };
        Hidden::of(match self {
            SignIn::Header(_, value) => key(value),
            SignIn::Headers(list) => list.first().and_then(|(_, value)| key(value)),
            SignIn::Passthrough(_) => own_key.map(OwnKey::key),
            SignIn::Nothing | SignIn::Unavailable(_) => None,
        })
    }

    /// Whether a credential goes along.
    pub(super) fn signs(&self) -> bool {
        !matches!(self, SignIn::Nothing | SignIn::Unavailable(_))
    }

    /// Signs a request that is finished but for this, body and all. `own_key`: the caller's own; `same`: the caller speaks the
    /// format upstream, so that its client knows how the key is presented there.
    pub(super) fn sign(
        &self,
        request: &mut Request<Bytes>,
        own_key: Option<&OwnKey>,
        same: bool,
    ) -> Result<(), Unsigned> {
        match self {
            SignIn::Nothing => {}
            SignIn::Unavailable(why) => return Err(Unsigned::Unavailable(why.clone())),
            SignIn::Header(name, value) => {
                request.headers_mut().insert(name.clone(), value.clone());
            }
            SignIn::Headers(list) => {
                for (name, value) in list {
                    request.headers_mut().insert(name.clone(), value.clone());
                }
            }
            SignIn::Passthrough(auth) => {
                let own = own_key.ok_or(Unsigned::NoOwnKey)?;
                let auth = match own.form {
                    // Tokens of a subscription (`sk-ant-oat…`) are taken in this form alone.
                    Form::Bearer if same => Auth::Bearer,
                    Form::Bearer | Form::ApiKey => *auth,
                };
                for (name, value) in headers(auth, own.key()).ok_or(Unsigned::BadOwnKey)? {
                    request.headers_mut().insert(name, value);
                }
            }
        }
        Ok(())
    }
}

/// The headers a vendor takes a key or a token in; `None`: no header can carry it.
fn headers(auth: Auth, key: &str) -> Option<Vec<(HeaderName, HeaderValue)>> {
    let names = match auth {
        Auth::Header(ref name) => std::slice::from_ref(name),
        Auth::Entra(ref name) if !is_jwt(key) => std::slice::from_ref(name),
        Auth::Headers(names) if !is_jwt(key) => names,
        Auth::Bearer | Auth::Entra(_) | Auth::Headers(_) | Auth::Aws(_) | Auth::Google => {
            return Some(vec![(header::AUTHORIZATION, bearer(key)?)]);
        }
    };
    let value = sensitive(key.to_owned())?;
    let of = |name: &&'static str| (HeaderName::from_static(name), value.clone());
    Some(names.iter().map(of).collect())
}

/// `Bearer …`
fn bearer(key: &str) -> Option<HeaderValue> {
    sensitive(format!("Bearer {key}"))
}

fn sensitive(text: String) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Whether it is a token of three parts that begins as a JSON object does: RFC 7519.
fn is_jwt(key: &str) -> bool {
    key.starts_with("eyJ") && key.split('.').count() == 3
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn each_vendor_gets_a_credential_its_own_way() {
        let said = |auth, key: &str| -> Vec<String> {
            let list = headers(auth, key).unwrap();
            assert!(list.iter().all(|(_, value)| value.is_sensitive()));
            let line = |(name, value): &(HeaderName, HeaderValue)| {
                format!("{name}: {}", value.to_str().unwrap())
            };
            list.iter().map(line).collect()
        };
        let jwt = "eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJ4In0.c2lnbmF0dXJl";
        let bearer = [format!("authorization: Bearer {jwt}")];
        let foundry = Auth::Headers(&["x-api-key", "api-key"]);
        assert_eq!(said(Auth::Bearer, "k"), ["authorization: Bearer k"]);
        assert_eq!(said(Auth::Header("x-api-key"), "k"), ["x-api-key: k"]);
        assert_eq!(
            said(Auth::Header("x-api-key"), jwt),
            [format!("x-api-key: {jwt}")]
        );
        assert_eq!(said(foundry, "k"), ["x-api-key: k", "api-key: k"]);
        assert_eq!(said(foundry, jwt), bearer);
        assert_eq!(said(Auth::Entra("api-key"), "k"), ["api-key: k"]);
        assert_eq!(said(Auth::Entra("api-key"), jwt), bearer);
        assert_eq!(said(Auth::Aws("bedrock"), "k"), ["authorization: Bearer k"]);
        assert_eq!(
            said(Auth::Google, "ya29.x"),
            ["authorization: Bearer ya29.x"]
        );
        assert!(headers(Auth::Bearer, "k\n").is_none());
    }
}
