//! The vendors, a row each. Values come from the vendors' own documentation, which each row links to.

use super::{Auth::Bearer, Endpoint, Evidence, Features, Structured, Vendor, at};
use crate::formats::FormatId::{
    AnthropicBatches, AnthropicCount, AnthropicMessages, CohereRerank, Files, OpenaiBatches,
    OpenaiChat, OpenaiCompletions, OpenaiEmbeddings, OpenaiImageEdits, OpenaiImageVariations,
    OpenaiImages, OpenaiModerations, OpenaiResponses, OpenaiSpeech, OpenaiTranscriptions,
    OpenaiTranslations, Rerank, ResponsesCompact, ResponsesCount,
};
use crate::formats::{Passes, Quirks, StreamUsage};

mod clouds;
mod hosts;
mod makers;
mod servers;

const GROUPS: [&[Vendor]; 4] = [makers::ROWS, hosts::ROWS, clouds::ROWS, servers::ROWS];

const COUNT: usize =
    makers::ROWS.len() + hosts::ROWS.len() + clouds::ROWS.len() + servers::ROWS.len();

/// Every vendor: who makes models, who hosts those of many, clouds, and what one runs oneself.
pub static VENDORS: &[Vendor] = &ALL;

static ALL: [Vendor; COUNT] = {
    let mut all = [COMPATIBLE; COUNT];
    let (mut group, mut at, mut next) = (0, 0, 0);
    while group < GROUPS.len() {
        if at == GROUPS[group].len() {
            (group, at) = (group + 1, 0);
        } else {
            all[next] = GROUPS[group][at];
            (at, next) = (at + 1, next + 1);
        }
    }
    all
};

/// What an OpenAI-compatible vendor is unless its row says otherwise.
const COMPATIBLE: Vendor = Vendor {
    id: "",
    title: "",
    docs: "",
    evidence: Evidence::Documented,
    base_url: "",
    regions: &[],
    endpoints: &[CHAT, EMBED],
    auth: Bearer,
    env: "",
    models: "/models",
    query: &[],
    headers: &[],
    passes: Passes::NONE,
    catalog: "",
    own_names: &[],
    local: false,
    features: features(UNCHECKED, UNCHECKED, schema(Evidence::Unchecked)),
    quirks: Quirks::COMPATIBLE,
};

const MEASURED: Option<Evidence> = Some(Evidence::Measured);
const DOCUMENTED: Option<Evidence> = Some(Evidence::Documented);
const UNCHECKED: Option<Evidence> = Some(Evidence::Unchecked);

/// Of vendors that have no chat.
const NO_CHAT: Features = features(None, None, None);

const fn features(
    streaming: Option<Evidence>,
    tools: Option<Evidence>,
    structured: Option<Structured>,
) -> Features {
    Features {
        streaming,
        tools,
        structured,
    }
}

const fn schema(evidence: Evidence) -> Option<Structured> {
    Some(Structured {
        schema: true,
        evidence,
    })
}

const fn object(evidence: Evidence) -> Option<Structured> {
    Some(Structured {
        schema: false,
        evidence,
    })
}

// Where compatible vendors take what OpenAI takes, behind a base URL as its own is.
// <https://platform.openai.com/docs/api-reference>
const CHAT: Endpoint = at(OpenaiChat, "/chat/completions");
const RESPONSES: Endpoint = at(OpenaiResponses, "/responses");
const INPUT_TOKENS: Endpoint = at(ResponsesCount, "/responses/input_tokens");
const COMPACT: Endpoint = at(ResponsesCompact, "/responses/compact");
const COMPLETE: Endpoint = at(OpenaiCompletions, "/completions");
const EMBED: Endpoint = at(OpenaiEmbeddings, "/embeddings");
const IMAGES: Endpoint = at(OpenaiImages, "/images/generations");
const IMAGE_EDITS: Endpoint = at(OpenaiImageEdits, "/images/edits");
const IMAGE_VARIATIONS: Endpoint = at(OpenaiImageVariations, "/images/variations");
const SPEAK: Endpoint = at(OpenaiSpeech, "/audio/speech");
const TRANSCRIBE: Endpoint = at(OpenaiTranscriptions, "/audio/transcriptions");
const TRANSLATE: Endpoint = at(OpenaiTranslations, "/audio/translations");
const FILES: Endpoint = at(Files, "/files");
const BATCHES: Endpoint = at(OpenaiBatches, "/batches");
const MESSAGE_BATCHES: Endpoint = at(AnthropicBatches, "/messages/batches");
const MODERATE: Endpoint = at(OpenaiModerations, "/moderations");
// What many have alike beside it.
const RERANK: Endpoint = at(Rerank, "/rerank");
// What Anthropic takes. <https://docs.anthropic.com/en/api/messages>
const MESSAGES: Endpoint = at(AnthropicMessages, "/messages");
const COUNT_TOKENS: Endpoint = at(AnthropicCount, "/messages/count_tokens");

/// An endpoint behind the host alone.
const fn on_host(endpoint: Endpoint) -> Endpoint {
    Endpoint {
        from_host: true,
        ..endpoint
    }
}

/// The API version Anthropic's reference asks for: <https://docs.anthropic.com/en/api/versioning>.
const ANTHROPIC_VERSION: (&str, &str) = ("anthropic-version", "2023-06-01");

/// What vendors have in common that send usage in every stream unasked: nothing to ask for, nothing to hide.
const UNASKED: Quirks = Quirks {
    stream_usage: StreamUsage::Unasked,
    ..Quirks::COMPATIBLE
};

/// What compatible vendors have in common that follow OpenAI's newer name of the longest answer.
const NEWER: Quirks = Quirks {
    max_tokens: "max_completion_tokens",
    ..Quirks::COMPATIBLE
};
