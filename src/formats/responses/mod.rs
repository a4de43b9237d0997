//! OpenAI Responses: <https://platform.openai.com/docs/api-reference/responses>, and the specification that others share:
//! <https://www.openresponses.org>.

mod body;
mod content;
mod items;
pub mod observe;
mod output;
mod reply;
mod request;
mod stream;
mod tool;
mod usage;
mod writer;

pub use writer::write_fault_event;

use super::document::Document;
use super::peek::{Look, Looks, Missing};
use super::seal::Apart;
use super::{
    Api, Codec, EventReader, EventWriter, Format, FormatId, Framed, Passes, ReplyContext, Seen,
    Target, Written, entry,
};
use crate::chat::{Chat, Op, Reply};
use crate::error::Result;

/// The name in logs and documents.
pub const NAME: &str = "openai-responses";

/// What of a body gw reads: <https://platform.openai.com/docs/api-reference/responses/create>.
pub const LOOKS: Looks = &[
    ("model", Look::Model),
    ("stream", Look::Stream),
    ("max_output_tokens", Look::Limit),
    ("tools", Look::Tools),
    ("input", Look::Turns),
    ("text", Look::Schema("\"json_schema\"")),
    ("store", Look::Store),
    CONTINUED,
    CONVERSATION,
];

/// The answer that a request goes on from.
pub const CONTINUED: (&str, Look) = (
    "previous_response_id",
    Look::Kept(Missing::conversation("previous_response_not_found")),
);

/// The conversation, kept upstream, that a request belongs to.
pub const CONVERSATION: (&str, Look) = (
    "conversation",
    Look::Kept(Missing::conversation("conversation_not_found")),
);

/// Its row.
pub static FORMAT: Format = Format {
    id: FormatId::OpenaiResponses,
    name: NAME,
    op: Op::Chat,
    api: Api::Openai,
    entries: &[entry::in_body("/v1/responses")],
    looks: LOOKS,
    codec: Some(CODEC),
    embeds: None,
    media: false,
    observe: observe::observe,
    observe_reply: observe::observe_reply,
    write_fault_event,
    ping: b": ping\n\n",
    // What ends a stream is an event that has the whole response in it, which is never missing where a reply is whole.
    end_mark: b"",
    framed: Framed::EVENTS,
    hosted: None,
    usage_on_request: false,
    keeps: true,
    passes: Passes::OPENAI,
};

/// Both directions of the format.
pub static CODEC: &dyn Codec = &OpenaiResponses;

#[cfg(test)]
mod tests;

struct OpenaiResponses;

impl Codec for OpenaiResponses {
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
