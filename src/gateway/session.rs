//! Which conversation a request is part of, and which agent within it, as coding agents say in headers of their own.
//! For the log alone: nothing is decided by it.

use http::{HeaderMap, HeaderName};

/// Headers that name the conversation: Claude Code, Codex, opencode. The first that is there counts.
static SESSION: [HeaderName; 4] = [
    HeaderName::from_static("x-claude-code-session-id"),
    HeaderName::from_static("session-id"),
    HeaderName::from_static("x-session-id"),
    HeaderName::from_static("x-session-affinity"),
];

/// Headers that name the agent: Claude Code.
static AGENT: [HeaderName; 1] = [HeaderName::from_static("x-claude-code-agent-id")];

/// What is kept of a name: ids are shorter, and a caller chooses it.
const KEPT: usize = 128;

/// The conversation, where the caller says.
pub fn session(headers: &HeaderMap) -> Option<String> {
    named(headers, &SESSION)
}

/// The agent, where the caller says.
pub fn agent(headers: &HeaderMap) -> Option<String> {
    named(headers, &AGENT)
}

fn named(headers: &HeaderMap, names: &[HeaderName]) -> Option<String> {
    names.iter().find_map(|name| {
        // ASCII, so that any place is between two characters.
        let value = headers.get(name)?.to_str().ok()?.trim();
        (!value.is_empty()).then(|| value[..value.len().min(KEPT)].to_owned())
    })
}
