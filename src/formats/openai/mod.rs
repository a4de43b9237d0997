//! OpenAI Chat Completions: <https://platform.openai.com/docs/api-reference/chat>.

mod content;
mod embeddings;
mod extra;
mod logprobs;
mod message;
pub mod observe;
mod reply;
mod request;
mod stream;
mod tool;
mod usage;
mod writer;

pub use embeddings::EMBEDS;
pub use request::{effort, sampling};

use super::document::Document;
use super::peek::{Look, Looks};
use super::{
    Api, Codec, EventReader, EventWriter, Format, FormatId, Framed, Passes, ReplyContext, Seen,
    Target, Written, entry, fault,
};
use crate::chat::{Chat, Op, Reply};
use crate::error::Result;

/// The name in logs and documents.
pub const NAME: &str = "openai-chat";

/// The frame behind a complete stream.
pub const END_MARK: &[u8] = b"data: [DONE]\n\n";

/// What of a body gw reads: <https://platform.openai.com/docs/api-reference/chat/create>.
pub const LOOKS: Looks = &[
    ("model", Look::Model),
    ("stream", Look::Stream),
    ("stream_options", Look::StreamOptions),
    ("max_tokens", Look::Limit),
    ("max_completion_tokens", Look::Limit),
    ("n", Look::Choices),
    ("tools", Look::Tools),
    ("functions", Look::Tools),
    ("messages", Look::Turns),
    ("response_format", Look::Schema("\"json_schema\"")),
];

/// The same of embeddings: <https://platform.openai.com/docs/api-reference/embeddings/create>.
pub const EMBEDDINGS: Looks = &[("model", Look::Model), ("input", Look::Turns)];

/// Its row.
pub static CHAT: Format = Format {
    id: FormatId::OpenaiChat,
    name: "openai-chat",
    op: Op::Chat,
    api: Api::Openai,
    entries: &[entry::in_body("/v1/chat/completions")],
    looks: LOOKS,
    codec: Some(CODEC),
    embeds: None,
    media: false,
    observe: observe::observe,
    observe_reply: observe::observe_reply,
    write_fault_event: fault::write_openai_event,
    ping: b": ping\n\n",
    end_mark: END_MARK,
    framed: Framed::EVENTS,
    hosted: None,
    usage_on_request: true,
    keeps: false,
    passes: Passes::OPENAI,
};

/// The row of embeddings: <https://platform.openai.com/docs/api-reference/embeddings>
pub static EMBED: Format = Format {
    id: FormatId::OpenaiEmbeddings,
    name: "openai-embeddings",
    op: Op::Embeddings,
    api: Api::Openai,
    entries: &[entry::in_body("/v1/embeddings")],
    looks: EMBEDDINGS,
    codec: None,
    embeds: Some(EMBEDS),
    media: false,
    observe: observe::observe,
    observe_reply: observe::observe_embeddings,
    write_fault_event: fault::write_openai_event,
    ping: b": ping\n\n",
    end_mark: END_MARK,
    framed: Framed::EVENTS,
    hosted: None,
    usage_on_request: false,
    keeps: false,
    passes: Passes::OPENAI,
};

/// Both directions of the format.
pub static CODEC: &dyn Codec = &OpenaiChat;

struct OpenaiChat;

impl Codec for OpenaiChat {
    fn read(&self, document: &Document<'_>) -> Result<Chat> {
        request::read(document)
    }
    fn write_request(&self, chat: &Chat, target: &Target<'_>) -> Result<Written> {
        request::write(chat, target)
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
        Box::new(writer::Writer::new(context))
    }
}
