//! The neutral model: what every wire format can be read into and written from. Plain data and the
//! folding of events into a reply; it knows no format, no HTTP and no vendor.

mod bucket;
mod embedding;
mod event;
mod part;
mod reply;
mod request;
mod seal;
mod takes;
mod tokens;
mod usage;
mod words;

pub use bucket::{Bucket, Per, Tier};
pub use embedding::{Embed, Encoding, Input, Purpose, Vectors};
pub use event::{Delta, Event, Opening, Stop};
pub use part::{
    CachePoint, Call, CallResult, Citation, Logprob, Media, MediaKind, Native, Part, Source, Text,
    Thought,
};
pub use reply::Reply;
pub use request::{
    Answer, Audio, Chat, Effort, Grammar, Message, Role, Thinking, Tool, ToolChoice, ToolKind,
};
pub use seal::{Issuer, Seal, SealKind};
pub use takes::{Off, Sampling, Takes};
pub use tokens::{Image, Weights, tokens};
pub use usage::{Usage, UsageSource, estimate};
pub use words::{Words, unescaped};

use serde::{Deserialize, Serialize};

/// What a caller asks the gateway to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    Chat,
    Embeddings,
    /// The tokens of a chat's prompt.
    Count,
    /// A chat made shorter by its model's maker.
    Compact,
    /// Text continued, as before there were chats.
    Completions,
    /// What only a provider that has the very same can do (pictures, sound, reranking): the format's name.
    Forward(&'static str),
    /// The same of what a provider makes and keeps, and no model is asked for (files, batches).
    Keep(&'static str),
}

/// An error as the wire formats carry it: what a provider said, or what gw says in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// HTTP status it came or comes with. 529 is Anthropic's "overloaded".
    pub status: u16,
    /// The error type as its source spelled it; formats map it to their own by status when it is foreign.
    pub kind: String,
    pub message: String,
    pub code: Option<String>,
    pub param: Option<String>,
}
