//! A reply as a folded stream of events: streaming, non-streaming, logging and usage share one path.

use super::{Fault, Usage};

/// Why generation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    End,
    Length,
    Tool,
    Filter,
    Sequence,
}

impl Stop {
    /// What the caller is told: to run a tool only where one was called.
    pub fn told(self, called: bool) -> Stop {
        match self {
            Stop::Tool if !called => Stop::End,
            other => other,
        }
    }
}

/// One step of a streamed reply. Parts are numbered from 0 in the order they open; a part's deltas come between its
/// `Open` and its `Close`, except that an upstream which interleaves its tool calls may add to a closed one.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The reply begins. Either may be empty where the upstream does not say.
    Begin { id: String, model: String },
    /// A part begins.
    Open { index: usize, part: Opening },
    /// A part goes on.
    Delta { index: usize, delta: Delta },
    /// A part is complete.
    Close { index: usize },
    /// Totals so far; the last one counts.
    Usage(Usage),
    /// The reply is complete.
    End {
        /// `None`: the provider sent an end mark without saying why.
        stop: Option<Stop>,
        /// The stop sequence that was hit, where the provider says which.
        sequence: Option<String>,
    },
    /// The provider failed in the middle.
    Error(Fault),
}

/// How a part of a reply begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opening {
    Text,
    Thought,
    /// A thought that is only a seal; it has no deltas.
    Redacted(String),
    Call {
        id: String,
        name: String,
    },
}

/// How a part of a reply goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delta {
    /// More text or thought.
    Text(String),
    /// More of a call's arguments, raw.
    Arguments(String),
    /// The seal of a thought.
    Seal(String),
}
