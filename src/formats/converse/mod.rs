//! Amazon Bedrock's Converse and ConverseStream: one format over the models of many makers.
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>, with the members, their limits and
//! their exceptions as in its service model:
//! <https://github.com/boto/botocore/tree/develop/botocore/data/bedrock-runtime>. Must not know that its streams are binary
//! on the wire: here an event is a name and its JSON.

mod block;
mod body;
mod citation;
mod config;
mod document;
mod family;
mod media;
pub mod observe;
mod reply;
mod request;
mod seals;
mod stop;
mod stream;
mod tool;
mod turns;
mod usage;
mod writer;

use super::document::Document;
use super::peek::{Look, Looks};
use super::seal::Apart;
use super::{
    Api, Codec, EventReader, EventWriter, Format, FormatId, Framed, Framing, Passes, ReplyContext,
    Seen, Streams, Target, Written, entry, fault,
};
use crate::chat::{Chat, Op, Reply};
use crate::error::Result;

/// The name in logs and documents.
pub const NAME: &str = "bedrock-converse";

/// What of a body gw reads; the path says the model and whether the answer is streamed.
pub const LOOKS: Looks = &[
    ("messages", Look::Turns),
    ("toolConfig", Look::Inside(&[("tools", Look::Tools)])),
    (
        "inferenceConfig",
        Look::Inside(&[("maxTokens", Look::Limit)]),
    ),
    (
        "outputConfig",
        Look::Inside(&[("textFormat", Look::Schema(""))]),
    ),
];

/// Its row.
pub static FORMAT: Format = Format {
    id: FormatId::BedrockConverse,
    name: NAME,
    op: Op::Chat,
    api: Api::Amazon,
    entries: &[
        entry::in_path("/model/{model}/converse", Streams::Never),
        entry::in_path("/model/{model}/converse-stream", Streams::Always),
    ],
    looks: LOOKS,
    codec: Some(CODEC),
    embeds: None,
    media: false,
    observe: observe::observe,
    observe_reply: observe::observe_reply,
    write_fault_event: fault::write_exception_event,
    ping: b": ping\n\n",
    // What ends a stream is the event that has its usage.
    end_mark: b"",
    framed: Framed::As(Framing::Binary),
    hosted: None,
    usage_on_request: false,
    keeps: false,
    passes: Passes::BEDROCK,
};

/// Both directions of the format.
pub static CODEC: &dyn Codec = &BedrockConverse;

struct BedrockConverse;

impl Codec for BedrockConverse {
    fn read(&self, document: &Document<'_>) -> Result<Chat> {
        request::read(document)
    }
    fn write_request(&self, chat: &Chat, target: &Target<'_>) -> Result<Written> {
        body::write(chat, target)
    }
    fn read_reply(&self, body: &[u8], seen: &mut Seen) -> Result<Reply> {
        reply::read(body, seen)
    }
    fn write_reply(&self, reply: &Reply, _: &ReplyContext) -> Vec<u8> {
        reply::write(reply)
    }
    fn reader(&self) -> Box<dyn EventReader + Send> {
        Box::<stream::Reader>::default()
    }
    fn writer(&self, _: &ReplyContext) -> Box<dyn EventWriter + Send> {
        Box::new(Apart::new(writer::Writer::default()))
    }
}
