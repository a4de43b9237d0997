//! What Gemini's requests may hold, by its published description. Only what clients of chats meet is looked into.
//! <https://generativelanguage.googleapis.com/$discovery/rest?version=v1beta>

use crate::mock::shape::{ANY_OBJECT, COUNT, Field, NUMBER, Shape, may, must};
use Shape::{Any, Base64, Flag, List, Map, Object, One, Short, Text, Whole};

const REQUEST_FIELDS: [Field; 12] = [
    may("model", Text),
    must("contents", List(&CONTENT)),
    may("systemInstruction", CONTENT),
    may("tools", List(&TOOL)),
    may("toolConfig", TOOL_CONFIG),
    may(
        "safetySettings",
        List(&Object(&[
            may("category", Any),
            may("threshold", Any),
            may("method", Any),
        ])),
    ),
    may("generationConfig", CONFIG),
    may("cachedContent", Text),
    may("serviceTier", Any),
    may("store", Flag),
    // Vertex alone knows these.
    may("labels", ANY_OBJECT),
    may("modelArmorConfig", ANY_OBJECT),
];
pub static REQUEST: Shape = Object(&REQUEST_FIELDS);

pub static COUNT_REQUEST: Shape = Object(&[
    may("contents", List(&CONTENT)),
    may("generateContentRequest", Object(&REQUEST_FIELDS)),
    // Vertex has what belongs to the whole request beside the contents.
    may("systemInstruction", CONTENT),
    may("tools", List(&TOOL)),
    may("generationConfig", CONFIG),
    may("model", Text),
]);

const CONTENT: Shape = Object(&[
    may("role", One(&["user", "model", "function"])),
    may("parts", List(&PART)),
]);

static PART: Shape = Object(&[
    may("text", Text),
    may("thought", Flag),
    may("thoughtSignature", Base64),
    may("inlineData", BLOB),
    may(
        "fileData",
        Object(&[
            may("mimeType", Text),
            must("fileUri", Text),
            may("displayName", Text),
        ]),
    ),
    may(
        "functionCall",
        Object(&[
            must("name", Short(128)),
            may("args", ANY_OBJECT),
            may("id", Text),
        ]),
    ),
    may("functionResponse", RESPONSE),
    may("executableCode", ANY_OBJECT),
    may("codeExecutionResult", ANY_OBJECT),
    may("toolCall", ANY_OBJECT),
    may("toolResponse", ANY_OBJECT),
    may("videoMetadata", ANY_OBJECT),
    may("mediaResolution", Any),
    may("partMetadata", ANY_OBJECT),
]);

/// The fields of a part of which there is exactly one.
pub const DATA: &[&str] = &[
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
];

const BLOB: Shape = Object(&[
    must("mimeType", Text),
    must("data", Base64),
    may("displayName", Text),
]);

const RESPONSE: Shape = Object(&[
    may("id", Text),
    must("name", Short(128)),
    must("response", ANY_OBJECT),
    may(
        "parts",
        List(&Object(&[
            may("inlineData", BLOB),
            may("fileData", ANY_OBJECT),
        ])),
    ),
    may("scheduling", Any),
    may("willContinue", Flag),
]);

static TOOL: Shape = Object(&[
    may("functionDeclarations", List(&FUNCTION)),
    may("googleSearch", ANY_OBJECT),
    may("googleSearchRetrieval", ANY_OBJECT),
    may("codeExecution", ANY_OBJECT),
    may("urlContext", ANY_OBJECT),
    may("googleMaps", ANY_OBJECT),
    may("computerUse", ANY_OBJECT),
    may("fileSearch", ANY_OBJECT),
    may("mcpServers", List(&ANY_OBJECT)),
    // Vertex alone knows these.
    may("retrieval", ANY_OBJECT),
    may("enterpriseWebSearch", ANY_OBJECT),
]);

const FUNCTION: Shape = Object(&[
    must("name", Short(128)),
    may("description", Text),
    may("parameters", Object(&KEYWORDS)),
    may("parametersJsonSchema", Any),
    may("response", Object(&KEYWORDS)),
    may("responseJsonSchema", Any),
    may("behavior", Any),
]);

/// The subset of JSON Schema that `parameters` and `responseSchema` take.
static SCHEMA: Shape = Object(&KEYWORDS);

static KEYWORDS: [Field; 22] = [
    may("type", One(&TYPES)),
    may("format", Text),
    may("title", Text),
    may("description", Text),
    may("nullable", Flag),
    may("enum", List(&Text)),
    may("items", Object(&KEYWORDS)),
    may("maxItems", COUNT),
    may("minItems", COUNT),
    may("properties", Map(&SCHEMA)),
    may("required", List(&Text)),
    may("minProperties", COUNT),
    may("maxProperties", COUNT),
    may("minLength", COUNT),
    may("maxLength", COUNT),
    may("pattern", Text),
    may("example", Any),
    may("anyOf", List(&SCHEMA)),
    may("propertyOrdering", List(&Text)),
    may("default", Any),
    may("minimum", NUMBER),
    may("maximum", NUMBER),
];

const TYPES: [&str; 15] = [
    "TYPE_UNSPECIFIED",
    "STRING",
    "NUMBER",
    "INTEGER",
    "BOOLEAN",
    "ARRAY",
    "OBJECT",
    "NULL",
    "string",
    "number",
    "integer",
    "boolean",
    "array",
    "object",
    "null",
];

const TOOL_CONFIG: Shape = Object(&[
    may(
        "functionCallingConfig",
        Object(&[
            may(
                "mode",
                One(&["MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED"]),
            ),
            may("allowedFunctionNames", List(&Text)),
        ]),
    ),
    may("retrievalConfig", ANY_OBJECT),
    may("includeServerSideToolInvocations", Flag),
]);

const CONFIG: Shape = Object(&[
    may("candidateCount", Whole(1, 8)),
    may("stopSequences", List(&Text)),
    may("maxOutputTokens", Whole(1, i32::MAX as i64)),
    may("temperature", Shape::Number(0.0, 2.0)),
    may("topP", Shape::Number(0.0, 1.0)),
    may("topK", COUNT),
    may("seed", Whole(i32::MIN as i64, i32::MAX as i64)),
    may("presencePenalty", Shape::Number(-2.0, 2.0)),
    may("frequencyPenalty", Shape::Number(-2.0, 2.0)),
    may("responseLogprobs", Flag),
    may("logprobs", Whole(0, 20)),
    may(
        "responseMimeType",
        One(&["text/plain", "application/json", "text/x.enum"]),
    ),
    may("responseSchema", Object(&KEYWORDS)),
    may("responseJsonSchema", Any),
    may("_responseJsonSchema", Any),
    may("responseFormat", ANY_OBJECT),
    may(
        "responseModalities",
        List(&One(&[
            "MODALITY_UNSPECIFIED",
            "TEXT",
            "IMAGE",
            "AUDIO",
            "VIDEO",
        ])),
    ),
    may("speechConfig", ANY_OBJECT),
    may("imageConfig", ANY_OBJECT),
    may("mediaResolution", Any),
    may("enableEnhancedCivicAnswers", Flag),
    may("enableAffectiveDialog", Flag),
    may("translationConfig", ANY_OBJECT),
    // Vertex alone knows this.
    may("audioTimestamp", Flag),
    may(
        "thinkingConfig",
        Object(&[
            may("includeThoughts", Flag),
            may("thinkingBudget", Whole(-1, i32::MAX as i64)),
            may(
                "thinkingLevel",
                One(&[
                    "THINKING_LEVEL_UNSPECIFIED",
                    "MINIMAL",
                    "LOW",
                    "MEDIUM",
                    "HIGH",
                    "minimal",
                    "low",
                    "medium",
                    "high",
                ]),
            ),
        ]),
    ),
]);
