//! What a request may hold, as Amazon's own service model says: `bedrock-runtime/2023-09-30/service-2.json` of botocore
//! 1.44.5. <https://github.com/boto/botocore/tree/develop/botocore/data/bedrock-runtime>

use crate::mock::shape::Shape::{
    Any, Base64, Flag, List, Map, Number, Object, One, Short, Text, Union, Whole, Word,
};
use crate::mock::shape::{ANY_OBJECT, Shape, may, must};

/// What a conversation is made of; the same to count its tokens.
macro_rules! conversation {
    ($($more:expr,)*) => {
        Object(&[
            may("messages", List(&MESSAGE)),
            may("system", List(&SYSTEM)),
            may("toolConfig", TOOL_CONFIG),
            may("additionalModelRequestFields", ANY_OBJECT),
            $($more,)*
        ])
    };
}

/// A request for an answer.
pub static REQUEST: Shape = conversation! {
    may("inferenceConfig", INFERENCE),
    may("outputConfig", OUTPUT),
    may("guardrailConfig", GUARDRAIL),
    may("promptVariables", Map(&Union(&[may("text", Text)]))),
    may("additionalModelResponseFieldPaths", List(&Short(256))),
    may("requestMetadata", Map(&Short(256))),
    may("performanceConfig", Object(&[may("latency", One(&["standard", "optimized"]))])),
    may("serviceTier", Object(&[must("type", One(&["priority", "default", "flex", "reserved"]))])),
};

/// A request to count tokens.
pub static COUNT: Shape = Object(&[must(
    "input",
    Union(&[
        may("converse", conversation! {}),
        may("invokeModel", Object(&[must("body", Base64)])),
    ]),
)]);

static MESSAGE: Shape = Object(&[
    must("role", One(&["user", "assistant", "system"])),
    must("content", List(&CONTENT)),
]);

static CONTENT: Shape = Union(&[
    may("text", Text),
    may("image", IMAGE),
    may("document", DOCUMENT),
    may("video", VIDEO),
    may("audio", AUDIO),
    may(
        "toolUse",
        Object(&[
            must("toolUseId", ID),
            must("name", NAME),
            must("input", Any),
            may("type", One(&["server_tool_use", "tool_use"])),
        ]),
    ),
    may("toolResult", TOOL_RESULT),
    may("guardContent", GUARDED),
    may("cachePoint", CACHE_POINT),
    may(
        "reasoningContent",
        Union(&[
            may(
                "reasoningText",
                Object(&[must("text", Text), may("signature", Text)]),
            ),
            may("redactedContent", Base64),
        ]),
    ),
    may("citationsContent", ANY_OBJECT),
    may("searchResult", SEARCH_RESULT),
    may("toolAddition", ANY_OBJECT),
    may("toolRemoval", ANY_OBJECT),
]);

const ID: Shape = Word(64, "_.:-");
const NAME: Shape = Word(64, "_-");
const CACHE_POINT: Shape = Object(&[
    must("type", One(&["default"])),
    may("ttl", One(&["5m", "1h"])),
]);
/// Bytes, or where they are.
const SOURCE: Shape = Union(&[
    may("bytes", Base64),
    may(
        "s3Location",
        Object(&[must("uri", Text), may("bucketOwner", Text)]),
    ),
]);
const IMAGE: Shape = Object(&[
    must("format", One(&["png", "jpeg", "gif", "webp"])),
    must("source", SOURCE),
]);
const VIDEO: Shape = Object(&[
    must(
        "format",
        One(&[
            "mkv", "mov", "mp4", "webm", "flv", "mpeg", "mpg", "wmv", "three_gp",
        ]),
    ),
    must("source", SOURCE),
]);
const AUDIO: Shape = Object(&[
    must(
        "format",
        One(&[
            "mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv", "mka", "x-aac", "m4a",
            "mpeg", "mpga", "pcm", "webm",
        ]),
    ),
    must("source", SOURCE),
]);
const DOCUMENT: Shape = Object(&[
    may(
        "format",
        One(&[
            "pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md",
        ]),
    ),
    // The guide allows letters, digits, spaces and `-()[]` alone; underscores were taken as well.
    must("name", Word(200, " _-()[]")),
    must(
        "source",
        Union(&[
            may("bytes", Base64),
            may(
                "s3Location",
                Object(&[must("uri", Text), may("bucketOwner", Text)]),
            ),
            may("text", Text),
            may("content", List(&Union(&[may("text", Text)]))),
        ]),
    ),
    may("context", Text),
    may("citations", CITED),
]);
const CITED: Shape = Object(&[must("enabled", Flag)]);
const SEARCH_RESULT: Shape = Object(&[
    must("source", Text),
    must("title", Text),
    must("content", List(&Object(&[must("text", Text)]))),
    may("citations", CITED),
]);
const TOOL_RESULT: Shape = Object(&[
    must("toolUseId", ID),
    must(
        "content",
        List(&Union(&[
            may("json", Any),
            may("text", Text),
            may("image", IMAGE),
            may("document", DOCUMENT),
            may("video", VIDEO),
            may("searchResult", SEARCH_RESULT),
        ])),
    ),
    may("status", One(&["success", "error"])),
    may("type", Text),
]);
const GUARDED: Shape = Union(&[
    may(
        "text",
        Object(&[
            must("text", Text),
            may(
                "qualifiers",
                List(&One(&["grounding_source", "query", "guard_content"])),
            ),
        ]),
    ),
    may("image", ANY_OBJECT),
]);
static SYSTEM: Shape = Union(&[
    may("text", Text),
    may("guardContent", GUARDED),
    may("cachePoint", CACHE_POINT),
]);
const INFERENCE: Shape = Object(&[
    may("maxTokens", Whole(1, i64::MAX)),
    may("temperature", Number(0.0, 1.0)),
    may("topP", Number(0.0, 1.0)),
    may("stopSequences", List(&Text)),
]);
const TOOL_CONFIG: Shape = Object(&[
    must(
        "tools",
        List(&Union(&[
            may(
                "toolSpec",
                Object(&[
                    must("name", NAME),
                    may("description", Text),
                    must("inputSchema", Union(&[may("json", Any)])),
                    may("strict", Flag),
                ]),
            ),
            may("systemTool", Object(&[must("name", NAME)])),
            may("cachePoint", CACHE_POINT),
        ])),
    ),
    may(
        "toolChoice",
        Union(&[
            may("auto", Object(&[])),
            may("any", Object(&[])),
            may("tool", Object(&[must("name", NAME)])),
        ]),
    ),
]);
const OUTPUT: Shape = Object(&[
    may(
        "textFormat",
        Object(&[
            must("type", One(&["json_schema"])),
            must(
                "structure",
                Union(&[may(
                    "jsonSchema",
                    Object(&[
                        must("schema", Text),
                        may("name", Text),
                        may("description", Text),
                    ]),
                )]),
            ),
        ]),
    ),
    may("effort", Short(16)),
]);
const GUARDRAIL: Shape = Object(&[
    may("guardrailIdentifier", Text),
    may("guardrailVersion", Text),
    may("trace", One(&["enabled", "disabled", "enabled_full"])),
    may("streamProcessingMode", One(&["sync", "async"])),
]);
