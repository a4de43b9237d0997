//! Who is calling: the key out of the headers, its digest looked up in the snapshot. One extractor for
//! every endpoint, so that no way of sending a key is less checked than another.

use super::{Serving, Shared};
use crate::bearer;
use crate::error::{Error, Kind, Result};
use crate::plan::Caller;
use crate::store::token;
use crate::upstream::{Form, OwnKey};
use http::{HeaderMap, HeaderName, header};
use std::sync::Arc;

/// A caller that was let in.
pub struct Admitted {
    pub caller: Arc<Caller>,
    pub digest: [u8; 32],
    /// The caller's own provider key, where it sent one beside the gateway's.
    pub own: Option<OwnKey>,
}

/// A caller that was not let in.
pub struct Denied {
    /// What it is told: the same of every key that is not good, so that nothing is learned of it.
    pub error: Error,
    /// Whose key it presented, and what is wrong with that: for the log alone.
    pub known: Option<(Arc<Caller>, Option<&'static str>)>,
}

impl From<Error> for Denied {
    fn from(error: Error) -> Denied {
        Denied { error, known: None }
    }
}

/// Lets a caller in or refuses with the same 401 for unknown, malformed, revoked and expired keys.
pub fn admit(
    shared: &Shared,
    serving: &Serving,
    headers: &HeaderMap,
    now: i64,
) -> Result<Admitted, Denied> {
    let presented = presented(headers, |key| ours(shared, serving, key))?;
    let text = presented.key.ok_or_else(|| {
        refused("no API key was sent")
            .hint("send one as `Authorization: Bearer sk-gw-…` or `x-api-key`")
    })?;
    if !token::well_formed(text) {
        return Err(unknown().into());
    }
    let digest = shared.hasher.digest(text);
    let caller = serving
        .snapshot
        .caller(&digest, now)
        .filter(|caller| caller.admitted(now))
        .ok_or_else(|| Denied {
            error: unknown(),
            known: known(serving, &digest).map(|caller| {
                let why = caller.denial(now).unwrap_or("the secret has been replaced");
                (caller, Some(why))
            }),
        })?;
    if let Some(own) = presented.own
        && ours(shared, serving, own.key)
    {
        return Err(Denied {
            error: Error::invalid(
                "`x-gw-key` holds one gateway key and another header a different one",
            )
            .hint("beside `x-gw-key` send the provider's own key"),
            known: Some((caller.clone(), None)),
        });
    }
    caller.touch(now);
    Ok(Admitted {
        caller: caller.clone(),
        digest,
        own: presented.own.and_then(|own| OwnKey::new(own.key, own.form)),
    })
}

/// Whose secret this is, also when it is not good any more.
fn known(serving: &Serving, digest: &[u8; 32]) -> Option<Arc<Caller>> {
    serving.snapshot.caller(digest, i64::MIN).cloned()
}

/// Whose key a request presents that is refused for something else.
pub fn whose(shared: &Shared, serving: &Serving, headers: &HeaderMap) -> Option<Arc<Caller>> {
    let text = presented(headers, |key| ours(shared, serving, key))
        .ok()?
        .key?;
    let digest = token::well_formed(text).then(|| shared.hasher.digest(text))?;
    known(serving, &digest)
}

/// Whether this is a key of this gateway, a good one or not: such a key never goes upstream.
fn ours(shared: &Shared, serving: &Serving, key: &str) -> bool {
    key.starts_with(token::PREFIX)
        || (token::well_formed(key) && known(serving, &shared.hasher.digest(key)).is_some())
}

fn refused(message: &str) -> Error {
    Error::new(Kind::Unauthenticated, message)
}

fn unknown() -> Error {
    refused("the API key is not valid")
        .hint("check that it is whole and has not been revoked or expired; `gw key get` lists keys")
}

/// A credential as it was sent.
#[derive(Clone, Copy)]
struct Sent<'a> {
    key: &'a str,
    form: Form,
}

/// What the credential headers come to: the gateway's key, and the caller's own for a provider.
struct Presented<'a> {
    key: Option<&'a str>,
    own: Option<Sent<'a>>,
}

// Constants, so that names are checked when gw is built and not for each request.
const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const X_GW_KEY: HeaderName = HeaderName::from_static("x-gw-key");

/// Reads the credential headers. `ours`: whether a key is one of this gateway's.
fn presented(headers: &HeaderMap, ours: impl Fn(&str) -> bool) -> Result<Presented<'_>> {
    let one = |name: &HeaderName| -> Result<Option<&str>> {
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (first, None) => Ok(first.and_then(|value| value.to_str().ok()).map(str::trim)),
            _ => Err(
                Error::invalid(format!("header `{name}` was sent more than once"))
                    .hint("send one credential"),
            ),
        }
    };
    let sent = |form| move |key| Sent { key, form };
    let bearer = one(&header::AUTHORIZATION)?
        .and_then(bearer::credential)
        .map(sent(Form::Bearer));
    let api_key = one(&X_API_KEY)?
        .filter(|key| !key.is_empty())
        .map(sent(Form::ApiKey));
    let differ = || {
        Error::invalid("`Authorization` and `x-api-key` hold different keys")
            .hint("send one of them; both only where one is the gateway's and the other the provider's own")
    };
    if let Some(key) = one(&X_GW_KEY)? {
        // The same key twice: none of the provider's was sent.
        let [bearer, api_key] = [bearer, api_key].map(|sent| sent.filter(|sent| sent.key != key));
        return match (bearer, api_key) {
            (Some(a), Some(b)) if a.key != b.key => Err(differ()),
            (a, b) => Ok(Presented {
                key: Some(key),
                own: a.or(b),
            }),
        };
    }
    match (bearer, api_key) {
        (Some(a), Some(b)) if a.key != b.key => match (ours(a.key), ours(b.key)) {
            (true, false) => Ok(Presented {
                key: Some(a.key),
                own: Some(b),
            }),
            (false, true) => Ok(Presented {
                key: Some(b.key),
                own: Some(a),
            }),
            _ => Err(differ()),
        },
        (a, b) => Ok(Presented {
            key: a.or(b).map(|sent| sent.key),
            own: None,
        }),
    }
}
