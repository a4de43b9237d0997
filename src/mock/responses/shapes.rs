//! What requests may hold, by the published description, and what is known to be sent beside it. Hosted tools and
//! their items are only looked at from outside.

use crate::mock::shape::{ANY_OBJECT, COUNT, Shape, may, must};
use Shape::{Any, Either, Flag, List, Map, Object, One, Short, Text, Whole};

pub static REQUEST: Shape = Object(&[
    may("model", Text),
    may("input", Either(&[Text, List(&ANY_OBJECT)])),
    may("instructions", Text),
    may("background", Flag),
    may("client_metadata", ANY_OBJECT),
    may("context_management", List(&ANY_OBJECT)),
    may("conversation", Either(&[Text, Object(&[must("id", Text)])])),
    may("include", List(&One(INCLUDE))),
    may("max_output_tokens", Whole(16, i64::MAX)),
    may("max_tool_calls", COUNT),
    may("metadata", Map(&Short(512))),
    may("moderation", ANY_OBJECT),
    may("parallel_tool_calls", Flag),
    may("previous_response_id", Text),
    may("prompt", ANY_OBJECT),
    may("prompt_cache_key", Text),
    may("prompt_cache_options", ANY_OBJECT),
    may("prompt_cache_retention", One(&["in_memory", "24h"])),
    may("reasoning", REASONING),
    may("safety_identifier", Text),
    may(
        "service_tier",
        One(&[
            "auto",
            "default",
            "flex",
            "scale",
            "priority",
            "fast",
            "ultrafast",
        ]),
    ),
    may("store", Flag),
    may("stream", Flag),
    may(
        "stream_options",
        Object(&[may("include_obfuscation", Flag)]),
    ),
    may("temperature", Shape::Number(0.0, 2.0)),
    may(
        "text",
        Object(&[
            may("format", FORMAT),
            may("verbosity", One(&["low", "medium", "high"])),
        ]),
    ),
    may(
        "tool_choice",
        Either(&[One(&["none", "auto", "required"]), ANY_OBJECT]),
    ),
    may("tools", List(&ANY_OBJECT)),
    may("top_logprobs", Whole(0, 20)),
    may("top_p", Shape::Number(0.0, 1.0)),
    may("truncation", One(&["auto", "disabled"])),
    may("user", Text),
]);

const INCLUDE: &[&str] = &[
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
    "reasoning.encrypted_content",
    "message.output_text.logprobs",
];

const REASONING: Shape = Object(&[
    may(
        "effort",
        One(&["none", "minimal", "low", "medium", "high", "xhigh", "max"]),
    ),
    may("summary", One(&["auto", "concise", "detailed"])),
    may("generate_summary", One(&["auto", "concise", "detailed"])),
    may("context", One(&["auto", "current_turn", "all_turns"])),
    may("mode", Text),
]);

const FORMAT: Shape = Object(&[
    must("type", One(&["text", "json_object", "json_schema"])),
    may("name", Short(64)),
    may("description", Text),
    may("schema", ANY_OBJECT),
    may("strict", Flag),
]);

const STATUS: Shape = One(&["in_progress", "completed", "incomplete"]);

/// What an item of a type may hold; nothing where there is no such type.
pub fn item(kind: &str, role: &str) -> Option<Shape> {
    Some(match (kind, role) {
        ("message", "assistant") => SAID,
        ("message", _) => MESSAGE,
        ("function_call", _) => FUNCTION_CALL,
        ("custom_tool_call", _) => CUSTOM_CALL,
        ("function_call_output" | "custom_tool_call_output", _) => OUTPUT,
        ("reasoning", _) => THOUGHT,
        ("item_reference", _) => REFERENCE,
        ("compaction" | "compaction_summary", _) => COMPACTION,
        ("additional_tools", _) => MORE_TOOLS,
        (hosted, _) if HOSTED.contains(&hosted) => ANY_OBJECT,
        _ => return None,
    })
}

const REFERENCE: Shape = Object(&[may("type", Text), must("id", Short(64))]);

const COMPACTION: Shape = Object(&[
    must("type", Text),
    may("id", Short(64)),
    must("encrypted_content", Text),
]);

const MORE_TOOLS: Shape = Object(&[
    must("type", Text),
    may("id", Short(64)),
    may("role", One(&["developer"])),
    must("tools", List(&ANY_OBJECT)),
]);

/// Types of items that are only looked at from outside.
pub const HOSTED: &[&str] = &[
    "agent_message",
    "apply_patch_call",
    "apply_patch_call_output",
    "code_interpreter_call",
    "compaction_trigger",
    "computer_call",
    "computer_call_output",
    "file_search_call",
    "image_generation_call",
    "local_shell_call",
    "local_shell_call_output",
    "mcp_approval_request",
    "mcp_approval_response",
    "mcp_call",
    "mcp_list_tools",
    "program",
    "program_output",
    "shell_call",
    "shell_call_output",
    "tool_search_call",
    "tool_search_output",
    "web_search_call",
];

const MESSAGE: Shape = Object(&[
    may("type", Text),
    may("id", Short(64)),
    must("role", One(&["user", "system", "developer"])),
    must("content", Either(&[Text, List(&ANY_OBJECT)])),
    may("status", STATUS),
    may("phase", One(&["commentary", "final_answer"])),
    may("internal_chat_message_metadata_passthrough", Any),
]);

const SAID: Shape = Object(&[
    may("type", Text),
    may("id", Short(64)),
    must("role", One(&["assistant"])),
    must("content", Either(&[Text, List(&ANY_OBJECT)])),
    may("status", STATUS),
    may("phase", One(&["commentary", "final_answer"])),
    may("internal_chat_message_metadata_passthrough", Any),
]);

const FUNCTION_CALL: Shape = Object(&[
    must("type", Text),
    may("id", Short(64)),
    must("call_id", Short(64)),
    must("name", Short(128)),
    must("arguments", Text),
    may("namespace", Text),
    may("caller", ANY_OBJECT),
    may("status", STATUS),
    may("internal_chat_message_metadata_passthrough", Any),
]);

const CUSTOM_CALL: Shape = Object(&[
    must("type", Text),
    may("id", Short(64)),
    must("call_id", Short(64)),
    must("name", Short(128)),
    must("input", Text),
    may("namespace", Text),
    may("caller", ANY_OBJECT),
    may("status", STATUS),
    may("internal_chat_message_metadata_passthrough", Any),
]);

const OUTPUT: Shape = Object(&[
    must("type", Text),
    may("id", Short(64)),
    must("call_id", Short(64)),
    must("output", Either(&[Text, List(&PART)])),
    may("name", Text),
    may("namespace", Text),
    may("caller", ANY_OBJECT),
    may("status", STATUS),
    may("internal_chat_message_metadata_passthrough", Any),
]);

const THOUGHT: Shape = Object(&[
    must("type", Text),
    may("id", Short(64)),
    must(
        "summary",
        List(&Object(&[
            must("type", One(&["summary_text"])),
            must("text", Text),
        ])),
    ),
    may(
        "content",
        List(&Object(&[
            must("type", One(&["reasoning_text", "text"])),
            must("text", Text),
        ])),
    ),
    may("encrypted_content", Text),
    may("status", STATUS),
    may("internal_chat_message_metadata_passthrough", Any),
]);

/// A part of what is said to the model.
pub const PART: Shape = Object(&[
    must(
        "type",
        One(&["input_text", "input_image", "input_file", "input_audio"]),
    ),
    may("text", Text),
    may("image_url", Text),
    may("file_id", Text),
    may("file_url", Text),
    may("file_data", Text),
    may("filename", Text),
    may("input_audio", ANY_OBJECT),
    may("detail", One(&["low", "high", "auto", "original"])),
    may("prompt_cache_breakpoint", ANY_OBJECT),
]);

/// A part of what the model said.
pub const SAID_PART: Shape = Object(&[
    must("type", One(&["output_text", "refusal"])),
    may("text", Text),
    may("annotations", List(&ANY_OBJECT)),
    may("logprobs", List(&ANY_OBJECT)),
    may("refusal", Text),
]);

/// What a tool of a type may hold; nothing where there is no such type.
pub fn tool(kind: &str) -> Option<Shape> {
    Some(match kind {
        "function" => FUNCTION,
        "custom" => CUSTOM,
        "namespace" => NAMESPACE,
        hosted if HOSTED_TOOLS.contains(&hosted) => ANY_OBJECT,
        _ => return None,
    })
}

const FUNCTION: Shape = Object(&[
    must("type", Text),
    must("name", Short(128)),
    may("description", Text),
    may("parameters", ANY_OBJECT),
    may("output_schema", ANY_OBJECT),
    may("strict", Flag),
    may("defer_loading", Flag),
    may("allowed_callers", List(&Text)),
]);

const CUSTOM: Shape = Object(&[
    must("type", Text),
    must("name", Short(128)),
    may("description", Text),
    may("format", GRAMMAR),
    may("defer_loading", Flag),
    may("allowed_callers", List(&Text)),
]);

const NAMESPACE: Shape = Object(&[
    must("type", Text),
    must("name", Short(64)),
    must("description", Text),
    must("tools", List(&ANY_OBJECT)),
]);

const GRAMMAR: Shape = Object(&[
    must("type", One(&["text", "grammar"])),
    may("syntax", One(&["lark", "regex"])),
    may("definition", Text),
]);

/// Types of tools that run at the provider, or whose form is fixed.
pub const HOSTED_TOOLS: &[&str] = &[
    "apply_patch",
    "code_interpreter",
    "computer",
    "computer_use_preview",
    "file_search",
    "image_generation",
    "local_shell",
    "mcp",
    "programmatic_tool_calling",
    "shell",
    "tool_search",
    "web_search",
    "web_search_2025_08_26",
    "web_search_preview",
    "web_search_preview_2025_03_11",
];
