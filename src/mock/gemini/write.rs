//! An answer as candidates: whole, or in pieces that each are an answer of their own.

use super::SEAL;
use crate::mock::answer::{Answer, Finish};
use crate::mock::ask::Ask;
use crate::mock::call::Call;
use crate::mock::likely;
use crate::mock::script::Script;
use serde_json::{Value, json};

/// The whole answer.
pub fn whole(ask: &Ask, answer: &Answer, script: &Script) -> Value {
    let mut parts = Vec::new();
    if let Some(thought) = &answer.thought {
        parts.push(json!({"text": thought, "thought": true}));
    }
    let broken = script.bad_arguments && !answer.calls.is_empty();
    if answer.calls.is_empty() || !answer.pieces.is_empty() {
        parts.push(json!({"text": answer.text()}));
    }
    if !broken {
        parts.extend(answer.calls.iter().map(|call| called(call, script)));
    }
    // The seal belongs to the first call, or to the text where there is none.
    if answer.thought.is_some() && !broken {
        let first = parts
            .iter()
            .position(|part| part["functionCall"].is_object());
        let sealed = first.unwrap_or(parts.len() - 1);
        parts[sealed]["thoughtSignature"] = json!(SEAL);
    }
    let candidates: Vec<Value> = (0..ask.choices)
        .map(|index| {
            let mut candidate = candidate(index, &parts, Some(end(answer, broken)));
            if let Some(likely) = likely::gemini(ask, &answer.pieces) {
                candidate["logprobsResult"] = likely;
                candidate["avgLogprobs"] = json!(likely::average(ask, answer));
            }
            candidate
        })
        .collect();
    body(ask, candidates, usage(answer, script, true))
}

/// The pieces of a streamed answer, and whether each of them has content that faults count.
pub fn chunks(ask: &Ask, answer: &Answer, script: &Script) -> Vec<(Value, bool)> {
    let mut chunks = Vec::new();
    let broken = script.bad_arguments && !answer.calls.is_empty();
    let usage_of = |last| usage(answer, script, last);
    for index in 0..ask.choices {
        let mut push = |part: Value| {
            let piece = part["text"].as_str().filter(|_| part["thought"] != true);
            let likely = piece.and_then(|piece| likely::gemini(ask, &[piece.to_owned()]));
            let mut candidate = candidate(index, &[part], None);
            if let Some(likely) = likely {
                candidate["logprobsResult"] = likely;
            }
            chunks.push((body(ask, vec![candidate], usage_of(false)), true));
        };
        if let Some(thought) = &answer.thought {
            push(json!({"text": thought, "thought": true}));
        }
        for piece in &answer.pieces {
            push(json!({"text": piece}));
        }
        let mut unsealed = answer.thought.is_some();
        for call in answer.calls.iter().filter(|_| !broken) {
            let mut part = called(call, script);
            if std::mem::take(&mut unsealed) {
                part["thoughtSignature"] = json!(SEAL);
            }
            push(part);
        }
        // The end comes one piece after what it ends, with an empty text that carries the seal where no call did.
        let mut last = json!({"text": ""});
        if unsealed && !broken {
            last["thoughtSignature"] = json!(SEAL);
        }
        let last = candidate(index, &[last], Some(end(answer, broken)));
        chunks.push((body(ask, vec![last], usage_of(true)), false));
    }
    chunks
}

/// An error body; also the data of an error in a stream.
pub fn error(status: u16, message: &str) -> Value {
    let kind = match status {
        400 | 405 | 413 | 422 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        409 => "ABORTED",
        429 => "RESOURCE_EXHAUSTED",
        499 => "CANCELLED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        400..500 => "FAILED_PRECONDITION",
        _ => "INTERNAL",
    };
    json!({"error": {"code": status, "message": message, "status": kind}})
}

fn called(call: &Call, script: &Script) -> Value {
    let args: Value = serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!({}));
    let mut called = json!({"name": call.name, "args": args});
    if script.call_ids {
        called["id"] = json!(call.id);
    }
    json!({"functionCall": called})
}

/// Why it ends; `broken`: the model wrote a call that cannot be read.
fn end(answer: &Answer, broken: bool) -> (&'static str, Option<&'static str>) {
    match answer.finish {
        _ if broken => (
            "MALFORMED_FUNCTION_CALL",
            Some("Malformed function call: the mock was asked for one."),
        ),
        Finish::Tool => ("STOP", Some("Model generated function call(s).")),
        Finish::Stop => ("STOP", None),
        Finish::Length => ("MAX_TOKENS", None),
        Finish::Filter => ("SAFETY", None),
    }
}

fn candidate(index: usize, parts: &[Value], end: Option<(&str, Option<&str>)>) -> Value {
    let mut candidate = json!({"content": {"parts": parts, "role": "model"}, "index": index});
    if parts.is_empty() {
        candidate["content"] = json!({});
    }
    if let Some((reason, message)) = end {
        candidate["finishReason"] = json!(reason);
        if let Some(message) = message {
            candidate["finishMessage"] = json!(message);
        }
    }
    candidate
}

fn body(ask: &Ask, candidates: Vec<Value>, usage: Option<Value>) -> Value {
    let mut body = json!({"candidates": candidates, "modelVersion": ask.model, "responseId": format!("mock-{}", ask.number())});
    if let Some(usage) = usage {
        body["usageMetadata"] = usage;
    }
    body
}

/// Token counts; before the last piece only the prompt's.
fn usage(answer: &Answer, script: &Script, last: bool) -> Option<Value> {
    let usage = &answer.usage;
    if script.no_usage {
        return None;
    }
    if let Some([prompt, output, total]) = &script.bad_usage {
        return Some(
            json!({"promptTokenCount": prompt, "candidatesTokenCount": output, "totalTokenCount": total}),
        );
    }
    let mut told = json!({"promptTokenCount": usage.prompt, "totalTokenCount": usage.prompt,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": usage.prompt}], "serviceTier": "standard"});
    if usage.cached > 0 {
        told["cachedContentTokenCount"] = json!(usage.cached);
    }
    if last {
        told["candidatesTokenCount"] = json!(usage.output - usage.reasoning);
        told["totalTokenCount"] = json!(usage.prompt + usage.output);
        if usage.reasoning > 0 {
            told["thoughtsTokenCount"] = json!(usage.reasoning);
        }
    }
    Some(told)
}
