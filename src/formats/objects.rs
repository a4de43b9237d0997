//! What callers have providers make and keep for them, and come back to by its id: files, and requests in batches. No model
//! is asked for; a route says which provider, and from then on it is that one. Bodies are handed on.

use super::forwarded::{MEDIA, PLAIN};
use super::peek::{Look, Missing};
use super::{Api, Format, FormatId, Passes, Seen, entry, fault, lenient::Given};
use crate::chat::Op;
use serde::Deserialize;

/// <https://platform.openai.com/docs/api-reference/files>, <https://docs.anthropic.com/en/api/files-create>
pub static FILES: Format = Format {
    id: FormatId::Files,
    name: "files",
    op: Op::Keep("files"),
    entries: &[entry::whole("/v1/files")],
    observe_reply,
    keeps: true,
    // Of both APIs.
    passes: Passes {
        prefixes: Passes::ANTHROPIC.prefixes,
        query: &[
            "beta",
            "limit",
            "order",
            "after",
            "before_id",
            "after_id",
            "purpose",
        ],
        ..Passes::OPENAI
    },
    ..MEDIA
};

/// <https://platform.openai.com/docs/api-reference/batch>
pub static OPENAI_BATCHES: Format = Format {
    id: FormatId::OpenaiBatches,
    name: "openai-batches",
    op: Op::Keep("openai-batches"),
    entries: &[entry::whole("/v1/batches")],
    looks: &[("input_file_id", Look::Kept(Missing::FILE))],
    observe_reply,
    keeps: true,
    passes: Passes {
        query: &["limit", "after"],
        ..Passes::OPENAI
    },
    ..PLAIN
};

/// <https://docs.anthropic.com/en/api/creating-message-batches>
pub static ANTHROPIC_BATCHES: Format = Format {
    id: FormatId::AnthropicBatches,
    name: "anthropic-batches",
    op: Op::Keep("anthropic-batches"),
    api: Api::Anthropic,
    entries: &[entry::whole("/v1/messages/batches")],
    looks: &[("requests", Look::Turns)],
    observe_reply,
    keeps: true,
    passes: Passes {
        query: &["beta", "limit", "before_id", "after_id"],
        ..Passes::ANTHROPIC
    },
    ..PLAIN
};

#[derive(Default, Deserialize)]
#[serde(default)]
struct Made {
    error: Given,
    id: String,
    output_file_id: Option<String>,
    error_file_id: Option<String>,
}

/// What was made, or an error in its place.
fn observe_reply(body: &[u8], seen: &mut Seen) {
    let Ok(made) = serde_json::from_slice::<Made>(body) else {
        return;
    };
    if made.error.0 && made.id.is_empty() {
        seen.fault = Some(fault::fault_inside(body));
    } else if seen.keeps {
        seen.id = Some(made.id).filter(|id| !id.is_empty());
    }
}

/// The ids of what came of a batch: files that are its caller's, too.
pub fn came_of(body: &[u8]) -> impl Iterator<Item = String> {
    let made = serde_json::from_slice::<Made>(body).unwrap_or_default();
    [made.output_file_id, made.error_file_id]
        .into_iter()
        .flatten()
}
