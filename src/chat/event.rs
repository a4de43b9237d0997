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

/// One step of a streamed reply.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The reply begins.
    Begin { id: String, model: String },
    /// Totals so far; the last one counts.
    Usage(Usage),
    /// The reply is complete.
    End(Stop),
    /// The provider failed in the middle.
    Error(Fault),
}

/// A whole reply: the fold of its events.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    pub id: String,
    pub model: String,
    pub usage: Option<Usage>,
}

impl Event {
    /// Whether it is content: what commits the gateway to this upstream.
    pub fn is_content(&self) -> bool {
        !matches!(self, Event::Begin { .. } | Event::Usage(_))
    }
    /// Bytes of generated text in it.
    pub fn text_len(&self) -> u64 {
        0
    }
}
