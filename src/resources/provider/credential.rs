//! What a provider's record says of its credential: a reference, never a secret.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// How gw signs in upstream.
///
/// In records and files: `managed` (in the secret store), `env:NAME` or `file:/path` (read by the server),
/// `keyring:NAME` (an entry somebody else wrote), `passthrough` (the caller sends its own), `none`; or the identity of
/// the gateway's own machine: `aws`, `aws:PROFILE`, `google`, `azure`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Credential {
    #[default]
    None,
    Managed,
    Passthrough,
    Env(String),
    File(String),
    Keyring(String),
    /// As AWS's own tools find it, or this profile of its files.
    Aws(Option<String>),
    /// Google's application default credentials.
    Google,
    /// A service principal in the environment, a workload's identity or the machine's.
    Azure,
}

impl std::fmt::Display for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Credential::None => f.write_str("none"),
            Credential::Managed => f.write_str("managed"),
            Credential::Passthrough => f.write_str("passthrough"),
            Credential::Env(name) => write!(f, "env:{name}"),
            Credential::File(path) => write!(f, "file:{path}"),
            Credential::Keyring(name) => write!(f, "keyring:{name}"),
            Credential::Aws(None) => f.write_str("aws"),
            Credential::Aws(Some(profile)) => write!(f, "aws:{profile}"),
            Credential::Google => f.write_str("google"),
            Credential::Azure => f.write_str("azure"),
        }
    }
}

impl std::str::FromStr for Credential {
    type Err = Error;
    fn from_str(text: &str) -> Result<Credential> {
        match text.split_once(':') {
            None if text == "none" => Ok(Credential::None),
            None if text == "managed" => Ok(Credential::Managed),
            None if text == "passthrough" => Ok(Credential::Passthrough),
            None if text == "aws" => Ok(Credential::Aws(None)),
            None if text == "google" => Ok(Credential::Google),
            None if text == "azure" => Ok(Credential::Azure),
            Some(("env", name)) if !name.is_empty() => Ok(Credential::Env(name.into())),
            Some(("file", path)) if path.starts_with('/') => Ok(Credential::File(path.into())),
            Some(("keyring", name)) if !name.is_empty() => Ok(Credential::Keyring(name.into())),
            Some(("aws", name)) if profile(name) => Ok(Credential::Aws(Some(name.into()))),
            // Never echo the text: somebody may have pasted the secret itself.
            _ => Err(Error::invalid("the credential is not a reference")
                .param("credential")
                .hint("one of env:NAME, file:/PATH, keyring:NAME, aws[:PROFILE], google, azure, passthrough, none; a secret itself goes in with --credential-stdin or --credential-env")),
        }
    }
}

/// Whether it can be the name of a profile. Never a pasted `aws:SECRET`: profiles are short words.
fn profile(name: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@');
    !name.is_empty() && name.len() <= 64 && name.chars().all(word)
}

impl Serialize for Credential {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
impl<'de> Deserialize<'de> for Credential {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Credential, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(|error: Error| serde::de::Error::custom(error.message))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn references_are_written_as_they_are_read() {
        for text in [
            "none",
            "managed",
            "passthrough",
            "env:KEY",
            "file:/run/key",
            "keyring:team",
            "aws",
            "aws:production",
            "google",
            "azure",
        ] {
            let read: Credential = text.parse().unwrap();
            assert_eq!(read.to_string(), text);
        }
        for text in ["aws:", "aws:a/b", "google:x", "file:key", "sk-live"] {
            let error = text.parse::<Credential>().unwrap_err();
            assert_eq!(error.message, "the credential is not a reference");
        }
    }
}
