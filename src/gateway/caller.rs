//! Who is calling: the key out of the head, its digest looked up in the snapshot. One extractor for
//! every endpoint, so that no way of sending a key is less checked than another.

use super::{Serving, Shared};
use crate::bearer;
use crate::error::{Error, Kind, Result};
use crate::formats::Api;
use crate::http1::{
    fields::{Fields, text},
    request::Parts,
};
use crate::plan::Caller;
use crate::store::token;
use crate::upstream::{Form, OwnKey};
use std::{borrow::Cow, sync::Arc};

/// Whether a key may stand in the address: there alone where Google's API has it. Addresses are written down wherever they
/// pass, so that elsewhere it is a mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InQuery {
    Taken,
    Ignored,
}

impl InQuery {
    /// As this API has it.
    pub fn of(api: Api) -> InQuery {
        match api {
            Api::Google => InQuery::Taken,
            Api::Openai | Api::Anthropic | Api::Message | Api::Amazon => InQuery::Ignored,
        }
    }
}

/// A caller that was let in.
pub struct Admitted {
    pub caller: Arc<Caller>,
    pub digest: [u8; 32],
    /// The caller's own provider key, where it sent one beside the gateway's.
    pub own: Option<OwnKey>,
}

/// Whose key it is, and what is wrong with it.
type Known = (Arc<Caller>, Option<&'static str>);

/// A caller that was not let in.
pub struct Denied {
    /// What it is told: the same of every key that is not good, so that nothing is learned of it.
    pub error: Error,
    /// Whose key it presented, and what is wrong with that: for the log alone.
    pub known: Option<Box<Known>>,
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
    head: &Parts,
    taken: InQuery,
    now: i64,
) -> Result<Admitted, Denied> {
    let in_query = in_query(head, taken)?;
    let presented = presented(&head.headers, in_query.as_deref(), |key| {
        ours(shared, serving, key)
    })?;
    let text = presented.key.ok_or_else(|| unsent(&head.headers))?;
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
                Box::new((caller, Some(why)))
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
            known: Some(Box::new((caller.clone(), None))),
        });
    }
    caller.touch(now);
    Ok(Admitted {
        caller: caller.clone(),
        digest,
        own: presented.own.and_then(|own| OwnKey::new(own.key, own.form)),
    })
}

/// What a request without a key is told.
fn unsent(headers: &Fields) -> Error {
    let authorization = headers.get("authorization");
    let signed = authorization.is_some_and(|value| value.starts_with(SIGNED));
    match signed {
        true => refused("requests signed with AWS credentials are not taken here").hint(
            "send the gateway key as a bearer token: AWS's clients take it from `AWS_BEARER_TOKEN_BEDROCK`",
        ),
        false => refused("no API key was sent")
            .hint("send one as `Authorization: Bearer sk-gw-…`, `x-api-key` or `x-goog-api-key`"),
    }
}

/// How the signatures of AWS begin: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html>
const SIGNED: &[u8] = b"AWS4-";

/// Whose secret this is, also when it is not good any more.
fn known(serving: &Serving, digest: &[u8; 32]) -> Option<Arc<Caller>> {
    serving.snapshot.caller(digest, i64::MIN).cloned()
}

/// Whose key a request presents that is refused for something else.
pub fn whose(
    shared: &Shared,
    serving: &Serving,
    head: &Parts,
    taken: InQuery,
) -> Option<Arc<Caller>> {
    let in_query = in_query(head, taken).ok()?;
    let presented = presented(&head.headers, in_query.as_deref(), |key| {
        ours(shared, serving, key)
    });
    let text = presented.ok()?.key?;
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
    /// Where it stood, for what is said of it.
    place: &'static str,
}

/// What the credentials of a request come to: the gateway's key, and the caller's own for a provider.
struct Presented<'a> {
    key: Option<&'a str>,
    own: Option<Sent<'a>>,
}

/// How many headers there are that credentials stand in.
const PLACED: usize = 5;

/// Which they are. The third is Azure's:
/// <https://learn.microsoft.com/azure/ai-foundry/openai/reference#authentication>
const PLACES: [&str; PLACED] = [
    "authorization",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "x-gw-key",
];

/// The query parameter that Gemini's clients may send their key in: <https://ai.google.dev/api>. Taken or not, it goes no
/// further: neither into a row nor upstream.
const IN_QUERY: &str = "key";

/// The key in a query; the inner error: there are several.
fn in_query(head: &Parts, taken: InQuery) -> Result<Option<Cow<'_, str>>> {
    let query = match taken {
        InQuery::Taken => head.uri.query().unwrap_or_default(),
        InQuery::Ignored => "",
    };
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    let mut keys = pairs.filter(|(name, value)| name == IN_QUERY && !value.is_empty());
    match (keys.next(), keys.next()) {
        (first, None) => Ok(first.map(|(_, value)| value)),
        _ => Err(twice("query parameter `key`")),
    }
}

fn twice(what: &str) -> Error {
    Error::invalid(format!("{what} was sent more than once")).hint("send one credential")
}

/// What stands in each of the [`PLACES`], each of which may come once. Goes through the headers, which are few, and does not
/// look each place up: most are not there.
fn placed(headers: &Fields) -> Result<[Option<&str>; PLACED]> {
    let mut found: [Option<&[u8]>; PLACED] = [None; PLACED];
    for (name, value) in headers.iter() {
        let place = PLACES.iter().position(|place| place.as_bytes() == name);
        if let Some(place) = place
            && found[place].replace(value).is_some()
        {
            return Err(twice(&format!("header `{}`", PLACES[place])));
        }
    }
    Ok(found.map(|value| value.and_then(text).map(str::trim)))
}

/// Reads the credentials. `ours`: whether a key is one of this gateway's.
fn presented<'a>(
    headers: &'a Fields,
    in_query: Option<&'a str>,
    ours: impl Fn(&str) -> bool,
) -> Result<Presented<'a>> {
    let [authorization, x_api_key, api_key, x_goog_api_key, gateway] = placed(headers)?;
    let alone = |key: Option<&'a str>| key.filter(|key| !key.is_empty());
    let sent = |form, place| move |key| Sent { key, form, place };
    let mut all = [
        authorization
            .and_then(bearer::credential)
            .map(sent(Form::Bearer, "`Authorization`")),
        alone(x_api_key).map(sent(Form::ApiKey, "`x-api-key`")),
        alone(api_key).map(sent(Form::ApiKey, "`api-key`")),
        alone(x_goog_api_key).map(sent(Form::ApiKey, "`x-goog-api-key`")),
        in_query.map(sent(Form::ApiKey, "the query's `key`")),
    ];
    // The same key twice is one, and beside `x-gw-key` none of the provider's.
    for at in 0..all.len() {
        let before = all[..at].iter().flatten().map(|sent| sent.key);
        if let Some(sent) = all[at]
            && before.chain(gateway).any(|key| key == sent.key)
        {
            all[at] = None;
        }
    }
    let mut all = all.into_iter().flatten();
    let (first, second) = (all.next(), all.next());
    match (gateway, first, second) {
        (Some(key), own, None) => Ok(Presented {
            key: Some(key),
            own,
        }),
        (None, key, None) => Ok(Presented {
            key: key.map(|sent| sent.key),
            own: None,
        }),
        (gateway, Some(a), Some(b)) => {
            let (key, own) = match (ours(a.key), ours(b.key)) {
                _ if gateway.is_some() || all.next().is_some() => return Err(differ(a, b)),
                (true, false) => (a, b),
                (false, true) => (b, a),
                _ => return Err(differ(a, b)),
            };
            Ok(Presented {
                key: Some(key.key),
                own: Some(own),
            })
        }
        (_, None, Some(only)) => Ok(Presented {
            key: gateway.or(Some(only.key)),
            own: None,
        }),
    }
}

fn differ(a: Sent<'_>, b: Sent<'_>) -> Error {
    Error::invalid(format!("{} and {} hold different keys", a.place, b.place)).hint(
        "send one of them; both only where one is the gateway's and the other the provider's own",
    )
}
