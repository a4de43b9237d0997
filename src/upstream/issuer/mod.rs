//! Who issues credentials that lapse: what a provider's record says its credential is made from, and one asking.
//! Must not know when it is asked, nor keep what it gets.

mod entra;
mod google;
mod jwt;
mod oauth;
#[cfg(test)]
mod script;

pub(super) use entra::Entra;
pub(super) use google::Google;
#[cfg(test)]
pub(super) use script::Script;

use super::aws::{self, Chain, Given, Keys};
use super::presented::bearer;
use super::variable::variable;
use crate::resources::Stamp;
use http::HeaderValue;
use std::{sync::Arc, time::Duration};

/// What a credential is made from. Two are the same where the same is asked of the same.
#[derive(Clone, PartialEq)]
pub(super) enum Issuer {
    Google(Google),
    Entra(Entra),
    Aws(Chain),
    /// A test's own.
    #[cfg(test)]
    Scripted(Script),
}

/// What requests are signed in with.
#[derive(Clone, PartialEq)]
pub(super) enum Token {
    /// `Bearer …`, marked sensitive.
    Bearer(HeaderValue),
    /// What they are signed with.
    Keys(Arc<Keys>),
}

/// What an issuer gave.
pub(super) struct Issued {
    pub token: Token,
    /// How long it is good from when it was asked for; `None`: the issuer does not say.
    pub lifetime: Option<Duration>,
}

impl Issuer {
    /// Asks once. Errors are fragments for the operator that show no secret.
    pub async fn ask(&self) -> Result<Issued, String> {
        match self {
            Issuer::Google(google) => google.ask().await,
            Issuer::Entra(entra) => entra.ask().await,
            Issuer::Aws(chain) => aws::ask(chain).await.and_then(given),
            #[cfg(test)]
            Issuer::Scripted(script) => script.ask().await,
        }
    }

    /// Whether what the one gives is taken where the other's is.
    pub fn alike(&self, other: &Issuer) -> bool {
        match (self, other) {
            (Issuer::Google(_), Issuer::Google(_)) => true,
            (Issuer::Entra(one), Issuer::Entra(other)) => one.scope == other.scope,
            (Issuer::Aws(one), Issuer::Aws(other)) => one.service == other.service,
            #[cfg(test)]
            (Issuer::Scripted(_), Issuer::Scripted(_)) => true,
            _ => false,
        }
    }

    /// In a word for people.
    pub fn describe(&self) -> &'static str {
        match self {
            Issuer::Google(_) => "Google's token service",
            Issuer::Entra(_) => "Microsoft Entra",
            Issuer::Aws(_) => "AWS's chain of credentials",
            #[cfg(test)]
            Issuer::Scripted(_) => "the script",
        }
    }
}

/// What AWS's chain gave.
fn given(given: Given) -> Result<Issued, String> {
    let token = match given.held {
        aws::Held::Keys(keys) => Token::Keys(Arc::new(keys)),
        aws::Held::ApiKey(key) => Token::Bearer(
            bearer(key.expose()).ok_or("AWS's API key holds characters no header can carry")?,
        ),
    };
    let left = |end: jiff::Timestamp| {
        let millis = end.as_millisecond().saturating_sub(Stamp::now().0);
        Duration::from_millis(u64::try_from(millis).unwrap_or(0))
    };
    Ok(Issued {
        token,
        lifetime: given.expires.map(left),
    })
}
