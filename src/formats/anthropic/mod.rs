//! Anthropic Messages: <https://docs.anthropic.com/en/api/messages>.

mod block;
mod body;
mod citation;
mod client_tool;
pub(super) mod marks;
pub mod observe;
mod reply;
mod request;
mod stream;
pub(super) mod thinking;
pub(super) mod tool;
mod turns;
mod usage;
mod writer;

use super::document::Document;
use super::peek::{Look, Looks, Missing};
use super::seal::Apart;
use super::{
    Api, Codec, EventReader, EventWriter, Format, FormatId, Framed, Passes, ReplyContext, Seen,
    Target, Written, entry, fault,
};
use crate::chat::{Chat, Op, Reply};
use crate::error::Result;

/// The name in logs and documents.
pub const NAME: &str = "anthropic-messages";

/// The frame behind a complete stream.
pub const END_MARK: &[u8] = b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

/// What of a body gw reads: <https://docs.anthropic.com/en/api/messages>.
pub const LOOKS: Looks = &[
    ("model", Look::Model),
    ("stream", Look::Stream),
    ("max_tokens", Look::Limit),
    ("tools", Look::Tools),
    ("messages", Look::Turns),
    ("output_config", Look::Schema("\"format\"")),
    ("output_format", Look::Schema("")),
    ("thread", Look::Inside(THREAD)),
];

/// Conversations that are kept upstream, as the official clients' tool runners go on with them.
const THREAD: Looks = &[(
    "previous_message_id",
    Look::Kept(Missing::conversation("thread_not_found")),
)];

/// Its row, of which clouds have their own forms.
pub const ROW: Format = Format {
    id: FormatId::AnthropicMessages,
    name: "anthropic-messages",
    op: Op::Chat,
    api: Api::Anthropic,
    entries: &[entry::in_body("/v1/messages")],
    looks: LOOKS,
    codec: Some(CODEC),
    embeds: None,
    media: false,
    observe: observe::observe,
    observe_reply: observe::observe_reply,
    write_fault_event: fault::write_anthropic_event,
    ping: b"event: ping\ndata: {\"type\":\"ping\"}\n\n",
    end_mark: END_MARK,
    framed: Framed::EVENTS,
    hosted: None,
    usage_on_request: false,
    keeps: false,
    passes: Passes::ANTHROPIC,
};

/// Its row.
pub static FORMAT: Format = ROW;

/// Both directions of the format.
pub static CODEC: &dyn Codec = &AnthropicMessages;

struct AnthropicMessages;

impl Codec for AnthropicMessages {
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
