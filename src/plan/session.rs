//! Which conversation a request is part of, and which agent within it, as its headers say.

use crate::http1::fields::{self, Fields};
use crate::store::journal::LABEL_KEPT;
use std::sync::LazyLock;

/// Headers that name the conversation where no setting says others: Claude Code, Codex, goose, opencode.
const SESSION: [&str; 5] = [
    "x-claude-code-session-id",
    "session-id",
    "agent-session-id",
    "x-session-id",
    "x-session-affinity",
];

/// The header that names the agent: Claude Code.
const AGENT: [&str; 1] = ["x-claude-code-agent-id"];

/// The one of [`SESSION`] that is no tool's own.
const PLAIN: &str = "x-session-id";

/// The headers that name conversation and agent, in small letters. The first that is there counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    session: Vec<String>,
    agent: Vec<String>,
    /// How long they are, a bit each: most headers are none of these, and mostly not as long.
    lengths: u64,
}

/// Those of the tools that gw knows.
pub static USUAL: LazyLock<Names> = LazyLock::new(|| Names::of(&[], &[]));

impl Names {
    /// These; where a list is empty the usual ones.
    pub fn of(session: &[String], agent: &[String]) -> Names {
        let or = |given: &[String], usual: &[&str]| -> Vec<String> {
            match given.is_empty() {
                true => usual.iter().map(|name| (*name).to_owned()).collect(),
                false => given.iter().map(|name| name.to_ascii_lowercase()).collect(),
            }
        };
        let (session, agent) = (or(session, &SESSION), or(agent, &AGENT));
        let names = session.iter().chain(&agent);
        Names {
            lengths: names.fold(0, |all, name| all | length(name.as_bytes())),
            session,
            agent,
        }
    }

    /// Conversation and agent, where the caller says. Goes through the headers once: most requests have none of these.
    pub fn named<'a>(&self, headers: &'a Fields) -> (Option<&'a str>, Option<&'a str>) {
        let (mut session, mut agent) = (None, None);
        for (name, value) in headers.iter() {
            if self.lengths & length(name) != 0 {
                first(&self.session, name, value, &mut session);
                first(&self.agent, name, value, &mut agent);
            }
        }
        (session.map(|(_, text)| text), agent.map(|(_, text)| text))
    }

    /// The headers by which a caller could have named these: what each says, its name and its value.
    pub fn headers<'a>(
        &'a self,
        session: Option<&'a str>,
        agent: Option<&'a str>,
    ) -> impl Iterator<Item = (&'static str, &'a str, &'a str)> {
        let plain = self.session.iter().find(|name| *name == PLAIN);
        let named = plain.or(self.session.first()).zip(session);
        let agent = self.agent.first().zip(agent);
        let session = named.map(|(name, session)| ("session", name.as_str(), session));
        session
            .into_iter()
            .chain(agent.map(|(name, agent)| ("agent", name.as_str(), agent)))
    }
}

impl Default for Names {
    fn default() -> Names {
        USUAL.clone()
    }
}

/// The bit of a name's length; long ones share the last.
fn length(name: &[u8]) -> u64 {
    1 << name.len().min(63)
}

/// Keeps the value of the earliest of the known names.
fn first<'a>(known: &[String], name: &[u8], value: &'a [u8], found: &mut Option<(usize, &'a str)>) {
    if let Some(at) = known.iter().position(|known| known.as_bytes() == name)
        && found.is_none_or(|(other, _)| at < other)
        && let Some(text) = text(value)
    {
        *found = Some((at, text));
    }
}

fn text(value: &[u8]) -> Option<&str> {
    // ASCII, so that any place is between two characters.
    let value = fields::text(value)?.trim();
    (!value.is_empty()).then(|| &value[..value.len().min(LABEL_KEPT)])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_named_again_is_found() {
        let own = Names::of(&["X-Run".into(), "x-job".into()], &["x-worker".into()]);
        for names in [&*USUAL, &own] {
            let given = names.headers(Some("s"), Some("a"));
            let given = given.map(|(_, name, value)| (name, value)).collect();
            assert_eq!(names.named(&given), (Some("s"), Some("a")));
            assert_eq!(names.headers(None, None).count(), 0);
        }
    }

    #[test]
    fn the_first_that_says_something_counts_whatever_the_order_of_headers() {
        let own = Names::of(&["x-run".into(), "x-job".into()], &[]);
        let given = |run| {
            let lines = [("x-job", "job"), ("x-session-id", "other"), ("x-run", run)];
            lines.into_iter().collect::<Fields>()
        };
        assert_eq!(own.named(&given(" ")), (Some("job"), None));
        let given = given("run");
        assert_eq!(own.named(&given), (Some("run"), None));
        assert_eq!(USUAL.named(&given), (Some("other"), None));
    }
}
