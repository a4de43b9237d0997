//! An answer as a response object: its items, what it repeats of the request, its usage.

use super::SEAL;
use crate::mock::answer::{Answer, Finish, Usage};
use crate::mock::ask::Ask;
use crate::mock::likely;
use crate::mock::script::Script;
use serde_json::{Value, json};

/// Seconds since 1970 that every answer claims: deterministic, like the rest.
const CREATED: u64 = 1_760_000_000;

/// Fields of a request that its answer repeats, and what stands where the request does not have them.
const ECHOED: &[(&str, &str)] = &[
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
    ("prompt_cache_retention", "null"),
    ("reasoning", r#"{"effort":null,"summary":null}"#),
    ("safety_identifier", "null"),
    ("service_tier", r#""default""#),
    ("store", "true"),
    ("temperature", "1.0"),
    ("text", r#"{"format":{"type":"text"},"verbosity":"medium"}"#),
    ("tool_choice", r#""auto""#),
    ("tools", "[]"),
    ("top_logprobs", "0"),
    ("top_p", "1.0"),
    ("truncation", r#""disabled""#),
    ("user", "null"),
];

/// The whole answer.
pub fn whole(ask: &Ask, answer: &Answer, script: &Script) -> Value {
    let mut body = envelope(ask);
    body["output"] = json!(items(ask, answer));
    body["usage"] = usage(&answer.usage, script);
    let reason = match answer.finish {
        Finish::Length => "max_output_tokens",
        Finish::Filter => "content_filter",
        Finish::Stop | Finish::Tool => {
            body["status"] = json!("completed");
            body["completed_at"] = json!(CREATED + 1);
            return body;
        }
    };
    body["status"] = json!("incomplete");
    body["incomplete_details"] = json!({"reason": reason});
    body
}

/// A failed answer, in the form that a 200 has.
pub fn failed(ask: &Ask, message: &str, code: &str) -> Value {
    let mut body = envelope(ask);
    body["status"] = json!("failed");
    body["error"] = json!({"code": code, "message": message});
    body
}

/// The answer before anything is in it.
pub fn envelope(ask: &Ask) -> Value {
    let mut body = json!({"id": format!("resp_{}", ask.id), "object": "response", "created_at": CREATED, "completed_at": null,
        "status": "in_progress", "error": null, "incomplete_details": null, "model": ask.model, "output": [], "usage": null});
    for (name, default) in ECHOED {
        let asked = &ask.echo[*name];
        body[*name] = if asked.is_null() {
            serde_json::from_str(default).unwrap_or_default()
        } else {
            asked.clone()
        };
    }
    body
}

/// The items of an answer, each as it is when done.
pub fn items(ask: &Ask, answer: &Answer) -> Vec<Value> {
    let mut items = Vec::new();
    let id = |prefix: &str, at: usize| format!("{prefix}_{}{at:02}", ask.id);
    if compacts(ask) {
        return vec![json!({"id": id("cmp", 0), "type": "compaction", "encrypted_content": SEAL})];
    }
    let (status, phase) = match answer.finish {
        Finish::Length | Finish::Filter => ("incomplete", "final_answer"),
        Finish::Tool => ("completed", "commentary"),
        Finish::Stop => ("completed", "final_answer"),
    };
    if let Some(thought) = &answer.thought {
        let mut item = json!({"id": id("rs", 0), "type": "reasoning", "content": [], "summary": [{"type": "summary_text", "text": thought}]});
        if sealed(&ask.echo) {
            item["encrypted_content"] = json!(SEAL);
        }
        items.push(item);
    }
    if answer.calls.is_empty() || !answer.pieces.is_empty() {
        let text = match answer.refusal {
            true => json!({"type": "refusal", "refusal": answer.text()}),
            false => {
                let logprobs = likely::openai(ask, &answer.pieces).unwrap_or_default();
                json!({"type": "output_text", "annotations": [], "logprobs": logprobs, "text": answer.text()})
            }
        };
        items.push(json!({"id": id("msg", items.len()), "type": "message", "status": status, "role": "assistant", "phase": phase, "content": [text]}));
    }
    for call in &answer.calls {
        let (prefix, kind, field) = if call.custom {
            ("ctc", "custom_tool_call", "input")
        } else {
            ("fc", "function_call", "arguments")
        };
        let mut item = json!({"id": id(prefix, items.len()), "type": kind, "status": "completed", "call_id": format!("call_{}", call.id),
            "name": call.name, field: call.arguments});
        if let Some(namespace) = &call.namespace {
            item["namespace"] = json!(namespace);
        }
        items.push(item);
    }
    items
}

/// Whether the conversation is to be shortened: its last item says so.
fn compacts(ask: &Ask) -> bool {
    let last = ask.echo["input"].as_array().and_then(|input| input.last());
    last.is_some_and(|item| item["type"] == "compaction_trigger")
}

fn sealed(echo: &Value) -> bool {
    echo["include"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|name| name == "reasoning.encrypted_content")
}

/// Token counts.
pub fn usage(usage: &Usage, script: &Script) -> Value {
    if script.no_usage {
        return Value::Null;
    }
    if let Some([prompt, output, total]) = &script.bad_usage {
        return json!({"input_tokens": prompt, "output_tokens": output, "total_tokens": total});
    }
    json!({"input_tokens": usage.prompt, "input_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": usage.cache_write},
        "output_tokens": usage.output, "output_tokens_details": {"reasoning_tokens": usage.reasoning}, "total_tokens": usage.prompt + usage.output})
}
