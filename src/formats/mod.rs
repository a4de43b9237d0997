//! Wire formats: one folder each with both directions of request, reply and stream; and what they share.
//! [`FORMATS`] is the one list. No HTTP here, no vendors.

pub mod alike;
pub mod anthropic;
mod api;
mod arguments;
mod betas;
mod cache;
mod call_id;
mod chunks;
mod cohere;
mod converse;
pub mod count;
mod document;
pub mod entry;
pub mod eventstream;
pub mod fault;
mod fields;
pub mod finish;
pub mod form;
pub mod forwarded;
pub mod frames;
mod free_text;
pub mod gemini;
pub mod hosting;
#[cfg(test)]
pub(crate) mod laws;
mod lenient;
pub mod names;
pub mod objects;
pub mod openai;
mod outline;
mod passes;
pub mod peek;
pub mod reframe;
mod responses;
mod scan;
mod schema;
mod seal;
pub mod sniff;
pub mod spelling;
pub mod splice;
pub mod sse;
mod steps;
mod tier;
mod vectors;
mod written;

pub use api::{Api, ERROR_TYPE};
pub use document::Document;
pub use entry::{Called, Streams, called, called_below, on_azure};
pub use fields::ADAPTED;
pub use frames::Framing;
pub use hosting::Hosted;
pub use passes::Passes;

use crate::chat::{Chat, Embed, Event, Fault, Op, Reply, Takes, Tier, Usage, Vectors};
use crate::error::Result;

/// A wire format callers and upstreams speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FormatId {
    /// <https://platform.openai.com/docs/api-reference/chat>
    OpenaiChat,
    /// <https://platform.openai.com/docs/api-reference/responses>
    OpenaiResponses,
    /// <https://platform.openai.com/docs/api-reference/embeddings>
    OpenaiEmbeddings,
    /// <https://docs.anthropic.com/en/api/messages>
    AnthropicMessages,
    /// The same on Amazon Bedrock, as InvokeModel: <https://docs.anthropic.com/en/api/claude-on-amazon-bedrock>
    AnthropicBedrock,
    /// The same on Vertex AI, as rawPredict: <https://docs.anthropic.com/en/api/claude-on-vertex-ai>
    AnthropicVertex,
    /// <https://ai.google.dev/api/generate-content>
    Gemini,
    /// <https://docs.cohere.com/reference/chat>
    CohereChat,
    /// <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>
    BedrockConverse,
    /// <https://docs.cohere.com/reference/embed>
    CohereEmbed,
    /// <https://docs.anthropic.com/en/api/messages-count-tokens>
    AnthropicCount,
    /// <https://docs.anthropic.com/en/api/claude-on-vertex-ai>
    AnthropicVertexCount,
    /// <https://ai.google.dev/api/tokens>
    GeminiCount,
    /// <https://platform.openai.com/docs/api-reference/responses/input-tokens>
    ResponsesCount,
    /// <https://platform.openai.com/docs/api-reference/responses/compact>
    ResponsesCompact,
    /// <https://platform.openai.com/docs/api-reference/completions>
    OpenaiCompletions,
    /// <https://platform.openai.com/docs/api-reference/images/create>
    OpenaiImages,
    /// <https://platform.openai.com/docs/api-reference/images/createEdit>
    OpenaiImageEdits,
    /// <https://platform.openai.com/docs/api-reference/images/createVariation>
    OpenaiImageVariations,
    /// <https://platform.openai.com/docs/api-reference/audio/createSpeech>
    OpenaiSpeech,
    /// <https://platform.openai.com/docs/api-reference/audio/createTranscription>
    OpenaiTranscriptions,
    /// <https://platform.openai.com/docs/api-reference/audio/createTranslation>
    OpenaiTranslations,
    /// <https://platform.openai.com/docs/api-reference/moderations>
    OpenaiModerations,
    /// What several vendors have alike, such as <https://docs.together.ai/reference/rerank-1>
    Rerank,
    /// <https://docs.cohere.com/reference/rerank>
    CohereRerank,
    /// What is asked of a provider itself, below `/passthrough`. In no list: nobody speaks it.
    Passthrough,
    /// <https://platform.openai.com/docs/api-reference/files>, <https://docs.anthropic.com/en/api/files-create>
    Files,
    /// <https://platform.openai.com/docs/api-reference/batch>
    OpenaiBatches,
    /// <https://docs.anthropic.com/en/api/creating-message-batches>
    AnthropicBatches,
}

/// One row of [`FORMATS`].
pub struct Format {
    pub id: FormatId,
    /// Name in logs and documents, such as `openai-chat`.
    pub name: &'static str,
    pub op: Op,
    /// The family of APIs it belongs to.
    pub api: Api,
    /// Where callers of this format send requests.
    pub entries: &'static [entry::Entry],
    /// What of a body gw reads before it plans.
    pub looks: peek::Looks,
    /// Translation through the neutral model of conversations; `None`: bytes are forwarded or nothing.
    pub codec: Option<&'static dyn Codec>,
    /// The same of embeddings.
    pub embeds: Option<&'static dyn Embeds>,
    /// Its bodies may be of any kind: a request a form, an answer sound, text or events, which is handed on as it comes.
    pub media: bool,
    /// What one SSE event (its name and `data`) says of the reply.
    pub observe: fn(event: &str, data: &[u8], seen: &mut Seen) -> Mark,
    /// What a whole non-streamed reply says: usage, and an error in place of an answer. Builds no tree of it.
    pub observe_reply: fn(body: &[u8], seen: &mut Seen),
    /// An error as the last event(s) of a stream, framing included.
    pub write_fault_event: fn(&Fault) -> Vec<u8>,
    /// Keep-alive frame for a silent stream.
    pub ping: &'static [u8],
    /// The frame that ends a complete stream; empty: there is none.
    pub end_mark: &'static [u8],
    pub framed: Framed,
    /// What it is another form of, where a cloud hosts it; `None`: it stands for itself.
    pub hosted: Option<Hosted>,
    /// Whether usage in streams must be asked for (`stream_options.include_usage`) and hidden again.
    pub usage_on_request: bool,
    /// Whether providers keep answers under their ids unless the request says otherwise.
    pub keeps: bool,
    /// What passes to an upstream of the same format beside the body.
    pub passes: Passes,
}

/// How a format's streams are framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framed {
    As(Framing),
    /// One JSON array, unless this query parameter asks for events.
    EventsBy(&'static str, &'static str),
}

impl Framed {
    /// Server-sent events.
    pub const EVENTS: Framed = Framed::As(Framing::Events);
}

impl Format {
    /// The format it is, whoever hosts it.
    pub fn spoken(&self) -> FormatId {
        self.hosted.map_or(self.id, |hosted| hosted.of)
    }

    /// How a caller with this query gets its streams.
    pub fn framing(&self, query: Option<&str>) -> Framing {
        let (name, value) = match self.framed {
            Framed::As(framing) => return framing,
            Framed::EventsBy(name, value) => (name, value),
        };
        let given = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes())
            .any(|(key, given)| key.trim_start_matches('$') == name && given.starts_with(value));
        match given {
            true => Framing::Events,
            false => Framing::Array,
        }
    }
}

/// Every wire format.
pub static FORMATS: [&Format; 28] = [
    &openai::CHAT,
    &responses::FORMAT,
    &openai::EMBED,
    &anthropic::FORMAT,
    &hosting::ON_BEDROCK,
    // In front of the row whose path would take its own for a model's.
    &count::ANTHROPIC_VERTEX,
    &hosting::ON_VERTEX,
    &gemini::FORMAT,
    &cohere::CHAT,
    &converse::FORMAT,
    &cohere::EMBED,
    &count::ANTHROPIC,
    &count::GEMINI,
    &count::RESPONSES,
    &count::COMPACT,
    &forwarded::COMPLETIONS,
    &forwarded::IMAGES,
    &forwarded::IMAGE_EDITS,
    &forwarded::IMAGE_VARIATIONS,
    &forwarded::SPEECH,
    &forwarded::TRANSCRIPTIONS,
    &forwarded::TRANSLATIONS,
    &forwarded::MODERATIONS,
    &forwarded::RERANK,
    &forwarded::COHERE_RERANK,
    &objects::FILES,
    &objects::OPENAI_BATCHES,
    &objects::ANTHROPIC_BATCHES,
];

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
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Seen {
    pub usage: Option<Usage>,
    /// The tier of service it says it was given at.
    pub tier: Tier,
    pub fault: Option<Fault>,
    /// Every choice has a finish reason, so the reply is complete even if the end mark is missing.
    pub finished: bool,
    /// Searches of the web that have been seen to end, for usage that does not count them.
    pub searches: u64,
    /// Which choices have ended.
    pub choices: finish::Finish,
    /// Bytes of generated text so far, to estimate usage where none is reported. Media is no text.
    pub text_bytes: u64,
    /// Whether the provider keeps it, so that its id is to be noted.
    pub keeps: bool,
    /// The id it is kept under.
    pub id: Option<String>,
}

impl Seen {
    /// Nothing yet, of a reply of which so many choices were asked for.
    pub fn expecting(choices: u32) -> Seen {
        Seen {
            choices: finish::Finish::of(choices),
            ..Seen::default()
        }
    }
}

/// What a translation could not carry, as JSON paths such as `logit_bias`; ends in `x-gw-dropped`. What is carried in
/// another form than the caller gave it is in it too, with `(adapted)` behind the path.
pub type Dropped = Vec<String>;

/// How an upstream's dialect of a format differs from the format's own documentation: values of a vendor's
/// row, never a question of who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quirks {
    /// What the longest answer is called in OpenAI chat: its own `max_completion_tokens`, or the older
    /// `max_tokens`, which most compatible servers know alone.
    pub max_tokens: &'static str,
    pub stream_usage: StreamUsage,
    /// What a seed is called in OpenAI chat.
    pub seed: &'static str,
    /// Members of OpenAI chat that it answers with an error: a translation leaves them out, and says so.
    pub refuses: &'static [&'static str],
    /// In which field of an assistant's message thoughts that nobody sealed are taken back; `None`: it refuses them,
    /// or they can only be another vendor's.
    pub thoughts: Option<&'static str>,
    /// Whether it takes what OpenAI's own service takes and few others do: tools called with free text, choices among
    /// some tools, `metadata`, `store`, `verbosity`, `prompt_cache_key`, `service_tier`.
    pub extras: bool,
    /// Whether OpenAI Responses gives reasoning under a seal there when it is asked to.
    pub seals_reasoning: bool,
}

/// How the usage of a stream is to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamUsage {
    /// By asking (`stream_options.include_usage`); what gw alone asked for is hidden from the caller.
    Asked,
    /// It comes unasked, and passes.
    Unasked,
    /// Not at all, or asking is refused.
    Never,
}

impl Quirks {
    /// None: what the format's own documentation says.
    pub const NONE: Quirks = Quirks {
        max_tokens: "max_completion_tokens",
        stream_usage: StreamUsage::Asked,
        seed: "seed",
        refuses: &[],
        thoughts: None,
        extras: true,
        seals_reasoning: true,
    };
    /// What servers that call themselves compatible have in common.
    pub const COMPATIBLE: Quirks = Quirks {
        max_tokens: "max_tokens",
        stream_usage: StreamUsage::Asked,
        seed: "seed",
        refuses: &[],
        thoughts: Some("reasoning_content"),
        extras: false,
        seals_reasoning: false,
    };
}

/// Whom a request is written for.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The model's id upstream.
    pub model: &'a str,
    pub quirks: &'a Quirks,
    pub takes: &'a Takes,
}

/// A request as an upstream gets it.
#[derive(Clone, Debug)]
pub struct Written {
    pub body: Vec<u8>,
    pub dropped: Dropped,
}

/// Both directions of one format against the neutral model.
pub trait Codec: Sync {
    /// Reads a caller's request that was gone through already. Errors are 400s naming the field.
    fn read(&self, document: &Document<'_>) -> Result<Chat>;
    /// The same of one that was not.
    fn read_request(&self, body: &[u8]) -> Result<Chat> {
        self.read(&Document::of(body)?)
    }
    /// Writes the request for an upstream. What has no equivalent is listed as dropped; tools, images and
    /// response schemas are never dropped: an error naming the field instead.
    fn write_request(&self, chat: &Chat, target: &Target<'_>) -> Result<Written>;
    /// Reads an upstream's whole reply. An error means it is not an answer; `seen.fault` says which error stands in
    /// its place.
    fn read_reply(&self, body: &[u8], seen: &mut Seen) -> Result<Reply>;
    /// Writes a whole reply for the caller.
    fn write_reply(&self, reply: &Reply, context: &ReplyContext) -> Vec<u8>;
    /// A reader for one upstream stream.
    fn reader(&self) -> Box<dyn EventReader + Send>;
    /// A writer for one caller's stream.
    fn writer(&self, context: &ReplyContext) -> Box<dyn EventWriter + Send>;
}

/// Both directions of one format of embeddings against their neutral model. They are never streamed.
pub trait Embeds: Sync {
    /// Reads a caller's request. Errors are 400s naming the field.
    fn read_request(&self, body: &[u8]) -> Result<Embed>;
    /// Writes the request for an upstream that knows the model by this name. What has no equivalent is listed as
    /// dropped; inputs are never dropped: an error naming the field instead.
    fn write_request(&self, embed: &Embed, model: &str) -> Result<Written>;
    /// Reads an upstream's reply. An error means it is not an answer; `seen.fault` says which error stands in its
    /// place.
    fn read_reply(&self, body: &[u8], seen: &mut Seen) -> Result<Vectors>;
    /// Writes a reply for the caller, in the spelling that the caller's request asks for.
    fn write_reply(&self, vectors: &Vectors, context: &ReplyContext) -> Vec<u8>;
}

/// What a writer needs to know beside the reply.
#[derive(Clone, Debug, Default)]
pub struct ReplyContext {
    /// Id to use where the upstream gave none (the gateway's request id).
    pub request_id: String,
    /// Model name shown where the upstream gave none.
    pub model: String,
    /// Whether the caller asked for usage in the stream.
    pub include_usage: bool,
    /// Seconds since 1970, for `created`.
    pub created: i64,
    /// The caller's request, where its format's replies repeat some of it.
    pub request: bytes::Bytes,
    /// Where long values are in that, as far as it is known.
    pub long: std::sync::Arc<[scan::Long]>,
    /// What the caller's tools are called where the upstream knows them by other names.
    pub names: Option<std::sync::Arc<names::Names>>,
}

impl ReplyContext {
    /// A whole reply for the caller.
    pub fn reply(&self, codec: &dyn Codec, reply: &Reply) -> Vec<u8> {
        match &self.names {
            Some(names) => codec.write_reply(&names.reply(reply), self),
            None => codec.write_reply(reply, self),
        }
    }

    /// A writer for the caller's stream.
    pub fn stream(&self, codec: &dyn Codec) -> Box<dyn EventWriter + Send> {
        let writer = codec.writer(self);
        match &self.names {
            Some(names) => Box::new(names::Writer::new(names.clone(), writer)),
            None => writer,
        }
    }
}

/// Turns one upstream's SSE events into neutral events. What they say of the reply is the format's `observe`'s to tell.
pub trait EventReader {
    /// One SSE event. `event` is its name, empty where it has none.
    fn read(&mut self, event: &str, data: &[u8], seen: &mut Seen, out: &mut Vec<Event>) -> Mark;
    /// The stream ended in good order: what is open is closed.
    fn end(&mut self, out: &mut Vec<Event>);
}

/// Turns neutral events into one caller's SSE bytes.
pub trait EventWriter {
    fn write(&mut self, event: &Event, out: &mut Vec<u8>);
}

/// The format with this id.
pub fn format(id: FormatId) -> &'static Format {
    match id {
        FormatId::OpenaiChat => &openai::CHAT,
        FormatId::OpenaiResponses => &responses::FORMAT,
        FormatId::OpenaiEmbeddings => &openai::EMBED,
        FormatId::AnthropicMessages => &anthropic::FORMAT,
        FormatId::AnthropicBedrock => &hosting::ON_BEDROCK,
        FormatId::AnthropicVertex => &hosting::ON_VERTEX,
        FormatId::Gemini => &gemini::FORMAT,
        FormatId::CohereChat => &cohere::CHAT,
        FormatId::BedrockConverse => &converse::FORMAT,
        FormatId::CohereEmbed => &cohere::EMBED,
        FormatId::AnthropicCount => &count::ANTHROPIC,
        FormatId::AnthropicVertexCount => &count::ANTHROPIC_VERTEX,
        FormatId::GeminiCount => &count::GEMINI,
        FormatId::ResponsesCount => &count::RESPONSES,
        FormatId::ResponsesCompact => &count::COMPACT,
        FormatId::OpenaiCompletions => &forwarded::COMPLETIONS,
        FormatId::OpenaiImages => &forwarded::IMAGES,
        FormatId::OpenaiImageEdits => &forwarded::IMAGE_EDITS,
        FormatId::OpenaiImageVariations => &forwarded::IMAGE_VARIATIONS,
        FormatId::OpenaiSpeech => &forwarded::SPEECH,
        FormatId::OpenaiTranscriptions => &forwarded::TRANSCRIPTIONS,
        FormatId::OpenaiTranslations => &forwarded::TRANSLATIONS,
        FormatId::OpenaiModerations => &forwarded::MODERATIONS,
        FormatId::Rerank => &forwarded::RERANK,
        FormatId::CohereRerank => &forwarded::COHERE_RERANK,
        FormatId::Passthrough => &forwarded::PASSTHROUGH,
        FormatId::Files => &objects::FILES,
        FormatId::OpenaiBatches => &objects::OPENAI_BATCHES,
        FormatId::AnthropicBatches => &objects::ANTHROPIC_BATCHES,
    }
}

/// The format of this name.
pub fn named(name: &str) -> Option<&'static Format> {
    FORMATS.iter().copied().find(|format| format.name == name)
}

/// The format a body of unknown format looks like: the one that reads most of its members.
pub fn resembling(body: &serde_json::Value) -> &'static Format {
    let known = |format: &Format| {
        let names = format.looks.iter().map(|(name, _)| *name);
        names.filter(|name| body.get(*name).is_some()).count()
    };
    FORMATS
        .iter()
        .copied()
        .rev()
        .max_by_key(|format| known(format))
        .unwrap_or(&openai::CHAT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_and_the_look_up_agree() {
        for row in FORMATS {
            assert!(std::ptr::eq(row, format(row.id)), "{}", row.name);
            // Behind an event that has ended it adds none.
            assert!(
                row.ping.ends_with(b"\n\n") || row.ping == b"\r\n",
                "{}",
                row.name
            );
            assert_eq!(
                FORMATS
                    .iter()
                    .filter(|other| other.name == row.name || other.id == row.id)
                    .count(),
                1,
                "{}",
                row.name
            );
        }
    }

    #[test]
    fn pings_end_marks_and_errors_are_events_of_their_own_format() {
        let fault = Fault {
            status: 500,
            kind: String::new(),
            message: "x".to_owned(),
            code: None,
            param: None,
        };
        for row in FORMATS {
            if let Some((_, data)) = sse::event(row.ping) {
                assert_eq!(
                    (row.observe)("", &data, &mut Seen::default()),
                    Mark::Setup,
                    "{}",
                    row.name
                );
            }
            let mark = sse::event(row.end_mark)
                .map(|(name, data)| (row.observe)(name, &data, &mut Seen::default()));
            let marked = (!row.end_mark.is_empty()).then_some(Mark::Done);
            assert_eq!(mark, marked, "{}", row.name);
            let frame = (row.write_fault_event)(&fault);
            let mut seen = Seen::default();
            let mark = sse::event(&frame).map(|(name, data)| (row.observe)(name, &data, &mut seen));
            assert_eq!(
                (mark, seen.fault.map(|fault| fault.message)),
                (Some(Mark::Error), Some("x".to_owned())),
                "{}",
                row.name
            );
            assert_eq!(
                fault::read_fault(500, &row.api.write_fault(&fault)).message,
                "x",
                "{}",
                row.name
            );
        }
    }
}
