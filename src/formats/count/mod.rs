//! Counting the tokens of a request without having it answered: an operation of its own for each format that has one.
//! It is forwarded where a provider takes it, and otherwise estimated. Beside it what else such an API does to a
//! conversation and gw only forwards.

pub mod estimate;
#[cfg(feature = "tokenizer")]
mod exact;
mod lent;
mod size;

use super::{
    Api, Format, FormatId, Framed, Hosted, Passes, Seen, anthropic, entry, fault, gemini, hosting,
    openai, peek, responses,
};
use crate::chat::{Op, Usage, Weights};
use peek::{Look, Looks};

/// How many tokens a prompt has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    pub tokens: u64,
    /// Counted as the model's provider counts, and not estimated.
    pub exact: bool,
}

/// Tokens of a request's prompt at a model: counted where gw was built to and knows how, else estimated.
pub fn tokens(body: &[u8], model: &str, weights: &Weights) -> Counted {
    #[cfg(feature = "tokenizer")]
    let exact = exact::tokens(body, model);
    #[cfg(not(feature = "tokenizer"))]
    let exact = {
        let _ = model;
        None
    };
    Counted {
        tokens: exact.unwrap_or_else(|| estimate::estimate(body, weights)),
        exact: exact.is_some(),
    }
}

/// What rows that are answered whole and not translated have in common.
const WHOLE: Format = Format {
    id: FormatId::AnthropicCount,
    name: "",
    op: Op::Count,
    api: Api::Openai,
    entries: &[],
    looks: &[],
    codec: None,
    embeds: None,
    media: false,
    observe: openai::observe::observe,
    observe_reply,
    write_fault_event: fault::write_openai_event,
    ping: b": ping\n\n",
    end_mark: openai::END_MARK,
    framed: Framed::EVENTS,
    hosted: None,
    usage_on_request: false,
    keeps: false,
    passes: Passes::OPENAI,
};

/// <https://docs.anthropic.com/en/api/messages-count-tokens>
pub static ANTHROPIC: Format = Format {
    id: FormatId::AnthropicCount,
    name: "anthropic-count-tokens",
    api: Api::Anthropic,
    entries: &[entry::whole("/v1/messages/count_tokens")],
    looks: anthropic::LOOKS,
    passes: Passes::ANTHROPIC,
    ..WHOLE
};

/// <https://docs.anthropic.com/en/api/claude-on-vertex-ai>
pub static ANTHROPIC_VERTEX: Format = Format {
    id: FormatId::AnthropicVertexCount,
    name: "anthropic-vertex-count-tokens",
    api: Api::Anthropic,
    entries: &[entry::whole(
        "/v1/projects/*/locations/*/publishers/anthropic/models/count-tokens:rawPredict",
    )],
    looks: anthropic::LOOKS,
    hosted: Some(Hosted {
        of: FormatId::AnthropicCount,
        envelope: &hosting::VERTEX_COUNT,
    }),
    passes: Passes::VERTEX,
    ..WHOLE
};

/// <https://ai.google.dev/api/tokens>
pub static GEMINI: Format = Format {
    id: FormatId::GeminiCount,
    name: "gemini-count-tokens",
    api: Api::Google,
    entries: &[
        entry::whole("/v1beta/models/{model}:countTokens"),
        entry::whole("/v1/models/{model}:countTokens"),
        entry::whole("/v1/projects/*/locations/*/publishers/google/models/{model}:countTokens"),
        entry::whole("/v1/publishers/google/models/{model}:countTokens"),
        entry::whole(
            "/v1beta1/projects/*/locations/*/publishers/google/models/{model}:countTokens",
        ),
        entry::whole("/v1beta1/publishers/google/models/{model}:countTokens"),
    ],
    looks: gemini::LOOKS,
    passes: Passes::GOOGLE,
    ..WHOLE
};

/// <https://platform.openai.com/docs/api-reference/responses/input-tokens>
pub static RESPONSES: Format = Format {
    id: FormatId::ResponsesCount,
    name: "openai-responses-input-tokens",
    entries: &[entry::whole("/v1/responses/input_tokens")],
    looks: TURNS,
    ..WHOLE
};

/// <https://platform.openai.com/docs/api-reference/responses/compact>: a conversation made shorter, in a form that only
/// the model's maker can read.
pub static COMPACT: Format = Format {
    id: FormatId::ResponsesCompact,
    name: "openai-responses-compact",
    op: Op::Compact,
    entries: &[entry::whole("/v1/responses/compact")],
    looks: TURNS,
    observe_reply: openai::observe::observe_reply,
    ..WHOLE
};

const TURNS: Looks = &[
    ("model", Look::Model),
    ("tools", Look::Tools),
    ("input", Look::Turns),
    responses::CONTINUED,
    responses::CONVERSATION,
];

/// The name of the format whose conversations such a row is about; `None`: it stands for itself. Who speaks the one
/// speaks the other where its vendor does.
pub fn beside(format: FormatId) -> Option<&'static str> {
    match format {
        FormatId::AnthropicCount | FormatId::AnthropicVertexCount => Some(anthropic::NAME),
        FormatId::GeminiCount => Some(gemini::NAME),
        FormatId::ResponsesCount | FormatId::ResponsesCompact => Some(responses::NAME),
        _ => None,
    }
}

/// A count as its callers read it.
pub fn write(api: Api, tokens: u64) -> Vec<u8> {
    let count = match api {
        Api::Anthropic => serde_json::json!({"input_tokens": tokens}),
        Api::Google => serde_json::json!({"totalTokens": tokens}),
        Api::Openai | Api::Message | Api::Amazon => {
            serde_json::json!({"object": "response.input_tokens", "input_tokens": tokens})
        }
    };
    count.to_string().into_bytes()
}

/// That a provider has counted. Nothing was used by it.
fn observe_reply(body: &[u8], seen: &mut Seen) {
    openai::observe::observe_reply(body, seen);
    if seen.fault.is_none() {
        seen.usage = Some(Usage::default());
    }
}
