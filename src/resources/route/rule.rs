//! A rule: under which condition other targets are taken than the route's own.

use super::{Strategy, Target};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Of a route's rules the first whose condition holds gives the targets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// A condition in CEL, of the variables in [`super::condition`].
    pub when: String,
    /// Absent: the route's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<Strategy>,
    pub targets: Vec<Target>,
}

impl FromStr for Rule {
    type Err = Error;
    /// `CONDITION => TARGET, TARGET`: the last arrow counts, since texts in a condition may hold one.
    fn from_str(text: &str) -> Result<Rule> {
        let how = "write it as 'CONDITION => PROVIDER[/MODEL][=WEIGHT], …', such as 'stream => groq, openai'";
        let (when, targets) = text.rsplit_once("=>").ok_or_else(|| {
            Error::invalid(format!(
                "`{}` is not a rule: it has no `=>`",
                text.escape_debug()
            ))
            .hint(how)
        })?;
        if targets.trim().is_empty() {
            let rule = text.trim().escape_debug();
            return Err(Error::invalid(format!("the rule `{rule}` names no target")).hint(how));
        }
        let targets = targets.split(',').map(|target| target.trim().parse());
        Ok(Rule {
            when: when.trim().to_owned(),
            strategy: None,
            targets: targets.collect::<Result<_>>()?,
        })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} => ", self.when)?;
        for (at, target) in self.targets.iter().enumerate() {
            let between = if at == 0 { "" } else { ", " };
            write!(f, "{between}{target}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn rules_are_written_as_they_are_read() {
        for text in [
            "stream => a/m, b=3",
            "model == \"a => b\" => c/x:1@y",
            "tools && tokens > 1000 => a",
        ] {
            assert_eq!(text.parse::<Rule>().unwrap().to_string(), text);
        }
        let odd = |text: &str| text.parse::<Rule>().unwrap_err().message;
        assert_eq!(odd("stream"), "`stream` is not a rule: it has no `=>`");
        assert_eq!(odd("stream =>"), "the rule `stream =>` names no target");
        assert_eq!(odd("stream => a,"), "`` is not a target");
    }
}
