//! Google Gemini: <https://ai.google.dev/api/generate-content>.

mod body;
mod config;
pub mod observe;
mod part;
mod proto;
mod reading;
mod reply;
mod request;
mod schema;
mod seals;
mod stop;
mod stream;
mod thinking;
mod tool;
mod turns;
mod usage;
mod writer;

use super::peek::{Look, Looks};
use super::{Codec, EventReader, EventWriter, ReplyContext, Seen, Target, Written};
use crate::chat::{Chat, Fault, Reply};
use crate::error::Result;

/// The name in logs and documents.
pub const NAME: &str = "gemini";

/// What of a body gw reads; names may be spelt in either of Protobuf's ways.
pub const LOOKS: Looks = &[
    ("contents", Look::Turns),
    ("tools", Look::Tools),
    ("generationConfig", Look::Inside(CONFIG)),
    ("generation_config", Look::Inside(CONFIG)),
];

const CONFIG: Looks = &[
    ("maxOutputTokens", Look::Limit),
    ("max_output_tokens", Look::Limit),
    ("candidateCount", Look::Choices),
    ("candidate_count", Look::Choices),
    ("responseSchema", Look::Schema("")),
    ("response_schema", Look::Schema("")),
    ("responseJsonSchema", Look::Schema("")),
    ("response_json_schema", Look::Schema("")),
];

/// Both directions of the format.
pub static CODEC: &dyn Codec = &Gemini;

struct Gemini;

impl Codec for Gemini {
    fn read_request(&self, body: &[u8]) -> Result<Chat> {
        request::read(body)
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
        Box::new(writer::Writer::new(context))
    }
}

/// An error in a stream: both official clients raise on it.
pub fn write_fault_event(fault: &Fault) -> Vec<u8> {
    let body = super::fault::write_google(fault);
    [b"data: ", &body[..], b"\r\n\r\n"].concat()
}
