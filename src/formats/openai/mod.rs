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

use super::peek::{Look, Looks};
use super::{Codec, EventReader, EventWriter, ReplyContext, Seen, Target, Written};
use crate::chat::{Chat, Reply};
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

/// Both directions of the format.
pub static CODEC: &dyn Codec = &OpenaiChat;

struct OpenaiChat;

impl Codec for OpenaiChat {
    fn read_request(&self, body: &[u8]) -> Result<Chat> {
        request::read(body)
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
