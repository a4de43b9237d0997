//! Who issues credentials that lapse: what a provider's record says its credential is made from, and one asking.
//! Must not know when it is asked, nor keep what it gets.

mod entra;
mod google;
mod jwt;
mod oauth;

pub(super) use entra::Entra;
pub(super) use google::Google;

use super::aws::Keys;
use http::HeaderValue;
use std::{sync::Arc, time::Duration};

/// What a credential is made from. Two are the same where the same is asked of the same.
#[derive(Clone, PartialEq)]
pub(super) enum Issuer {
    Google(Google),
    Entra(Entra),
    /// A test's own.
    #[cfg(test)]
    Scripted(super::lease::tests::Script),
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
            #[cfg(test)]
            Issuer::Scripted(script) => script.ask().await,
        }
    }

    /// In a word for people.
    pub fn describe(&self) -> &'static str {
        match self {
            Issuer::Google(_) => "Google's token service",
            Issuer::Entra(_) => "Microsoft Entra",
            #[cfg(test)]
            Issuer::Scripted(_) => "the script",
        }
    }
}

/// A variable of the gateway's process; empty is as good as not set.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}
