//! Who is calling: the key out of the headers, its digest looked up in the snapshot. One extractor for
//! every endpoint, so that no way of sending a key is less checked than another.

use super::{Serving, Shared};
use crate::error::{Error, Kind, Result};
use crate::plan::Caller;
use crate::store::token;
use http::{HeaderMap, HeaderValue, header};
use std::sync::Arc;

/// A caller that was let in.
pub struct Admitted {
    pub caller: Arc<Caller>,
    pub digest: [u8; 32],
    /// The caller's own provider key, where the gateway key came in `x-gw-key`.
    pub own: Option<HeaderValue>,
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
    let presented = presented(headers)?;
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
    let own = presented
        .own
        .map(|own| own_key(own, shared, serving, &digest, now))
        .transpose()
        .map_err(|error| Denied {
            error,
            known: Some((caller.clone(), None)),
        })?
        .flatten();
    caller.touch(now);
    Ok(Admitted {
        caller: caller.clone(),
        digest,
        own,
    })
}

/// Whose secret this is, also when it is not good any more.
fn known(serving: &Serving, digest: &[u8; 32]) -> Option<Arc<Caller>> {
    serving.snapshot.caller(digest, i64::MIN).cloned()
}

/// Whose key a request presents that is refused for something else.
pub fn whose(shared: &Shared, serving: &Serving, headers: &HeaderMap) -> Option<Arc<Caller>> {
    let text = presented(headers).ok()?.key?;
    let digest = token::well_formed(text).then(|| shared.hasher.digest(text))?;
    known(serving, &digest)
}

/// The caller's own provider key, which must not be a key of this gateway: it would go upstream.
fn own_key(
    own: &HeaderValue,
    shared: &Shared,
    serving: &Serving,
    digest: &[u8; 32],
    now: i64,
) -> Result<Option<HeaderValue>> {
    let text = own.to_str().unwrap_or_default().trim();
    let key = bearer_token(text).unwrap_or(text);
    let theirs = shared.hasher.digest(key);
    match () {
        // The same key twice: none of the provider's was sent.
        () if theirs == *digest => Ok(None),
        () if key.starts_with("sk-gw-") || serving.snapshot.caller(&theirs, now).is_some() => Err(
            Error::invalid("`x-gw-key` holds one gateway key and another header a different one")
                .hint("beside `x-gw-key` send the provider's own key"),
        ),
        () => Ok(Some(own.clone())),
    }
}

fn refused(message: &str) -> Error {
    Error::new(Kind::Unauthenticated, message)
}

fn unknown() -> Error {
    refused("the API key is not valid")
        .hint("check that it is whole and has not been revoked or expired; `gw key get` lists keys")
}

struct Presented<'a> {
    key: Option<&'a str>,
    own: Option<&'a HeaderValue>,
}

fn presented(headers: &HeaderMap) -> Result<Presented<'_>> {
    let one = |name: &str| -> Result<Option<&HeaderValue>> {
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (first, None) => Ok(first),
            _ => Err(
                Error::invalid(format!("header `{name}` was sent more than once"))
                    .hint("send one credential"),
            ),
        }
    };
    let bearer = one(header::AUTHORIZATION.as_str())?;
    let api_key = one("x-api-key")?;
    if let Some(own_key) = one("x-gw-key")? {
        return Ok(Presented {
            key: own_key.to_str().ok().map(str::trim),
            own: bearer.or(api_key),
        });
    }
    let from_bearer = bearer
        .and_then(|value| value.to_str().ok())
        .and_then(bearer_token);
    let from_api_key = api_key
        .and_then(|value| value.to_str().ok())
        .map(str::trim)
        .filter(|text| !text.is_empty());
    match (from_bearer, from_api_key) {
        (Some(a), Some(b)) if a != b => Err(Error::invalid(
            "`Authorization` and `x-api-key` hold different keys",
        )
        .hint("send one of them")),
        (a, b) => Ok(Presented {
            key: a.or(b),
            own: None,
        }),
    }
}

/// RFC 6750, the scheme in any case.
fn bearer_token(value: &str) -> Option<&str> {
    let (scheme, rest) = value.split_once([' ', '\t'])?;
    let token = rest.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}
