//! A target: a provider, and a model there, with its share and tier.

use super::super::is_default;
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A provider and, unless the caller's model is used as asked, a model there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    pub provider: String,
    /// The upstream id or a model record's name; absent: what the caller asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Share within its tier; 0 keeps it and never picks it.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub weight: u32,
    /// Of a split: 0 is tried first. With fallback the order says it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub tier: u32,
}

fn one() -> u32 {
    1
}
fn is_one(weight: &u32) -> bool {
    *weight == 1
}
impl FromStr for Target {
    type Err = Error;
    /// `PROVIDER[/MODEL][=WEIGHT]`: the weight comes last because `@` and `:` occur inside model ids.
    fn from_str(text: &str) -> Result<Target> {
        let bad = || {
            Error::invalid(format!("`{}` is not a target", text.escape_debug()))
                .hint("write it as PROVIDER[/MODEL][=WEIGHT], such as openai/gpt-4o=3")
        };
        let (path, weight) = match text.rsplit_once('=') {
            Some((path, weight)) => (path, weight.parse().map_err(|_| bad())?),
            None => (text, 1),
        };
        let (provider, model) = match path.split_once('/') {
            Some((provider, model)) => (provider, Some(model)),
            None => (path, None),
        };
        match provider.is_empty() || model.is_some_and(str::is_empty) {
            true => Err(bad()),
            false => Ok(Target {
                provider: provider.into(),
                model: model.map(Into::into),
                weight,
                tier: 0,
            }),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.provider)?;
        if let Some(model) = &self.model {
            write!(f, "/{model}")?;
        }
        if self.weight != 1 {
            write!(f, "={}", self.weight)?;
        }
        Ok(())
    }
}
