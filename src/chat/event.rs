//! A reply as a folded stream of events: streaming, non-streaming, logging and usage share one path.

use super::{Call, Citation, Fault, Logprob, Media, Native, Seal, Usage};

/// Why generation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    End,
    Length,
    Tool,
    Filter,
    Sequence,
    /// The provider paused; what it said so far is sent back to go on.
    Pause,
    /// The model failed (a call it could not write), and what it said is not whole.
    Fault,
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
        /// Why, in the provider's own word.
        raw: Option<String>,
    },
    /// The provider failed in the middle.
    Error(Fault),
}

/// How a part of a reply begins.
#[derive(Clone, Debug, PartialEq)]
pub enum Opening {
    Text,
    Refusal,
    Thought {
        /// Its own id, where the format gives it one.
        id: Option<String>,
        /// Whether it is the provider's summary of what was thought.
        summary: bool,
    },
    /// Without its arguments, which follow; with its seal.
    Call(Call),
    /// Whole: it has no deltas but a seal.
    Media(Media),
    /// Whole: it has no deltas.
    Native(Native),
}

/// How a part of a reply goes on.
#[derive(Clone, Debug, PartialEq)]
pub enum Delta {
    /// More text, refusal or thought.
    Text(String),
    /// More of a call's arguments, raw.
    Arguments(String),
    /// The part's seal; one that comes in pieces is one of the same kind.
    Seal(Seal),
    /// What the text so far rests on.
    Citation(Citation),
    /// How likely the tokens of the text so far were.
    Logprobs(Vec<Logprob>),
}
