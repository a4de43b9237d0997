//! What requests may hold, as the types of Cohere's own client, version 7.3.1, have it.
//! <https://github.com/cohere-ai/cohere-python/tree/main/src/cohere>

use crate::mock::shape::Shape::{Either, Flag, List, Map, Number, Object, One, Text, Whole};
use crate::mock::shape::{ANY_OBJECT, COUNT, NUMBER, Shape, may, must};

/// A chat.
pub static CHAT: Shape = Object(&[
    must("model", Text),
    must("messages", List(&MESSAGE)),
    may("stream", Flag),
    may("tools", List(&TOOL)),
    may("strict_tools", Flag),
    may("documents", List(&Either(&[Text, DOCUMENT]))),
    may(
        "citation_options",
        Object(&[may(
            "mode",
            One(&["ENABLED", "DISABLED", "FAST", "ACCURATE", "OFF"]),
        )]),
    ),
    may(
        "response_format",
        Object(&[
            must("type", One(&["text", "json_object"])),
            may("json_schema", ANY_OBJECT),
        ]),
    ),
    may("safety_mode", One(&["CONTEXTUAL", "STRICT", "OFF"])),
    may("max_tokens", Whole(1, i64::MAX)),
    may("stop_sequences", List(&Text)),
    may("temperature", Number(0.0, f64::MAX)),
    may("seed", COUNT),
    may("frequency_penalty", Number(0.0, 1.0)),
    may("presence_penalty", Number(0.0, 1.0)),
    may("k", Number(0.0, 500.0)),
    may("p", Number(0.0, 0.99)),
    may("logprobs", Flag),
    may("tool_choice", One(&["REQUIRED", "NONE"])),
    may(
        "thinking",
        Object(&[
            must("type", One(&["enabled", "disabled"])),
            may("token_budget", Whole(1, i64::MAX)),
        ]),
    ),
    may("priority", Whole(0, 999)),
    may("raw_prompting", Flag),
]);

static MESSAGE: Shape = Object(&[
    must("role", One(&["system", "user", "assistant", "tool"])),
    may("content", Either(&[Text, List(&PART)])),
    may("tool_plan", Text),
    may("tool_calls", List(&CALL)),
    may("tool_call_id", Text),
    may("citations", List(&ANY_OBJECT)),
]);

static PART: Shape = Object(&[
    must("type", One(&["text", "image_url", "thinking", "document"])),
    may("text", Text),
    may("thinking", Text),
    may(
        "image_url",
        Object(&[
            must("url", Text),
            may("detail", One(&["auto", "low", "high"])),
        ]),
    ),
    may("document", Either(&[Text, DOCUMENT])),
]);

static DOCUMENT: Shape = Object(&[must("data", Either(&[Text, ANY_OBJECT])), may("id", Text)]);

static CALL: Shape = Object(&[
    must("id", Text),
    must("type", One(&["function"])),
    must(
        "function",
        Object(&[must("name", Text), must("arguments", Text)]),
    ),
]);

static TOOL: Shape = Object(&[
    must("type", One(&["function"])),
    must(
        "function",
        Object(&[
            must("name", Text),
            may("description", Text),
            may("parameters", ANY_OBJECT),
        ]),
    ),
]);

/// A request for embeddings.
pub static EMBED: Shape = Object(&[
    must("model", Text),
    must(
        "input_type",
        One(&[
            "search_document",
            "search_query",
            "classification",
            "clustering",
            "image",
        ]),
    ),
    may("texts", List(&Text)),
    may("images", List(&Text)),
    may("inputs", List(&ANY_OBJECT)),
    may("max_tokens", COUNT),
    may("output_dimension", Whole(1, 4096)),
    may(
        "embedding_types",
        List(&One(&[
            "float", "int8", "uint8", "binary", "ubinary", "base64",
        ])),
    ),
    may("truncate", One(&["NONE", "START", "END"])),
    may("priority", Whole(0, 999)),
]);

/// A request for a ranking.
pub static RERANK: Shape = Object(&[
    must("model", Text),
    must("query", Text),
    must("documents", List(&Text)),
    may("top_n", Whole(1, i64::MAX)),
    may("max_tokens_per_doc", COUNT),
    may("relevant_spans", Map(&Either(&[NUMBER, Text, Flag]))),
    may("priority", Whole(0, 999)),
]);
