//! Which conversation a request is part of, and which agent within it, as coding agents say in headers of their own.

use crate::store::journal::LABEL_KEPT;
use http::{HeaderMap, HeaderValue};

/// Headers that name the conversation: Claude Code, Codex, goose, opencode. The first of these that is there counts.
const SESSION: [&str; 5] = [
    "x-claude-code-session-id",
    "session-id",
    "agent-session-id",
    "x-session-id",
    "x-session-affinity",
];

/// The header that names the agent: Claude Code.
const AGENT: &str = "x-claude-code-agent-id";

/// Conversation and agent, where the caller says. Goes through the headers once: most requests have none of these.
pub fn named(headers: &HeaderMap) -> (Option<&str>, Option<&str>) {
    let (mut sessions, mut agent) = ([None; SESSION.len()], None);
    for (name, value) in headers {
        let name = name.as_str();
        if name == AGENT {
            agent = agent.or(text(value));
        } else if let Some(at) = SESSION.iter().position(|known| *known == name) {
            sessions[at] = sessions[at].or(text(value));
        }
    }
    (sessions.into_iter().flatten().next(), agent)
}

/// The headers by which a caller could have named these: what each says, its name and its value.
pub fn headers<'a>(
    session: Option<&'a str>,
    agent: Option<&'a str>,
) -> impl Iterator<Item = (&'static str, &'static str, &'a str)> {
    let session = session.map(|session| ("session", "x-session-id", session));
    session
        .into_iter()
        .chain(agent.map(|agent| ("agent", AGENT, agent)))
}

fn text(value: &HeaderValue) -> Option<&str> {
    // ASCII, so that any place is between two characters.
    let value = value.to_str().ok()?.trim();
    (!value.is_empty()).then(|| &value[..value.len().min(LABEL_KEPT)])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_named_again_is_found() {
        let mut given = HeaderMap::new();
        for (_, name, value) in headers(Some("s"), Some("a")) {
            given.insert(name, value.parse().unwrap());
        }
        assert_eq!(named(&given), (Some("s"), Some("a")));
        assert_eq!(headers(None, None).count(), 0);
    }
}
