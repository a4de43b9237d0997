//! Wire formats: one folder each with both directions of request, reply and stream; and what they share.
//! [`FORMATS`] is the one list. No HTTP here, no vendors.

pub mod anthropic;
mod fields;
#[cfg(test)]
mod laws;
pub mod openai;
pub mod peek;
pub mod splice;
pub mod sse;

use crate::chat::{Chat, Event, Fault, Op, Reply, Usage};
use crate::error::Result;

/// A wire format callers and upstreams speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FormatId {
    /// <https://platform.openai.com/docs/api-reference/chat>
    OpenaiChat,
    /// <https://platform.openai.com/docs/api-reference/embeddings>
    OpenaiEmbeddings,
    /// <https://docs.anthropic.com/en/api/messages>
    AnthropicMessages,
}

/// One row of [`FORMATS`].
pub struct Format {
    pub id: FormatId,
    /// Name in logs and documents, such as `openai-chat`.
    pub name: &'static str,
    pub op: Op,
    /// Where callers of this format send requests.
    pub path: &'static str,
    /// Translation through the neutral model; `None`: bytes are forwarded or nothing.
    pub codec: Option<&'static dyn Codec>,
    /// Same-format observation: what one SSE event (its `data`) or a whole JSON reply says.
    pub observe: fn(data: &[u8], seen: &mut Seen) -> Mark,
    /// Usage and model out of a whole non-streamed reply, without building a tree of it.
    pub observe_reply: fn(body: &[u8], seen: &mut Seen),
    /// An error body in this format's shape.
    pub write_fault: fn(&Fault) -> Vec<u8>,
    /// An error as the last event(s) of a stream, framing included.
    pub write_fault_event: fn(&Fault) -> Vec<u8>,
    /// What an upstream's error body (any shape, also HTML or nothing) says, without its markup.
    pub read_fault: fn(status: u16, body: &[u8]) -> Fault,
    /// Keep-alive frame for a silent stream.
    pub ping: &'static [u8],
    /// Whether usage in streams must be asked for (`stream_options.include_usage`) and hidden again.
    pub usage_on_request: bool,
}

/// Every wire format.
pub static FORMATS: [&Format; 0] = [];

/// What one event of a same-format stream means for the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Set-up without content (role chunk, `message_start`, ping).
    Setup,
    /// The first or a further piece of content: the commit point.
    Content,
    /// Nothing but usage: hidden from callers that did not ask for it.
    Usage,
    /// The end mark (`[DONE]`, `message_stop`).
    Done,
    /// An error event; `Seen::fault` says which.
    Error,
    /// Not an event of this format (unparsable JSON).
    Malformed,
}

/// What observation has gathered of a reply so far.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub usage: Option<Usage>,
    /// The model the provider says it used.
    pub model: Option<String>,
    pub fault: Option<Fault>,
    /// A finish reason came, so the reply is complete even if the end mark is missing.
    pub finished: bool,
    /// Bytes of generated text so far, to estimate usage where none is reported.
    pub text_bytes: u64,
}

/// What a translation could not carry, as JSON paths such as `logit_bias`; ends in `x-gw-dropped`.
pub type Dropped = Vec<String>;

/// Both directions of one format against the neutral model.
pub trait Codec: Sync {
    /// Reads a caller's request. Errors are 400s naming the field.
    fn read_request(&self, body: &[u8]) -> Result<Chat>;
    /// Writes the request for an upstream. What has no equivalent goes to `dropped`; tools, images and
    /// response schemas are never dropped: an error naming the field instead.
    fn write_request(&self, chat: &Chat, dropped: &mut Dropped) -> Result<Vec<u8>>;
    /// Reads an upstream's whole reply. An error means it is not an answer (malformed).
    fn read_reply(&self, body: &[u8]) -> Result<Reply>;
    /// Writes a whole reply for the caller.
    fn write_reply(&self, reply: &Reply, scene: &Scene) -> Vec<u8>;
    /// A reader for one upstream stream.
    fn reader(&self) -> Box<dyn EventReader + Send>;
    /// A writer for one caller's stream.
    fn writer(&self, scene: &Scene) -> Box<dyn EventWriter + Send>;
}

/// What a writer needs to know beside the reply.
#[derive(Clone, Debug, Default)]
pub struct Scene {
    /// Id to use where the upstream gave none (the gateway's request id).
    pub request_id: String,
    /// Model name shown where the upstream gave none.
    pub model: String,
    /// Whether the caller asked for usage in the stream.
    pub include_usage: bool,
    /// Seconds since 1970, for `created`.
    pub created: i64,
}

/// Turns one upstream's SSE events into neutral events.
pub trait EventReader {
    /// One SSE event. `event` is its name, empty where it has none.
    fn read(&mut self, event: &str, data: &[u8], out: &mut Vec<Event>) -> Result<()>;
    /// The stream ended. An error where it ended before its end mark.
    fn end(&mut self, out: &mut Vec<Event>) -> Result<()>;
}

/// Turns neutral events into one caller's SSE bytes.
pub trait EventWriter {
    fn write(&mut self, event: &Event, out: &mut Vec<u8>);
}

/// The format with this id.
pub fn format(id: FormatId) -> &'static Format {
    // The table is total over `FormatId`; a unit test holds it.
    FORMATS.iter().find(|format| format.id == id).copied().unwrap_or(FORMATS[0])
}
