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

use super::document::Document;
use super::peek::{Look, Looks};
use super::{
    Api, Codec, EventReader, EventWriter, Format, FormatId, Framed, Passes, ReplyContext, Seen,
    Streams, Target, Written, entry,
};
use crate::chat::{Chat, Fault, Op, Reply};
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

/// Its row.
pub static FORMAT: Format = Format {
    id: FormatId::Gemini,
    name: NAME,
    op: Op::Chat,
    api: Api::Google,
    entries: &[
        entry::in_path("/v1beta/models/{model}:generateContent", Streams::Never),
        entry::in_path(
            "/v1beta/models/{model}:streamGenerateContent",
            Streams::Always,
        ),
        entry::in_path("/v1/models/{model}:generateContent", Streams::Never),
        entry::in_path("/v1/models/{model}:streamGenerateContent", Streams::Always),
        // On Vertex AI, by project or with a key of its own:
        // https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference
        entry::in_path(
            "/v1/projects/*/locations/*/publishers/google/models/{model}:generateContent",
            Streams::Never,
        ),
        entry::in_path(
            "/v1/projects/*/locations/*/publishers/google/models/{model}:streamGenerateContent",
            Streams::Always,
        ),
        entry::in_path(
            "/v1/publishers/google/models/{model}:generateContent",
            Streams::Never,
        ),
        entry::in_path(
            "/v1/publishers/google/models/{model}:streamGenerateContent",
            Streams::Always,
        ),
        entry::in_path(
            "/v1beta1/projects/*/locations/*/publishers/google/models/{model}:generateContent",
            Streams::Never,
        ),
        entry::in_path(
            "/v1beta1/projects/*/locations/*/publishers/google/models/{model}:streamGenerateContent",
            Streams::Always,
        ),
        entry::in_path(
            "/v1beta1/publishers/google/models/{model}:generateContent",
            Streams::Never,
        ),
        entry::in_path(
            "/v1beta1/publishers/google/models/{model}:streamGenerateContent",
            Streams::Always,
        ),
    ],
    looks: LOOKS,
    codec: Some(CODEC),
    embeds: None,
    media: false,
    observe: observe::observe,
    observe_reply: observe::observe_reply,
    write_fault_event,
    // A blank line: its clients take a comment for a broken event.
    ping: b"\r\n",
    // What ends a reply is that every candidate says why it ends.
    end_mark: b"",
    framed: Framed::EventsBy("alt", "sse"),
    hosted: None,
    usage_on_request: false,
    keeps: false,
    passes: Passes::GOOGLE,
};

/// Both directions of the format.
pub static CODEC: &dyn Codec = &Gemini;

struct Gemini;

impl Codec for Gemini {
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
        Box::new(writer::Writer::new(context))
    }
}

/// An error in a stream: both official clients raise on it.
pub fn write_fault_event(fault: &Fault) -> Vec<u8> {
    let body = super::fault::write_google(fault);
    [b"data: ", &body[..], b"\r\n\r\n"].concat()
}
