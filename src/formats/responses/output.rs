//! The response object: what it repeats of the request, and the items of its output, as a whole reply and every stage of a
//! stream have them. Must not know events.

use super::{NAME, items::HOME, tool::TOOL_SEARCH, usage};
use crate::chat::{
    Call, Citation, Fault, Logprob, Media, MediaKind, Native, Seal, Source, Stop, Usage,
};
use crate::formats::document::{Document, Raw};
use crate::formats::fields::Fields;
use crate::formats::{ReplyContext, seal};
use serde_json::{Map, Value, json};

/// Fields of a request that its response repeats, and what stands where the request does not have them:
/// <https://www.openresponses.org/specification>.
const REPEATED: &[(&str, &str)] = &[
    ("background", "false"),
    ("frequency_penalty", "0.0"),
    ("instructions", "null"),
    ("max_output_tokens", "null"),
    ("max_tool_calls", "null"),
    ("metadata", "{}"),
    ("parallel_tool_calls", "true"),
    ("presence_penalty", "0.0"),
    ("previous_response_id", "null"),
    ("prompt_cache_key", "null"),
    ("reasoning", r#"{"effort":null,"summary":null}"#),
    ("safety_identifier", "null"),
    ("service_tier", r#""default""#),
    ("temperature", "1.0"),
    ("text", r#"{"format":{"type":"text"}}"#),
    ("tool_choice", r#""auto""#),
    ("tools", "[]"),
    ("top_logprobs", "0"),
    ("top_p", "1.0"),
    ("truncation", r#""disabled""#),
    ("user", "null"),
];

/// What is the same in every stage of one response.
#[derive(Debug)]
pub struct Frame {
    id: String,
    model: String,
    created: i64,
    /// Of the request, written once.
    repeated: String,
    /// What ids of items are made of: no other response has it.
    base: String,
    /// Whether the caller searches for tools by itself.
    searches: bool,
}

impl Frame {
    pub fn new(context: &ReplyContext) -> Frame {
        let text = std::str::from_utf8(&context.request).unwrap_or_default();
        let document = Document::known(text, &context.long, &context.request);
        let mut request = Fields::document(&document).unwrap_or_default();
        let searches = request
            .peek("tools")
            .is_some_and(|tools| tools.get().contains("\"tool_search\""));
        let mut repeated = String::new();
        for (name, otherwise) in REPEATED {
            let value = request
                .take(name)
                .map_or((*otherwise).to_owned(), on_one_line);
            repeated.push_str(&format!(",\"{name}\":{value}"));
        }
        // Nothing is kept on the way.
        repeated.push_str(",\"store\":false");
        let plain = |c: &char| c.is_ascii_alphanumeric();
        let base: String = context.request_id.chars().filter(plain).take(40).collect();
        Frame {
            id: format!("resp_{base}"),
            model: context.model.clone(),
            created: context.created,
            repeated,
            base,
            searches,
        }
    }

    /// What the upstream says of itself; what it does not say, gw has.
    pub fn begin(&mut self, id: &str, model: &str) {
        for (own, given) in [(&mut self.id, id), (&mut self.model, model)] {
            if !given.is_empty() {
                given.clone_into(own);
            }
        }
    }

    /// The response in this stage, with its items and its usage as JSON.
    pub fn response(&self, stage: &Stage, output: &[Value], usage: Option<&Usage>) -> String {
        let (status, details, error) = match stage {
            Stage::Working => ("in_progress", Value::Null, Value::Null),
            Stage::Completed => ("completed", Value::Null, Value::Null),
            Stage::Incomplete(reason) => ("incomplete", json!({"reason": reason}), Value::Null),
            Stage::Failed { code, message } => (
                "failed",
                Value::Null,
                json!({"code": code, "message": message}),
            ),
        };
        let completed = match stage {
            Stage::Completed => json!(self.created),
            _ => Value::Null,
        };
        let mut head = json!({
            "id": self.id, "object": "response", "created_at": self.created, "completed_at": completed,
            "status": status, "error": error, "incomplete_details": details, "model": self.model,
            "output": output, "usage": usage.map(usage::write),
        });
        if let Some(tools) = usage.and_then(usage::write_tools) {
            head["tool_usage"] = tools;
        }
        let head = head.to_string();
        // Behind the last of its own members.
        let open = head.strip_suffix('}').unwrap_or(&head);
        format!("{open}{}}}", self.repeated)
    }

    /// An id of this response's own for an item.
    pub fn item_id(&self, prefix: &str, number: usize) -> String {
        format!("{prefix}_{}_{number}", self.base)
    }

    /// A call as an item, without its arguments, and the field that these stand in. A call of the caller's own search for
    /// tools is an item of its own kind.
    pub fn call(&self, call: &Call, number: usize) -> (Value, Option<&'static str>) {
        if self.searches && call.name == TOOL_SEARCH && call.namespace.is_none() {
            let item = json!({"id": self.item_id("tsc", number), "type": "tool_search_call", "status": "in_progress",
                "execution": "client", "call_id": call.id, "arguments": {}});
            return (item, None);
        }
        let (prefix, kind, key) = match call.free {
            true => ("ctc", "custom_tool_call", "input"),
            false => ("fc", "function_call", "arguments"),
        };
        let id = call
            .item
            .clone()
            .unwrap_or_else(|| self.item_id(prefix, number));
        let mut item = json!({"id": id, "type": kind, "status": "in_progress", "call_id": call.id, "name": call.name, key: ""});
        if call.free {
            // These have no status.
            item.as_object_mut().map(|item| item.shift_remove("status"));
        }
        if let Some(namespace) = &call.namespace {
            item["namespace"] = json!(namespace);
        }
        (item, Some(key))
    }

    /// What is an item from its beginning to its end; `None`: the format has none for it.
    pub fn media(&self, media: &Media, number: usize) -> Option<Value> {
        match (&media.kind, &media.source) {
            (MediaKind::Image, Source::Base64 { data, .. }) => Some(
                json!({"id": self.item_id("ig", number), "type": "image_generation_call", "status": "completed", "result": data}),
            ),
            _ => None,
        }
    }
}

/// Raw JSON as it may stand in an event.
fn on_one_line(raw: Raw<'_>) -> String {
    match raw.get().contains(['\n', '\r']) {
        false => raw.get().to_owned(),
        true => raw.typed::<Value>().unwrap_or_default().to_string(),
    }
}

/// An item of this format's own.
pub fn native(native: &Native) -> Option<Value> {
    (native.format == NAME).then(|| native.json.clone())
}

/// How far a response is.
#[derive(Debug)]
pub enum Stage {
    Working,
    Completed,
    /// It was cut off, and why.
    Incomplete(&'static str),
    Failed {
        code: String,
        message: String,
    },
}

impl Stage {
    /// What the end of a reply is here.
    pub fn ended(stop: Option<Stop>, raw: Option<&str>) -> Stage {
        match stop {
            None | Some(Stop::End | Stop::Tool | Stop::Sequence) => Stage::Completed,
            Some(Stop::Length) => Stage::Incomplete("max_output_tokens"),
            Some(Stop::Filter) => Stage::Incomplete("content_filter"),
            Some(Stop::Pause) => Stage::Incomplete("pause_turn"),
            Some(Stop::Fault) => Stage::Failed {
                code: "server_error".to_owned(),
                message: format!(
                    "the model's answer is not whole (`{}`)",
                    raw.unwrap_or("no reason given").escape_debug()
                ),
            },
        }
    }

    /// A failure of the provider's.
    pub fn failed(fault: &Fault) -> Stage {
        Stage::Failed {
            code: code(fault),
            message: fault.message.clone(),
        }
    }

    /// What an item is that this ends.
    pub fn of_item(&self) -> &'static str {
        match self {
            Stage::Completed | Stage::Working => "completed",
            Stage::Incomplete(_) | Stage::Failed { .. } => "incomplete",
        }
    }
}

/// Why a response failed, in the words that clients of this format act on:
/// <https://github.com/openai/codex/blob/main/codex-rs/codex-api/src/sse/responses.rs>.
pub fn code(fault: &Fault) -> String {
    const KNOWN: [&str; 10] = [
        "server_error",
        "rate_limit_exceeded",
        "context_length_exceeded",
        "insufficient_quota",
        "usage_not_included",
        "invalid_prompt",
        "server_is_overloaded",
        "slow_down",
        "vector_store_timeout",
        "invalid_image",
    ];
    let given = [fault.code.as_deref(), Some(fault.kind.as_str())];
    if let Some(known) = given
        .into_iter()
        .flatten()
        .find(|code| KNOWN.contains(code))
    {
        return known.to_owned();
    }
    let message = fault.message.to_ascii_lowercase();
    let too_long = [
        "context length",
        "context window",
        "prompt is too long",
        "maximum context",
    ];
    match fault.status {
        400 | 413 if too_long.iter().any(|words| message.contains(words)) => {
            "context_length_exceeded"
        }
        400 | 413 | 422 => "invalid_prompt",
        402 => "insufficient_quota",
        429 => "rate_limit_exceeded",
        503 | 529 => "server_is_overloaded",
        _ => "server_error",
    }
    .to_owned()
}

/// A text part of a message.
pub fn text(text: &str, annotations: &[Value], logprobs: &[Value]) -> Value {
    json!({"type": "output_text", "text": text, "annotations": annotations, "logprobs": logprobs})
}

/// A source in an annotation; those without an address have no place here.
pub fn annotation(citation: &Citation, length: usize) -> Option<Value> {
    if citation.url.is_empty() {
        return None;
    }
    let (start, end) = citation.span.unwrap_or((0, length as u64));
    Some(
        json!({"type": "url_citation", "url": citation.url, "title": citation.title.as_deref().unwrap_or_default(), "start_index": start, "end_index": end}),
    )
}

/// How likely a token was.
pub fn logprob(of: &Logprob) -> Value {
    let one = |of: &Logprob| {
        let mut out = Map::new();
        out.insert("token".into(), json!(of.token));
        let bytes = of.bytes.clone();
        out.insert(
            "bytes".into(),
            json!(bytes.unwrap_or_else(|| of.token.clone().into_bytes())),
        );
        out.insert("logprob".into(), json!(of.logprob));
        out
    };
    let mut out = one(of);
    let top: Vec<Value> = of.top.iter().map(|of| Value::Object(one(of))).collect();
    out.insert("top_logprobs".into(), Value::Array(top));
    Value::Object(out)
}

/// A seal as callers get it and give it back.
pub fn sealed(of: &Seal) -> Value {
    json!(seal::write(of, HOME))
}
