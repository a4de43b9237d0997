//! Cohere Chat v2: <https://docs.cohere.com/reference/chat>. The published schema is that of its own client, the package
//! `cohere` of PyPI; what only its answers show is from recorded ones.

mod body;
mod citation;
mod document;
mod embed;
mod logprobs;
mod message;
mod observe;
mod reply;
mod request;
mod stream;
mod tool;
mod usage;
mod writer;

pub use embed::EMBED;

use super::document::Document;
use super::peek::{Look, Looks};
use super::seal::Apart;
use super::{
    Api, Codec, EventReader, EventWriter, Format, FormatId, Framed, Passes, ReplyContext, Seen,
    Target, Written, entry,
};
use crate::chat::{Chat, Fault, Issuer, Op, Reply};
use crate::error::Result;
use serde_json::json;

/// The row of conversations.
pub static CHAT: Format = Format {
    id: FormatId::CohereChat,
    name: "cohere-chat",
    op: Op::Chat,
    api: Api::Message,
    entries: &[entry::in_body("/v2/chat")],
    looks: LOOKS,
    codec: Some(&CohereChat),
    embeds: None,
    media: false,
    observe: observe::observe,
    observe_reply: observe::observe_reply,
    write_fault_event,
    ping: b": ping\n\n",
    end_mark: END_MARK,
    framed: Framed::EVENTS,
    hosted: None,
    usage_on_request: false,
    keeps: false,
    passes: Passes::COHERE,
};

/// The frame behind a complete stream.
const END_MARK: &[u8] = b"data: [DONE]\n\n";

/// Whose seals its thoughts carry by themselves. Cohere seals nothing; but the plan in front of a model's calls
/// (`tool_plan`), which is neither what it says nor what it thinks and has to come back, travels as one.
const HOME: Issuer = Issuer::Cohere;

/// What of a body gw reads.
const LOOKS: Looks = &[
    ("model", Look::Model),
    ("stream", Look::Stream),
    ("max_tokens", Look::Limit),
    ("tools", Look::Tools),
    ("messages", Look::Turns),
    // `json_schema`, and `schema` as it was called first.
    ("response_format", Look::Schema("schema\"")),
];

/// Both directions of the format.
struct CohereChat;

impl Codec for CohereChat {
    fn read(&self, document: &Document<'_>) -> Result<Chat> {
        request::read(document)
    }
    fn write_request(&self, chat: &Chat, target: &Target<'_>) -> Result<Written> {
        body::write(chat, target)
    }
    fn read_reply(&self, body: &[u8], seen: &mut Seen) -> Result<Reply> {
        reply::read(body, seen)
    }
    fn write_reply(&self, reply: &Reply, context: &ReplyContext) -> Vec<u8> {
        reply::write(reply, context)
    }
    fn reader(&self) -> Box<dyn EventReader + Send> {
        Box::<stream::Reader>::default()
    }
    fn writer(&self, context: &ReplyContext) -> Box<dyn EventWriter + Send> {
        Box::new(Apart::new(writer::Writer::new(context)))
    }
}

/// An error in a stream: its last event says why there is no more. No end mark follows: the reply is not complete.
fn write_fault_event(fault: &Fault) -> Vec<u8> {
    let delta = json!({"finish_reason": "ERROR", "error": fault.message, "usage": {}});
    writer::frame(
        "message-end",
        &json!({"type": "message-end", "delta": delta}),
    )
}
