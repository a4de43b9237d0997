//! An answer as OpenAI Chat Completions, whole or streamed. <https://platform.openai.com/docs/api-reference/chat>

use super::answer::{Answer, Finish, Usage, halves};
use super::ask::Ask;
use super::call::Call;
use super::likely;
use super::script::Script;
use super::stream::Frame;
use serde_json::{Value, json};

/// Seconds since 1970 that every answer claims: deterministic, like the rest.
pub const CREATED: u64 = 1_760_000_000;

/// The whole answer.
pub fn whole(ask: &Ask, answer: &Answer, script: &Script) -> Value {
    let choice = |index: usize| {
        let mut message = json!({"role": "assistant", "content": text(answer), "refusal": null});
        if answer.refusal {
            message = json!({"role": "assistant", "content": null, "refusal": answer.text()});
        }
        if let Some(thought) = &answer.thought {
            message["reasoning_content"] = json!(thought);
        }
        if !answer.calls.is_empty() {
            message["tool_calls"] = (0..answer.calls.len()).map(|at| call(answer, at)).collect();
        }
        json!({"index": index, "message": message, "logprobs": logprobs(ask, answer, &answer.pieces), "finish_reason": finish(answer.finish)})
    };
    let choices: Vec<Value> = (0..ask.choices).map(choice).collect();
    let mut body = envelope(ask, "chat.completion", json!(choices));
    if let Some(usage) = usage(&answer.usage, script) {
        body["usage"] = usage;
    }
    body
}

/// The stream's frames, end mark included.
pub fn frames(ask: &Ask, answer: &Answer, script: &Script) -> Vec<Frame> {
    let mut frames = Vec::new();
    let usage = usage(&answer.usage, script).filter(|_| ask.include_usage);
    let field = if answer.refusal { "refusal" } else { "content" };
    let mut push = |index: usize, delta: Value, finish: Option<&str>, content: bool| {
        let told = delta[field].as_str().filter(|told| !told.is_empty());
        let pieces: Vec<String> = told.into_iter().map(str::to_owned).collect();
        let logprobs = logprobs(ask, answer, &pieces);
        let mut chunk = envelope(
            ask,
            "chat.completion.chunk",
            json!([{"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}]),
        );
        if usage.is_some() {
            chunk["usage"] = Value::Null;
        }
        frames.push(Frame::data(&chunk, content));
    };
    for index in 0..ask.choices {
        push(
            index,
            json!({"role": "assistant", "content": if answer.calls.is_empty() { json!("") } else { Value::Null }, "refusal": null}),
            None,
            false,
        );
        if let Some(thought) = &answer.thought {
            push(index, json!({"reasoning_content": thought}), None, true);
        }
        for piece in &answer.pieces {
            push(index, json!({field: piece}), None, true);
        }
        for at in 0..answer.calls.len() {
            let (kind, field) = form(&answer.calls[at]);
            let mut begin = call(answer, at);
            begin["index"] = json!(at);
            begin[kind][field] = json!("");
            push(index, json!({"tool_calls": [begin]}), None, true);
            for piece in halves(&answer.calls[at].arguments) {
                push(
                    index,
                    json!({"tool_calls": [{"index": at, kind: {field: piece}}]}),
                    None,
                    true,
                );
            }
        }
        push(index, json!({}), Some(finish(answer.finish)), false);
    }
    if let Some(usage) = usage {
        let mut last = envelope(ask, "chat.completion.chunk", json!([]));
        last["usage"] = usage;
        frames.push(Frame::data(&last, false));
    }
    frames.push(Frame::data(&"[DONE]", false));
    frames
}

/// An error body.
pub fn error(status: u16, message: &str, param: Option<&str>, code: Option<&str>) -> Value {
    let (kind, usual) = match status {
        400 | 404 | 413 | 422 => ("invalid_request_error", None),
        401 => ("invalid_request_error", Some("invalid_api_key")),
        429 => ("requests", Some("rate_limit_exceeded")),
        _ => ("server_error", None),
    };
    json!({"error": {"message": message, "type": kind, "param": param, "code": code.or(usual)}})
}

fn envelope(ask: &Ask, object: &str, choices: Value) -> Value {
    json!({"id": format!("chatcmpl-mock-{}", ask.number()), "object": object, "created": CREATED, "model": ask.model, "service_tier": "default",
        "system_fingerprint": "gw-mock", "choices": choices})
}

/// How likely some pieces of the text were.
fn logprobs(ask: &Ask, answer: &Answer, pieces: &[String]) -> Value {
    let Some(tokens) = likely::openai(ask, pieces).filter(|tokens| !tokens.is_empty()) else {
        return Value::Null;
    };
    match answer.refusal {
        true => json!({"content": null, "refusal": tokens}),
        false => json!({"content": tokens, "refusal": null}),
    }
}

fn text(answer: &Answer) -> Option<String> {
    (answer.calls.is_empty() || !answer.pieces.is_empty()).then(|| answer.text())
}

fn call(answer: &Answer, at: usize) -> Value {
    let call = &answer.calls[at];
    let (kind, field) = form(call);
    json!({"id": format!("call_{}", call.id), "type": kind, kind: {"name": call.name, field: call.arguments}})
}

/// The kind of a call, and where its arguments are.
fn form(call: &Call) -> (&'static str, &'static str) {
    if call.custom {
        ("custom", "input")
    } else {
        ("function", "arguments")
    }
}

fn finish(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::Tool => "tool_calls",
        Finish::Filter => "content_filter",
    }
}

/// Token counts.
pub fn usage(usage: &Usage, script: &Script) -> Option<Value> {
    if script.no_usage {
        return None;
    }
    if let Some([prompt, output, total]) = &script.bad_usage {
        return Some(
            json!({"prompt_tokens": prompt, "completion_tokens": output, "total_tokens": total}),
        );
    }
    Some(
        json!({"prompt_tokens": usage.prompt, "completion_tokens": usage.output, "total_tokens": usage.prompt + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0}}),
    )
}
